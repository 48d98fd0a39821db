"""The REST endpoints about money: history, rewards, withdrawing, depositing, approving, and the subscription."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..errors import Problem, ProtocolError, ValidationError
from . import given
from .auth import Hidden
from .call import Call, nothing

if TYPE_CHECKING:
    from ..types.subscription import Checkout, Plan, Subscription, SubscriptionUsage, TrialEligibility
    from ..types.transactions import Reward, TransactionPage

ALLOWANCE_TOO_LOW = 149
REDIRECTS = ("web", "app", "dashboard", "photobooth", "chat")
TERMS = ("monthly", "annual")
LARGEST_PAGE = 1000


# --- history --------------------------------------------------------------------------------------------------------


def transactions(*, address: str, status: str, limit: int, offset: int, provider: str | None) -> Call[TransactionPage]:
    """One page of the history of a wallet."""
    for name, value, least, most in (("limit", limit, 1, LARGEST_PAGE), ("offset", offset, 0, 2**53)):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            message = f"{name} must be a whole number from {least} to {most}, not {value!r}."
            raise ValidationError(problems=[Problem(name, message, value=value)])

    def read(data: object) -> TransactionPage:
        from ..types.transactions import Transaction, TransactionPage
        from .wire import structure_list

        entries = data.get("transactions") if isinstance(data, Mapping) else None
        found = structure_list(entries, Transaction)
        following = data.get("next") if isinstance(data, Mapping) else None
        # What the server says on its last page is not known: nothing, 0, or the same offset again.
        more = type(following) is int and following > offset and isinstance(entries, list) and len(entries) >= limit
        return TransactionPage(transactions=found, offset=offset, next_offset=following if more else None)

    query = {
        "status": given.text("status", status),
        "address": given.text("address", address),
        "limit": limit,
        "provider": provider or None,
        "offset": offset or None,
    }
    return Call(method="GET", path="/v1/transactions/list", read=read, query=query)


# --- rewards --------------------------------------------------------------------------------------------------------


def rewards(provider: str | None) -> Call[tuple[Reward, ...]]:
    """The rewards of the account."""

    def read(data: object) -> tuple[Reward, ...]:
        entries = data.get("rewards") if isinstance(data, Mapping) else data
        if not isinstance(entries, list):
            raise ValueError("no list of rewards")
        return tuple(_reward(entry, provider or "base") for entry in entries if isinstance(entry, Mapping))

    return Call(method="GET", path="/v4/account/rewards", read=read, query={"provider": provider or None})


def _reward(entry: Mapping[str, object], provider: str) -> Reward:
    from attrs import evolve

    from ..types.transactions import Reward
    from .wire import structure

    fields = dict(entry)
    last, every = fields.pop("lastClaimTimestamp", None), fields.pop("claimResetFrequencySec", None)
    claimed, can_claim = fields.pop("claimed", None), fields.pop("canClaim", None)
    found = structure({**fields, "provider": provider}, Reward)
    return evolve(
        found,
        claimed=claimed in (1, True),
        # Whatever the reason is: with one it cannot be claimed.
        can_claim=can_claim in (1, True) and fields.get("cantClaimReason") is None,
        last_claim=_moment(last),
        next_claim=_moment(_after(last, every)),
    )


def claim_rewards(ids: Sequence[str], provider: str, turnstile_token: str | None) -> Call[None]:
    """Claims rewards; some need a token that only a browser gets."""
    if isinstance(ids, str) or not ids:
        raise ValidationError(problems=[Problem("ids", "ids must be a list of reward ids that is not empty.")])
    body = Hidden(claims=list(ids), provider=provider, turnstileToken=turnstile_token)
    return Call(method="POST", path="/v3/account/reward/claim", read=nothing, body=body, repeatable=False)


# --- tokens ---------------------------------------------------------------------------------------------------------


def withdraw_permit(*, wallet_address: str, amount: int, provider: str) -> Call[object]:
    """What is to be signed to withdraw, as sent; nothing of it is to be trusted."""
    body = {"walletAddress": wallet_address, "amount": str(amount), "provider": provider}
    path = "/v1/account/token/withdraw/permit"
    return Call(method="POST", path=path, read=_as_sent, body=body, repeatable=False)


def withdraw(*, wallet_address: str, amount: int, provider: str, signature: str) -> Call[None]:
    """Withdraws."""
    body = Hidden(walletAddress=wallet_address, amount=str(amount), provider=provider, signature=signature)
    return Call(method="POST", path="/v2/account/token/withdraw", read=nothing, body=body, repeatable=False)


def deposit(*, wallet_address: str, amount: int, provider: str) -> Call[None]:
    """Deposits; refused with the code 149 until the wallet has allowed it."""
    body = {"walletAddress": wallet_address, "amount": str(amount), "provider": provider}
    return Call(method="POST", path="/v3/account/token/deposit", read=nothing, body=body, repeatable=False)


def approve_permit(*, wallet_address: str, spender: str, provider: str) -> Call[object]:
    """What is to be signed to let the service move tokens, as sent; nothing of it is to be trusted."""
    body = {"walletAddress": wallet_address, "spender": spender, "provider": provider}
    path = "/v1/contract/token/approve/permit"
    return Call(method="POST", path=path, read=_as_sent, body=body, repeatable=False)


def approve(*, wallet_address: str, spender: str, provider: str, deadline: object, signature: str) -> Call[None]:
    """Lets the service move tokens of the wallet."""
    body = Hidden(
        walletAddress=wallet_address,
        spender=spender,
        provider=provider,
        deadline=deadline,
        approveSignature=signature,
    )
    return Call(method="POST", path="/v1/contract/token/approve", read=nothing, body=body, repeatable=False)


# --- subscription ---------------------------------------------------------------------------------------------------


def subscription_status() -> Call[Subscription]:
    """The state of the subscription."""

    def read(data: object) -> Subscription:
        from .entitlement import read_status

        return read_status(_member(data, "subscription"))

    return Call(method="GET", path="/v1/subscriptions/status", read=read)


def subscription_usage() -> Call[SubscriptionUsage]:
    """What was used in the running period."""

    def read(data: object) -> SubscriptionUsage:
        from ..types.subscription import SubscriptionUsage
        from .wire import structure

        return structure(_member(data, "usage"), SubscriptionUsage)

    return Call(method="GET", path="/v1/subscriptions/usage", read=read)


def trial_eligibility() -> Call[TrialEligibility]:
    """Whether a trial may begin."""

    def read(data: object) -> TrialEligibility:
        from ..types.subscription import TrialEligibility
        from .wire import structure

        return structure(data, TrialEligibility)

    return Call(method="GET", path="/v1/subscriptions/trial-eligibility", read=read)


def subscription_plans() -> Call[tuple[Plan, ...]]:
    """The plans there are; public."""

    def read(data: object) -> tuple[Plan, ...]:
        from ..types.subscription import Plan
        from .wire import structure_list

        return structure_list(_member(data, "plans"), Plan)

    return Call(method="GET", path="/v1/subscriptions/plans", read=read, auth=False)


def checkout(
    *,
    plan_id: str,
    term: str,
    redirect_type: str,
    app_source: str | None,
    start_trial: bool | None,
    device_id: str | None,
) -> Call[Checkout]:
    """A page to pay for a plan on."""
    body = {
        "planId": plan_id,
        "term": term,
        "redirectType": redirect_type,
        "appSource": app_source or None,
        "startTrial": start_trial,
        "deviceId": device_id,
    }
    return Call(method="POST", path="/v1/iap/stripe/subscribe", read=_read_page, body=body, repeatable=False)


def portal() -> Call[Checkout]:
    """A page to manage the subscription on."""
    path = "/v1/subscriptions/stripe/portal"
    return Call(method="POST", path=path, read=_read_page, body={}, repeatable=False)


# --- helpers --------------------------------------------------------------------------------------------------------


def _read_page(data: object) -> Checkout:
    from ..types.subscription import Checkout

    url = data.get("url") if isinstance(data, Mapping) else None
    if not isinstance(url, str) or not url.lower().startswith(("https://", "http://")):
        raise ProtocolError("The server's answer has no page to open.")
    message = data.get("message") if isinstance(data, Mapping) else None
    return Checkout(url=url, message=message if isinstance(message, str) else None)


def _member(data: object, name: str) -> object:
    if not isinstance(data, Mapping):
        raise ValueError(f"no {name}")
    return data.get(name)


def _as_sent(data: object) -> object:
    return data


def _after(last: object, every: object) -> float | None:
    """When something that happened, and happens every so many seconds, happens next."""
    begin, pause = _number(last), _number(every)
    return begin + pause if begin and pause is not None and pause > -1 else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 2**53:
        return None
    return value


def _moment(value: object) -> datetime | None:
    """Epoch seconds; 0 means never."""
    seconds = _number(value)
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
