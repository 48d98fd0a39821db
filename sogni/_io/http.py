"""HTTP for the whole library: one session for the API, one without any identity for signed URLs, errors mapped once."""

from __future__ import annotations

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import requests
from attrs import define, field

from .._deadline import Deadline
from .._protocol import auth
from .._protocol.answers import MAX_BODY, read_answer
from .._protocol.call import Call, Host
from ..errors import (
    ApiError,
    AuthenticationError,
    ClosedError,
    ConnectFailed,
    ConnectionLost,
    ProtocolError,
    SogniError,
    TransportError,
)
from ..types.settings import Retries, Timeouts
from .credentials import Credentials
from .exchange import PIECE, Answer, bare, json_body, prepare, url_of
from .mishaps import translate
from .route import Route, Verify
from .transport import Patience, Session, patient

_log = logging.getLogger("sogni.http")
_SILENT = logging.NullHandler()

T = TypeVar("T")

__all__ = ["PIECE", "Answer", "Http", "bare", "may_ask_again"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
_BUSY = frozenset((429, 503))


class Http:
    """The HTTP side of one client; every method may be called from any thread.

    Nothing is opened, read or checked against a disk before the first request.

    Args:
        rest_endpoint: Where `Host.REST` is.
        socket_endpoint: Where `Host.SOCKET` is, as a WebSocket address.
        credentials: Whose requests these are.
        timeouts: Limits of one network operation.
        retries: How often a repeatable call is tried.
        proxy: A proxy for everything; None takes the usual environment variables, an empty text takes none.
        verify: Whom to trust: True, False, a CA file or folder, or a finished context.
        loopback_only: Refuse every host that is not this computer.
    """

    def __init__(
        self,
        rest_endpoint: str,
        socket_endpoint: str,
        credentials: Credentials,
        *,
        timeouts: Timeouts | None = None,
        retries: Retries | None = None,
        proxy: str | None = None,
        verify: Verify = True,
        loopback_only: bool = False,
    ) -> None:
        self._bases = {Host.REST: auth.rest_base(rest_endpoint), Host.SOCKET: auth.http_base(socket_endpoint)}
        self._credentials = credentials
        self.timeouts = timeouts or Timeouts()
        self.retries = retries or Retries()
        self.route = Route(proxy, verify, loopback_only=loopback_only)
        self._plain_allowed = self._bases[Host.REST].startswith("http://")
        for base in self._bases.values():
            self.route.check(base)
        self._forget_connections()

    def __repr__(self) -> str:
        return f"Http({', '.join(auth.place(base) for base in self._bases.values())})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("Http cannot be pickled")

    def _forget_connections(self) -> None:
        self._lock = threading.Lock()
        self._api: Session | None = None
        self._bare: Session | None = None
        self._closed = threading.Event()

    # --- calls of the API ---

    def request(self, call: Call[T], deadline: Deadline | None = None) -> T:
        """Sends a call in the caller's thread and returns what it reads from the answer.

        Args:
            call: What to ask.
            deadline: When to give up, waits between tries included.
        Raises:
            ApiError: the server said no.
            TransportError: there was no usable answer.
            WaitTimeout: the deadline passed.
            SessionChanged, ClosedError: another session began, or the client was closed, meanwhile.
        """
        try:
            return self._request(call, deadline or Deadline(None))
        except SogniError as error:
            failure = bare(error)
        # Raised out here, without the frames below: those hold headers and bodies, which error reporters print.
        raise failure

    def _request(self, call: Call[T], deadline: Deadline) -> T:
        url = url_of(self._bases[call.host], call)
        order = _Order(call, url, json_body(call), self._credentials.version, deadline)

        def attempt() -> T:
            return self._attempt(order)

        def again(error: SogniError) -> bool:
            # A renewal whose answer was lost may have used the old tokens up: it is not made a second time.
            return may_ask_again(error) and (error is not order.renewal_failed or isinstance(error, ConnectFailed))

        return self.retry(attempt, deadline, again=again) if call.repeatable else attempt()

    def _attempt(self, order: _Order[T]) -> T:
        if not order.call.auth:
            return self._exchange(order, None)
        identity = self._identity(order)
        try:
            value = self._exchange(order, identity)
        except AuthenticationError as error:
            refusal = error
        except SogniError:
            self._credentials.check(order.version)
            raise
        else:
            self._credentials.check(order.version)
            return value
        # A refusal that belongs to an older session must not end the present one.
        self._credentials.check(order.version)
        return self._after_refusal(refusal, order, identity)

    def _identity(self, order: _Order[T]) -> auth.Identity | None:
        """Whom the call is for, with a token that is good for a while."""
        try:
            identity = self._credentials.identity(self.renew, deadline=order.deadline)
        except SogniError as error:
            order.renewal_failed = error
            raise
        self._credentials.check(order.version)
        return identity

    def _after_refusal(self, refusal: AuthenticationError, order: _Order[T], identity: auth.Identity | None) -> T:
        """A 401: with other tokens a repeatable call is tried once more."""
        if not isinstance(identity, auth.ApiKey):
            refusal.hint = "Sign in again." if identity is not None else "Sign in, or set SOGNI_API_KEY."
        try:
            renewed = self._credentials.refused(identity, self.renew, deadline=order.deadline)
        except SogniError as error:
            order.renewal_failed = error
            raise
        if renewed and not order.call.repeatable:
            refusal.retryable = True
            refusal.hint = "The tokens were out of date and are renewed now: try again."
        if not renewed or not order.call.repeatable:
            raise refusal
        identity = self._identity(order)
        try:
            value = self._exchange(order, identity)
        except AuthenticationError as error:
            error.hint = refusal.hint
            self._credentials.check(order.version)
            self._credentials.give_up(identity)
            raise
        self._credentials.check(order.version)
        return value

    def _exchange(self, order: _Order[T], identity: auth.Identity | None) -> T:
        call = order.call
        headers = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
        if order.body is not None:
            headers["Content-Type"] = "application/json"
            headers["Content-Length"] = str(len(order.body))
        request = prepare(call.method, order.url, headers, order.body)
        request.headers.update(auth.headers(identity))
        what = f"{call.method} {call.path}"
        answer = self._send(request, self._session(), self.timeouts.read, order.deadline, what)
        try:
            data = answer.read_all(MAX_BODY)
        finally:
            answer.close()
        value = read_answer(
            answer.status,
            answer.reason,
            answer.headers,
            data,
            host=call.host,
            now=time.time(),
            secrets=auth.secrets(identity),
        )
        try:
            return call.read(value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(error, SogniError):
                raise
        raise ProtocolError(f"The server's answer to {what} has another form than expected.")

    def renew(self, refresh_token: str) -> tuple[str, str]:
        """Asks for a new token pair; what `Credentials.headers` takes."""
        call = auth.refresh_token(refresh_token)
        del refresh_token  # no frame of ours may hold it when an error passes
        return self.request(call)

    def auth_headers(self, deadline: Deadline | None = None) -> dict[str, str]:
        """The credential headers for another connection to the configured hosts, such as the WebSocket."""
        return self._credentials.headers(self.renew, deadline=deadline)

    # --- signed URLs ---

    def signed(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        deadline: Deadline | None = None,
    ) -> Answer:
        """Opens a signed or public URL, with nothing of ours: no credentials, cookies, netrc or redirects.

        Args:
            method: `GET` or `PUT`.
            url: The URL, used exactly as it is.
            headers: All headers that go out, apart from `Host`.
            body: Bytes or an object with `read`; its length must be in `headers`.
            deadline: When to give up; limits the reading of the answer as well.
        Returns:
            Answer: open; the caller reads and closes it.
        """
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ProtocolError("The service gave an address for media that is none.")
        self.route.check(url)
        if parts.scheme != "https" and not self._plain_allowed:
            raise ProtocolError(f"The media address {auth.place(url)} is not encrypted (https).")
        # Compressed, a body would have neither its true length nor resumable positions.
        request = prepare(method, url, {"Accept-Encoding": "identity", **(headers or {})}, body)
        failure: SogniError
        try:
            return self._send(
                request,
                self._session(bare=True),
                self.timeouts.transfer,
                deadline or Deadline(None),
                f"{method} {auth.place(url)}",
            )
        except SogniError as error:
            failure = bare(error)
        raise failure

    def check_host(self, url: str) -> None:
        """Raises ConfigError when a client that must stay on this computer is to leave it."""
        self.route.check(url)

    # --- retries ---

    def retry(
        self, attempt: Callable[[], T], deadline: Deadline, *, again: Callable[[SogniError], bool] | None = None
    ) -> T:
        """Runs `attempt` until it succeeds, fails for good, or the tries, the budget or the deadline are used up.

        Args:
            attempt: May be repeated without harm.
            deadline: Pauses that would outlast it are not made: the error is raised at once.
            again: Which errors are worth another try; by default no connection, 429 and 503.
        """
        worth_it = again or may_ask_again
        try:
            return attempt()
        except SogniError as error:
            if self.retries.tries < 2 or not worth_it(error):
                raise
            first = error
        return self._keep_trying(attempt, first, deadline, worth_it)

    def _keep_trying(
        self,
        attempt: Callable[[], T],
        first: SogniError,
        deadline: Deadline,
        worth_it: Callable[[SogniError], bool],
    ) -> T:
        import stamina

        # It reports every retry as a warning, which Python prints when the program has set up no logging of its own.
        logging.getLogger("stamina").addHandler(_SILENT)
        pause = spent = 0.0
        tries = 0

        def decide(error: Exception) -> bool:
            nonlocal pause, spent, tries
            tries += 1
            if not isinstance(error, SogniError) or not worth_it(error) or self._closed.is_set():
                return False
            pause = _pause(error, tries)
            spent += pause
            left = deadline.remaining()
            return spent <= self.retries.budget and (left is None or pause < left)

        # The pauses are made in the loop, where closing the client can end them; those of the library could not.
        turns = stamina.retry_context(
            on=decide, attempts=self.retries.tries, timeout=None, wait_initial=0, wait_max=0, wait_jitter=0
        )
        for turn in turns:
            with turn:
                if turn.num == 1:
                    raise first  # was made before this loop, so that a call that succeeds needs no stamina
                _log.debug("trying again in %.1f s", pause)
                if not stamina.is_testing() and self._closed.wait(pause):
                    raise ClosedError("The client is closed.")
                return attempt()
        raise first  # pragma: no cover - the loop returns or raises

    # --- one exchange ---

    def _send(
        self, request: requests.PreparedRequest, session: Session, silence: float, deadline: Deadline, what: str
    ) -> Answer:
        """Sends a request and returns as soon as the headers of the answer are there."""
        url = request.url or ""
        if deadline.expired:
            raise deadline.error(f"{what}: nothing was sent")
        patience = Patience(silence, deadline)
        connect = max(deadline.remaining(self.timeouts.connect) or 0.0, 0.001)
        failure: SogniError | None = None
        response: requests.Response | None = None
        started = time.monotonic()
        with patient(patience):
            try:
                response = session.send(
                    request,
                    stream=True,
                    timeout=(connect, patience.left()),
                    proxies=self.route.proxies(url),
                )
            except Exception as error:
                failure = translate(error, url, what, patience)
        if failure is not None or response is None:
            raise failure or TransportError(f"No answer to {what}.")
        if _log.isEnabledFor(logging.DEBUG):
            seconds = time.monotonic() - started
            _log.debug("%s %s: %d in %.3f s", request.method, auth.place(url), response.status_code, seconds)
        return Answer(response, url, what, patience)

    def _session(self, *, bare: bool = False) -> Session:
        if self._closed.is_set():
            raise ClosedError("The client is closed.")
        session = self._bare if bare else self._api
        if session is None:
            with self._lock:
                session = self._bare if bare else self._api
                if session is None:
                    session = Session(lambda: self.route.tls_context)
                    if bare:
                        self._bare = session
                    else:
                        self._api = session
        return session

    # --- what the WebSocket shares ---

    @property
    def tls_context(self) -> ssl.SSLContext:
        """The TLS context of REST, media and WebSocket."""
        return self.route.tls_context

    def proxy_for(self, url: str) -> str | None:
        """The proxy for a URL (`ws` and `wss` too), or None for a direct connection."""
        return self.route.proxy_for(url)

    def socket_proxy(self, url: str) -> dict[str, object]:
        """The same as options of the WebSocket library; empty for a direct connection."""
        return self.route.socket_proxy(url)

    # --- the end ---

    def pause(self, seconds: float, deadline: Deadline) -> None:
        """Waits, but no longer than the deadline, and not after the client was closed."""
        if self._closed.wait(deadline.remaining(seconds)):
            raise ClosedError("The client is closed.")

    def close(self) -> None:
        """Closes idle connections and ends pauses between tries; what another thread is reading ends by itself."""
        self._closed.set()
        for session in (self._api, self._bare):
            if session is not None:
                session.close()

    def reset_after_fork(self) -> None:
        """In a forked child: new sessions; the connections of the parent are left to the parent."""
        was_closed = self._closed.is_set()
        self._forget_connections()
        self.route.reset_after_fork()
        if was_closed:
            self._closed.set()


@define(eq=False)
class _Order(Generic[T]):
    """A call with everything that its tries have in common."""

    call: Call[T]
    url: str
    body: bytes | None = field(repr=False)
    version: int
    deadline: Deadline
    renewal_failed: SogniError | None = None


def may_ask_again(error: SogniError) -> bool:
    """Whether asking again can help: no connection, or the server is busy."""
    if isinstance(error, ApiError):
        return error.status in _BUSY
    return isinstance(error, (ConnectFailed, ConnectionLost)) and error.retryable


def _pause(error: SogniError, tries: int) -> float:
    wished = error.retry_after if isinstance(error, ApiError) else None
    if wished is not None:
        return float(wished)
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (tries - 1))
    return random.uniform(longest / 2, longest)
