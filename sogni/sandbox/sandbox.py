"""The sandbox as its user sees it: starting, closing, breaking things on purpose, and reading back what happened."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from .access import DEFAULT_KEY
from .faults import find
from .holder import SandboxAccount
from .journal import Journal
from .pace import pace_of
from .records import LogEntry, Submission, Upload
from .script import Rig
from .wallets import PASSWORD, USERNAME

if TYPE_CHECKING:
    from sogni import SogniClient

    from .server import Server

T = TypeVar("T")

#: Seconds that starting may take, and that closing waits for the thread.
START, CLOSE = 20.0, 1.8


class Sandbox:
    """A Sogni network on 127.0.0.1 that renders small real media and fails on request.

    It runs in a thread of its own and serves everything on one port. Only keys that start with `sandbox` are taken, and
    accounts that it has or that signed up with it.

    Args:
        port: The port; 0 takes a free one.
        speed: `instant` has no artificial delay, `fast` renders in about a second and a half, `realistic` in ten.
    """

    def __init__(self, port: int = 0, speed: str = "instant") -> None:
        self._asked_port = port
        self._pace = pace_of(speed)
        self._journal = Journal()
        self._rig = Rig()
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def __repr__(self) -> str:
        return f"Sandbox({self.url})" if self._server else "Sandbox(not running)"

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # running

    def start(self) -> Sandbox:
        """Start serving; does nothing when it is running already.

        Raises:
            ImportError: a library is missing; the message says what to install.
            OSError: the port is taken.
        """
        with self._lock:
            if self._server is not None:
                return self
            from .server import Server

            server = Server(self._journal, self._rig, self._pace)
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_run, args=(loop,), name="sogni-sandbox", daemon=True)
            thread.start()
            try:
                asyncio.run_coroutine_threadsafe(server.start(self._asked_port), loop).result(START)
            except BaseException:
                loop.call_soon_threadsafe(loop.stop)
                thread.join(CLOSE)
                server.remove_files()
                raise
            self._server, self._loop, self._thread = server, loop, thread
            self._stopped.clear()
        return self

    def close(self) -> None:
        """Stop within two seconds: no thread and no socket is left. May be called again.

        Removing thousands of files afterwards takes as long as the disk needs.
        """
        with self._lock:
            server, loop, thread = self._server, self._loop, self._thread
            if server is None or loop is None or thread is None:
                return
            self._server = self._loop = self._thread = None
            closing = asyncio.run_coroutine_threadsafe(server.close(), loop)
            try:
                closing.result(CLOSE)
            finally:
                loop.call_soon_threadsafe(loop.stop)
                thread.join(CLOSE)
                server.remove_files()
                self._journal.touch()
                self._stopped.set()

    def serve_forever(self) -> None:
        """Serve until another thread closes it, or Ctrl-C."""
        self.start()
        try:
            self._stopped.wait()
        except KeyboardInterrupt:
            pass
        finally:
            self.close()

    # where it is

    @property
    def port(self) -> int:
        """The port that it serves on."""
        return self._running().port

    @property
    def url(self) -> str:
        """Where it is; what `SOGNI_SANDBOX_URL` takes. A browser finds a page there that shows what goes on."""
        return self.rest_endpoint

    @property
    def rest_endpoint(self) -> str:
        """Base URL of REST."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_endpoint(self) -> str:
        """Base URL of the socket."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def api_key(self) -> str:
        """A key that it takes; so it does any other that starts with `sandbox`, each being an account."""
        return DEFAULT_KEY

    def client(self, **kwargs: Any) -> SogniClient:
        """A client of this sandbox; takes what `SogniClient` takes."""
        from sogni import SogniClient

        return SogniClient(sandbox=self, **kwargs)

    @property
    def username(self) -> str:
        """Name of the account that is always there, the one of `api_key`."""
        return USERNAME

    @property
    def password(self) -> str:
        """Its password."""
        return PASSWORD

    def account(self, username: str = USERNAME) -> SandboxAccount:
        """An account, to look into and to change behind the client's back; a KeyError when there is none."""

        def find(server: Server) -> str:
            found = server.world.named(username)
            if found is None:
                raise KeyError(username)
            return found.name

        return SandboxAccount(self._on_loop(find), self._on_loop)

    def add_account(self, username: str, password: str, *, email: str | None = None) -> SandboxAccount:
        """An account that signs in with this name and password, as if it had signed up before.

        Raises:
            ValueError: the name is taken.
        """
        from .state import Account
        from .wallets import address_of

        address = address_of(username, password)

        def add(server: Server) -> None:
            if server.world.named(username) is not None or server.world.at(address) is not None:
                raise ValueError(f"there is an account {username!r} already")
            made = Account(username, address)
            made.email = email or made.email
            server.world.accounts[username] = made

        self._on_loop(add)
        return SandboxAccount(username, self._on_loop)

    def mint_tokens(self, *, expires_in: float = 3600.0, refresh_expires_in: float = 86_400.0) -> tuple[str, str]:
        """An access token and a refresh token of the account `sandbox`, valid for that many seconds."""
        return self._on_loop(lambda server: server.access.mint("sandbox", expires_in, refresh_expires_in))

    # what happened

    @property
    def submissions(self) -> list[Submission]:
        """Every `jobRequest` that arrived, oldest first."""
        return self._journal.submissions

    @property
    def log(self) -> list[LogEntry]:
        """Everything that happened, oldest first; credentials are masked."""
        return self._journal.entries

    @property
    def uploads(self) -> list[Upload]:
        """Every file that arrived, oldest first."""
        return self._on_loop(lambda server: server.world.all_uploads())

    @property
    def open_sockets(self) -> int:
        """How many socket connections are open."""
        server = self._server
        return server.hub.count if server is not None else 0

    @property
    def renewals(self) -> int:
        """How often a token pair was renewed."""
        return self._on_loop(lambda server: server.access.renewals)

    def project(self, project_id: str) -> Mapping[str, Any]:
        """What the network knows of a project, as the recovery snapshot tells it; a KeyError when it is unknown."""
        from .views import recovered

        def look(server: Server) -> Mapping[str, Any]:
            found = server.world.project(project_id)
            if found is None:
                raise KeyError(project_id)
            return recovered(found)

        return self._on_loop(look)

    def wait_for(self, predicate: Callable[[], T], timeout: float = 10) -> T:
        """Block until the predicate gives something true, and return that; it is asked after every change.

        Raises:
            TimeoutError: it stayed false; the message shows the end of the log.
        """
        return self._journal.wait_for(predicate, timeout)

    # breaking things

    def fail_next(self, kind: str, times: int | None = 1, path: str = "*") -> None:
        """Make the next request, submission or job fail; `sogni.sandbox.faults.FAULTS` lists the kinds.

        Args:
            kind: Name of the fault.
            times: How many are struck; None means all from now on.
            path: For HTTP faults: which paths, `*` standing for anything.
        Raises:
            ValueError: there is no such fault; the message lists them.
        """
        find(kind)
        self._apply(lambda: self._rig.arm_fault(kind, times, path))

    def script(self, *, times: int | None = 1, **knobs: object) -> None:
        """Change how the next project, connection, request or transfer goes; see `sogni.sandbox.script.KNOBS`.

        Args:
            times: How many are changed; None means all from now on.
            **knobs: Name and value of each.
        Raises:
            ValueError: an unknown knob, or a value that it does not take.
        """
        self._apply(lambda: self._rig.arm(knobs, times))

    def expire_tokens(self, *, refresh: bool = False) -> None:
        """Every access token minted so far has expired, whatever stands in it; with `refresh`, refresh tokens too."""
        self._on_loop(lambda server: server.access.expire(refresh=refresh))

    def announce(self, *, platforms: Sequence[str] = (), **fields: object) -> str:
        """Publish an announcement: it is listed, and sent as `appAlert`, or `toastMessage` where that is not wanted.

        Args:
            platforms: App sources that it is for; all when empty.
            **fields: Of `appAlert` with their names there: `title`, `kind`, `severity`, `pinned`, `endsAt`, ...
        Returns:
            Its id.
        Raises:
            ValueError: a kind or severity that does not exist.
        """

        def post(server: Server) -> str:
            from .board import announcement

            made = announcement(fields, tuple(platforms))
            server.board.post(made)
            return made.id

        return self._on_loop(post)

    def release(self) -> None:
        """Let every project go on that `script(hold_at=...)` has stopped, or has not yet stopped."""
        self._on_loop(lambda server: server.stage.release())

    def send(self, kind: str, data: object) -> None:
        """Send a frame of one's own making on every open socket."""
        self._on_loop(lambda server: server.hub.send_all(kind, data))

    def send_raw(self, message: str | bytes) -> None:
        """Send a text or binary message as it is on every open socket."""
        self._on_loop(lambda server: server.hub.send_raw_all(message))

    def drop_sockets(self, code: int | None = None) -> None:
        """End every socket: with a close code, or by dropping the connection without a word."""
        self._on_loop(lambda server: server.hub.drop_all(code))

    def reset(self) -> None:
        """Forget everything and disarm everything; sockets are closed with 1000, tokens no longer count."""
        self._rig.clear()
        if self._server is not None:
            self._on_loop(lambda server: server.reset())
        self._journal.clear()

    # inside

    def _running(self) -> Server:
        server = self._server
        if server is None:
            raise RuntimeError("the sandbox is not running: call start(), or use it in a `with` block")
        return server

    def _on_loop(self, work: Callable[[Server], T]) -> T:
        """Run something short in the server's thread and wait for it."""
        server, loop = self._running(), self._loop
        assert loop is not None

        async def run() -> T:
            return work(server)

        return asyncio.run_coroutine_threadsafe(run(), loop).result(START)

    def _apply(self, work: Callable[[], None]) -> None:
        """Change the rig: in the server's thread while there is one."""
        if self._server is None:
            work()
        else:
            self._on_loop(lambda _: work())


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left: Sequence[asyncio.Task[Any]] = list(asyncio.all_tasks(loop))
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
