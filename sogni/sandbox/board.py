"""What the network publishes: announcements, live and listed, and the leaderboard."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

import attrs
from aiohttp import web

from .answers import Handler, Problem, answer, caller
from .books import DAY_MS, now_ms
from .faults import unknown_name
from .hub import Connection, Hub
from .script import Rig

KINDS, SEVERITIES = ("toast", "banner"), ("info", "success", "warn", "danger")
TOAST_TYPES = {"info": "info", "success": "success", "warn": "warning", "danger": "error"}

RANKINGS = (
    *("renderUSDCompleteWorker", "renderUSDCompleteArtist", "renderSecCompleteWorker", "renderSecCompleteArtist"),
    *("renderTokenCompleteWorker", "renderTokenCompleteWorker2", "renderTokenCompleteArtist"),
    *("renderTokenCompleteArtist2", "jobCompleteWorker", "jobCompleteArtist", "projectCompleteArtist"),
    *("uloginWorker", "uloginArtist", "tokenVolume", "referral"),
)
PERIODS, NETWORKS = ("day", "lifetime"), ("fast", "relaxed", "all")
COUNTRIES = ("DE", "US", "JP", "BR", "IN", "FR")
RANKED, PAGE = 45, 20


@attrs.frozen(kw_only=True)
class Announcement:
    """One announcement; `fields` are those of `appAlert` with their names on the wire.

    Attributes:
        platforms: App sources that it is for; empty for all.
    """

    fields: Mapping[str, Any]
    platforms: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its key."""
        return str(self.fields["id"])

    def is_for(self, platform: str | None) -> bool:
        """Whether an app of that source is meant, now."""
        ends = self.fields.get("endsAt")
        return (not self.platforms or platform in self.platforms) and (ends is None or ends > now_ms())


def announcement(fields: Mapping[str, Any], platforms: tuple[str, ...] = ()) -> Announcement:
    """An announcement with what is missing filled in.

    Raises:
        ValueError: a kind or severity that does not exist.
    """
    kind = fields.get("kind", "toast")
    whole = {
        "id": str(uuid.uuid4()),
        "kind": kind,
        "severity": "info",
        "title": "From the sandbox",
        "bodyMarkdown": "Hello.",
        "pinned": False,
        "dismissible": True,
        "startsAt": now_ms(),
        **({"endsAt": now_ms() + DAY_MS} if kind == "banner" else {"autoCloseMs": 5000}),
        **fields,
    }
    for name, allowed in (("kind", KINDS), ("severity", SEVERITIES)):
        if whole[name] not in allowed:
            raise ValueError(unknown_name(name, str(whole[name]), allowed))
    return Announcement(fields=whole, platforms=platforms)


def _standing() -> list[Announcement]:
    """What is always listed."""
    link = {"label": "Read more", "href": "https://example.invalid/sandbox", "external": True}
    banner = {
        "id": "sandbox-welcome",
        "kind": "banner",
        "icon": "megaphone",
        "accent": "#3366FF",
        "title": "This is a sandbox",
        "bodyMarkdown": "Nothing here costs **anything**.",
        "actions": [link],
    }
    toast = {"id": "sandbox-web", "title": "New on the web", "icon": "sparkles"}
    return [announcement(banner), announcement(toast, ("web",))]


