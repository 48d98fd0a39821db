"""Every mistake of the published clients that their reference marks has a test here, or one that `ROWS` names."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sogni._protocol import frames
from sogni._protocol.backoff import LONGEST, reconnect_delay
from sogni._protocol.closing import closing
from sogni._protocol.failures import read_code
from sogni._protocol.messages import read_record, read_snapshot
from sogni._protocol.outcome import Outcome
from sogni._protocol.recovery import Verdict, rebuild
from sogni.errors import ProtocolError
from sogni.types.project import JobStatus, LinkState, ProjectStatus
from tests.faults.named import missing

from .transcripts import PROJECT, Client

_HERE = "unit/protocol/test_bug_rows.py::"
_SESSION = "unit/protocol/test_session.py::"
_RECOVERY = "unit/protocol/test_recovery.py::"
_FOUND = "unit/protocol/test_lost_and_found.py::"
_PROJECTS = "aio/test_projects.py::"
_HTTP = "unit/rest/test_http.py::"
_HOSTILE = "faults/test_hostile.py::"

# The mistake -> the test that would have caught it.
ROWS: dict[str, str] = {
    # projects and jobs
    "a stale start estimate outlives the queue": f"{_HERE}test_any_frame_of_a_render_ends_the_estimate_of_its_start",
    "percentages round half to even": f"{_HERE}test_halves_are_rounded_up",
    "a model that only reports estimates stays queued": f"{_HERE}test_a_render_that_has_started_is_processing",
    "late progress reopens what is complete": f"{_SESSION}TestEnds::test_final_statuses_stick",
    "a late `queued` reopens what is complete": f"{_HERE}test_nothing_reopens_a_project_that_is_over",
    "a late result revives a canceled job": f"{_SESSION}TestEnds::test_a_canceled_job_stays_canceled",
    "a failed project ignores the server's completion": f"{_SESSION}TestEnds::test_the_server_corrects_our_own_verdict",
    "receipts of stored records are believed": f"{_HERE}test_receipts_are_checked_on_every_path",
    "a receipt with a newline after it is taken": f"{_HERE}test_receipts_are_checked_on_every_path",
    "progress and results do not confirm the request": f"{_SESSION}"
    "test_any_frame_that_names_the_project_confirms_the_request",
    "language-model frames become jobs without an id": f"{_SESSION}test_frames_without_a_render_id_make_no_job",
    "an estimate without a render makes a job": f"{_SESSION}test_an_estimate_never_makes_a_job",
    "a field that is missing erases what is known": f"{_SESSION}test_a_field_that_a_frame_lacks_keeps_its_value",
    "an estimate that is no number raises": f"{_HERE}test_an_estimate_that_is_no_number_is_none",
    "error numbers are read loosely": f"{_HERE}test_error_numbers",
    "a step count of the wrong form counts": f"{_SESSION}test_odd_numbers_never_lose_a_frame",
    "jobs of a failed project stay open": f"{_SESSION}TestEnds::test_a_failed_project_settles_its_jobs",
    # completion
    "a wait returns before the last result is there": f"{_SESSION}TestEnds::"
    "test_complete_only_counts_with_every_result",
    "complete is told twice": f"{_HOSTILE}test_the_end_told_again_and_again",
    "failed is told again with every change": f"{_SESSION}TestEnds::test_all_failed_outputs_fail_the_project_once",
    "a missed result hangs the wait": f"{_SESSION}TestEnds::test_a_missing_result_is_asked_for_and_then_given_up",
    "one 404 ends the search for a result": f"{_FOUND}TestResults::"
    "test_a_service_that_does_not_answer_is_no_sign_that_there_are_none",
    "giving up one wait gives up all": "only_aio/test_loops.py::"
    "test_canceling_a_wait_loses_nothing_and_disturbs_nobody",
    "a count that is text counts as one": f"{_HERE}test_counts_that_are_text",
    "results come in the order they were seen": f"{_PROJECTS}test_several_outputs_come_in_job_order",
    "a delivered, labelled result is withheld after a reconnect": f"{_HERE}test_labels_survive_a_reconnect",
    "an expired address is kept for ever": "unit/rest/test_downloads.py::test_a_stale_address_is_renewed_once",
    # workers
    "a silently moved render makes a second job": f"{_SESSION}TestMovedRenders::test_no_more_jobs_than_ordered",
    "the only render is not recognised": f"{_SESSION}TestMovedRenders::test_a_single_render_is_always_the_only_one",
    "the departed worker's frames make a job": f"{_SESSION}TestMovedRenders::test_results_of_a_retired_id_are_dropped",
    "a replay erases the place of a job": f"{_HERE}test_a_replay_keeps_places_and_prefers_what_is_complete",
    "a render in both lists takes the older entry": f"{_HERE}test_a_replay_keeps_places_and_prefers_what_is_complete",
    # ordering
    "tracked only after the send": f"{_HERE}test_an_answer_that_comes_while_the_order_is_written_counts",
    "refusals of a restart are resent without end": f"{_SESSION}TestRefusals::"
    "test_a_restart_is_answered_by_the_same_request_on_the_next_link_three_times_at_most",
    "the generation is read after the send": f"{_HERE}test_the_connection_that_an_order_was_written_to_is_noted_before",
    "the watch on a resend outlives the client": f"{_SESSION}TestRefusals::"
    "test_a_link_that_comes_back_too_late_sends_nothing",
    # canceling
    "a cancel waits on though the project has ended": f"{_SESSION}TestCancel::test_ended_meanwhile",
    "the error before the confirmation is a failure": f"{_SESSION}TestCancel::"
    "test_the_error_frame_before_the_confirmation_counts_as_canceled",
    "one caller's patience ends the cancel of all": f"{_SESSION}TestCancel::test_all_who_ask_share_one_request",
    # the gap
    "no list is read as an empty list": f"{_RECOVERY}test_a_list_that_is_not_there_is_no_information",
    "an old snapshot moves a job backwards": f"{_RECOVERY}"
    "test_what_was_missed_is_added_and_live_state_never_goes_backwards",
    "renders without an id collapse into one": f"{_RECOVERY}test_renders_without_an_identity_are_skipped",
    "canceled passes through failed": f"{_RECOVERY}TestVerdicts::test_canceled_goes_straight_there",
    "a project that is over comes back as a ghost": f"{_RECOVERY}test_a_project_that_ended_lately_is_no_ghost",
    "a 503 is read as lost": f"{_RECOVERY}test_the_last_word",
    "without the live list it is called lost": f"{_RECOVERY}test_the_last_word",
    "a completion during the look-up is overwritten": f"{_HERE}test_a_completion_during_a_look_up_stands",
    "5xx answers cancel a live render": f"{_SESSION}TestSilence::test_activity_and_any_other_answer_begin_anew",
    "projects that only fail are kept for ever": f"{_SESSION}TestEnds::"
    "test_finished_projects_leave_after_thirty_seconds_whatever_ended_them",
    "waiters are left behind by closing": "only_blocking/test_processes.py::test_closing_wakes_every_wait",
    # the connection
    "an absolute address takes the credentials along": f"{_HTTP}test_paths_that_are_not_ours",
    "a send opens the socket that was ruled out": "aio/test_bad_days.py::test_the_socket_can_be_ruled_out",
    "a redirect takes the API key along": f"{_HTTP}test_redirects_are_errors_and_leak_nothing",
    "an upgrade follows redirects with the API key": "unit/io/test_link_defects.py::"
    "test_a_redirect_of_the_upgrade_is_not_followed",
    "a late 401 wipes newer credentials": f"{_HTTP}test_answers_of_an_older_session_are_dropped",
    "a 401 wipes the API key": f"{_HTTP}test_a_401_keeps_the_api_key",
    "JSON that is none is sent": f"{_HERE}test_frames_carry_no_nan",
    "a frame without data is dropped": f"{_HERE}test_a_frame_without_data_is_one",
    "an id that is no text raises": f"{_HERE}test_ids_are_folded_whatever_they_are",
    "deep nesting signs out": f"{_HOSTILE}test_hostile_frames",
    "a wire frame passes for a local event": f"{_HOSTILE}test_hostile_frames",
    "frames have no bound": f"{_HOSTILE}test_a_frame_larger_than_allowed_costs_the_connection_and_nothing_else",
    "a read error signs out": f"{_HERE}test_a_connection_that_broke_by_itself_signs_nobody_out",
    "a refused upgrade is tried for ever": "aio/test_bad_days.py::test_a_refused_key",
    "no pong is waited for": "unit/io/test_link.py::test_a_peer_that_answers_no_ping_is_left",
    "the delay overflows after a thousand tries": f"{_HERE}test_the_delay_stays_at_its_cap",
    "the first connection is tried once": "aio/test_bad_days.py::test_connecting_goes_on_until_it_works",
    "two clients throw each other off": f"{_PROJECTS}TestBadConnections::"
    "test_displaced_is_named_and_only_the_next_call_connects_again",
    "credentials reach the log": "aio/test_bad_days.py::test_a_refused_key",
    "queries of signed addresses reach the log": "unit/rest/test_auth.py::test_redact",
    "a silent server hangs the reader": f"{_HTTP}test_silence_ends_without_a_deadline_too",
}


def test_every_mistake_has_its_test() -> None:
    assert missing(tuple(ROWS.values())) == []


def test_any_frame_of_a_render_ends_the_estimate_of_its_start() -> None:
    for kind, payload in (("jobProgress", {"step": 1}), ("jobResult", {}), ("jobState", {"type": "initiatingModel"})):
        client = Client(2)
        client.state("queued", queuePosition=3, estimatedStartSeconds=60, queueStatus="waiting")
        assert client.entry.estimated_start_at == client.now + 60
        client.frame(kind, imgID="A", jobIndex=0, **payload)
        assert client.entry.estimated_start_at is None, kind
        assert client.entry.queue_status is None


def test_halves_are_rounded_up() -> None:
    client = Client(4)
    for name in "AB":
        client.state("jobStarted", imgID=name)
        client.frame("jobProgress", imgID=name, step=1, stepCount=4)
    assert client.entry.progress(client.now) == 13  # 12.5


def test_a_render_that_has_started_is_processing() -> None:
    client = Client()
    client.state("queued")
    client.state("jobStarted", imgID="A")
    client.frame("jobETA", imgID="A", etaSeconds=9)
    assert client.entry.status is ProjectStatus.PROCESSING


@pytest.mark.parametrize("end", ["completed", "failed", "canceled"])
def test_nothing_reopens_a_project_that_is_over(end: str) -> None:
    client = Client()
    client.state("jobStarted", imgID="A")
    if end == "completed":
        client.frame("jobResult", imgID="A")
        client.state("jobCompleted")
    else:
        client.frame("jobError", error="artistCanceled" if end == "canceled" else "genfailure", isFromWorker=True)
    before = (client.entry.status, client.job.state.status)
    assert client.entry.status.value == end
    client.state("queued", queuePosition=2)
    client.state("jobStarted", imgID="A")
    client.frame("jobProgress", imgID="A", step=1, stepCount=4)
    client.frame("jobRetry", imgID="A", attempt=1, maxAttempts=3)
    client.frame("jobError", imgID="A", error="genfailure")
    assert (client.entry.status, client.job.state.status) == before


def test_receipts_are_checked_on_every_path() -> None:
    bad: dict[str, Any] = {"sha256": "a" * 64 + "\n", "maskWidth": -3, "samVersion": "1\n", "maskBox": [0, 0, 2, 1]}
    good = {"sha256": "AB" * 32}
    live = Client()
    live.frame("jobResult", imgID="A", **bad)
    assert live.job.state.provenance is None
    stored = Client()
    done = {"imgID": "A", "status": "jobCompleted", "result": bad}
    record = read_record({"id": PROJECT, "status": "completed", "completedWorkerJobs": [done]})
    stored.take(stored.session.apply_record(PROJECT, record, stored.now))
    assert stored.job.state.status is JobStatus.COMPLETED
    assert stored.job.state.provenance is None
    sound = Client()
    sound.frame("jobResult", imgID="A", result=good)
    assert sound.job.state.provenance is not None
    assert sound.job.state.provenance.sha256 == "ab" * 32


@pytest.mark.parametrize("eta", ["soon", None, [], {}, True, -1, float("nan"), float("inf"), 10**400])
def test_an_estimate_that_is_no_number_is_none(eta: object) -> None:
    client = Client()
    client.state("jobStarted", imgID="A")
    client.frame("jobETA", imgID="A", etaSeconds=eta)
    client.frame("jobETA", etaSeconds=eta)
    assert client.job.eta(client.now) is None
    assert len(client.entry.jobs) == 1


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (4078, (4078, None)),
        ("4078", (4078, None)),
        (" 4078 ", (4078, None)),
        ("jobTimedOut", (5003, "jobTimedOut")),
        ("genfailure", (5000, "genfailure")),
        (None, (5000, None)),
        ("", (5000, None)),
        ("12.5", (5000, "12.5")),
        (12.5, (5000, None)),
        (True, (5000, None)),
        ([], (5000, None)),
        ("9" * 30, (5000, "9" * 30)),
    ],
)
def test_error_numbers(sent: object, read: tuple[int, str | None]) -> None:
    assert read_code(sent) == read


@pytest.mark.parametrize(
    ("count", "number"), [("3", 3), (3, 3), (3.0, 3), ("x", 1), (0, 1), (None, 1), (-2, 1), (True, 1), ("9" * 20, 1)]
)
def test_counts_that_are_text(count: object, number: int) -> None:
    request = base64.b64encode(json.dumps({"numberOfImages": count, "keyFrames": [{}]}).encode()).decode()
    entry = rebuild(read_record({"id": PROJECT, "status": "active", "clientRequestData": request}), 1.0)
    assert entry.number_of_media == number


def test_labels_survive_a_reconnect() -> None:
    client = Client()
    done = {
        "imgID": "A",
        "status": "jobCompleted",
        "triggeredNSFWFilter": True,
        "nsfwDetected": True,
        "nsfwSources": ["image"],
    }
    snapshot = read_snapshot(
        {
            "activeProjects": [],
            "unclaimedCompletedProjects": [{"id": PROJECT, "status": "completed", "completedWorkerJobs": [done]}],
        }
    )
    client.take(client.session.apply_snapshot(snapshot, client.now, "authenticated", client.now))
    assert not client.job.state.withheld
    assert client.job.state.nsfw_sources == ("image",)


def test_a_replay_keeps_places_and_prefers_what_is_complete() -> None:
    client = Client(2)
    client.state("jobStarted", imgID="A", jobIndex=1)
    running = {"imgID": "A", "status": "jobProgress", "performedSteps": 2}
    record = read_record(
        {
            "id": PROJECT,
            "status": "progress",
            "workerJobs": [running],
            "completedWorkerJobs": [{"imgID": "A", "status": "jobCompleted"}],
        }
    )
    client.take(client.session.apply_verdicts({PROJECT: Verdict("active", record)}, client.now, client.now))
    assert client.job.state.status is JobStatus.COMPLETED
    assert client.job.state.index == 1


def test_an_answer_that_comes_while_the_order_is_written_counts() -> None:
    # `submit` comes before the write; so whatever the server says meanwhile finds the project.
    client = Client()
    client.frame("jobError", error=4078, error_message="no plan")
    assert client.entry.status is ProjectStatus.FAILED
    assert client.entry.error is not None
    assert client.entry.error.message == "no plan"


def test_the_connection_that_an_order_was_written_to_is_noted_before() -> None:
    client = Client()
    written_to = client.session.generation
    client.session.link_down(client.now)
    assert client.entry.submission is not None
    assert client.entry.submission.generation == written_to < client.session.generation


def test_a_completion_during_a_look_up_stands() -> None:
    client = Client()
    asked_at = client.now
    client.now += 300
    client.frame("jobResult", imgID="A")
    client.state("jobCompleted")
    for _ in range(4):
        outcome = client.session.apply_check(PROJECT, Verdict("lost"), asked_at, client.now)
        assert outcome == Outcome()
    assert client.session.apply_verdicts({PROJECT: Verdict("lost")}, asked_at, client.now) == Outcome()
    assert client.entry.status is ProjectStatus.COMPLETED


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_frames_carry_no_nan(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        frames.encode("jobRequest", {"keyFrames": [{"guidanceScale": number}]})


def test_a_frame_without_data_is_one() -> None:
    for text in ('{"type":"x"}', '{"type":"x","data":null}', '{"type":"x","data":""}'):
        frame = frames.decode(text)
        assert (frame.kind, frames.body(frame)) == ("x", None)
    with pytest.raises(ProtocolError):
        frames.decode('{"type":"x","data":5}')


@pytest.mark.parametrize(("sent", "folded"), [("ab-c", "AB-C"), (12, "12"), ([1], "[1]"), ({"a": 1}, "{'A': 1}")])
def test_ids_are_folded_whatever_they_are(sent: object, folded: str) -> None:
    text = base64.b64encode(json.dumps({"jobID": sent, "imgID": None}).encode()).decode()
    assert frames.body(frames.Frame("jobState", text)) == {"jobID": folded, "imgID": None}


@pytest.mark.parametrize("code", [0, 1005, 1006, 1001, 1011, 2999, 3999])
def test_a_connection_that_broke_by_itself_signs_nobody_out(code: int) -> None:
    what = closing(code)
    assert what.reconnect
    assert not what.sign_out
    assert what.state is LinkState.RECONNECTING


def test_the_delay_stays_at_its_cap() -> None:
    assert reconnect_delay(5000, 0.5) == LONGEST
