"""Invariants of the live state over random histories: drops, duplicates, reorderings, reconnects, nonsense.

1. A final status sticks; the only changes allowed are a result after a failed job, the server's completion after a
   verdict of our own, and "complete" giving way before anybody was told, when every output turns out to have failed.
2. There are never more jobs than were ordered, and never two with one place or one render id.
3. Each output ends at most once per ending, a project's end is told at most twice (verdict, then correction).
4. Progress stays within 0 and 100, and only falls when an attempt was given up.
5. Nothing raises, whatever arrives.
6. Whoever looks late is told the same ends as whoever looked all the time.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings, strategies as st

from sogni._protocol import recovery
from sogni._protocol.messages import read_record, read_snapshot
from sogni.errors import ProtocolError
from sogni.events import Canceled, Completed, Failed, Finished, JobFailed
from sogni.types.project import JobStatus, ProjectStatus

from .transcripts import PROJECT, Client

RENDERS = st.sampled_from(["A", "B", "C", "D"])
PLACES = st.one_of(st.none(), st.integers(-1, 3))
NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | RENDERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)


def _with_place(payload: dict[str, Any], place: int | None) -> dict[str, Any]:
    return payload if place is None else {**payload, "jobIndex": place}


def job_frames() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    started = st.builds(
        lambda state, img, place: ("jobState", _with_place({"type": state, "imgID": img}, place)),
        st.sampled_from(["initiatingModel", "jobStarted"]),
        RENDERS,
        PLACES,
    )
    progress = st.builds(
        lambda img, place, step: ("jobProgress", _with_place({"imgID": img, "step": step, "stepCount": 10}, place)),
        RENDERS,
        PLACES,
        st.integers(-2, 12),
    )
    eta = st.builds(lambda img, eta: ("jobETA", {"imgID": img, "etaSeconds": eta}), RENDERS, st.integers(-1, 50))
    results = st.builds(
        lambda kind, img, place, word: (kind, _with_place({"imgID": img, "error": word}, place)),
        st.sampled_from(["jobResult", "jobError", "jobRetry"]),
        RENDERS,
        PLACES,
        st.sampled_from(["genfailure", "artistCanceled", 5003, None]),
    )
    return st.one_of(started, progress, eta, results)


def project_frames() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.one_of(
        st.builds(lambda n: ("jobState", {"type": "queued", "queuePosition": n}), st.integers(-1, 5)),
        st.just(("jobState", {"type": "jobCompleted"})),
        st.just(("jobState", {"type": "assigned"})),
        st.builds(lambda code: ("jobError", {"error": code}), st.sampled_from([1001, "genfailure", "artistCanceled"])),
        st.builds(lambda did: ("artistCancelConfirmation", {"didCancel": did}), st.booleans()),
        st.just(("projectQueue", {"waitingReason": {"reason": "queued", "message": "m"}})),
    )


KINDS = st.sampled_from(
    [
        "jobState",
        "jobProgress",
        "jobETA",
        "jobResult",
        "jobError",
        "jobRetry",
        "projectQueue",
        "artistCancelConfirmation",
    ]
)
HOSTILE = st.tuples(
    KINDS,
    st.dictionaries(
        st.sampled_from(
            [
                "type",
                "imgID",
                "jobIndex",
                "step",
                "stepCount",
                "progress",
                "etaSeconds",
                "error",
                "error_message",
                "artifacts",
                "result",
                "preparation",
                "waitingReason",
                "jobWaitingReasons",
                "didCancel",
                "queuePosition",
                "lastSeed",
                "maskBox",
            ]
        ),
        NONSENSE,
        max_size=6,
    ),
)
ACTIONS = st.sampled_from(["tick", "minute", "drop", "cancel", "snapshot", "lost", "record"])
HISTORIES = st.lists(st.one_of(job_frames(), project_frames(), ACTIONS, HOSTILE), max_size=40)


class Checked(Client):
    """A client that checks the invariants after every step."""

    def __init__(self, number_of_media: int) -> None:
        super().__init__(number_of_media)
        self.final: ProjectStatus | None = None
        self.ended_jobs: dict[int, JobStatus] = {}

    def act(self, action: Any) -> None:
        if isinstance(action, tuple):
            kind, payload = action
            try:
                self.frame(kind, **payload)
            except ProtocolError:
                pass
        elif action in ("tick", "minute"):
            self.tick(1.0 if action == "tick" else 61.0)
        elif action == "drop":
            self.take(self.session.link_down(self.now))
            self.session.link_open(self.now)
            outcome = self.take(self.session.receive("authenticated", {}, self.now))
            assert len([e for e in outcome.effects if type(e).__name__ == "Resubmit"]) <= 1
            if self.entry.submission is not None:
                self.session.resubmitted(self.entry, self.now)
        elif action == "cancel":
            self.session.request_cancel(PROJECT, self.now)
        elif action == "snapshot":
            snapshot = read_snapshot(
                {
                    "activeProjects": [
                        {
                            "id": PROJECT.lower(),
                            "status": "active",
                            "workerJobs": [{"imgID": "a", "status": "jobProgress", "performedSteps": 3, "jobIndex": 0}],
                        }
                    ]
                }
            )
            self.take(self.session.apply_snapshot(snapshot, self.now, "manual", self.now))
        elif action == "record":
            record = read_record(
                {
                    "id": PROJECT,
                    "status": "completed",
                    "completedWorkerJobs": [
                        {"imgID": "A", "status": "jobCompleted", "jobIndex": 0},
                        {"imgID": "B", "status": "jobError"},
                    ],
                }
            )
            self.take(self.session.apply_record(PROJECT, record, self.now))
        else:
            self.take(self.session.apply_verdicts({PROJECT: recovery.Verdict(action)}, self.now, self.now))
        self.check()

    def check(self) -> None:
        entry = self.entry
        assert len(entry.jobs) <= entry.number_of_media
        places = [job.state.index for job in entry.jobs if job.state.index is not None]
        assert len(places) == len(set(places))
        assert all(0 <= place < entry.number_of_media for place in places)
        ids = [job.state.id for job in entry.jobs]
        assert len(ids) == len(set(ids))
        assert not set(ids) & entry.retired.keys()
        assert 0 <= entry.progress(self.now) <= 100
        for job in entry.jobs:
            assert 0 <= job.progress(self.now) <= 100
            before = self.ended_jobs.get(id(job))
            status = job.state.status
            if before is not None:
                assert (
                    status is before
                    or (before, status) == (JobStatus.FAILED, JobStatus.COMPLETED)
                    or (
                        # A job canceled by the result frame of a render that failed before.
                        (before, status) == (JobStatus.FAILED, JobStatus.CANCELED)
                    )
                )
            if status.is_final:
                self.ended_jobs[id(job)] = status
        if self.final is not None:
            corrected = (self.final, entry.status) == (ProjectStatus.FAILED, ProjectStatus.COMPLETED)
            # Complete, and then every output turns out to have failed: until then nobody was told of an end.
            empty = self.final is ProjectStatus.COMPLETED and entry.status is not self.final
            assert entry.status is self.final or corrected or (empty and not self.told(Completed))
        if entry.finished:
            self.final = entry.status
        assert self.told(Completed) <= 1
        assert self.told(Canceled) <= 1
        assert self.told(Failed) <= 1
        assert entry.snapshot(self.now).finished is entry.finished

    def told(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 3), HISTORIES)
def test_invariants(number_of_media: int, history: list[Any]) -> None:
    client = Checked(number_of_media)
    for action in history:
        client.act(action)
    ends = [type(event) for event in client.events if isinstance(event, (Completed, Failed, Canceled))]
    late = [type(event) for event in client.entry.history.values() if isinstance(event, (Completed, Failed, Canceled))]
    assert late == ends[-1:]
    finished = {event.job for event in client.events if isinstance(event, Finished)}
    remembered = {event.job for event in client.entry.history.values() if isinstance(event, (Finished, JobFailed))}
    assert finished <= remembered | client.entry.retired.keys() | {
        event.job for event in client.events if isinstance(event, JobFailed)
    }


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=6))
def test_any_order_and_any_repetition_of_the_same_frames_ends_the_same(order: list[int], repeats: list[int]) -> None:
    frames: list[tuple[str, dict[str, Any]]] = [
        ("jobState", {"type": "jobStarted", "imgID": "A", "jobIndex": 0}),
        ("jobState", {"type": "jobStarted", "imgID": "B", "jobIndex": 1}),
        ("jobProgress", {"imgID": "A", "jobIndex": 0, "step": 4, "stepCount": 8}),
        ("jobResult", {"imgID": "A", "jobIndex": 0, "lastSeed": 1}),
        ("jobResult", {"imgID": "B", "jobIndex": 1, "lastSeed": 2}),
        ("jobState", {"type": "jobCompleted"}),
    ]
    client = Checked(2)
    for number in [*order, *repeats]:
        client.act(frames[number])
    assert client.entry.status is ProjectStatus.COMPLETED
    assert [job.state.seed for job in client.entry.ordered_jobs()] == [1, 2]
    assert client.told(Completed) == 1
    assert client.told(Finished) == 2
