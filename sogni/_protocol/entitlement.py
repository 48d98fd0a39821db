"""What REST and the socket say about a subscription, as one shape."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from attrs import evolve

from ..types.subscription import UNLIMITED, Subscription
from .wire import structure

# Word of the socket to word of REST; with two, the first is for an active one.
_STATUS: dict[str, tuple[str, str]] = {
    "trialing": ("trialing", "trialing"),
    "active": ("active", "active"),
    "expired": ("expired", "expired"),
    "grace": ("grace_period", "grace_period"),
    "cancelled": ("cancel_at_period_end", "canceled"),
    "revoked": ("canceled", "canceled"),
    "needs_reconciliation": ("past_due", "past_due"),
}
_OTHER = ("active", "none")
_COPIED = ("tier", "term", "provider", "scheduledTier", "scheduledTerm", "scheduledChangeAt")


def read_status(data: object) -> Subscription:
    """The answer of REST; raises ValueError for what is none."""
    found = structure(data, Subscription)
    fair_use = found.fair_use if found.fair_use is not None and found.fair_use.limited else None
    version = read_version(data.get("version") if isinstance(data, Mapping) else None)
    return evolve(found, fair_use=fair_use, version=version)


def read_entitlement(payload: Mapping[str, object]) -> Subscription | None:
    """The entitlement of a frame in the shape of REST; None when the frame has none that can be used."""
    if "subscription" not in payload and "active" not in payload:
        return None
    sent = payload.get("subscription")
    status = sent.get("status") if isinstance(sent, Mapping) else None
    version = read_version(sent.get("version") if isinstance(sent, Mapping) else payload.get("version"))
    if not isinstance(sent, Mapping) or not isinstance(status, str) or not status:
        return Subscription(active=False, status="none", version=version)
    active = payload.get("active") is True
    fields: dict[str, object] = {name: sent.get(name) or None for name in _COPIED}
    fields["active"] = active
    fields["status"] = _STATUS.get(status, _OTHER)[0 if active else 1]
    fields["currentPeriodStart"] = sent.get("periodStart")
    grace = sent.get("graceEnd") if status == "grace" else None
    fields["currentPeriodEnd"] = grace or sent.get("periodEnd")
    ends = sent.get("cancelAtPeriodEnd")
    fields["cancelAtPeriodEnd"] = ends if isinstance(ends, bool) else True if status == "cancelled" else None
    fields["paymentPending"] = bool(sent.get("paymentPending"))
    capabilities = sent.get("capabilities")
    unlimited = active and sent.get("tier") in UNLIMITED
    fields["capabilities"] = (
        capabilities if isinstance(capabilities, dict) else {"unlimited": True} if unlimited else {}
    )
    fields["fairUse"] = sent.get("fairUse")
    found = structure(fields, Subscription)
    fair_use = found.fair_use if found.fair_use is not None and found.fair_use.limited else None
    return evolve(found, fair_use=fair_use, version=version)


def read_version(value: object) -> Decimal | None:
    """The number of a state; None for an answer that is not counted."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
