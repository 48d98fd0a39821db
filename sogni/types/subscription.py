"""The subscription of an account: its state, its use, the plans there are and the pages to pay on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from attrs import field, frozen

__all__ = ["Checkout", "FairUse", "Plan", "Subscription", "SubscriptionUsage", "TrialEligibility"]

UNLIMITED = ("unlimited", "unlimited_pro")


@frozen(kw_only=True)
class FairUse:
    """That, and until when, the fair use of a plan is used up. For display only.

    Attributes:
        limited: True.
        usage_spark, usage_usd, plan_price_usd: What was used, and what the plan costs.
        reset_at: When it ends.
        fast_rendering_paused: Whether fast rendering waits until then.
        relaxed_unrestricted: Whether relaxed rendering goes on.
        upgrade_available: Whether a higher plan would help.
        extra: Fields this version does not know.
    """

    limited: bool = False
    usage_spark: Decimal | None = None
    usage_usd: Decimal | None = None
    plan_price_usd: Decimal | None = None
    reset_at: datetime | None = None
    fast_rendering_paused: bool = False
    relaxed_unrestricted: bool = False
    upgrade_available: bool = False
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Subscription:
    """The state of a subscription.

    Attributes:
        active: The one thing that decides what the account may do.
        status: `none`, `trialing`, `active`, `grace_period`, `past_due`, `paused`, `cancel_at_period_end`, `canceled`,
            `expired`, `refunded`, or a word that is newer than this version.
        tier: `unlimited`, `unlimited_pro`, or another plan.
        term: `monthly` or `annual`.
        provider: Who takes the money: `stripe`, `apple`, `google`, `manual`.
        current_period_start, current_period_end: What is paid for; in a grace period the end of the retries.
        cancel_at_period_end: Whether it ends then; None when the service did not say.
        scheduled_tier, scheduled_term, scheduled_change_at: A change that is to come.
        capabilities: What the plan allows, by name.
        payment_pending: A payment is on its way.
        fair_use: Set while the fair use is used up.
        frontier_discount_bps: Discount on outside models, 500 being 5 %.
        version: Number of this state, if the service counts.
        extra: Fields this version does not know.
    Source: GET /v1/subscriptions/status, frames `authenticated` and `subscriptionEntitlementUpdated`.
    """

    active: bool = False
    status: str = "none"
    tier: str | None = None
    term: str | None = None
    provider: str | None = None
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at_period_end: bool | None = None
    scheduled_tier: str | None = None
    scheduled_term: str | None = None
    scheduled_change_at: datetime | None = None
    capabilities: Mapping[str, object] = field(factory=dict)
    payment_pending: bool = False
    fair_use: FairUse | None = None
    frontier_discount_bps: int | None = None
    version: Decimal | None = None
    extra: dict[str, object] = field(factory=dict)

    @property
    def is_unlimited(self) -> bool:
        """True for an active unlimited plan."""
        return self.active and self.tier in UNLIMITED


@frozen(kw_only=True)
class SubscriptionUsage:
    """What was used in the running billing period.

    Attributes:
        period_render_spark: Rendered, in Spark.
        period_jobs: How many renders.
        trial_ends_at, trial_credits_limit, trial_credits_used: While on trial.
        extra: Fields this version does not know.
    Source: GET /v1/subscriptions/usage.
    """

    period_render_spark: Decimal | None = None
    period_jobs: int | None = None
    trial_ends_at: datetime | None = None
    trial_credits_limit: Decimal | None = None
    trial_credits_used: Decimal | None = None
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class TrialEligibility:
    """Whether the account may begin a trial.

    Attributes:
        eligible: The answer.
        reason_code: Why, as the service names it.
        extra: Fields this version does not know.
    Source: GET /v1/subscriptions/trial-eligibility.
    """

    eligible: bool = False
    reason_code: str | None = None
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Plan:
    """One plan with one term.

    Attributes:
        plan_id: What a checkout takes; the `tier` of a subscription.
        term: `monthly` or `annual`.
        interval: `month` or `year`.
        price_usd: Price in US dollars, for display.
        display_name: For people.
        google: Its product in the Play store, as sent.
        vendor_discount_bps: Discount on outside models, 500 being 5 %.
        extra: Fields this version does not know.
    Source: GET /v1/subscriptions/plans.
    """

    plan_id: str = ""
    term: str | None = None
    interval: str | None = None
    price_usd: Decimal | None = None
    display_name: str | None = None
    google: Mapping[str, object] | None = None
    vendor_discount_bps: int | None = None
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Checkout:
    """A page to pay on, or to manage a subscription; open it in a browser. Whoever has the address can use it.

    Attributes:
        url: The page; not part of `repr`.
        message: What the service says about it.
    Source: POST /v1/iap/stripe/subscribe, POST /v1/subscriptions/stripe/portal.
    """

    url: str = field(repr=False)
    message: str | None = None
