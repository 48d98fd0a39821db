"""`sogni status`, `cancel` and `recent`: projects of earlier commands."""

from __future__ import annotations

import re

from sogni.sandbox import Sandbox

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_status(shell, net: Sandbox) -> None:
    net.script(hold_at="progress:3")
    (project_id,) = shell("image", "a fox", "-n", "2", "--detach").lines
    net.wait_for(lambda: net.project(project_id)["status"] == "progress")
    ran = shell("status", project_id.lower())
    assert re.fullmatch(rf"{project_id}  processing \(.*\d processing.*\)  krea2_turbo_fp8_scaled\n", ran.out)
    (entry,) = shell("status", project_id, "--json").entries
    assert (entry["event"], entry["status"], entry["count"]) == ("status", "processing", 2)
    assert {job["index"] for job in entry["jobs"]} == {0, 1}
    net.release()
    net.wait_for(lambda: net.project(project_id)["status"] == "completed")
    assert shell("status", project_id).out == f"{project_id}  completed  krea2_turbo_fp8_scaled\n"


def test_status_of_what_failed(shell, net: Sandbox) -> None:
    net.script(fail_jobs=[0])
    shell("image", "a fox")
    project_id = net.submissions[0].project_id
    ran = shell("status", project_id)
    assert (ran.code, ran.out) == (0, f"{project_id}  failed (1 failed)  krea2_turbo_fp8_scaled\n")


def test_cancel(shell, net: Sandbox) -> None:
    net.script(hold_at="progress:3")
    (project_id,) = shell("image", "a fox", "--detach").lines
    ran = shell("cancel", project_id)
    assert (ran.code, ran.out, ran.err) == (0, f"{project_id}  canceled\n", "")
    assert net.project(project_id)["status"] == "cancelled"
    assert shell("status", project_id).out.split()[1] == "canceled"
    ran = shell("cancel", project_id, "--json")
    assert ran.code == 1
    (entry,) = ran.entries
    assert (entry["project_id"], entry["error"]["code"]) == (project_id, "not_canceled")
    assert "too late" in entry["error"]["message"]


def test_cancel_that_nobody_confirms(shell, net: Sandbox) -> None:
    net.script(hold_at="progress:3", cancel_unconfirmed=True)
    (project_id,) = shell("image", "a fox", "--detach").lines
    ran = shell("cancel", project_id)
    assert ran.code == 5
    assert f"may still run, and cost. To look: sogni status {project_id}" in ran.err


def test_an_id_that_nobody_knows(shell) -> None:
    for command in ("status", "cancel"):
        ran = shell(command, NOBODY)
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (1, "", 1)
        assert NOBODY in ran.err
        assert "sogni recent" in ran.err


def test_recent(shell, net: Sandbox) -> None:
    assert shell("recent").out == ""
    net.script(withhold=[1])
    shell("image", "a fox", "-n", "2")
    project_id = net.submissions[0].project_id
    ran = shell("recent", "--hours", "1", "--limit", "10")
    assert ran.code == 0
    assert ran.lines[0].split() == ["project_id", "finished", "outputs", "model"]
    assert ran.lines[1].startswith(project_id)
    assert "1 completed, 1 withheld" in ran.lines[1] or "1 withheld, 1 completed" in ran.lines[1]
    (entry,) = shell("recent", "--json").entries
    assert (entry["event"], entry["project_id"]) == ("project", project_id)
    assert shell("recent", "--limit", "101").code == 2


def test_nobody_answers(shell, offline) -> None:
    shell.variables["SOGNI_SANDBOX_URL"] = "http://127.0.0.1:9"
    for tokens in (["image", "a fox"], ["models"], ["status", NOBODY]):
        ran = shell(*tokens)
        assert ran.code == 1
        assert "No sandbox runs at SOGNI_SANDBOX_URL, http://127.0.0.1:9." in ran.err
        assert ran.err.endswith("sogni sandbox serve --port 9\n")
        ran = offline(*tokens, SOGNI_API_KEY="sandbox-key")
        assert ran.code == 1
        assert ran.err.endswith("Check the network, or try it on this computer: --sandbox.\n")
