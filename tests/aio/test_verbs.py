"""The verbs: from one call to a real file, with the default client and with one of one's own."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

import sogni_async
from sogni.sandbox import Sandbox
from sogni_async import (
    AuthenticationError,
    ClosedError,
    Completed,
    ConfigError,
    ContentWithheld,
    InsufficientFunds,
    ModelNotFound,
    Queued,
    Result,
    SogniClient,
    TooExpensive,
    ValidationError,
    WaitTimeout,
)

SMALL = (512, 512)


@pytest.fixture
def photo() -> Image.Image:
    """A picture to start from."""
    return Image.new("RGB", (64, 48), "teal")


def frame_of(sandbox: Sandbox) -> dict[str, Any]:
    """The key frame of the last order."""
    frames: Any = sandbox.submissions[-1].request["keyFrames"]
    return dict(frames[0])


def slots(sandbox: Sandbox) -> list[str]:
    """What was uploaded for the last order."""
    return sorted(upload.slot for upload in sandbox.submissions[-1].uploads)


async def saved(result: Result, folder: Path) -> Path:
    """The file of a result."""
    path = await result.save(folder)
    assert path.stat().st_size > 200
    return path


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture or a video."""
    if path.suffix == ".mp4":
        with av.open(str(path)) as movie:
            stream = movie.streams.video[0]
            return int(stream.width), int(stream.height)
    with Image.open(path) as picture:
        picture.load()
        return picture.width, picture.height


# Every verb


