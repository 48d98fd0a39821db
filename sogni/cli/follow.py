"""Following one project to its end: every event is shown, every output saved as soon as it is there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from sogni.errors import SogniError
from sogni.events import Canceled, Failed, Finished, JobFailed, Preview

from .exits import CommandError, Exit, tell
from .show import Show

if TYPE_CHECKING:
    from sogni import Picture, Project, Result


@define
class Outcome:
    """What came of a project.

    Attributes:
        paths: Saved outputs, in the order in which they were finished.
        withheld: How many were withheld.
        errors: What failed, one for each output.
    """

    paths: list[Path] = field(factory=list)
    withheld: int = 0
    errors: list[SogniError] = field(factory=list)

    def raise_for_missing(self, count: int) -> None:
        """Raise unless everything that was ordered is there.

        Raises:
            CommandError: which outputs are missing, and why.
        """
        if self.errors:
            reason = tell(self.errors[0])
            message = f"{len(self.errors)} of {count} failed: {reason.message}" if count > 1 else reason.message
            raise CommandError(message, hint=reason.hint, exit=reason.exit) from self.errors[0]
        if self.withheld:
            what = f"{self.withheld} of {count} outputs were" if count > 1 else "The output was"
            raise CommandError(f"{what} withheld by the content filter.", hint="Change the prompt.", exit=Exit.WITHHELD)


class Clock:
    """The time that a command has, from its beginning on."""

    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def left(self) -> float | None:
        """Seconds left; None without limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())


def follow(
    project: Project,
    show: Show,
    target: str,
    *,
    timeout: float | None = None,
    name: str | None = None,
    overwrite: bool = False,
) -> Outcome:
    """Watch a project until it ends, saving what comes.

    Args:
        project: The project.
        show: Where its events are shown.
        target: Folder, or a file name with an extension.
        timeout: Seconds to wait; None waits without limit.
        name: File name within a folder, without extension; by default made of prompt and seed.
        overwrite: Replace files of that name.
    Raises:
        WaitTimeout: the time is up; the project carries on.
        SogniError: why the project failed.
    """
    outcome = Outcome()
    folder = as_folder(target)
    ended: SogniError | None = None

    def save(result: Result) -> Path | None:
        try:
            return result.save(folder, name=name, overwrite=overwrite, sidecar=False)
        except SogniError as error:
            outcome.errors.append(error)
            return None

    with show.watching(project), _naming(project):
        for event in project.events(timeout=timeout):
            path: Path | None = None
            if isinstance(event, Finished):
                if event.result.withheld:
                    outcome.withheld += 1
                else:
                    path = save(event.result)
            elif isinstance(event, Preview):
                path = _save_preview(event, folder)
            elif isinstance(event, JobFailed):
                outcome.errors.append(event.error)
            elif isinstance(event, (Failed, Canceled)):
                ended = project.error
            show.event(event, path)
            if isinstance(event, Finished) and path is not None:
                outcome.paths.append(path)
                show.saved(path)
    if ended is not None:
        raise ended
    return outcome


@contextmanager
def _naming(project: Project) -> Iterator[None]:
    """Errors of waiting say which project they are about."""
    try:
        yield
    except SogniError as error:
        error.project_id = error.project_id or project.id
        raise


def as_folder(target: str) -> str:
    """A target without an extension is meant as a folder, whether it exists or not."""
    return target if Path(target).suffix or target.endswith(("/", "\\")) else f"{target}/"


def _save_preview(event: Preview[Picture], target: str) -> Path | None:
    folder = f"{Path(target).parent}/" if Path(target).suffix else target
    try:
        return event.image.save(folder, overwrite=True)
    except SogniError:
        # A preview that is gone is not worth a word: the picture itself is on its way.
        return None
