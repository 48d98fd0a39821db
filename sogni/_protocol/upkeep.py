"""What is done when time passes: silence is asked about, results are looked for, waits without an answer are ended.

Every function is the end of a timer of the session: it looks whether the thing still matters, and acts on the session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ProjectFailed, ServerError, SogniError
from ..types.project import CancelOutcome, JobStatus, ProjectStatus
from . import jobs, runtime
from .entries import JobEntry, ProjectEntry
from .outcome import Cancel, CheckAlive, CheckRuntime, FetchRecord, FetchSnapshot, Outcome

if TYPE_CHECKING:
    from .session import Session

KEEP_FINISHED = 30.0  # seconds a finished project stays tracked
RESUBMIT_LIMIT = 60.0  # seconds a refused request waits for the next link
SETTLE_AFTER = (1.0, 2.0, 4.0, 8.0)  # seconds between looks at the record of a complete project without its results
MOST_LOOKS = 100  # looks at it in all, when the service does not answer


def forget(session: Session, entry: ProjectEntry, now: float, out: Outcome) -> None:
    """A finished project leaves the tracked ones once its results are there."""
    if session.projects.get(entry.id) is entry and entry.settled:
        del session.projects[entry.id]
    elif session.projects.get(entry.id) is entry:
        session.timers.add(now + KEEP_FINISHED, "forget", entry)


def ask_if_stale(session: Session, project_id: str, now: float, out: Outcome) -> None:
    """A project that is silent for long is asked about."""
    entry = session.projects.get(project_id)
    if entry is None or entry.finished:
        return
    if not session.open:
        # Nothing can be heard while the link is down, so that is no silence of the project's.
        entry.last_activity = now
    elif now - entry.last_activity >= entry.stale_after:
        out.effects.append(CheckAlive(entry.id))
        entry.last_activity = now
    session.timers.add(entry.last_activity + entry.stale_after, "ask_if_stale", project_id)


def check_runtime(session: Session, render: tuple[str, str], now: float, out: Outcome) -> None:
    """A render that takes far too long is asked about."""
    entry = session.projects.get(render[0])
    job = entry.by_id.get(render[1]) if entry is not None else None
    if entry is None or entry.finished or job is None or job.running_since is None:
        return
    # The estimate usually comes after the start, so the limit may have grown meanwhile.
    due = job.running_since + runtime.limit(job, session.network)
    if now < due:
        session.timers.add(due, "check_runtime", render)
    elif not session.ready:
        # While the link is down the end may have passed unheard.
        session.timers.add(now + runtime.LOOK_AGAIN, "check_runtime", render)
    elif is_late(session, job, now):
        out.effects.append(CheckRuntime(entry.id))


def look_for_results(session: Session, step: tuple[ProjectEntry, int], now: float, out: Outcome) -> None:
    """A project that is complete without its results: the record may have them."""
    entry, tries = step
    if entry.settled or session.projects.get(entry.id) is not entry:
        return
    if entry.looks < len(SETTLE_AFTER) and tries < MOST_LOOKS:
        out.effects.append(FetchRecord(entry.id))
        wait = SETTLE_AFTER[min(tries + 1, len(SETTLE_AFTER) - 1)]
        session.timers.add(now + wait, "look_for_results", (entry, tries + 1))
        return
    # Neither frames nor record tell more: what is there is all there is.
    entry.jobs = [job for job in entry.jobs if job.state.status.is_final]
    entry.by_id = {job.state.id: job for job in entry.jobs}
    if any(job.state.status is JobStatus.COMPLETED for job in entry.jobs):
        jobs.end(entry, ProjectStatus.COMPLETED, None, out.emit)
    else:
        error = ProjectFailed(
            "The project is complete, but its results were never announced.",
            hint="projects.resume(id) looks for them again.",
            project_id=entry.id,
        )
        entry.status = ProjectStatus.PROCESSING
        jobs.end(entry, ProjectStatus.FAILED, error, out.emit, own=True)


def give_up_resubmitting(session: Session, entry: ProjectEntry, now: float, out: Outcome) -> None:
    """A refused request has waited long enough for the next link."""
    submission = entry.submission
    if submission is None or not submission.awaiting_link or entry.finished:
        return
    if now - submission.refused_at < RESUBMIT_LIMIT:
        return  # of an earlier refusal; this one has a timer of its own
    error: SogniError = submission.refusal or ServerError("The server is restarting.", project_id=entry.id)
    jobs.end(entry, ProjectStatus.FAILED, error, out.emit, own=True)
    session.after(entry, now, out)


def give_up_canceling(session: Session, cancel: Cancel, now: float, out: Outcome) -> None:
    """Nobody has confirmed a cancel."""
    if session.canceling.get(cancel.project_id) is cancel:
        session.end_cancel(cancel.project_id, CancelOutcome.UNCONFIRMED, out)


def miss_authenticated(session: Session, generation: int, now: float, out: Outcome) -> None:
    """The link is open and `authenticated` has not come: what it would bring is asked for."""
    if generation == session.generation and session.open and not session.ready:
        out.effects.append(FetchSnapshot("connected"))


def send_anyway(session: Session, generation: int, now: float, out: Outcome) -> None:
    """`authenticated` does not come at all."""
    if generation == session.generation and session.open:
        session.become_ready(now, out)


def recheck(session: Session, _: None, now: float, out: Outcome) -> None:
    """What was too young to be missed may be missed by now."""
    if any(not entry.finished for entry in session.projects.values()):
        out.effects.append(FetchSnapshot("recheck"))


def is_late(session: Session, job: JobEntry, now: float) -> bool:
    """Whether a render is beyond its limit."""
    since = job.running_since
    return (
        since is not None
        and job.state.status is JobStatus.PROCESSING
        and now >= since + runtime.limit(job, session.network)
    )


TIMERS: dict[str, Callable[[Session, Any, float, Outcome], None]] = {
    "forget": forget,
    "ask_if_stale": ask_if_stale,
    "check_runtime": check_runtime,
    "look_for_results": look_for_results,
    "give_up_resubmitting": give_up_resubmitting,
    "give_up_canceling": give_up_canceling,
    "miss_authenticated": miss_authenticated,
    "send_anyway": send_anyway,
    "recheck": recheck,
}
