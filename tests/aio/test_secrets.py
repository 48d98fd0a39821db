"""Whatever goes wrong while somebody signs in or tokens move: no frame of ours holds a secret for error reporters."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sogni
from sogni._protocol import signing
from sogni.sandbox import Sandbox
from sogni_async import SogniClient, SogniError
from tests.orders import ORDER

OURS = Path(sogni.__file__).parents[1]
# Longer than any word of the library, so that finding it means something.
PASSWORD = "a-password-of-thirty-characters"


def at(sandbox: Sandbox, **more: Any) -> SogniClient:
    return SogniClient(
        rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint, app_id="app", retries=1, **more
    )


def shown(error: BaseException) -> str:
    """All that an error reporter could send: texts, and the variables of our frames, along the whole chain."""
    parts = []
    whole: BaseException | None = error
    while whole is not None:
        parts += [str(whole), repr(vars(whole))]
        for frame, _ in traceback.walk_tb(whole.__traceback__):
            path = Path(frame.f_code.co_filename)
            if OURS in path.parents and path.relative_to(OURS).parts[0] in ("sogni", "sogni_async"):
                parts += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        whole = whole.__cause__ or whole.__context__
    return "\n".join(parts)


FAULTS = ["server_error", "abort", "not_json", "unauthorized", "empty", "redirect", "not_found"]
STEPS: dict[str, tuple[str, Callable[[SogniClient], Any]]] = {
    "nonce": ("/v1/account/nonce", lambda client: client.account.login("somebody", PASSWORD)),
    "login": ("/v1/account/login", lambda client: client.account.login("somebody", PASSWORD)),
    "create": (
        "/v1/account/create",
        lambda client: client.account.create("other", "a@b.example", PASSWORD, turnstile_token="turnstile-0123456"),
    ),
    "renewal": ("/v1/account/refresh-token", lambda client: client.account.me()),
    "logout": ("/v1/account/logout", lambda client: client.account.logout()),
    "claim": (
        "/v3/account/reward/claim",
        lambda client: client.account.claim_rewards(["x"], turnstile_token="turnstile-0123456"),
    ),
    "permit": ("/v1/account/token/withdraw/permit", lambda client: client.account.withdraw(PASSWORD, "1")),
    "withdraw": ("/v2/account/token/withdraw", lambda client: client.account.withdraw(PASSWORD, "1")),
    "deposit": ("/v3/account/token/deposit", lambda client: client.account.deposit(PASSWORD, "1", retry_pause=0)),
    "approve": (
        "/v1/contract/token/approve",
        lambda client: client.account.approve_token_usage(PASSWORD, confirm=lambda request: True),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS)
async def test_no_frame_holds_a_secret(sandbox: Sandbox, step: str, fault: str) -> None:
    account = sandbox.add_account("somebody", PASSWORD)
    wallet = signing.wallet("somebody", signing.Secret(PASSWORD))
    path, act = STEPS[step]
    async with at(sandbox) as client:
        pair = account.mint_tokens(expires_in=-5 if step == "renewal" else 3600)
        client.set_tokens(*pair)
        if step != "renewal":
            await client.account.me()
        sandbox.fail_next(fault, path=path)
        failures: list[SogniError] = []
        try:
            await act(client)
        except SogniError as error:
            failures.append(error)
        # To a sign-out, "nobody" is a good answer; and no answer is one where none is expected.
        assert failures or fault in ("unauthorized", "empty")
        for failure in failures:
            text = shown(failure)
            for secret in (PASSWORD, wallet._key.reveal(), *pair, "turnstile-0123456"):
                assert secret not in text
            assert "0x" + "0" * 130 not in text
            assert not [word for word in text.replace("'", " ").split() if word.startswith("0x") and len(word) == 132]


@pytest.mark.parametrize(("token", "refresh"), [("secret-which-is-no-token", "x"), ("", "secret-which-is-no-token")])
async def test_no_token(sandbox: Sandbox, token: str, refresh: str) -> None:
    async with at(sandbox) as client:
        with pytest.raises(SogniError) as caught:
            client.set_tokens(token, refresh)
        assert "secret-which" not in shown(caught.value)
        with pytest.raises(SogniError) as nobody:
            await client.projects.create(**ORDER)
        assert "secret-which" not in shown(nobody.value)


async def test_the_frames_are_looked_at(sandbox: Sandbox) -> None:
    async with at(sandbox) as client:
        with pytest.raises(SogniError) as caught:
            await client.account.wallet_balance("not-an-address-at-all")
        assert "wallet_address='not-an-address-at-all'" in shown(caught.value)
