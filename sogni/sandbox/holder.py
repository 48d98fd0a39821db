"""An account as a test holds it: what it owns, and what changes behind the client's back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .access import ACCESS_LIFE, REFRESH_LIFE

if TYPE_CHECKING:
    from .server import Server
    from .state import Account

T = TypeVar("T")


class OnLoop(Protocol):
    """Runs something in the server's thread and waits for it."""

    def __call__(self, work: Callable[[Server], T]) -> T:
        """Run it."""


class SandboxAccount:
    """One account of a running sandbox; see `Sandbox.account`.

    Every change is told on the account's sockets, as the network does.
    """

    def __init__(self, username: str, on_loop: OnLoop) -> None:
        self._username = username
        self._on_loop = on_loop

    def __repr__(self) -> str:
        return f"SandboxAccount({self._username!r})"

    @property
    def username(self) -> str:
        """Its name."""
        return self._username

    @property
    def address(self) -> str:
        """Address of its wallet."""
        return self._look(lambda account: account.address)

    @property
    def balance(self) -> Mapping[str, Decimal]:
        """What may be spent now, by token: `sogni` and `spark`."""
        return self._look(lambda account: {token: purse.net for token, purse in account.purses.items()})

    @property
    def plan(self) -> Mapping[str, Any]:
        """The subscription, as `/v1/subscriptions/status` tells it."""
        from .plans import snapshot

        return self._look(lambda account: snapshot(account.plan))

    def mint_tokens(
        self, *, expires_in: float = ACCESS_LIFE, refresh_expires_in: float = REFRESH_LIFE
    ) -> tuple[str, str]:
        """An access token and a refresh token, valid for that many seconds."""
        return self._on_loop(lambda server: server.access.mint(self._username, expires_in, refresh_expires_in))

    def set_balance(
        self,
        *,
        sogni: Decimal | float | None = None,
        spark: Decimal | float | None = None,
        premium_spark: Decimal | float | None = None,
        fast_unclaimed: Decimal | float | None = None,
        relaxed_unclaimed: Decimal | float | None = None,
    ) -> None:
        """Change what it has settled (`balanceUpdate`); what is None stays.

        Args:
            sogni, spark: Tokens.
            premium_spark: How much of the Spark was paid for.
            fast_unclaimed, relaxed_unclaimed: What a worker earned, in Sogni.
        """

        def change(server: Server, account: Account) -> None:
            purses = account.purses
            values = (
                ("sogni", "settled", sogni),
                ("spark", "settled", spark),
                ("spark", "premium", premium_spark),
                ("sogni", "fast", fast_unclaimed),
                ("sogni", "relaxed", relaxed_unclaimed),
            )
            for token, name, value in values:
                if value is not None:
                    setattr(purses[token], name, Decimal(str(value)))
            server.ledger.tell_balance(account, "sogni" if spark is None and premium_spark is None else "spark")

        self._change(change)

    def set_plan(self, tier: str | None, **facts: Any) -> None:
        """Give it a subscription, or take it away with None (`subscriptionEntitlementUpdated`).

        Args:
            tier: `unlimited` or `unlimited_pro`.
            **facts: `term`, `status` and the other attributes of `sogni.sandbox.plans.Plan`.
        Raises:
            ValueError, TypeError: there is no such tier, term, status or attribute.
        """
        from .plans import Plan

        plan = None if tier is None else Plan(tier=tier, **facts)
        self._change(lambda server, account: server.ledger.change_plan(account, plan))

    def limit_fair_use(self, on: bool = True) -> None:
        """Pause fast rendering of its plan, or let it go on (`subscriptionEntitlementUpdated`, and a notice)."""
        from .plans import limited

        def change(server: Server, account: Account) -> None:
            if account.plan is None:
                raise RuntimeError("there is no plan to limit: call set_plan() first")
            account.plan.fair_use = limited(account.plan.tier) if on else None
            server.ledger.tell_plan(account)
            if on:
                about = {"reason": "fair_use", "message": "Fast rendering is paused until your limit resets."}
                server.ledger.notify(account, 0, **about)

        self._change(change)

    def require_plan(self, kind: str, tiers: Sequence[str]) -> None:
        """Refuse projects of a kind (`image`, `video`, `audio`) with 4081 without one of these plans; none lifts it."""
        self._change(lambda server, account: account.gated.update({kind: tuple(tiers)}))

    def lock_free_spark(self, path: str | None = None, *, locked: bool = True) -> None:
        """Free Spark cannot be spent; `path` (`trial`, `purchase`) is how it is unlocked."""

        def change(server: Server, account: Account) -> None:
            account.spark_lock = (path or "") if locked else None
            server.ledger.tell_plan(account)

        self._change(change)

    def notify(self, code: int, **fields: object) -> None:
        """Send a `subscriptionLimitNotice` to sockets that want it; `fields` replace what it says."""
        self._change(lambda server, account: server.ledger.notify(account, code, **fields))

    def _look(self, look: Callable[[Account], T]) -> T:
        return self._on_loop(lambda server: look(server.world.account(self._username)))

    def _change(self, change: Callable[[Server, Account], None]) -> None:
        self._on_loop(lambda server: change(server, server.world.account(self._username)))
