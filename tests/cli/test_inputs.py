"""What is given to a command is looked at before anything is ordered: files, sizes, counts, and where outputs go."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from sogni.cli import sizes
from sogni.cli.exits import CommandError
from sogni.cli.media import photo
from sogni.cli.target import Target
from sogni.sandbox import Sandbox

PIXELS = (1600, 900)


@pytest.fixture
def given(folder: Path) -> Path:
    """A folder of files that are pictures, and of some that are none."""
    picture = Image.new("RGB", PIXELS, "teal")
    picture.save(folder / "wide.jpg")
    turned = picture.getexif()
    turned[0x0112] = 6
    picture.save(folder / "turned.jpg", exif=turned)
    (folder / "half.jpg").write_bytes((folder / "wide.jpg").read_bytes()[:3000])
    (folder / "begins.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (folder / "text.jpg").write_text("This is a text.\n" * 20)
    (folder / "mk.py").write_text("print(1)\n")
    (folder / "garbage.jpg").write_bytes(bytes(range(256)) * 4)
    (folder / "empty.jpg").touch()
    return folder


NO_PICTURES = {
    "text.jpg": "not a picture",
    "mk.py": "not a picture",
    "garbage.jpg": "not a picture",
    "half.jpg": "damaged",
    "begins.png": "damaged",
    "empty.jpg": "is empty",
    "..": "is a folder",
    "nowhere.png": "there is no file",
    "http://127.0.0.1/a.png": "https",
    "data:image/png;base64,AAAA": "there is no file",
}


def test_a_photo_that_is_none(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(given)
    for name, words in NO_PICTURES.items():
        with pytest.raises(CommandError, match=words) as caught:
            photo(name, "--photo")
        assert caught.value.message.startswith("--photo")


def test_nothing_is_uploaded_for_a_photo_that_is_none(shell, net: Sandbox, given: Path) -> None:
    ran = shell("image", "a fox", "--photo", "text.jpg")
    assert (ran.code, ran.out, ran.err) == (2, "", "sogni: --photo: text.jpg is not a picture.\n")
    assert not net.submissions
    assert not net.uploads


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in its file system")
def test_a_pipe_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CommandError, match="is a pipe or a device"):
        photo(str(tmp_path / "pipe"), "--photo")


@pytest.mark.parametrize("name", ["text.jpg", "https://127.0.0.1/a.png"])
def test_the_demo_looks_at_the_photo_first(offline, given: Path, name: str) -> None:
    ran = offline("demo", "--photo", name)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert ran.err.startswith("sogni: --photo")
    assert not (given / "sogni-demo").exists()


def test_what_is_no_recording_and_no_video(shell, net: Sandbox, given: Path) -> None:
    for tokens, words in (
        (["video", "waves", "--audio", "wide.jpg"], "--audio: wide.jpg is not a recording but image/jpeg."),
        (["video", "waves", "--video", "wide.jpg"], "--video: wide.jpg is not a video but image/jpeg."),
        (["video", "waves", "--end-photo", "mk.py"], "--end-photo: mk.py is not a picture."),
        (["audio", "hello", "--audio", "text.jpg"], "--audio: text.jpg is not a recording."),
        (["edit", "night", "--photo", "wide.jpg", "--photo", "mk.py"], "--photo: mk.py is not a picture."),
        (["upscale", "mk.py"], "FILE: mk.py is not a picture or a video."),
    ):
        ran = shell(*tokens)
        assert (ran.code, ran.err) == (2, f"sogni: {words}\n")
    assert not net.submissions


def test_other_picture_formats_are_left_to_the_network(tmp_path: Path) -> None:
    heic = tmp_path / "phone.heic"
    heic.write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64))
    assert photo(str(heic), "--photo").size is None
    bmp = tmp_path / "old.bmp"
    Image.new("RGB", (30, 20)).save(bmp)
    assert photo(str(bmp), "--photo").size == (30, 20)
    address = "https://example.com/a.png"
    assert (photo(address, "--photo").given, photo(address, "--photo").size) == (address, None)


# --- sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "size"), [("wide.jpg", (1360, 768)), ("turned.jpg", (768, 1360))])
def test_the_shape_of_the_photo_is_kept(shell, given: Path, name: str, size: tuple[int, int]) -> None:
    ran = shell("image", "a fox", "--photo", name)
    assert ran.code == 0
    with Image.open(given / ran.lines[0]) as picture:
        assert picture.size == size


def test_a_size_that_is_given_wins_over_the_shape(shell, given: Path) -> None:
    ran = shell("image", "a fox", "--photo", "wide.jpg", "--size", "512x512")
    with Image.open(given / ran.lines[0]) as picture:
        assert picture.size == (512, 512)


def test_the_demo_keeps_the_shape_of_the_photo(offline, given: Path) -> None:
    assert offline("demo", "--photo", "turned.jpg").code == 0
    with Image.open(given / "sogni-demo" / "from-photo.png") as picture:
        assert picture.size == (768, 1360)


@pytest.mark.parametrize("pair", [(1, 1), (16, 9), (9, 16), (4000, 3000), (2, 3), (10_000, 100), (1, 50), (7, 5)])
@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"area": 512 * 512},
        {"area": 1280 * 768, "low": 480, "high": 2560, "grid": 64},
        {"area": 1_032_192, "low": 32, "high": 1344, "grid": 32},
    ],
)
def test_shapes_fit_into_what_a_model_takes(pair: tuple[int, int], limits: dict[str, float]) -> None:
    bounds = {"area": 1024 * 1024, "low": 256, "high": 2048, "grid": 16, **limits}
    width, height = sizes.fit(pair, **limits)  # type: ignore[arg-type]
    for edge in (width, height):
        assert bounds["low"] <= edge <= bounds["high"]
        assert edge % bounds["grid"] == 0
    assert width * height <= bounds["area"]
    if 0.4 < pair[0] / pair[1] < 2.5:
        assert width / height == pytest.approx(pair[0] / pair[1], rel=0.05)
        assert width * height > 0.75 * bounds["area"]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["image", "a fox", "-n", "0"], ["-n", ">= 1"]),
        (["image", "a fox", "-n", "-1"], ["-n", ">= 1"]),
        (["image", "a fox", "--count", "1000"], ["--count", "512"]),
        (["estimate", "image", "-n", "0"], ["-n"]),
        (["image", "a fox", "--size", "huge"], ["--size", "huge", "WIDTHxHEIGHT", "landscape_16_9"]),
        (["image", "a fox", "--size", "squar"], ["--size", "Did you mean square"]),
        (["image", "a fox", "--size", "0x0"], ["--size", "WIDTHxHEIGHT"]),
        (["image", "a fox", "--size", "1024"], ["--size", "WIDTHxHEIGHT"]),
        (["estimate", "image", "--size", "huge"], ["--size", "landscape_16_9"]),
        (["video", "waves", "--size", "square"], ["--size", "WIDTHxHEIGHT"]),
        (["image", "a fox", "--format", "gif"], ["--format", "png", "webp"]),
        (["image", "a fox", "--strength", "2"], ["--strength"]),
        (["image", "a fox", "--steps", "0"], ["--steps"]),
        (["image", "a fox", "--previews", "-1"], ["--previews"]),
        (["image", "a fox", "--model", "krea2_turbo"], ["krea2_turbo", "Did you mean krea2_turbo_fp8_scaled"]),
        (["image", "a fox", "--model", "wan_v2.2-14b-fp8_t2v"], ["--model", "`sogni video`"]),
        (["edit", "night"], ["--photo"]),
        (["audio", "calm", "--lyrics", "la", "--voice", "serena"], ["--lyrics", "--voice"]),
        (["audio", "calm", "--speech", "--duration", "3"], ["--duration", "--speech"]),
        (["audio", "hello", "--audio-text", "la"], ["--audio-text"]),
    ],
)
def test_values_that_cannot_be(shell, net: Sandbox, tokens: list[str], words: list[str]) -> None:
    ran = shell(*tokens)
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    for word in words:
        assert word in ran.err
    assert not net.submissions


# --- where outputs go -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "real"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("b/a.JPEG", "JPEG"), ("a.webp", "WEBP")]
)
def test_the_name_chooses_the_format(shell, folder: Path, name: str, real: str) -> None:
    ran = shell("image", "a fox", "-o", name)
    assert ran.lines == [str(Path(name))]
    with Image.open(folder / name) as picture:
        assert picture.format == real


def test_the_content_decides_where_the_model_does(shell, given: Path) -> None:
    """Cut-outs are always PNG, whatever is asked for."""
    tokens = ("--model", "birefnet_image_background_removal_fp16", "--photo", "wide.jpg", "-o", "mask.jpg")
    ran = shell("image", "a fox", *tokens)
    assert ran.lines == ["mask.png"]


@pytest.mark.parametrize(
    ("name", "kinds", "chosen", "words"),
    [
        ("fox.gif", ["image"], None, "nothing is saved as .gif here; what there is: .png, .jpg, .jpeg, .webp"),
        ("fox.mp4", ["image"], None, "what there is: .png"),
        ("fox.jpg", ["image"], "png", "ends in .jpg, but --format is png"),
        ("v.png", ["video"], None, "what there is: .mp4, .mov"),
        ("a.ogg", ["audio"], None, "what there is: .mp3, .flac, .wav"),
        ("v1.2", ["image"], None, "If it is meant as a folder, write v1.2/"),
    ],
)
def test_names_that_cannot_be(name: str, kinds: list[str], chosen: str | None, words: str) -> None:
    with pytest.raises(CommandError) as caught:
        Target.parse(name).format(kinds, chosen)
    assert words in str(caught.value)
    assert caught.value.message.startswith("-o")


@pytest.mark.parametrize("command", [["image", "a fox"], ["wait", "00000000-0000-4000-8000-000000000000"]])
def test_nothing_is_ordered_for_names_that_cannot_be(shell, net: Sandbox, given: Path, command: list[str]) -> None:
    for name, words in (("a.ogx", ".png"), ("mk.py/deeper", "mk.py is a file")):
        ran = shell(*command, "-o", name)
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
        assert ran.err.startswith("sogni: -o")
        assert words in ran.err
    assert not net.submissions


def test_3d_models_have_an_ending_of_their_own(shell, net: Sandbox, given: Path) -> None:
    tokens = ("--model", "pixal3d_int8_i23d", "--photo", "wide.jpg")
    assert shell("image", "a fox", *tokens, "-o", "fox.glb").lines == ["fox.glb"]
    assert "what there is: .glb." in shell("image", "a fox", *tokens, "-o", "fox.png").err
    assert "what there is: .png" in shell("image", "a fox", "-o", "fox.glb").err
    assert len(net.submissions) == 1


def test_a_folder_may_look_like_a_file(shell, folder: Path) -> None:
    (folder / "v1.2").mkdir()
    (line,) = shell("image", "a fox", "-o", "v1.2").lines
    assert Path(line).parent == Path("v1.2")
    (line,) = shell("image", "a fox", "-o", "v1.3/").lines
    assert Path(line).parent == Path("v1.3")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a place that even root cannot write to")
def test_a_place_where_nothing_can_be_made() -> None:
    with pytest.raises(CommandError, match="nothing can be written into /proc"):
        Target.parse("/proc/deeper").check()


def test_checking_leaves_nothing_behind(folder: Path) -> None:
    Target.parse(str(folder / "new" / "a.png")).check()
    assert not list(folder.iterdir())


def test_what_could_not_be_saved_can_be_fetched_again(shell, net: Sandbox, folder: Path) -> None:
    net.script(hold_at="progress:3")
    process = shell.start("image", "a fox", "-o", "out")
    assert process.stderr is not None
    assert any("rendering" in line for line in process.stderr)
    (folder / "out").write_text("in the way since")
    net.release()
    _, err = process.communicate(timeout=30)
    project_id = net.submissions[0].project_id
    assert process.returncode == 1
    assert err.splitlines()[-1].endswith(f"The output is there; to fetch it again: sogni wait {project_id} -o out")
    assert shell("wait", project_id, "-o", "elsewhere").code == 0
