"""The live state, as transcripts: frames in, statuses and events out."""

from __future__ import annotations

import pytest

from sogni._protocol import jobs
from sogni._protocol.outcome import CheckAlive, FetchRecord, FetchSnapshot, Resubmit
from sogni._protocol.recovery import Verdict
from sogni.errors import (
    ConsentRequired,
    PlanLimit,
    ProjectCanceled,
    ProjectFailed,
    ProjectLost,
    ServerError,
    SessionChanged,
)
from sogni.types.project import CancelOutcome, JobStatus, ProjectStatus

from .transcripts import PROJECT, Client


def test_the_life_of_a_render() -> None:
    client = Client(steps=10)
    client.state("queued", queuePosition=2, estimatedStartSeconds=8, queueStatus="waiting")
    assert (client.entry.status, client.entry.queue_position) == (ProjectStatus.QUEUED, 2)
    client.state("assigned", workerName="w")
    client.state("initiatingModel", imgID="A", workerName="w", jobIndex=0)
    assert client.entry.status is ProjectStatus.QUEUED
    assert client.entry.queue_position is None
    client.state("jobStarted", imgID="A", workerName="w", jobIndex=0)
    assert client.entry.status is ProjectStatus.PROCESSING
    client.frame("jobProgress", imgID="A", step=5, stepCount=10)
    assert client.job.progress(client.now) == 50
    client.frame("jobResult", imgID="A", performedStepCount=10, lastSeed="42")
    assert client.job.state.seed == 42
    assert not client.entry.finished
    client.state("jobCompleted")
    assert client.entry.status is ProjectStatus.COMPLETED
    assert client.kinds == ["Queued", "Initiating", "Started", "Finished", "Completed"]


def test_any_frame_that_names_the_project_confirms_the_request() -> None:
    for kind, payload in [
        ("jobState", {"type": "assigned"}),
        ("jobETA", {"etaSeconds": 3, "imgID": "A"}),
        ("projectQueue", {}),
        ("jobRetry", {"imgID": "A"}),
    ]:
        client = Client()
        if kind == "jobETA":
            jobs.add_job(client.entry, "A", None)
        client.frame(kind, **payload)
        assert client.entry.submission is None, kind


def test_progress_only_rises_within_an_attempt_and_starts_again_at_the_next() -> None:
    client = Client()
    client.state("jobStarted", imgID="A", jobIndex=0)
    for step in (3, 7, 5):
        client.frame("jobProgress", imgID="A", step=step, stepCount=10, jobIndex=0)
    assert client.job.progress(client.now) == 70
    client.frame("jobRetry", imgID="A", jobIndex=0, attempt=1, maxAttempts=3, error="workerDisconnected")
    assert client.job.progress(client.now) == 0
    assert client.job.state.status is JobStatus.PENDING
    client.state("jobStarted", imgID="B", jobIndex=0)
    client.frame("jobProgress", imgID="B", step=1, stepCount=10, jobIndex=0)
    assert client.job.progress(client.now) == 10
    assert client.job.state.id == "B"
    client.frame("jobProgress", imgID="A", step=9, stepCount=10)  # the departed worker still talks
    assert client.job.progress(client.now) == 10


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"progress": 0.25}, 25),
        ({"progress": 1}, 100),
        ({"progress": 40}, 40),
        ({"progress": True, "step": 1, "stepCount": 4}, 25),
        ({"step": 1, "stepCount": 8}, 13),  # 12.5 is rounded up, not to even
        ({"step": 99, "stepCount": 10}, 100),
        ({"step": 10**400, "stepCount": 3}, 0),
        ({"step": 2, "stepCount": 0}, 0),
        ({"progress": float("nan")}, 0),
    ],
)
def test_progress_in_percent(body: dict[str, object], expected: int) -> None:
    client = Client()
    client.state("jobStarted", imgID="A")
    client.frame("jobProgress", imgID="A", **body)
    assert client.job.progress(client.now) == expected


