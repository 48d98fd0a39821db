"""What is lost with a connection, through the whole client: orders, cancels, and results that are looked for."""

from __future__ import annotations

import threading

from sogni import CancelOutcome, SogniClient
from sogni.sandbox import Sandbox
from sogni.sandbox.server import Server
from tests.orders import ORDER


def test_looking_for_one_project_holds_up_no_other(sandbox: Sandbox) -> None:
    with SogniClient(sandbox=sandbox) as client:
        sandbox.script(lose_before_accept=True)
        lost = client.projects.create(**ORDER)
        # The search for it has begun, and takes its time.
        sandbox.wait_for(lambda: [one for one in sandbox.log if one.path == f"/v1/projects/{lost.id}"], 20)
        sandbox.script(lose_results=(0,))
        other = client.projects.create(**ORDER)
        assert len(other.wait(timeout=5)) == 1, "its record is asked for all the same"
        assert not lost.finished
        assert len(lost.wait(timeout=30)) == 1
    assert [one.outcome for one in sandbox.submissions if one.project_id == lost.id] == ["lost", "accepted"]
    assert [one.outcome for one in sandbox.submissions if one.project_id == other.id] == ["accepted"]


def canceled_while_the_link_breaks(sandbox: Sandbox, network_canceled: bool) -> tuple[list[CancelOutcome], str]:
    """The outcome of a cancel whose answer is lost, and the status of its project."""
    sandbox.script(hold_at="progress:1")
    sandbox.script(cancel_silent=True)
    outcomes: list[CancelOutcome] = []
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        sandbox.wait_for(lambda: [one for one in sandbox.log if one.frame_kind == "jobProgress"])
        canceling = threading.Thread(target=lambda: outcomes.append(project.cancel(timeout=30)))
        canceling.start()
        sandbox.wait_for(lambda: [one for one in sandbox.log if (one.kind, one.frame_kind) == ("frame_in", "jobError")])

        def lose(server: Server) -> None:
            server.hub.drop_all(None)
            if network_canceled:
                server.stage.cancel(server.world.projects[project.id])

        sandbox._on_loop(lose)
        canceling.join(30)
        return outcomes, project.status.value


def test_a_cancel_that_was_lost_with_its_connection_is_sent_again(sandbox: Sandbox) -> None:
    assert canceled_while_the_link_breaks(sandbox, False) == ([CancelOutcome.CANCELED], "canceled")


def test_a_cancel_whose_answer_was_lost_tells_what_happened(sandbox: Sandbox) -> None:
    assert canceled_while_the_link_breaks(sandbox, True) == ([CancelOutcome.CANCELED], "canceled")
