"""The server behind a sandbox: one aiohttp application for REST, sockets and media, living on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import json
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from . import catalog, frames, views
from .access import Access, Caller, masked
from .connections import DISPLACED, Connection, Connections
from .faults import Fault
from .journal import Journal
from .life import Life
from .media import MediaStore
from .rest import CALLER, Refusal, Rest, error_answer
from .script import Rig
from .state import Account, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HOST = "127.0.0.1"


class Server:
    """Everything that runs on the loop. Other threads go through `Sandbox`."""

    def __init__(self, speed: str) -> None:
        self.speed = speed
        self.catalog = catalog.load()
        self.journal = Journal()
        self.rig = Rig()
        self._folder = tempfile.TemporaryDirectory(prefix="sogni-sandbox-")
        self.world = World(Path(self._folder.name))
        self.access = Access(self.world)
        self.connections = Connections()
        self.pool = ThreadPoolExecutor(2, thread_name_prefix="sogni-sandbox-render")
        self.port = 0
        self.media = MediaStore(self.world, self.journal, self.rig, lambda: f"http://{HOST}:{self.port}")
        self.life = Life(self)
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    # --- starting and stopping --------------------------------------------------------------------------------------

    async def start(self, port: int) -> None:
        """Listen on the loopback interface."""
        app = web.Application(middlewares=[self._middleware], client_max_size=1 << 20)
        app.router.add_get("/", self._root)
        app.router.add_put("/media/{name:.+}", self.media.put)
        app.router.add_get("/media/{name:.+}", self.media.get)
        app.add_routes(Rest(self).routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End everything at once."""
        self._stopping.set()
        await self._forget_projects()
        for connection in self.connections:
            await connection.close(1001)
        if self._runner is not None:
            await self._runner.cleanup()
        self.pool.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(OSError):
            self._folder.cleanup()

    async def reset(self) -> None:
        """A new world: nothing is armed, remembered or connected."""
        await self._forget_projects()
        for connection in self.connections:
            connection.abort()
            self.connections.remove(connection)
        self.rig.clear()
        self.world.clear()
        self.access.clear()
        self.journal.clear()

    async def _forget_projects(self) -> None:
        tasks = [project.task for project in self.world.projects.values() if project.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- HTTP -------------------------------------------------------------------------------------------------------

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = self.access.caller(request.headers)
        request[CALLER] = caller  # type: ignore[index]
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        is_media = request.path.startswith("/media/")
        number = self.journal.add(
            "request",
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=masked(request.headers),
            credential=caller.label,
        )
        if not is_socket and not is_media:
            answer = await self._fault(request) or self._refusal(request, caller)
        else:
            answer = None
        if answer is None:
            try:
                answer = await handler(request)
            except Refusal as refusal:
                answer = error_answer(refusal.status, refusal.error, str(refusal))
            except web.HTTPException as problem:
                answer = error_answer(problem.status, 122, problem.reason)
            except (ConnectionError, asyncio.CancelledError):
                raise
            except Exception as problem:
                self.journal.add("error", path=request.path, detail=f"{type(problem).__name__}: {problem}")
                answer = error_answer(500, 500, f"the sandbox itself failed: {type(problem).__name__}: {problem}")
        self.journal.amend(number, status=answer.status)
        return answer

    def _refusal(self, request: web.Request, caller: Caller) -> web.StreamResponse | None:
        if caller.refusal and request.path != "/v1/account/refresh-token":
            return error_answer(401, 102, caller.refusal)
        return None

    async def _fault(self, request: web.Request) -> web.StreamResponse | None:
        seconds = self.rig.take("rate_limit")
        if seconds is not None:
            self.journal.add("fault", path=request.path, detail="429")
            headers = {"Retry-After": str(max(1, round(seconds)))}
            return web.json_response(
                {"status": "error", "message": "Too many requests.", "errorCode": 126, "retryAfter": seconds},
                status=429,
                headers=headers,
            )
        found = self.rig.take_fault(
            lambda fault, pattern: fault.place == "request" and fnmatch.fnmatch(request.path, pattern)
        )
        if found is None:
            return None
        self.journal.add("fault", path=request.path, detail=found[0])
        return await self._broken(request, found[1])

    async def _broken(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        headers = dict(fault.headers)
        if fault.retry_after is not None:
            headers["Retry-After"] = str(round(fault.retry_after))
        if fault.body == "hang":
            await self._stopping.wait()
        if fault.body in ("hang", "abort"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if fault.body == "html":
            page = f"<html><body><h1>{fault.status}</h1></body></html>"
            return web.Response(status=fault.status, text=page, content_type="text/html", headers=headers)
        if fault.body == "text":
            return web.Response(status=fault.status, text=fault.message, headers=headers)
        if fault.body == "empty":
            return web.Response(status=fault.status, headers=headers)
        if fault.body == "cut":
            return web.Response(status=fault.status, text='{"status":"success","da', content_type="application/json")
        more = {"retryAfter": fault.retry_after} if fault.retry_after is not None else {}
        body = {"status": "error", "message": fault.message, "errorCode": fault.error, **more, **fault.extra}
        return web.json_response(body, status=fault.status, headers=headers)

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        text = "A local Sogni network. Point a client at this address; it needs no account.\n"
        return web.Response(text=text)

    # --- sockets ----------------------------------------------------------------------------------------------------

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        script = self.rig.take_script("connection")
        caller: Caller = request[CALLER]  # type: ignore[index]
        app_id = request.query.get("appId", "").strip()
        status = script.refuse_upgrade
        if status is None and caller.account is None:
            status = 401
        if status is None and not app_id:
            status = 400
        if status is not None:
            self.journal.add("refused", app_id=app_id, detail=f"HTTP {status}")
            return error_answer(status, 102, "The connection is refused.")
        assert caller.account is not None
        ws = web.WebSocketResponse(max_msg_size=64 << 20, autoping=not script.deaf, compress=False)
        await ws.prepare(request)
        connection = self._connection(ws, request, caller.account, app_id)
        self.journal.add("open", connection=connection.number, app_id=app_id, query=dict(request.query))
        if script.close_on_connect is not None:
            if script.close_on_connect == 0:
                connection.abort()
            else:
                await connection.close(script.close_on_connect)
            self.journal.add("close", connection=connection.number, app_id=app_id, code=script.close_on_connect or None)
            return ws
        before = self.connections.add(connection)
        if before is not None:
            await before.close(DISPLACED)
        if script.deaf:
            await self._stopping.wait()
            return ws
        greeting = asyncio.create_task(self._greet(connection, script.no_authenticated, script.late_authenticated, script.bare_authenticated))
        try:
            async for message in ws:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._frame(connection, message.data)
        finally:
            greeting.cancel()
            code = connection.close_code or ws.close_code
            self.journal.add("close", connection=connection.number, app_id=app_id, code=None if code == 1006 else code)
            await self.gone(connection)
        return ws

    def _connection(self, ws: web.WebSocketResponse, request: web.Request, account: Account, app_id: str) -> Connection:
        query = request.query
        self.connections.count += 1
        subscriptions: dict[str, bool] = {}
        with contextlib.suppress(ValueError):
            given = json.loads(query.get("socketEventSubscriptions") or "{}")
            subscriptions = {name: value for name, value in given.items() if isinstance(value, bool)}
        return Connection(
            ws,
            request,
            self.connections.count,
            account,
            app_id,
            query.get("appSource"),
            "fast" if query.get("forceWorkerId") == "fast" else "relaxed",
            subscriptions,
            self.journal,
        )

    async def _greet(self, connection: Connection, never: bool, late: float, bare: bool) -> None:
        if never:
            return
        await asyncio.sleep(late)
        account = connection.account
        snapshot = {} if bare else self.snapshot(account, connection.app_id)
        tokens = {
            token: {"settled": str(purse.settled), "credit": "0", "debit": str(purse.debit), "net": str(purse.net)}
            for token, purse in account.purses.items()
        }
        await connection.send(
            "authenticated",
            {
                "id": f"sandbox-{connection.number}",
                "clientType": "artist",
                "username": account.name,
                "address": account.address,
                "SID": account.sid,
                "clientSID": connection.number,
                "addressSID": account.sid,
                "balanceVersion": 2,
                "tokens": tokens,
                "isMainnet": False,
                "accountWasMigrated": False,
                "firstLoginAfterMigration": False,
                "hasUnclaimedAirdrop": False,
                "activeLLMJobIDs": [],
                **snapshot,
            },
        )
        for project in self.world.unclaimed(account, connection.app_id):
            project.unclaimed = False
        for project in self.world.active(account, connection.app_id):
            project.let_go("offline")
        await connection.send("balanceUpdate", views.balance(account))
        if connection.subscriptions.get("modelAvailability", True):
            await connection.send("swarmModels", self.catalog.swarm(connection.network))

    def snapshot(self, account: Account, app_id: str | None) -> dict[str, Any]:
        """What the network holds for an app, or for all apps of an account."""
        return {
            "activeProjects": [views.project_record(project) for project in self.world.active(account, app_id)],
            "unclaimedCompletedProjects": [
                views.project_record(project) for project in self.world.unclaimed(account, app_id)
            ],
        }

    async def gone(self, connection: Connection) -> None:
        """A connection is not there any more."""
        self.connections.remove(connection)
        self.journal.touch()

    async def _frame(self, connection: Connection, raw: str | bytes) -> None:
        try:
            frame = frames.decode(raw)
        except (ValueError, RecursionError) as problem:
            self.journal.add("bad_frame", connection=connection.number, detail=str(problem)[:200])
            return
        data: Any = frame.data
        self.journal.add(
            "frame_in", connection=connection.number, app_id=connection.app_id, frame_kind=frame.kind, data=data
        )
        if frame.kind == "jobRequest" and isinstance(data, dict):
            await self.life.order(connection, data)
        elif frame.kind == "jobError" and isinstance(data, dict):
            await self.life.cancel(connection, str(data.get("jobID") or ""))
        elif frame.kind == "changeNetwork" and data in ("fast", "relaxed"):
            connection.network = data
            await connection.send("changeNetwork", {"network": data})
            await connection.send("swarmModels", self.catalog.swarm(data))
        elif frame.kind == "setSocketEventSubscriptions" and isinstance(data, dict):
            await self._subscribe(connection, data)

    async def _subscribe(self, connection: Connection, data: dict[str, Any]) -> None:
        known = connection.subscriptions
        if data.get("reset") is True:
            known.clear()
        given = data.get("subscriptions")
        if isinstance(given, dict):
            known.update({name: value for name, value in given.items() if isinstance(value, bool)})
        for key, value in (("subscribe", True), ("unsubscribe", False)):
            names = data.get(key)
            for name in [names] if isinstance(names, str) else names or []:
                known[str(name)] = value
        if isinstance(data.get("event"), str) and isinstance(data.get("enabled"), bool):
            known[data["event"]] = data["enabled"]
        await connection.send("socketEventSubscriptionsUpdated", {"socketEventSubscriptions": dict(known)})
