"""HTTP for the whole library: one session for the API, one without any identity for signed URLs, errors mapped once."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

import requests
from attrs import field, frozen
from requests.structures import CaseInsensitiveDict

from .._deadline import Deadline
from .._protocol import auth
from .._protocol.answers import MAX_BODY, read_answer
from .._protocol.call import Call, Host, number_text
from ..errors import (
    ApiError,
    AuthenticationError,
    ClosedError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    Problem,
    ProtocolError,
    SogniError,
    TransportError,
    ValidationError,
)
from ..types.settings import Retries, Timeouts
from .credentials import Credentials
from .mishaps import translate
from .session import Patience, Session, patient, tls_context

_log = logging.getLogger("sogni.http")

T = TypeVar("T")

PIECE = 256 * 1024
"""Bytes read or written at once; small pieces cost the interpreter more than the network."""

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
        verify: bool | str | os.PathLike[str] | ssl.SSLContext = True,
        loopback_only: bool = False,
    ) -> None:
        self._bases = {Host.REST: auth.rest_base(rest_endpoint), Host.SOCKET: auth.http_base(socket_endpoint)}
        self._credentials = credentials
        self.timeouts = timeouts or Timeouts()
        self.retries = retries or Retries()
        self._proxy = proxy
        self._verify = verify
        self._loopback_only = loopback_only
        self._plain_allowed = self._bases[Host.REST].startswith("http://")
        for base in self._bases.values():
            self._guard(base)
        self._forget_connections()

    def __repr__(self) -> str:
        return f"Http({', '.join(auth.place(base) for base in self._bases.values())})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("Http cannot be pickled")

    def _forget_connections(self) -> None:
        self._lock = threading.Lock()
        self._api: Session | None = None
        self._bare: Session | None = None
        self._proxies: dict[tuple[str, str], dict[str, str]] = {}
        self._tls: ssl.SSLContext | None = None
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
        order = _Order(call, self._url(call), _json_body(call), self._credentials.version, deadline)

        def attempt() -> T:
            return self._attempt(order)

        return self.retry(attempt, deadline) if call.repeatable else attempt()

    def _attempt(self, order: _Order[T]) -> T:
        if not order.call.auth:
            return self._exchange(order, None)
        identity = self._credentials.identity(self.renew, deadline=order.deadline)
        self._credentials.check(order.version)
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

    def _after_refusal(self, refusal: AuthenticationError, order: _Order[T], identity: auth.Identity | None) -> T:
        """A 401: with other tokens a repeatable call is tried once more."""
        if not isinstance(identity, auth.ApiKey):
            refusal.hint = "Sign in again." if identity is not None else "Sign in, or set SOGNI_API_KEY."
        renewed = self._credentials.refused(identity, self.renew, deadline=order.deadline)
        if not renewed or not order.call.repeatable:
            raise refusal
        identity = self._credentials.identity(self.renew, deadline=order.deadline)
        self._credentials.check(order.version)
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
        request = _prepare(call.method, order.url, headers, order.body)
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
        self._guard(url)
        if urlsplit(url).scheme != "https" and not self._plain_allowed:
            raise ProtocolError(f"The media address {auth.place(url)} is not encrypted (https).")
        # Compressed, a body would have neither its true length nor resumable positions.
        request = _prepare(method, url, {"Accept-Encoding": "identity", **(headers or {})}, body)
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
        self._guard(url)

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
                    proxies=self._proxies_for(url),
                    allow_redirects=False,
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
                    session = Session(lambda: self.tls_context)
                    if bare:
                        self._bare = session
                    else:
                        self._api = session
        return session

    def _url(self, call: Call[Any]) -> str:
        path = call.path
        if (
            "://" in path
            or path.startswith("//")
            or any(character in path for character in "?#\\")
            or not path.isprintable()
            or any(part in (".", "..") for part in path.replace("%2e", ".").replace("%2E", ".").split("/"))
        ):
            raise ValidationError(
                problems=[
                    Problem(
                        "path",
                        "path must be relative to the host, such as '/v1/account/me', without a query.",
                        value=auth.redact(path),
                    )
                ]
            )
        url = f"{self._bases[call.host]}/{quote(path.lstrip('/'), safe='/%:@!$&+,;=~')}"
        pairs: list[tuple[str, str]] = []
        for name, value in call.query.items():
            if isinstance(value, (list, tuple)):
                pairs.extend((name, number_text(item)) for item in value)
            elif value is not None:
                pairs.append((name, number_text(value)))
        return f"{url}?{urlencode(pairs)}" if pairs else url

    # --- the way out ---

    @property
    def tls_context(self) -> ssl.SSLContext:
        """The TLS context of REST, media and WebSocket; made once, because that takes longer than a small request."""
        if self._tls is None:
            with self._lock:
                if self._tls is None:
                    self._tls = tls_context(self._verify)
        return self._tls

    def proxy_for(self, url: str) -> str | None:
        """The proxy for a URL (`ws` and `wss` too), or None for a direct connection."""
        parts = urlsplit(url)
        scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
        url = f"{scheme}://{parts.netloc}/"
        return requests.utils.select_proxy(url, self._proxies_for(url))

    def socket_proxy(self, url: str) -> dict[str, object]:
        """The same as options of the WebSocket library; empty for a direct connection."""
        proxy = self.proxy_for(url)
        if proxy is None:
            return {}
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if parts.scheme == "https" or not parts.hostname:
            raise ConfigError("The WebSocket needs a proxy of the form http://host:port.")
        user = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
        return {
            "http_proxy_host": parts.hostname,
            "http_proxy_port": parts.port or 80,
            "http_proxy_auth": user,
            "proxy_type": parts.scheme,
            # Whether there is an exception for this host was decided above; a list that is empty would be looked up.
            "http_no_proxy": ["-"],
        }

    def pause(self, seconds: float, deadline: Deadline) -> None:
        """Waits, but no longer than the deadline, and not after the client was closed."""
        if self._closed.wait(deadline.remaining(seconds)):
            raise ClosedError("The client is closed.")

    def _proxies_for(self, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        origin = (parts.scheme, parts.netloc)
        found = self._proxies.get(origin)
        if found is None:
            if self._loopback_only or self._proxy == "":
                found = {}
            elif self._proxy is not None:
                found = {"http": self._proxy, "https": self._proxy}
            else:
                # Looking through the environment for every request is a third of what a small call costs.
                found = dict(requests.utils.get_environ_proxies(f"{parts.scheme}://{parts.netloc}/"))
            if len(self._proxies) < 256:
                self._proxies[origin] = found
        return found

    def _guard(self, url: str) -> None:
        if self._loopback_only and not auth.is_loopback(urlsplit(url).hostname):
            raise ConfigError(
                f"This client is for the sandbox and stays on this computer: {auth.place(url)} is somewhere else.",
                hint="Leave sandbox= and SOGNI_SANDBOX_URL away to use the real network.",
            )

    # --- the end ---

    def close(self) -> None:
        """Closes idle connections and ends pauses between tries; what another thread is reading ends by itself."""
        self._closed.set()
        for session in (self._api, self._bare):
            if session is not None:
                session.close()

    def reset_after_fork(self) -> None:
        """In a forked child: new sessions; the connections of the parent are left to the parent."""
        was_closed, tls = self._closed.is_set(), self._tls
        self._forget_connections()
        self._tls = tls
        if was_closed:
            self._closed.set()


@frozen
class _Order(Generic[T]):
    """A call with everything that its tries have in common."""

    call: Call[T]
    url: str
    body: bytes | None = field(repr=False)
    version: int
    deadline: Deadline


class Answer:
    """An answer whose body is still being read. `headers` are by lower- or mixed-case name."""

    __slots__ = ("_complete", "_patience", "_response", "_url", "_what", "headers", "reason", "status")

    def __init__(self, response: requests.Response, url: str, what: str, patience: Patience) -> None:
        self._response = response
        self._url = url
        self._what = what
        self._patience = patience
        self._complete = False
        self.status = response.status_code
        self.reason = response.reason or ""
        self.headers: Mapping[str, str] = response.headers

    def read(self, amount: int = PIECE) -> bytes:
        """The next bytes of the body, fewer than asked for only at its end; empty after it."""
        failure: SogniError
        try:
            piece: bytes = self._response.raw.read(amount, decode_content=True)
        except Exception as error:
            failure = translate(error, self._url, self._what, self._patience, reading=True)
        else:
            if not piece:
                self._complete = True
            return piece
        raise failure

    def read_all(self, limit: int) -> bytes:
        """The whole body; raises ProtocolError when it is larger than `limit` bytes."""
        pieces: list[bytes] = []
        size = 0
        while piece := self.read(64 * 1024):
            size += len(piece)
            if size > limit:
                raise ProtocolError(f"The answer to {self._what} is larger than {limit // 2**20} MiB.")
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Gives the connection back, or ends it when the body was not read to its end."""
        raw = self._response.raw
        with contextlib.suppress(Exception):
            if not self._complete:
                raw.close()
            raw.release_conn()


