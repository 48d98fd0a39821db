"""What happens to a project, as typed values; `Event` is the union of them all.

The same classes serve both packages. `Finished` carries the `Result` and `Preview` the `Picture` of the package that
made them.
"""

from __future__ import annotations

from typing import Generic, TypeVar, Union

from attrs import frozen

from .errors import SogniError
from .types.project import Preparation, WaitingReason

__all__ = [
    "Canceled",
    "Completed",
    "Event",
    "Failed",
    "Finished",
    "Initiating",
    "JobFailed",
    "Preview",
    "Progress",
    "Queued",
    "Requeued",
    "Started",
]

R = TypeVar("R")


@frozen
class Queued:
    """The project waits for a worker. Unread ones are replaced by the newest.

    Attributes:
        project_id: Project id.
        position: Place in the queue, 0 being next; None when not known.
        reason: Why it waits, where the network explains it.
        estimated_start: Seconds until it may begin; None when not known.
        status: `waiting` or `no-workers`, where the network says so.
    """

    project_id: str
    position: int | None = None
    reason: WaitingReason | None = None
    estimated_start: float | None = None
    status: str | None = None


@frozen
class Initiating:
    """A worker took the job and prepares: it fetches LoRAs or loads the model. May repeat.

    Attributes:
        project_id: Project id.
        job: Render id.
        index: Place of the output, from 0, where known.
        worker: Name of the worker.
        preparation: What it is doing just now.
    """

    project_id: str
    job: str
    index: int | None = None
    worker: str | None = None
    preparation: Preparation | None = None


@frozen
class Started:
    """A worker began to render the job."""

    project_id: str
    job: str
    index: int | None = None
    worker: str | None = None


@frozen
class Progress:
    """How far a job is. Unread ones are replaced by the newest.

    Attributes:
        project_id: Project id.
        job: Render id.
        progress: 0 to 100; rises, except that a requeued job starts again.
        eta: Seconds left by the network's last estimate; None when it has none.
        step, step_count: Sampling steps done and in all; 0 when not known.
        index: Place of the output, from 0, where known.
        total: 0 to 100 over the whole project.
    """

    project_id: str
    job: str
    progress: int
    eta: float | None = None
    step: int = 0
    step_count: int = 0
    index: int | None = None
    total: int = 0


@frozen
class Preview(Generic[R]):
    """A picture of the unfinished output can be fetched; only done so when `image` is read."""

    project_id: str
    job: str
    image: R
    index: int | None = None


@frozen
class Requeued:
    """The job moved to another worker and starts again; nothing is charged for the first try.

    Attributes:
        attempt: Which try failed, from 1; None when the network moved it silently.
        reason: Why, in the network's words.
    """

    project_id: str
    job: str
    index: int | None = None
    attempt: int | None = None
    max_attempts: int | None = None
    reason: str | None = None


@frozen
class Finished(Generic[R]):
    """One output is there (or was withheld, see `result.withheld`)."""

    project_id: str
    job: str
    result: R
    index: int | None = None


@frozen
class JobFailed:
    """One output failed; the others carry on."""

    project_id: str
    job: str
    error: SogniError
    index: int | None = None


@frozen
class Completed:
    """The project is complete: every output that will be is there."""

    project_id: str


@frozen
class Failed:
    """The project failed; `error` is what `wait` raises."""

    project_id: str
    error: SogniError


@frozen
class Canceled:
    """The project was canceled."""

    project_id: str


Event = Union[
    Queued,
    Initiating,
    Started,
    Progress,
    "Preview[R]",
    Requeued,
    "Finished[R]",
    JobFailed,
    Completed,
    Failed,
    Canceled,
]
