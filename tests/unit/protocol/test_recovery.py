"""Snapshots, records and missing projects put the live state together again."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sogni._protocol.messages import read_record, read_snapshot
from sogni._protocol.outcome import NoteEnd, Outcome, ResolveMissing, Resubmit
from sogni._protocol.recovery import Verdict, judge
from sogni.errors import ProjectLost
from sogni.types.project import JobStatus, ProjectStatus

from .transcripts import PROJECT, Client


def apply(client: Client, *, active: list[Any] | None = None, done: list[Any] | None = None) -> Outcome:
    snapshot = read_snapshot({"activeProjects": active, "unclaimedCompletedProjects": done})
    return client.take(client.session.apply_snapshot(snapshot, client.now, "manual", client.now))


def test_what_was_missed_is_added_and_live_state_never_goes_backwards() -> None:
    client = Client(3)
    client.state("jobStarted", imgID="A", jobIndex=0)
    client.frame("jobProgress", imgID="A", step=6, stepCount=10)
    apply(
        client,
        active=[
            {
                "id": PROJECT.lower(),
                "status": "active",
                "workerJobs": [
                    {"imgID": "a", "status": "initiatingModel", "jobIndex": 0},
                    {"imgID": "b", "status": "jobProgress", "jobIndex": 1, "performedSteps": 3},
                    {"imgID": "c", "status": "jobStarted"},
                ],
                "completedWorkerJobs": [{"imgID": "c", "status": "jobCompleted", "jobIndex": 2, "seedUsed": 9}],
            }
        ],
    )
    a, b, c = client.entry.ordered_jobs()
    assert (a.state.status, a.step) == (JobStatus.PROCESSING, 6)
    assert (b.state.status, b.step) == (JobStatus.PROCESSING, 3)
    assert (c.state.status, c.state.seed) == (JobStatus.COMPLETED, 9), "the completed entry wins over the older one"


def test_renders_without_an_identity_are_skipped() -> None:
    client = Client(2)
    apply(client, active=[{"id": PROJECT, "completedWorkerJobs": [{"id": PROJECT, "status": "jobCompleted"}] * 2}])
    assert client.entry.jobs == []


def test_an_untracked_project_is_rebuilt_once() -> None:
    request = {"numberOfImages": 2, "keyFrames": [{"modelID": "m", "positivePrompt": "fox", "seed": 0}]}
    record = {
        "id": "other",
        "status": "completed",
        "imageCount": 2,
        "network": "fast",
        "clientRequestData": base64.b64encode(json.dumps(request).encode()).decode(),
        "completedWorkerJobs": [{"imgID": "x", "status": "jobCompleted"}, {"imgID": "y", "status": "jobCompleted"}],
    }
    client = Client()
    outcome = apply(client, done=[record])
    entry = client.session.projects["OTHER"]
    assert entry.recovered
    assert entry.settled
    assert entry.params["positive_prompt"] == "fox"
    assert entry.params["seed"] == 0
    assert ("recovered", entry) in outcome.news
    client.tick(31)
    assert ("recovered", entry) not in apply(client, done=[record]).news


def test_a_project_that_ended_lately_is_no_ghost() -> None:
    client = Client()
    client.frame("jobError", error="genfailure")
    client.tick(31)
    apply(client, active=[{"id": PROJECT, "status": "active"}])
    assert client.session.projects == {}


@pytest.mark.parametrize("text", ["not base64 %", "bm90IGpzb24=", base64.b64encode(b"[1]").decode()])
def test_a_broken_request_is_rebuilt_as_far_as_it_goes(text: str) -> None:
    client = Client()
    apply(client, active=[{"id": "other", "status": "queued", "clientRequestData": text, "model": {"id": "m"}}])
    assert client.session.projects["OTHER"].params["model_id"] == "m"


def test_language_model_requests_are_no_projects() -> None:
    client = Client()
    apply(client, active=[{"id": "x", "jobType": "llm"}, {"id": "y", "model": {"type": "llm"}}])
    assert set(client.session.projects) == {PROJECT}


def test_missing_is_only_what_had_time_to_arrive() -> None:
    client = Client()
    assert apply(client, active=[]).effects == []
    client.now += 6
    assert apply(client, active=[]).effects == [ResolveMissing((PROJECT,))]


def test_a_list_that_is_not_there_is_no_information() -> None:
    client = Client()
    client.now += 60
    outcome = apply(client, active=None)
    assert not any(isinstance(effect, ResolveMissing) for effect in outcome.effects)


def verdict(client: Client, state: str, record: dict[str, Any] | None = None) -> Outcome:
    known = Verdict(state, None if record is None else read_record(record))
    return client.take(client.session.apply_verdicts({PROJECT: known}, client.now, client.now))


class TestVerdicts:
    def test_finished(self) -> None:
        client = Client()
        verdict(
            client,
            "finished",
            {"id": PROJECT, "status": "completed", "completedWorkerJobs": [{"imgID": "a", "status": "jobCompleted"}]},
        )
        assert client.entry.settled
        assert client.kinds == ["Finished", "Completed"]

    def test_canceled_goes_straight_there(self) -> None:
        client = Client(2)
        client.state("jobStarted", imgID="A")
        verdict(client, "terminal", {"id": PROJECT, "status": "cancelled"})
        assert client.entry.status is ProjectStatus.CANCELED
        assert client.kinds == ["Started", "Canceled"]

    def test_failed(self) -> None:
        client = Client()
        verdict(client, "terminal", {"id": PROJECT, "status": "errored", "reason": "allJobsCompleted"})
        assert client.entry.status is ProjectStatus.FAILED

    def test_unknown_is_never_lost(self) -> None:
        client = Client()
        client.now += 1000
        verdict(client, "unknown")
        assert not client.entry.finished

    def test_lost_on_the_connection_it_was_written_to(self) -> None:
        client = Client()
        client.now += 60
        verdict(client, "lost")
        assert isinstance(client.entry.error, ProjectLost)

    def test_written_to_a_connection_that_died_it_is_sent_again_once(self) -> None:
        client = Client()
        client.session.link_down(client.now)
        client.session.link_open(client.now)
        client.session.receive("authenticated", {}, client.now)
        client.now += 60
        assert verdict(client, "lost").effects == [Resubmit(client.entry, "the request")]
        client.session.resubmitted(client.entry, client.now)
        assert not verdict(client, "lost").effects, "just sent: too young to be missed"
        client.now += 60
        client.session.link_down(client.now)
        client.session.link_open(client.now)
        client.session.receive("authenticated", {}, client.now)
        assert verdict(client, "lost").effects == [NoteEnd(PROJECT)]
        assert isinstance(client.entry.error, ProjectLost)

    def test_an_uncertain_write_is_never_sent_again(self) -> None:
        client = Client()
        client.session.uncertain(client.entry)
        client.session.link_down(client.now)
        client.session.link_open(client.now)
        client.session.receive("authenticated", {}, client.now)
        client.now += 60
        assert verdict(client, "lost").effects == [NoteEnd(PROJECT)]


@pytest.mark.parametrize(
    ("live", "status", "error", "expected"),
    [
        ((PROJECT,), None, 404, "active"),
        ((), None, 404, "lost"),
        (None, None, 404, "unknown"),
        ((), None, 503, "unknown"),
        ((), None, 0, "unknown"),
        ((), {"id": PROJECT, "status": "processing"}, None, "active"),
        ((), {"id": PROJECT.lower(), "status": "failed"}, None, "terminal"),
        ((), {"id": PROJECT, "status": "completed"}, None, "unknown"),
        ((), {"id": PROJECT, "status": "a new word"}, None, "unknown"),
        ((), {"id": "OTHER", "status": "processing"}, None, "lost"),
        (None, {"id": "OTHER", "status": "processing"}, None, "unknown"),
    ],
)
def test_the_last_word(
    live: tuple[str, ...] | None, status: dict[str, Any] | None, error: int | None, expected: str
) -> None:
    record = None if status is None else read_record(status)
    assert judge(live, PROJECT, record, error).state == expected
