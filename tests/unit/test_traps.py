"""Traps of the libraries under the engine, each met once, held by tests against a raw socket that says what it is told.

Those of `requests` (netrc, cookies, redirects) are among the tests of `sogni._io.http`.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import hashlib
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from sogni._io import ws
from sogni._io.ws import LinkClosed, SendFailed, Socket, UpgradeRefused
from sogni._protocol import frames
from sogni.errors import ProtocolError

TEXT, CONTINUED, CLOSE, PING, PONG = 0x1, 0x0, 0x8, 0x9, 0xA
SHORT, LONG = 0.05, 10.0
IO_FOLDER = Path(ws.__file__).parent


def head(size: int, kind: int = TEXT, *, last: bool = True) -> bytes:
    """The beginning of a frame of a server, with the length in the shortest form."""
    first = bytes([(0x80 if last else 0) | kind])
    if size < 126:
        return first + bytes([size])
    return first + (struct.pack("!BH", 126, size) if size < 1 << 16 else struct.pack("!BQ", 127, size))


def frame(payload: bytes, kind: int = TEXT, *, last: bool = True) -> bytes:
    return head(len(payload), kind, last=last) + payload


def read_head(peer: socket.socket) -> str:
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += peer.recv(1) or b"\r\n\r\n"
    return request.decode()


def read_frame(peer: socket.socket) -> tuple[int, bytes]:
    """A short frame of a client, unmasked."""

    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = peer.recv(count - len(data))
            assert piece, "the client hung up"
            data += piece
        return data

    first, size = exactly(2)
    mask, data = exactly(4), exactly(size & 0x7F)
    return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


def accepting(request: str) -> bytes:
    """The answer that accepts an upgrade."""
    (key,) = (line.partition(": ")[2] for line in request.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\n\r\n" % base64.b64encode(digest)
    )


class Call(NamedTuple):
    """Both ends of a connection, and the request that opened it."""

    link: Socket
    peer: socket.socket
    request: str


class Exchange:
    """Connects clients to raw peers; `requests` has every upgrade request that arrived."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._workers = stack.enter_context(ThreadPoolExecutor(2))
        self.requests: list[str] = []

    def listen(self) -> socket.socket:
        """A listener that the test answers for."""
        return self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def dial(self, answer: Callable[[str], bytes] = accepting) -> Call:
        """A connection whose upgrade is answered so; raises what `Socket` raises."""
        listener = self.listen()

        def serve() -> socket.socket:
            listener.settimeout(LONG)
            peer, _ = listener.accept()
            self._stack.enter_context(peer)
            peer.settimeout(LONG)
            self.requests.append(read_head(peer))
            peer.sendall(answer(self.requests[-1]))
            return peer

        serving = self._workers.submit(serve)
        try:
            link = Socket(
                f"ws://127.0.0.1:{listener.getsockname()[1]}/?appId=A",
                {"api-key": "secret-key"},
                timeout=LONG,
                tls=None,
                proxy={},
            )
            link.connect()
        finally:
            peer = serving.result(LONG)
        self._stack.callback(link.dispose)
        return Call(link, peer, self.requests[-1])


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with contextlib.ExitStack() as stack:
        yield Exchange(stack)


@pytest.fixture
def call(exchange: Exchange) -> Call:
    """A connection that was accepted."""
    return exchange.dial()


# Reading


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 200, 303])
def test_a_timeout_in_the_middle_of_a_frame_loses_nothing(call: Call, cut: int) -> None:
    message = b"x" * 300
    whole = frame(message)
    call.peer.sendall(whole[:cut])
    assert call.link.receive(SHORT) is None
    assert call.link.receive(SHORT) is None
    call.peer.sendall(whole[cut:])
    assert call.link.receive(LONG) == message


def test_a_timeout_between_fragments_loses_nothing(call: Call) -> None:
    call.peer.sendall(frame(b"one ", last=False))
    assert call.link.receive(SHORT) is None
    call.peer.sendall(frame(b"two", CONTINUED))
    assert call.link.receive(LONG) == b"one two"


