"""Putting the live state together again from what the service remembers: snapshots, records, missing projects.

A remembered render is replayed as the frames it would have sent, through the same tables as live ones. Live wins: a
snapshot never moves a job backwards, it only adds what was missed.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from typing import TYPE_CHECKING

from attrs import frozen

from ..types.project import JobStatus, ProjectStatus
from . import failures, jobs
from .entries import ProjectEntry
from .messages import (
    JobError,
    JobInitiating,
    JobProgress,
    JobRecord,
    JobResult,
    JobStarted,
    ProjectCompleted,
    ProjectRecord,
    Snapshot,
)
from .outcome import Outcome, ResolveMissing
from .wire import fold_id

if TYPE_CHECKING:
    from .session import Session

# Raw words of stored records.
PROJECT_STATUS: dict[str, ProjectStatus] = {
    "pending": ProjectStatus.PENDING,
    "authorized": ProjectStatus.PENDING,
    "active": ProjectStatus.QUEUED,
    "queued": ProjectStatus.QUEUED,
    "assigned": ProjectStatus.PROCESSING,
    "progress": ProjectStatus.PROCESSING,
    "processing": ProjectStatus.PROCESSING,
    "completed": ProjectStatus.COMPLETED,
    "errored": ProjectStatus.FAILED,
    "failed": ProjectStatus.FAILED,
    "cancelled": ProjectStatus.CANCELED,
    "canceled": ProjectStatus.CANCELED,
}
JOB_STATUS: dict[str, JobStatus] = {
    "created": JobStatus.PENDING,
    "queued": JobStatus.PENDING,
    "assigned": JobStatus.INITIATING,
    "initiatingModel": JobStatus.INITIATING,
    "jobStarted": JobStatus.PROCESSING,
    "jobProgress": JobStatus.PROCESSING,
    "jobCompleted": JobStatus.COMPLETED,
    "jobError": JobStatus.FAILED,
}

# Seconds within which a request is too young to be missed.
RECENT = 5.0

_NOT_STARTED = (JobStatus.PENDING, JobStatus.INITIATING)


@frozen
class Verdict:
    """What is known about a project that the snapshot did not list.

    Attributes:
        state: `finished` (the record is there), `terminal` (it ended, without a record yet), `active`, `lost`
            (record, status and live list all say that nobody has it) or `unknown`, which is never read as lost.
        record: What the service answered, if it did.
    """

    state: str
    record: ProjectRecord | None = None


def raw_status(record: ProjectRecord) -> ProjectStatus:
    """The status of a record in our words."""
    return PROJECT_STATUS.get(record.status or "", ProjectStatus.UNKNOWN)


def judge(
    live: tuple[str, ...] | None, project_id: str, status: ProjectRecord | None, status_error: int | None
) -> Verdict:
    """The last word on a project without a stored record.

    Args:
        live: Ids that the service is working on, upper case; None when it could not be asked.
        status: The answer of the live lookup, if there was one.
        status_error: HTTP status of a lookup that failed, 0 for no answer at all; None when it was not refused.
    """
    if live is not None and project_id in live:
        return Verdict("active")
    if status is not None and status.id is not None and fold_id(status.id) == project_id:
        known = raw_status(status)
        if known is ProjectStatus.COMPLETED:
            return Verdict("unknown")
        if known.is_final:
            return Verdict("terminal", status)
        # A word that we do not know yet still says that somebody has it.
        return Verdict("unknown") if known is ProjectStatus.UNKNOWN else Verdict("active", status)
    if status_error not in (None, 404):
        return Verdict("unknown")
    return Verdict("unknown") if live is None else Verdict("lost")


def apply_snapshot(
    session: Session, snapshot: Snapshot, requested_at: float, reason: str, now: float, out: Outcome
) -> None:
    """Bring the tracked projects in line with what the service holds for this app id."""
    seen: set[str] = set()
    recovered: list[ProjectEntry] = []
    for record, is_active in [(record, True) for record in snapshot.active_projects or ()] + [
        (record, False) for record in snapshot.unclaimed_completed_projects or ()
    ]:
        if not record.id or record.is_llm or fold_id(record.id) in seen:
            continue
        project_id = fold_id(record.id)
        seen.add(project_id)
        entry = session.projects.get(project_id)
        if entry is None:
            if project_id in session.recently_finished or (not is_active and project_id in session.announced):
                continue
            entry = rebuild(record, now)
            session.track(entry, now)
            session.announced.add(project_id)
            recovered.append(entry)
        entry.submission = None
        if not entry.settled:
            replay(session, entry, record, is_active, now, out)
    if snapshot.active_projects is not None:
        missing: list[str] = []
        for entry in session.projects.values():
            waiting = entry.submission is not None and entry.submission.awaiting_link
            if entry.finished or entry.id in seen or waiting:
                continue
            if entry.submitted_at <= requested_at - RECENT:
                missing.append(entry.id)
            else:
                session.recheck_at(entry.submitted_at + RECENT)
        if missing:
            out.effects.append(ResolveMissing(tuple(missing)))
    for entry in recovered:
        out.news.append(("recovered", entry))
    out.news.append(("synced", reason))


def rebuild(record: ProjectRecord, now: float) -> ProjectEntry:
    """A tracked project made of what the service remembers."""
    request = _decoded_request(record.client_request_data)
    frames = request.get("keyFrames")
    key = frames[0] if isinstance(frames, list) and frames and isinstance(frames[0], dict) else {}
    kind = record.model_type or (record.model.type if record.model else None)
    media = {"video": "video", "audio": "audio", "music": "audio"}.get(kind or "", "image")
    count = record.image_count or request.get("numberOfImages")
    params: dict[str, object] = {"type": media}
    for name, value in (
        ("model_id", key.get("modelID") or (record.model.id if record.model else None)),
        ("positive_prompt", key.get("positivePrompt")),
        ("negative_prompt", key.get("negativePrompt")),
        ("style_prompt", key.get("stylePrompt")),
        ("steps", record.step_count or key.get("steps")),
        ("guidance", key.get("guidanceScale")),
        ("seed", key.get("seed")),
        ("width", record.width),
        ("height", record.height),
        ("frames", key.get("frames")),
        ("fps", key.get("fps")),
        ("duration", key.get("duration")),
        ("token_type", record.token_type or request.get("tokenType")),
        ("output_format", request.get("outputFormat")),
    ):
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
            params[name] = value
    number = count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 1
    params["number_of_media"] = number
    output_format = params.get("output_format")
    network = record.network or request.get("network")
    return ProjectEntry(
        fold_id(record.id or ""),
        type=media,
        number_of_media=number,
        params=params,
        output_format=output_format if isinstance(output_format, str) else None,
        network=network if network in ("fast", "relaxed") else None,
        now=now,
        recovered=True,
    )


def _decoded_request(text: str | None) -> dict[str, object]:
    if not text:
        return {}
    try:
        request = json.loads(a2b_base64(text))
    except (ValueError, RecursionError):
        return {}
    return request if isinstance(request, dict) else {}


def replay(
    session: Session, entry: ProjectEntry, record: ProjectRecord, in_flight: bool, now: float, out: Outcome
) -> None:
    """Let a record act as the frames it stands for.

    Args:
        in_flight: Whether renders that are still running count; a record asked for a while ago may be older than
            what the frames told meanwhile.
    """
    known: set[str] = set()
    for job in (*record.completed_worker_jobs, *record.worker_jobs):
        if not job.img_id or fold_id(job.img_id) in known:
            continue
        known.add(fold_id(job.img_id))
        _replay_job(session, entry, job, in_flight, now, out)
    status = raw_status(record)
    if entry.finished and not (status is ProjectStatus.COMPLETED and not entry.settled):
        return
    if status is ProjectStatus.COMPLETED:
        session.apply(entry, ProjectCompleted(job_id=entry.id), now, out)
    elif status is ProjectStatus.CANCELED:
        jobs.end(entry, ProjectStatus.CANCELED, failures.canceled(entry.id), out.emit)
        session.after(entry, now, out)
    elif status is ProjectStatus.FAILED:
        reason = record.reason if record.reason and record.reason != "allJobsCompleted" else "genfailure"
        session.apply(entry, JobError(job_id=entry.id, error=reason, is_from_worker=True), now, out)
    elif status is ProjectStatus.QUEUED and entry.status is ProjectStatus.PENDING:
        entry.status = ProjectStatus.QUEUED
    elif status is ProjectStatus.PROCESSING and entry.status in (ProjectStatus.PENDING, ProjectStatus.QUEUED):
        entry.status = ProjectStatus.PROCESSING


def _replay_job(
    session: Session, entry: ProjectEntry, job: JobRecord, in_flight: bool, now: float, out: Outcome
) -> None:
    assert job.img_id is not None
    img_id = fold_id(job.img_id)
    status = JOB_STATUS.get(job.status or "", JobStatus.UNKNOWN)
    worker = (job.worker.username or job.worker.name) if job.worker else None
    if status is JobStatus.COMPLETED:
        # Frames in the wrong order can make the worker that stayed look like the one that left. A record knows.
        entry.retired.pop(img_id, None)
        message = JobResult(
            job_id=entry.id,
            img_id=img_id,
            job_index=job.job_index,
            performed_step_count=job.performed_steps,
            last_seed=job.seed_used,
            user_canceled=job.reason == "artistCanceled",
            triggered_nsfw_filter=job.triggered_nsfw_filter,
            nsfw_detected=job.nsfw_detected,
            nsfw_sources=job.nsfw_sources,
            result_url=job.result_url,
            image_url=job.image_url,
            image_file=job.image_file,
            video_url=job.video_url,
            video_file=job.video_file,
            last_frame_url=job.last_frame_url,
            last_frame_key=job.last_frame_key,
            output_format=job.output_format,
            artifacts=job.artifacts,
            result=job.result,
            extra=job.extra,
        )
        session.apply(entry, message, now, out)
        return
    if status is JobStatus.FAILED:
        error = JobError(
            job_id=entry.id,
            img_id=img_id,
            job_index=job.job_index,
            error=job.reason or "genfailure",
            is_from_worker=True,
        )
        session.apply(entry, error, now, out)
        return
    known = entry.by_id.get(img_id)
    if not in_flight or (known is not None and known.state.status not in _NOT_STARTED):
        return
    if status is JobStatus.INITIATING and known is None:
        session.apply(
            entry,
            JobInitiating(job_id=entry.id, img_id=img_id, job_index=job.job_index, worker_name=worker),
            now,
            out,
        )
    elif status is JobStatus.PROCESSING:
        started = JobStarted(job_id=entry.id, img_id=img_id, job_index=job.job_index, worker_name=worker)
        session.apply(entry, started, now, out)
        steps = job.performed_steps
        found = entry.by_id.get(img_id)
        if found is not None and steps is not None and steps > found.step:
            session.apply(entry, JobProgress(job_id=entry.id, img_id=img_id, job_index=job.job_index), now, out)
            found.step = steps
