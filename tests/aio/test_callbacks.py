"""`on(...)`: plain functions that are called with what happens, never on the connection thread."""

from __future__ import annotations

import threading
from typing import Any

from sogni.sandbox import Sandbox
from sogni_async import ClientState, Completed, Finished, LinkState, Project, Queued, SogniClient
from tests.orders import ORDER


class Seen(list[Any]):
    """A callback that remembers, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()
        self.threads: set[str] = set()

    def __call__(self, event: Any) -> None:
        with self.changed:
            self.append(event)
            self.threads.add(threading.current_thread().name)
            self.changed.notify_all()

    def has(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self)


async def until(client: SogniClient, is_true: Any) -> None:
    """Let the callbacks run until something is true."""
    for _ in range(500):
        if is_true():
            return
        await client._bridge.pause(0.01)
    raise AssertionError("it never happened")


async def test_a_late_subscriber_hears_of_the_models(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        await client.projects.wait_for_models(timeout=20)
        late = Seen()
        client.projects.on("available_models", late)
        await until(client, lambda: bool(late))
        assert any(model.worker_count for model in late[0])


async def test_projects_and_jobs(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        projects, jobs, broken = Seen(), Seen(), Seen()

        def raises(event: Any) -> None:
            broken(event)
            raise ValueError("a bug in a callback")

        client.projects.on("project", raises)
        stop = client.projects.on("project", projects)
        client.projects.on("job", jobs)
        project = await client.projects.create(**ORDER)
        await project.wait(timeout=20)
        await until(client, lambda: projects.has(Completed) and jobs.has(Finished))
        assert projects.has(Queued)
        assert {event.project_id for event in [*projects, *jobs]} == {project.id}
        assert len(broken) == len(projects)
        assert "sogni-link" not in projects.threads | jobs.threads
        seen = len(projects)
        stop()
        await (await client.projects.create(**ORDER)).wait(timeout=20)
        await until(client, lambda: len(broken) > seen)
        assert len(projects) == seen


async def test_news_of_the_client(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        states, models, accounts, connected, lost = Seen(), Seen(), Seen(), Seen(), Seen()
        client.on_state(states)
        client.on("account", accounts)
        client.on("connected", connected)
        client.on("disconnected", lost)
        assert client.state.link is LinkState.IDLE
        client.projects.on("available_models", models)
        await until(client, lambda: models and accounts and connected and models[-1])
        assert any(model.id == "krea2_turbo_fp8_scaled" for model in models[-1])
        sandbox.drop_sockets()
        await until(client, lambda: len(connected) > 1)
        links = [state.link for state in states if isinstance(state, ClientState)]
        assert links[:2] == [LinkState.CONNECTING, LinkState.READY]
        assert LinkState.RECONNECTING in links
        assert not lost
        sandbox.drop_sockets(4015)
        await until(client, lambda: lost)
        assert client.state.link is LinkState.DISPLACED


async def test_recovered_projects_are_announced(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        project = await client.projects.create(**ORDER)
        sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        recovered, synced = Seen(), Seen()
        client.projects.on("recovered", recovered)
        await until(client, lambda: recovered)
        client.projects.on("synced", synced)
        await client.projects.sync()
        await until(client, lambda: synced)
        assert isinstance(recovered[0], Project)
        assert recovered[0].id == project.id
        assert synced == ["manual"]
        sandbox.release()
        assert len(await recovered[0].wait(timeout=20)) == 1