def test_frames_of_one_packet_are_served_one_by_one(call: Call) -> None:
    call.peer.sendall(frame(b"one") + frame(b"") + frame(b"three"))
    call.peer.shutdown(socket.SHUT_WR)
    assert call.link.receive(LONG) == b"one"
    assert call.link.has_buffered
    assert call.link.receive(LONG) == b""
    assert call.link.receive(LONG) == b"three"
    assert not call.link.has_buffered
    with pytest.raises(LinkClosed) as closed:
        call.link.receive(LONG)
    assert closed.value.code == 1006


def test_a_frame_that_came_with_the_answer_is_not_lost(exchange: Exchange) -> None:
    call = exchange.dial(lambda request: accepting(request) + frame(b"early"))
    assert call.link.receive(LONG) == b"early"


def test_the_largest_frame_is_32_mib() -> None:
    assert ws.LARGEST_MESSAGE == 32 * 1024 * 1024


@pytest.mark.parametrize("size", [ws.LARGEST_MESSAGE + 1, 1 << 62])
def test_a_frame_that_is_too_large_is_refused_by_its_head(call: Call, size: int) -> None:
    call.peer.sendall(head(size))
    with pytest.raises(ProtocolError, match=str(size)):
        call.link.receive(LONG)


def test_fragments_that_are_too_large_together_are_refused(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "LARGEST_MESSAGE", 1000)
    call.peer.sendall(frame(b"x" * 600, last=False) + head(401, CONTINUED))
    with pytest.raises(ProtocolError, match="1001"):
        call.link.receive(LONG)


def test_a_frame_of_just_the_limit_is_read(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "LARGEST_MESSAGE", 1000)
    call.peer.sendall(frame(b"x" * 600, last=False) + head(400, CONTINUED))
    assert call.link.receive(SHORT) is None
    call.peer.sendall(b"y" * 400)
    assert call.link.receive(LONG) == b"x" * 600 + b"y" * 400


@pytest.mark.parametrize("parts", [1, 2])
def test_broken_text_is_left_to_the_decoder(call: Call, monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    # The check of the library is a Python loop over every byte, 150 times as slow as reading the frame.
    def never(*_: object) -> bool:
        raise AssertionError("the slow check ran")

    monkeypatch.setattr("websocket._abnf.validate_utf8", never)
    broken = b'{"type":"\xff\xfe\x80"}'
    if parts == 1:
        call.peer.sendall(frame(broken))
    else:
        call.peer.sendall(frame(broken[:10], last=False) + frame(broken[10:], CONTINUED))
    raw = call.link.receive(LONG)
    assert raw == broken
    with pytest.raises(ProtocolError):
        frames.decode(raw)


def test_pongs_are_seen_and_are_no_message(call: Call) -> None:
    call.link.ping()
    assert read_frame(call.peer)[0] == PING
    assert call.link.pong_at == 0
    call.peer.sendall(frame(b"", PONG))
    assert call.link.receive(LONG) is None
    assert call.link.pong_at > 0


def test_pings_are_answered(call: Call) -> None:
    call.peer.sendall(frame(b"are you there", PING))
    assert call.link.receive(LONG) is None
    assert read_frame(call.peer) == (PONG, b"are you there")


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (struct.pack("!H", 4002) + b"replaced", 4002, "replaced"),
        (struct.pack("!H", 1000) + b"\xff", 1000, "\ufffd"),
        (b"", 1005, ""),
    ],
)
def test_close_codes_arrive(call: Call, payload: bytes, code: int, reason: str) -> None:
    call.peer.sendall(frame(payload, CLOSE))
    with pytest.raises(LinkClosed) as closed:
        call.link.receive(LONG)
    assert (closed.value.code, closed.value.reason) == (code, reason)


# Opening


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_the_key(exchange: Exchange, status: int) -> None:
    elsewhere = exchange.listen()
    elsewhere.setblocking(False)
    place = f"ws://127.0.0.1:{elsewhere.getsockname()[1]}/"

    with pytest.raises(OSError, match="while connecting") as error:
        exchange.dial(
            lambda _: f"HTTP/1.1 {status} Go there\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
        )
    with pytest.raises(BlockingIOError):
        elsewhere.accept()
    assert "secret-key" not in str(error.value)