def may_ask_again(error: SogniError) -> bool:
    """Whether asking again can help: no connection, or the server is busy."""
    if isinstance(error, ApiError):
        return error.status in _BUSY
    return isinstance(error, (ConnectFailed, ConnectionLost)) and error.retryable


def bare(error: SogniError) -> SogniError:
    """The error without tracebacks and contexts, whose frames hold what must not be shown."""
    error.__context__ = None
    return error.with_traceback(None)


def _pause(error: SogniError, tries: int) -> float:
    wished = error.retry_after if isinstance(error, ApiError) else None
    if wished is not None:
        return float(wished)
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (tries - 1))
    return random.uniform(longest / 2, longest)


# --- requests -------------------------------------------------------------------------------------------------------


def _prepare(method: str, url: str, headers: Mapping[str, str], body: Any) -> requests.PreparedRequest:
    """A request made by hand: `requests` would look into the netrc, merge cookies, and guess a content type."""
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    request.headers = CaseInsensitiveDict(headers)
    request.headers.setdefault("User-Agent", "sogni-python")
    request.body = body
    return request


def _json_body(call: Call[Any]) -> bytes | None:
    if call.body is None and call.method not in ("POST", "PATCH"):
        return None
    problem: str
    try:
        text = json.dumps(_pruned(call.body or {}), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        problem = type(error).__name__
    message = f"body cannot be sent as JSON ({problem})."
    raise ValidationError(problems=[Problem("body", message)])


def _pruned(value: object) -> object:
    """Without the members that are None; list entries stay."""
    if isinstance(value, Mapping):
        return {key: _pruned(member) for key, member in value.items() if member is not None}
    if isinstance(value, (list, tuple)):
        return [_pruned(item) for item in value]
    return value
