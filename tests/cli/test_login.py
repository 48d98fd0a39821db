"""`sogni login`, `logout`, `whoami` and `balance`: nothing secret on a command line or a screen."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sogni.sandbox import Sandbox

from .conftest import Ran, Shell


@pytest.fixture
def real(net: Sandbox, folder: Path) -> Iterator[Shell]:
    """Runs commands for which `net` is the service itself."""
    places = {
        "SOGNI_REST_ENDPOINT": net.rest_endpoint,
        "SOGNI_SOCKET_ENDPOINT": net.socket_endpoint,
        "SOGNI_STATE_DIR": str(folder.parent / "state"),
    }
    made = Shell(folder, places)
    yield made
    made.end()


@pytest.fixture
def typed(real: Shell) -> Callable[..., Ran]:
    """Runs `sogni` with something on its standard input."""

    def run(text: str, *tokens: str, **variables: str) -> Ran:
        ended = subprocess.run(
            [sys.executable, "-m", "sogni.cli", *tokens],
            cwd=real.folder,
            env={**real.environment, **variables},
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    return run


def test_with_a_key(real: Shell, typed, folder: Path) -> None:
    ran = typed("sandbox-key\n", "login")
    assert (ran.code, ran.out) == (0, "Signed in as sandbox.\n")
    file = folder.parent / "state" / "sign-in" / "default.json"
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "sandbox-key" not in ran.out + ran.err
    who = real("whoami")
    assert re.fullmatch(r"sandbox \(0x[0-9a-fA-F]{40}\), signed in by API key\n", who.out)
    assert real("models").code == 0
    assert real("logout").out == "Signed out.\n"
    assert not file.exists()
    gone = real("whoami")
    assert gone.code == 3
    assert "sogni login" in gone.err


def test_with_name_and_password(real: Shell, typed, net: Sandbox) -> None:
    ran = typed("sandbox\n", "login", "--username", "Sandbox", "--json")
    (entry,) = ran.entries
    assert (ran.code, entry["event"], entry["username"]) == (0, "signed_in", "sandbox")
    (who,) = real("whoami", "--json").entries
    assert (who["event"], who["username"], who["signed_in"]) == ("account", "sandbox", "tokens")
    assert who["wallet_address"] == net.account().address
    net.account().set_balance(spark="12.50", sogni="3")
    rows = real("balance", "--json").entries
    assert {row["token"]: row["net"] for row in rows} == {"spark": "12.5", "sogni": "3"}
    table = real("balance").lines
    assert table[0].split() == ["token", "net", "settled", "premium"]
    assert table[1].split()[:2] == ["spark", "12.5"]


def test_profiles(real: Shell, typed, net: Sandbox) -> None:
    net.add_account("Worker", "bee")
    assert typed("bee\n", "login", "--username", "worker", "--profile", "work").code == 0
    assert real("whoami").code == 3
    assert real("whoami", "--profile", "work").out.startswith("Worker ")
    assert real("whoami", SOGNI_PROFILE="work").out.startswith("Worker ")
    assert real("logout", "--profile", "work").code == 0
    assert real("logout", "--profile", "../x").code == 2


def test_wrong_secrets_are_refused_and_not_stored(real: Shell, typed, folder: Path) -> None:
    for text, tokens, code in (
        ("another-secret-key\n", (), 3),
        ("the-wrong-one\n", ("--username", "sandbox"), 1),
        ("\n", (), 2),
        ("", (), 2),
    ):
        ran = typed(text, "login", *tokens)
        assert ran.code == code
        assert not text.strip() or text.strip() not in ran.out + ran.err
    assert not list((folder.parent / "state").rglob("*.json"))


def test_no_option_takes_a_secret(real: Shell) -> None:
    text = real("login", "--help").out
    assert "--username" in text
    assert not re.search(r"--(api-?key|password|token|secret)", text)
    assert real("login", "--password", "x").code == 2


def test_the_environment_comes_first(real: Shell, typed) -> None:
    ran = typed("sandbox-one\n", "login", SOGNI_API_KEY="sandbox-key")
    assert ran.code == 0
    assert "comes first" in ran.err
    by_environment = real("whoami", SOGNI_API_KEY="sandbox-key").out
    assert by_environment.startswith("sandbox (")
    assert real("whoami").out != by_environment
    out = real("logout", SOGNI_API_KEY="sandbox-key")
    assert out.code == 0
    assert "SOGNI_API_KEY" in out.err
    assert real("whoami").code == 3


def test_the_sandbox_needs_no_sign_in(shell: Shell) -> None:
    assert shell("login").code == 2
    assert shell("whoami").out.startswith("sandbox (")
    assert shell("balance").code == 0


@pytest.mark.skipif(os.name != "posix", reason="a terminal is needed")
def test_a_terminal_does_not_echo(real: Shell) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sogni.cli", "login", "--json"],
        cwd=real.folder,
        env=real.environment,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
        start_new_session=True,
    )
    real.started.append(process)
    os.close(terminal)
    shown = b""
    while b"not shown" not in shown:
        shown += os.read(controller, 1000)
    os.write(controller, b"sandbox-key\n")
    out, _ = process.communicate(timeout=40)
    try:
        while piece := os.read(controller, 1000):
            shown += piece
    except OSError:
        pass  # the other end is closed
    os.close(controller)
    assert process.returncode == 0
    assert json.loads(out)["event"] == "signed_in"
    assert b"sandbox-key" not in shown
