"""What the service tells everybody: leaderboards and announcements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sogni._deadline import Deadline
from sogni._io.engine import Engine
from sogni._protocol import account_calls, given
from sogni.types.notices import Announcement
from sogni.types.stats import LeaderboardEntry

from .._bridge import Bridge

PERIODS = ("day", "lifetime")
NETWORKS = ("fast", "relaxed", "all")


class Stats:
    """`client.stats`: who made, rendered or earned the most."""

    def __init__(self, engine: Engine, bridge: Bridge) -> None:
        self._engine = engine
        self._bridge = bridge

    def __repr__(self) -> str:
        return "Stats()"

    async def leaderboard(
        self,
        type: str,
        period: str,
        *,
        network: str | None = None,
        username: str | None = None,
        address: str | None = None,
        page: int | None = None,
        limit: int | None = None,
        date: int | None = None,
        timeout: float | None = None,
    ) -> list[LeaderboardEntry]:
        """One page of a leaderboard.

        Args:
            type: What is counted, such as `jobCompleteArtist`, `renderUSDCompleteWorker` or `referral`.
            period: `day` or `lifetime`.
            network: `fast`, `relaxed` or `all`.
            username, address: Only the place of one account.
            page, limit: Which page, and how many places it has.
            date: Another day, as the service counts them.
        Source: `GET /v1/leaderboard/`.
        """
        query: dict[str, Any] = {
            "type": given.text("type", type),
            "period": given.one_of("period", period, PERIODS),
            "network": None if network is None else given.one_of("network", network, NETWORKS),
            "username": username,
            "address": address,
            "page": page,
            "limit": limit,
            "date": date,
        }
        call = account_calls.leaderboard(query)
        return list(await self._bridge.call(self._engine.request, call, Deadline(timeout)))


class Announcements:
    """`client.announcements`: what the service wants to be known. Text and addresses come from outside."""

    def __init__(self, engine: Engine, bridge: Bridge) -> None:
        self._engine = engine
        self._bridge = bridge

    def __repr__(self) -> str:
        return "Announcements()"

    async def active(self, platform: str | None = None, timeout: float | None = None) -> list[Announcement]:
        """What is announced now, without what the account dismissed.

        Args:
            platform: Label of the product; what is meant for one product only is left out without it.
        Source: `GET /v1/announcements/active`.
        """
        call = account_calls.announcements(platform)
        return list(await self._bridge.call(self._engine.request, call, Deadline(timeout)))

    async def dismiss(self, announcement_id: str, timeout: float | None = None) -> None:
        """Have an announcement never shown again to this account, on any device.

        Source: `POST /v1/announcements/{id}/dismiss`.
        """
        call = account_calls.dismiss_announcement(announcement_id)
        await self._bridge.call(self._engine.request, call, Deadline(timeout))

    def on(self, callback: Callable[[Announcement], object]) -> Callable[[], None]:
        """Have a plain function called for every live announcement, once for each; returns a function that ends it.

        The connection is opened, and the service is asked for announcements in this form.

        Source: frame `appAlert`.
        """
        self._engine.set_socket_events({"appAlert": True})
        return self._engine.subscribe("announcement", callback, self._bridge.runner(), _as_it_is)


def _as_it_is(value: Any) -> Any:
    return value
