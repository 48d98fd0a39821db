"""Progress on standard error: one line that moves in a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import sys
from typing import TextIO

# Where lines stay, a quarter more is worth another one.
_EVERY = 25


class Meter:
    """Tells how far a project is. A stream that cannot be written to is left alone.

    Args:
        name: What is being made.
        stream: Where to; standard error, as it is now, unless given.
    """

    def __init__(self, name: str, stream: TextIO | None = None) -> None:
        self._name = name
        # There is none in a program without a console.
        self._stream = stream if stream is not None else sys.stderr
        self._moves = _is_terminal(self._stream)
        self._told = ""
        self._reached = -1

    def waits(self, position: int | None) -> None:
        """It is in the queue, so many before it."""
        ahead = f", {position} ahead" if position else ""
        self._tell(f"in the queue{ahead}")

    def reach(self, percent: int) -> None:
        """It is that far."""
        quarter = percent // _EVERY
        if self._moves or quarter != self._reached:
            self._reached = quarter
            self._tell(f"{percent} %")

    def close(self) -> None:
        """The line is over."""
        if self._moves and self._told:
            self._write("\n")

    def _tell(self, text: str) -> None:
        line = f"{self._name}: {text}"
        if line == self._told:
            return
        if self._moves:
            # Blanks wipe out the rest of a longer line, on terminals of every kind.
            self._write(f"\r{line.ljust(len(self._told))}")
        else:
            self._write(f"{line}\n")
        self._told = line

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None  # closed, or a pipe that nobody reads


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False
