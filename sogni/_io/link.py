"""The connection thread: connect, read, tick, back off, connect again.

It is started by the first call that needs live frames and ended by `stop`, by a close code that says so, or when
nothing needs it any more. It does no REST of its own and runs no code of the user. It knows its owner, the feed, only
weakly: a client that nobody holds can be collected while this thread sleeps.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen

from .._protocol.backoff import reconnect_delay
from ..errors import ApiError, ProtocolError, SogniError, TransportError
from . import threads
from .ws import ABNORMAL, LinkClosed, SendFailed, Socket, UpgradeRefused

log = logging.getLogger("sogni.link")

CONNECT_TIMEOUT = 10.0
PING_INTERVAL = 15.0
# The read timeout of the socket bounds writes by other threads too, so it is never shorter than this.
SHORTEST_WAIT = 1.0
LOOK_EVERY = 1.0  # seconds between looks at what has become due, while anything will
GOODBYE_LIMIT = 1.0
GOOD_AFTER = 30.0  # seconds after which a connection counts as a good one
JOIN_LIMIT = 2.0
HANG_UP_EVERY = 0.05


@frozen(kw_only=True)
class Address:
    """Where and as whom to connect."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    tls: object
    proxy: Mapping[str, object] = field(repr=False)


class Owner(Protocol):
    """What the thread needs of the engine; every call is short and may take the engine's lock."""

    def link_address(self) -> Address: ...
    def link_opened(self, link: Link, now: float) -> None: ...
    def link_received(self, link: Link, raw: bytes, now: float) -> None: ...
    def link_tick(self, now: float) -> float | None: ...
    def link_lost(self, link: Link, code: int, now: float) -> bool: ...
    def link_failed(self, link: Link, error: SogniError | None, reason: str) -> None: ...
    def link_idle(self, link: Link, now: float) -> bool: ...
    def link_accepted(self) -> bool: ...
    def link_unauthorized(self) -> bool: ...


