"""The holder of credentials: one renewal for all threads, session versions, and what is kept or forgotten."""

from __future__ import annotations

import pickle
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from sogni._deadline import Deadline
from sogni._io.credentials import Credentials
from sogni.errors import (
    ApiError,
    AuthenticationError,
    ClosedError,
    ConnectFailed,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    ServerError,
    SessionChanged,
    WaitTimeout,
)


class Issuer:
    """Renews, counts, and can be told to fail or to wait."""

    def __init__(self, tools: Any) -> None:
        self.tools = tools
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.pair: tuple[str, str] | None = None
        self.started = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def __call__(self, refresh: str) -> tuple[str, str]:
        self.asked.append(refresh)
        self.started.set()
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        return self.pair or (self.tools.token(3600), self.tools.token(7200))


@pytest.fixture
def issuer(tools: Any) -> Issuer:
    return Issuer(tools)


def expired(tools: Any, **options: Any) -> Credentials:
    credentials = Credentials(**options)
    credentials.set_tokens(tools.token(-5), tools.token(5000))
    return credentials


def never(_: str) -> tuple[str, str]:
    raise AssertionError("renewed")


def test_api_key() -> None:
    credentials = Credentials("  my-api-key ")
    assert credentials.headers(never) == {"api-key": "my-api-key"}
    assert credentials.uses_api_key
    assert credentials.signed_in
    assert credentials.tokens is None
    assert repr(credentials) == "Credentials(API key)"
    assert credentials.secrets() == ("my-api-key",)
    with pytest.raises(TypeError):
        pickle.dumps(credentials)


def test_nobody() -> None:
    credentials = Credentials()
    assert credentials.headers(never) == {}
    assert not credentials.signed_in
    assert repr(credentials) == "Credentials(signed out)"
    assert not credentials.refused(None, never)


def test_good_tokens_are_used(tools: Any) -> None:
    credentials = Credentials()
    pair = (tools.token(1000), tools.token(5000))
    credentials.set_tokens(*pair)
    assert credentials.headers(never) == {"Authorization": pair[0]}
    assert credentials.tokens == pair
    assert credentials.signed_in
    assert pair[0] not in repr(credentials)


def test_tokens_are_renewed_a_minute_early(tools: Any, issuer: Issuer) -> None:
    credentials = Credentials()
    refresh = tools.token(5000)
    credentials.set_tokens(tools.token(50), refresh)
    version = credentials.version
    fresh = credentials.headers(issuer)
    assert issuer.asked == [refresh]
    assert credentials.tokens is not None
    assert fresh == {"Authorization": credentials.tokens[0]}
    assert credentials.version == version
    assert credentials.headers(never) == fresh


def test_an_empty_access_token_is_renewed_at_once(tools: Any, issuer: Issuer) -> None:
    credentials = Credentials()
    credentials.set_tokens("", tools.token(5000))
    assert credentials.headers(issuer)


def test_fifty_threads_renew_once(tools: Any, issuer: Issuer) -> None:
    credentials = expired(tools)
    issuer.go.clear()
    barrier = threading.Barrier(51)
    found: list[dict[str, str]] = []

    def ask() -> None:
        barrier.wait(10)
        found.append(credentials.headers(issuer, deadline=Deadline(10)))

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(50)]
    for thread in threads:
        thread.start()
    barrier.wait(10)
    assert issuer.started.wait(10)
    issuer.go.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 50
    assert len(issuer.asked) == 1
    assert len({header["Authorization"] for header in found}) == 1


def test_rotation_is_told(tools: Any, issuer: Issuer) -> None:
    told: list[tuple[str, str]] = []
    credentials = expired(tools, on_tokens=lambda token, refresh: told.append((token, refresh)))
    credentials.headers(issuer)
    assert told == [credentials.tokens]


