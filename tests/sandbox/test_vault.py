"""Withdrawing and depositing: permits are handed out, signed by the wallet, looked at, and count once."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from sogni.sandbox import Sandbox

from .people import Person, good, refusal

TEN = str(10 * 10**18)
PERMIT, WITHDRAW = "/v1/account/token/withdraw/permit", "/v2/account/token/withdraw"
DEPOSIT = "/v3/account/token/deposit"
APPROVE_PERMIT, APPROVE = "/v1/contract/token/approve/permit", "/v1/contract/token/approve"


@pytest.fixture
def one(net: Sandbox) -> Person:
    return Person(net).signed_in()


def body(one: Person, amount: str = TEN, provider: str = "base") -> dict[str, Any]:
    return {"walletAddress": one.address, "amount": amount, "provider": provider}


def approve(one: Person, provider: str = "base", spender: str = "account") -> Any:
    asked = {"walletAddress": one.address, "spender": spender, "provider": provider}
    permit = one.sent(APPROVE_PERMIT, **asked)
    deadline = permit["message"]["deadline"]
    return one.post(APPROVE, **asked, deadline=deadline, approveSignature=one.sign(permit))


@pytest.mark.parametrize(("provider", "chain"), [("base", 8453), ("etherlink", 42793)])
def test_withdrawing(net: Sandbox, one: Person, talk: Any, provider: str, chain: int) -> None:
    socket = talk()
    before = Decimal(one.data("/v2/wallet/balance", walletAddress=one.address, provider=provider)["sogni"])
    permit = one.sent(PERMIT, **body(one, provider=provider))
    assert set(permit) == {"domain", "types", "message"}
    assert permit["domain"]["chainId"] == chain
    assert set(permit["types"]) == {"EIP712Domain", "Permit"}
    message = permit["message"]
    assert list(message) == ["owner", "spender", "value", "nonce", "deadline"]
    assert (message["owner"], message["value"]) == (one.address, TEN)
    assert time.time() < message["deadline"] < time.time() + 3600
    signature = one.sign(permit)
    good(one.post(WITHDRAW, **body(one, provider=provider), signature=signature))
    assert socket.receive()[1]["sogni"]["settled"] == "9990"
    after = Decimal(one.data("/v2/wallet/balance", walletAddress=one.address, provider=provider)["sogni"])
    assert after - before == 10
    (newest, *_) = one.data("/v1/transactions/list", status="completed", address=one.address, limit=1)["transactions"]
    assert (newest["source"], newest["type"], newest["amount"]) == ("withdrawal", "debit", "10")
    # It counts once.
    assert refusal(one.post(WITHDRAW, **body(one, provider=provider), signature=signature)) == (400, 101)
    assert net.account().balance["sogni"] == 9_990


def test_withdrawals_that_are_refused(net: Sandbox, one: Person) -> None:
    stranger = Person(net, "stranger", "pw")
    permit = one.sent(PERMIT, **body(one))
    assert refusal(one.post(WITHDRAW, **body(one), signature=stranger.sign(permit))) == (400, 101)
    permit = one.sent(PERMIT, **body(one))
    assert refusal(one.post(WITHDRAW, **body(one, "11"), signature=one.sign(permit))) == (400, 101)
    permit = one.sent(PERMIT, **body(one))
    changed = {**permit, "message": {**permit["message"], "value": str(11 * 10**18)}}
    assert refusal(one.post(WITHDRAW, **body(one), signature=one.sign(changed))) == (400, 101)
    assert refusal(one.post(WITHDRAW, **body(one), signature=one.sign(permit))) == (400, 101)
    assert refusal(one.post(PERMIT, **body(one, str(10**23)))) == (400, 123)
    permit = one.sent(PERMIT, **body(one))
    net.account().set_balance(sogni=1)
    assert refusal(one.post(WITHDRAW, **body(one), signature=one.sign(permit))) == (400, 123)
    assert net.account().balance["sogni"] == 1


@pytest.mark.parametrize("amount", ["0", "-1", "1.5", "1e18", "", "٣", 10, None, "9" * 61])
def test_amounts_are_digits(one: Person, amount: Any) -> None:
    assert refusal(one.post(PERMIT, **body(one, amount))) == (400, 101)
    assert refusal(one.post(DEPOSIT, **body(one, amount))) == (400, 101)


def test_a_wallet_must_be_ones_own_and_a_chain_must_exist(net: Sandbox, one: Person) -> None:
    stranger = Person(net, "stranger", "pw")
    for path in (PERMIT, WITHDRAW, DEPOSIT, APPROVE_PERMIT, APPROVE):
        assert refusal(one.post(path, **body(stranger), spender="account")) == (403, 103)
        assert refusal(one.post(path, **body(one, provider="moon"), spender="account")) == (400, 101)
    asked = {"walletAddress": one.address, "spender": "thief", "provider": "base"}
    assert refusal(one.post(APPROVE_PERMIT, **asked)) == (400, 101)


def test_depositing_takes_an_approval(net: Sandbox, one: Person) -> None:
    assert refusal(one.post(DEPOSIT, **body(one))) == (400, 149)
    good(approve(one, spender="staker"))
    assert refusal(one.post(DEPOSIT, **body(one))) == (400, 149)
    good(approve(one))
    good(one.post(DEPOSIT, **body(one)))
    assert net.account().balance["sogni"] == 10_010
    assert one.data("/v2/wallet/balance", walletAddress=one.address)["sogni"] == "490"
    assert refusal(one.post(DEPOSIT, **body(one, str(491 * 10**18)))) == (400, 123)
    # On another chain that approval means nothing.
    assert refusal(one.post(DEPOSIT, **body(one, provider="etherlink"))) == (400, 149)


def test_approvals_that_are_refused(net: Sandbox, one: Person) -> None:
    asked = {"walletAddress": one.address, "spender": "account", "provider": "base"}
    permit = one.sent(APPROVE_PERMIT, **asked)
    signature = one.sign(permit)
    assert refusal(one.post(APPROVE, **asked, deadline=5, approveSignature=signature)) == (400, 101)
    deadline = permit["message"]["deadline"]
    assert refusal(one.post(APPROVE, **asked, deadline=deadline, approveSignature=signature)) == (400, 101)
    permit = one.sent(APPROVE_PERMIT, **asked)
    wrong = Person(net, "sandbox", "wrong password").sign(permit)
    deadline = permit["message"]["deadline"]
    assert refusal(one.post(APPROVE, **asked, deadline=deadline, approveSignature=wrong)) == (400, 101)
    assert refusal(one.post(DEPOSIT, **body(one))) == (400, 149)


@pytest.mark.parametrize("path", [PERMIT, WITHDRAW, DEPOSIT, APPROVE_PERMIT, APPROVE])
def test_api_keys_may_not(rest: Any, one: Person, path: str) -> None:
    answer = rest.post(path, **body(one), spender="account")
    assert refusal(answer) == (401, 102)
    assert "API key" in answer.json()["message"]