def test_the_upgrade_has_the_key_and_no_origin(call: Call) -> None:
    first, *lines = call.request.rstrip().split("\r\n")
    names = [line.partition(":")[0].lower() for line in lines]
    assert first == "GET /?appId=A HTTP/1.1"
    assert "api-key: secret-key" in lines
    assert "origin" not in names
    assert "cookie" not in names


def test_cookies_are_not_kept(exchange: Exchange) -> None:
    exchange.dial(lambda request: accepting(request).replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n"))
    assert "cookie" not in exchange.dial().request.lower()


@pytest.mark.parametrize("status", [401, 403, 503])
def test_a_refused_upgrade_says_its_status_and_nothing_else(exchange: Exchange, status: int) -> None:
    body = "the body repeats secret-key"
    with pytest.raises(UpgradeRefused) as refused:
        exchange.dial(lambda _: f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    assert refused.value.status == status
    # The error of the library quotes headers and body, so it must not hang on to this one.
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    assert "secret" not in repr(refused.value)


# Sending


def test_a_peer_that_stops_reading_leaves_half_a_frame(call: Call) -> None:
    call.link.receive(SHORT)  # its time limit bounds writes too
    with pytest.raises(SendFailed) as failed:
        call.link.send("x" * 30_000_000)
    assert failed.value.started


def test_nothing_left_after_hanging_up(call: Call) -> None:
    call.link.hang_up()
    with pytest.raises(SendFailed) as failed:
        call.link.send("late")
    assert not failed.value.started


# Ending


@pytest.fixture
def reader(call: Call) -> Iterator[Callable[[], LinkClosed]]:
    """Reads in a thread, as the link does, with a long time limit; gives how it ended."""
    ready: queue.Queue[bytes | None] = queue.Queue()
    ends: queue.Queue[LinkClosed] = queue.Queue()

    def read() -> None:
        try:
            while True:
                ready.put(call.link.receive(60))
        except LinkClosed as closed:
            ends.put(closed)

    thread = threading.Thread(target=read, name="reader", daemon=True)
    thread.start()
    # From here on it waits in the next read, or is about to.
    call.peer.sendall(frame(b"hello"))
    assert ready.get(timeout=LONG) == b"hello"
    yield lambda: ends.get(timeout=LONG)
    call.link.hang_up()
    thread.join(LONG)
    assert not thread.is_alive()


def test_hanging_up_wakes_a_blocked_read(call: Call, reader: Callable[[], LinkClosed]) -> None:
    began = time.monotonic()
    call.link.hang_up()
    assert reader().code == 1006
    assert time.monotonic() - began < 5


def test_the_goodbye_of_another_thread_leaves_the_reading_to_the_reader(
    call: Call, reader: Callable[[], LinkClosed]
) -> None:
    call.link.say_goodbye("done")
    assert read_frame(call.peer) == (CLOSE, struct.pack("!H", 1000) + b"done")
    call.peer.sendall(frame(b"one more") + frame(struct.pack("!H", 1000) + b"bye", CLOSE))
    closed = reader()
    assert (closed.code, closed.reason) == (1000, "bye")


def test_a_goodbye_that_nobody_answers_holds_nobody_up(call: Call, reader: Callable[[], LinkClosed]) -> None:
    # `close` of the library would read here, against the reader, for as long as the peer is silent.
    began = time.monotonic()
    call.link.say_goodbye("done")
    call.link.hang_up()
    assert reader().code == 1006
    assert time.monotonic() - began < 5


def test_ending_twice_is_fine(call: Call) -> None:
    for _ in range(2):
        call.link.say_goodbye("done")
        call.link.hang_up()
        call.link.dispose()


# Only visible in the source: it takes one version of Python, and TLS, to see it happen.


def waits_forever(code: str) -> list[int]:
    """Lines that take the time limit of a socket away."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = [ast.unparse(value) for value in node.args]
            if (node.func.attr, given) in [("settimeout", ["None"]), ("setblocking", ["True"])]:
                found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", sorted(IO_FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_no_socket_is_without_a_time_limit(path: Path) -> None:
    # Under Python 3.13.6 a TLS read without one blocks every write.
    assert waits_forever(path.read_text("utf-8")) == []


def test_a_socket_without_a_time_limit_would_be_found() -> None:
    assert waits_forever("ws.settimeout(None)\nws.setblocking(True)\nws.settimeout(1)") == [1, 2]
