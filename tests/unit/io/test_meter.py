"""The line of progress on standard error."""

from __future__ import annotations

import io
import itertools
import sys

import pytest

from sogni._io.meter import Meter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def follow(stream: io.StringIO) -> str:
    meter = Meter("image", stream)
    meter.waits(12)
    meter.waits(12)
    meter.waits(None)
    for percent in (0, 3, 24, 25, 50, 51, 100):
        meter.reach(percent)
    meter.close()
    return stream.getvalue()


def test_one_line_moves_in_a_terminal() -> None:
    text = follow(Terminal())
    assert text.startswith("\rimage: in the queue, 12 ahead\rimage: in the queue")
    assert text.endswith("\n")
    assert text.count("\n") == 1
    written = [line.rstrip() for line in text.rstrip().split("\r")[1:]]
    assert written == [
        "image: in the queue, 12 ahead",
        "image: in the queue",
        *(f"image: {percent} %" for percent in (0, 3, 24, 25, 50, 51, 100)),
    ]


def test_a_shorter_text_leaves_nothing_of_a_longer_one() -> None:
    lines = follow(Terminal()).split("\r")[1:]
    assert all(len(after) >= len(before.rstrip()) for before, after in itertools.pairwise(lines))


def test_plain_lines_elsewhere() -> None:
    assert follow(io.StringIO()).splitlines() == [
        "image: in the queue, 12 ahead",
        "image: in the queue",
        "image: 0 %",
        "image: 25 %",
        "image: 50 %",
        "image: 100 %",
    ]


def test_where_nothing_can_be_written_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (Broken(), closed):
        meter = Meter("image", stream)
        meter.reach(50)
        meter.reach(100)
        meter.close()
    monkeypatch.setattr(sys, "stderr", None)
    meter = Meter("image")
    meter.reach(50)
    meter.close()
