"""Signing in, staying signed in, and signing out."""

from __future__ import annotations

import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import sogni
from sogni.sandbox import Sandbox
from sogni_async import (
    ApiError,
    AuthenticationError,
    CurrentAccount,
    LinkState,
    ServerError,
    SessionChanged,
    SogniClient,
    TokenPair,
    ValidationError,
)
from tests.orders import ORDER, order

REFRESH = "/v1/account/refresh-token"


def at(sandbox: Sandbox, **more: Any) -> SogniClient:
    """A client that has no sign-in yet."""
    return SogniClient(
        rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint, app_id="app", **more
    )


def asked(sandbox: Sandbox, path: str) -> list[Any]:
    return [entry for entry in sandbox.log if entry.kind == "request" and entry.path == path]


async def test_name_and_password(sandbox: Sandbox) -> None:
    async with at(sandbox) as client:
        assert client.tokens is None
        assert client.current_account == CurrentAccount()
        found = await client.account.login("Sandbox", "sandbox")
        assert found.is_authenticated
        assert (found.username, found.wallet_address) == ("sandbox", sandbox.account().address)
        assert client.tokens is not None
        profile = await client.account.me()
        assert profile.username == "sandbox"
        assert client.current_account.email == profile.email
        await (await client.projects.create(**ORDER)).wait(timeout=20)
        assert sandbox.renewals == 0


async def test_the_test_network_signs_otherwise(sandbox: Sandbox) -> None:
    sandbox.script(testnet=True, times=None)
    async with at(sandbox) as client:
        with pytest.raises(AuthenticationError, match="for this network"):
            await client.account.login("sandbox", "sandbox")
        assert client.tokens is None
    async with at(sandbox, testnet=True) as client:
        assert client.testnet
        await client.account.login("sandbox", "sandbox")


async def test_a_wrong_password_is_an_unknown_wallet(sandbox: Sandbox) -> None:
    async with at(sandbox) as client:
        with pytest.raises(ApiError, match="wrong") as caught:
            await client.account.login("sandbox", "not-the-password")
        assert client.tokens is None
        report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        ours = [
            str(frame.locals) for frame in report.stack if "/sogni" in frame.filename and "tests" not in frame.filename
        ]
        assert "not-the-password" not in "".join(ours)
        with pytest.raises(ValidationError, match="password"):
            await client.account.login("sandbox", "")


async def test_login_replaces_who_was_there(sandbox: Sandbox) -> None:
    sandbox.add_account("Somebody", "else")
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        assert (await client.account.me()).username == "sandbox"
        await client.account.login("somebody", "else")
        assert client.current_account.email is None
        assert (await client.account.me()).username == "Somebody"


async def test_making_an_account(sandbox: Sandbox) -> None:
    async with at(sandbox) as client:
        assert await client.account.validate_username("\u00c4rtist\u00c9")
        with pytest.raises(ApiError, match="turnstileToken"):
            await client.account.create("\u00c4rtist\u00c9", "a@example.test", "p\u00e4ss")
        found = await client.account.create(
            "\u00c4rtist\u00c9", "a@example.test", "p\u00e4ss", subscribe=True, turnstile_token="t"
        )
        assert found.username == "\u00c4rtist\u00c9"
        assert not await client.account.validate_username("\u00c4rtist\u00c9")
        assert (await client.account.me()).email == "a@example.test"
        await client.account.logout()
        await client.account.login("\u00e4rtist\u00e9", "p\u00e4ss")
        assert await client.account.get_nonce(sandbox.account("\u00c4rtist\u00c9").address)
        await client.account.set_device_id("device")


async def test_a_backup_of_the_tokens_signs_in_again(sandbox: Sandbox) -> None:
    async with at(sandbox) as client:
        await client.account.login("sandbox", "sandbox")
        backup = client.tokens
    assert isinstance(backup, TokenPair)
    assert backup.token not in repr(backup)
    async with at(sandbox) as client:
        client.set_tokens(*backup)
        assert (await client.account.me()).username == "sandbox"
        assert client.tokens == backup


async def test_a_renewed_pair_is_told(sandbox: Sandbox) -> None:
    told: list[TokenPair] = []
    heard = threading.Event()

    def note(pair: TokenPair) -> None:
        told.append(pair)
        heard.set()

    async with at(sandbox) as client:
        client.on("tokens", note)
        client.set_tokens(*sandbox.mint_tokens(expires_in=-5))
        await client.account.me()
        for _ in range(500):
            if heard.is_set():
                break
            await client._bridge.pause(0.01)
        assert told == [client.tokens]


