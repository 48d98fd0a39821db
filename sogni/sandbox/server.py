"""The server: one port for everything, who may come in, the log of requests, and starting and stopping."""

from __future__ import annotations

import asyncio
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from fnmatch import fnmatchcase
from pathlib import Path

from .access import ASKING, SESSION, Access, masked
from .catalog import load
from .faults import FAULTS, Fault
from .journal import Journal
from .pace import Pace
from .script import Rig
from .state import World

try:
    from aiohttp import web
except ImportError as missing:
    raise ImportError("The sandbox needs aiohttp: pip install 'sogni[sandbox]'") from missing

from . import answers
from .accounts import Accounts
from .billing import Billing
from .board import Board
from .gate import Gate
from .hub import Hub
from .keeping import Keeping
from .ledger import Ledger
from .library import Library
from .page import Page
from .routes import Routes
from .sockets import Sockets
from .stage import Stage
from .storage import AREA, Storage
from .studio import Studio
from .vault import Vault

#: Where credentials come from: those that are sent along do not matter there.
SIGN_IN = tuple(f"/v1/account/{name}" for name in ("nonce", "login", "create", "refresh-token"))
STOP = 0.2


class Server:
    """Everything behind the port; used in the thread of its event loop only, but for the journal."""

    def __init__(self, journal: Journal, rig: Rig, pace: Pace) -> None:
        self.journal = journal
        self._rig = rig
        # Removed when the sandbox closes, or at exit.
        self._folder = tempfile.TemporaryDirectory(prefix="sogni-sandbox-", ignore_cleanup_errors=True)
        self.world = World(Path(self._folder.name))
        self.access = Access(self.world, rig)
        self.hub = Hub(journal)
        self.ledger = Ledger(world=self.world, hub=self.hub, rig=rig)
        self.board = Board(hub=self.hub, rig=rig)
        self._gate = Gate(world=self.world, access=self.access, rig=rig)
        self._vault = Vault(ledger=self.ledger, rig=rig)
        self._billing = Billing(world=self.world, ledger=self.ledger, rig=rig)
        self._catalog = load()
        self._library = Library(self._catalog)
        self._storage = Storage(journal=journal, world=self.world, rig=rig)
        self._studio = Studio()
        self.stage = Stage(
            journal=journal,
            world=self.world,
            hub=self.hub,
            rig=rig,
            storage=self._storage,
            studio=self._studio,
            pace=pace,
            ledger=self.ledger,
        )
        self._sockets = Sockets(
            journal=journal,
            world=self.world,
            hub=self.hub,
            rig=rig,
            catalog=self._catalog,
            library=self._library,
            stage=self.stage,
            ledger=self.ledger,
            board=self.board,
        )
        self._page = Page(
            journal=journal,
            world=self.world,
            hub=self.hub,
            rig=rig,
            stage=self.stage,
            studio=self._studio,
            speed=pace.name,
        )
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int) -> None:
        """Serve on a port of 127.0.0.1; 0 takes a free one."""
        app = web.Application(middlewares=[self._around], client_max_size=1 << 20)
        app.on_response_prepare.append(self._stamp)
        for part in (
            Routes(world=self.world, catalog=self._catalog, storage=self._storage),
            Accounts(world=self.world, ledger=self.ledger, rig=self._rig),
            Keeping(
                journal=self.journal,
                world=self.world,
                library=self._library,
                catalog=self._catalog,
                storage=self._storage,
                rig=self._rig,
            ),
            self._gate,
            self._vault,
            self._billing,
            self.board,
        ):
            part.add_to(app.router)
        app.router.add_route("*", AREA + "{name:.*}", self._storage.serve)
        app.router.add_get("/{tail:.*}", self._any)
        # A handler that waits ends with its client, so that none is left behind.
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, handler_cancellation=True, shutdown_timeout=STOP
        )
        await runner.setup()
        self._runner = runner
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
        except BaseException:
            await self.close()
            raise
        self.port = runner.addresses[0][1]
        self._page.port = self.port
        self._storage.base = self._billing.base = f"http://127.0.0.1:{self.port}"

    async def close(self) -> None:
        """Stop serving."""
        await self.stage.close()
        self.hub.drop_all(None)
        if self._runner is not None:
            await self._runner.cleanup()
        await self._studio.close(1.0)

    def remove_files(self) -> None:
        """Remove every file, which takes its time after days of work; only when it is closed."""
        self._folder.cleanup()

    def reset(self) -> None:
        """Forget everything."""
        for project in self.world.projects.values():
            if project.task is not None:
                project.task.cancel()
        self.hub.drop_all(1000)
        for part in (
            self.access,
            self._gate,
            self._vault,
            self._billing,
            self.board,
            self._storage,
            self._library,
        ):
            part.clear()
        self.world.clear()

    async def _any(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._sockets.serve(request)
        raise answers.Problem(404, 122, f"There is nothing at {request.path}.")

    @web.middleware
    async def _around(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if self._page.owns(request):
            return await self._page.answer(request)
        is_storage = request.path.startswith(AREA)
        is_upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        caller = self.access.caller(request.headers)
        number = self.journal.add(
            "request",
            method=request.method,
            path=request.path,
            query=_shown(request),
            headers=masked(request.headers),
            credential=caller.label,
        )
        status: int | None = None
        try:
            fault = self._fault(request, direct=not (is_storage or is_upgrade))
            if fault is not None:
                response = await answers.of_fault(*fault)
            elif caller.refusal and not is_storage and request.path not in SIGN_IN:
                if is_upgrade:
                    self.journal.add("refused", path=request.path, detail=caller.refusal)
                response = answers.error(401, 102, caller.refusal)
            else:
                ASKING.set(caller.account)
                SESSION.set(caller.session)
                if is_storage and request.method == "PUT" and self._rig.take("expire_on_upload"):
                    self.access.expire()
                response = await handler(request)
            status = response.status
        except asyncio.CancelledError:
            # The client went away, which is how most sockets end.
            status = 101 if is_upgrade else None
            raise
        except answers.Problem as problem:
            response = answers.error(problem.status, problem.code, problem.message)
            status = problem.status
        except web.HTTPException as problem:
            code = 122 if problem.status == 404 else problem.status
            response = answers.error(problem.status, code, problem.reason)
            status = problem.status
        except Exception as problem:
            if isinstance(problem, ConnectionError):
                raise
            self.journal.add("error", path=request.path, detail=traceback.format_exc())
            response = answers.error(500, 500, "The sandbox has a defect, see its log.")
            status = 500
        finally:
            self.journal.amend(number, status=status)
        return response

    async def _stamp(self, _: web.Request, response: web.StreamResponse) -> None:
        """Set the date by the clock of this server."""
        response.headers["Date"] = formatdate(self.access.clock(), usegmt=True)

    def _fault(self, request: web.Request, *, direct: bool) -> tuple[Fault, web.Request, float | None] | None:
        """The armed fault that strikes this request; uploads, downloads and sockets only when their path is named."""

        def strikes(fault: Fault, pattern: str) -> bool:
            return fault.place == "request" and (direct if pattern == "*" else fnmatchcase(request.path, pattern))

        found = self._rig.take_fault(strikes)
        seconds = None
        if found is None and direct and (seconds := self._rig.take("rate_limit")) is not None:
            found = "rate_limit", FAULTS["rate_limit"]
        if found is None:
            return None
        self.journal.add("fault", method=request.method, path=request.path, detail=found[0])
        return found[1], request, seconds


def _shown(request: web.Request) -> dict[str, str]:
    """The query for the log, a signature blanked."""
    return {name: "[hidden]" if name == "signature" else value for name, value in request.query.items()}
