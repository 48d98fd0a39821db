"""Every knob about accounts changes what it says, and only for as long as it was asked to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from sogni.sandbox import Sandbox
from sogni.sandbox.script import KNOBS, LAST_PAGES, LIES

from .people import Person, good, refusal
from .test_accounts import page
from .test_gate import claims
from .test_vault import APPROVE_PERMIT, DEPOSIT, PERMIT, TEN, WITHDRAW, approve, body

#: Tested with what they belong to.
ELSEWHERE = {"testnet", "clock_offset", "expire_on_upload", "slow_renewal"}


def test_every_knob_about_accounts_has_a_test_here() -> None:
    tested = {name.removeprefix("test_knob_") for name in globals() if name.startswith("test_knob_")}
    assert tested | ELSEWHERE == {name for name, knob in KNOBS.items() if knob.metadata["subject"] == "account"}


def test_knob_token_life(net: Sandbox) -> None:
    one = Person(net).signed_in()
    net.script(token_life=0)
    good(one.renew())
    assert refusal(one.get("/v1/account/me")) == (401, 102)
    good(one.renew())
    good(one.get("/v1/account/me"))


def test_knob_refresh_life(net: Sandbox) -> None:
    one = Person(net)
    net.script(refresh_life=0)
    good(one.log_in())
    assert claims(one.refresh)["exp"] <= time.time()
    assert refusal(one.renew()) == (401, 104)
    good(one.log_in())
    good(one.renew())


def test_knob_broken_pair(net: Sandbox) -> None:
    one = Person(net).signed_in()
    net.script(broken_pair=True)
    assert set(good(one.renew())) == {"token"}
    good(one.log_in())
    assert set(good(one.renew())) == {"token", "refreshToken"}


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/account/me", "/v4/account/balance", "/v4/account/rewards", "/v1/announcements/active"),
        *("/v1/subscriptions/status", "/v1/subscriptions/usage", "/v1/subscriptions/plans"),
        *("/v1/leaderboard/?type=referral&period=day", "/v1/subscriptions/trial-eligibility"),
    ],
)
def test_knob_bare_answers(net: Sandbox, rest: Any, path: str) -> None:
    net.script(bare_answers=True)
    bare, wrapped = (rest.get(path).json() for _ in range(2))
    assert wrapped == {"status": "success", "data": bare}


def test_knob_partial_balance(net: Sandbox, talk: Any, build: Callable[..., dict[str, Any]]) -> None:
    one = talk()
    net.script(partial_balance=True)
    one.send("jobRequest", build(tokenType="sogni"))
    told = [set(data) for kind, data in one.finished() if kind == "balanceUpdate"]
    assert told == [{"sogni"}, {"sogni", "spark"}]


def test_knob_numeric_amounts(net: Sandbox, rest: Any) -> None:
    net.script(numeric_amounts=True)
    kinds = [{type(row["amount"]) for row in page(rest)["transactions"]} for _ in range(2)]
    assert kinds == [{float}, {str}]


def test_knob_null_times(net: Sandbox, rest: Any) -> None:
    net.script(null_times=True)
    times = [{row[name] is None for row in page(rest)["transactions"] for name in TIMES} for _ in range(2)]
    assert times == [{True}, {False}]


TIMES = ("createTime", "updateTime", "endTime")


@pytest.mark.parametrize("how", LAST_PAGES)
def test_knob_last_page(net: Sandbox, rest: Any, how: str) -> None:
    net.script(last_page=how, times=None)
    assert page(rest, offset=10)["next"] == 20
    last = page(rest, offset=20)
    assert len(last["transactions"]) == 6
    expected = {"zero": 0, "missing": "missing", "null": None, "same": 20, "beyond": 30}
    assert last.get("next", "missing") == expected[how]
    assert page(rest, offset=30)["transactions"] == []


def test_knob_versioned_status(net: Sandbox, rest: Any) -> None:
    net.account().set_plan("unlimited")
    net.script(versioned_status=True)
    told = [rest.data("/v1/subscriptions/status")["subscription"].get("version") for _ in range(2)]
    assert told == ["1", None]


def test_knob_slow_status(net: Sandbox, rest: Any, stopwatch: Callable[[], float]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    net.script(slow_status=0.3)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(rest.data, "/v1/subscriptions/status")
        net.wait_for(lambda: [entry for entry in net.log if entry.path == "/v1/subscriptions/status"])
        # The request was taken; whoever answers next in that loop comes after it.
        assert net.account().plan["status"] == "none"
        net.account().set_plan("unlimited")
        assert asking.result(5)["subscription"]["status"] == "none"
    assert stopwatch() >= 0.3
    assert rest.data("/v1/subscriptions/status")["subscription"]["status"] == "active"


@pytest.mark.parametrize("lie", LIES)
def test_knob_hostile_permit(net: Sandbox, lie: str) -> None:
    one = Person(net).signed_in()
    honest = one.sent(PERMIT, **body(one))
    net.script(hostile_permit=lie)
    permit = one.sent(PERMIT, **body(one))
    different = {
        (part, name)
        for part in ("domain", "message")
        for name, value in permit[part].items()
        if value != honest[part][name] and name != "nonce" and abs(_number(value) - _number(honest[part][name])) != 1
    }
    expected = {
        "chain": {("domain", "chainId")},
        "name": {("domain", "name")},
        "type": set(),
        "owner": {("message", "owner")},
        "spender": {("message", "spender")},
        "amount": {("message", "value")},
        "deadline": {("message", "deadline")},
    }
    assert different == expected[lie]
    assert ("Permit" in permit["types"]) is (lie != "type")
    # Who signs it nevertheless loses nothing here.
    answer = one.post(WITHDRAW, **body(one), signature=one.sign(permit))
    assert answer.status_code == (400 if lie == "amount" else 200)
    net.script(hostile_permit=lie)
    asked = {"walletAddress": one.address, "spender": "account", "provider": "base"}
    assert one.sent(APPROVE_PERMIT, **asked)["message"]["nonce"] == 2


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def test_knob_approval_lag(net: Sandbox) -> None:
    one = Person(net).signed_in()
    net.script(approval_lag=2)
    good(approve(one))
    codes = [requests.Response.json(one.post(DEPOSIT, **body(one, TEN))).get("errorCode") for _ in range(3)]
    assert codes == [149, 149, None]


def test_knob_first_page(net: Sandbox, rest: Any) -> None:
    query = {"type": "referral", "period": "day", "limit": 5}
    net.script(first_page=1, times=2)
    first = rest.data("/v1/leaderboard/", **query, page=1)
    assert refusal(rest.get("/v1/leaderboard/", **query, page=0)) == (400, 101)
    assert first == rest.data("/v1/leaderboard/", **query, page=0) == rest.data("/v1/leaderboard/", **query)


@pytest.mark.parametrize(
    "knobs", [{"clock_offset": 90_000}, {"clock_offset": True}, {"last_page": "x"}, {"hostile_permit": "x"}]
)
def test_values_are_checked(net: Sandbox, knobs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(knobs))):
        net.script(**knobs)
