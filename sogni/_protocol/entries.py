"""What a client remembers of one project and its jobs: the mutable cells around the frozen snapshots.

A lifecycle frame replaces a snapshot (`jobs.py`). Progress does not: from the second frame of an attempt on it only
fills the slot of the job, and whoever reads builds the numbers from it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timedelta, timezone
from math import isfinite
from typing import Any, Protocol

import attrs

from ..errors import SogniError
from ..types.project import JobSnapshot, JobStatus, ProjectSnapshot, ProjectStatus, WaitingReason

# Seconds. A project that waits in a queue says nothing for long stretches by design, so silence is only a question; the
# frames of a project of another app id go to that app, so there it is the only way to learn anything.
STALE_AFTER = 120.0
ELSEWHERE_STALE_AFTER = 5.0

# JSON carries whole numbers of any length; beyond this they are no step, percentage or second.
_LARGEST = 2**53


class Sink(Protocol):
    """Where events go; the engine's inbox is one."""

    def put(self, key: Hashable, item: object) -> Callable[[], None] | None:
        """Add an item, or replace the unread one of the same key; the answer, if any, wakes whoever waits."""

    def fail(self, error: BaseException) -> list[Callable[[], None]]:
        """End it: what is unread can still be taken, then `error` is raised. The answer wakes those who wait."""

    def abandon(self, error: BaseException) -> None:
        """End it in a forked child, without the lock."""


class Sinks:
    """Who listens. Held weakly: an inbox at which nobody waits any more is simply gone.

    So nothing has to be undone when a stream is dropped, and no finalizer ever needs a lock, which the thread that
    happens to collect garbage might be holding.
    """

    __slots__ = ("_references",)

    def __init__(self) -> None:
        # Replaced, never changed in place: an iteration goes on over what it began with.
        self._references: tuple[weakref.ref[Sink], ...] = ()

    def __iter__(self) -> Iterator[Sink]:
        for reference in self._references:
            sink = reference()
            if sink is not None:
                yield sink

    def __bool__(self) -> bool:
        return any(reference() is not None for reference in self._references)

    def add(self, sink: Sink) -> None:
        """One more."""
        self._references = (*map(weakref.ref, self), weakref.ref(sink))

    def remove(self, sink: Sink) -> None:
        """One less; nothing happens when it is not there."""
        self._references = tuple(weakref.ref(known) for known in self if known is not sink)

    def clear(self) -> None:
        """Nobody."""
        self._references = ()


class Touch:
    """The key *and* item under which a job's newest progress, or preview, waits in an inbox."""

    __slots__ = ("job",)

    def __init__(self, job: JobEntry) -> None:
        self.job = job


class ProgressTouch(Touch):
    """Progress of the job is unread."""

    __slots__ = ()


class PreviewTouch(Touch):
    """A preview of the job is unread. It stays with the worker that made it, whoever has the job by then.

    Attributes:
        job_id: The render id of that worker.
    """

    __slots__ = ("job_id",)

    def __init__(self, job: JobEntry) -> None:
        super().__init__(job)
        self.job_id = job.state.id


class JobEntry:
    """One job: its last lifecycle snapshot and the slot its progress falls into."""

    __slots__ = (
        "awaiting_worker",
        "body",
        "eta_at",
        "eta_first_at",
        "eta_seconds",
        "largest_eta",
        "project",
        "progress_touch",
        "running_since",
        "state",
        "step",
    )

    def __init__(self, project: ProjectEntry, state: JobSnapshot) -> None:
        self.project = project
        self.state = state
        self.awaiting_worker = False
        self.progress_touch = ProgressTouch(self)
        self.largest_eta = 0.0
        self.eta_seconds: float | None = None
        self.eta_at = self.eta_first_at = 0.0
        self.body: dict[str, Any] | None = None
        self.step = 0
        # When this attempt first showed work; it tells attempts apart, too.
        self.running_since: float | None = None

    def estimate(self, seconds: object, now: float) -> bool:
        """Note an estimate of the network; False when it is none. 0 stands for "no estimate"."""
        if not _is_number(seconds) or not 0 <= seconds < _LARGEST:  # type: ignore[operator]
            return False
        left = float(seconds)  # type: ignore[arg-type]
        if self.eta_seconds is None:
            self.eta_first_at = now
        self.eta_seconds = left
        self.eta_at = now
        self.largest_eta = max(self.largest_eta, left)
        return True

    def clear_slot(self) -> None:
        """Start an attempt again at 0."""
        self.step = 0
        self.running_since = None
        self.body = None
        self.eta_seconds = None
        self.eta_at = self.eta_first_at = 0.0

    # The numbers below are computed when somebody asks, from the newest body of the slot.

    @property
    def step_count(self) -> int:
        """Steps in all, as last announced."""
        count: Any = self.body.get("stepCount") if self.body else None
        return int(count) if _is_number(count) and count > 0 else self.state.step_count

    def progress(self, now: float) -> int:
        """0 to 100."""
        if self.state.status is JobStatus.COMPLETED:
            return 100
        reported: Any = self.body.get("progress") if self.body else None
        if _is_number(reported):
            return _percent(reported * 100 if 0 <= reported <= 1 else reported)
        if self.step_count > 0:
            return _percent(self.step / self.step_count * 100)
        if self.eta_seconds is None:
            return 0
        total = self.eta_at + self.eta_seconds - self.eta_first_at
        if total <= 0:
            return 0
        elapsed = now - self.eta_first_at
        return 1 if elapsed <= 0 else min(95, max(1, _percent(elapsed / total * 100)))

    def eta(self, now: float) -> float | None:
        """Seconds left by the network's last estimate; None when it has none."""
        if self.state.status.is_final or not self.eta_seconds:
            return None
        return max(0.0, self.eta_at + self.eta_seconds - now)

    def snapshot(self, now: float) -> JobSnapshot:
        """The job as it is now."""
        state = self.state
        if state.status.is_final:
            return attrs.evolve(state, progress=self.progress(now))
        return attrs.evolve(
            state, progress=self.progress(now), step=self.step, step_count=self.step_count, eta=self.eta(now)
        )


