"""Orders, results and cancels that were lost on the way, as the soak found them: each was told wrongly once."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from sogni._protocol.messages import read_record
from sogni._protocol.outcome import CheckAlive, FetchRecord, FetchSnapshot, Outcome, Resubmit, SendCancel
from sogni._protocol.recovery import Verdict
from sogni.errors import ProjectLost
from sogni.events import Canceled, Completed, Failed
from sogni.types.project import CancelOutcome, JobStatus, ProjectStatus

from .transcripts import PROJECT, Client


def down(client: Client) -> None:
    client.take(client.session.link_down(client.now))


def up(client: Client, **greeting: Any) -> Outcome:
    client.session.link_open(client.now)
    return client.take(client.session.receive("authenticated", greeting, client.now))


def judged(client: Client, state: str, asked_at: float | None = None) -> Outcome:
    asked_at = client.now if asked_at is None else asked_at
    return client.take(client.session.apply_verdicts({PROJECT: Verdict(state)}, asked_at, client.now))


def sends(outcome: Outcome) -> list[str]:
    return [effect.text for effect in outcome.effects if isinstance(effect, Resubmit)]


class TestOrders:
    def test_a_verdict_that_comes_while_the_link_is_down_sends_it_with_the_next_one(self) -> None:
        client = Client()
        down(client)
        client.now += 20
        assert judged(client, "lost").effects == []
        assert not client.entry.finished, "nobody has it, but it has not been sent again yet"
        assert sends(up(client)) == ["the request"]

    def test_the_next_link_may_know_it_after_all(self) -> None:
        client = Client()
        down(client)
        client.now += 20
        judged(client, "lost")
        listed = {"activeProjects": [{"id": PROJECT, "status": "queued"}], "unclaimedCompletedProjects": []}
        assert sends(up(client, **listed)) == []
        assert client.entry.status is ProjectStatus.QUEUED

    def test_no_link_in_time_is_lost(self) -> None:
        client = Client()
        down(client)
        client.now += 20
        judged(client, "lost")
        client.tick(61)
        assert isinstance(client.entry.error, ProjectLost)

    def test_a_resend_that_could_not_be_written_waits_for_the_next_link(self) -> None:
        client = Client()
        down(client)
        up(client)
        client.now += 20
        assert sends(judged(client, "lost")) == ["the request"]
        client.session.resubmitted(client.entry, client.now)
        client.session.resubmit_failed(client.entry, False, client.now)
        down(client)
        assert sends(up(client)) == ["the request"]
        assert not client.entry.finished

    def test_a_verdict_from_before_it_was_sent_again_says_nothing(self) -> None:
        client = Client()
        down(client)
        up(client)
        client.now += 20
        asked_at = client.now
        assert sends(judged(client, "lost")) == ["the request"]
        client.session.resubmitted(client.entry, client.now)
        client.now += 30  # the other question took its time
        assert sends(judged(client, "lost", asked_at)) == []
        assert not client.entry.finished

    def test_a_second_refusal_has_a_minute_of_its_own(self) -> None:
        client = Client()
        client.frame("jobError", error=1001, error_message="restarting")
        down(client)
        client.tick(50)
        up(client)
        client.session.resubmitted(client.entry, client.now)
        client.frame("jobError", error=1001, error_message="restarting")
        client.tick(20)
        assert not client.entry.finished
        client.tick(45)
        assert client.entry.status is ProjectStatus.FAILED

    def test_who_cannot_say_is_asked_again(self) -> None:
        client = Client()
        judged(client, "unknown")
        assert FetchSnapshot("recheck") in client.tick(10.5).effects
        client.take(client.session.look_again(client.now))
        assert FetchSnapshot("recheck") in client.tick(10.5).effects


class TestResults:
    def test_a_service_that_does_not_answer_is_no_sign_that_there_are_none(self) -> None:
        client = Client()
        client.state("jobCompleted")
        for _ in range(120):
            if FetchRecord(PROJECT) in client.tick(1.0).effects:
                client.take(client.session.apply_look(PROJECT, None, False, client.now))
        assert not client.entry.settled
        record = read_record(
            {
                "id": PROJECT,
                "status": "completed",
                "completedWorkerJobs": [{"imgID": "A", "status": "jobCompleted", "jobIndex": 0}],
            }
        )
        client.take(client.session.apply_look(PROJECT, record, True, client.now))
        assert client.kinds == ["Finished", "Completed"]

    def test_somebody_who_never_answers_is_given_up_at_last(self) -> None:
        client = Client()
        client.state("jobCompleted")
        for _ in range(1000):
            client.tick(1.0)
        assert client.entry.status is ProjectStatus.FAILED

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_complete_without_one_good_output_is_a_failure_in_any_order(self, order: tuple[int, ...]) -> None:
        frames: list[tuple[str, dict[str, Any]]] = [
            ("jobError", {"imgID": "A", "jobIndex": 0, "error": "genfailure"}),
            ("jobError", {"imgID": "B", "jobIndex": 1, "error": "genfailure"}),
            ("jobState", {"type": "jobCompleted"}),
        ]
        client = Client(2)
        for number in order:
            kind, payload = frames[number]
            client.frame(kind, **payload)
        assert client.entry.status is ProjectStatus.FAILED
        assert client.entry.error is not None
        assert [type(event) for event in client.events if isinstance(event, (Completed, Failed, Canceled))] == [Failed]

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_media_that_exist_after_all_are_handed_out_in_any_order(self, order: tuple[int, ...]) -> None:
        frames: list[tuple[str, dict[str, Any]]] = [
            ("jobError", {"imgID": "A", "jobIndex": 0, "error": "workerDisconnected"}),
            ("jobResult", {"imgID": "A", "jobIndex": 0}),
            ("jobState", {"type": "jobCompleted"}),
        ]
        client = Client()
        for number in order:
            kind, payload = frames[number]
            client.frame(kind, **payload)
        assert client.entry.status is ProjectStatus.COMPLETED
        assert client.entry.error is None
        assert client.job.state.status is JobStatus.COMPLETED

    def test_an_output_that_was_given_up_tells_nothing_after_the_end(self) -> None:
        client = Client(2)
        client.frame("jobResult", imgID="A", jobIndex=0)
        client.state("jobStarted", imgID="B", jobIndex=1)
        client.state("jobCompleted")
        for _ in range(40):
            if FetchRecord(PROJECT) in client.tick(1.0).effects:
                client.take(client.session.apply_look(PROJECT, None, True, client.now))
        told = list(client.kinds)
        assert told[-1] == "Completed"
        client.frame("jobResult", imgID="B", jobIndex=1)
        assert client.kinds == told

    def test_a_record_knows_which_worker_stayed(self) -> None:
        client = Client()
        # The render moved from A to B without a word, and the two frames changed places on the way.
        client.state("initiatingModel", imgID="B", jobIndex=0)
        client.state("initiatingModel", imgID="A", jobIndex=0)
        client.frame("jobResult", imgID="B", jobIndex=0, lastSeed=7)
        client.state("jobCompleted")
        assert not client.entry.settled
        done = {"imgID": "b", "status": "jobCompleted", "jobIndex": 0, "seedUsed": 7}
        record = read_record({"id": PROJECT, "status": "completed", "completedWorkerJobs": [done]})
        client.take(client.session.apply_look(PROJECT, record, True, client.now))
        assert client.kinds[-2:] == ["Finished", "Completed"]
        assert (client.job.state.id, client.job.state.seed) == ("B", 7)


class TestCancels:
    def test_one_that_was_lost_with_its_link_is_sent_with_the_next(self) -> None:
        client = Client()
        cancel, _ = client.session.request_cancel(PROJECT, client.now)
        assert cancel is not None
        down(client)
        assert SendCancel(cancel.project_id) in up(client).effects
        assert not [effect for effect in up(client).effects if isinstance(effect, SendCancel)], "once for each link"
        outcome = client.frame("artistCancelConfirmation", didCancel=True)
        assert outcome.cancels == [(cancel, CancelOutcome.CANCELED)]

    @pytest.mark.parametrize("worked", [True, False])
    def test_its_refusal_may_mean_that_the_first_one_worked(self, worked: bool) -> None:
        client = Client()
        cancel, _ = client.session.request_cancel(PROJECT, client.now)
        down(client)
        up(client)
        outcome = client.frame("artistCancelConfirmation", didCancel=False)
        assert outcome.cancels == []
        assert outcome.effects == [CheckAlive(PROJECT)]
        if not worked:
            outcome = client.take(client.session.apply_check(PROJECT, Verdict("active"), client.now, client.now))
            assert outcome.cancels == [(cancel, CancelOutcome.UNCONFIRMED)]
            assert not client.entry.finished
            return
        record = read_record({"id": PROJECT, "status": "cancelled"})
        outcome = client.take(client.session.apply_check(PROJECT, Verdict("finished", record), client.now, client.now))
        assert outcome.cancels == [(cancel, CancelOutcome.CANCELED)]
        assert client.entry.status is ProjectStatus.CANCELED
