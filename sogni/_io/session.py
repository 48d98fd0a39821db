"""A `requests` session with no memory: our TLS context, real deadlines, no cookies, no redirects, no environment."""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .._deadline import Deadline
from .._protocol.auth import redact
from ..errors import ConfigError

# More than the workers of an async client and the uploads together, so that no connection is thrown away.
_POOL_SIZE = 32

# --- deadlines ------------------------------------------------------------------------------------------------------


class Patience:
    """How long one exchange may be silent, and when it has to be over."""

    __slots__ = ("deadline", "silence")

    def __init__(self, silence: float, deadline: Deadline) -> None:
        self.silence = silence
        self.deadline = deadline

    def left(self) -> float:
        """Seconds that the next wait may take, never 0: that would mean something else to a socket."""
        return max(self.deadline.remaining(self.silence) or 0.0, 0.001)

    @property
    def is_over(self) -> bool:
        """True at the deadline, give or take what a timer is early."""
        left = self.deadline.remaining()
        return left is not None and left <= 0.002


_local = threading.local()


@contextlib.contextmanager
def patient(patience: Patience) -> Iterator[None]:
    """Makes `patience` known to the connection that this thread uses meanwhile."""
    _local.patience = patience
    try:
        yield
    finally:
        _local.patience = None


class _TimedReader(io.RawIOBase):
    """The socket of an answer; the time for each read is what is left then, so that drops of bytes win nothing."""

    def __init__(self, raw: Any, sock: socket.socket, patience: Patience) -> None:
        self._raw = raw
        self._sock = sock
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._patience.is_over:
            raise TimeoutError
        self._sock.settimeout(self._patience.left())
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        patience: Patience | None = getattr(_local, "patience", None)
        if patience is not None and patience.deadline.at is not None:
            buffered: Any = self.fp
            self.fp = io.BufferedReader(_TimedReader(buffered.detach(), sock, patience))


class _TimedSend:
    """Sending is bounded like reading; the library would bound it by the time to connect."""

    sock: Any

    def send(self, data: Any) -> None:
        patience: Patience | None = getattr(_local, "patience", None)
        if self.sock is not None and patience is not None:
            self.sock.settimeout(patience.left())
        super().send(data)  # type: ignore[misc]


class _Connection(_TimedSend, HTTPConnection):
    response_class = _Response


class _TlsConnection(_TimedSend, HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TlsPool}


# --- the session ---


class Session(requests.Session):
    """A session that never changes: no cookies, no redirects, no environment."""

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.trust_env = False
        self.mount("https://", _Adapter(tls))
        self.mount("http://", _Adapter(tls))
        _hide_queries_in_foreign_logs()

    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[Any]:
        # The original reads the whole body of a redirect and prepares a follow-up even when none is wanted.
        return iter(())


class _Adapter(HTTPAdapter):
    """Connections that use our TLS context and keep to deadlines."""

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = tls
        super().__init__(pool_connections=16, pool_maxsize=_POOL_SIZE, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("https:"):
            kwargs.setdefault("proxy_ssl_context", self._tls())
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._tls()} if host["scheme"] == "https" else {}

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the original would load its own CA bundle into our context, for every connection."""


def tls_context(verify: bool | str | os.PathLike[str] | ssl.SSLContext) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is False:
        context = ssl.create_default_context(cafile=_bundle())
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    place = _bundle() if verify is True else os.path.expanduser(os.fspath(verify))
    try:
        if os.path.isdir(place):
            return ssl.create_default_context(capath=place)
        return ssl.create_default_context(cafile=place)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or type(error).__name__
    raise ConfigError(f"The CA bundle {place} cannot be used: {reason}.", hint="Pass verify=True for the usual one.")


def _bundle() -> str:
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return (
        next((path for name in names if (path := os.environ.get(name))), None) or requests.utils.DEFAULT_CA_BUNDLE_PATH
    )


# --- foreign logs ---------------------------------------------------------------------------------------------------


class _HideQueries(logging.Filter):
    """Masks URL queries in what the HTTP library logs about our requests; other users of it are left alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(_local, "patience", None) is not None and isinstance(record.args, tuple):
            record.args = tuple(redact(value) if isinstance(value, str) else value for value in record.args)
        return True


def _hide_queries_in_foreign_logs() -> None:
    logger = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(present, _HideQueries) for present in logger.filters):
        logger.addFilter(_HideQueries())
