"""The sandbox as its user holds it: started and stopped from any thread, watched and disturbed while it runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from .access import DEFAULT_KEY
from .records import LogEntry, Submission

if TYPE_CHECKING:
    from sogni import SogniClient

    from .server import Server

T = TypeVar("T")

SPEEDS = ("instant", "fast", "realistic")
MISSING = "The sandbox needs aiohttp and Pillow: python -m pip install 'sogni[sandbox]'"


class Sandbox:
    """A local Sogni network. Use it with `with`, or `start` and `close` it.

    It listens on the loopback interface only, takes any key that starts with `sandbox` and refuses real ones.

    Args:
        port: Port to listen on; 0 takes a free one.
        speed: `instant` (as fast as it goes), `fast` (a second or two for a render) or `realistic`.
    Raises:
        ValueError: an unknown speed.
    """

    def __init__(self, port: int = 0, speed: str = "instant") -> None:
        if speed not in SPEEDS:
            raise ValueError(f"speed is {speed!r}; it must be one of {', '.join(SPEEDS)}")
        self._port = port
        self._speed = speed
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._failure: BaseException | None = None

    def __repr__(self) -> str:
        return f"Sandbox({self.url!r})" if self._server is not None else "Sandbox(not started)"

    # --- starting and stopping --------------------------------------------------------------------------------------

    def start(self) -> Sandbox:
        """Listen, in a thread of its own; does nothing when it runs already.

        Raises:
            ImportError: the extra `sandbox` is not installed.
            OSError: the port is taken.
        """
        with self._lock:
            if self._server is not None:
                return self
            try:
                import aiohttp  # noqa: F401
                import PIL  # noqa: F401
            except ImportError as problem:
                raise ImportError(MISSING) from problem
            ready = threading.Event()
            self._failure = None
            self._thread = threading.Thread(target=self._work, args=(ready,), name="sogni-sandbox", daemon=True)
            self._thread.start()
            ready.wait()
            if self._failure is not None:
                self._thread.join()
                self._thread = None
                raise self._failure
        return self

    def close(self) -> None:
        """Stop listening and forget everything; may be called again."""
        with self._lock:
            thread, loop = self._thread, self._loop
            if thread is None or loop is None:
                return
            loop.call_soon_threadsafe(self._stop.set)
            thread.join(5)
            self._thread = self._loop = self._server = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def serve_forever(self) -> None:
        """Run until interrupted."""
        self.start()
        assert self._thread is not None
        try:
            while self._thread.is_alive():
                self._thread.join(0.5)
        finally:
            self.close()

    def _work(self, ready: threading.Event) -> None:
        async def main() -> None:
            from .server import Server

            self._stop = asyncio.Event()
            self._loop = asyncio.get_running_loop()
            server = Server(self._speed)
            try:
                await server.start(self._port)
            except OSError as problem:
                self._failure = problem
                await server.stop()
                return
            self._server = server
            ready.set()
            await self._stop.wait()
            await server.stop()

        try:
            asyncio.run(main())
        except BaseException as problem:
            self._failure = problem
        finally:
            ready.set()

    @property
    def _running(self) -> Server:
        server = self._server
        if server is None:
            raise RuntimeError("the sandbox is not running; use it with `with`, or start() it")
        return server

    def _do(self, make: Callable[[Server], Coroutine[Any, Any, T]]) -> T:
        """Run something on the loop of the server."""
        server, loop = self._running, self._loop
        assert loop is not None
        return asyncio.run_coroutine_threadsafe(make(server), loop).result(10)

    def _touch(self, act: Callable[[Server], T]) -> T:
        async def run(server: Server) -> T:
            return act(server)

        return self._do(run)

    # --- where it is ------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._running.port

    @property
    def url(self) -> str:
        """Address for `SOGNI_SANDBOX_URL`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def rest_endpoint(self) -> str:
        """The REST host."""
        return self.url

    @property
    def socket_endpoint(self) -> str:
        """The socket host."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def api_key(self) -> str:
        """A key that it takes; any that starts with `sandbox` will do, each is an account of its own."""
        return DEFAULT_KEY

    def client(self, **options: Any) -> SogniClient:
        """A blocking client of this network; close it when done."""
        from sogni import SogniClient

        return SogniClient(sandbox=self, **options)

    # --- watching ---------------------------------------------------------------------------------------------------

    @property
    def submissions(self) -> list[Submission]:
        """Every order that arrived, refused and repeated ones included."""
        return self._running.journal.submissions

    @property
    def log(self) -> list[LogEntry]:
        """Everything that happened, in order; credentials are masked."""
        return self._running.journal.entries

    @property
    def open_sockets(self) -> int:
        """How many clients are connected."""
        return len(self._running.connections)

    @property
    def renewals(self) -> int:
        """How many token pairs were renewed."""
        return self._running.access.renewals

    def wait_for(self, predicate: Callable[[Sandbox], T], timeout: float = 10.0) -> T:
        """Wait until `predicate(sandbox)` gives something true, and give it; looks after every change.

        Raises:
            TimeoutError: it never did; the message shows the end of the log.
        """
        return self._running.journal.wait_for(lambda: predicate(self), timeout)

    def status(self, project_id: str) -> str | None:
        """What the network says about a project: `queued`, `progress`, `completed`, ...; None when it has none."""
        project = self._running.world.project(project_id)
        return None if project is None else project.status

    # --- disturbing -------------------------------------------------------------------------------------------------

    def fail_next(self, kind: str, times: int | None = 1, path: str = "*") -> None:
        """Let the next thing of its kind go wrong; see `sogni.sandbox.faults.FAULTS`.

        Args:
            kind: Name of the fault, such as `insufficient_funds` or `rate_limit`.
            times: How often; None for always.
            path: Which paths, with wildcards, for faults of HTTP requests.
        Raises:
            ValueError: an unknown name; the message lists all.
        """
        self._touch(lambda server: server.rig.arm_fault(kind, times, path))

    def script(self, times: int | None = 1, **knobs: object) -> None:
        """Change how the next project, connection, request or transfer goes; see `sogni.sandbox.script.KNOBS`.

        Args:
            times: How often; None for always.
        Raises:
            ValueError: an unknown knob or value; the message lists what there is.
        """
        self._touch(lambda server: server.rig.arm(knobs, times))

    def release(self) -> None:
        """Let projects that stopped at `hold_at` go on."""

        def act(server: Server) -> None:
            for project in server.world.projects.values():
                project.let_go("script")

        self._touch(act)

    def send(self, kind: str, data: object) -> None:
        """Send a frame to every client."""

        async def run(server: Server) -> None:
            for connection in server.connections:
                await connection.send(kind, data)

        self._do(run)

    def send_raw(self, raw: str | bytes) -> None:
        """Send anything as one message to every client."""

        async def run(server: Server) -> None:
            for connection in server.connections:
                await connection.send_raw(raw)

        self._do(run)

    def drop_sockets(self, code: int | None = None) -> None:
        """End every connection: with a close code, or by cutting the wire."""

        async def run(server: Server) -> None:
            for connection in server.connections:
                if code is None:
                    connection.abort()
                else:
                    await connection.close(code)
                await server.gone(connection)

        self._do(run)

    def mint_tokens(self, expires_in: float = 3600.0, refresh_expires_in: float = 86_400.0) -> tuple[str, str]:
        """An access and a refresh token of the account `sandbox`."""
        return self._touch(lambda server: server.access.mint("sandbox", expires_in, refresh_expires_in))

    def reset(self) -> None:
        """A new world: nothing is armed, remembered or connected."""

        async def run(server: Server) -> None:
            await server.reset()

        self._do(run)
