"""Who made, rendered or earned the most."""

from __future__ import annotations

from decimal import Decimal

from attrs import field, frozen

__all__ = ["LeaderboardEntry"]


@frozen(kw_only=True)
class LeaderboardEntry:
    """One place of a leaderboard.

    Attributes:
        rank: The place, from 1.
        username, address, country: Whose it is.
        value: What was counted; the type of the board says what that is.
        role: `artist` or `worker`.
        extra: Fields this version does not know.
    Source: GET /v1/leaderboard/.
    """

    rank: int | None = None
    username: str | None = None
    address: str | None = None
    country: str | None = None
    value: Decimal | None = None
    role: str | None = None
    extra: dict[str, object] = field(factory=dict)
