"""Frames that concern no project: workers and network, balance and plan, notices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from .messages import Authenticated
from .outcome import FetchSubscription, Outcome

if TYPE_CHECKING:
    from .session import Session


def swarm_models(session: Session, payload: object, out: Outcome) -> None:
    """`swarmModels`."""
    if isinstance(payload, dict):
        counts = {str(key): value for key, value in payload.items() if type(value) is int}
        set_models(session, counts, out)


def network_changed(session: Session, payload: object, out: Outcome) -> None:
    """`changeNetwork`."""
    network = payload.get("network") if isinstance(payload, dict) else payload
    if network in ("fast", "relaxed"):
        session.network = network
        session.switching = False
        out.news.append(("network", network))
        out.news.append(("account", None))
    set_models(session, {}, out)


def set_models(session: Session, counts: dict[str, int], out: Outcome) -> None:
    """How many workers each model has."""
    session.worker_counts = counts
    out.news.append(("available_models", counts))


def account_authenticated(session: Session, message: Authenticated, payload: object, out: Outcome) -> None:
    """What `authenticated` says of the account."""
    if message.client_type not in (None, "artist") or not isinstance(payload, dict):
        return
    if session.account.on_authenticated(payload):
        out.news.append(("account", None))
    if not isinstance(payload.get("subscriptionEntitlement"), dict):
        # Older servers do not say it here.
        out.effects.append(FetchSubscription())


def balance(session: Session, payload: object, out: Outcome) -> None:
    """`balanceUpdate`."""
    if isinstance(payload, dict) and session.account.on_balance(payload):
        out.news.append(("account", None))


def entitlement(session: Session, payload: object, out: Outcome) -> None:
    """`subscriptionEntitlementUpdated`."""
    if isinstance(payload, dict) and session.account.on_entitlement(payload):
        out.news.append(("account", None))


def _notice(kind: str, session: Session, payload: object, out: Outcome) -> None:
    """`subscriptionLimitNotice`, `toastMessage`, `appAlert`."""
    notice = session.account.notice(kind, payload)
    if notice is not None:
        out.news.append(("notice", notice))
        if kind == "appAlert":
            out.news.append(("announcement", notice))


def events_updated(session: Session, payload: object, out: Outcome) -> None:
    """`socketEventSubscriptionsUpdated`: what the service sends from now on, on the next connection as well."""
    switches = payload.get("socketEventSubscriptions") if isinstance(payload, dict) else None
    if isinstance(switches, dict):
        on = {str(name): value for name, value in switches.items() if isinstance(value, bool)}
        out.news.append(("socket_events", on))


READERS: dict[str, Callable[[Session, object, Outcome], None]] = {
    "swarmModels": swarm_models,
    "changeNetwork": network_changed,
    "balanceUpdate": balance,
    "subscriptionEntitlementUpdated": entitlement,
    "subscriptionLimitNotice": partial(_notice, "subscriptionLimitNotice"),
    "toastMessage": partial(_notice, "toastMessage"),
    "appAlert": partial(_notice, "appAlert"),
    "socketEventSubscriptionsUpdated": events_updated,
}
