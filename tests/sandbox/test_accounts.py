"""What an account may ask about itself, and how running projects move its balance."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sogni.sandbox import Sandbox
from sogni.sandbox.wallets import ADDRESS

from .people import refusal

Build = Callable[..., dict[str, Any]]
TOKENS = {"settled", "credit", "debit", "net"}
UNCLAIMED = {"relaxedUnclaimed", "fastUnclaimed"}


def page(rest: Any, **query: Any) -> Any:
    return rest.data("/v1/transactions/list", **{"status": "completed", "address": ADDRESS, "limit": 10, **query})


def balances(frames: list[Any]) -> list[Any]:
    return [data for kind, data in frames if kind == "balanceUpdate"]


def test_the_profile(rest: Any) -> None:
    me = rest.data("/v1/account/me")
    assert set(me) == {
        *("username", "walletAddress", "currentEmail", "requestedUpdatedEmail", "emailVerified"),
        *("discordLinked", "discordUsername", "discordServerMember", "discord2FA"),
    }


def test_balances_of_rest_and_of_the_frame(net: Sandbox, rest: Any, talk: Any) -> None:
    one = talk()
    net.account().set_balance(sogni=12.5, spark=Decimal("0.1"), premium_spark="0.05", fast_unclaimed=3)
    (frame,) = balances([one.receive()])
    told = rest.data("/v4/account/balance")
    assert set(told["sogni"]) == TOKENS | UNCLAIMED
    assert set(told["spark"]) == TOKENS | UNCLAIMED | {"premiumCredit"}
    assert set(frame["sogni"]) == TOKENS
    assert set(frame["spark"]) == TOKENS | {"premiumCredit"}
    assert (told["sogni"]["net"], told["sogni"]["fastUnclaimed"], told["spark"]["premiumCredit"]) == (
        "12.5",
        "3",
        "0.05",
    )
    assert all(isinstance(value, str) for purse in told.values() for value in purse.values())
    assert net.account().balance == {"sogni": Decimal("12.5"), "spark": Decimal("0.1")}


@pytest.mark.parametrize("token", ["sogni", "spark"])
def test_a_project_reserves_and_settles(net: Sandbox, rest: Any, talk: Any, build: Build, token: str) -> None:
    one = talk()
    before = net.account().balance
    request = build(tokenType=token)
    one.send("jobRequest", request)
    held, settled = (frame[token] for frame in balances(one.finished()))
    assert (held["settled"], settled["debit"]) == ("10000", "0")
    assert Decimal(held["debit"]) == 10_000 - Decimal(held["net"]) > 0
    assert settled["settled"] == settled["net"] == held["net"]
    spent = before[token] - net.account().balance[token]
    newest = page(rest)["transactions"][0]
    assert (newest["id"], newest["type"], newest["tokenType"], newest["source"]) == (
        request["jobID"],
        "debit",
        token,
        "project",
    )
    assert Decimal(newest["amount"]) == spent
    assert (newest["billingMode"], newest["paymentModel"]) == ("auto", "free_spark" if token == "spark" else "sogni")
    assert newest["createTime"] <= newest["updateTime"] == newest["endTime"]


def test_what_is_cancelled_or_fails_is_given_back(net: Sandbox, rest: Any, talk: Any, build: Build) -> None:
    one = talk()
    before = net.account().balance
    net.script(hold_at="progress:1")
    request = build()
    one.send("jobRequest", request)
    one.until("jobProgress")
    pending = page(rest, status="pending")["transactions"]
    assert [(row["id"], row["endTime"]) for row in pending] == [(request["jobID"], None)]
    one.send("jobError", {"jobID": request["jobID"], "error": "artistCanceled"})
    assert balances(one.until("artistCancelConfirmation"))[-1]["spark"]["net"] == "10000"
    net.fail_next("genfailure")
    one.send("jobRequest", build())
    one.until("jobError")
    assert one.until("balanceUpdate")[-1][1]["spark"]["net"] == "10000"
    assert net.account().balance == before
    assert [row["amount"] for row in page(rest, status="refunded")["transactions"]] == ["0", "0"]


def test_who_has_not_enough_is_refused(net: Sandbox, talk: Any, build: Build) -> None:
    one = talk()
    net.account().set_balance(spark=0)
    one.send("jobRequest", build())
    assert one.until("jobError")[-1][1]["error"] == 123
    one.send("jobRequest", build(tokenType="sogni"))
    one.finished()
    net.account().set_balance(spark=100)
    net.script(hold_at="queued")
    one.send("jobRequest", build())
    held = one.until("balanceUpdate", lambda data: data["spark"]["debit"] != "0")[-1][1]["spark"]
    # What another project has reserved cannot be spent twice.
    net.account().set_balance(spark=held["debit"])
    one.send("jobRequest", build())
    assert one.until("jobError")[-1][1]["error"] == 123
    net.release()


def test_paid_and_free_spark(net: Sandbox, rest: Any, talk: Any, build: Build) -> None:
    one, account = talk(), net.account()
    account.set_balance(spark=100, premium_spark=100)
    one.send("jobRequest", build())
    one.finished()
    assert page(rest)["transactions"][0]["paymentModel"] == "paid_spark"
    left = rest.data("/v4/account/balance")["spark"]
    assert left["premiumCredit"] == left["settled"] != "100"
    account.set_balance(spark=100, premium_spark=0)
    account.lock_free_spark("trial")
    frames = one.until("subscriptionEntitlementUpdated")
    assert (frames[-1][1]["freeSparkLocked"], frames[-1][1]["freeSparkUnlockPath"]) == (True, "trial")
    one.send("jobRequest", build())
    assert one.until("jobError")[-1][1]["error"] == 123
    hello = talk("other", greeted=False).receive()[1]
    assert (hello["freeSparkLocked"], hello["freeSparkUnlockPath"]) == (True, "trial")
    account.lock_free_spark(locked=False)
    one.send("jobRequest", build())
    one.finished()


# transactions


def test_three_pages_of_transactions(rest: Any) -> None:
    pages, offset = [], 0
    while True:
        answer = page(rest, **({"offset": offset} if offset else {}))
        pages.append(answer["transactions"])
        if not answer["next"]:
            break
        offset = answer["next"]
    assert [len(one) for one in pages] == [10, 10, 6]
    rows = [row for one in pages for row in one]
    assert len({row["id"] for row in rows}) == 26
    times = [row["createTime"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert set(rows[0]) >= {
        *("_id", "id", "SID", "clientSID", "addressSID", "sourceSID", "address", "status", "role", "amount"),
        *("tokenType", "description", "source", "type", "createTime", "updateTime", "endTime"),
    }
    assert {row["role"] for row in rows} == {"artist"}
    # They add up to what the account has.
    for token in ("sogni", "spark"):
        sums = [
            Decimal(row["amount"]) * (1 if row["type"] == "credit" else -1) for row in rows if row["tokenType"] == token
        ]
        assert sum(sums) == 10_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"limit": "x"}, (400, 101)),
        ({"limit": 101}, (400, 101)),
        ({"limit": ""}, (400, 101)),
        ({"offset": -1}, (400, 101)),
        ({"status": ""}, (400, 101)),
        ({"address": "0x" + "1" * 40}, (403, 103)),
        ({"provider": "moon"}, (400, 101)),
    ],
)
def test_questions_about_transactions_that_make_no_sense(
    rest: Any, changes: dict[str, Any], expected: tuple[int, int]
) -> None:
    query = {"status": "completed", "address": ADDRESS, "limit": 10, **changes}
    assert refusal(rest.get("/v1/transactions/list", **query)) == expected


def test_an_empty_page_and_a_wallet_in_other_letters(rest: Any) -> None:
    assert page(rest, offset=500, address=ADDRESS.lower()) == {"transactions": [], "next": 0}
    assert len(page(rest, provider="base")["transactions"]) == 10


# rewards


def test_rewards_are_listed_and_claimed(net: Sandbox, rest: Any, talk: Any) -> None:
    rewards = {row["id"]: row for row in rest.data("/v4/account/rewards", provider="base")["rewards"]}
    assert {(row["type"], row.get("cantClaimReason")) for row in rewards.values()} == {
        ("instant", None),
        ("conditioned", None),
        ("conditioned", "requires_verification"),
        ("instant", "over_free_cap"),
        ("instant", "already_claimed"),
    }
    for row in rewards.values():
        assert row["canClaim"] == int("cantClaimReason" not in row)
        assert row["claimed"] == int(row["lastClaimTimestamp"] > 0)
        assert isinstance(row["amount"], str)
    one = talk()
    assert rest.post("/v3/account/reward/claim", claims=["daily-spark"], provider="base").json()["status"] == "success"
    assert one.receive()[1]["spark"]["net"] == "10050"
    (daily,) = (row for row in rest.data("/v4/account/rewards")["rewards"] if row["id"] == "daily-spark")
    assert (daily["claimed"], daily["canClaim"], daily["cantClaimReason"]) == (1, 0, "already_claimed")
    assert abs(daily["lastClaimTimestamp"] - time.time()) < 10
    assert daily["claimResetFrequencySec"] == 86_400
    newest = page(rest)["transactions"][0]
    assert (newest["source"], newest["type"], newest["amount"]) == ("reward", "credit", "50")
    assert refusal(rest.post("/v3/account/reward/claim", claims=["daily-spark"])) == (400, 101)


def test_rewards_that_cannot_be_claimed(net: Sandbox, rest: Any) -> None:
    path = "/v3/account/reward/claim"
    for claims in ([], "share", [5], ["verified"], ["top-up"], ["welcome"], ["share"], ["daily-spark", "verified"]):
        assert refusal(rest.post(path, claims=claims)) == (400, 101)
    assert refusal(rest.post(path, claims=["nothing"])) == (404, 122)
    assert refusal(rest.post(path, claims=["daily-spark"], provider="moon")) == (400, 101)
    # All or nothing.
    assert net.account().balance["spark"] == 10_000
    assert rest.post(path, claims=["share", "daily-spark"], turnstileToken="t").status_code == 200
    assert net.account().balance == {"sogni": 10_025, "spark": 10_050}


# the rest


def test_wallet_balances(rest: Any) -> None:
    assert rest.data("/v2/wallet/balance", walletAddress=ADDRESS, provider="base") == {
        "sogni": "500",
        "spark": "0",
        "ether": "0.05",
    }
    nothing = {"sogni": "0", "spark": "0", "ether": "0"}
    assert rest.data("/v2/wallet/balance", walletAddress=ADDRESS, provider="etherlink") == nothing
    assert rest.data("/v2/wallet/balance", walletAddress="0x" + "1" * 40) == nothing
    assert refusal(rest.get("/v2/wallet/balance", walletAddress=ADDRESS, provider="moon")) == (400, 101)
    assert refusal(rest.get("/v2/wallet/balance")) == (400, 101)


def test_the_device(rest: Any) -> None:
    assert rest.post("/v1/account/device-id", deviceId="device-1").status_code == 200
    assert refusal(rest.post("/v1/account/device-id", deviceId="")) == (400, 101)
    assert refusal(rest.post("/v1/account/device-id")) == (400, 101)


GET = [
    *("/v1/account/me", "/v4/account/balance", "/v2/wallet/balance", "/v1/transactions/list", "/v4/account/rewards"),
    *("/v1/subscriptions/status", "/v1/subscriptions/usage", "/v1/subscriptions/trial-eligibility"),
    "/v1/announcements/active",
]
POST = [
    *("/v3/account/reward/claim", "/v1/account/device-id", "/v1/account/logout", "/v2/account/token/withdraw"),
    *("/v1/account/token/withdraw/permit", "/v3/account/token/deposit", "/v1/contract/token/approve"),
    *("/v1/contract/token/approve/permit", "/v1/iap/stripe/subscribe", "/v1/subscriptions/stripe/portal"),
    "/v1/announcements/sandbox-welcome/dismiss",
]


@pytest.mark.parametrize("path", GET)
def test_nobody_asks_without_credentials(rest: Any, path: str) -> None:
    assert refusal(rest.get(path, headers={})) == (401, 102)


@pytest.mark.parametrize("path", POST)
def test_nobody_changes_anything_without_credentials(rest: Any, path: str) -> None:
    assert refusal(rest.post(path, headers={})) == (401, 102)


def test_accounts_are_apart(net: Sandbox, rest: Any, talk: Any) -> None:
    one = talk()
    net.add_account("other", "pw").set_balance(spark=1)
    assert one.quiet() == []
    other = rest.get("/v4/account/balance", headers={"Authorization": net.account("other").mint_tokens()[0]})
    assert other.json()["data"]["spark"]["net"] == "1"
    assert rest.data("/v4/account/balance")["spark"]["net"] == "10000"
