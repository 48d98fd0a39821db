"""All that one client knows of its live connection: frames, ticks and answers in; events and effects out.

`Session` has no lock, no socket and no clock. The feed calls it under its own lock with the time as an argument, hands
the events of the `Outcome` to the inboxes and carries out the effects:

    outcome = session.receive(kind, payload, now)    # also: tick, link_open, link_down, apply_snapshot, ...
    outcome.events                                   # for inboxes
    outcome.effects                                  # for the engine

A project is in `projects` from before its request is written until 30 seconds after its end. Frames about ids that are
not there change nothing, so a late frame can never bring a project back.
"""

from __future__ import annotations

from typing import Any

from ..errors import ProjectCanceled, SogniError
from ..events import Requeued
from ..types.project import CancelOutcome, JobStatus, ProjectStatus
from . import failures, jobs, news, recovery, runtime, upkeep
from .account_state import AccountState
from .entries import ELSEWHERE_STALE_AFTER, JobEntry, ProjectEntry, Submission
from .messages import (
    Authenticated,
    CancelConfirmation,
    JobError,
    JobInitiating,
    JobProgress,
    JobResult,
    JobRetry,
    JobStarted,
    Message,
    ProjectCompleted,
    ProjectQueue,
    ProjectQueued,
    ProjectRecord,
    Snapshot,
    read_message,
)
from .outcome import (
    Cancel,
    CheckAlive,
    FetchSnapshot,
    NoteEnd,
    Outcome,
    Resubmit,
    SendCancel,
)
from .timers import Timers
from .upkeep import KEEP_FINISHED, RESUBMIT_LIMIT, SETTLE_AFTER

AUTHENTICATED_GRACE = 1.5  # seconds without `authenticated` before the snapshot is asked for
SEND_ANYWAY = 10.0  # seconds without `authenticated` before sends go out all the same
CANCEL_LIMIT = 120.0  # seconds until a cancel that nobody confirms counts as unconfirmed
RESUBMIT_MOST = 3
RECHECK_PADDING = 0.25
STRIKES = 3  # answers in a row that nobody knows a silent project, until it is lost
LOOK_AGAIN = 10.0  # seconds until the service is asked again that could not say what became of a project
MOST_STEPS = 1_000_000  # JSON carries whole numbers of any length; beyond this they are no step
REMEMBERED_IDS = 1000  # finished ids kept, so that a late snapshot does not rebuild them


