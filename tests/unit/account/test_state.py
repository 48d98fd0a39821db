"""What a session makes of frames and answers about its account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from sogni._protocol.account_state import AccountState, Frames, without_the_past
from sogni._protocol.entitlement import read_entitlement, read_status, read_version
from sogni._protocol.session import Session
from sogni.types.account import Balance, CurrentAccount, Profile, TokenBalance
from sogni.types.notices import Announcement, LimitNotice, Toast
from sogni.types.subscription import Subscription

START, END, GRACE = 1_700_000_000_000, 1_702_000_000_000, 1_703_000_000_000


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)


def sent(status: str = "active", active: bool = True, **more: Any) -> dict[str, Any]:
    """An entitlement of the socket."""
    plan = {
        "provider": "stripe",
        "tier": "unlimited",
        "term": "monthly",
        "status": status,
        "periodStart": START,
        "periodEnd": END,
        "graceEnd": GRACE,
        "trialEnd": 0,
    }
    return {"active": active, "trialing": False, "trialCapped": False, "subscription": {**plan, **more}}


@pytest.mark.parametrize(
    ("status", "active", "expected"),
    [
        ("trialing", True, "trialing"),
        ("active", True, "active"),
        ("expired", False, "expired"),
        ("grace", False, "grace_period"),
        ("cancelled", True, "cancel_at_period_end"),
        ("cancelled", False, "canceled"),
        ("revoked", False, "canceled"),
        ("needs_reconciliation", False, "past_due"),
        ("brand_new", True, "active"),
        ("brand_new", False, "none"),
    ],
)
def test_words_of_the_socket(status: str, active: bool, expected: str) -> None:
    plan = read_entitlement(sent(status, active))
    assert plan is not None
    assert (plan.status, plan.active) == (expected, active)
    assert plan.current_period_start == moment(START)
    assert plan.current_period_end == moment(GRACE if status == "grace" else END)
    assert plan.cancel_at_period_end is (True if status == "cancelled" else None)


@pytest.mark.parametrize("payload", [{"active": True, "subscription": None}, sent(""), sent(None), {"active": True}])
def test_no_subscription(payload: Mapping[str, Any]) -> None:
    assert read_entitlement(payload) == Subscription()


def test_no_entitlement_at_all() -> None:
    assert read_entitlement({"freeSparkLocked": True}) is None


def test_everything_of_an_entitlement() -> None:
    plan = read_entitlement(
        sent(
            scheduledTier="unlimited_pro",
            scheduledTerm="annual",
            scheduledChangeAt=END,
            cancelAtPeriodEnd=False,
            paymentPending=1,
            capabilities={"a": True},
            version="17",
            fairUse={"limited": True, "usageSpark": 12.5, "resetAt": END, "upgradeAvailable": True, "newer": 1},
        )
    )
    assert plan is not None
    assert plan.is_unlimited
    assert (plan.scheduled_tier, plan.scheduled_term, plan.scheduled_change_at) == (
        "unlimited_pro",
        "annual",
        moment(END),
    )
    assert plan.cancel_at_period_end is False
    assert plan.payment_pending
    assert plan.capabilities == {"a": True}
    assert plan.version == 17
    assert plan.fair_use is not None
    assert (plan.fair_use.usage_spark, plan.fair_use.reset_at) == (Decimal("12.5"), moment(END))


def test_capabilities_and_fair_use_that_are_not_sent() -> None:
    active, other = read_entitlement(sent()), read_entitlement(sent(tier="basic", fairUse={"limited": False}))
    assert active is not None
    assert other is not None
    assert (active.capabilities, active.fair_use) == ({"unlimited": True}, None)
    assert (other.capabilities, other.fair_use, other.is_unlimited) == ({}, None, False)
    assert read_entitlement({**sent(), "active": 1}).active is False  # type: ignore[union-attr]


def test_the_answer_of_rest() -> None:
    plan = read_status(
        {
            "active": True,
            "status": "a newer word",
            "tier": "unlimited_pro",
            "currentPeriodEnd": "2026-12-01T00:00:00.000Z",
            "frontierDiscountBps": 500,
            "fairUse": {"limited": False},
            "surprise": [1],
        }
    )
    assert (plan.status, plan.frontier_discount_bps, plan.fair_use, plan.extra) == (
        "a newer word",
        500,
        None,
        {"surprise": [1]},
    )
    assert plan.current_period_end == datetime(2026, 12, 1, tzinfo=timezone.utc)
    with pytest.raises(ValueError, match="object"):
        read_status(None)


@pytest.mark.parametrize(
    ("value", "version"),
    [
        *((5, 5), ("7", 7), (" 8 ", 8), (1.5, Decimal("1.5")), ("9" * 30, Decimal("9" * 30))),
        *((True, None), (None, None), ("", None), ("x", None), ([], None), (float("nan"), None), ("inf", None)),
    ],
)
def test_versions(value: object, version: object) -> None:
    assert read_version(value) == version


def test_an_older_version_is_dropped_and_an_equal_one_counts() -> None:
    state = AccountState()
    assert state.on_entitlement(sent(version="5"))
    assert not state.on_entitlement(sent("expired", False, version="4"))
    assert state.account.is_unlimited
    assert state.on_entitlement(sent("expired", False, version="5"))
    assert not state.on_entitlement(sent("expired", False, version="5"))
    assert state.apply_subscription(Subscription(status="old", version=Decimal(4)), state.frames).status == "expired"
    assert state.apply_subscription(Subscription(status="new", version=Decimal(6)), Frames()).status == "new"


def test_an_answer_without_a_version_loses_against_a_frame_that_came_meanwhile() -> None:
    state = AccountState()
    before = state.frames
    state.on_entitlement(sent())
    assert state.apply_subscription(Subscription(status="none"), before).status == "active"
    assert state.apply_subscription(Subscription(status="none"), state.frames).status == "none"


def test_a_frame_keeps_the_discount_while_the_plan_is_active() -> None:
    state = AccountState()
    state.apply_subscription(Subscription(active=True, status="active", frontier_discount_bps=500), state.frames)
    state.on_entitlement(sent())
    assert state.account.subscription is not None
    assert state.account.subscription.frontier_discount_bps == 500
    state.on_entitlement(sent("expired", False))
    assert state.account.subscription.frontier_discount_bps is None


@pytest.mark.parametrize(
    ("payload", "locked", "path"),
    [
        ({"freeSparkLocked": True, "freeSparkUnlockPath": "trial"}, True, "trial"),
        ({"freeSparkLocked": True, "freeSparkUnlockPath": "magic"}, True, None),
        ({"freeSparkLocked": False}, False, None),
        ({"freeSparkLocked": "yes", "freeSparkUnlockPath": "trial"}, None, None),
        ({}, None, None),
    ],
)
def test_free_spark(payload: dict[str, Any], locked: bool | None, path: str | None) -> None:
    state = AccountState()
    assert state.on_entitlement(payload) is (locked is not None)
    assert (state.account.free_spark_locked, state.account.free_spark_unlock_path) == (locked, path)


def test_balances_are_merged_token_by_token() -> None:
    state = AccountState()
    answer = Balance(
        sogni=TokenBalance(net=Decimal("1.00"), fast_unclaimed=Decimal(7)),
        spark=TokenBalance(net=Decimal(2), premium_credit=Decimal(3)),
    )
    state.apply_balance(answer, state.frames)
    before = state.frames
    assert state.on_balance({"sogni": {"net": "5.50", "newer": 1}})
    now = state.account.balance
    assert (now.sogni.net, now.sogni.fast_unclaimed, now.spark) == (Decimal("5.50"), 7, answer.spark)
    assert str(now.sogni.net) == "5.50"
    assert not state.on_balance({"sogni": {"net": "5.50"}})
    # What was asked for before the frame came tells only what no frame does.
    state.apply_balance(evolve(answer, sogni=evolve(answer.sogni, fast_unclaimed=Decimal(8))), before)
    assert (state.account.balance.sogni.net, state.account.balance.sogni.fast_unclaimed) == (Decimal("5.50"), 8)


def test_who_it_is() -> None:
    state = AccountState()
    assert state.on_authenticated({"username": "me", "address": "0xA", "subscriptionEntitlement": sent()})
    assert state.account.is_authenticated
    assert state.account.is_unlimited
    assert not state.on_authenticated({"username": "", "address": 5})
    state.apply_profile(Profile(email="a@b.test"))
    assert (state.account.username, state.account.email) == ("me", "a@b.test")


def test_a_limit_that_has_ended_is_not_shown() -> None:
    state = AccountState()
    state.on_entitlement(sent(fairUse={"limited": True, "resetAt": END}))
    soon, late = moment(END) - timedelta(seconds=1), moment(END)
    assert without_the_past(state.account, soon) is state.account
    assert without_the_past(state.account, late).subscription.fair_use is None  # type: ignore[union-attr]
    assert without_the_past(CurrentAccount(), late) == CurrentAccount()


def test_notices() -> None:
    state = AccountState()
    toast = state.notice("toastMessage", {"message": "m", "autoClose": False, "x": 1})
    assert isinstance(toast, Toast)
    assert (toast.auto_close, toast.extra) == (None, {"x": 1})
    limit = state.notice("subscriptionLimitNotice", {"requiredPlans": ["a", 5], "code": "4079"})
    assert isinstance(limit, LimitNotice)
    assert (limit.required_plans, limit.code) == (("a",), "4079")
    alert = {"id": "1", "bodyMarkdown": "**b**", "startsAt": START, "endsAt": 0}
    first = state.notice("appAlert", alert)
    assert isinstance(first, Announcement)
    assert (first.body_markdown, first.starts_at, first.ends_at) == ("**b**", moment(START), None)
    assert state.notice("appAlert", alert) is None
    bad: list[Any] = [None, [], {}, {"id": 5}]
    for nonsense in bad:
        assert state.notice("appAlert", nonsense) is None
    for number in range(1100):
        assert state.notice("appAlert", {"id": f"n{number}"})
    assert len(state._told) == 1000


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["sogni", "spark", "net", "active", "subscription", "status", "version", "fairUse", "resetAt", "id", "actions"]
)
KINDS = (
    "authenticated",
    "balanceUpdate",
    "subscriptionEntitlementUpdated",
    "subscriptionLimitNotice",
    "toastMessage",
    "appAlert",
    "changeNetwork",
    "socketEventSubscriptionsUpdated",
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS), st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON, max_size=3)) | JSON
        ),
        max_size=6,
    )
)
def test_no_frame_of_an_account_raises(frames: list[tuple[str, Any]]) -> None:
    session = Session()
    for kind, payload in frames:
        if kind != "authenticated" or isinstance(payload, dict):
            session.receive(kind, payload, 1.0)
    assert isinstance(session.account.account, CurrentAccount)
