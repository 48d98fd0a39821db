"""The run-time watchdog: patient, and never without asking the service first."""

from __future__ import annotations

import pytest

from sogni._protocol import runtime
from sogni._protocol.entries import ProjectEntry
from sogni._protocol.messages import ProjectRecord
from sogni._protocol.outcome import CheckAlive, CheckRuntime, NoteEnd, SendCancel
from sogni._protocol.recovery import Verdict
from sogni._protocol.wire import structure
from sogni.errors import ProjectFailed
from sogni.types.project import JobStatus, ProjectStatus

from .transcripts import PROJECT, Client


def rendering(type: str = "image", network: str | None = "fast", **started: object) -> Client:
    client = Client()
    client.entry.type = type
    client.entry.network = network
    client.state("jobStarted", imgID="A", jobIndex=0, **started)
    return client


def checks(client: Client, seconds: float) -> list[object]:
    """What the watchdog of run time wants after some more time."""
    return [effect for effect in client.tick(seconds).effects if not isinstance(effect, CheckAlive)]


@pytest.mark.parametrize(
    ("type", "network", "seconds"),
    [
        ("image", "fast", 1_800),
        ("audio", "fast", 1_800),
        ("video", "fast", 5_400),
        ("image", "relaxed", 7_200),
        ("audio", None, 7_200),
        ("video", "relaxed", 28_800),
    ],
)
def test_the_limits(type: str, network: str | None, seconds: float) -> None:
    client = rendering(type, network)
    assert checks(client, seconds - 1) == []
    assert checks(client, 1) == [CheckRuntime(PROJECT)]
    assert client.entry.status is ProjectStatus.PROCESSING


def test_an_announced_network_counts() -> None:
    client = rendering(network=None)
    client.session.network = "fast"
    assert checks(client, 1_800) == []
    client = Client()
    client.session.network = "fast"
    client.state("jobStarted", imgID="A", jobIndex=0)
    assert checks(client, 1_800) == [CheckRuntime(PROJECT)]


def test_an_estimate_that_comes_later_makes_it_more_patient() -> None:
    client = rendering()
    client.frame("jobETA", imgID="A", etaSeconds=600)
    client.frame("jobETA", imgID="A", etaSeconds=5)
    assert checks(client, 1_800) == []
    assert checks(client, 1_799) == []
    assert checks(client, 1) == [CheckRuntime(PROJECT)]
    client = rendering()
    client.frame("jobETA", imgID="A", etaSeconds=100_000)
    assert checks(client, runtime.CEILING) == [CheckRuntime(PROJECT)]


def test_a_render_that_still_runs_is_canceled_once() -> None:
    client = rendering()
    client.tick(1_800)
    outcome = client.take(client.session.apply_runtime_check(PROJECT, Verdict("active"), client.now))
    assert outcome.effects == [SendCancel(PROJECT), NoteEnd(PROJECT)]
    assert (client.entry.status, client.job.state.status) == (ProjectStatus.FAILED, JobStatus.FAILED)
    assert isinstance(client.entry.error, ProjectFailed)
    assert "30 min" in client.entry.error.message
    assert client.kinds[-1] == "Failed"
    again = client.session.apply_runtime_check(PROJECT, Verdict("active"), client.now)
    assert (again.effects, again.events) == ([], [])


def test_media_that_come_after_all_count() -> None:
    client = rendering()
    client.tick(1_800)
    client.take(client.session.apply_runtime_check(PROJECT, Verdict("active"), client.now))
    client.frame("jobResult", imgID="A", lastSeed=1)
    assert client.job.state.status is JobStatus.COMPLETED


@pytest.mark.parametrize("state", ["unknown", "lost", "terminal"])
def test_nothing_is_canceled_that_is_not_known_to_run(state: str) -> None:
    client = rendering()
    client.tick(1_800)
    outcome = client.take(client.session.apply_runtime_check(PROJECT, Verdict(state), client.now))
    assert (outcome.effects, client.entry.status) == ([], ProjectStatus.PROCESSING)
    assert checks(client, runtime.LOOK_AGAIN) == [CheckRuntime(PROJECT)], "it is looked at again"


def test_what_the_record_says_is_taken_first() -> None:
    client = rendering()
    client.tick(1_800)
    done = {"imgID": "A", "status": "jobCompleted", "seedUsed": 3}
    record = structure({"id": PROJECT, "status": "completed", "completedWorkerJobs": [done]}, ProjectRecord)
    outcome = client.take(client.session.apply_runtime_check(PROJECT, Verdict("finished", record), client.now))
    assert (outcome.effects, client.entry.status) == ([NoteEnd(PROJECT)], ProjectStatus.COMPLETED)


def test_it_sleeps_while_the_link_is_down() -> None:
    client = rendering()
    client.tick(1_799)
    client.take(client.session.link_down(client.now))
    assert checks(client, 10) == []
    client.session.link_open(client.now)
    client.session.receive("authenticated", {"clientType": "artist"}, client.now)
    assert checks(client, runtime.LOOK_AGAIN) == [CheckRuntime(PROJECT)]
    client.take(client.session.link_down(client.now))
    outcome = client.take(client.session.apply_runtime_check(PROJECT, Verdict("active"), client.now))
    assert (outcome.effects, client.entry.status) == ([], ProjectStatus.PROCESSING)


def test_waiting_is_no_running() -> None:
    client = rendering()
    client.tick(1_000)
    client.state("queued", queuePosition=1)
    assert checks(client, 5_000) == []
    client.frame("jobProgress", imgID="B", step=1, stepCount=4)
    assert checks(client, 1_799) == []
    assert checks(client, 1) == [CheckRuntime(PROJECT)]


@pytest.mark.parametrize("moves", ["jobRetry", "silently"])
def test_another_worker_gets_its_own_time(moves: str) -> None:
    client = rendering()
    client.tick(1_000)
    if moves == "jobRetry":
        client.frame("jobRetry", imgID="A", jobIndex=0)
    client.state("jobStarted", imgID="B", jobIndex=0)
    assert checks(client, 1_799) == []
    assert checks(client, 1) == [CheckRuntime(PROJECT)]


def test_progress_neither_arms_it_nor_puts_it_off() -> None:
    client = rendering()
    for step in range(17):
        client.tick(100)
        client.frame("jobProgress", imgID="A", step=step, stepCount=20)
    assert checks(client, 100) == [CheckRuntime(PROJECT)]


def test_what_is_over_is_left_alone() -> None:
    client = rendering()
    client.frame("jobResult", imgID="A", lastSeed=1)
    client.state("jobCompleted")
    assert checks(client, 50_000) == []


def test_words() -> None:
    entry = ProjectEntry(PROJECT)
    assert "8 h" in runtime.overrun(entry, 28_800).message
    assert "90 min" in runtime.overrun(entry, 5_400).message