class Board:
    """Announcements and rankings."""

    def __init__(self, *, hub: Hub, rig: Rig) -> None:
        self._hub = hub
        self._rig = rig
        self._posted = _standing()

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every path."""
        get: dict[str, Handler] = {
            "/v1/announcements/active": self.active,
            "/v1/leaderboard/": self.leaderboard,
            "/v1/leaderboard": self.moved,
        }
        for path, handler in get.items():
            router.add_get(path, handler)
        router.add_post("/v1/announcements/{id}/dismiss", self.dismiss)

    def clear(self) -> None:
        """Only what always stands there."""
        self._posted = _standing()

    # announcements

    def post(self, one: Announcement) -> None:
        """Publish one: it is listed, and sent to every socket that it is for."""
        self._posted = [other for other in self._posted if other.id != one.id] + [one]
        for connection in self._hub.live():
            self._send(connection, one)

    def greet(self, connection: Connection) -> None:
        """Send what is pinned, as at every connect."""
        for one in self._posted:
            if one.fields["pinned"] and one.id not in connection.account.dismissed:
                self._send(connection, one)

    def _send(self, connection: Connection, one: Announcement) -> None:
        """Send `appAlert`, or `toastMessage` to sockets that did not ask for the former."""
        if not one.is_for(connection.app_source):
            return
        if connection.wants("appAlert"):
            self._hub.send(connection, "appAlert", dict(one.fields))
            return
        toast = {
            "type": TOAST_TYPES[one.fields["severity"]],
            "message": one.fields["title"],
            "autoClose": one.fields.get("autoCloseMs", 0),
            "stickyID": one.id,
        }
        self._hub.send(connection, "toastMessage", toast)

    async def active(self, request: web.Request) -> web.Response:
        """GET /v1/announcements/active."""
        account = caller()
        platform = request.query.get("platform")
        shown = [dict(one.fields) for one in self._posted if one.is_for(platform) and one.id not in account.dismissed]
        found = {"announcements": shown}
        return answer(self._rig, found)

    async def dismiss(self, request: web.Request) -> web.Response:
        """POST /v1/announcements/{id}/dismiss."""
        account, key = caller(), request.match_info["id"]
        found = next((one for one in self._posted if one.id == key), None)
        if found is None:
            raise Problem(404, 122, "There is no such announcement.")
        if not found.fields["dismissible"]:
            raise Problem(400, 101, "This announcement cannot be dismissed.")
        account.dismissed.add(key)
        return answer(self._rig, {"dismissed": True, "id": key})

    # leaderboard

    async def moved(self, request: web.Request) -> web.Response:
        """GET /v1/leaderboard, which is another address."""
        target = "/v1/leaderboard/" + (f"?{request.query_string}" if request.query_string else "")
        return web.Response(status=301, headers={"Location": target})

    async def leaderboard(self, request: web.Request) -> web.Response:
        """GET /v1/leaderboard/: the same made-up rows for the same question."""
        query = request.query
        for name, allowed in (("type", RANKINGS), ("period", PERIODS), ("network", NETWORKS)):
            value = query.get(name, "all" if name == "network" else "")
            if value not in allowed:
                raise Problem(400, 101, f"{name} must be one of {', '.join(allowed)}.")
        first = self._rig.take("first_page")
        try:
            page, limit = int(query.get("page", first)), int(query.get("limit", PAGE))
        except ValueError:
            raise Problem(400, 101, "page and limit must be whole numbers.") from None
        if page < first or not 1 <= limit <= 100:
            raise Problem(400, 101, f"page must be from {first} on, limit from 1 to 100.")
        rows = _ranking(query["type"], query["period"], query.get("network", "all"))
        for name in ("username", "address"):
            if query.get(name):
                rows = [row for row in rows if row[name].lower() == query[name].lower()]
        start = (page - first) * limit
        found = rows[start : start + limit]
        return answer(self._rig, found)


def _ranking(kind: str, period: str, network: str) -> list[dict[str, Any]]:
    role = "worker" if "Worker" in kind else "artist"
    top = 1_000_000 if period == "lifetime" else 2_000
    rows = []
    for rank in range(1, RANKED + 1):
        digest = hashlib.sha256(f"{kind} {network} {rank}".encode()).hexdigest()
        rows.append(
            {
                "rank": rank,
                "username": f"{role}-{digest[:6]}",
                "address": f"0x{digest[:40]}",
                "country": COUNTRIES[int(digest[0], 16) % len(COUNTRIES)],
                "value": f"{top / rank:.2f}",
                "role": role,
            }
        )
    return rows
