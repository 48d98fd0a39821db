"""`client.account` and `client.current_account`: balances, plans, history, rewards, notices, the network."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sogni.sandbox import Sandbox
from sogni_async import (
    ApiError,
    AuthenticationError,
    CurrentAccount,
    LimitNotice,
    NetworkStatus,
    PermissionDenied,
    SogniClient,
    Subscription,
    Toast,
    ValidationError,
    WaitTimeout,
)
from tests.orders import ORDER


def at(sandbox: Sandbox, **more: Any) -> SogniClient:
    return SogniClient(
        rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint, app_id="app", **more
    )


async def until(client: SogniClient, is_true: Callable[[], object]) -> None:
    """Let what was sent arrive."""
    for _ in range(1000):
        if is_true():
            return
        await client._bridge.pause(0.01)
    raise AssertionError("it never happened")


def plan_of(client: SogniClient) -> Subscription:
    """The plan as the client knows it now."""
    plan = client.current_account.subscription
    assert plan is not None
    return plan


class Seen(list[Any]):
    """A callback that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()

    def __call__(self, value: Any) -> None:
        self.threads.add(threading.current_thread().name)
        self.append(value)


async def test_the_balance_by_rest(sandbox: Sandbox) -> None:
    held = sandbox.account()
    held.set_balance(spark="12.3400", premium_spark="2.5", sogni="0.000000000000000001", fast_unclaimed="7.25")
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        balance = await client.account.account_balance()
        assert (balance.spark.net, balance.spark.premium_credit) == (Decimal("12.34"), Decimal("2.5"))
        assert balance.sogni.net == Decimal("0.000000000000000001")
        assert client.current_account.balance.spark.net == 0
        assert await client.account.refresh_balance() == balance
        assert client.current_account.balance == balance
        with pytest.raises(AttributeError):
            client.current_account.balance.spark.net = Decimal(5)  # type: ignore[misc]


async def test_frames_keep_the_account_fresh(sandbox: Sandbox) -> None:
    sandbox.account().set_balance(fast_unclaimed="7.25")
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        seen = Seen()
        stop = client.on("account", seen)
        await client.account.refresh_balance()
        await client.projects.wait_for_models()
        account = client.current_account
        assert (account.username, account.wallet_address) == ("sandbox", sandbox.account().address)
        assert (account.network, account.network_status) == ("fast", NetworkStatus.CONNECTED)
        assert plan_of(client).status == "none"
        before = account.balance
        sandbox.script(partial_balance=True)
        sandbox.account().set_balance(spark="5.50")
        await until(client, lambda: client.current_account.balance.spark.net == Decimal("5.5"))
        now = client.current_account.balance
        # A frame tells of one token only, and never of what a worker earned.
        assert now.sogni == before.sogni
        assert now.sogni.fast_unclaimed == Decimal("7.25")
        assert account.balance == before
        await until(client, lambda: seen and seen[-1] == client.current_account)
        assert all(isinstance(one, CurrentAccount) for one in seen)
        assert "sogni-link" not in seen.threads
        stop()
        told = len(seen)
        sandbox.account().set_balance(spark="6")
        await until(client, lambda: client.current_account.balance.spark.net == 6)
        assert len(seen) == told
        sandbox.drop_sockets(1000)
        await until(client, lambda: client.current_account.network_status is NetworkStatus.DISCONNECTED)
        assert client.current_account.network is None


async def test_the_plan_by_rest_and_by_frames(sandbox: Sandbox) -> None:
    held = sandbox.account()
    held.set_plan("unlimited", term="annual")
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        plan = await client.account.get_subscription_status()
        assert (plan.active, plan.tier, plan.term, plan.is_unlimited) == (True, "unlimited", "annual", True)
        assert plan.current_period_end is not None
        assert plan.current_period_end.tzinfo is not None
        assert plan.frontier_discount_bps == 500
        assert client.current_account.is_unlimited
        await client.projects.wait_for_models()
        held.set_plan("unlimited_pro")
        await until(client, lambda: plan_of(client).tier == "unlimited_pro")
        assert plan_of(client).frontier_discount_bps == 500
        held.limit_fair_use()
        await until(client, lambda: plan_of(client).fair_use is not None)
        held.lock_free_spark("trial")
        await until(client, lambda: client.current_account.free_spark_locked)
        assert client.current_account.free_spark_unlock_path == "trial"
        held.set_plan("unlimited", status="grace_period")
        await until(client, lambda: plan_of(client).status == "grace_period")
        assert not client.current_account.is_unlimited
        held.set_plan(None)
        await until(client, lambda: plan_of(client).status == "none")


