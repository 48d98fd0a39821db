"""What went wrong in a foreign HTTP library, as one of our errors; the only place that knows its exceptions."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
import urllib3

from ..errors import ConfigError, ConnectFailed, ConnectionLost, ProtocolError, SogniError, TransportError
from .transport import Patience

_BAD_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidProxyURL,
    urllib3.exceptions.LocationValueError,
)
_NO_CONNECTION = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    requests.exceptions.ConnectTimeout,
)
_SILENCE = (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)
_PROXY = (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError)
_TLS = (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError)
_UNREADABLE = (urllib3.exceptions.DecodeError, requests.exceptions.ContentDecodingError)


def translate(error: Exception, url: str, what: str, patience: Patience, *, reading: bool = False) -> SogniError:
    """Our error for a foreign one.

    Foreign texts carry whole URLs, signatures included, so only the reason that the system gave is kept of them.
    """
    if isinstance(error, SogniError):
        return error
    chain = list(_chain(error))
    found = _classify(chain, url, what, patience, reading)
    # What the system said is worth having; its traceback and the request that hangs on the others are not.
    for cause in reversed(chain):
        if isinstance(cause, OSError) and not isinstance(cause, (requests.RequestException, SogniError)):
            cause.__context__ = cause.__cause__ = None
            found.__cause__ = cause.with_traceback(None)
            break
    return found


def _classify(chain: list[BaseException], url: str, what: str, patience: Patience, reading: bool) -> SogniError:
    host = urlsplit(url).hostname or "?"

    def has(kinds: tuple[type[BaseException], ...]) -> bool:
        return any(isinstance(link, kinds) for link in chain)

    if patience.is_over:
        return patience.deadline.error(f"the answer to {what}")
    if has(_BAD_ADDRESS):
        return ConfigError(f"The address or a header of {what} cannot be used; check endpoints and proxy.")
    if has(_UNREADABLE):
        return ProtocolError(f"The answer to {what} is compressed in an unreadable way.")
    if has(_TLS) and not reading:
        return _tls_failure(chain, host)
    if has(_PROXY):
        return ConnectFailed(f"The proxy gave no connection to {host}.", hint="Check proxy= or HTTPS_PROXY.")
    if has(_NO_CONNECTION):
        reason = next((link.strerror for link in reversed(chain) if isinstance(link, OSError) and link.strerror), None)
        limit = "it did not answer in time" if has((urllib3.exceptions.ConnectTimeoutError,)) else None
        return ConnectFailed(f"No connection to {host}: {reason or limit or 'it cannot be reached'}.")
    if has(_SILENCE):
        return ConnectionLost(f"{host} was silent for {patience.silence:g} s during {what}.")
    if has((urllib3.exceptions.HTTPError, requests.RequestException, OSError, http.client.HTTPException)):
        return ConnectionLost(f"The connection to {host} broke during {what}.")
    return TransportError(f"{what} failed ({type(chain[0]).__name__}).")


def _tls_failure(chain: list[BaseException], host: str) -> SogniError:
    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            refused = ConnectFailed(
                f"The certificate of {host} is not trusted: {link.verify_message or 'verification failed'}.",
                hint="Behind a proxy that inspects TLS, pass verify= its CA file or set REQUESTS_CA_BUNDLE.",
            )
            refused.retryable = False
            return refused
    return ConnectFailed(f"No encrypted connection to {host}.")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it was made from, outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop(0)
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
