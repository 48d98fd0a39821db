"""Following one project to its end: every event is shown, every output saved as soon as it is there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from sogni.errors import SogniError
from sogni.events import Canceled, Failed, Finished, JobFailed, Preview

from .exits import CommandError, Exit, tell
from .show import Show
from .target import Target

if TYPE_CHECKING:
    from sogni import Picture, Project, Result


@define
class Outcome:
    """What came of a project.

    Attributes:
        paths: Saved outputs, in the order in which they were finished.
        withheld: How many were withheld.
        failed: What failed, one for each output.
        unsaved: Why outputs that are there could not be saved.
    """

    paths: list[Path] = field(factory=list)
    withheld: int = 0
    failed: list[SogniError] = field(factory=list)
    unsaved: list[SogniError] = field(factory=list)

    def raise_for_missing(self, project: Project, resume: str | None = None) -> None:
        """Raise unless everything that was ordered is there.

        Args:
            project: The project.
            resume: The command that takes it up again.
        Raises:
            CommandError: which outputs are missing, and why.
        """
        count = project.number_of_media
        missing: CommandError | None = None
        cause: SogniError | None = None
        if self.failed:
            cause = self.failed[0]
            missing = _missing(cause, f"{len(self.failed)} of {count} failed: " if count > 1 else "")
        elif self.unsaved:
            cause = self.unsaved[0]
            missing = _missing(cause, f"{len(self.unsaved)} of {count} could not be saved: " if count > 1 else "")
            if resume is not None:
                missing.hint = f"The output is there; to fetch it again: {resume}"
        elif self.withheld:
            what = f"{self.withheld} of {count} outputs were" if count > 1 else "The output was"
            missing = CommandError(
                f"{what} withheld by the content filter.", hint="Change the prompt.", exit=Exit.WITHHELD
            )
        if missing is not None:
            missing.project_id = project.id
            raise missing from cause


class Clock:
    """The time that a command has, from its beginning on."""

    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def left(self) -> float | None:
        """Seconds left; None without limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())


def follow(
    project: Project, show: Show, target: Target, *, timeout: float | None = None, overwrite: bool = False
) -> Outcome:
    """Watch a project until it ends, saving what comes.

    Args:
        project: The project.
        show: Where its events are shown.
        target: Where outputs go.
        timeout: Seconds to wait; None waits without limit.
        overwrite: Replace files of the same name.
    Raises:
        WaitTimeout: the time is up; the project carries on.
        SogniError: why the project failed.
    """
    outcome = Outcome()
    previews: Counter[str] = Counter()
    ended: SogniError | None = None
    with show.watching(project), _naming(project):
        for event in project.events(timeout=timeout):
            path: Path | None = None
            if isinstance(event, Finished):
                if event.result.withheld:
                    outcome.withheld += 1
                else:
                    path = _save(event.result, target, outcome, overwrite=overwrite)
            elif isinstance(event, Preview):
                previews[event.job] += 1
                path = _save_preview(event, target, previews[event.job])
            elif isinstance(event, JobFailed):
                outcome.failed.append(event.error)
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


def _save(result: Result, target: Target, outcome: Outcome, *, overwrite: bool) -> Path | None:
    try:
        return target.save(result, overwrite=overwrite)
    except SogniError as error:
        outcome.unsaved.append(error)
        return None


def _save_preview(event: Preview[Picture], target: Target, number: int) -> Path | None:
    try:
        return target.save_preview(event.image, number)
    except SogniError:
        # A preview that is gone is not worth a word: the picture itself is on its way.
        return None


def _missing(error: SogniError, before: str) -> CommandError:
    reason = tell(error)
    return CommandError(f"{before}{reason.message}", hint=reason.hint, exit=reason.exit)