def test_an_estimate_alone_gives_progress_too() -> None:
    client = Client()
    client.state("jobStarted", imgID="A")
    client.frame("jobETA", imgID="A", etaSeconds=10)
    assert client.job.progress(client.now) == 1
    assert client.job.progress(client.now + 5) == 50
    assert client.job.progress(client.now + 60) == 95
    assert client.job.eta(client.now + 4) == 6


def test_an_estimate_never_makes_a_job() -> None:
    client = Client()
    client.frame("jobETA", etaSeconds=10)
    client.frame("jobETA", imgID="A", etaSeconds=10)
    assert client.entry.jobs == []


def test_frames_without_a_render_id_make_no_job() -> None:
    client = Client()
    for kind in ("jobProgress", "jobResult", "jobRetry"):
        client.frame(kind, step=1)
    client.state("jobStarted", workerName="w")
    client.state("initiatingModel", imgID="", workerName="w")
    assert client.entry.jobs == []


def test_a_field_that_a_frame_lacks_keeps_its_value() -> None:
    client = Client(2)
    client.state("initiatingModel", imgID="A", workerName="w", jobIndex=1, positivePrompt="p")
    client.state("jobStarted", imgID="A")
    state = client.job.state
    assert (state.worker, state.index, state.positive_prompt) == ("w", 1, "p")


class TestMovedRenders:
    def test_the_place_identifies_a_silently_moved_render(self) -> None:
        client = Client(2)
        client.state("jobStarted", imgID="A", jobIndex=0)
        client.state("jobStarted", imgID="B", jobIndex=1)
        client.frame("jobProgress", imgID="C", jobIndex=1, step=1, stepCount=2)
        assert [job.state.id for job in client.entry.jobs] == ["A", "C"]
        assert "Requeued" in client.kinds

    def test_a_single_render_is_always_the_only_one(self) -> None:
        client = Client()
        client.state("jobStarted", imgID="A")
        client.frame("jobResult", imgID="B", lastSeed=1)
        assert client.job.state.status is JobStatus.COMPLETED

    def test_no_more_jobs_than_ordered(self) -> None:
        client = Client(2)
        for img_id in "ABCDEF":
            client.state("jobStarted", imgID=img_id)
        assert len(client.entry.jobs) == 2

    def test_a_finished_sibling_is_never_taken_over(self) -> None:
        client = Client(2)
        client.frame("jobResult", imgID="A", jobIndex=0)
        client.frame("jobResult", imgID="C", jobIndex=0)
        assert [job.state.id for job in client.entry.jobs] == ["A"]

    def test_a_retry_without_a_known_id_is_found_by_its_place(self) -> None:
        client = Client(2)
        client.state("jobStarted", imgID="A", jobIndex=1)
        client.frame("jobRetry", imgID="UNKNOWN", jobIndex=1, attempt=1)
        assert client.job.state.status is JobStatus.PENDING

    def test_results_of_a_retired_id_are_dropped(self) -> None:
        client = Client()
        client.state("jobStarted", imgID="A", jobIndex=0)
        client.frame("jobRetry", imgID="A", jobIndex=0)
        client.state("jobStarted", imgID="B", jobIndex=0)
        client.frame("jobResult", imgID="A", jobIndex=0)
        assert client.job.state.status is JobStatus.PROCESSING


