"""`sogni status`, `sogni cancel` and `sogni recent`: projects that were ordered before, from any process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from .exits import CommandError, Exit
from .order import Positive, Shared
from .wording import count_states

if TYPE_CHECKING:
    from sogni import SogniClient

# Words of the service's records that a Project spells otherwise.
_PROJECT_WORDS = {
    "active": "queued",
    "authorized": "pending",
    "assigned": "processing",
    "progress": "processing",
    "errored": "failed",
    "cancelled": "canceled",
}
_JOB_WORDS = {
    "created": "pending",
    "queued": "pending",
    "assigned": "initiating",
    "initiatingModel": "initiating",
    "jobStarted": "processing",
    "jobProgress": "processing",
    "jobCompleted": "completed",
    "jobError": "failed",
}


def status(project_id: str, /, *, context: Shared) -> None:
    """Say what a project is doing, without waiting for it.

    Args:
        project_id: The id that was printed when it was ordered.
    """
    with context.client() as client:
        record = _record(client, project_id)
    word = _word(record)
    jobs = [_job(job) for job in (*record.completed_worker_jobs, *record.worker_jobs)]
    model = record.model.id if record.model is not None else None
    text = f"{record.id}  {word}"
    states = count_states([job["status"] for job in jobs])
    if states and word not in ("completed", "canceled"):
        text += f" ({states})"
    context.show.result(
        f"{text}  {model or ''}".rstrip(),
        "status",
        project_id=record.id,
        status=word,
        kind=record.job_type,
        model=model,
        count=record.image_count,
        reason=record.reason,
        jobs=jobs,
    )


def cancel(project_id: str, /, *, timeout: Positive | None = None, context: Shared) -> None:
    """Cancel a project, and say what really happened.

    Args:
        project_id: The id that was printed when it was ordered.
        timeout: Seconds to wait for the confirmation; the service has 120.
    """
    from sogni import CancelOutcome

    with context.client() as client:
        # What nobody knows, or what has ended, would never be confirmed.
        record = _record(client, project_id)
        known = str(record.id)
        over = _word(record) in ("completed", "failed", "canceled")
        outcome = CancelOutcome.TOO_LATE if over else client.projects.cancel(known, timeout=timeout)
    if outcome is CancelOutcome.CANCELED:
        context.show.result(f"{known}  canceled", "canceled", project_id=known)
        return
    if outcome is CancelOutcome.TOO_LATE:
        raise _Refused("It is too late: the project has ended.", hint=f"To look: sogni status {known}", id=known)
    raise _Refused(
        "The service did not confirm it: the project may still run, and cost.",
        hint=f"To look: sogni status {known}",
        id=known,
        exit=Exit.STILL_RUNNING,
    )


def recent(
    *,
    hours: Annotated[float, Parameter(validator=Number(gt=0, lte=168))] = 24.0,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=100))] = 50,
    context: Shared,
) -> None:
    """List the projects of the account that finished lately, the newest first.

    Args:
        hours: How far to look back; a week is 168.
        limit: How many outputs to look at, up to 100.
    """
    since = datetime.now(timezone.utc) - timedelta(hours=hours)
    with context.client() as client:
        projects = client.projects.list_recent(since=since, limit=limit)
    rows = [
        {
            "project_id": project.id,
            "finished": _local(project.finished_at),
            "outputs": count_states(
                ["withheld" if job.sensitive_content_withheld else job.status.value for job in project.jobs]
            ),
            "model": project.model_id or project.model_name,
        }
        for project in projects
    ]
    context.show.rows("project", rows)
    if not rows:
        context.show.note("Nothing finished in that time.")


class _Refused(CommandError):
    """The project is as it was."""

    code = "not_canceled"

    def __init__(self, message: str, *, hint: str, id: str, exit: Exit = Exit.FAILED) -> None:
        super().__init__(message, hint=hint, exit=exit)
        self.project_id = id


def _record(client: SogniClient, project_id: str) -> Any:
    """What the service knows: of a running or lately finished project, else the stored record."""
    found = _unless_missing(client.projects.get_status, project_id)
    found = found or _unless_missing(client.projects.get, project_id)
    if found is None:
        raise CommandError(
            f"The service knows no project {project_id} of this account.",
            hint="`sogni recent` lists what finished lately.",
            exit=Exit.FAILED,
        )
    return found


def _unless_missing(ask: Callable[[str], Any], project_id: str) -> Any:
    from sogni import ApiError

    try:
        return ask(project_id)
    except ApiError as refusal:
        if refusal.status != 404:
            raise
        return None


def _word(record: Any) -> str:
    return _PROJECT_WORDS.get(record.status or "", record.status or "unknown")


def _job(job: Any) -> dict[str, object]:
    word = _JOB_WORDS.get(job.status or "", job.status or "unknown")
    if word == "failed" and job.reason == "artistCanceled":
        word = "canceled"
    elif word == "completed" and job.triggered_nsfw_filter:
        word = "withheld"
    return {
        "job": job.img_id,
        "index": job.job_index,
        "status": word,
        "step": job.performed_steps,
        "seed": job.seed_used,
        "reason": job.reason,
    }


def _local(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone().isoformat(sep=" ", timespec="seconds")