def test_a_storm_of_threads_makes_one_renewal(sandbox: Sandbox) -> None:
    sandbox.script(slow_renewal=0.3)
    with sogni.SogniClient(
        rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint, app_id="app"
    ) as client:
        client.set_tokens(*sandbox.mint_tokens(expires_in=-5))
        barrier = threading.Barrier(50)

        def ask() -> str | None:
            barrier.wait(20)
            return client.account.me().username

        with ThreadPoolExecutor(50) as pool:
            names = [future.result(20) for future in [pool.submit(ask) for _ in range(50)]]
        assert names == ["sandbox"] * 50
        assert sandbox.renewals == 1


@pytest.mark.parametrize("offset", [-3600, 3600])
async def test_a_clock_that_is_an_hour_off(sandbox: Sandbox, offset: int) -> None:
    sandbox.script(clock_offset=offset, times=None)
    async with at(sandbox) as client:
        await client.account.login("sandbox", "sandbox")
        for _ in range(3):
            await client.account.me()
        assert await client.projects.wait_for_models()
        assert sandbox.renewals == 0
        backup = client.tokens
    assert backup is not None
    async with at(sandbox) as client:
        client.set_tokens(*backup)
        for _ in range(3):
            await client.account.me()
        # A pair from a backup does not say how far the clock is off; one renewal does.
        assert sandbox.renewals == (1 if offset < 0 else 0)


async def test_the_service_ends_an_access_token_early(sandbox: Sandbox) -> None:
    async with at(sandbox) as client:
        await client.account.login("sandbox", "sandbox")
        sandbox.expire_tokens()
        await client.account.me()
        assert sandbox.renewals == 1


async def test_tokens_that_end_during_an_upload(sandbox: Sandbox) -> None:
    from PIL import Image

    async with at(sandbox) as client:
        await client.account.login("sandbox", "sandbox")
        sandbox.script(expire_on_upload=True)
        project = await client.projects.create(
            **order(starting_image=Image.new("RGB", (64, 64), "teal"), starting_image_strength=0.5)
        )
        (result,) = await project.wait(timeout=20)
        assert await result.read()
        assert len(sandbox.uploads) == 1
        assert sandbox.renewals >= 1
        assert len(sandbox.submissions) == 1


@pytest.mark.parametrize("fault", ["unavailable", "server_error", "abort", "empty"])
async def test_a_renewal_that_fails_signs_nobody_out(sandbox: Sandbox, fault: str) -> None:
    async with at(sandbox, retries=1) as client:
        pair = sandbox.mint_tokens(expires_in=-5)
        client.set_tokens(*pair)
        changes: list[CurrentAccount] = []
        client.on("account", changes.append)
        sandbox.fail_next(fault, path=REFRESH)
        with pytest.raises((ServerError, sogni.TransportError)):
            await client.account.me()
        assert client.tokens == pair
        assert (await client.account.me()).username == "sandbox"
        assert not [account for account in changes if account.username is None]


async def test_an_answer_without_a_pair_signs_nobody_out_by_itself(sandbox: Sandbox) -> None:
    async with at(sandbox, retries=1) as client:
        client.set_tokens(*sandbox.mint_tokens(expires_in=-5))
        sandbox.script(broken_pair=True)
        with pytest.raises(sogni.ProtocolError, match="form"):
            await client.account.me()


async def test_a_session_that_ended_is_a_typed_error(sandbox: Sandbox) -> None:
    async with at(sandbox) as client:
        await client.account.login("sandbox", "sandbox")
        sandbox.expire_tokens(refresh=True)
        with pytest.raises(AuthenticationError) as caught:
            await client.account.me()
        assert "again" in caught.value.hint
        assert client.tokens is None
        assert client.current_account == CurrentAccount()
        with pytest.raises(AuthenticationError, match="Nobody is signed in"):
            await client.projects.create(**ORDER)


