"""What is shown: plain lines, JSON lines, bars in a terminal; and which stream it goes to."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from sogni.sandbox import Sandbox

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ALWAYS = ["event", "project_id", "job", "index", "progress", "path", "error"]


def test_plain_lines(shell, net: Sandbox) -> None:
    ran = shell("image", "a fox", FORCE_COLOR="1")
    assert not CONTROL.search(ran.out + ran.err)
    lines = ran.err.splitlines()
    assert lines[0] == f"Project {net.submissions[0].project_id}"
    assert lines[1].startswith("picture: ")
    assert lines[-1] == "picture: done"
    assert len(lines) == len(set(lines))
    assert len(lines) < 15
    assert ran.lines == [line for line in ran.lines if line.endswith(".png")]


def test_plain_lines_say_why_it_waits(shell, net: Sandbox) -> None:
    net.script(queue_position=2, waiting="concurrency_limit", hold_at="queued")
    process = shell.start("image", "a fox")
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "2 ahead" in line:
            break
    assert re.match(r"picture: in the queue, 2 ahead \(.*concurrency limit\)", lines[-1]), lines
    net.release()
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_plain_lines_of_several(shell, net: Sandbox) -> None:
    net.script(reassign_worker="progress:3")
    ran = shell("image", "a fox", "-n", "2")
    assert ran.code == 0
    assert "picture 1/2: done" in ran.err
    assert "picture 2/2: done" in ran.err
    assert "moved to another worker" in ran.err


def test_quiet(shell, net: Sandbox) -> None:
    ran = shell("--quiet", "image", "a fox", "--steps", "99")
    assert (ran.code, ran.err, len(ran.lines)) == (0, "", 1)
    net.fail_next("insufficient_funds")
    ran = shell("image", "a fox", "--quiet")
    assert ran.err.startswith("sogni: Insufficient funds.")


def test_json_lines(shell, net: Sandbox, folder: Path) -> None:
    ran = shell("image", "a fox", "-n", "2", "--json")
    assert (ran.code, ran.err) == (0, "")
    entries = ran.entries
    for entry in entries:
        assert list(entry)[: len(ALWAYS)] == ALWAYS
        assert entry["project_id"] == net.submissions[0].project_id
    assert entries[0]["event"] == "submitted"
    assert (entries[0]["kind"], entries[0]["count"]) == ("image", 2)
    assert entries[-1]["event"] == "completed"
    progress = [entry for entry in entries if entry["event"] == "progress"]
    assert all(0 <= entry["progress"] <= 100 and entry["index"] in (0, 1) for entry in progress)
    finished = [entry for entry in entries if entry["event"] == "finished"]
    assert {entry["index"] for entry in finished} == {0, 1}
    for entry in finished:
        assert (folder / entry["path"]).is_file()
        assert entry["seed"] is not None
        assert entry["withheld"] is False


def test_json_of_the_queue(shell, net: Sandbox) -> None:
    net.script(queue_position=2, waiting="concurrency_limit", hold_at="queued")
    process = shell.start("image", "a fox", "--json")
    assert process.stdout is not None
    entries = (json.loads(line) for line in process.stdout)
    queued = next(entry for entry in entries if entry["event"] == "queued" and entry["position"] is not None)
    assert (queued["position"], queued["reason"]) == (2, "concurrency_limit")
    assert "concurrency limit" in queued["message"]
    net.release()
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_json_of_an_error(shell, net: Sandbox) -> None:
    net.fail_next("insufficient_funds")
    ran = shell("image", "a fox", "--json")
    assert ran.code == 4
    last = ran.entries[-1]
    assert last["event"] == "error"
    assert last["exit_code"] == 4
    assert last["project_id"] == net.submissions[0].project_id
    assert last["error"]["code"] == "insufficient_funds"
    assert last["error"]["message"] == "Insufficient funds."
    assert last["error"]["hint"]
    assert ran.err.startswith("sogni: Insufficient funds.")


def test_json_of_a_mistyped_command(shell) -> None:
    ran = shell("image", "--json")
    assert ran.code == 2
    assert [entry["error"]["code"] for entry in ran.entries] == ["usage"]


def test_json_of_a_failed_output(shell, net: Sandbox) -> None:
    net.script(fail_jobs=[1], withhold=[0])
    entries = shell("image", "a fox", "-n", "2", "--json").entries
    (failed,) = [entry for entry in entries if entry["event"] == "job_failed"]
    assert failed["error"]["code"] == "project_failed"
    (finished,) = [entry for entry in entries if entry["event"] == "finished"]
    assert (finished["withheld"], finished["path"]) == (True, None)


def test_reading_half_of_it(shell) -> None:
    process = shell.start("models")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 1
    assert err == ""


def test_starting_loads_little(offline) -> None:
    ran = offline.python("-X", "importtime", "-m", "sogni.cli", "--version")
    assert re.fullmatch(r"sogni \d+\.\d+\.\d+\S*\n", ran.out)
    loaded = {line.rpartition("|")[2].strip() for line in ran.err.splitlines()}
    for name in ("requests", "websocket", "aiohttp", "PIL", "asyncio", "rich.progress", "sogni.cli.image"):
        assert name not in loaded


@pytest.mark.parametrize("tokens", [[], ["--help"], ["image", "--help"], ["estimate"], ["sandbox", "serve", "--help"]])
def test_help(offline, tokens: list[str]) -> None:
    ran = offline(*tokens)
    assert (ran.code, ran.err) == (0, "")
    assert "Usage: sogni" in ran.out
    assert "--sandbox" in ran.out
    assert "\x1b" not in ran.out


# --- a terminal -----------------------------------------------------------------------------------------------------


def in_terminal(shell, *tokens: str, **variables: str) -> tuple[int, str]:
    """Run `sogni` in a terminal of 100 columns; its exit code and everything that was drawn."""
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import subprocess
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "sogni.cli", *tokens],
        cwd=shell.folder,
        env={**shell.environment, **variables},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    drawn = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # how Linux says that nobody has the other end open any more
            break
        if not piece:
            break
        drawn += piece
    os.close(ours)
    return process.wait(30), drawn.decode()


def test_bars(shell, net: Sandbox, folder: Path) -> None:
    code, drawn = in_terminal(shell, "image", "a fox", "-n", "2", "-o", "out")
    assert code == 0
    assert "\x1b[2K" in drawn  # lines are drawn again
    assert COLOUR.search(drawn)
    for label in ("picture 1/2", "picture 2/2"):
        assert label in drawn
    assert drawn.count("━") > 100
    assert "100 % done" in COLOUR.sub("", drawn)
    # The bars are finished before the paths are printed.
    last = COLOUR.sub("", drawn).replace("\x1b[?25h", "").splitlines()[-2:]
    assert sorted(last) == sorted(str(path.relative_to(folder)) for path in (folder / "out").iterdir())


def test_bars_show_the_queue(shell, net: Sandbox) -> None:
    net.script(queue_position=3, delay=0.15)
    _, drawn = in_terminal(shell, "image", "a fox")
    assert "in the queue, 3 ahead" in drawn


def test_one_bar_when_there_are_too_many(shell) -> None:
    code, drawn = in_terminal(shell, "image", "a fox", "-n", "22", "--size", "256x256")
    assert code == 0
    assert "22 outputs" in drawn
    assert "picture 1/22" not in drawn


@pytest.mark.parametrize("how", ["option", "variable"])
def test_no_colours(shell, how: str) -> None:
    tokens = ["--no-color"] if how == "option" else []
    _, drawn = in_terminal(shell, "image", "a fox", *tokens, **({} if tokens else {"NO_COLOR": "1"}))
    assert "\x1b[2K" in drawn
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9;]+m", drawn)


def test_a_simple_terminal(shell) -> None:
    code, drawn = in_terminal(shell, "image", "a fox", TERM="dumb")
    assert code == 0
    assert "\x1b" not in drawn
    assert "picture: done" in drawn


def test_json_in_a_terminal(shell) -> None:
    _, drawn = in_terminal(shell, "image", "a fox", "--json")
    assert "\x1b" not in drawn


def test_an_error_in_a_terminal(shell, net: Sandbox) -> None:
    net.fail_next("genfailure")
    code, drawn = in_terminal(shell, "image", "a fox")
    assert code == 1
    assert drawn.splitlines()[-1].endswith("sogni: Generation failed.")
    assert "\x1b[?25h" in drawn  # the cursor is back


def test_a_table_in_a_terminal(shell) -> None:
    code, drawn = in_terminal(shell, "models", "--kind", "audio", "--online")
    assert code == 0
    assert "ace_step_1.5_xl_turbo" in drawn
    assert "workers" in drawn