async def test_image(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        result = await client.image("a lighthouse", size="640x512", seed=7, timeout=30)
        path = await saved(result, tmp_path)
    assert (path.name, size_of(path)) == ("a-lighthouse-7.png", (640, 512))
    assert frame_of(sandbox)["modelID"] == "krea2_turbo_fp8_scaled"
    assert frame_of(sandbox)["steps"] == 8


async def test_image_by_the_name_of_a_size_and_a_quality(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        result = await client.image("a fox", size="portrait_9_16", quality="fast", timeout=30)
        assert size_of(await saved(result, tmp_path)) == (768, 1344)
        assert frame_of(sandbox)["modelID"] == "z_image_turbo_bf16"
        with pytest.raises(ValidationError, match=r"takes square, .*nearest: portrait_9_16"):
            await client.image("a fox", size="portrait_916", timeout=30)


async def test_edit(sandbox: Sandbox, tmp_path: Path, photo: Image.Image) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        first = await client.image("a harbour", size=SMALL, timeout=30)
        result = await client.edit("at night", [first, photo], timeout=30)
        await saved(result, tmp_path)
        assert slots(sandbox) == ["contextImage1", "contextImage2"]
        await client.edit("at night", photo, model="z_image_turbo_bf16", starting_image_strength=0.3, timeout=30)
        assert slots(sandbox) == ["startingImage"]


async def test_video(sandbox: Sandbox, tmp_path: Path, photo: Image.Image) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        result = await client.video("waves", size=SMALL, duration=1, timeout=50)
        path = await saved(result, tmp_path)
        assert (result.kind, path.suffix, size_of(path)) == ("video", ".mp4", SMALL)
        assert frame_of(sandbox)["modelID"].endswith("t2v_distilled")
        await client.video("waves", size=SMALL, duration=1, reference_image=photo, timeout=50)
        assert frame_of(sandbox)["modelID"].endswith("i2v_distilled")
        assert slots(sandbox) == ["referenceImage"]


async def test_music(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        result = await client.music("calm piano", duration=10, output_format="flac", timeout=50)
        path = await saved(result, tmp_path)
    assert path.suffix == ".flac"
    with av.open(str(path)) as sound:
        assert sound.duration == pytest.approx(10 * av.time_base, rel=0.02)


async def test_speech(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        voice = await client.speech("Hello, this is me.", speaker="ryan", output_format="wav", timeout=50)
        path = await saved(voice, tmp_path)
        assert (voice.kind, path.suffix) == ("audio", ".wav")
        await client.speech("And this is me as well.", reference_audio=path, timeout=50)
    assert "voice_clone" in frame_of(sandbox)["modelID"]
    assert slots(sandbox) == ["referenceAudio"]


async def test_upscale_a_picture(sandbox: Sandbox, tmp_path: Path, photo: Image.Image) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        result = await client.upscale(photo, size="1024x768", timeout=30)
        assert size_of(await saved(result, tmp_path)) == (1024, 768)
    frame = frame_of(sandbox)
    assert (frame["modelID"], frame["width"], frame["height"]) == ("rtx_vsr_pro", 1024, 768)


async def test_upscale_a_video(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        clip = await client.video("waves", size=(480, 480), duration=1, quality="fast", timeout=50)
        result = await client.upscale(clip, timeout=50)
        path = await saved(result, tmp_path)
        assert (result.kind, min(size_of(path))) == ("video", 1080)
        with pytest.raises(ValidationError, match="kind is needed"):
            await client.upscale(io.BytesIO(await clip.read()), timeout=50)


async def test_segment(sandbox: Sandbox, tmp_path: Path, photo: Image.Image) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        mask = await saved(await client.segment(photo, "the boat", timeout=30), tmp_path)
        assert frame_of(sandbox)["sam3Prompt"]["text"] == "the boat"
        subject = await saved(await client.segment(photo, cutout=True, timeout=30), tmp_path)
        assert frame_of(sandbox)["applyMask"] is True
    assert size_of(mask) == size_of(subject)
    with Image.open(subject) as picture:
        assert "A" in picture.getbands()


async def test_model3d(sandbox: Sandbox, tmp_path: Path, photo: Image.Image) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        result = await client.model3d(photo, timeout=30)
        path = await saved(result, tmp_path)
        assert (result.kind, path.suffix, path.read_bytes()[:4]) == ("model", ".glb", b"glTF")
        await client.model3d(photo, back_view_image=photo, timeout=30)
    assert slots(sandbox) == ["contextImage2", "startingImage"]


# What they have in common


async def test_events_and_progress_come_where_the_call_waits(sandbox: Sandbox) -> None:
    events: list[object] = []
    percents: list[int] = []
    async with SogniClient(sandbox=sandbox) as client:
        await client.image("a fox", size=SMALL, on_event=events.append, progress=percents.append, timeout=30)
    assert isinstance(events[-1], Completed)
    assert [event for event in events if isinstance(event, Queued)]
    assert percents == sorted(set(percents))
    assert percents[-1] == 100


async def test_who_only_watches_disturbs_nobody(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    percents: list[int] = []

    def careless(event: object) -> None:
        raise RuntimeError("on purpose")

    async with SogniClient(sandbox=sandbox) as client:
        await client.image("a fox", size=SMALL, on_event=careless, progress=percents.append, timeout=30)
    assert percents[-1] == 100
    assert "on_event raised" in caplog.text


async def test_progress_is_told_line_by_line(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        await client.image("a fox", size=SMALL, progress=True, timeout=30)
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines[-1] == "image: 100 %"
    assert len(lines) <= 8


async def test_a_limit_to_what_it_costs(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        with pytest.raises(TooExpensive, match=r"spark, more than the limit of 0\.001") as caught:
            await client.image("a fox", size=SMALL, max_cost="0.001", timeout=30)
        assert caught.value.cost is not None
        assert sandbox.submissions == []
        await client.image("a fox", size=SMALL, max_cost=caught.value.cost.token, timeout=30)
        assert sandbox.submissions[-1].request["tokenType"] == "spark"
        await client.image("a fox", size="square", max_cost=50, token_type="sogni", timeout=30)
        assert sandbox.submissions[-1].request["tokenType"] == "sogni"
        ordered = len(sandbox.submissions)
        with pytest.raises(ValidationError, match="depends on the video"):
            await client.upscale("clip.mp4", max_cost=1000, timeout=30)
        assert len(sandbox.submissions) == ordered


async def test_nothing_is_ordered_when_the_call_is_wrong(sandbox: Sandbox) -> None:
    wrong: dict[str, Any] = {"stesp": 3, "quality": "god"}
    async with SogniClient(sandbox=sandbox) as client:
        with pytest.raises(ValidationError) as caught:
            await client.image("", size="huge!", **wrong)
        assert {problem.field for problem in caught.value.problems} >= {"prompt", "quality", "stesp"}
        with pytest.raises(ModelNotFound, match="krea3"):
            await client.image("a fox", model="krea3", timeout=30)
        assert sandbox.submissions == []
        assert not [entry for entry in sandbox.log if entry.method == "PUT"]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("progress", 5),
        ("progress", "yes"),
        ("on_event", 5),
        ("size", ("\u00b2", "\u00b2")),
        ("size", (10**30, 10**30)),
        ("size", object()),
        ("quality", ["best"]),
        ("max_cost", object()),
        ("max_cost", "lots"),
        ("model", 5),
    ],
)
async def test_what_is_no_value(sandbox: Sandbox, field: str, wrong: Any) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        with pytest.raises(ValidationError, match=field):
            await client.image("a fox", timeout=30, **{field: wrong})
    assert sandbox.submissions == []


async def test_a_verb_needs_its_file(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        for call in (client.segment, client.model3d):
            with pytest.raises(ValidationError, match="must be given, not True"):
                await call(True, timeout=30)
        with pytest.raises(ValidationError, match="must be given, not True"):
            await client.edit("at night", [True], timeout=30)
    assert sandbox.submissions == []


async def test_how_it_ends_badly(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        sandbox.script(withhold=[0])
        with pytest.raises(ContentWithheld):
            await client.image("a fox", size=SMALL, timeout=30)
        sandbox.fail_next("insufficient_funds")
        with pytest.raises(InsufficientFunds):
            await client.image("a fox", size=SMALL, timeout=30)


async def test_a_timeout_leaves_it_running_and_says_its_id(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    async with SogniClient(sandbox=sandbox) as client:
        with pytest.raises(WaitTimeout) as caught:
            await client.image("a fox", size=SMALL, timeout=3)
        assert caught.value.project_id is not None
        sandbox.release()
        project = await client.projects.resume(caught.value.project_id)
        assert len(await project.wait(timeout=30)) == 1


# The verbs of the package


class Untouched:
    """The default client is what the environment says, before and after."""

    async def __aenter__(self) -> None:
        await sogni_async.configure()

    async def __aexit__(self, *_: object) -> None:
        await sogni_async.configure()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any account."""
    monkeypatch.delenv("SOGNI_API_KEY", raising=False)
    monkeypatch.delenv("SOGNI_SANDBOX_URL", raising=False)
    return monkeypatch


async def test_the_package_has_the_verbs_on_a_client_of_its_own(sandbox: Sandbox) -> None:
    async with Untouched():
        await sogni_async.configure(sandbox=sandbox)
        await sogni_async.image("a fox", size=SMALL, timeout=30)
        await sogni_async.image("an owl", size=SMALL, timeout=30)
    assert [order.prompt for order in sandbox.submissions] == ["a fox", "an owl"]
    assert len([entry for entry in sandbox.log if entry.kind == "open"]) == 1


async def test_the_environment_decides_where_it_is(sandbox: Sandbox, environment: pytest.MonkeyPatch) -> None:
    async with Untouched():
        environment.setenv("SOGNI_SANDBOX_URL", sandbox.url)
        await sogni_async.image("a fox", size=SMALL, timeout=30)
    assert len(sandbox.submissions) == 1


async def test_without_an_account_it_says_what_to_set(environment: pytest.MonkeyPatch) -> None:
    async with Untouched():
        with pytest.raises(AuthenticationError, match=r"SOGNI_API_KEY.*configure.*sandbox=True"):
            await sogni_async.image("a fox")


async def test_setting_up_anew_closes_the_client_so_far(sandbox: Sandbox) -> None:
    async with Untouched():
        await sogni_async.configure(sandbox=sandbox)
        result = await sogni_async.image("a fox", size=SMALL, timeout=30)
        with pytest.raises(ConfigError, match="network is 'slow'"):
            await sogni_async.configure(network="slow")
        assert len(await result.read()) > 200
        await sogni_async.configure()
        with pytest.raises(ClosedError):
            await result.read()


@pytest.mark.parametrize("name", ["image", "edit", "video", "music", "speech", "upscale", "segment", "model3d"])
def test_every_verb_is_there_twice(name: str) -> None:
    of_the_package: Callable[..., object] = getattr(sogni_async, name)
    assert of_the_package.__doc__ == getattr(SogniClient, name).__doc__
    assert name in sogni_async.__all__