async def test_who_waits_for_a_project_hears_why_the_session_ended(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    async with at(sandbox) as client:
        await client.account.login("sandbox", "sandbox")
        project = await client.projects.create(**ORDER)
        sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])
        sandbox.expire_tokens(refresh=True)
        sandbox.drop_sockets()
        with pytest.raises(AuthenticationError):
            await project.wait(timeout=20)
        assert client.state.link is LinkState.REFUSED


async def test_signing_out_while_a_project_runs(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    async with at(sandbox) as client:
        await client.account.login("sandbox", "sandbox")
        project = await client.projects.create(**ORDER)
        sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])
        await client.account.logout()
        with pytest.raises(SessionChanged):
            await project.wait(timeout=20)
        assert client.tokens is None
        assert client.current_account == CurrentAccount()
        sandbox.wait_for(lambda: sandbox.open_sockets == 0)
        # Nothing was cancelled there, and who signs in again finds it.
        assert sandbox.project(project.id)["status"] not in ("cancelled", "errored")
        sandbox.release()
        await client.account.login("sandbox", "sandbox")
        found = await client.projects.resume(project.id)
        assert len(await found.wait(timeout=20)) == 1


async def test_signing_out_happens_here_in_every_case(sandbox: Sandbox) -> None:
    async with at(sandbox, retries=1) as client:
        await client.account.login("sandbox", "sandbox")
        old = client.tokens
        assert old is not None
        sandbox.fail_next("unavailable", path="/v1/account/logout")
        with pytest.raises(ServerError):
            await client.account.logout()
        assert client.tokens is None
        await client.account.logout()
        assert len(asked(sandbox, "/v1/account/logout")) == 1
        client.set_tokens(*old)
        await client.account.logout()
        with pytest.raises(AuthenticationError):
            await client.account.me()


async def test_a_key_signs_out_as_well(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        await client.account.logout()
        with pytest.raises(AuthenticationError):
            await client.account.me()


async def test_nothing_secret_is_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with at(sandbox) as client:
        await client.account.login("sandbox", "sandbox")
        first = client.tokens
        sandbox.expire_tokens()
        await client.account.me()
        second = client.tokens
        await client.projects.wait_for_models()
    assert first is not None
    assert second is not None
    assert first != second
    for secret in (*first, *second):
        assert secret not in caplog.text


class TestTokensOfAConnection:
    async def test_tokens_that_are_not_taken_are_renewed_once(self, sandbox: Sandbox) -> None:
        async with at(sandbox) as client:
            client.set_tokens(*sandbox.mint_tokens(expires_in=3600))
            sandbox.expire_tokens()
            assert await client.projects.wait_for_models(timeout=20)
        assert sandbox.renewals == 1

    async def test_who_waits_does_not_notice(self, sandbox: Sandbox) -> None:
        async with at(sandbox) as client:
            client.set_tokens(*sandbox.mint_tokens(expires_in=3600))
            sandbox.script(hold_at="progress:1")
            project = await client.projects.create(**ORDER)
            sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])
            sandbox.expire_tokens()
            sandbox.drop_sockets()
            sandbox.release()
            assert len(await project.wait(timeout=30)) == 1

    async def test_a_renewal_that_fails_is_tried_again(self, sandbox: Sandbox) -> None:
        async with at(sandbox) as client:
            client.set_tokens(*sandbox.mint_tokens(expires_in=3600))
            sandbox.expire_tokens()
            sandbox.fail_next("unavailable", path="*/refresh-token")
            assert await client.projects.wait_for_models(timeout=30)

    async def test_a_refused_renewal_is_the_end(self, sandbox: Sandbox) -> None:
        async with at(sandbox) as client:
            client.set_tokens(*sandbox.mint_tokens(expires_in=3600))
            sandbox.expire_tokens()
            sandbox.fail_next("renewal_refused")
            with pytest.raises(AuthenticationError):
                await client.projects.wait_for_models(timeout=20)

    async def test_signing_out_with_a_refused_token_leaves_no_session(self, sandbox: Sandbox) -> None:
        got: list[tuple[str, str]] = []
        async with at(sandbox) as client:
            client.on("tokens", lambda pair: got.append(tuple(pair)))
            client.set_tokens(*sandbox.mint_tokens(expires_in=3600))
            sandbox.expire_tokens()
            await client.account.logout()
        async with at(sandbox) as other:
            for pair in got:
                other.set_tokens(*pair)
                with pytest.raises(AuthenticationError):
                    await other.account.me()
        assert got