class TestEnds:
    def test_final_statuses_stick(self) -> None:
        client = Client()
        client.frame("jobResult", imgID="A")
        client.state("jobCompleted")
        for _ in range(2):
            client.frame("jobProgress", imgID="A", step=1, stepCount=9)
            client.state("queued", queuePosition=1)
            client.state("jobStarted", imgID="A")
            client.frame("jobError", imgID="A", error="genfailure")
            client.frame("jobError", error="genfailure")
            client.frame("jobResult", imgID="A")
            client.state("jobCompleted")
        assert client.entry.status is ProjectStatus.COMPLETED
        assert client.job.state.status is JobStatus.COMPLETED
        assert client.kinds == ["Finished", "Completed"]

    def test_complete_only_counts_with_every_result(self) -> None:
        client = Client(2)
        client.frame("jobResult", imgID="A", jobIndex=0)
        client.state("jobCompleted")
        assert client.entry.status is ProjectStatus.COMPLETED
        assert "Completed" not in client.kinds
        client.frame("jobResult", imgID="B", jobIndex=1)
        assert client.kinds[-1] == "Completed"

    def test_a_missing_result_is_asked_for_and_then_given_up(self) -> None:
        client = Client(2)
        client.frame("jobResult", imgID="A", jobIndex=0)
        client.state("jobStarted", imgID="B", jobIndex=1)
        client.state("jobCompleted")
        asked = 0
        for _ in range(30):
            if client.tick(1.0).effects == [FetchRecord(PROJECT)]:
                asked += 1
                client.take(client.session.apply_look(PROJECT, None, True, client.now))
        assert asked == 4
        assert client.kinds[-1] == "Completed"
        assert len(client.entry.jobs) == 1

    def test_a_result_beats_an_error_of_the_same_render(self) -> None:
        client = Client(2)
        client.frame("jobError", imgID="A", jobIndex=0, error="genfailure", error_message="no")
        client.frame("jobResult", imgID="A", jobIndex=0)
        assert client.entry.jobs[0].state.status is JobStatus.COMPLETED

    def test_the_server_corrects_our_own_verdict(self) -> None:
        client = Client()
        client.frame("jobError", imgID="A", error="genfailure")
        assert client.entry.status is ProjectStatus.FAILED
        client.frame("jobResult", imgID="A")
        client.state("jobCompleted")
        assert client.entry.status is ProjectStatus.COMPLETED
        assert client.entry.error is None

    def test_a_canceled_job_stays_canceled(self) -> None:
        client = Client()
        client.state("jobStarted", imgID="A")
        client.session.request_cancel(PROJECT, client.now)
        client.frame("artistCancelConfirmation", didCancel=True)
        client.frame("jobResult", imgID="A")
        assert client.job.state.status is JobStatus.CANCELED

    def test_one_failed_output_leaves_the_others(self) -> None:
        client = Client(2)
        client.frame("jobError", imgID="A", jobIndex=0, error="genfailure", error_message="broken")
        assert not client.entry.finished
        client.frame("jobResult", imgID="B", jobIndex=1)
        client.state("jobCompleted")
        assert client.kinds == ["JobFailed", "Finished", "Completed"]
        error = client.entry.jobs[0].state.error
        assert isinstance(error, ProjectFailed)
        assert (error.job_id, error.original_code, error.message) == ("A", "genfailure", "broken")

    def test_all_failed_outputs_fail_the_project_once(self) -> None:
        client = Client(2)
        for img_id, index in (("A", 0), ("B", 1)):
            client.frame("jobError", imgID=img_id, jobIndex=index, error=5003)
        assert client.kinds == ["JobFailed", "JobFailed", "Failed"]

    def test_a_failed_project_settles_its_jobs(self) -> None:
        client = Client(2)
        client.state("jobStarted", imgID="A")
        client.frame("jobError", error="workerDisconnected", isFromWorker=True)
        assert client.job.state.status is JobStatus.FAILED
        assert client.kinds[-1] == "Failed"

    def test_canceled_by_somebody_else_is_canceled(self) -> None:
        client = Client()
        client.state("jobStarted", imgID="A")
        client.frame("jobError", error="artistCanceled")
        assert client.entry.status is ProjectStatus.CANCELED
        assert isinstance(client.entry.error, ProjectCanceled)

    def test_finished_projects_leave_after_thirty_seconds_whatever_ended_them(self) -> None:
        for end in (
            lambda client: client.frame("jobError", error="genfailure"),
            lambda client: (client.frame("jobResult", imgID="A"), client.state("jobCompleted")),
        ):
            client = Client()
            end(client)
            client.tick(29)
            assert PROJECT in client.session.projects
            client.tick(2)
            assert PROJECT not in client.session.projects

    def test_a_collected_project_never_comes_back_by_a_frame(self) -> None:
        client = Client()
        client.frame("jobError", error="genfailure")
        client.tick(31)
        client.state("jobStarted", imgID="A")
        client.frame("jobResult", imgID="A")
        assert client.session.projects == {}