def test_a_callback_that_raises_is_logged_without_its_text(
    tools: Any, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    def complain(token: str, refresh: str) -> None:
        raise ValueError(token)

    credentials = expired(tools, on_tokens=complain)
    credentials.headers(issuer)
    assert credentials.tokens is not None
    assert "ValueError" in caplog.text
    assert credentials.tokens[0] not in caplog.text


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_renewal_signs_out(tools: Any, issuer: Issuer, status: int) -> None:
    changes: list[int] = []
    credentials = expired(tools, on_change=lambda _: changes.append(1))
    version = credentials.version
    kind = {401: AuthenticationError, 403: PermissionDenied}.get(status, ApiError)
    issuer.error = kind("refresh token revoked", status=status, error_code=104)
    with pytest.raises(AuthenticationError, match="revoked") as caught:
        credentials.headers(issuer)
    assert (caught.value.status, caught.value.error_code) == (status, 104)
    assert credentials.tokens is None
    assert credentials.version == version + 1
    assert changes == [1, 1]


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("slow down", status=429, retry_after=5),
        ServerError("broken", status=503),
        ConnectFailed("nobody there"),
        ApiError("no such route", status=404),
    ],
)
def test_an_inconclusive_renewal_keeps_the_tokens(tools: Any, issuer: Issuer, error: Exception) -> None:
    credentials = expired(tools)
    before = credentials.tokens
    issuer.error = error
    with pytest.raises(type(error)):
        credentials.headers(issuer)
    assert credentials.tokens == before
    issuer.error = None
    assert credentials.headers(issuer)


def test_a_token_that_is_still_good_is_used_when_renewal_fails(tools: Any, issuer: Issuer) -> None:
    credentials = Credentials()
    access = tools.token(30)
    credentials.set_tokens(access, tools.token(5000))
    issuer.error = ServerError("broken", status=500)
    assert credentials.headers(issuer) == {"Authorization": access}
    assert len(issuer.asked) == 1


def test_a_refresh_token_that_has_run_out(tools: Any) -> None:
    credentials = Credentials()
    credentials.set_tokens(tools.token(-5), tools.token(-1))
    assert not credentials.signed_in
    with pytest.raises(AuthenticationError, match="run out"):
        credentials.headers(never)
    assert credentials.tokens is None
    access = tools.token(30)
    credentials.set_tokens(access, tools.token(-1))
    assert credentials.headers(never) == {"Authorization": access}


@pytest.mark.parametrize("pair", [("not", "tokens"), ("", "x.y.z")])
def test_an_unusable_pair_is_no_renewal(tools: Any, issuer: Issuer, pair: tuple[str, str]) -> None:
    credentials = expired(tools)
    before = credentials.tokens
    issuer.pair = pair
    with pytest.raises(ProtocolError):
        credentials.headers(issuer)
    assert credentials.tokens == before


@pytest.mark.parametrize("what", ["clear", "close", "set_api_key", "set_tokens"])
def test_a_renewal_that_comes_too_late_brings_nothing_back(tools: Any, issuer: Issuer, what: str) -> None:
    told: list[object] = []
    credentials = expired(tools, on_tokens=lambda *pair: told.append(pair))
    version = credentials.version
    issuer.go.clear()
    outcome: list[object] = []

    def ask() -> None:
        try:
            outcome.append(credentials.headers(issuer))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    assert issuer.started.wait(10)
    arguments = {"set_api_key": ("another-key",), "set_tokens": (tools.token(900), tools.token(1900))}
    getattr(credentials, what)(*arguments.get(what, ()))
    after = credentials.tokens
    issuer.go.set()
    thread.join(10)
    assert credentials.tokens == after
    assert not told
    with pytest.raises(ClosedError if what == "close" else SessionChanged):
        credentials.check(version)
    if what == "close":
        assert isinstance(outcome[0], ClosedError)


def test_versions(tools: Any) -> None:
    changes: list[int] = []
    credentials = Credentials("first-key", on_change=lambda _: changes.append(1))
    versions = [credentials.version]

    def note() -> None:
        versions.append(credentials.version)

    credentials.set_api_key(" first-key ")
    note()
    credentials.set_api_key("second-key")
    note()
    pair = (tools.token(900), tools.token(1900))
    credentials.set_tokens(*pair)
    note()
    credentials.set_tokens(*pair)
    note()
    credentials.clear()
    note()
    credentials.clear()
    note()
    assert versions == [0, 0, 1, 2, 2, 3, 3]
    assert len(changes) == 3
    credentials.check(3)
    with pytest.raises(SessionChanged):
        credentials.check(2)
    credentials.close()
    assert credentials.closed
    assert repr(credentials) == "Credentials(closed)"
    uses: list[Callable[[], None]] = [
        lambda: credentials.check(4),
        credentials.clear,
        lambda: credentials.set_api_key("third-key"),
    ]
    for use in uses:
        with pytest.raises(ClosedError):
            use()
    assert credentials.headers(never) == {}