async def test_an_old_answer_does_not_undo_a_newer_frame(sandbox: Sandbox) -> None:
    held = sandbox.account()
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        await client.projects.wait_for_models()
        sandbox.script(slow_status=0.5)
        changed = threading.Timer(0.2, held.set_plan, ["unlimited"])
        changed.start()
        plan = await client.account.refresh_subscription()
        changed.join()
        assert plan.tier == "unlimited"
        assert client.current_account.is_unlimited


async def test_a_service_that_tells_no_entitlement_is_asked(sandbox: Sandbox) -> None:
    sandbox.account().set_plan("unlimited")
    sandbox.script(no_entitlement=True)
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        await client.projects.wait_for_models()
        await until(client, lambda: client.current_account.is_unlimited)


async def test_plans_usage_trial_and_pages(sandbox: Sandbox) -> None:
    async with at(sandbox) as client:
        plans = await client.account.get_subscription_plans()
        assert {(plan.plan_id, plan.term) for plan in plans} >= {("unlimited", "monthly"), ("unlimited_pro", "annual")}
        assert all(plan.price_usd for plan in plans)
        await client.account.login("sandbox", "sandbox")
        assert (await client.account.get_trial_eligibility()).eligible
        page = await client.account.create_subscription_checkout("unlimited", "monthly")
        assert page.url.startswith("http")
        assert page.url not in repr(page)
        sandbox.account().set_plan("unlimited")
        assert (await client.account.create_subscription_portal_session()).url
        usage = await client.account.get_subscription_usage()
        assert (usage.period_jobs, usage.period_render_spark) == (0, 0)
        for arguments in (("", "monthly"), ("unlimited", "weekly")):
            with pytest.raises(ValidationError):
                await client.account.create_subscription_checkout(*arguments)
        with pytest.raises(ValidationError, match="redirect_type"):
            await client.account.create_subscription_checkout("unlimited", "monthly", redirect_type="elsewhere")


