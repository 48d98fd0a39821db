"""Credentials on the wire, the addresses they go to, and what is never shown."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from sogni._protocol import auth
from sogni.errors import ConfigError


def test_api_key_headers() -> None:
    key = auth.api_key("  abc-def \n")
    assert auth.headers(key) == {"api-key": "abc-def"}
    assert auth.secrets(key) == ("abc-def",)
    assert "abc" not in repr(key)


@pytest.mark.parametrize("text", ["", "  ", "Caf\u00e9-key", "a\nb", "a\x00b", None, 5])
def test_unusable_keys_are_refused_without_being_repeated(text: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        auth.api_key(text)
    assert "Caf" not in str(caught.value)


def test_token_headers_are_raw(tools: Any) -> None:
    access, refresh = tools.token(1000), tools.token(2000)
    pair = auth.tokens(access, refresh)
    assert auth.headers(pair) == {"Authorization": access}
    assert access not in repr(pair)
    assert refresh not in repr(pair)
    assert auth.secrets(pair) == (access, refresh)


def test_bearer_is_kept_and_still_read(tools: Any) -> None:
    access = "Bearer " + tools.token(1000)
    pair = auth.tokens(access, tools.token(2000))
    assert auth.headers(pair) == {"Authorization": access}
    assert pair.expires > 0


def test_nobody_has_no_headers() -> None:
    assert auth.headers(None) == {}
    assert auth.secrets(None) == ()


@pytest.mark.parametrize(("token", "refresh"), [("x", ""), (None, "x"), ("not-a-token", "neither"), ("a.b.c", "a.b.c")])
def test_no_tokens(token: Any, refresh: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        auth.tokens(token, refresh)
    assert "neither" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("exp", ["soon", True, None, [1]])
def test_expiry_that_is_no_number(tools: Any, exp: Any) -> None:
    pair = auth.tokens(tools.token(0, exp=exp), tools.token(5))
    assert pair.expires == 0.0
    assert pair.early == auth.EARLY


def test_renewal_decisions(tools: Any) -> None:
    pair = auth.Tokens("a", "r", expires=1000.0, refresh_expires=5000.0)
    assert not auth.needs_renewal(pair, 939.0)
    assert auth.needs_renewal(pair, 940.0)
    assert auth.needs_renewal(auth.Tokens("", "r", expires=1000.0), 0.0)
    assert auth.can_renew(pair, 4999.0)
    assert not auth.can_renew(pair, 5000.0)
    assert not auth.can_renew(auth.Tokens("a", "r"), 1.0)


@pytest.mark.parametrize("ahead", [-3600, 0, 3600])
def test_a_fresh_pair_shows_how_far_the_clock_is_off(tools: Any, ahead: float) -> None:
    """`ahead` seconds is our clock ahead of the clock of the service."""
    issued = 1_000_000
    access, refresh = (tools.token(0, iat=issued, exp=issued + life) for life in (3600, 86_400))
    pair = auth.tokens(access, refresh, received=issued + ahead)
    assert pair.expires == issued + ahead + 3600
    assert pair.refresh_expires == issued + ahead + 86_400
    assert not auth.needs_renewal(pair, issued + ahead + 3000)
    assert auth.needs_renewal(pair, issued + ahead + 3541)
    assert auth.tokens(access, refresh).expires == issued + 3600
    assert auth.tokens(access, refresh) == pair


@pytest.mark.parametrize("claims", [{}, {"iat": "x"}, {"iat": 5}])
def test_a_pair_without_a_believable_date_of_issue(tools: Any, claims: dict[str, Any]) -> None:
    pair = auth.tokens(tools.token(0, exp=2e9, **claims), tools.token(0, exp=2e9), received=1.9e9)
    assert pair.expires == 2e9


def test_a_short_token_is_renewed_when_half_of_it_is_over(tools: Any) -> None:
    pair = auth.tokens(tools.token(0, iat=1000, exp=1030), tools.token(0, exp=2000))
    assert not auth.needs_renewal(pair, 1014)
    assert auth.needs_renewal(pair, 1015)


def test_refresh_call() -> None:
    call = auth.refresh_token("the-refresh-token")
    assert (call.method, call.path, call.auth, call.repeatable) == ("POST", "/v1/account/refresh-token", False, False)
    assert call.body == {"refreshToken": "the-refresh-token"}
    assert "the-refresh-token" not in repr(call)
    assert call.read({"token": "a", "refreshToken": "b"}) == ("a", "b")
    for wrong in (None, {}, {"token": "a"}, {"token": "a", "refreshToken": 5}, {"token": "", "refreshToken": "b"}, [1]):
        with pytest.raises(ValueError, match="no token pair"):
            call.read(wrong)


@pytest.mark.parametrize(
    ("endpoint", "base"),
    [
        ("https://api.sogni.ai", "https://api.sogni.ai"),
        ("https://h.example/base/?x=1#f", "https://h.example/base"),
        (" http://127.0.0.1:81/ ", "http://127.0.0.1:81"),
        ("https://[::1]:8", "https://[::1]:8"),
    ],
)
def test_rest_base(endpoint: str, base: str) -> None:
    assert auth.rest_base(endpoint) == base


@pytest.mark.parametrize(
    ("endpoint", "base"),
    [
        ("wss://socket.sogni.ai", "https://socket.sogni.ai"),
        ("ws://h.example:8/p?q=1", "http://h.example:8/p"),
        ("http://h.example", "http://h.example"),
        ("https://h.example", "https://h.example"),
        ("other://h.example", "https://h.example"),
    ],
)
def test_http_base(endpoint: str, base: str) -> None:
    assert auth.http_base(endpoint) == base


@pytest.mark.parametrize(
    "endpoint", ["", "api.sogni.ai", "https://", "https://u:p@h.example", "https://h:99999", 5, None]
)
def test_no_endpoint(endpoint: Any) -> None:
    for read in (auth.rest_base, auth.http_base):
        with pytest.raises(ConfigError) as caught:
            read(endpoint)
        assert "u:p" not in str(caught.value)


def test_rest_endpoint_scheme() -> None:
    with pytest.raises(ConfigError, match="ftp"):
        auth.rest_base("ftp://h.example")


def test_socket_url_of_the_reference() -> None:
    url = auth.socket_url(
        "wss://socket.sogni.ai",
        app_id="APP",
        network="relaxed",
        client_version="5.70.0",
        subscriptions={"projectQueue": True},
    )
    assert url == (
        "wss://socket.sogni.ai/?appId=APP&clientName=Sogni%2F3.0.0+%28sogni-client%29+5.70.0&clientType=artist"
        "&forceWorkerId=&socketEventSubscriptions=%7B%22projectQueue%22%3Atrue%7D"
    )


def test_socket_url_with_everything() -> None:
    url = auth.socket_url(
        "http://127.0.0.1:9/base?keep=1",
        app_id="a b&c",
        network="fast",
        client_version="1",
        app_source="  shop ",
        attribution={"interactionKind": "service", "executionMode": "server", "operationId": "X", "agentSurface": None},
        subscriptions={"swarmModels": False, "bad": "yes"},  # type: ignore[dict-item]
    )
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == ("ws", "127.0.0.1:9", "/base")
    assert parts.query.startswith("keep=1&")
    assert dict(parse_qsl(parts.query, keep_blank_values=True)) == {
        "keep": "1",
        "appId": "a b&c",
        "clientName": "Sogni/3.0.0 (sogni-client) 1",
        "clientType": "artist",
        "forceWorkerId": "fast",
        "appSource": "shop",
        "interactionKind": "service",
        "executionMode": "server",
        "socketEventSubscriptions": '{"swarmModels":false}',
    }


def test_socket_url_without_anything_optional() -> None:
    url = auth.socket_url("https://h", app_id="A", network="fast", client_version="1", app_source=" ")
    assert url.startswith("wss://h/?appId=A&")
    assert "appSource" not in url
    assert "socketEventSubscriptions" not in url


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback(host: str) -> None:
    assert auth.is_loopback(host)


@pytest.mark.parametrize(
    "host", [None, "", "10.0.0.1", "localhost.example", "127.0.0.1.example", "0.0.0.0", "api.sogni.ai"]
)
def test_not_loopback(host: str | None) -> None:
    assert not auth.is_loopback(host)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, no change?", "plain text, no change?"),
        ("GET https://h/p?sig=1&x=2 failed", "GET https://h/p?*** failed"),
        ('"/p?sig=1" 200', '"/p?***" 200'),
        ("https://user:pw@h/p", "https://***@h/p"),
        ("api-key: abc", "api-key: ***"),
        ('{"refreshToken": "abc", "a": 1}', '{"refreshToken": "***", "a": 1}'),
        ("Authorization: Bearer abcdef", "Authorization: ***"),
        ("bearer abcdefghijklmnopqrst", "bearer ***"),
        ("token expired", "token expired"),
        ("x eyJhbGciOi.eyJhZGRyIjoi.abc y", "x *** y"),
        ("password=hunter2", "password=***"),
    ],
)
def test_redact(text: str, shown: str) -> None:
    assert auth.redact(text) == shown


def test_redact_known_texts() -> None:
    assert auth.redact("key ABCDEF in use", ["ABCDEF"]) == "key *** in use"
    assert auth.redact("a short one", ["s"]) == "a short one"


@pytest.mark.parametrize(
    ("url", "shown"),
    [("https://h:8/p?q=1", "h:8/p"), ("https://u:p@h/p#f", "h/p"), ("nonsense", "?nonsense"), ("http://h:x/", "?")],
)
def test_place(url: str, shown: str) -> None:
    assert auth.place(url) == shown
