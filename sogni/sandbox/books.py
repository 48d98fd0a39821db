"""What an account owns and has done: purses, wallets on chains, the list of transactions, rewards. Plain data."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from decimal import Decimal

import attrs

DAY_MS = 86_400_000
PROVIDERS = ("base", "etherlink")

#: Rows that every account starts with: three pages of ten.
OLD_PAIRS = 12


def now_ms() -> int:
    """Epoch milliseconds, as every time on this network."""
    return time.time_ns() // 1_000_000


def text_of(amount: Decimal) -> str:
    """An amount without needless zeros and without an exponent."""
    return f"{amount.normalize():f}"


@attrs.define(eq=False)
class Purse:
    """Balance in one token.

    Attributes:
        settled: What is there.
        debit: What running projects have reserved of it.
        premium: How much of it was paid for (Spark only); the rest is free Spark.
        relaxed, fast: What a worker of the account has earned on either network and not claimed.
    """

    settled: Decimal
    debit: Decimal = Decimal(0)
    premium: Decimal = Decimal(0)
    relaxed: Decimal = Decimal(0)
    fast: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        """What may still be spent."""
        return self.settled - self.debit


@attrs.define(eq=False, kw_only=True)
class Entry:
    """One row of the transaction history; times in epoch milliseconds.

    Attributes:
        payment: Of what a project was paid: `subscription`, `paid_spark`, `free_spark` or `sogni`.
        plan: Facts about the plan at that moment, with their names on the wire.
    """

    token: str
    amount: Decimal
    description: str
    source: str
    type: str = "debit"
    status: str = "completed"
    id: str = attrs.field(factory=lambda: str(uuid.uuid4()))
    created: int = attrs.field(factory=now_ms)
    ended: int | None = None
    source_sid: int = 0
    billing_mode: str | None = None
    payment: str | None = None
    plan: Mapping[str, object] = attrs.field(factory=dict)


@attrs.define(eq=False, kw_only=True)
class Reward:
    """Something that may be claimed.

    Attributes:
        reason: Why it cannot be claimed; empty when it can.
        claimed_at: Epoch seconds of the last claim; 0 for never.
        reset: Seconds after which it may be claimed again; -1 for never.
        guarded: Claiming takes the token of a Turnstile.
    """

    id: str
    title: str
    description: str
    amount: Decimal
    token: str
    type: str = "instant"
    reason: str = ""
    claimed_at: int = 0
    reset: int = -1
    guarded: bool = False

    @property
    def claimed(self) -> bool:
        """It was claimed, and the time for the next claim has not come."""
        return self.claimed_at != 0 and (self.reset < 0 or time.time() < self.claimed_at + self.reset)

    @property
    def obstacle(self) -> str | None:
        """Why it cannot be claimed now."""
        return "already_claimed" if self.claimed else self.reason or None


def new_purses() -> dict[str, Purse]:
    """What an account starts with."""
    return {"sogni": Purse(Decimal(10_000)), "spark": Purse(Decimal(10_000))}


@attrs.define(eq=False)
class Chain:
    """The wallet of an account on one chain."""

    sogni: Decimal = Decimal(0)
    spark: Decimal = Decimal(0)
    ether: Decimal = Decimal(0)
    #: What each spender may take: `account`, `staker`.
    allowances: dict[str, Decimal] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Books:
    """Everything of an account that is money, but for its purses."""

    entries: list[Entry] = attrs.field(factory=lambda: _history())
    rewards: dict[str, Reward] = attrs.field(factory=lambda: {reward.id: reward for reward in _rewards()})
    chains: dict[str, Chain] = attrs.field(
        factory=lambda: {"base": Chain(Decimal(500), Decimal(0), Decimal("0.05")), "etherlink": Chain()}
    )


def _history() -> list[Entry]:
    """Two grants and a month of rewards that were rendered away, oldest first; they add up to what an account has."""
    start = now_ms() - 30 * DAY_MS
    rows = [
        Entry(token=token, amount=Decimal(10_000), description="Welcome to the sandbox", source="grant", type="credit")
        for token in ("sogni", "spark")
    ]
    for number in range(OLD_PAIRS):
        about = {"token": "spark", "amount": Decimal(5 + number) / 2}
        rows.append(Entry(**about, description="Daily reward", source="reward", type="credit"))  # type: ignore[arg-type]
        rows.append(Entry(**about, description="Image render", source="project", payment="free_spark"))  # type: ignore[arg-type]
    for number, row in enumerate(rows):
        row.created = row.ended = start + number * DAY_MS
    return rows


def _rewards() -> list[Reward]:
    return [
        Reward(
            id="daily-spark",
            title="Daily Spark",
            description="Free Spark, once a day.",
            amount=Decimal(50),
            token="spark",
            reset=86_400,
        ),
        Reward(
            id="share",
            title="Share a picture",
            description="For sharing a picture.",
            amount=Decimal(25),
            token="sogni",
            type="conditioned",
            guarded=True,
        ),
        Reward(
            id="verified",
            title="Verified artist",
            description="For verifying who you are.",
            amount=Decimal(100),
            token="sogni",
            type="conditioned",
            reason="requires_verification",
        ),
        Reward(
            id="top-up",
            title="Spark top-up",
            description="For those who have little Spark.",
            amount=Decimal(20),
            token="spark",
            reason="over_free_cap",
            reset=3_600,
        ),
        Reward(
            id="welcome",
            title="Welcome",
            description="For signing up.",
            amount=Decimal(10),
            token="spark",
            claimed_at=now_ms() // 1000 - 30 * 86_400,
        ),
    ]
