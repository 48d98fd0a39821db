"""Ctrl-C: the command ends with 130 and says how to resume; what was ordered carries on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sogni.sandbox import Sandbox

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C by itself there")


def wait_for_news(process, word: str) -> None:
    """Read what is shown until a word comes."""
    assert next((line for line in process.stderr if word in line), None) is not None


def test_while_it_renders(shell, net: Sandbox, folder: Path, interrupt: Callable[..., Any]) -> None:
    net.script(hold_at="progress:3")
    process = shell.start("image", "a fox", "-o", "foxes")
    wait_for_news(process, "rendering")
    ran = interrupt(process)
    project_id = net.submissions[0].project_id
    resume = f"sogni wait {project_id} -o foxes"
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.splitlines()[-1] == (
        f"sogni: Interrupted; project {project_id} carries on. To take it up again: {resume}"
    )
    assert "Traceback" not in ran.err

    net.wait_for(lambda: net.open_sockets == 0)
    assert net.project(project_id)["status"] != "completed"
    net.release()
    net.wait_for(lambda: net.project(project_id)["status"] == "completed")
    ran = shell(*resume.split()[1:])
    assert ran.code == 0
    with Image.open(folder / ran.lines[0]) as picture:
        picture.load()
    assert len(net.submissions) == 1


def test_while_it_renders_for_a_program(shell, net: Sandbox, interrupt: Callable[..., Any]) -> None:
    net.script(hold_at="progress:3")
    process = shell.start("image", "a fox", "--json")
    next(line for line in process.stdout if '"event": "progress"' in line)
    ran = interrupt(process)
    last = ran.entries[-1]
    assert ran.code == last["exit_code"] == 130
    assert (last["event"], last["error"]["code"]) == ("error", "interrupted")
    assert last["project_id"] == net.submissions[0].project_id


def test_waiting_can_be_interrupted_and_resumed(shell, net: Sandbox, interrupt: Callable[..., Any]) -> None:
    net.script(hold_at="progress:3")
    (project_id,) = shell("image", "a fox", "--detach").lines
    process = shell.start("wait", project_id)
    wait_for_news(process, "Project")
    ran = interrupt(process)
    assert ran.code == 130
    assert f"sogni wait {project_id}" in ran.err
    net.release()
    assert shell("wait", project_id).code == 0


def test_before_anything_was_ordered(shell, net: Sandbox, interrupt: Callable[..., Any]) -> None:
    net.script(no_authenticated=True, times=None)
    process = shell.start("image", "a fox")
    net.wait_for(lambda: net.open_sockets == 1)
    ran = interrupt(process)
    assert ran.code == 130
    assert "nothing was ordered" in ran.err
    assert not net.submissions


def test_with_a_sandbox_of_its_own(offline, interrupt: Callable[..., Any]) -> None:
    process = offline.start("demo")
    wait_for_news(process, "rendering")
    ran = interrupt(process)
    assert ran.code == 130
    assert ran.err.splitlines()[-1] == "sogni: Interrupted; the sandbox of this command ended with it."
