"""Announcements, listed and live, and the leaderboard."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from sogni.sandbox import Sandbox
from sogni.sandbox.board import RANKINGS

from .people import refusal

ALERTS = json.dumps({"appAlert": True})


def listed(rest: Any, **query: Any) -> list[str]:
    return [one["id"] for one in rest.data("/v1/announcements/active", **query)["announcements"]]


def test_announcements_are_listed_by_platform(rest: Any) -> None:
    assert listed(rest) == ["sandbox-welcome"]
    assert listed(rest, platform="web") == ["sandbox-welcome", "sandbox-web"]
    assert listed(rest, platform="other") == ["sandbox-welcome"]
    (banner,) = rest.data("/v1/announcements/active")["announcements"]
    assert set(banner) >= {"id", "kind", "severity", "title", "bodyMarkdown", "pinned", "dismissible", "startsAt"}
    assert (banner["kind"], banner["endsAt"] > banner["startsAt"]) == ("banner", True)
    assert banner["actions"][0].keys() >= {"label", "href", "external"}


def test_dismissing_counts_for_one_account(net: Sandbox, rest: Any) -> None:
    answer = rest.post("/v1/announcements/sandbox-welcome/dismiss")
    assert answer.json()["data"] == {"dismissed": True, "id": "sandbox-welcome"}
    assert listed(rest) == []
    other = rest.get("/v1/announcements/active", headers={"api-key": "sandbox-other"})
    assert len(other.json()["data"]["announcements"]) == 1
    assert refusal(rest.post("/v1/announcements/nothing/dismiss")) == (404, 122)
    key = net.announce(id="a/b c", dismissible=False)
    assert refusal(rest.post("/v1/announcements/a%2Fb%20c/dismiss")) == (400, 101)
    assert listed(rest) == [key]
    net.reset()
    assert listed(rest) == ["sandbox-welcome"]


def test_an_announcement_arrives_as_what_is_wanted(net: Sandbox, talk: Any) -> None:
    plain, alert = talk("plain"), talk("alert", socketEventSubscriptions=ALERTS)
    key = net.announce(title="Hello", severity="warn", icon="rocket")
    kind, data = alert.receive()
    assert (kind, data["id"], data["title"], data["kind"], data["icon"]) == (
        "appAlert",
        key,
        "Hello",
        "toast",
        "rocket",
    )
    assert "endsAt" not in data
    kind, data = plain.receive()
    assert (kind, data) == (
        "toastMessage",
        {"type": "warning", "message": "Hello", "autoClose": 5000, "stickyID": key},
    )
    assert alert.quiet() == plain.quiet() == []


def test_what_is_pinned_comes_again_until_it_is_dismissed(net: Sandbox, rest: Any, talk: Any) -> None:
    key = net.announce(kind="banner", pinned=True)
    for _ in range(2):
        (frame,) = talk("app", socketEventSubscriptions=ALERTS).quiet()
        assert (frame[0], frame[1]["id"], "endsAt" in frame[1]) == ("appAlert", key, True)
    rest.post(f"/v1/announcements/{key}/dismiss")
    assert talk("app", socketEventSubscriptions=ALERTS).quiet() == []


def test_platforms_and_the_end(net: Sandbox, rest: Any, talk: Any) -> None:
    one, other = talk("one", appSource="web"), talk("other")
    key = net.announce(platforms=["web"])
    assert one.receive()[1]["stickyID"] == key
    assert other.quiet() == []
    net.announce(endsAt=1)
    assert one.quiet() == []
    assert listed(rest) == ["sandbox-welcome"]


def test_announcements_that_do_not_exist(net: Sandbox) -> None:
    with pytest.raises(ValueError, match="Allowed: banner, toast"):
        net.announce(kind="popup")
    with pytest.raises(ValueError, match="no severity named"):
        net.announce(severity="bad")


# leaderboard


@pytest.mark.parametrize("kind", RANKINGS)
def test_every_ranking(rest: Any, kind: str) -> None:
    rows = rest.data("/v1/leaderboard/", type=kind, period="day", limit=3)
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert set(rows[0]) == {"rank", "username", "address", "country", "value", "role"}
    assert isinstance(rows[0]["value"], str)
    assert rows[0]["role"] == ("worker" if "Worker" in kind else "artist")
    assert rows == rest.data("/v1/leaderboard/", type=kind, period="day", limit=3)


def test_pages_and_filters_of_the_leaderboard(rest: Any) -> None:
    query = {"type": "jobCompleteArtist", "period": "lifetime", "network": "fast"}
    pages = [rest.data("/v1/leaderboard/", **query, page=number) for number in range(4)]
    assert [len(page) for page in pages] == [20, 20, 5, 0]
    assert [row["rank"] for page in pages for row in page] == list(range(1, 46))
    row = pages[1][0]
    assert rest.data("/v1/leaderboard/", **query, username=row["username"].upper()) == [row]
    assert rest.data("/v1/leaderboard/", **query, address=row["address"]) == [row]
    assert rest.data("/v1/leaderboard/", **{**query, "network": "relaxed"})[0] != pages[0][0]


@pytest.mark.parametrize(
    "changes",
    [{"type": "x"}, {"type": ""}, {"period": "week"}, {"network": "slow"}, {"page": "x"}, {"page": -1}, {"limit": 0}],
)
def test_rankings_that_do_not_exist(rest: Any, changes: dict[str, Any]) -> None:
    query = {"type": "referral", "period": "day", **changes}
    assert refusal(rest.get("/v1/leaderboard/", **query)) == (400, 101)


def test_without_the_slash_it_is_elsewhere(net: Sandbox) -> None:
    answer = requests.get(f"{net.url}/v1/leaderboard?type=referral&period=day", timeout=5, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, "/v1/leaderboard/?type=referral&period=day")