class TestRefusals:
    def test_before_any_job_it_is_the_answer_of_the_server(self) -> None:
        client = Client()
        client.frame("jobError", error=4079, error_message="too many", subscriptionLimit=True, requiredPlans=["pro"])
        error = client.entry.error
        assert isinstance(error, PlanLimit)
        assert error.status is None
        assert error.details == {"subscription_limit": True, "required_plans": ("pro",)}

    def test_consent(self) -> None:
        client = Client()
        client.frame("jobError", error="4103", consentRequired={"key": "k", "version": 1, "modelId": "m"})
        assert isinstance(client.entry.error, ConsentRequired)

    def test_a_restart_is_answered_by_the_same_request_on_the_next_link_three_times_at_most(self) -> None:
        client = Client()
        for _ in range(3):
            client.frame("jobError", error=1001, error_message="restarting")
            assert not client.entry.finished
            client.session.link_down(client.now)
            client.session.link_open(client.now)
            outcome = client.session.receive("authenticated", {}, client.now)
            assert [effect for effect in outcome.effects if isinstance(effect, Resubmit)] == [
                Resubmit(client.entry, "the request")
            ]
            client.session.resubmitted(client.entry, client.now)
        client.frame("jobError", error=1001, error_message="restarting")
        assert client.entry.status is ProjectStatus.FAILED
        assert client.entry.error is not None
        assert client.entry.error.retryable

    def test_no_link_within_a_minute_is_the_restart_error(self) -> None:
        client = Client()
        client.frame("jobError", error=1001, error_message="restarting")
        client.tick(61)
        assert client.entry.status is ProjectStatus.FAILED
        assert client.entry.error is not None
        assert client.entry.error.message == "restarting"

    def test_an_admitted_request_is_not_resent(self) -> None:
        client = Client()
        client.state("queued")
        client.frame("jobError", error=1001)
        assert client.entry.status is ProjectStatus.FAILED

    def test_what_the_new_link_lists_is_not_sent_again(self) -> None:
        client = Client()
        client.frame("jobError", error=1001)
        client.session.link_down(client.now)
        client.session.link_open(client.now)
        listed = {"activeProjects": [{"id": PROJECT, "status": "queued"}], "unclaimedCompletedProjects": []}
        outcome = client.session.receive("authenticated", listed, client.now)
        assert not [effect for effect in outcome.effects if isinstance(effect, Resubmit)]
        assert not client.entry.finished

    def test_a_link_that_comes_back_too_late_sends_nothing(self) -> None:
        client = Client()
        client.frame("jobError", error=1001, error_message="restarting")
        client.session.link_down(client.now)
        client.now += 3600
        client.session.link_open(client.now)
        outcome = client.take(client.session.receive("authenticated", {}, client.now))
        assert not [effect for effect in outcome.effects if isinstance(effect, Resubmit)]
        assert client.entry.status is ProjectStatus.FAILED
        assert not client.session.may_resubmit(client.entry)


@pytest.mark.parametrize("text", ["--5", "5-", "1e3", "\u0665", "9" * 40])
def test_odd_numbers_never_lose_a_frame(text: str) -> None:
    client = Client()
    client.frame("jobResult", imgID="A", lastSeed=text, performedStepCount=text, jobIndex=text)
    assert client.job.state.status is JobStatus.COMPLETED
    client = Client()
    client.frame("jobError", error=text, isFromWorker=True)
    assert client.entry.status is ProjectStatus.FAILED


