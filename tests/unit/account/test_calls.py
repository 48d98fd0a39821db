"""The REST calls of an account: what goes over the wire, and what is made of answers."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from sogni._protocol import account_calls as calls, given, token_calls as money
from sogni._protocol.call import Call
from sogni.errors import ProtocolError, ValidationError

WALLET = "0x3E5421b5046F40bB8Bf39A6514e9F93E27292e82"
LOGIN = {"wallet_address": WALLET, "signature": "0xsigned", "remember_me": False, "app_source": None}
CREATE = {
    "app_id": "app",
    "username": "u",
    "email": "e",
    "subscribe": True,
    "wallet_address": WALLET,
    "signature": "0xsigned",
    "turnstile_token": "t",
    "remember_me": True,
    "app_source": "shop",
    "referral_code": None,
}

# method, path, query, body, credentials, repeatable
WIRE: list[tuple[Call[Any], str, str, dict[str, Any], dict[str, Any] | None, bool, bool]] = [
    (calls.nonce(WALLET), "POST", "/v1/account/nonce", {}, {"walletAddress": WALLET}, False, False),
    (
        calls.login(**LOGIN),
        "POST",
        "/v1/account/login",
        {},
        {"walletAddress": WALLET, "signature": "0xsigned", "rememberMe": False, "appSource": None},
        False,
        False,
    ),
    (
        calls.create(**CREATE),
        "POST",
        "/v1/account/create",
        {},
        {
            "appid": "app",
            "username": "u",
            "email": "e",
            "subscribe": 1,
            "walletAddress": WALLET,
            "turnstileToken": "t",
            "signature": "0xsigned",
            "rememberMe": True,
            "appSource": "shop",
            "referralCode": None,
        },
        False,
        False,
    ),
    (calls.logout(), "POST", "/v1/account/logout", {}, {}, True, False),
    (calls.me(), "GET", "/v1/account/me", {}, None, True, True),
    (
        calls.validate_username("u"),
        "POST",
        "/v1/account/username/validate",
        {},
        {"username": "u"},
        False,
        True,
    ),
    (calls.balance(), "GET", "/v4/account/balance", {}, None, True, True),
    (
        calls.wallet_balance(WALLET, "base"),
        "GET",
        "/v2/wallet/balance",
        {"walletAddress": WALLET, "provider": "base"},
        None,
        True,
        True,
    ),
    (calls.set_device_id("d"), "POST", "/v1/account/device-id", {}, {"deviceId": "d"}, True, False),
    (calls.leaderboard({"type": "t"}), "GET", "/v1/leaderboard/", {"type": "t"}, None, True, True),
    (calls.announcements(" web "), "GET", "/v1/announcements/active", {"platform": "web"}, None, True, True),
    (calls.announcements(" "), "GET", "/v1/announcements/active", {"platform": None}, None, True, True),
    (calls.dismiss_announcement("a/b ?"), "POST", "/v1/announcements/a%2Fb%20%3F/dismiss", {}, {}, True, False),
    (
        money.transactions(address=WALLET, status="completed", limit=10, offset=0, provider=None),
        "GET",
        "/v1/transactions/list",
        {"status": "completed", "address": WALLET, "limit": 10, "provider": None, "offset": None},
        None,
        True,
        True,
    ),
    (money.rewards(None), "GET", "/v4/account/rewards", {"provider": None}, None, True, True),
    (
        money.claim_rewards(["a"], "base", None),
        "POST",
        "/v3/account/reward/claim",
        {},
        {"claims": ["a"], "provider": "base", "turnstileToken": None},
        True,
        False,
    ),
    (
        money.withdraw_permit(wallet_address=WALLET, amount=5, provider="base"),
        "POST",
        "/v1/account/token/withdraw/permit",
        {},
        {"walletAddress": WALLET, "amount": "5", "provider": "base"},
        True,
        False,
    ),
    (
        money.withdraw(wallet_address=WALLET, amount=10**30, provider="base", signature="0xs"),
        "POST",
        "/v2/account/token/withdraw",
        {},
        {"walletAddress": WALLET, "amount": "1" + "0" * 30, "provider": "base", "signature": "0xs"},
        True,
        False,
    ),
    (
        money.deposit(wallet_address=WALLET, amount=5, provider="etherlink"),
        "POST",
        "/v3/account/token/deposit",
        {},
        {"walletAddress": WALLET, "amount": "5", "provider": "etherlink"},
        True,
        False,
    ),
    (
        money.approve_permit(wallet_address=WALLET, spender="staker", provider="base"),
        "POST",
        "/v1/contract/token/approve/permit",
        {},
        {"walletAddress": WALLET, "spender": "staker", "provider": "base"},
        True,
        False,
    ),
    (
        money.approve(wallet_address=WALLET, spender="account", provider="base", deadline=9, signature="0xs"),
        "POST",
        "/v1/contract/token/approve",
        {},
        {
            "walletAddress": WALLET,
            "spender": "account",
            "provider": "base",
            "deadline": 9,
            "approveSignature": "0xs",
        },
        True,
        False,
    ),
    (money.subscription_status(), "GET", "/v1/subscriptions/status", {}, None, True, True),
    (money.subscription_usage(), "GET", "/v1/subscriptions/usage", {}, None, True, True),
    (money.trial_eligibility(), "GET", "/v1/subscriptions/trial-eligibility", {}, None, True, True),
    (money.subscription_plans(), "GET", "/v1/subscriptions/plans", {}, None, False, True),
    (
        money.checkout(
            plan_id="p", term="annual", redirect_type="web", app_source=None, start_trial=False, device_id=""
        ),
        "POST",
        "/v1/iap/stripe/subscribe",
        {},
        {
            "planId": "p",
            "term": "annual",
            "redirectType": "web",
            "appSource": None,
            "startTrial": False,
            "deviceId": "",
        },
        True,
        False,
    ),
    (money.portal(), "POST", "/v1/subscriptions/stripe/portal", {}, {}, True, False),
]


@pytest.mark.parametrize(("call", "method", "path", "query", "body", "auth", "repeatable"), WIRE)
def test_the_wire(
    call: Call[Any],
    method: str,
    path: str,
    query: dict[str, Any],
    body: dict[str, Any] | None,
    auth: bool,
    repeatable: bool,
) -> None:
    assert (call.method, call.path, call.query, call.body) == (method, path, query, body)
    assert (call.auth, call.repeatable) == (auth, repeatable)
    assert "0xs" not in repr(call)


def test_sign_in_answers() -> None:
    assert calls.nonce(WALLET).read({"nonce": "n"}) == "n"
    pair = {"token": "a", "refreshToken": "b"}
    assert calls.login(**LOGIN).read({**pair, "username": "u"}) == (("a", "b"), "u")
    assert calls.login(**LOGIN).read(pair) == (("a", "b"), None)
    assert calls.create(**CREATE).read(pair) == ("a", "b")
    for call in (calls.nonce(WALLET), calls.login(**LOGIN), calls.create(**CREATE)):
        answers: list[Any] = [None, {}, [], {"nonce": 5}, {"token": "a"}]
        for wrong in answers:
            with pytest.raises(ValueError, match="no "):
                call.read(wrong)


def test_profile() -> None:
    found = calls.me().read(
        {"username": "u", "walletAddress": WALLET, "currentEmail": "a@b", "discord2FA": True, "other": 1}
    )
    assert (found.username, found.wallet_address, found.email, found.discord_2fa) == ("u", WALLET, "a@b", True)
    assert found.extra == {"other": 1}
    assert calls.me().read({"email": "c@d"}).email == "c@d"
    with pytest.raises(ValueError, match="object"):
        calls.me().read(None)


def test_balance_digits() -> None:
    found = calls.balance().read({"sogni": {"net": "1.500", "settled": 2}, "spark": None, "third": {}})
    assert str(found.sogni.net) == "1.500"
    assert found.sogni.settled == Decimal(2)
    assert found.spark.net == 0
    assert found.extra == {"third": {}}


@pytest.mark.parametrize("data", [[{"id": "a"}, 5, {}], {"announcements": [{"id": "a"}, None]}])
def test_announcements_either_way(data: Any) -> None:
    assert [one.id for one in calls.announcements(None).read(data)] == ["a"]


@pytest.mark.parametrize("data", [None, {}, {"announcements": 5}, "x", 5])
def test_no_announcements(data: Any) -> None:
    assert calls.announcements(None).read(data) == ()


def test_leaderboard() -> None:
    (place,) = calls.leaderboard({}).read([{"rank": 1, "value": "12345678901234567890.5", "country": None, "x": 1}])
    assert (place.rank, place.value, place.extra) == (1, Decimal("12345678901234567890.5"), {"x": 1})
    assert calls.leaderboard({}).read(None) == ()


@pytest.mark.parametrize(
    ("count", "following", "expected"),
    [(2, 2, 2), (2, 0, None), (2, None, None), (2, "2", None), (2, True, None), (1, 2, None), (0, 2, None)],
)
def test_where_the_next_page_begins(count: int, following: object, expected: int | None) -> None:
    call = money.transactions(address=WALLET, status="completed", limit=2, offset=0, provider=None)
    page = call.read({"transactions": [{"id": str(number)} for number in range(count)], "next": following})
    assert page.next_offset == expected


def test_transactions() -> None:
    call = money.transactions(address=WALLET, status="completed", limit=2, offset=4, provider="base")
    assert call.query["offset"] == 4
    row = {"id": "t", "amount": 1.25, "createTime": 1_700_000_000_000, "updateTime": None, "SID": 3}
    (found,) = call.read({"transactions": [row], "next": 4}).transactions
    assert found.amount == Decimal("1.25")
    assert found.create_time == datetime.fromtimestamp(1_700_000_000, tz=timezone.utc)
    assert (found.update_time, found.end_time, found.extra) == (None, None, {"SID": 3})
    for wrong in (None, {}, {"transactions": 5}):
        with pytest.raises(ValueError, match="list"):
            call.read(wrong)


@pytest.mark.parametrize(
    ("row", "claimed", "can", "last", "following"),
    [
        ({"claimed": 0, "canClaim": 1}, False, True, None, None),
        ({"claimed": 1, "canClaim": 0, "lastClaimTimestamp": 100, "claimResetFrequencySec": 50}, True, False, 100, 150),
        ({"lastClaimTimestamp": 100, "claimResetFrequencySec": -1}, False, False, 100, None),
        ({"lastClaimTimestamp": 0, "claimResetFrequencySec": 50}, False, False, None, None),
        ({"canClaim": 1, "cantClaimReason": "over_free_cap"}, False, False, None, None),
        ({"canClaim": True, "lastClaimTimestamp": "x", "claimResetFrequencySec": None}, False, True, None, None),
        ({"lastClaimTimestamp": 1e15, "claimResetFrequencySec": 1}, False, False, None, None),
    ],
)
def test_rewards(row: dict[str, Any], claimed: bool, can: bool, last: int | None, following: int | None) -> None:
    (found,) = money.rewards("etherlink").read([{"id": "r", "amount": "5", **row}])
    times = [None if when is None else when.timestamp() for when in (found.last_claim, found.next_claim)]
    assert (found.claimed, found.can_claim, times, found.provider) == (claimed, can, [last, following], "etherlink")


def test_pages_to_open() -> None:
    page = money.portal().read({"url": "https://pay.example/secret", "message": "m"})
    assert (page.url, page.message) == ("https://pay.example/secret", "m")
    assert "secret" not in repr(page)
    for wrong in (None, {}, {"url": ""}, {"url": "javascript:alert(1)"}, {"url": 5}):
        with pytest.raises(ProtocolError, match="no page"):
            money.portal().read(wrong)


def test_plans_usage_and_trial() -> None:
    (plan,) = money.subscription_plans().read({"plans": [{"planId": "u", "priceUsd": 20, "vendorDiscountBps": 500}]})
    assert (plan.plan_id, plan.price_usd, plan.vendor_discount_bps) == ("u", Decimal(20), 500)
    usage = money.subscription_usage().read({"usage": {"periodRenderSpark": "1.50", "trialEndsAt": "2026-01-01"}})
    assert str(usage.period_render_spark) == "1.50"
    assert money.trial_eligibility().read({"eligible": 1, "reasonCode": "x"}).eligible is False
    for call in (money.subscription_plans(), money.subscription_usage(), money.subscription_status()):
        with pytest.raises(ValueError, match=r"no |expected"):
            call.read(None)


def test_small_arguments() -> None:
    assert given.text("x", " a ") == " a "
    assert given.address("x", f" {WALLET} ") == WALLET
    for check in (
        lambda: given.text("x", ""),
        lambda: given.text("x", ".."),
        lambda: given.text("x", 5),
        lambda: given.address("x", "0x12"),
        lambda: given.address("x", None),
        lambda: given.one_of("x", "c", ("a", "b")),
        lambda: given.one_of("x", [], ("a", "b")),
        lambda: money.claim_rewards("abc", "base", None),
        lambda: money.transactions(address="", status="completed", limit=1, offset=0, provider=None),
    ):
        with pytest.raises(ValidationError):
            check()