def test_an_api_key_survives_a_refusal() -> None:
    credentials = Credentials("my-api-key")
    used = credentials.identity(never)
    assert not credentials.refused(used, never)
    credentials.give_up(used)
    assert credentials.signed_in


def test_refused_tokens_are_renewed_once(tools: Any, issuer: Issuer) -> None:
    credentials = Credentials()
    credentials.set_tokens(tools.token(1000), tools.token(5000))
    used = credentials.identity(never)
    assert credentials.refused(used, issuer)
    assert len(issuer.asked) == 1
    assert credentials.refused(used, issuer), "another thread had renewed already"
    assert len(issuer.asked) == 1
    credentials.give_up(used)
    assert credentials.signed_in
    credentials.give_up(credentials.identity(never))
    assert not credentials.signed_in


@pytest.mark.parametrize(
    ("error", "kept", "raised"),
    [
        (ApiError("m", status=400), False, False),
        (ApiError("m", status=404), True, True),
        (ApiError("m", status=409), True, True),
        (ServerError("m", status=500), True, True),
        (ConnectFailed("m"), True, True),
    ],
)
def test_refused_tokens_that_cannot_be_renewed(
    tools: Any, issuer: Issuer, error: Exception, kept: bool, raised: bool
) -> None:
    credentials = Credentials()
    credentials.set_tokens(tools.token(1000), tools.token(5000))
    issuer.error = error
    if raised:
        with pytest.raises(type(error)):
            credentials.refused(credentials.identity(never), issuer)
    else:
        assert not credentials.refused(credentials.identity(never), issuer)
    assert credentials.signed_in is kept


def test_a_deadline_ends_the_waiting_not_the_renewal(tools: Any, issuer: Issuer) -> None:
    credentials = expired(tools)
    issuer.go.clear()
    with pytest.raises(WaitTimeout):
        credentials.headers(issuer, deadline=Deadline(0.02))
    issuer.go.set()
    assert credentials.headers(issuer, deadline=Deadline(10))
    assert len(issuer.asked) == 1


def test_errors_keep_no_tokens(tools: Any, issuer: Issuer) -> None:
    credentials = expired(tools)
    access, refresh = credentials.tokens or ("", "")
    issuer.error = ServerError("broken", status=500)
    with pytest.raises(ServerError) as caught:
        credentials.headers(issuer)
    frames = [
        frame for frame, _ in traceback.walk_tb(caught.value.__traceback__) if "sogni" in frame.f_code.co_filename
    ]
    shown = "".join(repr(value) for frame in frames for value in frame.f_locals.values())
    assert frames
    assert access not in shown
    assert refresh not in shown


def test_after_a_fork_the_identity_stays(tools: Any, issuer: Issuer) -> None:
    credentials = expired(tools)
    credentials.reset_after_fork()
    assert credentials.headers(issuer)


def test_a_turn_that_comes_too_late(tools: Any, issuer: Issuer) -> None:
    credentials = expired(tools)
    old = credentials._identity
    credentials.headers(issuer)
    fresh = credentials._identity
    assert credentials._renew(old, never, False) is fresh  # type: ignore[arg-type]
    credentials.close()
    with pytest.raises(ClosedError):
        credentials._renew(old, never, False)  # type: ignore[arg-type]


def test_a_refusal_that_comes_too_late(tools: Any) -> None:
    credentials = expired(tools)

    def renew(_: str) -> tuple[str, str]:
        credentials.set_api_key("another-key")
        raise ApiError("revoked", status=400)

    with pytest.raises(SessionChanged):
        credentials.headers(renew)
    assert credentials.uses_api_key
