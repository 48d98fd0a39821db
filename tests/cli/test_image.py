"""`sogni image` and `sogni wait`: what is ordered, what is saved, and where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from sogni import ImageParams
from sogni.cli.target import Target
from sogni.events import Preview
from sogni.sandbox import Sandbox


def test_every_option_reaches_the_network(shell, net: Sandbox) -> None:
    ran = shell(
        *("image", "a fox", "-n", "2", "--model", "z_image_turbo_bf16", "--size", "768x512", "--seed", "7"),
        *("--steps", "6", "--negative", "rain", "--format", "jpg", "--previews", "3", "--token", "sogni"),
    )
    assert ran.code == 0
    order = net.submissions[0]
    frame = order.keyframe
    assert (order.prompt, order.model_id, order.number_of_media) == ("a fox", "z_image_turbo_bf16", 2)
    assert (frame["width"], frame["height"], frame["seed"], frame["steps"]) == (768, 512, 7, 6)
    assert frame["negativePrompt"] == "rain"
    assert order.request["outputFormat"] == "jpg"
    assert order.request["previews"] == 3
    assert order.request["tokenType"] == "sogni"


def test_pictures_are_saved_and_their_paths_printed(shell, folder: Path) -> None:
    ran = shell("image", "a fox in snow", "-n", "3", "-o", "out", "--size", "512x384")
    assert ran.code == 0
    assert len(ran.lines) == len(set(ran.lines)) == 3
    for line in ran.lines:
        assert line.startswith(str(Path("out", "a-fox-in-snow-")))
        with Image.open(folder / line) as picture:
            assert (picture.format, picture.size) == ("PNG", (512, 384))


@pytest.mark.parametrize(("chosen", "real"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
def test_formats(shell, folder: Path, chosen: str, real: str) -> None:
    ran = shell("image", "a fox", "--format", chosen)
    with Image.open(folder / ran.lines[0]) as picture:
        assert picture.format == real


def test_a_file_name(shell) -> None:
    ran = shell("image", "a fox", "-n", "2", "-o", "foxes/fox.png")
    assert ran.lines == [str(Path("foxes/fox.png")), str(Path("foxes/fox-2.png"))]


def test_a_preset(shell, net: Sandbox, folder: Path) -> None:
    ran = shell("image", "a fox", "--size", "landscape_16_9")
    assert net.submissions[0].keyframe["sizePreset"] == "landscape_16_9"
    with Image.open(folder / ran.lines[0]) as picture:
        assert picture.size == (1344, 768)


@pytest.mark.parametrize("option", ["--photo", "--starting-image"])
def test_from_a_photograph(shell, net: Sandbox, folder: Path, option: str) -> None:
    Image.new("RGB", (64, 64), "red").save(folder / "red.png")
    ran = shell("image", "a fox", option, "red.png", "--strength", "0.25")
    assert ran.code == 0
    order = net.submissions[0]
    assert [upload.slot for upload in order.uploads] == ["startingImage"]
    assert order.uploads[0].read() == (folder / "red.png").read_bytes()


def test_previews_are_saved(shell, net: Sandbox, folder: Path) -> None:
    net.script(hold_at="preview")
    process = shell.start("image", "a fox", "--previews", "2", "-o", "out", "--json")
    assert process.stdout is not None
    paths = []
    for line in process.stdout:
        entry = json.loads(line)
        if entry["event"] == "preview":
            paths.append(entry["path"])
            net.release()
        elif entry["event"] == "finished":
            paths.append(entry["path"])
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(Path(path).name for path in paths if path)
    assert Path(paths[0]).name.startswith("preview-")
    assert Path(paths[0]).name.endswith("-1.jpg")


def test_each_preview_has_a_name_of_its_own(net: Sandbox, tmp_path: Path) -> None:
    net.script(hold_at="preview")
    order = ImageParams("a fox", model_id="krea2_turbo_fp8_scaled", number_of_previews=2)
    with net.client() as client:
        project = client.projects.create(order)
        with project.events(timeout=30) as events:
            preview = next(event for event in events if isinstance(event, Preview))
        target = Target.parse(str(tmp_path / "fox.png"))
        saved = [target.save_preview(preview.image, number) for number in (1, 2)]
        net.release()
        project.wait(timeout=30)
    assert sorted(tmp_path.iterdir()) == saved
    assert len(saved) == 2


def test_detach_and_wait(shell, net: Sandbox, folder: Path) -> None:
    ran = shell("image", "a fox", "-n", "2", "--detach")
    assert ran.code == 0
    (project_id,) = ran.lines
    assert project_id == net.submissions[0].project_id
    assert not list(folder.iterdir())
    net.wait_for(lambda: net.project(project_id)["status"] == "completed")
    ran = shell("wait", project_id.lower(), "-o", "later")
    assert ran.code == 0
    assert len(ran.lines) == len(list((folder / "later").iterdir())) == 2


def test_detach_tells_of_a_refusal(shell, net: Sandbox) -> None:
    net.fail_next("insufficient_funds")
    ran = shell("image", "a fox", "--detach")
    assert (ran.code, ran.out) == (4, "")


def test_detach_needs_a_sandbox_that_stays(offline) -> None:
    ran = offline("image", "a fox", "--detach", "--sandbox")
    assert ran.code == 2
    assert "sogni sandbox serve" in ran.err


def test_a_sandbox_of_its_own(offline, folder: Path) -> None:
    ran = offline("--sandbox", "image", "a fox")
    assert ran.code == 0
    with Image.open(folder / ran.lines[0]) as picture:
        picture.load()


def test_odd_values_are_warned_about(shell, net: Sandbox) -> None:
    ran = shell("image", "a fox", "--steps", "99")
    assert ran.code == 0
    (warning,) = [line for line in ran.err.splitlines() if "steps" in line]
    assert warning.startswith("Warning: --steps 99")


def test_a_key_stays_unused_while_a_sandbox_is_named(shell, net: Sandbox) -> None:
    ran = shell("image", "a fox", "--json", SOGNI_API_KEY="a real key", SOGNI_LOG="debug")
    assert ran.code == 0
    assert net.submissions
    assert "a real key" not in f"{net.log}{ran.out}{ran.err}"
