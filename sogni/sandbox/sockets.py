"""One socket connection from the upgrade to its end: the greeting, and what the client says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import attrs
from aiohttp import WSMsgType, web

from . import frames, views
from .access import ASKING
from .answers import Problem
from .board import Board
from .catalog import Catalog
from .hub import Connection, Hub
from .intake import project_of
from .journal import Journal
from .ledger import Ledger
from .library import Library
from .records import Outcome, Submission
from .script import Rig, Script
from .slots import declared
from .stage import Stage
from .state import Project, World
from .terms import INVALID, NETWORKS, Refused, check_loras

MAX_FRAME = 64 << 20


class Sockets:
    """Serves the connections."""

    def __init__(
        self,
        *,
        journal: Journal,
        world: World,
        hub: Hub,
        rig: Rig,
        catalog: Catalog,
        library: Library,
        stage: Stage,
        ledger: Ledger,
        board: Board,
    ) -> None:
        self._journal = journal
        self._world = world
        self._hub = hub
        self._rig = rig
        self._catalog = catalog
        self._library = library
        self._stage = stage
        self._ledger = ledger
        self._board = board

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer an upgrade and stay until the connection ends."""
        account = ASKING.get()
        app_id = request.query.get("appId", "").strip()
        if account is None:
            raise self._refused(request, 401, 102, "Unauthorized.")
        if not app_id:
            raise self._refused(request, 400, 101, "appId is missing.")
        script = self._rig.take_script("connection")
        if script.refuse_upgrade is not None:
            raise self._refused(request, script.refuse_upgrade, script.refuse_upgrade, "Refused by a script.")
        ws = web.WebSocketResponse(timeout=0.5, max_msg_size=MAX_FRAME)
        await ws.prepare(request)
        transport = request.transport
        if transport is None:
            return ws
        connection = Connection(
            number=self._hub.number(),
            account=account,
            app_id=app_id,
            app_source=request.query.get("appSource"),
            network="fast" if request.query.get("forceWorkerId") == "fast" else "relaxed",
            wanted=_flags(request.query.get("socketEventSubscriptions", "{}")),
            ws=ws,
            transport=transport,
        )
        self._hub.add(connection)
        writer = asyncio.ensure_future(connection.write(self._journal))
        greeting: asyncio.Future[None] | None = None
        try:
            if script.close_on_connect is not None:
                self._hub.end(connection, script.close_on_connect or None)
            elif script.no_authenticated:
                connection.is_live = True
            else:
                greeting = asyncio.ensure_future(self._greet(connection, script))
            if script.deaf:
                await asyncio.Event().wait()
            await self._read(connection)
        finally:
            for task in (writer, greeting):
                if task is not None:
                    task.cancel()
            self._hub.remove(connection)
        return ws

    async def _greet(self, connection: Connection, script: Script) -> None:
        if script.late_authenticated:
            await asyncio.sleep(script.late_authenticated)
        account, bare = connection.account, script.bare_authenticated
        send = self._hub.send
        hello = views.authenticated(
            self._world,
            account,
            connection.number,
            connection.app_id,
            bare=bare,
            testnet=self._rig.peek("testnet"),
            old=script.no_entitlement,
        )
        send(connection, "authenticated", hello)
        connection.is_live = True
        if not bare:
            # The greeting delivers them once; the read-only look-up goes on showing them to others.
            for project in self._world.unclaimed(account, connection.app_id):
                project.unclaimed = False
        send(connection, "balanceUpdate", views.balances(account, unclaimed=False))
        send(connection, "swarmModels", self._catalog.swarm(connection.network))
        self._board.greet(connection)
        for project in self._world.active(account, connection.app_id):
            self._stage.connected(project)

    async def _read(self, connection: Connection) -> None:
        async for message in connection.ws:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            try:
                frame = frames.decode(message.data)
            except (ValueError, RecursionError) as problem:
                self._journal.add("bad_frame", connection=connection.number, detail=str(problem))
                continue
            about: dict[str, Any] = {"connection": connection.number, "app_id": connection.app_id}
            if not connection.is_live:
                self._journal.add("bad_frame", **about, frame_kind=frame.kind, detail="before authenticated: dropped")
                continue
            self._journal.add("frame_in", **about, frame_kind=frame.kind, data=frame.data)
            self._hear(connection, frame)
        if connection.code is None:
            connection.code = connection.ws.close_code

    def _hear(self, connection: Connection, frame: frames.Frame) -> None:
        data = frame.data
        if frame.kind == "jobRequest" and isinstance(data, dict):
            self._submit(connection, data)
        elif frame.kind == "jobError" and isinstance(data, dict):
            self._cancel(connection, data)
        elif frame.kind == "changeNetwork":
            self._change_network(connection, data)
        elif frame.kind == "setSocketEventSubscriptions" and isinstance(data, dict):
            self._subscribe(connection, data)
        elif frame.kind == "llmJobRequest" and isinstance(data, dict):
            answer = {"jobID": data.get("jobID"), "error": "unsupported", "error_message": "The sandbox has no chat."}
            self._hub.send(connection, "llmJobError", answer)

    # what the client wants

    def _submit(self, connection: Connection, request: dict[str, Any]) -> None:
        project_id = str(request.get("jobID") or "").upper()
        if not project_id:
            self._refuse(connection, request, "", {"error": INVALID, "error_message": "jobID is missing."})
            return
        if project_id in self._world.projects:
            self._record(connection, request, project_id, "duplicate")
            return
        found = self._rig.take_fault(lambda fault, _: fault.place == "submission")
        if found is not None:
            fault = found[1]
            self._journal.add("fault", connection=connection.number, detail=f"{found[0]} {project_id}")
            reason = {"error": fault.error, "error_message": fault.message, **fault.extra}
            self._refuse(connection, request, project_id, reason)
            return
        try:
            project = project_of(request, connection, self._world, self._catalog)
            self._check_loras(project)
        except Refused as problem:
            reason = {"error": problem.error, "error_message": str(problem)}
            self._refuse(connection, request, project_id, reason)
            return
        denial = self._ledger.admit(project)
        if denial is not None:
            self._refuse(connection, request, project_id, denial)
            return
        # Only an order that is accepted uses up what was scripted for the next one.
        project.script = self._rig.take_script("project")
        if project.script.lose_before_accept:
            self._record(connection, request, project_id, "lost")
            self._hub.end(connection, None)
            return
        self._stage.begin(project)
        self._record(connection, request, project_id, "accepted")

    def _check_loras(self, project: Project) -> None:
        most = self._catalog.raw["loras"]["constraints"]["maxPerRequest"]
        check_loras(project.keyframe, project.model, self._library.loras_for(project.account), most)

    def _refuse(
        self, connection: Connection, request: dict[str, Any], project_id: str, reason: Mapping[str, Any]
    ) -> None:
        self._record(connection, request, project_id, "refused")
        self._hub.send(connection, "jobError", {"jobID": project_id, "isFromWorker": False, **reason})

    def _record(self, connection: Connection, request: dict[str, Any], project_id: str, outcome: Outcome) -> None:
        inputs = self._world.inputs(project_id)
        submission = Submission(
            project_id=project_id,
            outcome=outcome,
            request=request,
            uploads=tuple(inputs.values()),
            missing_slots=(),
            app_id=connection.app_id,
            account=connection.account.name,
            connection=connection.number,
            time=datetime.now(timezone.utc),
        )
        wanted = declared(submission.keyframe)
        missing = tuple(slot for slot in wanted if slot not in inputs)
        self._journal.submit(attrs.evolve(submission, missing_slots=missing))

    def _cancel(self, connection: Connection, data: dict[str, Any]) -> None:
        project_id = str(data.get("jobID") or "").upper()
        project = self._world.project(project_id)
        script = self._rig.take_script("cancel")
        if script.cancel_silent:
            return
        answer: dict[str, Any] = {"jobID": project_id, "didCancel": False}
        if project is None or project.account is not connection.account:
            answer["error_message"] = "There is no such project."
        elif project.is_over:
            answer["error_message"] = "The project has ended already."
        elif script.cancel_unconfirmed:
            answer["error_message"] = "The provider did not confirm; the project goes on."
        else:
            if script.cancel_error_first:
                canceled = {"error": "artistCanceled", "error_message": "artistCanceled", "isFromWorker": False}
                self._hub.send(connection, "jobError", {"jobID": project_id, **canceled})
            self._stage.cancel(project)
            answer["didCancel"] = True
        self._hub.send(connection, "artistCancelConfirmation", answer)

    def _change_network(self, connection: Connection, data: object) -> None:
        if data in NETWORKS:
            connection.network = str(data)
        self._hub.send(connection, "changeNetwork", {"network": connection.network})
        self._hub.send(connection, "swarmModels", self._catalog.swarm(connection.network))

    def _subscribe(self, connection: Connection, data: dict[str, Any]) -> None:
        known = ("subscriptions", "subscribe", "unsubscribe", "reset", "event", "enabled")
        wanted = connection.wanted
        if not any(name in data for name in known):
            data = {"subscriptions": data}
        if data.get("reset") is True:
            wanted.clear()
        if isinstance(data.get("event"), str) and isinstance(data.get("enabled"), bool):
            wanted[data["event"]] = data["enabled"]
        if isinstance(data.get("subscriptions"), dict):
            wanted |= {name: value for name, value in data["subscriptions"].items() if isinstance(value, bool)}
        for name in _names(data.get("subscribe")):
            wanted[name] = True
        for name in _names(data.get("unsubscribe")):
            wanted[name] = False
        self._hub.send(
            connection, "socketEventSubscriptionsUpdated", {"socketEventSubscriptions": dict(connection.wanted)}
        )

    def _refused(self, request: web.Request, status: int, code: int, message: str) -> Problem:
        self._journal.add("refused", path=request.path, status=status, detail=message)
        return Problem(status, code, message)


def _flags(text: str) -> dict[str, bool]:
    """Event subscriptions of the query."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {name: value for name, value in found.items() if isinstance(value, bool)} if isinstance(found, dict) else {}


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
