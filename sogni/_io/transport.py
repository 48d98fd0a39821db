"""A `requests` session with no memory: our TLS context, real deadlines, no cookies, no redirects, no environment."""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .._deadline import Deadline
from .._protocol.auth import redact

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
    """A session that remembers nothing but its connections.

    Sending goes straight to them: what the original adds is cookies, hooks, and redirects, of which it reads the whole
    body and prepares the next request even when none is wanted.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        super().__init__()
        self.trust_env = False
        self.mount("https://", _Adapter(tls))
        self.mount("http://", _Adapter(tls))
        _hide_queries_in_foreign_logs()

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        return self.get_adapter(request.url or "").send(request, **options)


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

    def close(self) -> None:
        # The library only forgets its pools, and their connections stay open until somebody collects the garbage.
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it is no dict and refuses to be iterated over
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the original would load its own CA bundle into our context, for every connection."""


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
