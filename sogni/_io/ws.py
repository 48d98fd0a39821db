"""websocket-client behind four verbs: connect, receive, send, hang up. Only the connection thread receives.

Traps of the library that this module is built around: its UTF-8 check is a Python loop over every byte (switched off;
`json` decodes anyway), it asks the kernel three times per frame (served from a 64 KiB buffer), it bounds no frame, it
follows redirects with the credentials, and its own `close` reads frames and fights the reader.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from typing import Any

import websocket
from websocket import ABNF

from ..errors import ProtocolError

LARGEST_MESSAGE = 32 * 1024 * 1024
BUFFER = 64 * 1024
ABNORMAL = 1006


class LinkClosed(Exception):
    """The connection is over.

    Attributes:
        code: Close code of the peer; 1006 when it gave none or the reading failed.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class UpgradeRefused(Exception):
    """The server answered the upgrade with an HTTP status.

    Attributes:
        status: That status.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class SendFailed(Exception):
    """A frame could not be written.

    Attributes:
        started: True when some of its bytes may have left.
    """

    def __init__(self, started: bool, reason: str) -> None:
        super().__init__(reason)
        self.started = started


class _Buffered(websocket.WebSocket):
    """The library's connection with a reading buffer, a bound, and a count of what was written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.buffer = b""
        self.at = 0
        self.read_at = time.monotonic()
        # Bytes that left, by thread: several may write at the same time, and each must know about its own frame.
        self.sent = threading.local()
        # When the caller of `receive` wants to be back, though a peer may dribble a message byte by byte.
        self.until = float("inf")

    def _recv(self, bufsize: int) -> bytes:
        at = self.at
        if at >= len(self.buffer):
            self._check_size()
            if self.read_at >= self.until:
                # The library keeps the part of the message that is here already.
                self.until = float("inf")
                raise websocket.WebSocketTimeoutException("the message is not complete")
            self.buffer = super()._recv(BUFFER)  # type: ignore[no-untyped-call]
            # The clock is read here, once for all the frames of a burst.
            self.read_at = time.monotonic()
            at = 0
        end = at + bufsize
        self.at = end
        return self.buffer[at:end]

    @property
    def has_buffered(self) -> bool:
        """True when bytes are waiting that need no system call."""
        return self.at < len(self.buffer)

    def _check_size(self) -> None:
        size = self.frame_buffer.length or 0
        if self.cont_frame.cont_data:
            size += len(self.cont_frame.cont_data[1])
        if size > LARGEST_MESSAGE:
            raise ProtocolError(f"A frame of {size} bytes is larger than the {LARGEST_MESSAGE} that are allowed.")

    def _send(self, data: Any) -> int:
        count = super()._send(data)
        self.sent.count = getattr(self.sent, "count", 0) + count
        return count


class Socket:
    """One WebSocket connection.

    Args:
        url: Address with its query; credentials are only ever in `headers`.
        headers: Credential headers of the upgrade.
        timeout: Seconds for connecting, and for each of its steps.
        tls: Context for `wss`.
        proxy: Proxy options of the library (`http_proxy_host`, ...); empty for a direct connection.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        tls: ssl.SSLContext | None,
        proxy: Mapping[str, object],
    ) -> None:
        self._ws = _Buffered(skip_utf8_validation=True, enable_multithread=True, sslopt={"context": tls} if tls else {})
        self._url = url
        self._options = {
            "header": [f"{name}: {value}" for name, value in headers.items()],
            "timeout": timeout,
            "suppress_origin": True,
            "redirect_limit": 0,
            **(proxy or {"http_no_proxy": ["*"]}),
        }
        self._timeout = timeout

    def connect(self) -> None:
        """Connect and upgrade, within twice the timeout in all; `hang_up` ends it from another thread.

        Raises:
            UpgradeRefused: the server answered with another status.
            OSError, ValueError: there is no connection.
        """
        # Each read of the library has a timeout, but a peer that sends the upgrade byte by byte would have thousands.
        limit = threading.Timer(2 * self._timeout, self.hang_up)
        limit.name, limit.daemon = "sogni-upgrade", True
        limit.start()
        try:
            self._ws.connect(self._url, **self._options)  # type: ignore[no-untyped-call]
        except websocket.WebSocketBadStatusException as refusal:
            status = refusal.status_code
        except websocket.WebSocketException as problem:
            raise OSError(f"{type(problem).__name__} while connecting") from None
        else:
            if self._ws.sock is not None and isinstance(self._ws.sock, socket.socket):
                self._ws.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return
        finally:
            limit.cancel()
            self._options = {}
        raise UpgradeRefused(status)

    @property
    def now(self) -> float:
        """Monotonic time of the last read from the network."""
        return self._ws.read_at

    @property
    def has_buffered(self) -> bool:
        """True when another frame, or part of one, is here already."""
        return self._ws.has_buffered

    def receive(self, timeout: float) -> bytes | None:
        """The next message; None when `timeout` seconds passed, or a control frame came. Raises LinkClosed."""
        ws = self._ws
        try:
            if ws.gettimeout() != timeout:
                # It bounds a write by another thread too, so it never goes below a second (see Link).
                ws.settimeout(timeout)
            ws.until = time.monotonic() + timeout
            opcode, data = ws.recv_data(control_frame=True)
        except (websocket.WebSocketTimeoutException, TimeoutError):
            return None
        except ProtocolError:
            raise
        except (websocket.WebSocketException, OSError, ValueError, AttributeError) as problem:
            # A failure of our own reader is a drop like any other; the peer gave no code.
            raise LinkClosed(ABNORMAL, type(problem).__name__) from None
        if opcode in (ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY):
            return bytes(data)
        if opcode == ABNF.OPCODE_CLOSE:
            code = struct.unpack("!H", data[:2])[0] if len(data) >= 2 else 1005
            raise LinkClosed(code, data[2:].decode("utf-8", "replace"))
        if opcode == ABNF.OPCODE_PONG:
            self.pong_at = ws.read_at
        return None

    pong_at = 0.0

    def send(self, text: str) -> None:
        """Write one frame, from any thread. Raises SendFailed; after half a frame the connection is useless."""
        ws = self._ws
        ws.sent.count = 0
        try:
            ws.send(text)
        except (websocket.WebSocketException, OSError, ValueError, AttributeError) as problem:
            raise SendFailed(ws.sent.count > 0, type(problem).__name__) from None

    def ping(self) -> None:
        """Ask the peer for a sign of life. Raises SendFailed."""
        try:
            self._ws.ping()
        except (websocket.WebSocketException, OSError, ValueError, AttributeError) as problem:
            raise SendFailed(False, type(problem).__name__) from None

    def say_goodbye(self, reason: str) -> None:
        """Send the close frame; the reader sees the answer. Never raises."""
        if not self._ws.connected:
            return
        try:
            self._ws.send_close(1000, reason)
        except (websocket.WebSocketException, OSError, ValueError, AttributeError):
            pass

    def hang_up(self) -> None:
        """End the connection at once, from any thread: a blocked read wakes up. Never raises."""
        raw = self._ws.sock
        if raw is None:
            return
        try:
            # Closing the descriptor would not wake a read that is blocked in another thread.
            raw.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def dispose(self) -> None:
        """Give the descriptor back; only for the thread that reads, or after a fork. Never raises."""
        raw = self._ws.sock
        self._ws.sock = None
        if raw is not None:
            try:
                raw.close()
            except OSError:
                pass
