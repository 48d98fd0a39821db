"""gunicorn with preload: a client that was used in the master is used on by the master and by every worker."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from sogni.sandbox import Sandbox

from .running import Running, environment

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")

WORKERS = 3


class Site:
    """The application, served by gunicorn; requests run side by side."""

    def __init__(self, sandbox: Sandbox, state: Path | None, listener: socket.socket, pool: ThreadPoolExecutor) -> None:
        sandbox.script(hold_at="progress:1")  # what the master orders first
        self._port = listener.getsockname()[1]
        self._pool = pool
        bind = f"fd://{listener.fileno()}"
        arguments = ["--config", "python:tests.servers.gunicorn_conf", "--bind", bind, "tests.servers.web:application"]
        self.running = Running("gunicorn", arguments, environment(sandbox, state), [listener.fileno()])

    def get(self, path: str) -> Future[dict[str, Any]]:
        """The answer to a request, which a free worker takes."""
        return self._pool.submit(self._get, path)

    def _get(self, path: str) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=25)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, self.running.output
            found: dict[str, Any] = json.loads(body)
            return found
        finally:
            connection.close()


@contextmanager
def serving(sandbox: Sandbox, state: Path | None) -> Iterator[Site]:
    with (
        ThreadPoolExecutor(2 * WORKERS, thread_name_prefix="visitor") as pool,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        site = Site(sandbox, state, listener, pool)
        try:
            yield site
        finally:
            # Nobody waits for an answer that will not come.
            listener.close()
            site.running.close()


def of_workers(sandbox: Sandbox) -> dict[str, int]:
    """The orders of the workers, each with the process that sent it."""
    found = {one.project_id: one.prompt.split() for one in sandbox.submissions}
    return {project: int(words[1]) for project, words in found.items() if words[0] == "worker"}


def held_by_each_worker(sandbox: Sandbox, site: Site) -> list[Future[dict[str, Any]]]:
    """A request in each worker: one worker has one at a time, and the sandbox ends none before it is told to."""
    sandbox.wait_for(lambda: [one for one in sandbox.submissions if one.prompt == "before"], 20)
    sandbox.script(hold_at="progress:1", times=WORKERS)
    asked = [site.get("/render") for _ in range(WORKERS)]
    sandbox.wait_for(lambda: len(of_workers(sandbox)) == WORKERS, 20)
    return asked


@pytest.mark.parametrize("installed", [False, True], ids=["sandbox", "installed"])
def test_master_and_workers_use_one_client(sandbox: Sandbox, tmp_path: Path, installed: bool) -> None:
    with serving(sandbox, tmp_path if installed else None) as site:
        first = held_by_each_worker(sandbox, site)
        workers = set(of_workers(sandbox).values())
        assert len(workers) == WORKERS
        assert sandbox.open_sockets == 1 + WORKERS
        sandbox.release()
        answers = [one.result(25) for one in first]
        answers += [one.result(25) for one in [site.get("/render") for _ in range(2 * WORKERS)]]
        assert {one["project"]: one["pid"] for one in answers} == of_workers(sandbox), "each got what it ordered"
        assert len(of_workers(sandbox)) == 3 * WORKERS
        assert all(one["bytes"] > 0 for one in answers)
        assert "resume" in site.get("/inherited").result(25)["lost"], "what the master ordered is the master's"
        site.running.terminate(10)
        assert "master: 1 1" in site.running.output
    sandbox.wait_for(lambda: sandbox.open_sockets == 0)
    assert {one.outcome for one in sandbox.submissions} == {"accepted"}
    assert len({one.project_id for one in sandbox.submissions}) == len(sandbox.submissions) == 3 + 3 * WORKERS
    opened = [one.app_id for one in sandbox.log if one.kind == "open"]
    assert len(set(opened)) == len(opened) == 1 + WORKERS, "one socket per process, for all its life"


def test_the_app_id_of_a_killed_worker_goes_to_its_replacement(sandbox: Sandbox, tmp_path: Path) -> None:
    with serving(sandbox, tmp_path) as site:
        held = held_by_each_worker(sandbox, site)
        ids = {one.project_id: one.app_id for one in sandbox.submissions}
        master_id = next(one.app_id for one in sandbox.submissions if one.prompt == "before")
        project, pid = next(iter(of_workers(sandbox).items()))
        os.kill(pid, signal.SIGKILL)
        sandbox.wait_for(lambda: sandbox.open_sockets == WORKERS)
        # The other workers are busy, so only the new one can take this; it finds what the killed one had ordered.
        heir = site.get(f"/resume?id={project}")
        sandbox.wait_for(lambda: sandbox.open_sockets == 1 + WORKERS, 20)
        sandbox.release()
        answer = heir.result(25)
        assert answer["project"] == project
        assert answer["pid"] not in of_workers(sandbox).values()
        failures = [one.exception(25) for one in held]
        (failure,) = [one for one in failures if one is not None]
        assert isinstance(failure, OSError | HTTPException), "the visitor of the killed worker"
        site.running.terminate(10)
    opened = [one.app_id for one in sandbox.log if one.kind == "open"]
    assert opened[-1] == ids[project], "the freed id"
    assert len(set(opened)) == 1 + WORKERS
    assert len(opened) == 2 + WORKERS
    assert opened[0] == master_id