def test_a_start_beyond_all_calendars_is_no_time() -> None:
    client = Client()
    client.state("queued", queuePosition=1, estimatedStartSeconds=1e13)
    assert client.entry.snapshot(client.now).estimated_start is None


class TestCancel:
    def ask(self, client: Client) -> object:
        cancel, must_send = client.session.request_cancel(PROJECT, client.now)
        assert must_send
        return cancel

    def test_confirmed(self) -> None:
        client = Client()
        client.state("jobStarted", imgID="A")
        cancel = self.ask(client)
        outcome = client.frame("artistCancelConfirmation", didCancel=True)
        assert outcome.cancels == [(cancel, CancelOutcome.CANCELED)]
        assert client.entry.status is ProjectStatus.CANCELED
        assert client.job.state.status is JobStatus.CANCELED
        assert PROJECT not in client.session.projects

    def test_refused_leaves_the_project_running(self) -> None:
        client = Client()
        cancel = self.ask(client)
        outcome = client.frame("artistCancelConfirmation", didCancel=False, error_message="no")
        assert outcome.cancels == [(cancel, CancelOutcome.UNCONFIRMED)]
        assert not client.entry.finished

    def test_silence(self) -> None:
        client = Client()
        cancel = self.ask(client)
        assert client.tick(119).cancels == []
        assert client.tick(2).cancels == [(cancel, CancelOutcome.UNCONFIRMED)]

    def test_ended_meanwhile(self) -> None:
        client = Client()
        cancel = self.ask(client)
        client.frame("jobResult", imgID="A")
        assert client.state("jobCompleted").cancels == [(cancel, CancelOutcome.TOO_LATE)]

    def test_the_error_frame_before_the_confirmation_counts_as_canceled(self) -> None:
        client = Client()
        cancel = self.ask(client)
        outcome = client.frame("jobError", error="artistCanceled")
        assert outcome.cancels == [(cancel, CancelOutcome.CANCELED)]
        client.frame("artistCancelConfirmation", didCancel=True)
        assert client.kinds == ["Canceled"]

    def test_all_who_ask_share_one_request(self) -> None:
        client = Client()
        cancel = self.ask(client)
        assert client.session.request_cancel(PROJECT, client.now) == (cancel, False)

    def test_finished_needs_none(self) -> None:
        client = Client()
        client.frame("jobError", error="genfailure")
        assert client.session.request_cancel(PROJECT, client.now) == (None, False)

    def test_an_unknown_id_is_still_asked_for(self) -> None:
        client = Client()
        cancel, must_send = client.session.request_cancel("OTHER", client.now)
        assert must_send
        assert client.frame("artistCancelConfirmation", jobID="OTHER", didCancel=True).cancels == [
            (cancel, CancelOutcome.CANCELED)
        ]


class TestLink:
    def test_losing_it_ends_nothing(self) -> None:
        client = Client()
        client.state("jobStarted", imgID="A")
        client.session.link_down(client.now)
        assert client.entry.status is ProjectStatus.PROCESSING

    def test_without_authenticated_the_snapshot_is_asked_for_and_sends_go_out_after_ten_seconds(self) -> None:
        client = Client()
        client.session.link_down(client.now)
        client.session.link_open(client.now)
        assert FetchSnapshot("connected") in client.tick(1.6).effects
        assert not client.session.ready
        assert client.tick(9).became_ready

    def test_workers_connections_are_not_ours(self) -> None:
        client = Client()
        client.session.link_down(client.now)
        client.session.link_open(client.now)
        client.session.receive("authenticated", {"clientType": "worker"}, client.now)
        assert not client.session.ready

    def test_models_are_forgotten_with_the_network(self) -> None:
        client = Client()
        client.session.receive("swarmModels", {"m": 2, "bad": "x"}, client.now)
        assert client.session.worker_counts == {"m": 2}
        client.session.receive("changeNetwork", {"network": "relaxed"}, client.now)
        assert (client.session.network, client.session.worker_counts) == ("relaxed", {})
        client.session.receive("changeNetwork", "fast", client.now)
        assert client.session.network == "fast"


