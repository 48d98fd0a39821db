"""`sogni demo`, from beginning to end."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat

FILES = ["picture.png", "from-photo.png", "clip.mp4", "song.mp3"]


def files_below(folder: Path) -> set[str]:
    """Everything that was written."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def opened(path: Path) -> Image.Image:
    """A picture, complete in memory."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def test_demo(offline, folder: Path) -> None:
    ran = offline("demo")
    assert ran.code == 0
    paths = [Path("sogni-demo", name) for name in FILES]
    assert ran.lines == list(map(str, paths))
    assert files_below(folder.parent) == {f"here/sogni-demo/{name}" for name in FILES}

    picture, from_photo = opened(folder / paths[0]), opened(folder / paths[1])
    assert picture.size == from_photo.size == (1024, 1024)
    for each in (picture, from_photo):
        assert min(ImageStat.Stat(each).stddev) > 10  # a picture, not a surface
    assert ImageChops.difference(picture, from_photo).getbbox() is not None

    with av.open(str(folder / paths[2])) as clip:
        assert sum(1 for _ in clip.decode(video=0)) >= 30
    with av.open(str(folder / paths[3])) as song:
        heard = sum(frame.samples for frame in song.decode(audio=0)) / song.streams.audio[0].rate
        assert 9.5 < heard < 10.5

    steps = [line for line in ran.err.splitlines() if line[:2] in ("1.", "2.", "3.", "4.")]
    assert len(steps) == 4
    assert ran.err.count(": done") == 4

    # The Python that it prints makes the same files.
    title = "This Python makes the same:"
    program = ran.err.partition(title)[2]
    for path in paths:
        (folder / path).unlink()
    again = offline.python("-c", program)
    assert (again.code, again.err) == (0, "")
    assert again.lines == ran.lines
    assert files_below(folder.parent) == {f"here/sogni-demo/{name}" for name in FILES}


def test_demo_again_with_a_photograph(offline, folder: Path) -> None:
    Image.new("RGB", (640, 480), "red").save(folder / "it's red.jpg")
    for _ in range(2):
        ran = offline("demo", "--photo", "it's red.jpg", "-o", "de mo", "--json")
        assert ran.code == 0
    assert files_below(folder) == {"it's red.jpg", *(f"de mo/{name}" for name in FILES)}
    red, _, blue = ImageStat.Stat(opened(folder / "de mo" / "from-photo.png")).mean
    assert red > blue
    (program,) = [entry["code"] for entry in ran.entries if entry["event"] == "program"]
    again = offline.python("-c", program)
    assert (again.code, again.err) == (0, "")


def test_demo_without_the_media_library(offline, folder: Path) -> None:
    ran = offline.python(
        "-c",
        "import importlib.util, sys\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'av' else real(name, *rest)\n"
        "from sogni.cli import main\n"
        "sys.exit(main(['demo']))",
    )
    assert ran.code == 0
    assert files_below(folder) == {"sogni-demo/picture.png", "sogni-demo/from-photo.png"}
    assert ran.err.count('python -m pip install "sogni[sandbox]"') == 2
    assert "clip" not in ran.err.partition("This Python")[2]


def test_demo_needs_nothing_of_the_environment(offline, folder: Path) -> None:
    ran = offline(
        "demo",
        "--quiet",
        SOGNI_API_KEY="a real key",
        SOGNI_SANDBOX_URL="http://127.0.0.1:9",
        SOGNI_REST_ENDPOINT="http://127.0.0.1:9",
    )
    assert (ran.code, ran.err) == (0, "")
    assert len(ran.lines) == 4


@pytest.mark.parametrize("blocked", ["file", "folder"])
def test_demo_where_it_cannot_write(offline, folder: Path, blocked: str) -> None:
    if blocked == "file":
        (folder / "sogni-demo").write_text("in the way")
        ran = offline("demo")
    else:
        ran = offline("demo", "-o", "/dev/null/demo")
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith("sogni: ")
    assert "Traceback" not in ran.err


def test_demo_for_a_program(offline) -> None:
    ran = offline("demo", "--json")
    assert [entry["path"] for entry in ran.entries if entry["event"] == "finished"] == [
        str(Path("sogni-demo", name)) for name in FILES
    ]
    json.dumps(ran.entries)
