"""What a command shows: results on standard output, everything else on standard error.

There are four ways of showing, all with the methods of `Show`: `Plain` writes one line per change, `Quiet` only results
and errors, `Json` one object per line, and `Bars` (in `bars.py`) moves bars in a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .exits import Told, one_line

if TYPE_CHECKING:
    from sogni import Project

# Progress of one output is worth a line this often, in percent.
_EVERY = 25
# Keys of every JSON line, null where they mean nothing. Programs rely on them.
_ALWAYS = ("project_id", "job", "index", "progress", "path", "error")


class Show:
    """Writes results and errors; the ways of showing add the rest."""

    def __init__(self) -> None:
        self.kind = "image"
        self.count = 1

    def note(self, text: str) -> None:
        """Something worth knowing meanwhile."""

    def result(self, text: str, event: str, **fields: object) -> None:
        """Something that was asked for: a path, an id, an address."""
        say(text)

    def project(self, project: Project, event: str, **fields: object) -> None:
        """A project was ordered, or taken up again."""
        self.note(f"Project {project.id}")

    def code(self, title: str, code: str) -> None:
        """A program to learn from."""
        self.note(f"{title}\n\n{code}\n")

    def rows(self, event: str, rows: Sequence[Mapping[str, object]]) -> None:
        """A table; all rows have the same columns."""
        if not rows:
            return
        if sys.stdout.isatty():
            from .bars import print_table

            print_table(rows)
            return
        cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for line in cells:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

    def error(self, told: Told) -> None:
        """What went wrong, in one line."""
        say(f"sogni: {told.line}", sys.stderr)

    @contextmanager
    def watching(self, project: Project) -> Iterator[None]:
        """Around the events of one project."""
        self.kind, self.count = project.type, project.number_of_media
        yield

    def event(self, event: Any, path: Path | None = None) -> None:
        """Something happened to the project; `path` is where its output was saved."""

    def saved(self, path: Path) -> None:
        """An output is on disk."""
        self.result(str(path), "saved")


class Quiet(Show):
    """Results and errors only."""


class Plain(Show):
    """One line for each change, for logs and pipes."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, str] = {}
        self._reached: dict[str, int] = {}

    def note(self, text: str) -> None:
        say(text, sys.stderr)

    def event(self, event: Any, path: Path | None = None) -> None:
        from sogni.events import Progress, Requeued

        from .wording import describe, name_output

        key = getattr(event, "job", event.project_id)
        if isinstance(event, Requeued):
            self._reached.pop(key, None)
        if isinstance(event, Progress):
            reached = event.progress // _EVERY
            if reached <= self._reached.get(key, 0):
                return
            self._reached[key] = reached
        text = describe(event, path)
        if text is None or self._told.get(key) == text:
            return
        self._told[key] = text
        self.note(f"{name_output(self.kind, getattr(event, 'index', None), self.count)}: {text}")


class Json(Show):
    """One object per line on standard output, for programs; errors are told to people as well."""

    def note(self, text: str) -> None:
        self._write(record("note", {"message": text}))

    def result(self, text: str, event: str, **fields: object) -> None:
        self._write(record(event, fields))

    def project(self, project: Project, event: str, **fields: object) -> None:
        about = {"project_id": project.id, "kind": project.type, "count": project.number_of_media}
        self._write(record(event, {**about, **fields}))

    def code(self, title: str, code: str) -> None:
        self._write(record("program", {"code": code}))

    def rows(self, event: str, rows: Sequence[Mapping[str, object]]) -> None:
        for row in rows:
            self._write(record(event, row))

    def error(self, told: Told) -> None:
        self._write(
            record("error", {"project_id": told.project_id, "error": told.as_json(), "exit_code": int(told.exit)})
        )
        super().error(told)

    def event(self, event: Any, path: Path | None = None) -> None:
        from .records import describe, name

        self._write(record(name(event), {**describe(event), "path": path}))

    def saved(self, path: Path) -> None:
        """The event `finished` has said it already."""

    def _write(self, entry: Mapping[str, object]) -> None:
        say(json.dumps(entry, default=str))


def say(text: str, file: TextIO | None = None) -> None:
    """Write one line, whole: `print` writes its end apart, and Ctrl-C may come between the two."""
    out = sys.stdout if file is None else file
    out.write(f"{text}\n")
    out.flush()


def record(event: str, fields: Mapping[str, object]) -> dict[str, object]:
    """One JSON line: the keys of `_ALWAYS` are always there, the others as the event has them."""
    return {"event": event, **dict.fromkeys(_ALWAYS), **fields}


def choose(*, as_json: bool, quiet: bool) -> Show:
    """The way of showing that fits the options and the terminal."""
    if as_json:
        return Json()
    if quiet:
        return Quiet()
    if sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
        from .bars import Bars

        return Bars()
    return Plain()


def _cell(value: object) -> str:
    return "-" if value is None else one_line(str(value))
