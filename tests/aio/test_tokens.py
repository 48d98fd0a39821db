"""Tokens that move: what is shown and compared before the wallet signs, and what a lying server gets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sogni.sandbox import Sandbox
from sogni_async import ApiError, InsufficientFunds, SigningRefused, SigningRequest, SogniClient, ValidationError

PASSWORD = "sandbox"


def at(sandbox: Sandbox, **more: Any) -> SogniClient:
    return SogniClient(
        rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint, app_id="app", **more
    )


def signed_in(sandbox: Sandbox) -> SogniClient:
    """Somebody who signed in with a password."""
    made = at(sandbox)
    made.set_tokens(*sandbox.mint_tokens())
    return made


def asked(sandbox: Sandbox, path: str) -> list[Any]:
    return [entry for entry in sandbox.log if entry.kind == "request" and entry.path == path]


async def test_withdrawing(sandbox: Sandbox) -> None:
    async with signed_in(sandbox) as client:
        before = sandbox.account().balance["sogni"]
        shown: list[SigningRequest] = []

        def confirm(request: SigningRequest) -> bool:
            shown.append(request)
            return True

        signed = await client.account.withdraw(PASSWORD, "1.5", confirm=confirm)
        assert shown == [signed]
        assert (signed.purpose, signed.chain_id, signed.amount) == ("withdraw", 8453, Decimal("1.5"))
        assert signed.owner == sandbox.account().address
        assert sandbox.account().balance["sogni"] == before - Decimal("1.5")
        assert (await client.account.wallet_balance()).sogni is not None
        same = {"contract": signed.contract, "spender": signed.spender}
        await client.account.withdraw(PASSWORD, Decimal("0.5"), **same)
        await client.account.withdraw(PASSWORD, 1, "etherlink")
        with pytest.raises(InsufficientFunds):
            await client.account.withdraw(PASSWORD, "99999999")


async def test_nothing_is_sent_for_what_is_wrong(sandbox: Sandbox) -> None:
    async with signed_in(sandbox) as client:
        for arguments in ((PASSWORD, "0"), (PASSWORD, 1.5), (PASSWORD, "1", "moon"), ("wrong", "1"), ("", "1")):
            for move in (client.account.withdraw, client.account.deposit):
                with pytest.raises(ValidationError) as caught:
                    await move(*arguments)
                assert "wrong" not in str(caught.value)
        with pytest.raises(ValidationError, match="contract"):
            await client.account.withdraw(PASSWORD, "1", contract="here")
        with pytest.raises(ValidationError, match="spender"):
            await client.account.approve_token_usage(PASSWORD, "nobody")
        with pytest.raises(ValidationError, match="password"):
            await client.account.approve_token_usage("wrong")
        assert not [one for one in sandbox.log if "permit" in (one.path or "") or "deposit" in (one.path or "")]


async def test_the_user_may_say_no(sandbox: Sandbox) -> None:
    async with signed_in(sandbox) as client:
        with pytest.raises(SigningRefused, match="said no"):
            await client.account.withdraw(PASSWORD, "1", confirm=lambda request: False)
        assert not asked(sandbox, "/v2/account/token/withdraw")


LIES = {
    "chain": "chain",
    "name": "named 'USD Coin'",
    "type": "type",
    "owner": "owner",
    "amount": "amount",
    "deadline": "deadline",
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lying_server_gets_no_withdrawal(sandbox: Sandbox, lie: str) -> None:
    async with signed_in(sandbox) as client:
        sandbox.script(hostile_permit=lie)
        with pytest.raises(SigningRefused, match=LIES[lie]) as caught:
            await client.account.withdraw(PASSWORD, "1", confirm=lambda request: True)
        assert caught.value.problems
        assert not asked(sandbox, "/v2/account/token/withdraw")


async def test_a_spender_or_contract_that_was_named_must_be_it(sandbox: Sandbox) -> None:
    async with signed_in(sandbox) as client:
        honest = await client.account.withdraw(PASSWORD, "1")
        sandbox.script(hostile_permit="spender")
        with pytest.raises(SigningRefused, match="spender"):
            await client.account.withdraw(PASSWORD, "1", spender=honest.spender)
        with pytest.raises(SigningRefused, match="contract"):
            await client.account.withdraw(PASSWORD, "1", contract="0x" + "11" * 20)
        assert len(asked(sandbox, "/v2/account/token/withdraw")) == 1


async def test_depositing_allows_it_first(sandbox: Sandbox) -> None:
    async with signed_in(sandbox) as client:
        await client.account.withdraw(PASSWORD, "5")
        before = sandbox.account().balance["sogni"]
        sandbox.script(approval_lag=2)
        shown: list[SigningRequest] = []

        def confirm(request: SigningRequest) -> bool:
            shown.append(request)
            return True

        await client.account.deposit(PASSWORD, "2", confirm=confirm, retry_pause=0)
        assert sandbox.account().balance["sogni"] == before + 2
        assert len(asked(sandbox, "/v3/account/token/deposit")) == 4
        (approval,) = shown
        assert approval.purpose == "approve"
        assert approval.amount is None
        await client.account.deposit(PASSWORD, "1")
        assert len(shown) == 1


async def test_an_approval_of_everything_has_to_be_seen(sandbox: Sandbox) -> None:
    async with signed_in(sandbox) as client:
        await client.account.withdraw(PASSWORD, "5")
        for move in (
            lambda: client.account.deposit(PASSWORD, "2", retry_pause=0),
            lambda: client.account.approve_token_usage(PASSWORD, "staker"),
            lambda: client.account.approve_token_usage(PASSWORD, amount="3"),
        ):
            with pytest.raises(SigningRefused, match="any number of tokens") as caught:
                await move()
            assert "confirm=" in caught.value.hint
        assert not asked(sandbox, "/v1/contract/token/approve")
        signed = await client.account.approve_token_usage(PASSWORD, "staker", confirm=lambda request: True)
        assert signed.spender


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie != "amount"])
async def test_a_lying_server_gets_no_approval(sandbox: Sandbox, lie: str) -> None:
    async with signed_in(sandbox) as client:
        sandbox.script(hostile_permit=lie)
        with pytest.raises(SigningRefused, match=LIES[lie]):
            await client.account.approve_token_usage(PASSWORD, confirm=lambda request: True)
        assert not asked(sandbox, "/v1/contract/token/approve")


async def test_a_deposit_gives_up_after_four_tries(sandbox: Sandbox) -> None:
    async with signed_in(sandbox) as client:
        await client.account.withdraw(PASSWORD, "5")
        sandbox.script(approval_lag=50)
        with pytest.raises(ApiError, match="allowance"):
            await client.account.deposit(PASSWORD, "2", confirm=lambda request: True, retry_pause=0)
        assert len(asked(sandbox, "/v3/account/token/deposit")) == 4


async def test_only_a_low_allowance_is_tried_again(sandbox: Sandbox) -> None:
    async with signed_in(sandbox) as client:
        sandbox.fail_next("server_error", path="/v3/account/token/deposit")
        with pytest.raises(ApiError):
            await client.account.deposit(PASSWORD, "2", retry_pause=0)
        assert len(asked(sandbox, "/v3/account/token/deposit")) == 1


async def test_the_test_network_has_its_own_chain(sandbox: Sandbox) -> None:
    sandbox.script(testnet=True, times=None)
    async with at(sandbox, testnet=True) as client:
        await client.account.login("sandbox", PASSWORD)
        assert (await client.account.withdraw(PASSWORD, "1")).chain_id == 84532
