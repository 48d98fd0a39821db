"""The way out of this computer: which proxy, whom to trust, and which hosts are allowed at all."""

from __future__ import annotations

import os
import ssl
import threading
from urllib.parse import unquote, urlsplit

import requests

from .._protocol import auth
from ..errors import ConfigError

Verify = bool | str | os.PathLike[str] | ssl.SSLContext


class Route:
    """How one client reaches its hosts; the same for REST, media and WebSocket.

    Args:
        proxy: A proxy for everything; None takes the usual environment variables, an empty text takes none.
        verify: Whom to trust: True, False, a CA file or folder, or a finished context.
        loopback_only: Refuse every host that is not this computer.
    """

    def __init__(self, proxy: str | None, verify: Verify, *, loopback_only: bool) -> None:
        self._proxy = proxy
        self._verify = verify
        self._loopback_only = loopback_only
        self._tls: ssl.SSLContext | None = None
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """In a forked child: a fresh lock; the context is as good as before."""
        self._lock = threading.Lock()
        self._proxies: dict[tuple[str, str], dict[str, str]] = {}

    @property
    def tls_context(self) -> ssl.SSLContext:
        """The TLS context of REST, media and WebSocket; made once, because that takes longer than a small request."""
        if self._tls is None:
            with self._lock:
                if self._tls is None:
                    self._tls = _tls_context(self._verify)
        return self._tls

    def proxy_for(self, url: str) -> str | None:
        """The proxy for a URL (`ws` and `wss` too), or None for a direct connection."""
        parts = urlsplit(url)
        scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
        url = f"{scheme}://{parts.netloc}/"
        return requests.utils.select_proxy(url, self.proxies(url))

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

    def proxies(self, url: str) -> dict[str, str]:
        """The proxies for a URL, in the form that the HTTP library takes."""
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

    def check(self, url: str) -> None:
        """Raises ConfigError when a client that must stay on this computer is to leave it."""
        if self._loopback_only and not auth.is_loopback(urlsplit(url).hostname):
            raise ConfigError(
                f"This client is for the sandbox and stays on this computer: {auth.place(url)} is somewhere else.",
                hint="Leave sandbox= and SOGNI_SANDBOX_URL away to use the real network.",
            )


def _tls_context(verify: Verify) -> ssl.SSLContext:
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
