"""`client.stats` and `client.announcements`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from sogni.sandbox import Sandbox
from sogni_async import Announcement, ApiError, SogniClient, ValidationError


async def until(client: SogniClient, is_true: Callable[[], object]) -> None:
    """Let what was sent arrive."""
    for _ in range(1000):
        if is_true():
            return
        await client._bridge.pause(0.01)
    raise AssertionError("it never happened")


@pytest.mark.parametrize("bare", [False, True])
async def test_announcements_with_and_without_an_envelope(sandbox: Sandbox, bare: bool) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        sandbox.script(bare_answers=bare, times=3)
        everywhere = await client.announcements.active()
        assert [one.id for one in everywhere] == ["sandbox-welcome"]
        (welcome,) = everywhere
        assert (welcome.kind, welcome.icon, welcome.actions[0].label) == ("banner", "megaphone", "Read more")
        assert welcome.ends_at is not None
        on_the_web = await client.announcements.active(" web ")
        assert {one.id for one in on_the_web} > {"sandbox-welcome"}
        await client.announcements.dismiss("sandbox-welcome")
        assert await client.announcements.active("  ") == []
        with pytest.raises(ApiError):
            await client.announcements.dismiss("../../account")
        for wrong in ("", "..", None):
            with pytest.raises(ValidationError, match="announcement_id"):
                await client.announcements.dismiss(wrong)


async def test_live_announcements_come_once(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        live: list[Announcement] = []
        notices: list[object] = []
        client.on("notice", notices.append)
        stop = client.announcements.on(live.append)
        await client.projects.wait_for_models()
        first = sandbox.announce(title="Pinned", pinned=True, autoCloseMs=1500)
        await until(client, lambda: live)
        assert (live[0].id, live[0].title, live[0].auto_close) == (first, "Pinned", 1.5)
        connections = len([one for one in sandbox.log if one.kind == "open"])
        sandbox.drop_sockets()
        sandbox.wait_for(lambda: len([one for one in sandbox.log if one.kind == "open"]) > connections)
        link = {"label": "x", "href": "javascript:alert(1)"}
        second = sandbox.announce(title="After", actions=[link, {"label": "y", "href": "https://example.invalid"}])
        await until(client, lambda: len(live) > 1)
        assert [one.id for one in live] == [first, second]
        assert [action.label for action in live[1].actions] == ["y"]
        assert notices == live
        stop()
        sandbox.announce(title="Unheard")
        await until(client, lambda: len(notices) == 3)
        assert len(live) == 2


async def test_leaderboard(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        places = await client.stats.leaderboard("jobCompleteArtist", "lifetime", network="all", limit=5)
        assert [place.rank for place in places] == [1, 2, 3, 4, 5]
        assert all(isinstance(place.value, Decimal) and place.username and place.address for place in places)
        following = await client.stats.leaderboard("jobCompleteArtist", "lifetime", limit=5, page=1)
        assert following[0].rank == 6
        (one,) = await client.stats.leaderboard("jobCompleteArtist", "lifetime", username=places[2].username)
        assert one == places[2]
        assert not [entry for entry in sandbox.log if entry.status == 301]
        for wrong in (("", "day"), ("referral", "year")):
            with pytest.raises(ValidationError):
                await client.stats.leaderboard(*wrong)
        with pytest.raises(ValidationError, match="network"):
            await client.stats.leaderboard("referral", "day", network="slow")
