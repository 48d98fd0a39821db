"""`sogni demo`, from beginning to end."""

from __future__ import annotations

from pathlib import Path

import av
from PIL import Image, ImageChops, ImageStat

FILES = ["picture.png", "from-photo.png", "clip.mp4", "song.mp3"]


def files_below(folder: Path) -> set[str]:
    """Everything that was written."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def opened(path: Path) -> Image.Image:
    """A picture, complete in memory."""
    with Image.open(path) as picture:
        converted: Image.Image = picture.convert("RGB")
        return converted


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
    made = {f"here/sogni-demo/{name}" for name in FILES}
    assert files_below(folder.parent) == made | {f"{name}.json" for name in made}


def test_demo_with_a_photograph_for_a_program(offline, folder: Path) -> None:
    Image.new("RGB", (640, 480), "red").save(folder / "it's red.jpg")
    (folder / "de mo").mkdir()
    (folder / "de mo" / "picture.png").write_text("of the last time")
    # Nothing of the environment counts: the demo brings its own network.
    elsewhere = {"SOGNI_API_KEY": "a real key", "SOGNI_SANDBOX_URL": "http://127.0.0.1:9"}
    ran = offline("demo", "--photo", "it's red.jpg", "-o", "de mo", "--json", **elsewhere)
    assert (ran.code, ran.err) == (0, "")
    assert files_below(folder) == {"it's red.jpg", *(f"de mo/{name}" for name in FILES)}
    red, _, blue = ImageStat.Stat(opened(folder / "de mo" / "from-photo.png")).mean
    assert red > blue
    finished = [entry["path"] for entry in ran.entries if entry["event"] == "finished"]
    assert finished == [str(Path("de mo", name)) for name in FILES]
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


def test_demo_where_it_cannot_write(offline, folder: Path) -> None:
    (folder / "sogni-demo").write_text("in the way")
    ran = offline("demo")
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert line.startswith("sogni: -o: sogni-demo cannot be a folder")
