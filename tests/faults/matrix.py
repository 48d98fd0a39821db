"""The fault matrix as data: what breaks, what the user sees, and which tests show it. `python -m tests.faults.matrix`
writes `docs/faults.md` from it."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


@frozen
class Row:
    """One fault.

    Attributes:
        fault: What breaks.
        seen: What the user of the library sees.
        tests: Where that is shown, as `file::test` below `tests`; a test of a class as `file::Class::test`.
        lost: Results or orders that are gone and should not be.
        twice: Orders that were placed more often than asked for.
    """

    fault: str
    seen: str
    tests: tuple[str, ...]
    lost: str = "nothing"
    twice: str = "nothing"


@frozen
class Part:
    """Rows about one thing."""

    title: str
    rows: tuple[Row, ...]


_PROJECTS = "aio/test_projects.py"
_BAD = "aio/test_bad_days.py"
_DOWNLOADS = "unit/rest/test_downloads.py"
_UPLOADS = "unit/rest/test_uploads.py"
_HTTP = "unit/rest/test_http.py"
_SESSION = "unit/protocol/test_session.py"
_RECOVERY = "unit/protocol/test_recovery.py"
_FOUND = "unit/protocol/test_lost_and_found.py"
_PROCESSES = "only_blocking/test_processes.py"
_KILLED = "faults/test_killed.py"
_HOSTILE = "faults/test_hostile.py"
_LINK = "unit/io/test_link.py"
_DEFECTS = "unit/io/test_link_defects.py"

MATRIX: tuple[Part, ...] = (
    Part(
        "The connection",
        (
            Row(
                "It breaks at any moment of a project, with or without a close code",
                "Nothing: the wait goes on, and the client connects again by itself",
                (
                    f"{_PROJECTS}::TestBadConnections::test_a_link_that_breaks_loses_nothing",
                    f"{_SESSION}::TestLink::test_losing_it_ends_nothing",
                ),
            ),
            Row(
                "The server restarts (1001)",
                "Nothing: the wait goes on",
                (f"{_PROJECTS}::TestBadConnections::test_a_restart_of_the_server",),
            ),
            Row(
                "Orders are refused because the server restarts",
                "Nothing: the same request goes out with the next connection, three times at most; then the refusal",
                (
                    f"{_PROJECTS}::TestBadConnections::test_refused_while_restarting_it_is_sent_again",
                    f"{_SESSION}::TestRefusals::"
                    "test_a_restart_is_answered_by_the_same_request_on_the_next_link_three_times_at_most",
                    f"{_SESSION}::TestRefusals::test_a_link_that_comes_back_too_late_sends_nothing",
                ),
            ),
            Row(
                "An order is written to a connection that is dead already",
                "Nothing: it is sent again, once, when record, live list and status all know nothing of it",
                (
                    f"{_RECOVERY}::TestVerdicts::test_written_to_a_connection_that_died_it_is_sent_again_once",
                    f"{_FOUND}::TestOrders::"
                    "test_a_verdict_that_comes_while_the_link_is_down_sends_it_with_the_next_one",
                    f"{_KILLED}::test_the_server_before_it_read_the_order",
                ),
            ),
            Row(
                "It breaks in the middle of writing an order",
                "`SubmissionUncertain` with the id; the client never sends that order again",
                (f"{_RECOVERY}::TestVerdicts::test_an_uncertain_write_is_never_sent_again",),
            ),
            Row(
                "It breaks while another thread is writing",
                "Nothing: no byte of this order left, so it simply waits for the next connection",
                (f"{_DEFECTS}::test_half_a_frame_of_another_thread_is_not_half_of_mine",),
            ),
            Row(
                "A cancel is lost with its connection",
                "Nothing: it is sent again; the outcome says what really happened",
                (
                    f"{_FOUND}::TestCancels::test_one_that_was_lost_with_its_link_is_sent_with_the_next",
                    f"{_FOUND}::TestCancels::test_its_refusal_may_mean_that_the_first_one_worked",
                ),
            ),
            Row(
                "Another program takes the app id (4015)",
                "`Displaced` from every wait; the next call connects again",
                (f"{_PROJECTS}::TestBadConnections::test_displaced_is_named_and_only_the_next_call_connects_again",),
            ),
            Row(
                "The server ends it for good (4010, 4021, other 4xxx)",
                "`AuthenticationError` with the code; an API key is kept",
                (f"{_BAD}::test_refused_for_good",),
            ),
            Row(
                "The upgrade is refused with 401 or 403",
                "`AuthenticationError`; no endless tries",
                (f"{_BAD}::test_a_refused_key",),
            ),
            Row(
                "The upgrade is answered with 503, or closed at once",
                "A wait that takes longer: it tries again",
                (f"{_BAD}::test_connecting_goes_on_until_it_works",),
            ),
            Row(
                "A half-open peer: nothing comes, no pong",
                "Nothing: after two pings the client connects anew",
                (f"{_LINK}::test_a_peer_that_answers_no_ping_is_left",),
            ),
            Row(
                "A peer that sends the upgrade byte by byte, while the client closes",
                "`close` returns at once",
                (f"{_PROCESSES}::test_closing_does_not_wait_for_a_peer_that_dawdles",),
            ),
            Row(
                "`authenticated` never comes, or late, or without its lists",
                "Nothing: the snapshot is asked for; orders go out after ten seconds",
                (
                    f"{_SESSION}::TestLink::"
                    "test_without_authenticated_the_snapshot_is_asked_for_and_sends_go_out_after_ten_seconds",
                    f"{_RECOVERY}::test_a_list_that_is_not_there_is_no_information",
                ),
            ),
            Row(
                "A connection that was given up still brings frames",
                "Nothing: they are dropped",
                (f"{_DEFECTS}::test_what_an_abandoned_connection_still_brings_is_dropped",),
            ),
            Row(
                "Nobody answers at the address",
                "`ConnectFailed`, or `WaitTimeout` when that comes first; nothing was ordered",
                (f"{_BAD}::test_a_dead_host",),
            ),
            Row(
                "The name of the host does not exist",
                "`ConnectFailed`; nothing was ordered",
                (
                    f"{_HOSTILE}::test_a_name_of_the_socket_that_does_not_exist",
                    f"{_HTTP}::test_a_name_that_does_not_exist",
                ),
            ),
            Row(
                "An unknown certificate",
                "`ConnectFailed`; credentials were not sent",
                (f"{_LINK}::test_tls_is_verified_by_default", f"{_HTTP}::test_an_unknown_certificate_is_refused"),
            ),
            Row(
                "A proxy that is not there, or no address",
                "`ConnectFailed`, or `ConfigError`",
                (f"{_HTTP}::test_a_proxy_that_is_not_there", f"{_BAD}::test_a_proxy_that_is_no_address_ends_the_wait"),
            ),
        ),
    ),
    Part(
        "Frames",
        (
            Row(
                "Frames come twice, in another order, or late",
                "Nothing: the end is the same, and told once",
                (
                    f"{_PROJECTS}::TestBadConnections::test_frames_twice_out_of_order_or_nonsense_change_nothing",
                    "unit/protocol/test_session_properties.py::"
                    "test_any_order_and_any_repetition_of_the_same_frames_ends_the_same",
                ),
            ),
            Row(
                "The end is told again, and differently",
                "Nothing: the first end stands",
                (f"{_HOSTILE}::test_the_end_told_again_and_again", f"{_SESSION}::TestEnds::test_final_statuses_stick"),
            ),
            Row(
                "A result is never announced",
                "The result all the same, a second later: it is looked up",
                (
                    f"{_PROJECTS}::TestBadConnections::test_a_result_that_was_never_announced_is_found_in_the_record",
                    f"{_FOUND}::TestResults::test_a_service_that_does_not_answer_is_no_sign_that_there_are_none",
                ),
            ),
            Row(
                "The end is never announced",
                "The end all the same: a silent project is asked about",
                (f"{_SESSION}::TestSilence::test_it_is_only_a_question_and_three_answers_decide",),
            ),
            Row(
                "A worker takes over, announced or not; the old one still talks",
                "`Requeued`, and the result of whoever finishes",
                (
                    f"{_PROJECTS}::TestBadConnections::test_a_render_that_moves_to_another_worker",
                    f"{_SESSION}::TestMovedRenders::test_results_of_a_retired_id_are_dropped",
                    f"{_FOUND}::TestResults::test_a_record_knows_which_worker_stayed",
                ),
            ),
            Row(
                "Complete, without one good output",
                "The error of the outputs, in whatever order it was told",
                (f"{_FOUND}::TestResults::test_complete_without_one_good_output_is_a_failure_in_any_order",),
            ),
            Row(
                "Unknown kinds, wrong types, NaN, infinity, negative places, deep nesting, projects of others",
                "Nothing: what cannot be understood is dropped",
                (f"{_HOSTILE}::test_hostile_frames", "unit/protocol/test_session_properties.py::test_invariants"),
            ),
            Row(
                "A frame larger than 32 MiB",
                "Nothing: the connection is dropped and made anew",
                (f"{_HOSTILE}::test_a_frame_larger_than_allowed_costs_the_connection_and_nothing_else",),
            ),
            Row(
                "A frame that is named like an event of our own (`disconnected`)",
                "Nothing: it can neither sign out nor end a wait",
                (f"{_HOSTILE}::test_hostile_frames",),
            ),
            Row(
                "A server that takes a render back for ever",
                "`Requeued` for as long as it likes; memory stays bounded",
                (f"{_HOSTILE}::test_a_server_that_takes_a_render_back_for_ever_fills_no_memory",),
            ),
        ),
    ),
    Part(
        "Look-ups, uploads, downloads",
        (
            Row(
                "A project is missing from the snapshot, and nobody can say why",
                "Nothing: unknown is never called lost; it is asked again",
                (
                    f"{_RECOVERY}::TestVerdicts::test_unknown_is_never_lost",
                    f"{_FOUND}::TestOrders::test_who_cannot_say_is_asked_again",
                ),
            ),
            Row(
                "429 and 503",
                "An answer that takes longer: the server's wait is kept within a budget",
                (f"{_BAD}::test_a_busy_server_is_asked_again", f"{_HTTP}::test_the_servers_wait_is_kept_if_it_fits"),
            ),
            Row(
                "HTML, text, nothing or half of it where JSON belongs",
                "`ServerError` or `ProtocolError`, with the first words of it",
                (
                    f"{_BAD}::test_what_does_not_get_better_is_told",
                    "unit/rest/test_answers.py::test_synthesised_messages",
                ),
            ),
            Row(
                "A server that never answers, or drips",
                "`WaitTimeout` at the deadline",
                (
                    f"{_BAD}::test_a_timeout_holds_while_the_server_hangs",
                    f"{_HTTP}::test_drops_of_bytes_do_not_outwit_a_deadline",
                ),
            ),
            Row(
                "A body without end, or one that lies about its length",
                "`ProtocolError`, or `TransferError`",
                (f"{_HTTP}::test_a_body_without_end", f"{_DOWNLOADS}::test_a_store_that_always_breaks"),
            ),
            Row(
                "A redirect to another host",
                "`ApiError`; credentials were not sent there",
                (f"{_HTTP}::test_redirects_are_errors_and_leak_nothing",),
            ),
            Row(
                "A token has run out, while many threads ask",
                "Nothing: one renewal for all",
                (
                    f"{_BAD}::TestTokens::test_a_token_that_ran_out_is_renewed_once_for_all",
                    f"{_HTTP}::test_fifty_threads_one_renewal",
                ),
            ),
            Row(
                "An upload is refused",
                "`TransferError`; nothing was ordered",
                (f"{_BAD}::test_an_upload_that_fails_orders_nothing",),
            ),
            Row(
                "An upload breaks off",
                "Nothing: it is begun again from the first byte",
                (f"{_BAD}::test_an_upload_that_fails_orders_nothing", f"{_UPLOADS}::test_a_connection_that_breaks"),
            ),
            Row(
                "A download breaks off",
                "Nothing: it goes on where it broke, and is checked",
                (f"{_BAD}::test_a_download_that_breaks_is_resumed", f"{_DOWNLOADS}::test_it_goes_on_where_it_broke"),
            ),
            Row(
                "A signed URL has run out",
                "Nothing: a new one is asked for",
                (
                    f"{_DOWNLOADS}::test_a_stale_address_is_renewed_once",
                    f"{_DOWNLOADS}::test_an_address_that_runs_out_on_the_way",
                ),
            ),
            Row(
                "The file has changed between two parts",
                "Nothing: it is fetched from the beginning; never two halves of different files",
                (f"{_DOWNLOADS}::test_other_content_is_not_glued_on",),
            ),
            Row(
                "A full disk",
                "`TransferError` that names the file; no half file, and it can be saved again",
                (
                    f"{_KILLED}::test_a_full_disk_under_a_whole_order",
                    f"{_DOWNLOADS}::test_a_full_disk",
                    f"{_DOWNLOADS}::test_a_disk_that_fills_on_the_way",
                ),
            ),
            Row(
                "A folder that cannot be written to",
                "`TransferError` that names it; nothing is left",
                (f"{_BAD}::test_no_place_for_the_file", f"{_DOWNLOADS}::test_places_that_cannot_be_written"),
            ),
        ),
    ),
    Part(
        "Processes, threads, clocks",
        (
            Row(
                "The server is killed in the middle of a job and comes back without memory",
                "`ProjectLost`: the truth; what a worker had begun is never ordered again by itself",
                (f"{_KILLED}::test_the_server_in_the_middle_of_a_job",),
                lost="the server's memory",
            ),
            Row(
                "The server is killed before it read the order",
                "Nothing: the order is sent again under the same id",
                (f"{_KILLED}::test_the_server_before_it_read_the_order",),
            ),
            Row(
                "The client is killed while it uploads",
                "Nothing was ordered",
                (f"{_KILLED}::test_the_client_in_the_middle_of_an_upload",),
            ),
            Row(
                "A worker is killed while it waits",
                "The next process takes over its app id; `projects.resume(id)` has the results",
                (
                    f"{_KILLED}::test_a_worker_in_the_middle_of_a_wait",
                    "unit/test_app_ids.py::test_processes_get_ids_of_their_own_and_a_crash_frees_one",
                ),
            ),
            Row(
                "SIGTERM in a wait",
                "The project carries on; `projects.resume(id)`",
                (f"{_KILLED}::test_terminating_a_program_leaves_its_project_running",),
            ),
            Row(
                "Ctrl-C in a wait",
                "`KeyboardInterrupt`; the project carries on, and a log line says how to pick it up",
                (f"{_PROCESSES}::test_ctrl_c_ends_the_wait_and_not_the_render",),
            ),
            Row(
                "Ctrl-C in a download",
                "`KeyboardInterrupt`; no half file",
                (f"{_DOWNLOADS}::test_ctrl_c_leaves_nothing",),
            ),
            Row(
                "A wait is given up, or its task canceled",
                "Only that wait ends",
                (
                    f"{_PROJECTS}::test_giving_up_a_wait_leaves_the_project_running",
                    "only_aio/test_loops.py::test_canceling_a_wait_loses_nothing_and_disturbs_nobody",
                ),
            ),
            Row(
                "A fork with a client that is open",
                "Both sides work; a wait that was taken along fails with `ConnectionLost` in the child",
                (
                    f"{_PROCESSES}::test_a_client_made_before_the_fork_works_on_both_sides",
                    f"{_PROCESSES}::test_a_wait_that_the_fork_took_along_fails_in_the_child",
                ),
            ),
            Row(
                "A program ends without closing",
                "It ends; the project carries on",
                (f"{_PROCESSES}::test_a_program_that_forgets_to_close_ends_by_itself",),
            ),
            Row(
                "A client is closed while others wait",
                "`ClosedError` in each of them",
                (f"{_PROCESSES}::test_closing_wakes_every_wait",),
            ),
            Row(
                "A client is dropped without closing",
                "`ResourceWarning`; no thread and no socket is left",
                (f"{_PROCESSES}::test_a_client_that_is_dropped_is_collected_with_a_warning",),
            ),
            Row(
                "32 threads share one client",
                "Nothing: one connection, one catalogue, each its own results",
                (f"{_PROCESSES}::test_one_client_shared_by_many_threads",),
            ),
            Row(
                "The clock jumps by ten years",
                "Nothing: only durations count",
                (f"{_HOSTILE}::test_a_clock_that_jumps",),
            ),
            Row(
                "A callback raises, or calls `sys.exit`",
                "A line in the log; every callback gets the next event",
                (f"{_HOSTILE}::test_callbacks_that_raise",),
            ),
            Row(
                "A callback blocks",
                "Waits and orders go on; its events come when it is ready",
                (f"{_HOSTILE}::test_a_callback_that_blocks_holds_up_nobody_else",),
            ),
            Row(
                "An iterator that nobody reads",
                "Memory stays bounded; the last events are there whenever it is read",
                (f"{_HOSTILE}::test_a_stream_that_nobody_reads_stays_small_and_still_ends",),
            ),
        ),
    ),
)


def page() -> str:
    """`docs/faults.md`."""
    count = sum(len(part.rows) for part in MATRIX)
    lines = [
        "# What breaks, and what you see",
        "",
        f"{count} faults, each with the tests that show it. *Lost* and *ordered twice* say what that costs.",
        "This page is written by `python -m tests.faults.matrix`, and a test fails when it is not fresh.",
        "",
        "Beyond single faults, `nox -s soak` sends thousands of projects through hundreds of random ones, with a fixed",
        "seed, and compares what every user was told with the books of the network.",
    ]
    for part in MATRIX:
        lines += ["", f"## {part.title}", "", "| What breaks | What you see | Lost | Ordered twice | Shown by |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for row in part.rows:
            shown = ", ".join(f"`{test.rpartition('::')[2]}`" for test in row.tests)
            lines.append(f"| {row.fault} | {row.seen} | {row.lost} | {row.twice} | {shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
