"""Who we are on the wire: credentials, their headers and renewal, the addresses they may go to. Pure."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Union
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from attrs import field, frozen

from ..errors import ConfigError
from ..types.account import TokenPair
from .call import Call

PROTOCOL_VERSION = "3.0.0"
REST_ENDPOINT = "https://api.sogni.ai"
SOCKET_ENDPOINT = "wss://socket.sogni.ai"

# The published clients let a token run out to the second; a clock that is slow by less than this does no harm.
EARLY = 60.0
# A clock that is off by more than this is no reason to believe a token for longer than it says.
MOST_SKEW = 2 * 86_400.0

_CONNECTION_ATTRIBUTION = (
    "interactionKind",
    "agentFramework",
    "agentFrameworkVersion",
    "agentSurface",
    "agentSurfaceVersion",
    "executionMode",
)
_PLAIN_SCHEMES = frozenset(("http", "ws"))


# --- credentials ----------------------------------------------------------------------------------------------------


@frozen
class ApiKey:
    """Sign-in by API key."""

    value: str = field(repr=False)


@frozen
class Tokens:
    """Sign-in by a token pair; both members change with every renewal.

    Attributes:
        token: Access token, sent with every request.
        refresh_token: What a new pair is asked for with.
        expires: When the access token runs out by our clock, in seconds since the epoch; 0 when it does not say.
        refresh_expires: The same for the refresh token.
        early: How many seconds before that the access token is renewed.
    """

    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires: float = field(default=0.0, eq=False)
    refresh_expires: float = field(default=0.0, eq=False)
    early: float = field(default=EARLY, eq=False)


Identity = Union[ApiKey, Tokens]


def api_key(text: str) -> ApiKey:
    """A usable API key, surrounding whitespace removed; raises ConfigError without repeating what it was given."""
    if not isinstance(text, str) or not text.strip():
        raise ConfigError("The API key is empty.", hint="Set SOGNI_API_KEY or pass api_key=.")
    return ApiKey(_sendable(text.strip(), "The API key"))


def tokens(token: str, refresh_token: str, *, received: float | None = None) -> Tokens:
    """A usable token pair; raises ConfigError when one of them is no token.

    Args:
        token: Access token; an empty one means "renew at once".
        refresh_token: Refresh token.
        received: When it came fresh from the service, by our clock: how far that clock is off shows then.
    """
    try:
        return _tokens(token, refresh_token, received)
    except ConfigError as error:
        failure = error.with_traceback(None)
    del token, refresh_token  # a traceback must not show them
    raise failure


def _tokens(token: str, refresh_token: str, received: float | None) -> Tokens:
    if not isinstance(token, str) or not isinstance(refresh_token, str) or not refresh_token.strip():
        raise ConfigError("set_tokens needs an access token and a refresh token, both as text.")
    access, refresh = token.strip(), refresh_token.strip()
    _sendable(access, "The access token")
    _sendable(refresh, "The refresh token")
    issued, ends = _times(access) if access else (0.0, 0.0)
    _, refresh_ends = _times(refresh)
    shift = received - issued if received is not None and issued else 0.0
    if abs(shift) > MOST_SKEW:
        shift = 0.0
    return Tokens(
        access,
        refresh,
        expires=ends + shift if ends else 0.0,
        refresh_expires=refresh_ends + shift if refresh_ends else 0.0,
        # A token that lives for a minute only would otherwise be renewed with every request.
        early=min(EARLY, max(0.0, ends - issued) / 2) if issued and ends else EARLY,
    )


def headers(identity: Identity | None) -> dict[str, str]:
    """The credential headers of a request; the token goes out raw, without `Bearer`."""
    if isinstance(identity, ApiKey):
        return {"api-key": identity.value}
    if isinstance(identity, Tokens) and identity.token:
        return {"Authorization": identity.token}
    return {}


def secrets(identity: Identity | None) -> tuple[str, ...]:
    """The texts that must never be shown."""
    if isinstance(identity, ApiKey):
        return (identity.value,)
    if isinstance(identity, Tokens):
        return tuple(text for text in (identity.token, identity.refresh_token) if text)
    return ()


def _times(token: str) -> tuple[float, float]:
    """When a token was issued and when it runs out, in seconds since the epoch; 0 for what it does not say."""
    import jwt

    text = token[7:] if token[:7].lower() == "bearer " else token
    claims: object = None
    # The error is raised outside, so that no exception in its chain keeps the token.
    with contextlib.suppress(jwt.PyJWTError):
        claims = jwt.decode(text.strip(), options={"verify_signature": False})
    if not isinstance(claims, Mapping):
        raise ConfigError("A token is not a JSON web token.")
    return _seconds(claims.get("iat")), _seconds(claims.get("exp"))


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return 0.0
    return float(value)


def needs_renewal(pair: Tokens, now: float) -> bool:
    """True when the access token has run out or is about to."""
    return not pair.token or pair.expires - now <= pair.early


def can_renew(pair: Tokens, now: float) -> bool:
    """True while the refresh token is good."""
    return pair.refresh_expires > now


def refresh_token(refresh: str) -> Call[TokenPair]:
    """Asks for a new token pair. It carries no credentials and must never be repeated: the old pair may be gone."""
    return Call(
        method="POST",
        path="/v1/account/refresh-token",
        read=read_pair,
        body=Hidden(refreshToken=refresh),
        auth=False,
        repeatable=False,
    )


def read_pair(data: object) -> TokenPair:
    """The two tokens of an answer; raises ValueError for what has none."""
    token = data.get("token") if isinstance(data, Mapping) else None
    refresh = data.get("refreshToken") if isinstance(data, Mapping) else None
    if not isinstance(token, str) or not isinstance(refresh, str) or not token or not refresh:
        raise ValueError("no token pair")
    return TokenPair(token, refresh)


class Hidden(dict[str, object]):
    """A body that error reporters may print."""

    def __repr__(self) -> str:
        return "{...}"


def _sendable(text: str, what: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ConfigError(f"{what} contains characters that cannot be sent in a header.")
    return text


# --- addresses ------------------------------------------------------------------------------------------------------


def rest_base(endpoint: str) -> str:
    """The REST endpoint as the start of every URL, its base path kept."""
    parts = _split(endpoint, "rest_endpoint")
    if parts.scheme not in ("http", "https"):
        raise ConfigError(f"rest_endpoint must begin with https:// (or http://), not {parts.scheme}://.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def http_base(socket_endpoint: str) -> str:
    """The same host over HTTP: `ws` is `http`, any other scheme is encrypted; path kept, query dropped."""
    parts = _split(socket_endpoint, "socket_endpoint")
    scheme = "http" if parts.scheme in _PLAIN_SCHEMES else "https"
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def socket_url(
    endpoint: str,
    *,
    app_id: str,
    network: str,
    client_version: str,
    app_source: str | None = None,
    attribution: Mapping[str, object] | None = None,
    subscriptions: Mapping[str, bool] | None = None,
) -> str:
    """The address of the WebSocket. Credentials are never part of it.

    Args:
        endpoint: Socket endpoint; a query it has is kept in front.
        app_id: Id of this installation; one live socket each.
        network: `fast` or `relaxed`.
        client_version: Our own version.
        app_source: Label of the product.
        attribution: Normalised attribution by wire name; what does not belong to a connection is left out.
        subscriptions: Event switches; what is no bool is left out.
    """
    parts = _split(endpoint, "socket_endpoint")
    query: dict[str, str] = {
        "appId": app_id,
        "clientName": f"Sogni/{PROTOCOL_VERSION} (sogni-client) {client_version}",
        "clientType": "artist",
        "forceWorkerId": "fast" if network == "fast" else "",
    }
    if app_source and app_source.strip():
        query["appSource"] = app_source.strip()
    for name in _CONNECTION_ATTRIBUTION:
        value = (attribution or {}).get(name)
        if isinstance(value, str) and value:
            query[name] = value
    switches = {name: on for name, on in (subscriptions or {}).items() if isinstance(on, bool)}
    if switches:
        query["socketEventSubscriptions"] = json.dumps(switches, separators=(",", ":"))
    scheme = "ws" if parts.scheme in _PLAIN_SCHEMES else "wss"
    full_query = "&".join(part for part in (parts.query, urlencode(query)) if part)
    return urlunsplit((scheme, parts.netloc, parts.path or "/", full_query, ""))


def is_loopback(host: str | None) -> bool:
    """True for names and addresses that never leave this computer."""
    if not host:
        return False
    import ipaddress

    name = host.rstrip(".").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.split("%", 1)[0]).is_loopback
    except ValueError:
        return False


def _split(endpoint: object, what: str) -> SplitResult:
    if not isinstance(endpoint, str):
        raise ConfigError(f"{what} must be text such as {REST_ENDPOINT!r}.")
    try:
        parts = urlsplit(endpoint.strip())
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ConfigError(f"{what} is not a URL.") from None
    if not parts.scheme or not parts.hostname:
        raise ConfigError(f"{what} must be a whole URL such as {REST_ENDPOINT!r}.")
    if "@" in parts.netloc:
        raise ConfigError(f"{what} must not contain a user name or password.")
    return parts


# --- what may be shown ----------------------------------------------------------------------------------------------

_QUERY = re.compile(r"\?[\w.~%+\-\[\]]+=[^\s\"'<>)\]}]*")
_USER_INFO = re.compile(r"(?<=://)[^\s/?#@\"'<>]+@")
_JWT = re.compile(r"\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?")
_NAMED = re.compile(
    r"(?i)\b(api[_-]?key|authorization|(?:access|refresh|auth)[_-]?token|password)"
    r"([\"']?\s*[:=]\s*[\"']?)(?:bearer\s+)?[^\s,;\"'}&]+"
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{16,}")


def redact(text: str, known: Sequence[str] = ()) -> str:
    """The text without credentials and without the queries of URLs, where signatures live.

    Args:
        text: What is about to be shown or logged.
        known: Exact texts to hide as well, such as the key in use.
    """
    for secret in known:
        # Short ones would tear holes into ordinary words, and no real credential is that short.
        if len(secret) >= 6:
            text = text.replace(secret, "***")
    if "?" in text:
        text = _QUERY.sub("?***", text)
    if "://" in text:
        text = _USER_INFO.sub("***@", text)
    text = _JWT.sub("***", text)
    text = _NAMED.sub(r"\1\2***", text)
    return _BEARER.sub(r"\1***", text)


def place(url: str) -> str:
    """A URL as host and path, the only form in which one appears in a message."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname or '?'}{port}{parts.path}"
    except ValueError:
        return "?"
