"""Real sockets for the REST tests: a server that says what a test tells it, and one that misbehaves byte by byte."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import stamina
from attrs import define, field

from sogni._io.credentials import Credentials
from sogni._io.http import Http
from sogni.types.settings import Timeouts


@define
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    raw_path: str


@define
class Reply:
    """What to answer: JSON, bytes or text."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body).encode()


def ok(data: Any = None) -> Reply:
    """The envelope of a success."""
    return Reply({"status": "success", "data": data if data is not None else {}})


class Site:
    """A server on this computer; `routes` maps a path to replies (the last one stays) or to a function."""

    def __init__(self) -> None:
        self.routes: dict[str, Any] = {}
        self.seen: list[Seen] = []
        self.connections = 0
        self.lock = threading.Lock()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                with site.lock:
                    site.connections += 1

            def handle_any(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                parts = urlsplit(self.path)
                seen = Seen(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                    body,
                    self.path,
                )
                with site.lock:
                    site.seen.append(seen)
                    route = site.routes.get(parts.path, Reply({"status": "error", "message": "no route"}, 404))
                    if isinstance(route, list):
                        route = route.pop(0) if len(route) > 1 else route[0]
                reply = route(seen) if callable(route) else route
                content = reply.content
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if not {"content-length", "transfer-encoding"} & {name.lower() for name in reply.headers}:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


class Rude:
    """A bare socket server: each connection is handed to `script(connection, number)`."""

    def __init__(self, script: Callable[[socket.socket, int], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.script = script
        self.count = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._serve, args=(connection, self.count), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            self.script(connection, number)

    def close(self) -> None:
        self.done.set()
        self.listener.close()


def read_head(connection: socket.socket) -> bytes:
    """The request up to the empty line (and what came with it)."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    return data


@pytest.fixture
def site() -> Iterator[Site]:
    """A scripted server."""
    server = Site()
    yield server
    server.close()


@pytest.fixture
def other_site() -> Iterator[Site]:
    """Another one, where nothing of ours may arrive."""
    server = Site()
    yield server
    server.close()


@pytest.fixture
def rude() -> Iterator[Callable[[Callable[[socket.socket, int], None]], Rude]]:
    """Makes bare socket servers."""
    servers: list[Rude] = []

    def make(script: Callable[[socket.socket, int], None]) -> Rude:
        servers.append(Rude(script))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


KEY = "key-1234567890-secret"


@pytest.fixture
def make_http() -> Iterator[Callable[..., Http]]:
    """Makes `Http` objects that are closed afterwards."""
    made: list[Http] = []

    def make(url: str, credentials: Credentials | None = None, **options: Any) -> Http:
        options.setdefault("timeouts", Timeouts(connect=5, read=5, transfer=5))
        made.append(Http(url, url.replace("http", "ws", 1), credentials or Credentials(KEY), **options))
        return made[-1]

    yield make
    for http_client in made:
        http_client.close()


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    """Tries follow each other at once, at most four."""
    stamina.set_testing(True, attempts=4, cap=True)
    yield
    stamina.set_testing(False)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy or CA bundle of the computer that runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def make_token(expires_in: float, **claims: Any) -> str:
    """A JSON web token that nobody signed."""
    import base64

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    body = {"exp": int(time.time() + expires_in), "jti": time.time_ns(), **claims}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(body)}.c2lnbmF0dXJl"


class Tools:
    """What tests need without importing this file."""

    KEY = KEY
    Reply = Reply
    Seen = Seen
    ok = staticmethod(ok)
    token = staticmethod(make_token)
    read_head = staticmethod(read_head)


@pytest.fixture
def tools() -> type[Tools]:
    """Helpers: replies, tokens, the key in use."""
    return Tools
