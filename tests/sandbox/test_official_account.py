"""The published `sogni-client` package, a black box here, signs in on the sandbox and looks after its account."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
import requests

from sogni.sandbox import Sandbox
from sogni.sandbox.wallets import ADDRESS

official = pytest.importorskip("sogni_client")

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

IMAGE = {
    "type": "image",
    "model_id": "krea2_turbo_fp8_scaled",
    "positive_prompt": "a tiny observatory",
    "number_of_media": 1,
    "steps": 4,
    "token_type": "spark",
}


@pytest.fixture(autouse=True)
def same_limit() -> Iterator[None]:
    """Signing loads a library that raises the recursion limit of the process; the tests after this one need it."""
    limit = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(limit)


@asynccontextmanager
async def client(net: Sandbox, **options: Any) -> AsyncIterator[Any]:
    given = {"app_id": "official", **options}
    async with await official.SogniClient.create(
        rest_endpoint=net.rest_endpoint, socket_endpoint=net.socket_endpoint, **given
    ) as made:
        yield made


async def until(net: Sandbox, predicate: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(net.wait_for, predicate)


async def noticed(sogni: Any, predicate: Callable[[], Any]) -> None:
    """Keep the client busy with questions until what it was told shows."""

    async def ask() -> None:
        while not predicate():
            await sogni.account.me()

    await asyncio.wait_for(ask(), 10)


def frames(net: Sandbox, kind: str) -> list[Any]:
    return [entry.data for entry in net.log if entry.kind == "frame_out" and entry.frame_kind == kind]


async def test_signing_in_rendering_and_paying(net: Sandbox) -> None:
    secret = "correct horse battery staple"
    artist = net.add_account("Artist_One", secret)
    async with client(net) as sogni:
        pair = await sogni.account.login("Artist_One", secret)
        assert pair["username"] == "Artist_One"
        me = await sogni.account.me()
        assert (me["username"], me["walletAddress"]) == ("Artist_One", "0x3E5421b5046F40bB8Bf39A6514e9F93E27292e82")
        before = await sogni.account.refresh_balance()
        assert before["spark"]["net"] == "10000"
        project = await sogni.projects.create(**IMAGE)
        (url,) = await project.wait_for_completion(timeout=20)
        assert (await asyncio.to_thread(requests.get, url, timeout=10)).content[1:4] == b"PNG"
        # The frame that tells the snapshot of it comes before the one that ends the project.
        settled = frames(net, "balanceUpdate")[-1]
        assert sogni.current_account.balance["spark"]["net"] == settled["spark"]["net"]
        after = await sogni.account.account_balance()
        assert Decimal(after["spark"]["net"]) < 10_000
        assert after["spark"]["net"] == settled["spark"]["net"]
        assert artist.balance["spark"] == Decimal(after["spark"]["net"])
        await sogni.account.logout()
        assert not sogni.current_account.is_authenticated
    assert secret not in repr([net.log, net.submissions])


async def test_an_expired_pair_is_renewed(net: Sandbox) -> None:
    net.script(token_life=0)
    async with client(net, disable_socket=True) as sogni:
        await sogni.account.login(net.username, net.password)
        assert (await sogni.account.me())["username"] == "sandbox"
    assert net.renewals == 1


@pytest.mark.parametrize(("name", "password", "status"), [("sandbox", "wrong", 404), ("nobody", "sandbox", 404)])
async def test_a_wrong_password_is_an_unknown_wallet(net: Sandbox, name: str, password: str, status: int) -> None:
    async with client(net, disable_socket=True) as sogni:
        with pytest.raises(official.ApiError) as caught:
            await sogni.account.login(name, password)
        assert caught.value.status == status


async def test_signing_up(net: Sandbox) -> None:
    async with client(net, disable_socket=True) as sogni:
        taken = await sogni.account.validate_username("sandbox")
        assert (taken["status"], taken["errorCode"]) == ("error", 108)
        assert (await sogni.account.validate_username("Ärtist"))["status"] == "success"
        pair = await sogni.account.create(
            {
                "username": "Ärtist",
                "email": "artist@example.org",
                "password": "pässwörd",
                "subscribe": True,
                "turnstileToken": "token",
            }
        )
        assert pair["token"]
        assert (await sogni.account.me())["currentEmail"] == "artist@example.org"
    async with client(net, disable_socket=True) as sogni:
        assert (await sogni.account.login("äRTIST", "pässwörd"))["username"] == "Ärtist"


async def test_the_test_network(net: Sandbox) -> None:
    net.script(testnet=True, times=None)
    async with client(net, disable_socket=True, testnet=True) as sogni:
        await sogni.account.login(net.username, net.password)
    async with client(net, disable_socket=True) as sogni:
        with pytest.raises(official.ApiError) as caught:
            await sogni.account.login(net.username, net.password)
        assert caught.value.status == 401


async def test_tokens_move(net: Sandbox) -> None:
    async with client(net, disable_socket=True) as sogni:
        await sogni.account.login(net.username, net.password)
        await sogni.account.me()
        await sogni.account.withdraw(net.password, "1.5")
        await sogni.account.approve_token_usage(net.password, "account")
        await sogni.account.deposit(net.password, "0.25")
        wallet = await sogni.account.wallet_balance(ADDRESS)
        assert (wallet["sogni"], net.account().balance["sogni"]) == ("501.25", Decimal("9998.75"))
        history = await sogni.account.transaction_history({"status": "completed", "address": ADDRESS, "limit": 10})
        assert [entry["source"] for entry in history["entries"]][:2] == ["deposit", "withdrawal"]
        assert history["next"]["offset"] == 10
        with pytest.raises(official.ApiError):
            await sogni.account.withdraw(net.password, "1000000")


async def test_rewards_and_plans(net: Sandbox) -> None:
    async with client(net, disable_socket=True) as sogni:
        await sogni.account.login(net.username, net.password)
        rewards = {reward["id"]: reward for reward in await sogni.account.rewards()}
        assert (rewards["daily-spark"]["canClaim"], rewards["welcome"]["cantClaimReason"]) == (True, "already_claimed")
        await sogni.account.claim_rewards(["daily-spark"])
        assert net.account().balance["spark"] == 10_050
        assert (await sogni.account.get_trial_eligibility())["eligible"] is True
        assert len(await sogni.account.get_subscription_plans()) == 4
        await sogni.account.set_device_id("device-1")
        checkout = await sogni.account.create_subscription_checkout("unlimited", "monthly")
        await asyncio.to_thread(requests.post, checkout["url"], timeout=5)
        told = await sogni.account.get_subscription_status()
        assert (told["active"], told["status"], sogni.current_account.is_unlimited) == (True, "trialing", True)
        assert (await sogni.account.get_subscription_usage())["trialCreditsLimit"] == 200
        assert (await sogni.account.create_subscription_portal_session())["url"].startswith(net.url)


async def test_events_of_the_account(net: Sandbox) -> None:
    async with client(net, socket_event_subscriptions={"appAlert": True}) as sogni:
        await sogni.account.login(net.username, net.password)
        await until(net, lambda: frames(net, "swarmModels"))
        net.account().set_plan("unlimited_pro", status="cancel_at_period_end")
        net.account().lock_free_spark("purchase")
        await noticed(sogni, lambda: sogni.current_account.free_spark_locked)
        plan = sogni.current_account.subscription
        assert (plan["status"], plan["tier"], plan["active"]) == ("cancel_at_period_end", "unlimited_pro", True)
        assert sogni.current_account.free_spark_unlock_path == "purchase"
        net.announce(title="Hello")
        await until(net, lambda: frames(net, "appAlert"))


async def test_announcements_and_rankings(net: Sandbox) -> None:
    async with client(net, api_key=net.api_key, disable_socket=True) as sogni:
        # This client reads the list without its envelope only.
        net.script(bare_answers=True)
        (welcome,) = await sogni.announcements.active()
        await sogni.announcements.dismiss(welcome["id"])
        net.script(bare_answers=True)
        assert await sogni.announcements.active() == []
        rows = await sogni.stats.leaderboard({"type": "referral", "period": "day", "limit": 5})
        assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
