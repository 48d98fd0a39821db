"""How frames move jobs and projects: the tables of legal moves and one reducer per message.

The two tables say what may happen; whatever is not in them is ignored, so final statuses stick by themselves. A reducer
takes a message and the entry it concerns, replaces snapshots, and tells what happened through `emit`. Nothing here
knows sockets, threads or clocks.

A render keeps its place (`index`) but gets a new render id from every worker that takes it. `find_job` is the one place
that decides which job a frame means; it never guesses between several and never makes more jobs than were ordered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import attrs

from ..errors import ProjectFailed, SogniError
from ..events import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Initiating,
    JobFailed,
    Queued,
    Requeued,
    Started,
)
from ..types.project import JobSnapshot, JobStatus, Preparation, ProjectStatus
from . import failures
from .entries import JobEntry, ProjectEntry
from .media_kinds import artifact_kind
from .messages import (
    JobError,
    JobInitiating,
    JobMessage,
    JobProgress,
    JobResult,
    JobRetry,
    JobStarted,
    ProjectCompleted,
    ProjectQueue,
    ProjectQueued,
)
from .provenance import read_provenance
from .queue_reasons import read_job_reasons, read_reason

PENDING, INITIATING, PROCESSING = JobStatus.PENDING, JobStatus.INITIATING, JobStatus.PROCESSING
COMPLETED, FAILED, CANCELED = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED

# (status now, message) -> status next. What is missing is ignored.
JOB_MOVES: dict[tuple[JobStatus, type[JobMessage]], JobStatus] = {
    (PENDING, JobInitiating): INITIATING,
    (INITIATING, JobInitiating): INITIATING,
    (PENDING, JobStarted): PROCESSING,
    (INITIATING, JobStarted): PROCESSING,
    (PENDING, JobProgress): PROCESSING,
    (INITIATING, JobProgress): PROCESSING,
    (PROCESSING, JobProgress): PROCESSING,
    (PENDING, JobRetry): PENDING,
    (INITIATING, JobRetry): PENDING,
    (PROCESSING, JobRetry): PENDING,
    (PENDING, JobResult): COMPLETED,
    (INITIATING, JobResult): COMPLETED,
    (PROCESSING, JobResult): COMPLETED,
    (FAILED, JobResult): COMPLETED,  # the media exist, whatever was said before
    (PENDING, JobError): FAILED,
    (INITIATING, JobError): FAILED,
    (PROCESSING, JobError): FAILED,
}

MOST_RETIRED = 4096  # render ids of workers that are gone; no honest project has that many
LONGEST_QUEUE = 366 * 86_400  # seconds; an announcement beyond that is no time at all

_WAITING = (ProjectStatus.PENDING, ProjectStatus.QUEUED)
_OPEN = (*_WAITING, ProjectStatus.PROCESSING)

# (status now, message) -> status next, for the project. A job's first sign of work makes its project `processing`.
PROJECT_MOVES: dict[tuple[ProjectStatus, type], ProjectStatus] = {
    **{(status, ProjectQueued): ProjectStatus.QUEUED for status in _OPEN},
    **{(status, JobStarted): ProjectStatus.PROCESSING for status in _OPEN},
    **{(status, JobProgress): ProjectStatus.PROCESSING for status in _OPEN},
    **{(status, ProjectCompleted): ProjectStatus.COMPLETED for status in _OPEN},
    **{(status, JobError): ProjectStatus.FAILED for status in _OPEN},
}

# Who is told: the entry, the key under which the event is remembered, the event, and whether a newer one replaces it
# while it is unread.
Emit = Callable[[ProjectEntry, Hashable, object, bool], None]


# --- finding the job a frame means ----------------------------------------------------------------------------------


def find_job(entry: ProjectEntry, img_id: str, index: int | None) -> tuple[JobEntry | None, bool]:
    """The job of a frame, and whether another worker has silently taken it over; None when the frame means none.

    Makes the job when there is room for one more.
    """
    job = entry.by_id.get(img_id)
    if job is not None:
        return job, False
    if img_id in entry.retired:
        return None, False
    index = valid_index(entry, index)
    unfinished = [job for job in entry.jobs if not job.state.status.is_final]
    if index is not None:
        same_place = [job for job in entry.jobs if job.state.index == index]
        if same_place:
            job = same_place[0]
            return (job, reclaim(job, img_id)) if not job.state.status.is_final else (None, False)
    moved = [job for job in unfinished if job.awaiting_worker and job.state.index is None]
    if len(moved) == 1:
        return moved[0], reclaim(moved[0], img_id)
    if len(entry.jobs) >= entry.number_of_media:
        # More renders than were ordered: one of them moved silently. The oldest open one without a place of its own
        # is the only candidate that cannot take over a sibling.
        open_places = unfinished if index is None else [job for job in unfinished if job.state.index is None]
        return (open_places[0], reclaim(open_places[0], img_id)) if open_places else (None, False)
    return add_job(entry, img_id, index), False


def valid_index(entry: ProjectEntry, index: int | None) -> int | None:
    """The index of a frame, if it is a place of this project."""
    return index if index is not None and 0 <= index < entry.number_of_media else None


def add_job(entry: ProjectEntry, img_id: str, index: int | None) -> JobEntry:
    """A new job of the project."""
    steps = entry.params.get("steps")
    count = int(steps) if isinstance(steps, (int, float)) and not isinstance(steps, bool) and 0 < steps < 1e6 else 0
    job = JobEntry(entry, JobSnapshot(id=img_id, project_id=entry.id, index=index, step_count=count))
    entry.jobs.append(job)
    entry.by_id[img_id] = job
    return job


def reclaim(job: JobEntry, img_id: str) -> bool:
    """Give the job the render id of its next worker and start it again at 0; frames of the old id are dropped.

    True when nobody had announced it.
    """
    silent = not job.awaiting_worker
    entry = job.project
    entry.by_id.pop(job.state.id, None)
    entry.retired[job.state.id] = None
    if len(entry.retired) > MOST_RETIRED:
        del entry.retired[next(iter(entry.retired))]
    entry.by_id[img_id] = job
    reset(job, id=img_id)
    job.awaiting_worker = False
    return silent


def reset(job: JobEntry, **changes: Any) -> None:
    """Put an attempt aside: back to pending at 0."""
    job.clear_slot()
    # Steps only ever rise within an attempt; kept, they would pin the next one at the old high-water mark.
    job.state = attrs.evolve(job.state, status=PENDING, progress=0, step=0, worker=None, waiting_reason=None, **changes)


# --- reducers, one per message --------------------------------------------------------------------------------------


def on_queued(entry: ProjectEntry, message: ProjectQueued, now: float, emit: Emit) -> None:
    """`jobState queued`."""
    status = PROJECT_MOVES.get((entry.status, ProjectQueued))
    if status is None:
        return
    entry.status = status
    entry.queue_position = message.queue_position
    seconds = message.estimated_start_seconds
    seconds = seconds if seconds is not None and 0 <= seconds <= LONGEST_QUEUE else None
    entry.estimated_start_at = None if seconds is None else now + seconds
    entry.queue_status = message.queue_status if message.queue_status in ("waiting", "no-workers") else None
    if message.waiting_reason is not None or message.job_waiting_reasons is not None:
        explain_queue(entry, message.waiting_reason, message.job_waiting_reasons)
    # The server only says queued while no render is on a worker.
    for job in entry.jobs:
        if job.state.status in (INITIATING, PROCESSING):
            reset(job)
            job.awaiting_worker = True
    event = Queued(entry.id, entry.queue_position, entry.waiting_reason, seconds, entry.queue_status)
    emit(entry, "queued", event, True)


def on_project_queue(entry: ProjectEntry, message: ProjectQueue, now: float, emit: Emit) -> None:
    """`projectQueue`: only the explanation changes."""
    if entry.finished:
        return
    before = entry.waiting_reason
    explain_queue(entry, message.waiting_reason, message.job_waiting_reasons)
    if entry.waiting_reason != before:
        start = entry.estimated_start_at
        seconds = None if start is None else max(0.0, start - now)
        event = Queued(entry.id, entry.queue_position, entry.waiting_reason, seconds, entry.queue_status)
        emit(entry, "queued", event, True)


def explain_queue(entry: ProjectEntry, reason: object, job_reasons: object) -> None:
    """Replace all explanations; what is missing is cleared."""
    entry.revision += 1
    by_place = {}
    for index, img_id, why in read_job_reasons(job_reasons, entry.number_of_media):
        job = entry.by_id.get(img_id) if img_id else None
        job = job or next((job for job in entry.jobs if job.state.index == index), None)
        if job is None or job.state.status is PENDING:
            by_place[index] = (job, why)
    for job in entry.jobs:
        why_waiting = next((why for owner, why in by_place.values() if owner is job), None)
        if job.state.waiting_reason != why_waiting:
            job.state = attrs.evolve(job.state, waiting_reason=why_waiting)
    if isinstance(job_reasons, list) and job_reasons:
        entry.waiting_reason = next((why for _, why in by_place.values()), None)
    else:
        entry.waiting_reason = read_reason(reason)


def leave_queue(entry: ProjectEntry) -> None:
    """A worker is at it: what was said about the queue is over."""
    entry.estimated_start_at = None
    entry.queue_status = None
    entry.queue_position = None
    if entry.waiting_reason is not None:
        entry.waiting_reason = next((job.state.waiting_reason for job in entry.jobs if job.state.waiting_reason), None)
    entry.revision += 1


def on_job_message(entry: ProjectEntry, job: JobEntry, message: JobMessage, now: float, emit: Emit) -> bool:
    """Move a job by one message; False when the table does not allow it."""
    before = job.state
    status = JOB_MOVES.get((before.status, type(message)))
    if status is None:
        return _late_fields(job, message)
    index = valid_index(entry, message.job_index)
    if before.index is not None or any(other.state.index == index for other in entry.jobs if other is not job):
        index = before.index
    if isinstance(message, (JobInitiating, JobStarted)):
        _take(entry, job, message, status, index, emit)
    elif isinstance(message, JobProgress):
        job.state = attrs.evolve(before, status=status, index=index, waiting_reason=None)
        if before.status is not PROCESSING:
            emit(entry, (job, "started"), Started(entry.id, before.id, index, job.state.worker), False)
    elif isinstance(message, JobRetry):
        reset(job, index=index)
        job.awaiting_worker = True
        text = message.error_message or failures.read_code(message.error)[1]
        event = Requeued(entry.id, before.id, index, message.attempt, message.max_attempts, text)
        emit(entry, (job, "requeued"), event, False)
    elif isinstance(message, JobResult):
        _finish(entry, job, message, index, emit)
    else:
        fail_job(entry, job, failures.failure(message, project_id=entry.id, started=True), emit, index=index)
    if not isinstance(message, JobRetry):
        leave_queue(entry)
    project_status = PROJECT_MOVES.get((entry.status, type(message)))
    if project_status is not None and not isinstance(message, JobError):
        entry.status = project_status
    return True


def _take(
    entry: ProjectEntry,
    job: JobEntry,
    message: JobInitiating | JobStarted,
    status: JobStatus,
    index: int | None,
    emit: Emit,
) -> None:
    before = job.state
    # A field that the frame does not carry keeps its value.
    job.state = attrs.evolve(
        before,
        status=status,
        index=index,
        worker=message.worker_name or before.worker,
        positive_prompt=message.positive_prompt or before.positive_prompt,
        negative_prompt=message.negative_prompt or before.negative_prompt,
        waiting_reason=None,
    )
    job.awaiting_worker = False
    if isinstance(message, JobStarted):
        emit(entry, (job, "started"), Started(entry.id, before.id, index, job.state.worker), False)
        return
    phase = (message.preparation or {}).get("phase")
    preparation = None
    if isinstance(phase, str):
        extra = {key: value for key, value in (message.preparation or {}).items() if key != "phase"}
        preparation = Preparation(phase=phase, extra=extra)
    emit(entry, (job, "initiating"), Initiating(entry.id, before.id, index, job.state.worker, preparation), True)


def _finish(entry: ProjectEntry, job: JobEntry, message: JobResult, index: int | None, emit: Emit) -> None:
    before = job.state
    nested = message.result or {}
    output_format = message.output_format or nested.get("outputFormat") or entry.output_format
    kind, content_type = artifact_kind(
        ((artifact.content_type, artifact.success) for artifact in message.artifacts), message.output_format
    )
    withheld = message.triggered_nsfw_filter is True and message.nsfw_detected is not True
    step = message.performed_step_count or job.step_count or job.step
    job.state = attrs.evolve(
        before,
        status=CANCELED if message.user_canceled else COMPLETED,
        index=index,
        step=max(0, step),
        step_count=job.step_count,
        seed=before.seed if message.last_seed is None else message.last_seed,
        withheld=withheld,
        nsfw_detected=message.nsfw_detected is True,
        nsfw_sources=message.nsfw_sources or (),
        user_canceled=message.user_canceled is True,
        output_format=output_format if isinstance(output_format, str) else None,
        media_kind=kind,
        artifact_content_type=content_type,
        hosted_url=message.hosted_url,
        last_frame=bool(message.last_frame_url or message.last_frame_key or nested.get("lastFrameKey")),
        provenance=read_provenance(message.extra) or read_provenance(nested) or before.provenance,
        waiting_reason=None,
        error=failures.canceled(entry.id) if message.user_canceled else None,
    )
    job.awaiting_worker = False
    if message.user_canceled:
        event: object = JobFailed(entry.id, before.id, failures.canceled(entry.id), index)
    else:
        # The job itself stands in for the result; each package puts its own handle there.
        event = Finished(entry.id, before.id, job, index)
    emit(entry, (job, "ended"), event, False)


def _late_fields(job: JobEntry, message: JobMessage) -> bool:
    """A repeated result may bring the URL that the first one lacked; nothing else changes after the end."""
    if not isinstance(message, JobResult) or job.state.status is not COMPLETED:
        return False
    if message.hosted_url and not job.state.hosted_url:
        job.state = attrs.evolve(job.state, hosted_url=message.hosted_url)
    return False


def fail_job(
    entry: ProjectEntry, job: JobEntry, error: SogniError, emit: Emit, *, index: int | None = None, tell: bool = True
) -> None:
    """End an unfinished job badly."""
    canceled = isinstance(error, ProjectFailed) and error.error_code == failures.CANCELED
    job.state = attrs.evolve(
        job.state,
        status=CANCELED if canceled else FAILED,
        index=job.state.index if index is None else index,
        step=job.step,
        step_count=job.step_count,
        user_canceled=canceled,
        waiting_reason=None,
        error=error,
    )
    job.awaiting_worker = False
    if tell:
        emit(entry, (job, "ended"), JobFailed(entry.id, job.state.id, error, job.state.index), False)


# --- ends of a project ----------------------------------------------------------------------------------------------


def on_completed(entry: ProjectEntry) -> bool:
    """`jobState jobCompleted`; True when it counts. A verdict of our own gives way to the server's."""
    entry.announced_complete = True
    if PROJECT_MOVES.get((entry.status, ProjectCompleted)) is None and not (
        entry.status is ProjectStatus.FAILED and entry.own_verdict and every_job_failed(entry) is None
    ):
        return False
    entry.status = ProjectStatus.COMPLETED
    entry.error = None
    entry.own_verdict = False
    entry.settled = False
    leave_queue(entry)
    return True


