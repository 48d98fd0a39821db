"""A server in a process group of its own: started, told to end, and nothing of it left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from sogni.sandbox import Sandbox

PROJECT = Path(__file__).parents[2]


def environment(sandbox: Sandbox, state: Path | None) -> dict[str, str]:
    """Variables that lead a program to the sandbox: as its sandbox, or, with a state folder, as an installed client
    that leases its app id like one of the real network does."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SOGNI_")}
    clean["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PROJECT), clean.get("PYTHONPATH"))))
    if state is None:
        return {**clean, "SOGNI_SANDBOX_URL": sandbox.url}
    place = {
        "api_key": sandbox.api_key,
        "rest_endpoint": sandbox.rest_endpoint,
        "socket_endpoint": sandbox.socket_endpoint,
    }
    return {**clean, "TEST_CLIENT": json.dumps(place), "SOGNI_STATE_DIR": str(state)}


class Running:
    """A module run by Python; what it prints is read all the time, so that it never waits for a reader."""

    def __init__(self, module: str, arguments: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int] = ()):
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT,
            env=env,
            pass_fds=pass_fds,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self._lines.extend(self.process.stdout)

    @property
    def output(self) -> str:
        """What it and its children have printed so far."""
        return "".join(self._lines)

    def terminate(self, timeout: float) -> None:
        """SIGTERM to the first process alone; returns when it is gone, and every other one of its group.

        The output ends when the last process that could write to it is gone.
        """
        self.process.terminate()
        assert self.process.wait(timeout) == 0, self.output
        self._reader.join(timeout)
        assert not self._reader.is_alive(), f"processes are left: {self.output}"

    def close(self) -> None:
        """Make sure that nothing is left, whatever the test did."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
