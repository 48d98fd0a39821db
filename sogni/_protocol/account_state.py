"""What a session knows of its account, made of frames and answers; what is older never replaces what is newer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from attrs import evolve, frozen

from ..types.account import Balance, CurrentAccount, Profile, TokenBalance
from ..types.notices import Announcement, LimitNotice, Notice, Toast
from ..types.subscription import Subscription

REMEMBERED = 1000  # announcements told already
UNLOCK_PATHS = ("trial", "purchase")


@frozen
class Frames:
    """How many frames came; an answer that was asked for before a frame came must not undo it."""

    balance: int = 0
    entitlement: int = 0


class AccountState:
    """The account of one session; with the lock of the session held."""

    def __init__(self) -> None:
        self.account = CurrentAccount()
        self.frames = Frames()
        self._version: Decimal | None = None
        self._told: dict[str, None] = {}

    # --- frames -----------------------------------------------------------------------------------------------------

    def on_authenticated(self, payload: object) -> bool:
        """`authenticated`; True when something changed."""
        if not isinstance(payload, Mapping):
            return False
        before = self.account
        self.identity(_text(payload.get("username")), _text(payload.get("address")))
        entitlement = payload.get("subscriptionEntitlement")
        self._free_spark(payload)
        if isinstance(entitlement, Mapping):
            self.on_entitlement(entitlement)
        return self.account != before

    def on_balance(self, payload: Mapping[str, object]) -> bool:
        """`balanceUpdate`: token by token, and what only REST tells stays."""
        from .wire import update

        self.frames = evolve(self.frames, balance=self.frames.balance + 1)
        old = self.account.balance
        return self._change(
            balance=evolve(
                old, sogni=update(old.sogni, payload.get("sogni")), spark=update(old.spark, payload.get("spark"))
            )
        )

    def on_entitlement(self, payload: Mapping[str, object]) -> bool:
        """`subscriptionEntitlementUpdated`, and its like in `authenticated`."""
        from .entitlement import read_entitlement

        before = self.account
        self._free_spark(payload)
        found = read_entitlement(payload)
        if found is not None and not self._is_older(found):
            self.frames = evolve(self.frames, entitlement=self.frames.entitlement + 1)
            old = self.account.subscription
            if found.active and old is not None and found.frontier_discount_bps is None:
                # No frame carries it.
                found = evolve(found, frontier_discount_bps=old.frontier_discount_bps)
            self._apply(found)
        return self.account != before

    def notice(self, kind: str, payload: object) -> Notice | None:
        """What a frame tells the user; None for what is none, or was told already."""
        if not isinstance(payload, Mapping):
            return None
        if kind == "appAlert":
            return self._announcement(payload)
        from .account_calls import seconds
        from .wire import structure

        if kind == "toastMessage":
            fields = dict(payload)
            close = seconds(fields.pop("autoClose", None))
            return evolve(structure(fields, Toast), auto_close=close)
        return structure(payload, LimitNotice)

    def _announcement(self, payload: Mapping[str, object]) -> Announcement | None:
        from .account_calls import announcement

        found = announcement(payload)
        if found is None or found.id in self._told:
            return None
        self._told[found.id] = None
        while len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]
        return found

    def _free_spark(self, payload: Mapping[str, object]) -> None:
        locked = payload.get("freeSparkLocked")
        if isinstance(locked, bool):
            path = payload.get("freeSparkUnlockPath")
            known = path if isinstance(path, str) and path in UNLOCK_PATHS else None
            self._change(free_spark_locked=locked, free_spark_unlock_path=known)

    # --- answers ----------------------------------------------------------------------------------------------------

    def identity(self, username: str | None, address: str | None) -> None:
        """Who it is, as far as an answer says."""
        account = self.account
        self._change(username=username or account.username, wallet_address=address or account.wallet_address)

    def apply_profile(self, profile: Profile) -> None:
        """The answer of `me`."""
        self.identity(profile.username, profile.wallet_address)
        self._change(email=profile.email)

    def apply_balance(self, balance: Balance, before: Frames) -> None:
        """The answer to a question for the balance."""
        if before.balance != self.frames.balance:
            now = self.account.balance
            balance = evolve(
                balance, sogni=_with_earnings(now.sogni, balance.sogni), spark=_with_earnings(now.spark, balance.spark)
            )
        self._change(balance=balance)

    def apply_subscription(self, found: Subscription, before: Frames) -> Subscription:
        """The answer to a question for the status: what counts now."""
        stale = self._is_older(found) or (found.version is None and before.entitlement != self.frames.entitlement)
        current = self.account.subscription
        if stale and current is not None:
            return current
        self._apply(found)
        return found

    def _is_older(self, found: Subscription) -> bool:
        return found.version is not None and self._version is not None and found.version < self._version

    def _apply(self, found: Subscription) -> None:
        if found.version is not None:
            self._version = found.version
        self._change(subscription=found)

    def _change(self, **changes: object) -> bool:
        changed = evolve(self.account, **changes)  # type: ignore[arg-type]
        if changed == self.account:
            return False
        self.account = changed
        return True


def without_the_past(account: CurrentAccount, now: datetime) -> CurrentAccount:
    """The account without a fair-use limit that has ended meanwhile."""
    plan = account.subscription
    ends = plan.fair_use.reset_at if plan is not None and plan.fair_use is not None else None
    if plan is None or ends is None or ends > now:
        return account
    return evolve(account, subscription=evolve(plan, fair_use=None))


def _with_earnings(frame: TokenBalance, answer: TokenBalance) -> TokenBalance:
    """The newer balance of a frame, with what only an answer tells."""
    return evolve(frame, relaxed_unclaimed=answer.relaxed_unclaimed, fast_unclaimed=answer.fast_unclaimed)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
