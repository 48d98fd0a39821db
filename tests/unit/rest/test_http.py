"""Calls over real sockets: sessions, credentials, redirects, retries, deadlines, TLS, and what never leaks."""

from __future__ import annotations

import gzip
import logging
import os
import pickle
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import stamina
import trustme

from sogni import errors
from sogni._deadline import Deadline
from sogni._io.credentials import Credentials
from sogni._io.http import Http
from sogni._protocol import account_calls, rest
from sogni._protocol.call import Call, Host
from sogni.types.settings import Retries, Timeouts

Make = Callable[..., Http]


def call(path: str = "/v1/x", **options: Any) -> Call[object]:
    options.setdefault("method", "GET")
    options.setdefault("read", lambda data: data)
    return Call(path=path, **options)


def everything(error: BaseException) -> str:
    """The text of an error, of what it was made from, and of all local variables that hang on it."""
    parts = []
    while error is not None:
        parts += [str(error), repr(error), repr(vars(error))]
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if f"{os.sep}sogni{os.sep}" in frame.f_code.co_filename or "site-packages" in frame.f_code.co_filename:
                parts += [repr(value) for value in frame.f_locals.values()]
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return "\n".join(parts)


# --- what goes out --------------------------------------------------------------------------------------------------


def test_a_call(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/account/me"] = tools.ok({"username": "u"})
    http = make_http(site.url)
    assert http.request(account_calls.me()).username == "u"
    seen = site.seen[0]
    assert seen.headers["api-key"] == tools.KEY
    assert "authorization" not in seen.headers
    assert "content-type" not in seen.headers
    assert "cookie" not in seen.headers


def test_one_connection_for_many_calls(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.ok()
    site.routes["/v1/none"] = tools.Reply("plain", 404)
    http = make_http(site.url)
    for deadline in (None, Deadline(10), None):
        for _ in range(5):
            http.request(call(), deadline)
            with pytest.raises(errors.ApiError):
                http.request(call("/v1/none"), deadline)
    assert site.connections == 1


def test_closing_closes_the_connections_at_once(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.ok()
    http = make_http(site.url)
    http.request(call())
    http.signed("GET", f"{site.url}/v1/x").close()
    # Held on purpose, as the frames of an error may: the library itself leaves closing to the garbage collection.
    sessions = [session for session in (http._api, http._bare) if session is not None]
    managers: list[Any] = [vars(session.get_adapter(site.url))["poolmanager"] for session in sessions]
    pools = [manager.connection_from_url(site.url) for manager in managers]
    assert len(pools) == 2
    http.close()
    assert [pool.pool for pool in pools] == [None, None]


def test_hosts_base_paths_and_queries(site: Any, other_site: Any, tools: Any) -> None:
    site.routes["/base/v1/x"] = tools.ok(1)
    other_site.routes["/sock/api/v1/y"] = tools.Reply([2])
    http = Http(f"{site.url}/base/?old=1", other_site.url.replace("http", "ws") + "/sock?old=1", Credentials(tools.KEY))
    query = {"a b": "c&d=~*()", "none": None, "yes": True, "whole": 5.0, "part": 0.1, "list": ["p", 2], "empty": ""}
    assert http.request(call("v1/x", query=query)) == 1
    assert http.request(call("/api/v1/y", host=Host.SOCKET)) == [2]
    assert site.seen[0].raw_path == ("/base/v1/x?a+b=c%26d%3D~%2A%28%29&yes=true&whole=5&part=0.1&list=p&list=2&empty=")
    assert other_site.seen[0].raw_path == "/sock/api/v1/y"
    assert other_site.seen[0].headers["api-key"] == tools.KEY
    http.close()


def test_segments_arrive_as_they_were(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v2/projects/a%2Fb%3F%23%20%25"] = tools.ok({"project": {"id": "x"}})
    assert make_http(site.url).request(rest.project_status("a/b?# %")).id == "x"


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/x",
        "//evil.example/x",
        "/v1/x?y=1",
        "/v1/x#y",
        "/v1\\x",
        "/v1/../v2",
        "/v1/%2e%2E/v2",
        "/./v1",
        "/v1/x\r\nHost: evil",
    ],
)
def test_paths_that_are_not_ours(site: Any, make_http: Make, path: str) -> None:
    with pytest.raises(errors.ValidationError, match="path"):
        make_http(site.url).request(call(path))
    assert not site.seen


def test_bodies(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.ok()
    http = make_http(site.url)
    http.request(call(method="POST"))
    http.request(
        call(method="PATCH", body={"a": None, "b": {"c": None, "d": [None, {"e": None}]}, "f": False, "g": "\u00e9"})
    )
    http.request(call(method="DELETE"))
    http.request(call(method="PUT", body={"x": 1}))
    assert [seen.body for seen in site.seen] == [
        b"{}",
        '{"b":{"d":[null,{}]},"f":false,"g":"\u00e9"}'.encode(),
        b"",
        b'{"x":1}',
    ]
    assert [seen.headers.get("content-type") for seen in site.seen] == ["application/json"] * 2 + [
        None,
        "application/json",
    ]


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_bodies_that_are_no_json(site: Any, make_http: Make, value: object) -> None:
    with pytest.raises(errors.ValidationError, match="body"):
        make_http(site.url).request(call(method="POST", body={"x": value}))


def test_public_calls_carry_no_credentials(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/loras/comfy"] = tools.ok({"loras": []})
    make_http(site.url).request(rest.loras())
    assert "api-key" not in site.seen[0].headers


def test_neither_netrc_nor_cookies(
    site: Any, make_http: Make, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password stolen\ndefault login thief password stolen\n")
    monkeypatch.setenv("NETRC", str(netrc))
    reply = tools.ok()
    reply.headers = {"Set-Cookie": "session=1; Path=/"}
    site.routes["/v1/x"] = reply
    site.routes["/media"] = tools.Reply(b"x", headers={"Set-Cookie": "media=1; Path=/"})
    assert requests.utils.get_netrc_auth(site.url) is not None, "the trap is set"
    tokens = Credentials()
    access = tools.token(1000)
    tokens.set_tokens(access, tools.token(5000))
    http = make_http(site.url, tokens)
    for _ in range(2):
        http.request(call())
        answer = http.signed("GET", f"{site.url}/media?sig=1")
        assert answer.read_all(10) == b"x"
        answer.close()
    for seen in site.seen:
        assert "cookie" not in seen.headers
        assert seen.headers.get("authorization") == (access if seen.path == "/v1/x" else None)
        assert "api-key" not in seen.headers


# --- answers --------------------------------------------------------------------------------------------------------


def test_compressed_answers(site: Any, make_http: Make, tools: Any) -> None:
    packed = gzip.compress(b'{"data": "' + b"x" * 100_000 + b'"}')
    site.routes["/v1/x"] = tools.Reply(packed, headers={"Content-Encoding": "gzip"})
    site.routes["/v1/bad"] = tools.Reply(b"not gzip", headers={"Content-Encoding": "gzip"})
    http = make_http(site.url)
    assert len(str(http.request(call()))) == 100_000
    with pytest.raises(errors.ProtocolError, match="unreadable"):
        http.request(call("/v1/bad"))


def test_answers_of_another_form(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/account/me"] = tools.ok([1])
    site.routes["/v1/image/uploadUrl"] = tools.ok({})
    site.routes["/v1/x"] = tools.Reply("<html>captive portal</html>")
    http = make_http(site.url)
    with pytest.raises(errors.ProtocolError, match="GET /v1/account/me"):
        http.request(account_calls.me())
    with pytest.raises(errors.ProtocolError, match="uploadUrl"):
        http.request(rest.upload_url(job_id="x"))
    with pytest.raises(errors.ProtocolError, match="HTTP 200"):
        http.request(call())


def test_a_body_without_end(make_http: Make, rude: Any, tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sogni._io.http.MAX_BODY", 1024 * 1024)

    def script(connection: socket.socket, _: int) -> None:
        tools.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
        while True:
            connection.sendall(b" " * 65536)

    with pytest.raises(errors.ProtocolError, match="larger than 1 MiB"):
        make_http(rude(script).url).request(call())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirects_are_errors_and_leak_nothing(
    site: Any, other_site: Any, make_http: Make, tools: Any, status: int, method: str
) -> None:
    site.routes["/v1/x"] = tools.Reply(b"", status, {"Location": f"{other_site.url}/v1/x?token=abc"})
    with pytest.raises(errors.ApiError) as caught:
        make_http(site.url).request(call(method=method))
    assert caught.value.status == status
    assert other_site.url in caught.value.message
    assert "abc" not in everything(caught.value)
    assert not other_site.seen
    assert len(site.seen) == 1


def test_an_endless_redirect_body_is_not_read(make_http: Make, rude: Any, tools: Any) -> None:
    def script(connection: socket.socket, _: int) -> None:
        tools.read_head(connection)
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 99999999999\r\n\r\n"
        )
        while True:
            connection.sendall(b"x" * 65536)

    with pytest.raises((errors.ApiError, errors.ProtocolError)):
        make_http(rude(script).url).request(call(repeatable=False))


# --- retries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(site: Any, make_http: Make, tools: Any, status: int) -> None:
    busy = tools.Reply("<html>busy</html>", status, {"Retry-After": "0"})
    site.routes["/v1/x"] = [busy, busy, tools.ok("at last")]
    assert make_http(site.url).request(call()) == "at last"
    assert len(site.seen) == 3


def test_four_tries_are_all(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.Reply({"message": "busy"}, 503)
    with pytest.raises(errors.ServerError, match="busy"):
        make_http(site.url).request(call())
    assert len(site.seen) == 4


def test_tries_can_be_chosen(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.Reply({"message": "busy"}, 503)
    for tries in (1, 2):
        site.seen.clear()
        with pytest.raises(errors.ServerError):
            make_http(site.url, retries=Retries(tries=tries)).request(call())
        assert len(site.seen) == tries


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 502])
def test_other_refusals_are_final(site: Any, make_http: Make, tools: Any, status: int) -> None:
    site.routes["/v1/x"] = tools.Reply({"message": "no"}, status)
    with pytest.raises(errors.ApiError):
        make_http(site.url).request(call())
    assert len(site.seen) == 1


def test_what_is_not_repeatable_is_sent_once(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.Reply({"message": "busy"}, 503)
    with pytest.raises(errors.ServerError):
        make_http(site.url).request(call(method="POST", repeatable=False))
    assert len(site.seen) == 1


def test_the_servers_wait_is_kept_if_it_fits(site: Any, make_http: Make, tools: Any) -> None:
    stamina.set_testing(False)
    site.routes["/v1/x"] = [tools.Reply({"message": "m", "retryAfter": 0.05}, 429), tools.ok(1)]
    started = time.monotonic()
    assert make_http(site.url).request(call()) == 1
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(("wait", "deadline"), [(31, None), (5, 2)])
def test_a_wait_that_does_not_fit_is_raised(
    site: Any, make_http: Make, tools: Any, wait: int, deadline: float | None
) -> None:
    stamina.set_testing(False)
    site.routes["/v1/x"] = tools.Reply({"message": "slow down"}, 429, {"Retry-After": str(wait)})
    started = time.monotonic()
    with pytest.raises(errors.RateLimited) as caught:
        make_http(site.url).request(call(), Deadline(deadline))
    assert caught.value.retry_after == wait
    assert time.monotonic() - started < 2
    assert len(site.seen) == 1


def test_closing_ends_a_pause(site: Any, make_http: Make, tools: Any) -> None:
    stamina.set_testing(False)
    site.routes["/v1/x"] = tools.Reply({"message": "m"}, 429, {"Retry-After": "20"})
    http = make_http(site.url)
    outcome: list[object] = []

    def ask() -> None:
        try:
            outcome.append(http.request(call()))
        except errors.SogniError as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    condition = http._closed._cond  # type: ignore[attr-defined]
    while True:
        with condition:
            if condition._waiters:
                break
        threading.Event().wait(0.001)
    http.close()
    thread.join(5)
    assert isinstance(outcome[0], errors.ClosedError)


def test_a_refused_connection(make_http: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.ConnectFailed, match=r"127\.0\.0\.1: Connection refused") as caught:
        make_http(f"http://127.0.0.1:{port}").request(call())
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    assert caught.value.retryable


def test_a_name_that_does_not_exist(make_http: Make) -> None:
    with pytest.raises(errors.ConnectFailed, match=r"nowhere\.invalid"):
        make_http("http://nowhere.invalid", retries=Retries(tries=1)).request(call())


def test_a_connection_that_breaks_is_made_again(make_http: Make, rude: Any, tools: Any) -> None:
    def script(connection: socket.socket, number: int) -> None:
        tools.read_head(connection)
        if number == 2:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        if number == 3:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue")

    server = rude(script)
    assert make_http(server.url).request(call()) is True
    assert server.count == 3
    with pytest.raises(errors.ConnectionLost, match="broke"):
        make_http(rude(lambda connection, _: None).url).request(call(repeatable=False))


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nxx\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_answers_that_are_not_http(make_http: Make, rude: Any, tools: Any, head: bytes) -> None:
    def script(connection: socket.socket, _: int) -> None:
        tools.read_head(connection)
        connection.sendall(head)

    with pytest.raises(errors.TransportError):
        make_http(rude(script).url).request(call(repeatable=False))


# --- time -----------------------------------------------------------------------------------------------------------


def drip(tools: Any, prefix: bytes, stop: threading.Event) -> Callable[[socket.socket, int], None]:
    def script(connection: socket.socket, _: int) -> None:
        tools.read_head(connection)
        connection.sendall(prefix)
        while not stop.wait(0.02):
            connection.sendall(b"a")

    return script


@pytest.mark.parametrize(
    "prefix",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b'HTTP/1.1 200 OK\r\n\r\n"',
        b'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"',
    ],
)
def test_drops_of_bytes_do_not_outwit_a_deadline(make_http: Make, rude: Any, tools: Any, prefix: bytes) -> None:
    stop = threading.Event()
    http = make_http(rude(drip(tools, prefix, stop)).url)
    started = time.monotonic()
    try:
        with pytest.raises(errors.WaitTimeout, match="GET /v1/x"):
            http.request(call(), Deadline(0.3))
    finally:
        stop.set()
    assert time.monotonic() - started < 1.5


def test_silence_ends_without_a_deadline_too(make_http: Make, rude: Any, tools: Any) -> None:
    release = threading.Event()

    def script(connection: socket.socket, _: int) -> None:
        tools.read_head(connection)
        release.wait(10)

    http = make_http(rude(script).url, timeouts=Timeouts(connect=1, read=0.1, transfer=0.1))
    try:
        with pytest.raises(errors.ConnectionLost, match=r"silent for 0\.1 s"):
            http.request(call(repeatable=False))
        with pytest.raises(errors.ConnectionLost, match="silent"):
            http.signed("GET", http._bases[Host.REST] + "/m")
    finally:
        release.set()


def test_a_deadline_that_has_passed_sends_nothing(site: Any, make_http: Make) -> None:
    with pytest.raises(errors.WaitTimeout):
        make_http(site.url).request(call(), Deadline(0))
    assert not site.seen


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), True, "5"])
def test_settings_are_checked(value: Any) -> None:
    with pytest.raises(errors.ConfigError, match="connect"):
        Timeouts(connect=value)
    with pytest.raises(errors.ConfigError, match="budget"):
        Retries(budget=value)
    with pytest.raises(errors.ConfigError, match="tries"):
        Retries(tries=0 if value == 0 else value)


# --- signing in and out ---------------------------------------------------------------------------------------------


def signed_in(tools: Any, *, access: float = 1000, refresh: float = 5000) -> Credentials:
    credentials = Credentials()
    credentials.set_tokens(tools.token(access), tools.token(refresh))
    return credentials


def renewing(tools: Any) -> Any:
    return lambda seen: tools.ok({"token": tools.token(3600), "refreshToken": tools.token(7200)})


def test_renewal_over_the_wire(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/account/refresh-token"] = renewing(tools)
    site.routes["/v1/x"] = tools.ok(1)
    credentials = signed_in(tools, access=-1)
    old = credentials.tokens
    http = make_http(site.url, credentials)
    assert http.request(call()) == 1
    assert old is not None
    assert credentials.tokens not in (None, old)
    renewal, seen = site.seen
    assert renewal.body == b'{"refreshToken":"' + old[1].encode() + b'"}'
    assert "authorization" not in renewal.headers
    assert credentials.tokens is not None
    assert seen.headers["authorization"] == credentials.tokens[0]
    assert http.auth_headers() == {"Authorization": credentials.tokens[0]}


def test_fifty_threads_one_renewal(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/account/refresh-token"] = renewing(tools)
    site.routes["/v1/x"] = tools.ok(1)
    http = make_http(site.url, signed_in(tools, access=-1))
    barrier = threading.Barrier(50)
    found: list[object] = []

    def ask() -> None:
        barrier.wait(10)
        found.append(http.request(call(), Deadline(30)))

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [1] * 50
    assert site.paths().count("/v1/account/refresh-token") == 1


def test_a_401_renews_once_and_repeats_once(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/account/refresh-token"] = renewing(tools)
    site.routes["/v1/x"] = [tools.Reply({"message": "expired"}, 401), tools.ok(1)]
    credentials = signed_in(tools)
    assert make_http(site.url, credentials).request(call()) == 1
    assert site.paths() == ["/v1/x", "/v1/account/refresh-token", "/v1/x"]
    assert site.seen[0].headers["authorization"] != site.seen[2].headers["authorization"]


def test_a_second_401_signs_out(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/account/refresh-token"] = renewing(tools)
    site.routes["/v1/x"] = tools.Reply({"message": "Unauthorized", "errorCode": 102}, 401)
    credentials = signed_in(tools)
    with pytest.raises(errors.AuthenticationError, match="Unauthorized") as caught:
        make_http(site.url, credentials).request(call())
    assert site.paths() == ["/v1/x", "/v1/account/refresh-token", "/v1/x"]
    assert not credentials.signed_in
    assert "API key" not in caught.value.hint


def test_a_401_to_what_cannot_be_repeated(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/account/refresh-token"] = renewing(tools)
    site.routes["/v1/x"] = tools.Reply({"message": "expired"}, 401)
    credentials = signed_in(tools)
    with pytest.raises(errors.AuthenticationError):
        make_http(site.url, credentials).request(call(method="POST", repeatable=False))
    assert site.paths() == ["/v1/x", "/v1/account/refresh-token"]
    assert credentials.signed_in


@pytest.mark.parametrize(("status", "signed_out"), [(401, True), (403, True), (404, False), (409, False), (503, False)])
def test_a_401_and_no_renewal(site: Any, make_http: Make, tools: Any, status: int, signed_out: bool) -> None:
    site.routes["/v1/account/refresh-token"] = tools.Reply({"message": "no"}, status)
    site.routes["/v1/x"] = tools.Reply({"message": "expired"}, 401)
    credentials = signed_in(tools)
    with pytest.raises(errors.AuthenticationError if signed_out else errors.ApiError) as caught:
        make_http(site.url, credentials).request(call())
    assert caught.value.status == (401 if signed_out else status)
    assert credentials.signed_in is not signed_out
    assert site.paths() == ["/v1/x", "/v1/account/refresh-token"]


def test_a_renewal_is_not_made_twice(site: Any, make_http: Make, rude: Any, tools: Any) -> None:
    site.routes["/v1/account/refresh-token"] = tools.Reply({"message": "busy"}, 503)
    credentials = signed_in(tools, access=-1)
    with pytest.raises(errors.ServerError):
        make_http(site.url, credentials).request(call())
    assert site.paths() == ["/v1/account/refresh-token"]
    server = rude(lambda connection, _: tools.read_head(connection) and None)
    with pytest.raises(errors.ConnectionLost):
        make_http(server.url, credentials).request(call())
    assert server.count == 1
    assert credentials.signed_in


def test_a_401_keeps_the_api_key(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.Reply({"message": "not with a key"}, 401)
    credentials = Credentials(tools.KEY)
    with pytest.raises(errors.AuthenticationError, match="not with a key"):
        make_http(site.url, credentials).request(call())
    assert credentials.signed_in
    assert len(site.seen) == 1


def test_a_401_for_nobody(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.Reply({"message": "who?"}, 401)
    with pytest.raises(errors.AuthenticationError) as caught:
        make_http(site.url, Credentials()).request(call())
    assert "Sign in" in caught.value.hint


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("change", ["sign in", "close"])
def test_answers_of_an_older_session_are_dropped(
    site: Any, make_http: Make, tools: Any, status: int, change: str
) -> None:
    credentials = Credentials(tools.KEY)

    def route(_: Any) -> Any:
        if change == "close":
            credentials.close()
        else:
            credentials.set_tokens(tools.token(100), tools.token(1000))
        return tools.Reply({"data": 1, "message": "m"}, status)

    site.routes["/v1/x"] = route
    with pytest.raises(errors.ClosedError if change == "close" else errors.SessionChanged):
        make_http(site.url, credentials).request(call())
    assert credentials.signed_in is (change != "close")


def test_a_closed_client(site: Any, make_http: Make) -> None:
    http = make_http(site.url)
    http.close()
    http.close()
    uses: list[Callable[[], object]] = [lambda: http.request(call()), lambda: http.signed("GET", site.url)]
    for use in uses:
        with pytest.raises(errors.ClosedError):
            use()
    with pytest.raises(errors.ClosedError):
        http.pause(10, Deadline(None))


# --- where it may go ------------------------------------------------------------------------------------------------


def test_loopback_only(site: Any, make_http: Make, tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    site.routes["/v1/x"] = tools.ok(1)
    http = make_http(site.url, loopback_only=True)
    assert http.request(call()) == 1, "no proxy is used"
    for url in ("https://api.sogni.ai/x", "http://10.0.0.1/x", "http://localhost.example/"):
        with pytest.raises(errors.ConfigError, match="sandbox"):
            http.signed("GET", url)
        with pytest.raises(errors.ConfigError):
            http.check_host(url)
    for endpoints in (("https://api.sogni.ai", "ws://127.0.0.1"), ("http://127.0.0.1", "wss://socket.sogni.ai")):
        with pytest.raises(errors.ConfigError):
            Http(*endpoints, Credentials(), loopback_only=True)


def test_signed_urls_must_be_encrypted_in_earnest() -> None:
    http = Http("https://api.sogni.ai", "wss://socket.sogni.ai", Credentials())
    with pytest.raises(errors.ProtocolError, match="not encrypted"):
        http.signed("GET", "http://store.example/x?sig=1")


def test_proxies(site: Any, make_http: Make, tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.routes["/v1/x"] = tools.ok(1)
    site.routes["/"] = tools.ok()
    monkeypatch.setenv("HTTP_PROXY", site.url)
    monkeypatch.setenv("HTTPS_PROXY", "http://user:p%40ss@secure.example:3128")
    monkeypatch.setenv("NO_PROXY", "direct.example")
    http = make_http("http://target.example")
    assert http.request(call()) == 1
    assert site.seen[0].raw_path == "http://target.example/v1/x"
    assert http.proxy_for("ws://target.example") == site.url
    assert http.proxy_for("wss://target.example/?appId=1") == "http://user:p%40ss@secure.example:3128"
    assert http.proxy_for("wss://direct.example") is None
    assert http.socket_proxy("wss://direct.example") == {}
    assert http.socket_proxy("wss://target.example") == {
        "http_proxy_host": "secure.example",
        "http_proxy_port": 3128,
        "http_proxy_auth": ("user", "p@ss"),
        "proxy_type": "http",
        "http_no_proxy": ["-"],
    }
    assert make_http("http://a.example", proxy="").proxy_for("https://a.example") is None
    explicit = make_http("http://a.example", proxy="10.0.0.1:99")
    assert explicit.socket_proxy("wss://a.example")["http_proxy_port"] == 99
    with pytest.raises(errors.ConfigError, match="WebSocket"):
        make_http("http://a.example", proxy="https://p.example").socket_proxy("wss://a.example")


def test_a_proxy_that_is_not_there(make_http: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    http = make_http("http://target.example", proxy=f"http://user:secret-pw@127.0.0.1:{port}", retries=Retries(tries=1))
    with pytest.raises(errors.ConnectFailed) as caught:
        http.request(call())
    assert "secret-pw" not in everything(caught.value)


def test_proxies_of_other_kinds(make_http: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    once = Retries(tries=1)
    with pytest.raises(errors.ConfigError, match="cannot be used"):
        make_http("http://target.example", proxy="socks5://127.0.0.1:1", retries=once).request(call())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.ConnectFailed):
        make_http("https://target.example", proxy=f"https://127.0.0.1:{port}", retries=once).request(call())


def test_an_endpoint_that_speaks_no_tls(site: Any, make_http: Make) -> None:
    http = make_http(site.url.replace("http", "https"), retries=Retries(tries=1))
    with pytest.raises(errors.ConnectFailed, match="No encrypted connection to 127"):
        http.request(call())


# --- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(site: Any, authority: trustme.CA) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    url: str = site.url
    return url.replace("http", "https")


def test_an_unknown_certificate_is_refused(secure: str, site: Any, make_http: Make) -> None:
    with pytest.raises(errors.ConnectFailed, match=r"certificate of 127\.0\.0\.1 is not trusted") as caught:
        make_http(secure).request(call())
    assert not caught.value.retryable
    assert "verify" in caught.value.hint
    assert not site.seen
    with pytest.raises(errors.ConnectFailed, match="not trusted"):
        make_http(secure).signed("GET", f"{secure}/m?sig=1")


@pytest.mark.parametrize("way", ["file", "path", "folder", "context", "environment", "off"])
def test_whom_to_trust(
    secure: str,
    site: Any,
    make_http: Make,
    tools: Any,
    authority: trustme.CA,
    tmp_path: Path,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site.routes["/v1/x"] = tools.ok(1)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    verify: Any = {"file": str(bundle), "path": bundle, "folder": str(tmp_path), "off": False}.get(way, True)
    if way == "context":
        verify = ssl.create_default_context(cafile=str(bundle))
    if way == "environment":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    if way == "folder":
        (tmp_path / f"{_subject_hash(bundle)}.0").write_bytes(bundle.read_bytes())
    http = make_http(secure, verify=verify)
    if way == "off":
        with pytest.warns(Warning, match="Unverified"):
            assert http.request(call()) == 1
    else:
        assert http.request(call(), Deadline(10)) == 1
    context = http.tls_context
    assert http.tls_context is context
    if way != "off":
        assert len(context.get_ca_certs()) <= 1, "nobody else was let in"


def _subject_hash(bundle: Path) -> str:
    import subprocess

    found = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", str(bundle)], capture_output=True, text=True)
    if found.returncode:
        pytest.skip("no openssl command")
    return found.stdout.strip()


def test_a_bundle_that_is_not_there(make_http: Make, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("missing.pem", "empty.pem"):
        http = make_http("https://127.0.0.1:1", verify=str(tmp_path / name))
        with pytest.raises(errors.ConfigError, match=name):
            http.request(call())


def test_no_context_without_need(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.ok()
    http = make_http(site.url)
    http.request(call())
    assert http.route._tls is None


# --- forks, secrets, logs -------------------------------------------------------------------------------------------


def test_a_fork_gets_connections_of_its_own(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/v1/x"] = tools.ok(1)
    http = make_http(site.url)
    http.request(call())
    before = http._api
    http.reset_after_fork()
    assert http.request(call()) == 1
    assert http._api is not before
    assert site.connections == 2
    http.close()
    http.reset_after_fork()
    with pytest.raises(errors.ClosedError):
        http.request(call())
    if before is not None:
        before.close()


@pytest.mark.parametrize("kind", ["key", "tokens"])
@pytest.mark.parametrize("trouble", ["refusal", "form", "break", "redirect", "renewal", "silence"])
def test_errors_hold_no_secrets(
    site: Any, make_http: Make, rude: Any, tools: Any, kind: str, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    credentials = (
        Credentials(tools.KEY) if kind == "key" else signed_in(tools, access=-1 if trouble == "renewal" else 99)
    )
    secrets = credentials.secrets()

    def echo(seen: Any) -> Any:
        return tools.Reply({"message": f"refused {seen.headers} {seen.body!r}", "details": dict(seen.headers)}, 400)

    site.routes["/v1/x"] = {
        "form": tools.ok(),
        "redirect": tools.Reply(b"", 302, {"Location": "/login?key=" + secrets[0]}),
    }.get(trouble, echo)
    site.routes["/v1/account/refresh-token"] = lambda seen: tools.Reply(f"bad body {seen.body.decode()}", 500)
    url = site.url
    if trouble == "break":
        url = rude(lambda connection, _: tools.read_head(connection) and None).url
    if trouble == "silence":
        url = rude(lambda connection, _: threading.Event().wait(2)).url
    http = make_http(
        url, credentials, timeouts=Timeouts(connect=1, read=0.05, transfer=1) if trouble == "silence" else None
    )

    def read(_: object) -> object:
        raise ValueError("form")

    with pytest.raises(errors.SogniError) as caught:
        http.request(call(repeatable=False, read=read, query={"q": "private-query-value"}))
    shown = everything(caught.value) + caplog.text
    for secret in secrets:
        assert secret not in shown
    assert "private-query-value" not in str(caught.value) + caplog.text


def test_signed_urls_do_not_show(
    site: Any, make_http: Make, rude: Any, tools: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.routes["/m"] = tools.Reply(b"x")
    http = make_http(site.url)
    http.signed("GET", f"{site.url}/m?X-Amz-Signature=geheim").close()
    broken = rude(lambda connection, _: None).url
    with pytest.raises(errors.ConnectionLost) as caught:
        http.signed("GET", f"{broken}/m?X-Amz-Signature=geheim")
    assert "/m" in str(caught.value)
    assert "geheim" not in str(caught.value) + repr(caught.value.__cause__) + caplog.text
    assert "sogni.http" in caplog.text


def test_logs_of_others_are_left_alone(
    site: Any, make_http: Make, tools: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site.routes["/v1/x"] = tools.ok()
    make_http(site.url).request(call())
    caplog.set_level(logging.DEBUG)
    with requests.get(f"{site.url}/v1/x?mine=1", timeout=5):
        assert "mine=1" in caplog.text


def test_it_cannot_be_pickled(make_http: Make) -> None:
    http = make_http("http://127.0.0.1:1")
    with pytest.raises(TypeError):
        pickle.dumps(http)
    assert repr(http) == "Http(127.0.0.1:1, 127.0.0.1:1)"
