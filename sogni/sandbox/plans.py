"""Subscriptions: what there is to buy, the plan of an account, and how REST and the socket tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import attrs

from .books import DAY_MS, now_ms

TIERS, TERMS = ("unlimited", "unlimited_pro"), ("monthly", "annual")
NAMES = {"unlimited": "Unlimited", "unlimited_pro": "Unlimited Pro"}
PRICES = {
    ("unlimited", "monthly"): 20,
    ("unlimited", "annual"): 192,
    ("unlimited_pro", "monthly"): 50,
    ("unlimited_pro", "annual"): 480,
}
#: Discount on the models of outside providers, in hundredths of a percent.
DISCOUNTS = {"unlimited": 500, "unlimited_pro": 1000}
TRIAL_DAYS, TRIAL_SPARK = 7, Decimal(200)
QUEUE_CAP = 4

#: Status as REST tells it -> as the socket does.
STATUSES = {
    "trialing": "trialing",
    "active": "active",
    "grace_period": "grace",
    "past_due": "needs_reconciliation",
    "paused": "paused",
    "cancel_at_period_end": "cancelled",
    "canceled": "cancelled",
    "expired": "expired",
    "refunded": "revoked",
}
ACTIVE = ("trialing", "active", "cancel_at_period_end")


@attrs.define(eq=False, kw_only=True)
class Plan:
    """What an account has subscribed to; times in epoch milliseconds.

    Attributes:
        status: As REST tells it, see `STATUSES`.
        cancels: It ends with its period; a cancelled trial stays `trialing`.
        scheduled: Tier and term that it changes to, and when.
        fair_use: What `fairUse` of the socket holds; None while nothing is limited.
        queue_cap: How many projects may be paid by it at the same time.
        spark, jobs: What was rendered with it in this period.
    """

    tier: str = attrs.field(validator=attrs.validators.in_(TIERS))
    term: str = attrs.field(default="monthly", validator=attrs.validators.in_(TERMS))
    status: str = attrs.field(default="active", validator=attrs.validators.in_(STATUSES))
    provider: str = "stripe"
    start: int = attrs.field(factory=now_ms)
    end: int = attrs.field(factory=lambda: now_ms() + 30 * DAY_MS)
    grace_end: int = 0
    trial_end: int = 0
    cancels: bool = False
    scheduled: tuple[str, str, int] | None = None
    capabilities: Mapping[str, bool] = attrs.field(factory=lambda: {"unlimited": True})
    payment_pending: bool = False
    fair_use: Mapping[str, Any] | None = None
    queue_cap: int = QUEUE_CAP
    trial_limit: Decimal = TRIAL_SPARK
    spark: Decimal = Decimal(0)
    jobs: int = 0

    @property
    def active(self) -> bool:
        """It entitles to something."""
        return self.status in ACTIVE

    @property
    def capped(self) -> bool:
        """The trial is used up."""
        return self.status == "trialing" and self.spark >= self.trial_limit

    @property
    def discount(self) -> int:
        """On the models of outside providers, in hundredths of a percent."""
        return DISCOUNTS[self.tier] if self.active else 0


def bought(tier: str, term: str, *, trial: bool) -> Plan:
    """The plan that a checkout ends with."""
    now = now_ms()
    if trial:
        end = now + TRIAL_DAYS * DAY_MS
        return Plan(tier=tier, term=term, status="trialing", start=now, end=end, trial_end=end)
    return Plan(tier=tier, term=term, start=now, end=now + (365 if term == "annual" else 30) * DAY_MS)


def limited(tier: str, spark: float = 5000.0) -> dict[str, Any]:
    """The fair use of a plan whose fast rendering is paused for a day."""
    return {
        "limited": True,
        "usageSpark": spark,
        "usageUsd": round(spark * 0.005, 2),
        "planPriceUsd": PRICES[tier, "monthly"],
        "resetAt": now_ms() + DAY_MS,
        "fastRenderingPaused": True,
        "relaxedUnrestricted": True,
        "upgradeAvailable": tier == TIERS[0],
    }


def on_sale() -> list[dict[str, Any]]:
    """What `/v1/subscriptions/plans` lists."""
    return [
        {
            "planId": tier,
            "tier": tier,
            "term": term,
            "interval": "year" if term == "annual" else "month",
            "priceUsd": price,
            "displayName": NAMES[tier],
            "google": {"productId": f"ai.sogni.sandbox.{tier}.{term}"},
            "vendorDiscountBps": DISCOUNTS[tier],
        }
        for (tier, term), price in PRICES.items()
    ]


def snapshot(plan: Plan | None) -> dict[str, Any]:
    """What `/v1/subscriptions/status` tells."""
    if plan is None:
        return {"active": False, "status": "none"}
    view: dict[str, Any] = {
        "active": plan.active,
        "status": plan.status,
        "tier": plan.tier,
        "term": plan.term,
        "provider": plan.provider,
        "currentPeriodStart": _iso(plan.start),
        "currentPeriodEnd": _iso(plan.grace_end if plan.status == "grace_period" and plan.grace_end else plan.end),
        "cancelAtPeriodEnd": _ends(plan),
        "capabilities": dict(plan.capabilities),
    }
    if plan.scheduled is not None:
        tier, term, moment = plan.scheduled
        view |= {"scheduledTier": tier, "scheduledTerm": term, "scheduledChangeAt": _iso(moment)}
    if plan.payment_pending:
        view["paymentPending"] = True
    if plan.fair_use is not None:
        view["fairUse"] = {**plan.fair_use, "resetAt": _iso(plan.fair_use["resetAt"])}
    if plan.active:
        view["frontierDiscountBps"] = plan.discount
    return view


def entitlement(plan: Plan | None, version: int, lock: str | None) -> dict[str, Any]:
    """What `authenticated.subscriptionEntitlement` and `subscriptionEntitlementUpdated` tell.

    Args:
        plan: The plan.
        version: Number of the state, which grows.
        lock: How free Spark is unlocked, `trial` or `purchase`, or empty for no known way; None when it is not locked.
    """
    view: dict[str, Any] = {
        "active": plan is not None and plan.active,
        "trialing": plan is not None and plan.status == "trialing",
        "trialCapped": plan is not None and plan.capped,
        "subscription": None,
        "freeSparkLocked": lock is not None,
    }
    if lock:
        view["freeSparkUnlockPath"] = lock
    if plan is None:
        return view
    told: dict[str, Any] = {
        "provider": plan.provider,
        "tier": plan.tier,
        "term": plan.term,
        "status": STATUSES[plan.status],
        "periodStart": plan.start,
        "periodEnd": plan.end,
        "graceEnd": plan.grace_end,
        "trialEnd": plan.trial_end,
        "version": str(version),
        "cancelAtPeriodEnd": _ends(plan),
        "capabilities": dict(plan.capabilities),
    }
    if plan.scheduled is not None:
        tier, term, moment = plan.scheduled
        told |= {"scheduledTier": tier, "scheduledTerm": term, "scheduledChangeAt": moment}
    if plan.payment_pending:
        told["paymentPending"] = True
    if plan.fair_use is not None:
        told["fairUse"] = dict(plan.fair_use)
    return {**view, "subscription": told}


def usage(plan: Plan | None) -> dict[str, Any]:
    """What `/v1/subscriptions/usage` tells."""
    if plan is None:
        return {"periodRenderSpark": 0, "periodJobs": 0}
    view: dict[str, Any] = {"periodRenderSpark": float(plan.spark), "periodJobs": plan.jobs}
    if plan.status == "trialing":
        used = min(plan.spark, plan.trial_limit)
        view |= {
            "trialEndsAt": _iso(plan.trial_end),
            "trialCreditsLimit": float(plan.trial_limit),
            "trialCreditsUsed": float(used),
        }
    return view


def of_entry(plan: Plan) -> dict[str, object]:
    """What a row of the transaction history tells of the plan."""
    return {
        "subscriptionTier": plan.tier,
        "subscriptionTrialing": plan.status == "trialing",
        "subscriptionThrottled": plan.fair_use is not None,
    }


def _ends(plan: Plan) -> bool:
    return plan.cancels or plan.status == "cancel_at_period_end"


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