class Link:
    """One run of the connection thread."""

    def __init__(self, owner: Owner, name: str) -> None:
        self._owner: weakref.ref[Owner] = weakref.ref(owner)
        self._stop = threading.Event()
        self._socket: Socket | None = None
        self._connecting: Socket | None = None
        self._deaf_since: float | None = None
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def socket(self) -> Socket | None:
        """The open connection, for senders."""
        return self._socket

    def stop(self, reason: str = "Client disconnected") -> None:
        """End the thread from any thread: say goodbye, wait for the answer a moment, then hang up and join."""
        self._stop.set()
        connection = self._socket
        if connection is not None:
            connection.say_goodbye(reason)
            threads.join(self.thread, GOODBYE_LIMIT)
            connection.hang_up()
            threads.join(self.thread, JOIN_LIMIT)
            return
        # Still connecting: again and again, for the socket exists a moment before the library lets us see it.
        end = time.monotonic() + JOIN_LIMIT
        while self.thread.is_alive() and threading.current_thread() is not self.thread and time.monotonic() < end:
            connecting = self._connecting or self._socket
            if connecting is not None:
                connecting.hang_up()
            threads.join(self.thread, HANG_UP_EVERY)

    def drop(self) -> None:
        """Break the connection, so that the thread makes a new one."""
        connection = self._socket
        if connection is not None:
            connection.hang_up()

    def abandon(self) -> None:
        """In a forked child: close the copy of the descriptor; the thread is not here."""
        self._stop.set()
        if self._socket is not None:
            self._socket.dispose()

    # --- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._keep_connected()
        except Exception as problem:
            # A defect of ours or a value that nobody foresaw: those who wait must hear of it.
            log.exception("the connection thread failed")
            owner = self._owner()
            if owner is not None:
                error = TransportError(f"The connection cannot be made ({type(problem).__name__}).")
                owner.link_failed(self, error, error.message)

    def _keep_connected(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            outcome = self._connect()
            if outcome is None:
                return
            if outcome:
                if not self._converse():
                    return
                owner = self._owner()
                # Only a connection that was accepted and lasted resets the delays, or a server that accepts and closes
                # at once would be hammered.
                if owner is None:
                    return
                if self._was_accepted and self._lasted >= GOOD_AFTER:
                    attempt = 0
                del owner
            delay = reconnect_delay(attempt, random.random())
            attempt += 1
            if self._rest(time.monotonic() + delay):
                return

    def _rest(self, until: float) -> bool:
        """Wait before the next try, doing what becomes due meanwhile; True to end."""
        while True:
            now = time.monotonic()
            owner = self._owner()
            if owner is None:
                return True
            due = owner.link_tick(now)
            del owner
            left = until - now if due is None else min(until, max(due, now + SHORTEST_WAIT)) - now
            if self._stop.wait(max(0.0, left)):
                return True
            if time.monotonic() >= until:
                return False

    _was_accepted = False
    _lasted = 0.0
    # Whether the tokens were renewed because the service did not take them for a connection; once is enough.
    _renewed = False

    def _connect(self) -> bool | None:
        """True when connected, False to try again later, None to give up."""
        owner = self._owner()
        if owner is None:
            return None
        try:
            address = owner.link_address()
        except ApiError as error:
            # Credentials that cannot be renewed will not be accepted by the next try either; a busy server may.
            if error.retryable:
                owner.link_failed(self, None, str(error.message))
                return False
            owner.link_failed(self, error, error.message)
            return None
        except SogniError as error:
            owner.link_failed(self, None if error.retryable else error, error.message)
            return False if error.retryable else None
        del owner
        self._was_accepted = False
        reason = ""
        connection = Socket(
            address.url,
            address.headers,
            timeout=CONNECT_TIMEOUT,
            tls=address.tls,  # type: ignore[arg-type]
            proxy=address.proxy,
        )
        # Known to `stop` from now on, so that closing need not wait for a peer that dawdles.
        self._connecting = connection
        try:
            connection.connect()
        except UpgradeRefused as refusal:
            log.info("upgrade refused with status %d", refusal.status)
            return self._refused(refusal.status)
        except (OSError, ValueError) as problem:
            # Never the exception itself: its text may hold addresses with credentials of a proxy.
            reason = type(problem).__name__
        else:
            owner = self._owner()
            if owner is None or self._stop.is_set():
                connection.hang_up()
                connection.dispose()
                return None
            self._socket = connection
            self._connecting = None
            self._renewed = False
            owner.link_opened(self, time.monotonic())
            return True
        log.info("could not connect (%s)", reason)
        owner = self._owner()
        if owner is None:
            return None
        owner.link_failed(self, None, f"the connection could not be made ({reason})")
        return False

    def _refused(self, status: int) -> bool | None:
        owner = self._owner()
        if owner is None:
            return None
        if status == 401 and not self._renewed:
            self._renewed = True
            try:
                if owner.link_unauthorized():
                    return False
            except SogniError as problem:
                if problem.retryable:
                    self._renewed = False
                    owner.link_failed(self, None, problem.message)
                    return False
        if status in (401, 403):
            from ..errors import AuthenticationError

            error = AuthenticationError(
                f"The service refused the connection with these credentials (HTTP {status}).", status=status
            )
            owner.link_failed(self, error, error.message)
            return None
        owner.link_failed(self, None, f"the service answered the connection with HTTP {status}")
        return False

    def _converse(self) -> bool:
        """Read until the connection is over; True to connect again."""
        connection = self._socket
        assert connection is not None
        code = ABNORMAL
        began = time.monotonic()
        try:
            self._read(connection)
        except LinkClosed as closed:
            code = closed.code
        except SendFailed:
            pass
        except ProtocolError as problem:
            log.warning("connection dropped: %s", problem.message)
        except Exception:
            # Whatever goes wrong in here, the connection thread must not die with projects open.
            log.exception("connection dropped by an unexpected error")
        finally:
            self._socket = None
            self._lasted = time.monotonic() - began
            connection.hang_up()
            connection.dispose()
        owner = self._owner()
        if owner is None or self._stop.is_set():
            return False
        again = owner.link_lost(self, code, time.monotonic())
        self._was_accepted = owner.link_accepted()
        return again

    def _read(self, connection: Socket) -> None:
        now = time.monotonic()
        ping_at = now + PING_INTERVAL
        pinged_at: float | None = None
        due: float | None = now
        while not self._stop.is_set():
            # Other threads add to what becomes due, and nothing wakes this one for it.
            wake_at = ping_at if due is None else min(ping_at, due, now + LOOK_EVERY)
            raw = connection.receive(max(SHORTEST_WAIT, wake_at - now))
            owner = self._owner()
            if owner is None:
                return
            if raw is not None:
                owner.link_received(self, raw, connection.now)
                if connection.has_buffered and (due is None or connection.now < due):
                    continue
            # The buffer is empty: time to look at the clock.
            now = time.monotonic()
            due = owner.link_tick(now)
            if now < ping_at:
                continue
            if owner.link_idle(self, now):
                self._stop.set()
                connection.say_goodbye("Client disconnected")
                return
            if pinged_at is not None and connection.pong_at < pinged_at:
                raise LinkClosed(ABNORMAL, "no pong")
            connection.ping()
            pinged_at = now
            ping_at = now + PING_INTERVAL
