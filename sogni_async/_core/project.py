"""A project in the user's hand: what it is doing, what happens to it, and its results."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, Union

from sogni._deadline import Deadline, time_now
from sogni._io.engine import Engine, StreamEnded
from sogni._protocol.entries import JobEntry, PreviewTouch, ProgressTouch, ProjectEntry
from sogni.errors import SogniError, WaitTimeout
from sogni.events import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Initiating,
    JobFailed,
    Preview,
    Progress,
    Queued,
    Requeued,
    Started,
)
from sogni.types.project import CancelOutcome, JobSnapshot, JobStatus, ProjectSnapshot, ProjectStatus, WaitingReason

from .._bridge import Bridge
from .cancel import cancel_project
from .result import Picture, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("sogni")

T = TypeVar("T")

# Every event with the handles of this package.
AnyEvent = Union[
    Queued,
    Initiating,
    Started,
    Progress,
    Preview[Picture],
    Requeued,
    Finished[Result],
    JobFailed,
    Completed,
    Failed,
    Canceled,
]


def present(entry: ProjectEntry, item: object, engine: Engine, bridge: Bridge) -> AnyEvent:
    """What waits in an inbox as the event that a user reads."""
    if isinstance(item, ProgressTouch):
        return _progress(item.job)
    if isinstance(item, PreviewTouch):
        job = item.job
        return Preview(entry.id, item.job_id, Picture(job, item.job_id, engine, bridge), job.state.index)
    if isinstance(item, Finished):
        return Finished(item.project_id, item.job, Result(item.result, engine, bridge), item.index)
    return item  # type: ignore[return-value]


def _progress(job: JobEntry) -> Progress:
    now = time_now()
    return Progress(
        job.project.id,
        job.state.id,
        job.progress(now),
        job.eta(now),
        job.step,
        job.step_count,
        job.state.index,
        job.project.progress(now),
    )


class EventStream:
    """What happens to a project, from its beginning on, until it ends. Iterate over it; close it when leaving early.

    Every stream has a memory of its own: streams and waits take nothing from each other, and one that begins late gets
    first what it missed. Progress that nobody read is replaced by the newest.

    Raises:
        WaitTimeout: the time is up; the project carries on, and a new stream may be taken.
        ClosedError, Displaced, AuthenticationError: the connection ended for good.
    """

    def __init__(self, project: Project, deadline: Deadline) -> None:
        self._project = project
        self._entry = project._entry
        self._engine = project._engine
        self._bridge = project._bridge
        self._deadline = deadline
        self._inbox = self._engine.watch(self._entry)
        self._done = False

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> AnyEvent:
        if self._done:
            raise StopAsyncIteration
        try:
            item = await self._bridge.take(self._inbox, self._deadline, f"project {self._entry.id}")
        except WaitTimeout as timed_out:
            raise self._project._timed_out(timed_out) from None
        except StreamEnded:
            # Closed, or read to its end, by somebody else who holds this stream.
            self._done = True
            raise StopAsyncIteration from None
        if isinstance(item, (Completed, Failed, Canceled)):
            self._done = True
            self._engine.unwatch(self._entry, self._inbox)
        return present(self._entry, item, self._engine, self._bridge)

    async def next_before(self, deadline: Deadline) -> AnyEvent:
        """The next event, unless `deadline` comes first."""
        before, self._deadline = self._deadline, deadline
        try:
            return await self.__anext__()
        finally:
            self._deadline = before

    async def aclose(self) -> None:
        """Stop watching; the project carries on."""
        self._done = True
        self._engine.unwatch(self._entry, self._inbox)

    async def __aenter__(self) -> EventStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class ResultStream:
    """The results of a project, each as soon as it is finished.

    Raises:
        SogniError: what `wait` raises, when the project fails; results that came before were given out.
    """

    def __init__(self, events: EventStream) -> None:
        self._events = events

    def __aiter__(self) -> ResultStream:
        return self

    async def __anext__(self) -> Result:
        while True:
            event = await self._events.__anext__()
            if isinstance(event, Finished):
                return event.result
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Canceled):
                error = self._events._entry.error
                assert error is not None, "a canceled project has an error"
                raise error

    async def aclose(self) -> None:
        """Stop watching; the project carries on."""
        await self._events.aclose()

    async def __aenter__(self) -> ResultStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Project:
    """One order and what became of it. Everything can be read at any time, from any thread.

    Attributes:
        warnings: What is odd about the request without being wrong.
    """

    def __init__(self, entry: ProjectEntry, engine: Engine, bridge: Bridge, warnings: tuple[str, ...] = ()) -> None:
        self._entry = entry
        self._engine = engine
        self._bridge = bridge
        self.warnings = warnings

    def __repr__(self) -> str:
        return f"Project({self.id!r}, {self.type}, {self.status.value}, {self.progress} %)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Project) and other._entry is self._entry

    def __hash__(self) -> int:
        return hash(self._entry.id)

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a Project cannot be pickled: keep its id and use client.projects.resume(id)")

    @property
    def id(self) -> str:
        """The id it was ordered under, upper case; chosen before anything was sent."""
        return self._entry.id

    @property
    def type(self) -> str:
        """`image`, `video` or `audio`."""
        return self._entry.type

    @property
    def params(self) -> Mapping[str, object]:
        """What was ordered."""
        return MappingProxyType(self._entry.params)

    @property
    def number_of_media(self) -> int:
        """How many outputs were ordered."""
        return self._entry.number_of_media

    @property
    def status(self) -> ProjectStatus:
        """Where it is."""
        return self._entry.status

    @property
    def finished(self) -> bool:
        """True when nothing more will happen."""
        return self._entry.finished

    @property
    def progress(self) -> int:
        """0 to 100 over all jobs."""
        return self.snapshot().progress

    @property
    def eta(self) -> float | None:
        """Seconds until the slowest job is through, by the network's last estimate; None when it has none."""
        with self._engine.lock:
            return self._entry.eta(time_now())

    @property
    def queue_position(self) -> int | None:
        """Place in the queue, 0 being next; None when not known or past."""
        return self._entry.queue_position

    @property
    def waiting_reason(self) -> WaitingReason | None:
        """Why it waits, where the network explains it."""
        return self._entry.waiting_reason

    @property
    def jobs(self) -> tuple[JobSnapshot, ...]:
        """The jobs seen so far, as they are now, in the order of their places.

        Shape: at most `number_of_media`.
        """
        return self.snapshot().jobs

    @property
    def error(self) -> SogniError | None:
        """What `wait` raises; None unless it failed or was canceled."""
        return self._entry.error

    @property
    def recovered(self) -> bool:
        """True when it was put together from what the service remembered."""
        return self._entry.recovered

    def snapshot(self) -> ProjectSnapshot:
        """Everything above at one moment."""
        with self._engine.lock:
            return self._entry.snapshot(time_now())

    def events(self, timeout: float | None = None) -> EventStream:
        """What happens, from the beginning on, until the end.

        Args:
            timeout: Seconds for the whole stream; None waits without limit.
        """
        return EventStream(self, Deadline(timeout))

    def results(self, timeout: float | None = None) -> ResultStream:
        """The results, each as soon as it is finished.

        Args:
            timeout: Seconds for the whole stream; None waits without limit.
        """
        return ResultStream(self.events(timeout))

    async def wait(
        self,
        timeout: float | None = None,
        queue_timeout: float | None = None,
        *,
        on_event: Callable[[AnyEvent], object] | None = None,
    ) -> list[Result]:
        """Wait for the end and give what was delivered.

        Waiting is all it does: giving up, by a timeout or Ctrl-C, never disturbs the project or another wait.

        Args:
            timeout: Seconds for the whole call; None waits without limit.
            queue_timeout: Seconds until a worker must have begun; time spent in the queue only.
            on_event: Called here, with every event.
        Returns:
            list[Result]: in job order; withheld ones included, failed ones are in `jobs`.
        Raises:
            WaitTimeout: the time is up; the project carries on.
            ProjectFailed, ApiError: what `error` says.
        Shape: at most `number_of_media` results.
        """
        deadline = Deadline(timeout)
        queue_deadline = Deadline(queue_timeout)
        stream = self.events(timeout)
        try:
            while True:
                waiting = self.status in (ProjectStatus.PENDING, ProjectStatus.QUEUED) and not self._entry.started
                limit = _earlier(deadline, queue_deadline) if waiting else deadline
                event = await stream.next_before(limit)
                if on_event is not None:
                    call_watcher(on_event, event, "on_event")
                if isinstance(event, (Completed, Failed, Canceled)):
                    break
        except KeyboardInterrupt:
            log.warning("interrupted; project %s carries on, projects.resume(%r) picks it up", self.id, self.id)
            raise
        finally:
            await stream.aclose()
        if self.error is not None:
            raise self.error
        return self.delivered()

    def delivered(self) -> list[Result]:
        """The results that are there now, in job order."""
        with self._engine.lock:
            jobs = [job for job in self._entry.ordered_jobs() if job.state.status is JobStatus.COMPLETED]
        return [Result(job, self._engine, self._bridge) for job in jobs]

    async def result_urls(self, timeout: float | None = None) -> list[str]:
        """Fresh signed URLs of the delivered results, in job order; withheld ones are left out."""
        deadline = Deadline(timeout)
        return [await result.url(deadline.remaining()) for result in self.delivered() if not result.withheld]

    async def cancel(self, timeout: float | None = None) -> CancelOutcome:
        """Cancel it, and say what really happened.

        Args:
            timeout: Seconds to wait for the confirmation; the service has 120.
        Returns:
            CancelOutcome: `CANCELED` (confirmed), `TOO_LATE` (it had ended, or ends meanwhile) or `UNCONFIRMED`
                (refused, or silence for 120 seconds: it may still run, and cost).
        Raises:
            ConnectFailed, WaitTimeout: the request could not be sent, or the time was up.
        Source: frames `jobError` (out), `artistCancelConfirmation` (in).
        """
        return await cancel_project(self._engine, self._bridge, self.id, Deadline(timeout))

    def _timed_out(self, error: WaitTimeout) -> WaitTimeout:
        return WaitTimeout(
            f"{error.message.rstrip('.')}: it is {self.status.value} at {self.progress} %.",
            project=self,
            state=self.status.value,
            waiting_reason=self.waiting_reason,
            seconds=error.seconds,
            hint="The project carries on: call wait() again, or projects.resume(id) later.",
            project_id=self.id,
        )


def call_watcher(callback: Callable[[T], object], news: T, name: str) -> None:
    """Tell somebody who only watches: a mistake in there must not end the wait for what was paid for."""
    try:
        callback(news)
    except Exception:
        log.exception("%s raised", name)


def _earlier(one: Deadline, other: Deadline) -> Deadline:
    if one.at is None or (other.at is not None and other.at < one.at):
        return other
    return one