def results_are_there(entry: ProjectEntry) -> bool:
    """True when every output that was ordered has come to its end."""
    return len(entry.jobs) >= entry.number_of_media and all(job.state.status.is_final for job in entry.jobs)


def every_job_failed(entry: ProjectEntry) -> SogniError | None:
    """The error of the project when no output can come any more, else None."""
    if len(entry.jobs) < entry.number_of_media or not entry.jobs:
        return None
    if any(job.state.status is not FAILED and job.state.status is not CANCELED for job in entry.jobs):
        return None
    return entry.jobs[-1].state.error


def end_without_results(entry: ProjectEntry, canceled: bool, error: SogniError, emit: Emit) -> None:
    """Every output ended badly: so did the project, whatever was said about it before."""
    status = ProjectStatus.CANCELED if canceled else ProjectStatus.FAILED
    if not entry.settled:
        entry.status = status
    end(entry, status, error, emit, own=True)


def end(entry: ProjectEntry, status: ProjectStatus, error: SogniError | None, emit: Emit, *, own: bool = False) -> None:
    """Give the project a final status, settle its jobs with it, and say so once."""
    if entry.settled or (entry.finished and entry.status is not status):
        return
    for job in entry.jobs:
        if not job.state.status.is_final and error is not None:
            fail_job(entry, job, error, emit, tell=False)
    entry.status = status
    entry.error = error
    entry.own_verdict = own
    entry.settled = True
    entry.submission = None
    leave_queue(entry)
    entry.waiting_reason = None
    if status is ProjectStatus.COMPLETED:
        emit(entry, "end", Completed(entry.id), False)
    elif status is ProjectStatus.CANCELED:
        emit(entry, "end", Canceled(entry.id), False)
    else:
        assert error is not None, "a failed project has an error"
        emit(entry, "end", Failed(entry.id, error), False)
