"""Movements of tokens: the history of an account, its rewards, and what its wallet is asked to sign."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from attrs import field, frozen

__all__ = ["Reward", "SigningRequest", "Transaction", "TransactionPage"]


@frozen(kw_only=True)
class Transaction:
    """One booking.

    Attributes:
        id: Its id.
        address: Wallet it belongs to.
        status: Such as `completed`.
        role: `artist` or `worker`.
        amount: How much.
        token_type: `sogni` or `spark`.
        description: For people.
        source: What it was for.
        type: Such as `debit`.
        create_time, update_time, end_time: When; None when the service did not say.
        billing_mode: `auto`, `subscription` or `tokens`.
        payment_model: `subscription`, `paid_spark`, `free_spark`, `sogni`, or another word.
        subscription_tier, subscription_trialing, subscription_throttled: The plan at that time.
        extra: Fields this version does not know.
    Source: GET /v1/transactions/list.
    """

    id: str = ""
    address: str | None = None
    status: str | None = None
    role: str | None = None
    amount: Decimal | None = None
    token_type: str | None = None
    description: str | None = None
    source: str | None = None
    type: str | None = None
    create_time: datetime | None = None
    update_time: datetime | None = None
    end_time: datetime | None = None
    billing_mode: str | None = None
    payment_model: str | None = None
    subscription_tier: str | None = None
    subscription_trialing: bool | None = None
    subscription_throttled: bool | None = None
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class TransactionPage:
    """Some transactions, the newest first.

    Attributes:
        transactions: The bookings.
        offset: How many come before them.
        next_offset: Where the next page begins; None after the last one.
    """

    transactions: tuple[Transaction, ...] = ()
    offset: int = 0
    next_offset: int | None = None


@frozen(kw_only=True)
class Reward:
    """One reward.

    Attributes:
        id: What a claim takes.
        type: `instant` or `conditioned`.
        title, description: For people.
        amount: How much.
        token_type: `sogni` or `spark`.
        claimed: Whether it was claimed.
        can_claim: Whether it can be claimed now.
        cant_claim_reason: Why not: `already_claimed`, `requires_verification`, `over_free_cap`, or another word.
        last_claim: When it was claimed last; None for never.
        next_claim: When it can be claimed again; None when it cannot, or was never claimed.
        provider: Its chain.
        extra: Fields this version does not know.
    Source: GET /v4/account/rewards.
    """

    id: str = ""
    type: str | None = None
    title: str | None = None
    description: str | None = None
    amount: Decimal | None = None
    token_type: str | None = None
    claimed: bool = False
    can_claim: bool = False
    cant_claim_reason: str | None = None
    last_claim: datetime | None = None
    next_claim: datetime | None = None
    provider: str = "base"
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class SigningRequest:
    """What the wallet of the account is about to sign, for the eyes of its owner; `str` of it is a text to show.

    Attributes:
        purpose: `withdraw` or `approve`.
        primary_type: What is signed, such as `Permit`.
        chain_id: The chain on which the signature counts.
        contract: The contract that takes it.
        contract_name: The name of that contract, which is part of what is signed.
        owner: The wallet that signs.
        spender: Who may then move tokens of the wallet; None when nobody.
        amount: How many tokens; None for any number.
        deadline: Until when the signature counts; None without an end.
        message: Everything that is signed, as sent.
    """

    purpose: str
    primary_type: str
    chain_id: int
    contract: str
    contract_name: str
    owner: str
    spender: str | None = None
    amount: Decimal | None = None
    deadline: datetime | None = None
    message: Mapping[str, object] = field(factory=dict)

    def __str__(self) -> str:
        lines = [
            f"{self.purpose}: sign {self.primary_type} for {self.contract_name} on chain {self.chain_id}",
            f"  contract  {self.contract}",
            f"  wallet    {self.owner}",
        ]
        if self.spender is not None:
            lines.append(f"  spender   {self.spender}")
        lines.append(f"  amount    {'any' if self.amount is None else format(self.amount, 'f')}")
        if self.deadline is not None:
            lines.append(f"  until     {self.deadline.isoformat()}")
        return "\n".join(lines)
