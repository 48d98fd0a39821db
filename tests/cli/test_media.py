"""`sogni video`, `audio`, `edit` and `upscale`: what is ordered, and what is saved."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from PIL import Image

from sogni.sandbox import Sandbox


@pytest.fixture
def photo(folder: Path) -> Path:
    """A wide picture in the folder where commands run."""
    Image.new("RGB", (1600, 900), "teal").save(folder / "wide.jpg")
    return folder / "wide.jpg"


@pytest.fixture
def recording(shell, net: Sandbox, folder: Path) -> Path:
    """A recording in the folder where commands run."""
    assert shell("audio", "calm piano", "--duration", "10", "-o", "piano.flac").code == 0
    net.reset()
    return folder / "piano.flac"


@pytest.fixture
def movie(shell, net: Sandbox, folder: Path) -> Path:
    """A video in the folder where commands run."""
    assert shell("video", "waves", "--duration", "1", "-o", "waves.mp4").code == 0
    net.reset()
    return folder / "waves.mp4"


def test_a_video(shell, net: Sandbox, folder: Path) -> None:
    ran = shell("video", "waves", "--duration", "2", "--fps", "16", "--size", "480x640", "--seed", "7", "-o", "v.mp4")
    assert (ran.code, ran.lines) == (0, ["v.mp4"])
    frame = net.submissions[0].keyframe
    assert (frame["width"], frame["height"], frame["frames"], frame["seed"]) == (480, 640, 33, 7)
    with av.open(str(folder / "v.mp4")) as made:
        assert (made.streams.video[0].width, made.streams.video[0].height) == (480, 640)


@pytest.mark.parametrize(
    ("tokens", "slots", "model"),
    [
        ([], [], "t2v"),
        (["--photo", "wide.jpg"], ["referenceImage"], "i2v"),
        (["--end-photo", "wide.jpg"], ["referenceImageEnd"], "i2v"),
        (["--photo", "wide.jpg", "--end-photo", "wide.jpg"], ["referenceImage", "referenceImageEnd"], "i2v"),
        (["--audio", "piano.flac"], ["referenceAudio"], "a2v"),
        (["--audio", "piano.flac", "--photo", "wide.jpg"], ["referenceAudio", "referenceImage"], "ia2v"),
    ],
)
def test_what_a_video_starts_from_chooses_the_model(
    shell, net: Sandbox, photo: Path, recording: Path, tokens: list[str], slots: list[str], model: str
) -> None:
    ran = shell("video", "waves", "--duration", "1", *tokens)
    assert ran.code == 0
    order = net.submissions[0]
    assert f"_{model}" in order.model_id
    assert sorted(upload.slot for upload in order.uploads) == slots
    if "wide.jpg" in tokens:
        width, height = int(str(order.keyframe["width"])), int(str(order.keyframe["height"]))
        assert width / height == pytest.approx(16 / 9, rel=0.03)


def test_a_video_from_a_video(shell, net: Sandbox, movie: Path) -> None:
    assert shell("video", "as a drawing", "--video", "waves.mp4", "--duration", "1").code == 0
    assert net.submissions[0].uploads[0].read() == movie.read_bytes()


def test_music(shell, net: Sandbox, folder: Path) -> None:
    tokens = ("--lyrics", "la la", "--bpm", "90", "--key", "A minor", "--time-signature", "3", "--language", "en")
    ran = shell("audio", "calm piano", "--duration", "10", *tokens, "-o", "song.wav")
    assert (ran.code, ran.lines) == (0, ["song.wav"])
    frame = net.submissions[0].keyframe
    assert (frame["lyrics"], frame["bpm"], frame["keyscale"], frame["timesignature"]) == ("la la", 90, "A minor", "3")
    assert (folder / "song.wav").read_bytes()[:4] == b"RIFF"


@pytest.mark.parametrize(
    ("tokens", "model", "fields"),
    [
        (["--speech"], "custom_voice", {}),
        (["--voice", "ryan", "--manner", "softly"], "custom_voice", {"speaker": "ryan", "instruct": "softly"}),
        (["--manner", "an old man"], "voice_design", {"instruct": "an old man"}),
        (["--audio", "piano.flac", "--audio-text", "la"], "voice_clone", {"referenceText": "la"}),
    ],
)
def test_speech(shell, net: Sandbox, recording: Path, tokens: list[str], model: str, fields: dict[str, object]) -> None:
    ran = shell("audio", "Hello there.", *tokens)
    assert ran.code == 0
    order = net.submissions[0]
    assert (order.prompt, model in order.model_id) == ("Hello there.", True)
    assert {name: order.keyframe.get(name) for name in fields} == fields
    assert [upload.slot for upload in order.uploads] == (["referenceAudio"] if "--audio" in tokens else [])


def test_an_edit(shell, net: Sandbox, photo: Path) -> None:
    ran = shell("edit", "make it night", "--photo", "wide.jpg", "--photo", "wide.jpg", "-n", "2")
    assert (ran.code, len(ran.lines)) == (0, 2)
    order = net.submissions[0]
    assert sorted(upload.slot for upload in order.uploads) == ["contextImage1", "contextImage2"]
    with Image.open(photo.parent / ran.lines[0]) as picture:
        assert picture.size == (1360, 768)


@pytest.mark.parametrize(
    ("tokens", "size"), [([], (3200, 1800)), (["--scale", "3"], (4800, 2704)), (["--size", "2000x1000"], (2000, 1000))]
)
def test_a_larger_picture(shell, net: Sandbox, photo: Path, tokens: list[str], size: tuple[int, int]) -> None:
    ran = shell("upscale", "wide.jpg", *tokens)
    assert (ran.code, ran.lines) == (0, ["wide-upscaled.png"])
    frame = net.submissions[0].keyframe
    assert (frame["width"], frame["height"], frame["positivePrompt"]) == (*size, "")


def test_a_larger_video(shell, net: Sandbox, movie: Path) -> None:
    ran = shell("upscale", "waves.mp4", "--detail", "sharper", "--speed", "faster")
    assert (ran.code, ran.lines) == (0, ["waves-upscaled.mp4"])
    frame = net.submissions[0].keyframe
    assert (frame["upscaleResolution"], frame["detailPreference"], frame["processingSpeed"]) == (
        1080,
        "sharper",
        "faster",
    )
    with av.open(str(movie.parent / "waves-upscaled.mp4")) as made:
        assert min(made.streams.video[0].width, made.streams.video[0].height) == 1080


def test_what_is_for_the_other_kind(shell, net: Sandbox, photo: Path, movie: Path) -> None:
    for tokens, words in (
        (["waves.mp4", "--scale", "2"], "--scale is for pictures"),
        (["wide.jpg", "--resolution", "1080"], "--resolution is for videos"),
        (["waves.mp4", "--max-cost", "1"], "--max-cost"),
        (["wide.jpg", "-o", "a.mp4"], ".mp4"),
    ):
        ran = shell("upscale", *tokens)
        assert ran.code == 2
        assert words in ran.err
    assert not net.submissions


@pytest.mark.parametrize(
    "tokens",
    [
        ["edit", "night", "--photo", "wide.jpg"],
        ["upscale", "wide.jpg"],
        ["video", "waves", "--photo", "wide.jpg"],
        ["audio", "calm"],
        ["audio", "Hello there, you.", "--speech"],
    ],
)
def test_all_of_them_keep_the_limit(shell, net: Sandbox, photo: Path, tokens: list[str]) -> None:
    ran = shell(*tokens, "--max-cost", "0.001")
    assert ran.code == 4
    assert "more than --max-cost 0.001. Nothing was ordered." in ran.err
    assert not net.submissions


@pytest.mark.parametrize("tokens", [["video", "waves"], ["audio", "calm"], ["upscale", "wide.jpg"]])
def test_all_of_them_detach(shell, net: Sandbox, photo: Path, tokens: list[str]) -> None:
    ran = shell(*tokens, "--detach", "--json")
    (entry,) = ran.entries
    assert (entry["event"], entry["project_id"]) == ("submitted", net.submissions[0].project_id)
    net.wait_for(lambda: net.project(entry["project_id"])["status"] == "completed")
    assert shell("wait", entry["project_id"], "-o", "later").code == 0