async def test_what_a_key_may_not_do_is_said_and_the_key_stays(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        for ask in (
            lambda: client.account.create_subscription_portal_session(),
            lambda: client.account.create_subscription_checkout("unlimited", "monthly"),
            lambda: client.account.withdraw("sandbox", 1),
            lambda: client.account.deposit("sandbox", 1),
        ):
            with pytest.raises((AuthenticationError, PermissionDenied)) as caught:
                await ask()
            assert "login" in caught.value.hint
        assert (await client.account.me()).username == "sandbox"


@pytest.mark.parametrize("last", ["zero", "missing", "null", "same", "beyond"])
async def test_the_history_ends_however_its_last_page_is_marked(sandbox: Sandbox, last: str) -> None:
    sandbox.script(last_page=last, times=None)
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        pages = [page async for page in client.account.transaction_history(limit=10)]
        rows = [row for page in pages for row in page.transactions]
        assert len({row.id for row in rows}) == len(rows)
        assert [page.offset for page in pages] == [0, 10, 20]
        assert pages[-1].next_offset is None
        whole = [page async for page in client.account.transaction_history(limit=100)]
        assert [page.transactions for page in whole] == [tuple(rows)]
        exact = [page async for page in client.account.transaction_history(limit=len(rows) // 2)]
        assert [row for page in exact for row in page.transactions] == rows
        rest = [page async for page in client.account.transaction_history(limit=100, offset=20)]
        assert rest[0].transactions == pages[-1].transactions


async def test_rows_of_the_history(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        project = await client.projects.create(**ORDER)
        await project.wait(timeout=20)
        (page,) = [page async for page in client.account.transaction_history(limit=100)]
        row = page.transactions[0]
        assert (row.id, row.source, row.role) == (project.id, "project", "artist")
        assert isinstance(row.amount, Decimal)
        assert row.create_time is not None
        assert row.create_time.tzinfo is not None
        assert "sourceSID" in row.extra
        sandbox.script(numeric_amounts=True, null_times=True)
        (page,) = [page async for page in client.account.transaction_history(limit=100)]
        assert page.transactions[0].amount == row.amount
        assert page.transactions[0].create_time is None
        for wrong in ({"limit": 0}, {"limit": True}, {"offset": -1}, {"address": "x"}):
            with pytest.raises(ValidationError):
                [page async for page in client.account.transaction_history(**wrong)]


async def test_rewards(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        rewards = await client.account.rewards()
        reward = next(one for one in rewards if one.can_claim)
        assert (reward.last_claim, reward.next_claim, reward.provider) == (None, None, "base")
        assert isinstance(reward.amount, Decimal)
        assert any(one.cant_claim_reason and not one.can_claim for one in rewards)
        token = str(reward.token_type)
        before = sandbox.account().balance[token]
        await client.account.claim_rewards([reward.id], turnstile_token="t")
        assert sandbox.account().balance[token] == before + reward.amount
        again = next(one for one in await client.account.rewards("base") if one.id == reward.id)
        assert again.last_claim is not None
        assert not again.can_claim
        with pytest.raises(ApiError):
            await client.account.claim_rewards([reward.id], turnstile_token="t")
        bad: list[Any] = [[], reward.id]
        for wrong in bad:
            with pytest.raises(ValidationError, match="ids"):
                await client.account.claim_rewards(wrong)


async def test_answers_without_an_envelope(sandbox: Sandbox) -> None:
    sandbox.script(bare_answers=True, times=None)
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        assert (await client.account.me()).username == "sandbox"
        assert (await client.account.account_balance()).spark.net > 0
        assert await client.account.rewards()
        assert (await client.account.get_subscription_status()).status == "none"
        assert await client.account.get_subscription_plans()
        assert [page async for page in client.account.transaction_history()]
        assert (await client.account.wallet_balance()).ether is not None


async def test_notices(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app", socket_events={"subscriptionLimitNotice": True}) as client:
        notices = Seen()
        client.on("notice", notices)
        await client.projects.wait_for_models()
        sandbox.account().notify(4079, currentPlan="unlimited", newerField=1)
        sandbox.send("toastMessage", {"type": "warning", "message": "Hello", "autoClose": 2500, "stickyID": "a"})
        await until(client, lambda: len(notices) == 2)
        limit, toast = notices
        assert isinstance(limit, LimitNotice)
        assert (limit.reason, limit.code, limit.extra["newerField"]) == ("queue_cap", 4079, 1)
        assert isinstance(toast, Toast)
        assert (toast.message, toast.auto_close, toast.sticky_id) == ("Hello", 2.5, "a")


async def test_nonsense_in_frames_changes_nothing(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        seen = Seen()
        await client.projects.wait_for_models()
        await client.account.refresh_balance()
        before = client.current_account
        client.on("account", seen)
        sandbox.send("balanceUpdate", {"spark": {"net": "NaN", "settled": {}}, "sogni": 5})
        sandbox.send("balanceUpdate", [1])
        sandbox.send("subscriptionEntitlementUpdated", "x")
        sandbox.send("subscriptionEntitlementUpdated", {"freeSparkLocked": "yes"})
        sandbox.send("toastMessage", None)
        sandbox.send("changeNetwork", "moon")
        sandbox.send("balanceUpdate", {"spark": {"net": "77"}})
        await until(client, lambda: seen)
        assert client.current_account.balance.spark.net == 77
        assert client.current_account.balance.spark.settled == before.balance.spark.settled
        assert client.current_account.subscription == before.subscription


async def test_switching_the_network(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        assert await client.account.switch_network("relaxed") == "relaxed"
        assert client.current_account.network == "relaxed"
        sandbox.drop_sockets()
        await until(client, lambda: client.current_account.network_status is NetworkStatus.CONNECTING)
        await until(client, lambda: client.current_account.network_status is NetworkStatus.CONNECTED)
        assert client.current_account.network == "relaxed"
        with pytest.raises(ValidationError, match="network"):
            await client.account.switch_network("moon")


async def test_a_switch_that_nobody_answers(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        sandbox.script(deaf=True)
        with pytest.raises(WaitTimeout):
            await client.account.switch_network("relaxed", timeout=0.3)
        assert (client.current_account.network, client.current_account.network_status) == (
            "fast",
            NetworkStatus.CONNECTED,
        )


async def test_socket_events(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        notices = Seen()
        client.on("notice", notices)
        await client.projects.wait_for_models()
        client.set_socket_events({"subscriptionLimitNotice": True})
        sandbox.wait_for(lambda: [one for one in sandbox.log if one.frame_kind == "setSocketEventSubscriptions"])
        sandbox.account().notify(4080)
        await until(client, lambda: notices)
        client.set_socket_events({"subscriptionLimitNotice": True})
        assert len([one for one in sandbox.log if one.frame_kind == "setSocketEventSubscriptions"]) == 1
        bad: Any = {"appAlert": "yes"}
        with pytest.raises(ValidationError, match="events"):
            client.set_socket_events(bad)


async def test_wallets(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        own = await client.account.wallet_balance()
        assert own == await client.account.wallet_balance(sandbox.account().address, "base")
        assert (await client.account.wallet_balance("0x" + "11" * 20, "etherlink")).sogni == 0
        for wrong in (("x", "base"), (None, "moon")):
            with pytest.raises(ValidationError):
                await client.account.wallet_balance(*wrong)