class Submission:
    """The request of a project that no frame has confirmed yet.

    Attributes:
        text: The exact frame, so that the very same order can be sent again.
        generation: The link it was written to; None while that is not known.
        at: When it was last written.
        resent: How often it was sent again.
        awaiting_link: Refused by a restarting server: it goes out with the next link.
    """

    __slots__ = ("at", "awaiting_link", "generation", "refusal", "refused_at", "resent", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.generation: int | None = None
        self.at = 0.0
        self.resent = 0
        self.awaiting_link = False
        self.refusal: SogniError | None = None
        self.refused_at = 0.0


class ProjectEntry:
    """One project: its jobs, its events so far, and who listens."""

    __slots__ = (
        "__weakref__",
        "announced_complete",
        "by_id",
        "error",
        "estimated_start_at",
        "finished_at",
        "history",
        "id",
        "jobs",
        "last_activity",
        "looks",
        "network",
        "number_of_media",
        "output_format",
        "own_verdict",
        "params",
        "queue_position",
        "queue_status",
        "recovered",
        "retired",
        "revision",
        "settled",
        "sinks",
        "stale_after",
        "started_at",
        "status",
        "strikes",
        "submission",
        "submitted_at",
        "told",
        "type",
        "waiting_reason",
    )

    def __init__(
        self,
        project_id: str,
        *,
        type: str = "image",
        number_of_media: int = 1,
        params: dict[str, object] | None = None,
        output_format: str | None = None,
        network: str | None = None,
        now: float = 0.0,
        recovered: bool = False,
    ) -> None:
        self.id = project_id
        self.type = type
        self.number_of_media = max(1, number_of_media)
        self.params = params or {}
        self.output_format = output_format
        self.network = network
        self.recovered = recovered
        self.started_at = datetime.now(timezone.utc)
        self.status = ProjectStatus.PENDING
        self.error: SogniError | None = None
        # True when the final status is our own conclusion, which the server may still correct.
        self.own_verdict = False
        # True once the status is final and every result that will come is there.
        self.settled = False
        self.finished_at: float | None = None
        self.queue_position: int | None = None
        self.queue_status: str | None = None
        self.estimated_start_at: float | None = None
        self.waiting_reason: WaitingReason | None = None
        self.revision = 0
        self.jobs: list[JobEntry] = []
        self.by_id: dict[str, JobEntry] = {}
        self.retired: dict[str, None] = {}
        self.history: dict[Hashable, object] = {}
        self.sinks = Sinks()
        self.submission: Submission | None = None
        self.submitted_at = now
        self.last_activity = now
        # Seconds of silence after which the service is asked, and how often it then knew nothing.
        self.stale_after = STALE_AFTER
        self.strikes = 0
        # The service said that it is complete, whatever we made of that.
        self.announced_complete = False
        # How often its stored record was looked at for results that were never announced.
        self.looks = 0
        # How many events it had.
        self.told = 0

    @property
    def finished(self) -> bool:
        """True when nothing more will happen, apart from results still on their way."""
        return self.status.is_final

    @property
    def started(self) -> bool:
        """True once a worker has taken any job."""
        return bool(self.jobs)

    def ordered_jobs(self) -> list[JobEntry]:
        """The jobs by their place where it is known, then in the order they were seen."""
        return sorted(self.jobs, key=lambda job: self.number_of_media if job.state.index is None else job.state.index)

    def progress(self, now: float) -> int:
        """0 to 100 over all jobs."""
        if self.status is ProjectStatus.COMPLETED:
            return 100
        return _percent(sum(job.progress(now) for job in self.jobs) / self.number_of_media)

    def eta(self, now: float) -> float | None:
        """Seconds until the slowest job is through; None when the network has no estimate."""
        known = [eta for eta in (job.eta(now) for job in self.jobs) if eta is not None]
        return max(known, default=None)

    def snapshot(self, now: float) -> ProjectSnapshot:
        """The project as it is now."""
        start = self.estimated_start_at
        return ProjectSnapshot(
            id=self.id,
            type=self.type,
            status=self.status,
            progress=self.progress(now),
            number_of_media=self.number_of_media,
            queue_position=self.queue_position,
            estimated_start=None if start is None else datetime.now(timezone.utc) + timedelta(seconds=start - now),
            queue_status=self.queue_status,
            waiting_reason=self.waiting_reason,
            jobs=tuple(job.snapshot(now) for job in self.ordered_jobs()),
            error=self.error,
            recovered=self.recovered,
        )


def _is_number(value: Any) -> bool:
    if type(value) is int:
        return -_LARGEST < value < _LARGEST
    return type(value) is float and isfinite(value)


def _percent(value: float) -> int:
    """Rounded halves up and kept between 0 and 100."""
    return min(100, max(0, int(value + 0.5) if value > 0 else 0))