class Session:
    """The live state of one client. See the module's first lines."""

    def __init__(self) -> None:
        self.projects: dict[str, ProjectEntry] = {}
        self.canceling: dict[str, Cancel] = {}
        self.recently_finished: dict[str, None] = {}
        self.announced: set[str] = set()
        self.generation = 0
        self.open = False
        self.ready = False
        self.opened_at = 0.0
        self.network: str | None = None
        self.switching = False
        self.account = AccountState()
        self.worker_counts: dict[str, int] = {}
        self.ignored_moves = 0
        self.timers = Timers()

    # --- the hot path -----------------------------------------------------------------------------------------------

    def progress(self, kind: str, payload: Any, now: float) -> JobEntry | None:
        """Put a `jobProgress` or `jobETA` frame into its job's slot; None when it needs `receive` instead."""
        try:
            entry = self.projects[payload["jobID"]]
            job = entry.by_id[payload["imgID"]]
        except (KeyError, TypeError):
            return None
        if job.state.status is not JobStatus.PROCESSING or entry.status is not ProjectStatus.PROCESSING:
            return None
        if kind == "jobProgress":
            if job.state.index is None and "jobIndex" in payload:
                return None
            step = payload.get("step")
            if type(step) is int and job.step < step < MOST_STEPS:
                job.step = step
            job.body = payload
        elif not job.estimate(payload.get("etaSeconds"), now):
            return None
        entry.last_activity = now
        entry.submission = None
        return job

    # --- frames -----------------------------------------------------------------------------------------------------

    def receive(self, kind: str, payload: object, now: float) -> Outcome:
        """Any frame but the progress that `progress` took. Raises ProtocolError for a body that is none."""
        out = Outcome()
        reader = news.READERS.get(kind)
        if reader is not None:
            reader(self, payload, out)
            return out
        if kind == "jobETA":
            self._loose_estimate(payload, now, out)
            return out
        message = read_message(kind, payload)
        if isinstance(message, Authenticated):
            self._authenticated(message, now, out)
            news.account_authenticated(self, message, payload, out)
        elif message is not None and message.job_id:
            entry = self.projects.get(message.job_id)
            if isinstance(message, CancelConfirmation):
                self._cancel_answered(message, entry, now, out)
            elif entry is not None:
                self.apply(entry, message, now, out)
                if isinstance(message, JobProgress) and isinstance(payload, dict):
                    job = self.progress(kind, payload, now)
                    if job is not None:
                        out.events.append((entry, job.progress_touch, job.progress_touch))
        return out

    def apply(self, entry: ProjectEntry, message: Message, now: float, out: Outcome) -> None:
        """Let one message act on a tracked project."""
        entry.last_activity = now
        if isinstance(message, JobError) and message.img_id is None:
            self._project_error(entry, message, now, out)
        else:
            entry.submission = None
            if isinstance(message, ProjectQueued):
                jobs.on_queued(entry, message, now, out.emit)
            elif isinstance(message, ProjectQueue):
                jobs.on_project_queue(entry, message, now, out.emit)
            elif isinstance(message, ProjectCompleted):
                if jobs.on_completed(entry) and not jobs.results_are_there(entry):
                    entry.looks = 0
                    self.timers.add(now + SETTLE_AFTER[0], "look_for_results", (entry, 0))
            elif isinstance(message, _JOB_MESSAGES):
                self._job_message(entry, message, now, out)
        self.after(entry, now, out)

    def _job_message(self, entry: ProjectEntry, message: Any, now: float, out: Outcome) -> None:
        if entry.status in (ProjectStatus.CANCELED, ProjectStatus.FAILED) and not entry.jobs:
            return
        img_id = message.img_id
        if not img_id:
            # A language-model request shares these frames but has no render id; nor does a frame that lost it.
            return
        if isinstance(message, JobRetry):
            job = entry.by_id.get(img_id) or self._by_index(entry, message.job_index, img_id)
        elif entry.finished and entry.settled and img_id not in entry.by_id:
            return
        else:
            job, silently_moved = jobs.find_job(entry, img_id, message.job_index)
            if job is not None and silently_moved and not isinstance(message, (JobResult, JobError)):
                out.emit(entry, (job, "requeued"), Requeued(entry.id, img_id, job.state.index), False)
        if job is None or not jobs.on_job_message(entry, job, message, now, out.emit):
            self.ignored_moves += 1
        elif job.state.status is JobStatus.PROCESSING and job.running_since is None:
            job.running_since = now
            # By id: a limit is far away, and must not keep a finished job in memory until then.
            self.timers.add(now + runtime.limit(job, self.network), "check_runtime", (entry.id, job.state.id))

    @staticmethod
    def _by_index(entry: ProjectEntry, index: int | None, img_id: str) -> JobEntry | None:
        if index is None or img_id in entry.retired:
            return None
        return next((job for job in entry.jobs if job.state.index == index), None)

    def _project_error(self, entry: ProjectEntry, message: JobError, now: float, out: Outcome) -> None:
        submission = entry.submission
        error = failures.failure(message, project_id=entry.id, started=entry.started)
        code, _ = failures.read_code(message.error)
        may_resend = submission is not None and submission.resent < RESUBMIT_MOST and not submission.awaiting_link
        if code == failures.RESTARTING and submission is not None and may_resend and not entry.finished:
            # Never admitted and not charged. Not written to the closing link: it goes out with the next one.
            submission.generation = self.generation
            self._await_link(entry, submission, error, now)
            return
        status = ProjectStatus.CANCELED if isinstance(error, ProjectCanceled) else ProjectStatus.FAILED
        jobs.end(entry, status, error, out.emit)

    def after(self, entry: ProjectEntry, now: float, out: Outcome) -> None:
        """Draw the conclusions of a change: the end of the project, and what hangs on it."""
        if entry.own_verdict and entry.announced_complete:
            # It said complete when every output had failed for all we knew; one has come after all.
            jobs.on_completed(entry)
        if not entry.settled:
            error = jobs.every_job_failed(entry)
            if error is not None:
                # Also when the service calls it complete: there is nothing to hand out, and the caller must know why.
                canceled = all(job.state.status is JobStatus.CANCELED for job in entry.jobs)
                jobs.end_without_results(entry, canceled, error, out.emit)
            elif entry.status is ProjectStatus.COMPLETED and jobs.results_are_there(entry):
                jobs.end(entry, ProjectStatus.COMPLETED, None, out.emit)
        if not entry.finished or entry.finished_at is not None:
            return
        entry.finished_at = now
        out.effects.append(NoteEnd(entry.id))
        self.timers.add(now + KEEP_FINISHED, "forget", entry)
        self.recently_finished[entry.id] = None
        while len(self.recently_finished) > REMEMBERED_IDS:
            del self.recently_finished[next(iter(self.recently_finished))]
        self.end_cancel(
            entry.id,
            CancelOutcome.CANCELED if entry.status is ProjectStatus.CANCELED else CancelOutcome.TOO_LATE,
            out,
        )

    def _loose_estimate(self, payload: object, now: float, out: Outcome) -> None:
        """An estimate without a render id belongs to the only active job; it never makes a job."""
        if not isinstance(payload, dict):
            return
        project_id, img_id = payload.get("jobID"), payload.get("imgID")
        entry = self.projects.get(project_id) if isinstance(project_id, str) else None
        if entry is None or entry.finished:
            return
        job = entry.by_id.get(img_id) if isinstance(img_id, str) else None
        active = [job for job in entry.jobs if not job.state.status.is_final]
        if job is None and not img_id and len(active) == 1:
            job = active[0]
        if job is not None and not job.state.status.is_final and job.estimate(payload.get("etaSeconds"), now):
            entry.last_activity = now
            entry.submission = None
            out.events.append((entry, job.progress_touch, job.progress_touch))

    # --- submitting -------------------------------------------------------------------------------------------------

    def submit(self, entry: ProjectEntry, text: str, now: float) -> None:
        """Track a project. Called right before its request is written, under the generation it is written to."""
        known = self.projects.get(entry.id)
        if known is not None and known.finished:
            # Ordered again under its key, after the service said that nobody has it.
            del self.projects[entry.id]
            self.recently_finished.pop(entry.id, None)
        entry.submission = Submission(text)
        entry.submission.generation = self.generation
        entry.submission.at = entry.submitted_at = entry.last_activity = now
        self.track(entry, now)

    def track(self, entry: ProjectEntry, now: float) -> ProjectEntry:
        """Follow a project; the one that is followed already under its id wins."""
        known = self.projects.setdefault(entry.id, entry)
        if known is entry:
            # By id: what ends before then is not kept in memory for it.
            self.timers.add(now + entry.stale_after, "ask_if_stale", entry.id)
        return known

    def withdraw(self, entry: ProjectEntry) -> None:
        """The request never left: forget the project."""
        if self.projects.get(entry.id) is entry:
            del self.projects[entry.id]

    def uncertain(self, entry: ProjectEntry) -> None:
        """The write broke off half-way: keep the project, but never resend it; from now on the caller decides."""
        entry.submission = None

    def may_resubmit(self, entry: ProjectEntry) -> bool:
        """Whether a `Resubmit` is still wanted at the moment of writing."""
        return entry.submission is not None and not entry.finished and self.projects.get(entry.id) is entry

    def resubmitted(self, entry: ProjectEntry, now: float) -> None:
        """A `Resubmit` is being written, right after this."""
        submission = entry.submission
        if submission is not None:
            submission.awaiting_link = False
            submission.at = entry.submitted_at = entry.last_activity = now
        self.timers.add(now + recovery.RECENT + RECHECK_PADDING, "recheck", None)

    def resubmit_failed(self, entry: ProjectEntry, started: bool, now: float) -> None:
        """A `Resubmit` could not be written: the next link tries, unless half of it left."""
        submission = entry.submission
        if started:
            self.uncertain(entry)
        elif submission is not None:
            submission.resent -= 1
            self._await_link(entry, submission, submission.refusal or failures.lost(entry.id), now)

    def _await_link(self, entry: ProjectEntry, submission: Submission, error: SogniError, now: float) -> None:
        """The request goes out with the next link; `error` is what is said if none comes in time."""
        submission.awaiting_link = True
        submission.refusal = error
        submission.refused_at = now
        self.timers.add(now + RESUBMIT_LIMIT, "give_up_resubmitting", entry)

    def _resubmit(self, entry: ProjectEntry, out: Outcome) -> None:
        submission = entry.submission
        assert submission is not None
        # Claimed before it is written, so that no second look can send it twice.
        submission.resent += 1
        submission.generation = self.generation
        out.effects.append(Resubmit(entry, submission.text))

    # --- canceling --------------------------------------------------------------------------------------------------

    def request_cancel(self, project_id: str, now: float) -> tuple[Cancel | None, bool]:
        """The cancel request of a project and whether it still has to be sent; None when the project has ended."""
        entry = self.projects.get(project_id)
        if (entry is not None and entry.finished) or (entry is None and project_id in self.recently_finished):
            return None, False
        known = self.canceling.get(project_id)
        if known is not None:
            return known, False
        cancel = self.canceling[project_id] = Cancel(project_id, self.generation)
        self.timers.add(now + CANCEL_LIMIT, "give_up_canceling", cancel)
        return cancel, True

    def abandon_cancel(self, cancel: Cancel) -> None:
        """The cancel could not be sent."""
        if self.canceling.get(cancel.project_id) is cancel:
            del self.canceling[cancel.project_id]

    def _cancel_answered(
        self, message: CancelConfirmation, entry: ProjectEntry | None, now: float, out: Outcome
    ) -> None:
        assert message.job_id is not None
        cancel = self.canceling.get(message.job_id)
        if message.did_cancel is not True and cancel is not None and cancel.repeated and entry is not None:
            # The first request may be why there is nothing left to cancel: what became of the project tells.
            cancel.refused = True
            out.effects.append(CheckAlive(message.job_id))
            return
        if message.did_cancel is not True:
            self.end_cancel(message.job_id, CancelOutcome.UNCONFIRMED, out)
            return
        if message.job_id not in self.canceling and entry is None:
            return
        if entry is not None and not entry.finished:
            jobs.end(entry, ProjectStatus.CANCELED, failures.canceled(entry.id), out.emit)
            self.after(entry, now, out)
            # A confirmed cancel leaves the list at once.
            self.projects.pop(entry.id, None)
        self.end_cancel(message.job_id, CancelOutcome.CANCELED, out)

    def end_cancel(self, project_id: str, outcome: CancelOutcome, out: Outcome) -> None:
        cancel = self.canceling.pop(project_id, None)
        if cancel is not None:
            out.cancels.append((cancel, outcome))

    # --- the link ---------------------------------------------------------------------------------------------------

    def link_open(self, now: float) -> None:
        """The socket is open; `authenticated` has not come yet."""
        self.open = True
        self.opened_at = now
        self.timers.add(now + AUTHENTICATED_GRACE, "miss_authenticated", self.generation)
        self.timers.add(now + SEND_ANYWAY, "send_anyway", self.generation)

    def link_down(self, now: float) -> Outcome:
        """The socket is gone. No project ends by that."""
        out = Outcome()
        self.generation += 1
        self.open = self.ready = False
        for entry in self.projects.values():
            if not entry.finished:
                entry.last_activity = now
                jobs.explain_queue(entry, None, None)
        return out

    def follow_by_asking(self, now: float) -> None:
        """The next link has another app id: the frames of what is open now go to whoever has this one."""
        for entry in self.projects.values():
            if not entry.finished:
                entry.stale_after = ELSEWHERE_STALE_AFTER
                self.timers.add(now + entry.stale_after, "ask_if_stale", entry.id)

    def link_ended(self) -> Outcome:
        """The connection will not come back by itself."""
        out = Outcome()
        news.set_models(self, {}, out)
        return out

    def _authenticated(self, message: Authenticated, now: float, out: Outcome) -> None:
        if message.client_type not in (None, "artist"):
            return
        if message.snapshot is not None:
            # Before anything goes out again: what the service has is not sent a second time.
            recovery.apply_snapshot(self, message.snapshot, self.opened_at, "authenticated", now, out)
        self.become_ready(now, out)
        if message.snapshot is None and any(not entry.finished for entry in self.projects.values()):
            out.effects.append(FetchSnapshot("connected"))

    def become_ready(self, now: float, out: Outcome) -> None:
        if self.ready:
            return
        self.ready = True
        out.became_ready = True
        for cancel in self.canceling.values():
            if cancel.generation != self.generation:
                cancel.generation, cancel.repeated = self.generation, True
                out.effects.append(SendCancel(cancel.project_id))
        for entry in list(self.projects.values()):
            submission = entry.submission
            if submission is None or not submission.awaiting_link or entry.finished:
                continue
            if now - submission.refused_at > RESUBMIT_LIMIT:
                # Whoever ordered it may have given up long ago; the timer slept with the link.
                upkeep.give_up_resubmitting(self, entry, now, out)
            else:
                self._resubmit(entry, out)

    # --- answers of the engine's errands ----------------------------------------------------------------------------

    def apply_snapshot(self, snapshot: Snapshot, requested_at: float, reason: str, now: float) -> Outcome:
        """What the service holds for this app id, asked for at `requested_at`."""
        out = Outcome()
        recovery.apply_snapshot(self, snapshot, requested_at, reason, now, out)
        return out

    def apply_record(self, project_id: str, record: ProjectRecord | None, now: float) -> Outcome:
        """The stored record of a project, or None when there is none yet."""
        out = Outcome()
        entry = self.projects.get(project_id)
        if entry is not None and record is not None and not entry.settled:
            recovery.replay(self, entry, record, False, now, out)
        return out

    def apply_look(self, project_id: str, record: ProjectRecord | None, answered: bool, now: float) -> Outcome:
        """The answer to `FetchRecord`; only what was answered counts as a look."""
        entry = self.projects.get(project_id)
        if entry is not None and answered:
            entry.looks += 1
        return self.apply_record(project_id, record, now)

    def look_again(self, now: float) -> Outcome:
        """The service could not say what it holds, or what became of a project: ask again after a while."""
        self.timers.add(now + LOOK_AGAIN, "recheck", None)
        return Outcome()

    def apply_verdicts(self, verdicts: dict[str, recovery.Verdict], asked_at: float, now: float) -> Outcome:
        """What became of missing projects, as far as it was known at `asked_at`."""
        out = Outcome()
        if any(verdict.state == "unknown" for verdict in verdicts.values()):
            self.look_again(now)
        for project_id, verdict in verdicts.items():
            entry = self.projects.get(project_id)
            if entry is not None and not entry.finished:
                self._judge(entry, verdict, asked_at, now, out)
        return out

    def apply_check(self, project_id: str, verdict: recovery.Verdict, asked_at: float, now: float) -> Outcome:
        """The answer to `CheckAlive`: only three answers in a row that nobody knows it count."""
        out = Outcome()
        entry = self.projects.get(project_id)
        if entry is None or entry.finished:
            return out
        entry.strikes = entry.strikes + 1 if verdict.state == "lost" else 0
        if verdict.state != "lost" or entry.strikes >= STRIKES:
            self._judge(entry, verdict, asked_at, now, out)
        cancel = self.canceling.get(project_id)
        if cancel is not None and cancel.refused:
            self.end_cancel(project_id, CancelOutcome.UNCONFIRMED, out)
        return out

    def apply_runtime_check(self, project_id: str, verdict: recovery.Verdict, now: float) -> Outcome:
        """The answer to `CheckRuntime`: only a render that the service still works on is canceled."""
        out = Outcome()
        entry = self.projects.get(project_id)
        if entry is None or entry.finished:
            return out
        if verdict.record is not None:
            recovery.replay(self, entry, verdict.record, verdict.state == "active", now, out)
        late = [job for job in entry.jobs if upkeep.is_late(self, job, now)]
        if entry.finished or not late:
            return out
        if verdict.state != "active" or not self.ready:
            # Whatever ended is told by snapshots and records; what nobody knows is no reason to cancel.
            for job in late:
                self.timers.add(now + runtime.LOOK_AGAIN, "check_runtime", (entry.id, job.state.id))
            return out
        out.effects.append(SendCancel(entry.id))
        error = runtime.overrun(entry, runtime.limit(late[0], self.network))
        jobs.end(entry, ProjectStatus.FAILED, error, out.emit, own=True)
        self.after(entry, now, out)
        return out

    def fail_unfinished(self, error: SogniError, now: float) -> Outcome:
        """End every open project here, because nobody will hear of it any more; nothing is canceled there."""
        out = Outcome()
        for entry in list(self.projects.values()):
            if not entry.finished:
                jobs.end(entry, ProjectStatus.FAILED, error, out.emit, own=True)
                self.after(entry, now, out)
        return out

    def _judge(self, entry: ProjectEntry, verdict: recovery.Verdict, asked_at: float, now: float, out: Outcome) -> None:
        entry.last_activity = now
        if verdict.record is not None:
            recovery.replay(self, entry, verdict.record, verdict.state == "active", now, out)
        if verdict.state != "lost" or entry.finished:
            return
        submission = entry.submission
        if submission is not None and submission.awaiting_link:
            return
        if asked_at - entry.submitted_at < recovery.RECENT:
            # Sent (again) so late that the service need not have known it when it was asked.
            self.recheck_at(max(now, entry.submitted_at + recovery.RECENT))
        elif (
            submission is not None
            and submission.generation is not None
            and submission.generation < self.generation
            and submission.resent == 0
        ):
            # A frame written to a link that died cannot arrive later, and nobody has it: the one safe second try.
            if self.ready:
                self._resubmit(entry, out)
            else:
                self._await_link(entry, submission, failures.lost(entry.id), now)
        else:
            jobs.end(entry, ProjectStatus.FAILED, failures.lost(entry.id), out.emit, own=True)
            self.after(entry, now, out)

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def next_due(self) -> float | None:
        """When `tick` next has something to do."""
        return self.timers.next_due

    def tick(self, now: float) -> Outcome:
        """Do what has become due."""
        out = Outcome()
        for name, argument in self.timers.due(now):
            upkeep.TIMERS[name](self, argument, now, out)
        return out

    def recheck_at(self, when: float) -> None:
        """Ask for the snapshot again at `when`."""
        self.timers.add(when + RECHECK_PADDING, "recheck", None)


def read_record(record: ProjectRecord, now: float) -> ProjectEntry:
    """A project as a record describes it, at one moment; nobody follows it."""
    session = Session()
    entry = recovery.rebuild(record, now)
    session.track(entry, now)
    recovery.replay(session, entry, record, True, now, Outcome())
    return entry


_JOB_MESSAGES = (JobInitiating, JobStarted, JobProgress, JobRetry, JobResult, JobError)

# Kinds whose body somebody reads; the link decodes no other.
READ_KINDS = frozenset(
    (*news.READERS, "jobETA", "jobState", "projectQueue", "jobProgress", "jobRetry", "jobResult", "jobError")
) | frozenset(("authenticated", "artistCancelConfirmation"))
