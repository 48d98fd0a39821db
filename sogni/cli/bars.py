"""Moving bars and tables for a terminal, drawn by rich."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress as Drawing, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from sogni.events import Failed, Finished, Initiating, JobFailed, Preview, Progress, Queued, Requeued, Started

from .exits import one_line, tell
from .show import Show
from .wording import describe, name_output, prepares, renders, waits

if TYPE_CHECKING:
    from sogni import Project

# Lines that other things need when there are many bars.
_MARGIN = 4


class Bars(Show):
    """One bar for each output; when they would not fit, one for all."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True, highlight=False)
        self._drawing: Drawing | None = None
        self._rows: list[TaskID] = []
        self._row_of_job: dict[str, int] = {}
        self._waiting: set[int] = set()
        self._paths: list[Path] = []

    def note(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    @contextmanager
    def watching(self, project: Project) -> Iterator[None]:
        self.kind, self.count = project.type, project.number_of_media
        fits = self.count <= max(1, self._console.height - _MARGIN)
        drawing = self._drawing = Drawing(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[status]}", markup=False),
            console=self._console,
            # Results go to standard output, which may be a pipe: they are printed when the bars are done.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        names = [name_output(self.kind, index, self.count) for index in range(self.count)]
        self._rows = [
            drawing.add_task(name, total=100, status="ordered")
            for name in (names if fits else [f"{self.count} outputs"])
        ]
        self._row_of_job = {}
        self._waiting = set(range(len(self._rows)))
        try:
            with drawing:
                yield
        finally:
            self._drawing = None
            for path in self._paths:
                super().saved(path)
            self._paths.clear()

    def event(self, event: Any, path: Path | None = None) -> None:
        drawing = self._drawing
        if drawing is None:
            return
        if isinstance(event, Queued):
            for row in self._waiting:
                drawing.update(self._rows[row], status=waits(event))
        elif isinstance(event, Failed):
            for row in self._waiting:
                drawing.update(self._rows[row], status="failed")
        elif isinstance(event, Preview):
            text = describe(event, path)
            if text is not None:
                self.note(f"{name_output(self.kind, event.index, self.count)}: {text}")
        elif len(self._rows) == 1 and self.count > 1:
            self._update_all(drawing, event)
        elif hasattr(event, "job"):
            self._update(drawing, event)

    def saved(self, path: Path) -> None:
        if self._drawing is None:
            super().saved(path)
        else:
            self._paths.append(path)

    def _update(self, drawing: Drawing, event: Any) -> None:
        row = self._row(event)
        task = self._rows[row]
        if isinstance(event, Requeued):
            self._waiting.add(row)
            self._row_of_job.pop(event.job)  # the next worker gives the job another id
            drawing.update(task, completed=0, status="moved to another worker")
            return
        self._waiting.discard(row)
        if isinstance(event, Progress):
            drawing.update(task, completed=event.progress, status=renders(event))
        elif isinstance(event, Finished):
            status = "withheld by the content filter" if event.result.withheld else "done"
            drawing.update(task, completed=100, status=status)
        elif isinstance(event, JobFailed):
            drawing.update(task, status=f"failed: {tell(event.error).message}")
        elif isinstance(event, Initiating):
            drawing.update(task, status=prepares(event))
        elif isinstance(event, Started):
            drawing.update(task, status="rendering")

    def _update_all(self, drawing: Drawing, event: Any) -> None:
        self._waiting.clear()
        if isinstance(event, Progress):
            drawing.update(self._rows[0], completed=event.total, status=renders(event))
        elif isinstance(event, JobFailed):
            self.note(f"{name_output(self.kind, event.index, self.count)}: failed: {tell(event.error).message}")

    def _row(self, event: Any) -> int:
        """The bar of a job: by the index that the network gave, else the first one that is free."""
        if event.index is not None and event.index < len(self._rows):
            self._row_of_job[event.job] = event.index
        if event.job not in self._row_of_job:
            taken = set(self._row_of_job.values())
            free = (row for row in range(len(self._rows)) if row not in taken)
            self._row_of_job[event.job] = next(free, len(self._rows) - 1)
        return self._row_of_job[event.job]


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """A table on standard output."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        numbers = all(isinstance(row[name], (int, float)) for row in rows)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("-" if value is None else one_line(str(value))) for value in row.values()))
    Console(file=sys.stdout, highlight=False).print(table)
