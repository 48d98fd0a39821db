"""The real command in processes of its own, against a real sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

import sogni
from sogni.sandbox import Sandbox

ROOT = Path(sogni.__file__).parents[1]


@frozen
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Lines of standard output."""
        return self.out.splitlines()

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Lines of standard output as JSON."""
        return [json.loads(line) for line in self.lines]


@frozen
class Shell:
    """Runs programs in a folder of their own, in an environment that has nothing of ours but what is given."""

    folder: Path
    variables: dict[str, str]
    started: list[subprocess.Popen[str]] = field(factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a program."""
        foreign = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SOGNI_", "PYTEST_", "COV_")) and name not in ("NO_COLOR", "FORCE_COLOR")
        }
        own = {
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
            "HOME": str(self.folder.parent / "home"),
            "TERM": "xterm-256color",
        }
        return {**foreign, **own, **self.variables}

    def __call__(self, *tokens: str, **variables: str) -> Ran:
        """Run `sogni`."""
        return self.python("-m", "sogni.cli", *tokens, **variables)

    def python(self, *arguments: str, **variables: str) -> Ran:
        """Run Python."""
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    def start(self, *tokens: str) -> subprocess.Popen[str]:
        """Start `sogni` and leave it running; Ctrl-C reaches it even when nothing else in this session takes it."""
        process = subprocess.Popen(
            [sys.executable, "-c", _UNDER_CTRL_C, *tokens],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """End what a test left running when it failed."""
        for process in self.started:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


# A process that was started with SIGINT ignored, as background jobs of a shell are, would never see it.
_UNDER_CTRL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from sogni.cli import main
sys.exit(main())
"""


@pytest.fixture
def net() -> Iterator[Sandbox]:
    """A sandbox of this test's own."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder in which commands run."""
    made = tmp_path / "here"
    made.mkdir()
    return made


@pytest.fixture
def shell(net: Sandbox, folder: Path) -> Iterator[Shell]:
    """Runs commands against `net`."""
    made = Shell(folder, {"SOGNI_SANDBOX_URL": net.url})
    yield made
    made.end()


@pytest.fixture
def offline(folder: Path) -> Iterator[Shell]:
    """Runs commands that know of no sandbox and no account."""
    # Port 9 of this computer: whatever gets there by mistake fails at once and leaves nothing.
    nowhere = {"SOGNI_REST_ENDPOINT": "http://127.0.0.1:9", "SOGNI_SOCKET_ENDPOINT": "ws://127.0.0.1:9"}
    made = Shell(folder, nowhere)
    yield made
    made.end()


@pytest.fixture
def interrupt() -> Callable[[subprocess.Popen[str]], Ran]:
    """Sends Ctrl-C and waits for the end."""

    def send(process: subprocess.Popen[str]) -> Ran:
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            # Python notices a signal that comes just before a thread waits for a lock only when that wait ends. People
            # press the keys again.
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        return Ran(process.returncode, out, err)

    return send
