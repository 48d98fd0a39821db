"""What only asyncio programs do: cancel tasks, wait side by side, use one client from several loops."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from sogni._deadline import Deadline
from sogni._io.inbox import Inbox
from sogni._protocol.ids import keyed_id
from sogni.sandbox import Sandbox
from sogni_async import ClosedError, Completed, ConfigError, Project, SogniClient, ValidationError, WaitTimeout
from sogni_async._bridge import Bridge, _armed
from tests.orders import ORDER


async def test_canceling_a_wait_loses_nothing_and_disturbs_nobody(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:2")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**ORDER)
        waits = [asyncio.create_task(project.wait()) for _ in range(3)]
        stream = project.events()
        first = await anext(stream)
        await asyncio.sleep(0)
        waits[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits[0]
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            await asyncio.wait_for(project.wait(), 0.05)
        sandbox.release()
        results = await asyncio.gather(waits[1], waits[2], project.wait())
        assert [len(found) for found in results] == [1, 1, 1]
        rest = [event async for event in stream]
        assert isinstance(rest[-1], Completed)
        assert first.project_id == project.id
        assert not [entry for entry in sandbox.log if entry.kind == "frame_in" and entry.frame_kind == "jobError"]


async def test_a_canceled_take_leaves_its_item(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="queued")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**ORDER)
        stream = project.events()
        await anext(stream)
        for _ in range(20):
            task = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        sandbox.release()
        kinds = [type(event).__name__ async for event in stream]
        assert [kind for kind in kinds if kind != "Progress"] == ["Initiating", "Started", "Finished", "Completed"]


async def test_many_projects_side_by_side(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        projects = await asyncio.gather(*(client.projects.create(**ORDER) for _ in range(40)))
        results = await asyncio.gather(*(project.wait(timeout=60) for project in projects))
        assert [len(found) for found in results] == [1] * 40
        assert len({submission.project_id for submission in sandbox.submissions}) == 40
        assert len([e for e in sandbox.log if e.path == "/api/v1/models/list"]) == 1


def test_one_client_in_several_loops_one_after_another(sandbox: Sandbox) -> None:
    client = SogniClient(sandbox=sandbox)

    async def create() -> Project:
        return await client.projects.create(**ORDER)

    async def wait(project: Project) -> int:
        return len(await project.wait(timeout=20))

    project = asyncio.run(create())
    assert asyncio.run(wait(project)) == 1
    assert asyncio.run(wait(asyncio.run(create()))) == 1
    asyncio.run(client.aclose())


def test_one_client_in_several_loops_at_once(sandbox: Sandbox) -> None:
    client = SogniClient(sandbox=sandbox)
    counts: list[int] = []

    async def work() -> None:
        project = await client.projects.create(**ORDER)
        counts.append(len(await project.wait(timeout=30)))

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(client.aclose())
    assert counts == [1] * 6


async def test_a_wait_ends_with_the_client(sandbox: Sandbox) -> None:
    from sogni_async import ClosedError

    sandbox.script(hold_at="progress:1")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**ORDER)
        wait = asyncio.create_task(project.wait())
        while not project.jobs:
            await asyncio.sleep(0.01)
    with pytest.raises(ClosedError):
        await wait


async def test_the_loop_is_never_blocked(sandbox: Sandbox) -> None:
    sandbox.script(delay=0.02)
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            longest = max(longest, loop.time() - before)

    async with SogniClient(sandbox=sandbox) as client:
        watcher = asyncio.create_task(watch())
        project = await client.projects.create(**ORDER)
        (result,) = await project.wait(timeout=20)
        await result.read()
        watcher.cancel()
    assert longest < 0.5


async def test_timeouts_are_waittimeouts(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**ORDER)
        with pytest.raises(WaitTimeout):
            async for _ in project.events(timeout=0.1):
                pass


async def test_coroutine_functions_are_refused_as_callbacks(sandbox: Sandbox) -> None:
    async def never_awaited(event: object) -> None: ...

    async with SogniClient(sandbox=sandbox) as client:
        with pytest.raises(ValidationError, match="await"):
            client.projects.on("job", never_awaited)


@pytest.mark.parametrize("ticks", range(6))
@pytest.mark.parametrize("seconds", [None, 60])
async def test_a_cancel_that_comes_together_with_an_item_is_not_swallowed(ticks: int, seconds: float | None) -> None:
    lock = threading.Lock()
    inbox = Inbox(lock)
    task = asyncio.create_task(Bridge().take(inbox, Deadline(seconds), "an item"))
    await asyncio.sleep(0.01)
    with lock:
        waker = inbox.put("key", "item")
    assert waker is not None
    waker()
    for _ in range(ticks):
        await asyncio.sleep(0)
    if task.cancel():
        with pytest.raises(asyncio.CancelledError):
            await task
        assert inbox.poll(None) == (True, "item")
    else:
        assert task.result() == "item"


def test_on_is_called_within_a_loop() -> None:
    client = SogniClient(sandbox=True)
    with pytest.raises(ConfigError, match="event loop"):
        client.on("account", print)


def keyed_client(sandbox: Sandbox, installed: bool) -> SogniClient:
    if not installed:
        return SogniClient(sandbox=sandbox)
    return SogniClient(sandbox.api_key, rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint)


@pytest.mark.parametrize("installed", [True, False])
async def test_more_tasks_than_workers_under_one_key(
    sandbox: Sandbox, installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOGNI_STATE_DIR", str(tmp_path))
    async with keyed_client(sandbox, installed) as client:
        tasks = [client.projects.create(**ORDER, key="same", timeout=30) for _ in range(60)]
        assert len(set(await asyncio.gather(*tasks))) == 1
    assert len(sandbox.submissions) == 1


async def test_a_key_outlasts_the_task_whose_thread_still_sends(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOGNI_STATE_DIR", str(tmp_path))
    async with keyed_client(sandbox, True) as client:
        await client.projects.wait_for_models(timeout=20)
        disk = FileLock(tmp_path / "orders.lock", thread_local=False)
        with disk:
            # Its thread waits for the ledger.
            first = asyncio.create_task(client.projects.create(**ORDER, key="k"))
            while not client._engine.orders._queueing:
                await asyncio.sleep(0)
            await asyncio.wait({first}, timeout=1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            second = asyncio.create_task(client.projects.create(**ORDER, key="k"))
            await asyncio.wait({second}, timeout=0.5)
        project = await second
        assert len(await project.wait(timeout=20)) == 1
    assert len(sandbox.submissions) == 1


async def test_closing_ends_the_wait_for_a_key(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as other, SogniClient(sandbox=sandbox) as client:
        await client.projects.wait_for_models(timeout=20)
        account = client._engine.account_address()
        claim, _ = other._engine.orders.queue_up(keyed_id(account, "k"))
        waiting = asyncio.create_task(client.projects.create(**ORDER, key="k"))
        await asyncio.wait({waiting}, timeout=0.5)
        await client.aclose()
        with pytest.raises(ClosedError):
            await waiting
        claim.release()
    assert sandbox.submissions == []


async def test_a_task_that_nobody_keeps_is_told_all_the_same(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    told: list[int] = []
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**ORDER)

        async def wait() -> None:
            told.append(len(await project.wait()))

        async def watch() -> None:
            told.extend([0 async for event in project.events() if isinstance(event, Completed)])

        for forgotten in (wait, watch):
            asyncio.get_running_loop().create_task(forgotten())
        sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])
        while len(_armed) < 2:
            await asyncio.sleep(0)
        # What the collector finds is ended in this thread, and the end of a wait would ask for the lock.
        with client._engine.lock:
            gc.collect()
        sandbox.release()
        while len(told) < 2:
            await asyncio.sleep(0.01)
    assert sorted(told) == [0, 1]
    assert not _armed


def test_a_loop_that_is_closed_around_a_wait_keeps_nothing(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    client = SogniClient(sandbox=sandbox)

    async def leave() -> None:
        project = await client.projects.create(**ORDER)
        asyncio.get_running_loop().create_task(project.wait())
        while not _armed:
            await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    assert _armed
    asyncio.run(client.aclose())
    assert not _armed
    sandbox.release()
