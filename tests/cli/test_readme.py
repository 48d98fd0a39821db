"""Every block of the README and every example does what it says, on its own, in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from sogni.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in a page of Markdown."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


PYTHON = blocks(README, "python")
COMMANDS = [
    line
    for block in blocks(README, "console")
    for line in block.splitlines()
    if line.startswith("sogni ") and " serve " not in line
]


def name(code: str) -> str:
    """A block by its last call or assertion, for the list of tests."""
    return re.sub(r"\W+", "-", code.strip().splitlines()[-1]).strip("-")[:40]


def check_block(offline, folder: Path, code: str) -> None:
    """Run a block: it succeeds without a word on standard error, and the files that it names are there."""
    ran = offline.python("-W", "error", "-c", code)
    assert (ran.code, ran.err) == (0, "")
    for line in ran.lines:
        if line.endswith((".png", ".mp4", ".mp3")):
            assert (folder / line).stat().st_size > 1000


@pytest.mark.parametrize("code", PYTHON, ids=map(name, PYTHON))
def test_python(offline, folder: Path, code: str) -> None:
    check_block(offline, folder, code)


@pytest.mark.parametrize("line", COMMANDS)
def test_command(offline, folder: Path, line: str) -> None:
    Image.new("RGB", (640, 480), "teal").save(folder / "photo.png")
    ran = offline(*shlex.split(line, comments=True)[1:])
    assert ran.code == 0
    assert ran.out


def test_both_commands_for_newcomers_are_on_the_first_screen() -> None:
    first = README.splitlines()[:20]
    assert "python -m pip install '.[cli,sandbox]' && sogni demo" in first
    assert "python -m pip install nox && nox" in first


def test_it_is_short_and_names_no_machine() -> None:
    lines = README.splitlines()
    assert len(lines) <= 300
    assert not re.search(r"/(home|root|work|tmp|Users)/", README)


def test_the_errors_are_all_there() -> None:
    from sogni import errors

    listed = set(re.findall(r"`(\w+)`", README))
    public = {name for name in errors.__all__ if name[0].isupper()} - {"Problem"}
    assert public - listed == set()


EXAMPLES = {
    "first_picture": ["pictures/*.png"],
    "from_photo": ["from-photo/photo.png", "from-photo/night-0.2.jpg", "from-photo/night-0.8.jpg"],
    "watch_events": ["foxes/*.png", "foxes/previews/*"],
    "asyncio_gallery": ["gallery/index.html", "gallery/a-fox-in-the-snow-*.png", "gallery/an-owl-in-the-rain-*.png"],
}


def test_every_example_is_tested() -> None:
    assert sorted(path.stem for path in (ROOT / "examples").glob("*.py")) == sorted(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(offline, folder: Path, example: str) -> None:
    ran = offline.python("-W", "error", str(ROOT / "examples" / f"{example}.py"))
    assert (ran.code, ran.err) == (0, "")
    for pattern in EXAMPLES[example]:
        found = list(folder.glob(pattern))
        assert found
        for path in found:
            if path.suffix != ".html":
                with Image.open(path) as picture:
                    picture.load()


def test_an_example_with_a_photograph(offline, folder: Path, net: Sandbox) -> None:
    Image.new("RGB", (640, 480), "red").save(folder / "red.png")
    script = str(ROOT / "examples" / "from_photo.py")
    ran = offline.python("-W", "error", script, "red.png", SOGNI_SANDBOX_URL=net.url)
    assert (ran.code, ran.err) == (0, "")
    assert len(net.submissions) == 3
    assert {upload.read() for order in net.submissions for upload in order.uploads} == {
        Path(folder, "red.png").read_bytes()
    }
    assert not os.path.exists(folder / "from-photo" / "photo.png")
