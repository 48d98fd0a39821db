"""Who an account is, what it holds and what it pays: profile, balances, estimates, the snapshot of a client."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from attrs import field, frozen

from .subscription import Subscription

__all__ = [
    "Balance",
    "CostEstimate",
    "CurrentAccount",
    "NetworkStatus",
    "Profile",
    "TokenBalance",
    "TokenPair",
    "WalletBalance",
]

_ZERO = Decimal(0)


@frozen(kw_only=True)
class CostEstimate:
    """What a project would cost, in every currency, with the digits that the service sent.

    Attributes:
        token: In the token type that was asked for.
        usd: In US dollars.
        spark: In Spark.
        sogni: In SOGNI.
        estimated_render_seconds: Rendering time; None when the service has too few samples.
        estimated_total_seconds: Rendering time plus waiting in the queue.
        daily_fair_use_pct: Share of the day's fair use that this takes, in percent; subscribers only.
        extra: Everything else of the answer, as sent.
    Source: the four estimate endpoints.
    """

    token: Decimal
    usd: Decimal
    spark: Decimal
    sogni: Decimal
    estimated_render_seconds: float | None = None
    estimated_total_seconds: float | None = None
    daily_fair_use_pct: float | None = None
    extra: dict[str, object] = field(factory=dict)


class TokenPair(NamedTuple):
    """What to store to sign in again; both change with every renewal, and the old ones are worthless then.

    A tuple, so that `client.set_tokens(*pair)` takes it. Its `repr` shows neither.
    """

    token: str
    refresh_token: str

    def __repr__(self) -> str:
        return "TokenPair(***)"


@frozen(kw_only=True)
class TokenBalance:
    """What an account holds of one token type, with the digits that the service sent.

    Attributes:
        settled: What was booked.
        credit, debit: Since then.
        net: What may be spent now.
        premium_credit: Part of it that was paid for; Spark only.
        relaxed_unclaimed, fast_unclaimed: Earnings of workers; None until the balance was asked for over REST.
        extra: Fields this version does not know.
    """

    settled: Decimal = _ZERO
    credit: Decimal = _ZERO
    debit: Decimal = _ZERO
    net: Decimal = _ZERO
    premium_credit: Decimal | None = None
    relaxed_unclaimed: Decimal | None = None
    fast_unclaimed: Decimal | None = None
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Balance:
    """What an account holds.

    Attributes:
        sogni: In SOGNI.
        spark: In Spark.
        extra: Fields this version does not know.
    Source: GET /v4/account/balance, frame `balanceUpdate`.
    """

    sogni: TokenBalance = TokenBalance()
    spark: TokenBalance = TokenBalance()
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class WalletBalance:
    """What a wallet holds on a chain.

    Attributes:
        sogni, spark, ether: Amounts; None when the service did not say.
        extra: Fields this version does not know.
    Source: GET /v2/wallet/balance.
    """

    sogni: Decimal | None = None
    spark: Decimal | None = None
    ether: Decimal | None = None
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Profile:
    """Who an account is.

    Attributes:
        username: Its name.
        wallet_address: Its wallet.
        email: Its address in use.
        requested_updated_email: The one that waits to be confirmed.
        email_verified: Whether the address was confirmed.
        discord_linked, discord_username, discord_server_member, discord_2fa: Its Discord account.
        extra: Fields this version does not know.
    Source: GET /v1/account/me.
    """

    username: str | None = None
    wallet_address: str | None = None
    email: str | None = None
    requested_updated_email: str | None = None
    email_verified: bool | None = None
    discord_linked: bool | None = None
    discord_username: str | None = None
    discord_server_member: bool | None = None
    discord_2fa: bool | None = None
    extra: dict[str, object] = field(factory=dict)


class NetworkStatus(str, Enum):
    """How an account is connected to a network."""

    CONNECTED = "connected"
    CONNECTING = "connecting"
    DISCONNECTED = "disconnected"
    SWITCHING = "switching"


@frozen(kw_only=True)
class CurrentAccount:
    """What a client knows of its account at one moment; it asks nobody.

    Attributes:
        username, wallet_address: Known once connected, or after `account.me()`.
        email: Known after `account.me()`.
        network: The network in use, `fast` or `relaxed`; None while not connected.
        network_status: How it is connected.
        balance: Zeros until the first news of it.
        subscription: None until the first news of it.
        free_spark_locked: True when free Spark cannot be spent; None when the service did not say.
        free_spark_unlock_path: How to unlock it: `trial` or `purchase`.
    """

    username: str | None = None
    wallet_address: str | None = None
    email: str | None = None
    network: str | None = None
    network_status: NetworkStatus = NetworkStatus.DISCONNECTED
    balance: Balance = Balance()
    subscription: Subscription | None = None
    free_spark_locked: bool | None = None
    free_spark_unlock_path: str | None = None

    @property
    def is_authenticated(self) -> bool:
        """True when the service said who this is."""
        return self.wallet_address is not None

    @property
    def is_unlimited(self) -> bool:
        """True with an active unlimited plan."""
        return self.subscription is not None and self.subscription.is_unlimited
