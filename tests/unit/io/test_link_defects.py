"""What the connection thread and its sockets once did wrong when several threads used them."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from sogni import SogniClient
from sogni._io.feed import Feed
from sogni._io.link import Link
from sogni._io.ws import SendFailed, Socket, UpgradeRefused
from sogni._protocol import frames
from sogni._protocol.timers import Timers
from sogni.sandbox import Sandbox
from tests.orders import ORDER


class Deaf:
    """A WebSocket peer that accepts and then reads only as much as it is told to."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.peer: socket.socket | None = None
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self) -> None:
        self.peer, _ = self._listener.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.peer.recv(4096)
        key = next(line[19:] for line in head.decode().split("\r\n") if line.lower().startswith("sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
        self.peer.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def close(self) -> None:
        self._listener.close()
        if self.peer is not None:
            self.peer.close()


@pytest.fixture
def deaf() -> Iterator[Deaf]:
    peer = Deaf()
    yield peer
    peer.close()


def test_half_a_frame_of_another_thread_is_not_half_of_mine(deaf: Deaf) -> None:
    connection = Socket(deaf.url, {}, timeout=20, tls=None, proxy={})
    connection.connect()
    deaf.thread.join(10)
    assert deaf.peer is not None
    doubts: dict[str, bool] = {}

    def write(name: str, text: str) -> None:
        try:
            connection.send(text)
        except SendFailed as failed:
            doubts[name] = failed.started

    large = threading.Thread(target=write, args=("large", "x" * 24_000_000))
    large.start()
    deaf.peer.recv(1_000_000)
    small = threading.Thread(target=write, args=("small", "y"))
    small.start()
    # Bytes of the large frame leave while the small one waits for its turn; then the connection is gone.
    left = 3_000_000
    while left > 0:
        left -= len(deaf.peer.recv(100_000))
    deaf.close()
    large.join(20)
    small.join(20)
    connection.dispose()
    assert doubts == {"large": True, "small": False}


def test_a_redirect_of_the_upgrade_is_not_followed() -> None:
    elsewhere = socket.create_server(("127.0.0.1", 0))
    elsewhere.settimeout(0.0)
    listener = socket.create_server(("127.0.0.1", 0))
    target = f"ws://127.0.0.1:{elsewhere.getsockname()[1]}/"

    def redirect() -> None:
        peer, _ = listener.accept()
        peer.recv(4096)
        peer.sendall(f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
        peer.close()

    thread = threading.Thread(target=redirect, daemon=True)
    thread.start()
    url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
    connection = Socket(url, {"api-key": "a-test-key"}, timeout=10, tls=None, proxy={})
    with pytest.raises((UpgradeRefused, OSError)) as refused:
        connection.connect()
    thread.join(10)
    assert not isinstance(refused.value, UpgradeRefused) or refused.value.status == 307
    with pytest.raises(BlockingIOError):
        elsewhere.accept()
    connection.dispose()
    listener.close()
    elsewhere.close()


def test_what_becomes_due_is_noticed_on_a_quiet_connection(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="accepted")
    with SogniClient(sandbox=sandbox) as client:
        noticed = threading.Event()
        client.on("notice", lambda _: noticed.set())
        client.projects.create(**ORDER)
        with client._engine.lock:
            # As if the timers of the first ten seconds were over.
            client._engine.session.timers = Timers()
            client._engine.session.recheck_at(time.monotonic() + 100)
        sandbox.send("toastMessage", {"message": "the last frame for a while"})
        assert noticed.wait(10)
        with client._engine.lock:
            client._engine.session.recheck_at(time.monotonic())
        sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.path == "/api/v1/artist/projects/sync"], 8)


def test_what_an_abandoned_connection_still_brings_is_dropped() -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing is asked for")

    feed = Feed(
        address=never,
        effect=never,
        refused=never,
        renew=never,
        another_id=never,
        network="fast",
        socket_events={},
        idle_close=60,
    )  # type: ignore[arg-type]
    abandoned = Link(feed, "sogni-link")
    greeting = frames.encode("authenticated", {"clientType": "artist", "username": "somebody else"}).encode()
    feed.link_opened(abandoned, 1.0)
    feed.link_received(abandoned, greeting, 1.0)
    assert not feed.session.open
    assert not feed.session.ready
    assert feed.session.account.account.username is None
