"""A stored sign-in: found by clients that are given none, kept up to date, shared by processes, forgotten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sogni.sandbox import Sandbox
from sogni_async import AuthenticationError, ConfigError, ServerError, SogniClient, ValidationError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files of the installation live in this test."""
    monkeypatch.setenv("SOGNI_STATE_DIR", str(tmp_path / "state"))
    for name in ("SOGNI_API_KEY", "SOGNI_PROFILE", "SOGNI_SANDBOX_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "state"


def at(sandbox: Sandbox, api_key: str | None = None, **more: Any) -> SogniClient:
    return SogniClient(
        api_key, rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint, app_id="app", **more
    )


def stored(state: Path, profile: str = "default") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((state / "sign-in" / f"{profile}.json").read_text())
    return found


async def save(sandbox: Sandbox, **more: Any) -> None:
    async with at(sandbox) as client:
        await client.account.login("sandbox", "sandbox")
        await client.account.save_sign_in(**more)


async def test_a_stored_key_is_found(sandbox: Sandbox, state: Path) -> None:
    async with at(sandbox, sandbox.api_key) as client:
        await client.account.me()
        await client.account.save_sign_in()
    assert stored(state)["api_key"] == sandbox.api_key
    async with at(sandbox) as client:
        assert (await client.account.me()).username == "sandbox"
        assert client.tokens is None
        await client.projects.wait_for_models()


async def test_the_order_in_which_it_is_looked_for(
    sandbox: Sandbox, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(sandbox)
    monkeypatch.setenv("SOGNI_API_KEY", "sandbox-by-environment")
    async with at(sandbox, "sandbox-by-argument") as client:
        by_argument = (await client.account.me()).username
    async with at(sandbox) as client:
        by_environment = (await client.account.me()).username
    monkeypatch.delenv("SOGNI_API_KEY")
    async with at(sandbox) as client:
        by_file = (await client.account.me()).username
    assert by_file == "sandbox"
    assert len({by_argument, by_environment, by_file}) == 3


async def test_profiles(sandbox: Sandbox, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.add_account("Worker", "bee")
    await save(sandbox)
    async with at(sandbox, profile="work") as client:
        await client.account.login("worker", "bee")
        await client.account.save_sign_in()
    assert stored(state, "work")["username"] == "Worker"
    monkeypatch.setenv("SOGNI_PROFILE", "work")
    async with at(sandbox) as client:
        assert (await client.account.me()).username == "Worker"
    async with at(sandbox, profile="default") as client:
        assert (await client.account.me()).username == "sandbox"
    with pytest.raises(ValidationError, match="profile"):
        at(sandbox, profile="../x")


async def test_renewed_tokens_are_stored(sandbox: Sandbox, state: Path) -> None:
    await save(sandbox)
    before = stored(state)
    sandbox.expire_tokens()
    async with at(sandbox) as client:
        await client.account.me()
        assert client.tokens is not None
        assert client.tokens.refresh_token == stored(state)["refresh_token"] != before["refresh_token"]
    assert sandbox.renewals == 1


async def test_two_clients_of_one_file_do_not_end_each_others_session(sandbox: Sandbox, state: Path) -> None:
    await save(sandbox)
    async with at(sandbox) as one, at(sandbox) as other:
        await one.account.me()
        await other.account.me()
        sandbox.expire_tokens()
        await one.account.me()
        await other.account.me()
        assert sandbox.renewals == 1
        assert one.tokens == other.tokens
        sandbox.expire_tokens()
        await other.account.me()
        await one.account.me()
        assert sandbox.renewals == 2


def test_processes_that_share_a_file_renew_one_at_a_time(sandbox: Sandbox, state: Path) -> None:
    import sogni

    with sogni.SogniClient(
        rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint, app_id="app"
    ) as client:
        client.set_tokens(*sandbox.mint_tokens())
        client.account.save_sign_in()
    sandbox.expire_tokens()
    sandbox.script(slow_renewal=0.5)
    program = """
import sogni
with sogni.SogniClient(app_id="app", disable_socket=True) as client:
    print(client.account.me().username)
"""
    places = {"SOGNI_REST_ENDPOINT": sandbox.rest_endpoint, "SOGNI_SOCKET_ENDPOINT": sandbox.socket_endpoint}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, **places, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    assert [process.communicate(timeout=40)[0].strip() for process in processes] == ["sandbox"] * 4
    assert sandbox.renewals == 1


async def test_signing_out_forgets_it(sandbox: Sandbox, state: Path) -> None:
    await save(sandbox)
    async with at(sandbox) as client:
        await client.account.logout()
    assert not (state / "sign-in" / "default.json").exists()
    async with at(sandbox) as client:
        with pytest.raises(AuthenticationError):
            await client.account.me()


async def test_signing_out_forgets_it_also_when_the_service_is_down(sandbox: Sandbox, state: Path) -> None:
    await save(sandbox)
    sandbox.fail_next("server_error", path="/v1/account/logout")
    async with at(sandbox) as client:
        with pytest.raises(ServerError):
            await client.account.logout()
    assert not (state / "sign-in" / "default.json").exists()


async def test_signing_out_leaves_what_somebody_else_has_stored(sandbox: Sandbox, state: Path) -> None:
    sandbox.add_account("Worker", "bee")
    await save(sandbox)
    async with at(sandbox) as client:
        await client.account.me()
        async with at(sandbox) as other:
            await other.account.login("worker", "bee")
            await other.account.save_sign_in()
        sandbox.expire_tokens()
        assert (await client.account.me()).username == "sandbox"
        await client.account.logout()
    assert stored(state)["username"] == "Worker"


async def test_it_goes_to_its_own_host_only(sandbox: Sandbox, state: Path) -> None:
    await save(sandbox)
    with Sandbox() as elsewhere:
        async with at(elsewhere) as client:
            with pytest.raises(AuthenticationError):
                await client.account.me()
        assert [entry.credential for entry in elsewhere.log if entry.kind == "request"] == [None]
        async with SogniClient(sandbox=elsewhere) as client:
            await client.account.me()
            with pytest.raises(ValidationError, match="sandbox"):
                await client.account.save_sign_in()


async def test_nothing_to_store(sandbox: Sandbox, state: Path) -> None:
    async with at(sandbox) as client:
        with pytest.raises(AuthenticationError, match="nothing to store"):
            await client.account.save_sign_in()
    assert not list(state.rglob("*.json"))


async def test_a_damaged_file_is_an_error_of_the_first_call(sandbox: Sandbox, state: Path) -> None:
    await save(sandbox)
    (state / "sign-in" / "default.json").write_text("{")
    async with at(sandbox) as client:
        with pytest.raises(ConfigError, match="damaged"):
            await client.account.me()
    async with at(sandbox, sandbox.api_key) as client:
        assert (await client.account.me()).username == "sandbox"
    async with at(sandbox) as client:
        client.set_tokens(*sandbox.mint_tokens())
        assert (await client.account.me()).username == "sandbox"


async def test_tokens_that_are_renewed_while_they_are_stored(sandbox: Sandbox, state: Path) -> None:
    async with at(sandbox) as client:
        client.set_tokens(*sandbox.mint_tokens(expires_in=-5))
        await client.account.save_sign_in()
        assert client.tokens is not None
        assert stored(state)["refresh_token"] == client.tokens.refresh_token
        assert stored(state)["address"] == sandbox.account().address
    assert sandbox.renewals == 1
