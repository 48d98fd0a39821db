"""Plans: what they say of themselves on REST and on the socket, what they pay for, and the pages they are bought on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests

from sogni.sandbox import Sandbox

from .people import Person, refusal

Build = Callable[..., dict[str, Any]]
NOTICES = json.dumps({"subscriptionLimitNotice": True})
VIDEO = "ltx25-22b-int8_t2v_distilled"


def status(rest: Any) -> Any:
    return rest.data("/v1/subscriptions/status")["subscription"]


def pushed(one: Any) -> Any:
    return one.until("subscriptionEntitlementUpdated")[-1][1]


def buy(net: Sandbox, person: Person, tier: str = "unlimited", **more: Any) -> None:
    checkout = person.sent("/v1/iap/stripe/subscribe", planId=tier, term="monthly", redirectType="web", **more)
    page = requests.get(checkout["url"], timeout=5)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<button" in page.text
    assert requests.post(checkout["url"], timeout=5).status_code == 200
    # The page is used up.
    assert requests.post(checkout["url"], timeout=5).status_code == 404


def test_what_is_on_sale(rest: Any) -> None:
    answer = rest.get("/v1/subscriptions/plans", headers={})
    plans = answer.json()["data"]["plans"]
    assert {(plan["planId"], plan["term"], plan["interval"]) for plan in plans} == {
        ("unlimited", "monthly", "month"),
        ("unlimited", "annual", "year"),
        ("unlimited_pro", "monthly", "month"),
        ("unlimited_pro", "annual", "year"),
    }
    for plan in plans:
        assert plan["tier"] == plan["planId"]
        assert isinstance(plan["priceUsd"], int)
        assert set(plan) >= {"displayName", "google", "vendorDiscountBps"}


def test_without_a_plan(rest: Any, talk: Any) -> None:
    assert status(rest) == {"active": False, "status": "none"}
    assert rest.data("/v1/subscriptions/usage") == {"usage": {"periodRenderSpark": 0, "periodJobs": 0}}
    hello = talk(greeted=False).receive()[1]["subscriptionEntitlement"]
    assert hello == {
        "active": False,
        "trialing": False,
        "trialCapped": False,
        "subscription": None,
        "freeSparkLocked": False,
    }


def test_a_plan_on_rest_and_on_the_socket(net: Sandbox, rest: Any, talk: Any) -> None:
    one = talk()
    change = int(datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=timezone.utc).timestamp() * 1000)
    net.account().set_plan("unlimited_pro", scheduled=("unlimited", "annual", change), payment_pending=True)
    told, frame = status(rest), pushed(one)
    assert told == net.account().plan
    assert (told["active"], told["status"], told["tier"], told["term"]) == (True, "active", "unlimited_pro", "monthly")
    assert (told["scheduledTier"], told["scheduledTerm"]) == ("unlimited", "annual")
    assert told["scheduledChangeAt"] == "2030-01-02T03:04:05.678Z"
    assert (told["paymentPending"], told["frontierDiscountBps"], told["cancelAtPeriodEnd"]) == (True, 1000, False)
    assert "version" not in told
    assert set(frame) == {"active", "trialing", "trialCapped", "subscription", "freeSparkLocked"}
    subscription = frame["subscription"]
    assert (subscription["status"], subscription["scheduledChangeAt"], subscription["version"]) == (
        "active",
        change,
        "1",
    )
    assert all(isinstance(subscription[name], int) for name in ("periodStart", "periodEnd", "graceEnd", "trialEnd"))
    assert "frontierDiscountBps" not in subscription
    net.account().set_plan(None)
    assert pushed(one)["subscription"] is None
    assert status(rest)["status"] == "none"


@pytest.mark.parametrize(
    ("rest_status", "socket_status", "active"),
    [
        ("trialing", "trialing", True),
        ("active", "active", True),
        ("grace_period", "grace", False),
        ("past_due", "needs_reconciliation", False),
        ("cancel_at_period_end", "cancelled", True),
        ("canceled", "cancelled", False),
        ("expired", "expired", False),
        ("refunded", "revoked", False),
    ],
)
def test_each_status(net: Sandbox, rest: Any, talk: Any, rest_status: str, socket_status: str, active: bool) -> None:
    one = talk()
    net.account().set_plan("unlimited", status=rest_status)
    frame = pushed(one)
    assert (frame["active"], frame["subscription"]["status"]) == (active, socket_status)
    told = status(rest)
    assert (told["active"], told["status"], "frontierDiscountBps" in told) == (active, rest_status, active)


def test_plans_that_do_not_exist(net: Sandbox) -> None:
    for facts in ({"tier": "gold"}, {"tier": "unlimited", "status": "x"}, {"tier": "unlimited", "term": "x"}):
        with pytest.raises(ValueError, match="must be in"):
            net.account().set_plan(**facts)
    with pytest.raises(RuntimeError, match="set_plan"):
        net.account().limit_fair_use()


def test_buying_begins_with_a_trial(net: Sandbox, talk: Any) -> None:
    person, one = Person(net).signed_in(), talk()
    path = "/v1/subscriptions/trial-eligibility"
    assert person.data(path) == {"eligible": True, "reasonCode": "eligible"}
    buy(net, person, deviceId="device-1")
    frame = pushed(one)
    assert (frame["active"], frame["trialing"], frame["trialCapped"]) == (True, True, False)
    assert frame["subscription"]["trialEnd"] == frame["subscription"]["periodEnd"]
    usage = person.data("/v1/subscriptions/usage")["usage"]
    assert (usage["trialCreditsLimit"], usage["trialCreditsUsed"]) == (200, 0)
    assert usage["trialEndsAt"].endswith("Z")
    assert person.data(path) == {"eligible": False, "reasonCode": "not_eligible"}
    # Who has a plan changes it in the portal.
    again = person.post("/v1/iap/stripe/subscribe", planId="unlimited", term="monthly")
    assert refusal(again) == (409, 109)
    # Another account on the same device has no trial either.
    net.add_account("second", "pw")
    second = Person(net, "second", "pw").signed_in()
    assert second.data(path)["eligible"] is True
    second.sent("/v1/account/device-id", deviceId="device-1")
    assert second.data(path)["eligible"] is False
    buy(net, second, "unlimited_pro")
    assert net.account("second").plan["status"] == "active"


def test_the_portal_cancels_and_resumes(net: Sandbox, talk: Any) -> None:
    person, one = Person(net).signed_in(), talk()
    assert refusal(person.post("/v1/subscriptions/stripe/portal")) == (404, 122)
    net.account().set_plan("unlimited")
    pushed(one)
    url = person.sent("/v1/subscriptions/stripe/portal")["url"]
    assert "Cancel" in requests.get(url, timeout=5).text
    requests.post(url, data={"action": "cancel"}, timeout=5)
    subscription = pushed(one)["subscription"]
    assert (subscription["status"], subscription["cancelAtPeriodEnd"]) == ("cancelled", True)
    assert net.account().plan["status"] == "cancel_at_period_end"
    requests.post(url, data={"action": "resume"}, timeout=5)
    assert pushed(one)["subscription"]["status"] == "active"
    assert requests.post(url, data={"action": "explode"}, timeout=5).status_code == 400
    assert requests.get(net.url + "/portal/unknown", timeout=5).status_code == 404
    net.account().set_plan("unlimited", status="trialing")
    requests.post(url, data={"action": "cancel"}, timeout=5)
    told = net.account().plan
    assert (told["status"], told["cancelAtPeriodEnd"]) == ("trialing", True)


@pytest.mark.parametrize(
    "changes", [{"planId": "gold"}, {"term": "weekly"}, {"redirectType": "moon"}, {"planId": None}, {"planId": ["x"]}]
)
def test_orders_that_make_no_sense(net: Sandbox, changes: dict[str, Any]) -> None:
    person = Person(net).signed_in()
    body = {"planId": "unlimited", "term": "monthly", **changes}
    assert refusal(person.post("/v1/iap/stripe/subscribe", **body)) == (400, 101)


@pytest.mark.parametrize("path", ["/v1/iap/stripe/subscribe", "/v1/subscriptions/stripe/portal"])
def test_api_keys_may_not_buy(rest: Any, path: str) -> None:
    assert refusal(rest.post(path, planId="unlimited", term="monthly")) == (401, 102)


# what a plan pays for


@pytest.mark.parametrize("mode", ["subscription", "auto", None])
def test_a_plan_pays(net: Sandbox, rest: Any, talk: Any, build: Build, mode: str | None) -> None:
    net.account().set_plan("unlimited")
    one = talk()
    one.send("jobRequest", build(numberOfImages=2, **({"billingMode": mode} if mode else {})))
    frames = one.finished()
    assert {data["spark"]["net"] for kind, data in frames if kind == "balanceUpdate"} == {"10000"}
    usage = rest.data("/v1/subscriptions/usage")["usage"]
    assert usage["periodJobs"] == 2
    assert usage["periodRenderSpark"] > 0
    address = net.account().address
    (row, *_) = rest.data("/v1/transactions/list", status="completed", address=address, limit=1)["transactions"]
    assert (row["paymentModel"], row["amount"], row["billingMode"]) == ("subscription", "0", mode or "auto")
    assert (row["subscriptionTier"], row["subscriptionTrialing"], row["subscriptionThrottled"]) == (
        "unlimited",
        False,
        False,
    )


def test_tokens_pay_when_they_are_to(net: Sandbox, talk: Any, build: Build) -> None:
    net.account().set_plan("unlimited")
    one = talk()
    one.send("jobRequest", build(billingMode="tokens"))
    one.finished()
    assert net.account().balance["spark"] < 10_000
    one.send("jobRequest", build(billingMode="gold"))
    assert one.until("jobError")[-1][1]["error"] == "invalidRequest"


def test_models_of_outside_providers_are_paid_in_tokens_with_a_discount(net: Sandbox, talk: Any, build: Build) -> None:
    one = talk()
    spent = []
    for tier in (None, "unlimited_pro"):
        net.account().set_plan(tier)
        before = net.account().balance["spark"]
        one.send("jobRequest", build("gpt-image-2"))
        one.finished()
        spent.append(before - net.account().balance["spark"])
    assert spent[1] == spent[0] * Decimal("0.9")
    one.send("jobRequest", build("gpt-image-2", billingMode="subscription"))
    assert one.until("jobError")[-1][1]["error"] == 4078


@pytest.mark.parametrize(("plan", "code"), [(None, 4078), ("expired", 4078), ("grace_period", 4080)])
def test_without_an_active_plan_it_does_not_pay(
    net: Sandbox, talk: Any, build: Build, plan: str | None, code: int
) -> None:
    if plan is not None:
        net.account().set_plan("unlimited", status=plan)
    one = talk(socketEventSubscriptions=NOTICES)
    one.send("jobRequest", build(billingMode="subscription"))
    (_, notice), (_, error) = (one.receive() for _ in range(2))
    assert (notice["code"], error["error"]) == (code, code)
    # With tokens it goes on.
    one.send("jobRequest", build(billingMode="auto"))
    one.finished()
    assert net.account().balance["spark"] < 10_000


def test_a_full_queue_of_the_plan(net: Sandbox, talk: Any, build: Build) -> None:
    net.account().set_plan("unlimited", queue_cap=1)
    net.script(hold_at="queued")
    one = talk()
    one.send("jobRequest", build(billingMode="subscription"))
    one.until("jobState")
    one.send("jobRequest", build(billingMode="subscription"))
    assert one.until("jobError")[-1][1]["error"] == 4079
    # Told to choose, it takes tokens.
    one.send("jobRequest", build())
    one.finished()
    net.release()
    one.finished()
    one.send("jobRequest", build(billingMode="subscription"))
    one.finished()


def test_limits_change_while_a_client_is_there(net: Sandbox, talk: Any, build: Build) -> None:
    account = net.account()
    one = talk(socketEventSubscriptions=NOTICES)
    account.require_plan("video", ["unlimited_pro"])
    request = build(VIDEO, keyframe={"frames": 9, "width": 256, "height": 256})
    one.send("jobRequest", request)
    (_, notice), (_, error) = (one.receive() for _ in range(2))
    assert set(notice) == {"version", "reason", "severity", "code", "message", "requiredPlans"}
    assert (notice["code"], notice["severity"]) == (4081, "error")
    assert (error["error"], error["subscriptionLimit"], error["requiredPlans"]) == (4081, True, ["unlimited_pro"])
    assert (error["feature"], error["limitation"]) == ("video", "plan")
    account.set_plan("unlimited")
    one.send("jobRequest", request)
    assert one.until("jobError")[-1][1]["error"] == 4081
    account.set_plan("unlimited_pro")
    one.send("jobRequest", request)
    one.finished()
    account.require_plan("video", [])
    account.set_plan(None)
    one.send("jobRequest", build(VIDEO, keyframe={"frames": 9, "width": 256, "height": 256}))
    one.finished()


def test_a_trial_is_used_up(net: Sandbox, rest: Any, talk: Any, build: Build) -> None:
    net.account().set_plan("unlimited", status="trialing", trial_limit=Decimal("0.0001"))
    one = talk()
    one.send("jobRequest", build(billingMode="subscription"))
    frames = one.finished()
    capped = [data["trialCapped"] for kind, data in frames if kind == "subscriptionEntitlementUpdated"]
    assert capped == [True]
    usage = rest.data("/v1/subscriptions/usage")["usage"]
    assert usage["trialCreditsUsed"] == usage["trialCreditsLimit"] == 0.0001
    one.send("jobRequest", build(billingMode="subscription"))
    assert one.until("jobError")[-1][1]["error"] == 4078


def test_fair_use(net: Sandbox, rest: Any, talk: Any) -> None:
    account = net.account()
    account.set_plan("unlimited")
    one = talk(socketEventSubscriptions=NOTICES)
    account.limit_fair_use()
    fair = pushed(one)["subscription"]["fairUse"]
    assert set(fair) == {
        *("limited", "usageSpark", "usageUsd", "planPriceUsd", "resetAt", "fastRenderingPaused"),
        *("relaxedUnrestricted", "upgradeAvailable"),
    }
    kind, notice = one.receive()
    assert (kind, notice["reason"], notice["fairUse"]) == ("subscriptionLimitNotice", "fair_use", fair)
    told = status(rest)["fairUse"]
    moment = datetime.fromisoformat(told["resetAt"].replace("Z", "+00:00"))
    assert round(moment.timestamp() * 1000) == fair["resetAt"]
    account.limit_fair_use(False)
    assert "fairUse" not in pushed(one)["subscription"]
    assert "fairUse" not in status(rest)


def test_notices_are_for_those_who_want_them(net: Sandbox, talk: Any) -> None:
    deaf, one = talk("deaf"), talk("one", socketEventSubscriptions=NOTICES)
    net.account().notify(4079, message="Full.")
    kind, notice = one.receive()
    assert (kind, notice["code"], notice["message"], notice["reason"]) == (
        "subscriptionLimitNotice",
        4079,
        "Full.",
        "queue_cap",
    )
    assert deaf.quiet() == []
