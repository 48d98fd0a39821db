"""Orders that are never doubled and never lost: keys, what an installation remembers, and recovery after a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sogni.sandbox import Sandbox
from sogni_async import (
    Displaced,
    InsufficientFunds,
    Progress,
    ProjectFailed,
    ProjectStatus,
    SogniClient,
    SubmissionUncertain,
    ValidationError,
)
from tests.orders import ORDER, order

CRASH = """
import os, sys, json
from sogni import SogniClient
client = SogniClient(sys.argv[1], rest_endpoint=sys.argv[2], socket_endpoint=sys.argv[3])
for _ in range(int(sys.argv[5])):
    project = client.projects.create(**json.loads(sys.argv[4]))
    next(iter(project.events(timeout=60)))  # the order has arrived
    print(project.id, client._engine.settings.app_id(), flush=True)
os._exit(9)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOGNI_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def installed(sandbox: Sandbox) -> SogniClient:
    """A client that keeps files as one of the real network does."""
    return SogniClient(sandbox.api_key, rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint)


def crash(sandbox: Sandbox, count: int = 1) -> list[str]:
    """Another process of this installation that orders and is gone without a word; ids of what it ordered."""
    place = (sandbox.api_key, sandbox.rest_endpoint, sandbox.socket_endpoint)
    done = subprocess.run(
        [sys.executable, "-c", CRASH, *place, json.dumps(ORDER), str(count)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 9
    return [line.split()[0] for line in done.stdout.splitlines()]


class TestKeys:
    async def test_the_same_key_is_the_same_project(self, sandbox: Sandbox) -> None:
        async with SogniClient(sandbox=sandbox) as client:
            first = await client.projects.create(**ORDER, key="order-1042")
            again = await client.projects.create(**ORDER, key="order-1042")
            assert again == first
            await first.wait(timeout=20)
            assert (await client.projects.create(**ORDER, key="order-1042")).id == first.id
            other = await client.projects.create(**ORDER, key="order-1043")
            assert other.id != first.id
            await other.wait(timeout=20)
        async with SogniClient(sandbox=sandbox) as later:
            attached = await later.projects.create(**ORDER, key="order-1042")
            assert attached.id == first.id
            assert len(await attached.wait(timeout=20)) == 1
        assert [one.project_id for one in sandbox.submissions] == [first.id, other.id]

    async def test_an_order_that_was_refused_may_be_placed_again(self, sandbox: Sandbox) -> None:
        async with SogniClient(sandbox=sandbox) as client:
            sandbox.fail_next("insufficient_funds")
            first = await client.projects.create(**ORDER, key="k")
            with pytest.raises(InsufficientFunds):
                await first.wait(timeout=20)
            second = await client.projects.create(**ORDER, key="k")
            assert second.id == first.id
            assert len(await second.wait(timeout=20)) == 1
            assert first.status is ProjectStatus.FAILED
            assert client.projects.tracked_projects == [second]

    async def test_one_that_has_just_ended_and_is_not_stored_yet_is_there(self, sandbox: Sandbox) -> None:
        sandbox.script(late_record=2)
        async with SogniClient(sandbox=sandbox) as client:
            first = await client.projects.create(**ORDER, key="order-7")
            await first.wait(timeout=20)
        async with SogniClient(sandbox=sandbox) as client:
            again = await client.projects.create(**ORDER, key="order-7")
            assert again.id == first.id
            assert len(await again.wait(timeout=20)) == 1
        assert len(sandbox.submissions) == 1

    async def test_a_render_that_failed_is_what_the_key_stands_for(self, sandbox: Sandbox) -> None:
        async with SogniClient(sandbox=sandbox) as client:
            sandbox.script(fail_jobs=[0])
            first = await client.projects.create(**ORDER, key="k")
            with pytest.raises(ProjectFailed):
                await first.wait(timeout=20)
            again = await client.projects.create(**ORDER, key="k")
            with pytest.raises(ProjectFailed):
                await again.wait(timeout=20)
        assert len(sandbox.submissions) == 1

    async def test_nothing_is_ordered_while_nobody_can_say(self, sandbox: Sandbox) -> None:
        async with SogniClient(sandbox=sandbox) as client:
            await client.projects.wait_for_models(timeout=20)
            sandbox.fail_next("server_error", times=50, path="/v1/projects/*")
            with pytest.raises(SubmissionUncertain) as caught:
                await client.projects.create(**ORDER, key="k")
            assert caught.value.project_id
            assert sandbox.submissions == []

    async def test_the_order_itself_is_checked_first(self, sandbox: Sandbox) -> None:
        async with SogniClient(sandbox=sandbox) as client:
            with pytest.raises(ValidationError, match="nonsense"):
                await client.projects.create(**order(nonsense=1), key="k")
            for key in ("", "x" * 256, 5):
                with pytest.raises(ValidationError, match="key must be"):
                    await client.projects.create(**ORDER, key=key)

    @pytest.mark.parametrize("own_ids", [False, True])
    async def test_from_another_process(self, sandbox: Sandbox, own_ids: bool) -> None:
        script = "import os, sys; from sogni import SogniClient\n" + (
            "client = SogniClient(\n"
            "    sys.argv[1], rest_endpoint=sys.argv[2], socket_endpoint=sys.argv[3], app_id=sys.argv[4] or None\n"
            ")\n"
            f"print(client.projects.create(**{ORDER!r}, key='shared').wait(timeout=60)[0].project_id)\n"
            "client.close()"
        )
        place = (sandbox.api_key, sandbox.rest_endpoint, sandbox.socket_endpoint)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        running = [
            subprocess.Popen(
                [sys.executable, "-c", script, *place, f"app-{number}" if own_ids else ""],
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for number in range(4)
        ]
        ids = {one.communicate(timeout=60)[0].strip() for one in running}
        assert len(ids) == 1
        assert [one.project_id for one in sandbox.submissions] == list(ids)


class TestRecovery:
    async def test_what_a_crash_left_behind(self, sandbox: Sandbox) -> None:
        sandbox.script(hold_at="progress:1", times=2)
        ids = crash(sandbox, count=2)
        async with installed(sandbox) as client:
            found = await client.projects.recover(timeout=30)
            assert sorted(project.id for project in found) == sorted(ids)
            assert not any(project.finished for project in found)
            sandbox.release()
            for project in found:
                assert len(await project.wait(timeout=30)) == 1
        async with installed(sandbox) as later:
            assert await later.projects.recover(timeout=30) == []
        assert len(sandbox.submissions) == 2

    async def test_what_ended_meanwhile(self, sandbox: Sandbox) -> None:
        (project_id,) = crash(sandbox)
        sandbox.wait_for(lambda: sandbox.project(project_id)["status"] == "completed")
        async with installed(sandbox) as client:
            (project,) = await client.projects.recover(timeout=30)
            assert project.id == project_id
            assert len(await project.wait(timeout=30)) == 1

    async def test_what_a_running_client_follows_is_no_loss(self, sandbox: Sandbox) -> None:
        sandbox.script(hold_at="progress:1")
        async with installed(sandbox) as one, installed(sandbox) as other:
            project = await one.projects.create(**ORDER)
            assert await other.projects.recover(timeout=30) == []
            sandbox.release()
            await project.wait(timeout=20)

    async def test_what_the_service_never_had(self, sandbox: Sandbox, state: Path) -> None:
        async with installed(sandbox) as client:
            await (await client.projects.create(**ORDER)).wait(timeout=20)
        text = (state / "orders.jsonl").read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        assert [sorted(line) for line in lines] == [["account", "app", "at", "id", "run"], ["ended", "id"]]
        assert sandbox.api_key not in text
        assert "fox" not in text
        ghost = {**lines[0], "id": "00000000-0000-4000-8000-000000000000", "run": "another"}
        with (state / "orders.jsonl").open("a") as file:
            file.write(json.dumps(ghost) + "\n{cut sho")
        async with installed(sandbox) as client:
            assert await client.projects.recover(timeout=30) == []
        async with installed(sandbox) as client:
            assert client._engine.orders.left_behind(None) == []

    @pytest.mark.parametrize(("fault", "times"), [("not_found", 2), ("server_error", 1)])
    async def test_one_that_cannot_be_looked_up_keeps_nobody_else(
        self, sandbox: Sandbox, state: Path, fault: str, times: int
    ) -> None:
        async with SogniClient(sandbox=sandbox) as other:
            made = [await other.projects.create(**ORDER) for _ in range(2)]
            for project in made:
                await project.wait(timeout=20)
        first, second = (project.id for project in made)
        async with installed(sandbox) as client:
            line = {"at": time.time(), "account": None, "app": client._engine.settings.app_id(), "run": "another"}
            lines = [json.dumps({**line, "id": one}) + "\n" for one in (first, second)]
            (state / "orders.jsonl").write_text("".join(lines))
            sandbox.fail_next(fault, times=times, path=f"/v*/projects/{first}")
            assert [project.id for project in await client.projects.recover(timeout=30)] == [second]
        async with installed(sandbox) as client:
            assert first in [project.id for project in await client.projects.recover(timeout=30)], "it was not given up"

    async def test_a_sandbox_writes_nothing(self, sandbox: Sandbox, state: Path) -> None:
        async with SogniClient(sandbox=sandbox) as client:
            await (await client.projects.create(**ORDER, key="k")).wait(timeout=20)
            assert await client.projects.recover(timeout=30) == []
        assert not state.exists()


class TestDisplaced:
    async def test_a_leased_id_is_replaced_once_and_nothing_is_lost(
        self, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        sandbox.script(displace="progress:1", hold_at="progress:2")
        async with installed(sandbox) as client:
            project = await client.projects.create(**ORDER)
            sandbox.wait_for(lambda: len([entry for entry in sandbox.log if entry.kind == "open"]) == 2, 20)
            sandbox.release()
            assert len(await project.wait(timeout=30)) == 1
            assert "took over the app id" in caplog.text
            sandbox.script(hold_at="progress:1")
            other = await client.projects.create(**ORDER)

            def again(event: object) -> None:
                if isinstance(event, Progress):
                    sandbox.drop_sockets(4015)

            with pytest.raises(Displaced):
                await other.wait(timeout=20, on_event=again)
            sandbox.release()
        apps = {one.app_id for one in sandbox.submissions}
        assert len(apps) == 2
        assert len({one.project_id for one in sandbox.submissions}) == len(sandbox.submissions)