class TestSilence:
    def test_it_is_only_a_question_and_three_answers_decide(self) -> None:
        client = Client()
        assert client.tick(119).effects == []
        for strike in range(3):
            assert client.tick(1 if strike == 0 else 120).effects == [CheckAlive(PROJECT)], strike
            client.take(client.session.apply_check(PROJECT, Verdict("lost"), client.now, client.now))
            assert client.entry.finished is (strike == 2)
        assert isinstance(client.entry.error, ProjectLost)

    def test_activity_and_any_other_answer_begin_anew(self) -> None:
        client = Client()
        client.tick(60)
        client.state("queued", queuePosition=4)
        assert client.tick(100).effects == []
        for answer in ("lost", "lost", "unknown", "lost", "lost", "active"):
            client.take(client.session.apply_check(PROJECT, Verdict(answer), client.now, client.now))
        assert not client.entry.finished

    def test_it_does_not_count_while_the_link_is_down(self) -> None:
        client = Client()
        client.session.link_down(client.now)
        assert client.tick(1000).effects == []

    def test_a_finished_project_is_not_asked_for(self) -> None:
        client = Client()
        client.frame("jobError", error="genfailure")
        assert client.tick(1000).effects == []


def test_another_account_ends_what_is_open_here() -> None:
    client = Client()
    client.take(client.session.fail_unfinished(SessionChanged("another account"), client.now))
    assert isinstance(client.entry.error, SessionChanged)
    assert client.kinds == ["Failed"]


def test_queue_explanations() -> None:
    why = {"reason": "concurrency_limit", "message": "two at a time", "mediaType": "video", "paymentModel": "?"}
    client = Client(2)
    client.frame("projectQueue", waitingReason=why, jobWaitingReasons=[])
    reason = client.entry.waiting_reason
    assert reason is not None
    assert (reason.reason, reason.media_type, reason.payment_model) == ("concurrency_limit", "video", None)
    client.state("queued", queuePosition=1)
    assert client.entry.waiting_reason is not None, "a queue frame without the keys says nothing about it"
    client.frame("projectQueue", waitingReason={"reason": "made up", "message": "x"})
    assert client.entry.waiting_reason is None
    client.frame("projectQueue", waitingReason=why)
    client.state("jobStarted", imgID="A")
    assert client.entry.waiting_reason is None


def test_withheld_and_labelled_results() -> None:
    table = {
        (None, None): (False, False),
        (None, True): (False, True),
        (True, None): (True, False),
        (True, True): (False, True),
        ("yes", 1): (False, False),
    }
    for (triggered, detected), (withheld, labelled) in table.items():
        client = Client()
        client.frame(
            "jobResult", imgID="A", triggeredNSFWFilter=triggered, nsfwDetected=detected, nsfwSources=["image"]
        )
        state = client.job.state
        assert (state.withheld, state.nsfw_detected) == (withheld, labelled)


def test_a_repeated_result_may_bring_the_missing_url_but_no_second_event() -> None:
    client = Client()
    client.frame("jobResult", imgID="A")
    client.frame("jobResult", imgID="A", resultUrl="https://vendor.example/x.mp4")
    assert client.job.state.hosted_url == "https://vendor.example/x.mp4"
    assert client.kinds == ["Finished"]


def test_server_error_for_a_restart_without_words() -> None:
    client = Client()
    client.frame("jobError", error=1001)
    client.entry.submission.refusal = None  # type: ignore[union-attr]
    client.tick(61)
    assert isinstance(client.entry.error, ServerError)
