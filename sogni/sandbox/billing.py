"""Subscriptions over HTTP: status, usage, trial, what is on sale, and the pages where one buys and cancels."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from html import escape
from typing import Any

import attrs
from aiohttp import web

from . import plans
from .answers import Handler, Problem, answer, body_of, caller, signed_in
from .ledger import Ledger
from .script import Rig
from .state import Account, World

REDIRECTS = ("web", "app", "dashboard", "photobooth", "chat")
#: Pages on this server; who knows the address may use them, as with the real ones.
CHECKOUT, PORTAL = "/checkout/", "/portal/"


@attrs.frozen
class _Order:
    account: Account
    tier: str
    term: str


class Billing:
    """The handlers."""

    def __init__(self, *, world: World, ledger: Ledger, rig: Rig) -> None:
        self._world = world
        self._ledger = ledger
        self._rig = rig
        self._orders: dict[str, _Order] = {}
        self._portals: dict[str, Account] = {}
        self.base = ""

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every path."""
        get: dict[str, Handler] = {
            "/v1/subscriptions/status": self.status,
            "/v1/subscriptions/usage": self.usage,
            "/v1/subscriptions/trial-eligibility": self.trial,
            "/v1/subscriptions/plans": self.plans,
            CHECKOUT + "{key}": self.checkout_page,
            PORTAL + "{key}": self.portal_page,
        }
        post: dict[str, Handler] = {
            "/v1/iap/stripe/subscribe": self.checkout,
            "/v1/subscriptions/stripe/portal": self.portal,
            CHECKOUT + "{key}": self.pay,
            PORTAL + "{key}": self.change,
        }
        for add, paths in ((router.add_get, get), (router.add_post, post)):
            for path, handler in paths.items():
                add(path, handler)

    def clear(self) -> None:
        """No page counts any more."""
        self._orders.clear()
        self._portals.clear()

    async def status(self, request: web.Request) -> web.Response:
        """GET /v1/subscriptions/status: as it is when the request arrives, even if the answer takes longer."""
        account = caller()
        found = plans.snapshot(account.plan)
        if self._rig.take("versioned_status"):
            found["version"] = str(account.plan_version)
        if seconds := self._rig.take("slow_status"):
            await asyncio.sleep(seconds)
        return answer(self._rig, {"subscription": found})

    async def usage(self, request: web.Request) -> web.Response:
        """GET /v1/subscriptions/usage."""
        return answer(self._rig, {"usage": plans.usage(caller().plan)})

    async def trial(self, request: web.Request) -> web.Response:
        """GET /v1/subscriptions/trial-eligibility: once for an account, and once for a device."""
        eligible = self._may_try(caller())
        return answer(self._rig, {"eligible": eligible, "reasonCode": "eligible" if eligible else "not_eligible"})

    async def plans(self, request: web.Request) -> web.Response:
        """GET /v1/subscriptions/plans, for anybody."""
        return answer(self._rig, {"plans": plans.on_sale()})

    async def checkout(self, request: web.Request) -> web.Response:
        """POST /v1/iap/stripe/subscribe: the address of a page with a button; POST to it pays."""
        account, body = signed_in(), await body_of(request)
        allowed = {"planId": plans.TIERS, "term": plans.TERMS, "redirectType": REDIRECTS}
        for name, choices in allowed.items():
            if body.get(name, "web" if name == "redirectType" else None) not in choices:
                raise Problem(400, 101, f"{name} must be one of {', '.join(choices)}.")
        if account.plan is not None and account.plan.active and not account.plan.cancels:
            raise Problem(409, 109, "There is a plan already; the portal changes it.")
        if body.get("deviceId") and body["deviceId"] not in account.devices:
            account.devices.append(str(body["deviceId"]))
        key = secrets.token_urlsafe(16)
        self._orders[key] = _Order(account, body["planId"], body["term"])
        return answer(self._rig, {"url": f"{self.base}{CHECKOUT}{key}", "message": "Pay in the browser."})

    async def portal(self, request: web.Request) -> web.Response:
        """POST /v1/subscriptions/stripe/portal: the address of a page where the plan is cancelled or resumed."""
        account = signed_in()
        if account.plan is None:
            raise Problem(404, 122, "There is no subscription.")
        key = secrets.token_urlsafe(16)
        self._portals[key] = account
        return answer(self._rig, {"url": f"{self.base}{PORTAL}{key}"})

    # pages

    async def checkout_page(self, request: web.Request) -> web.Response:
        """GET of the page that a checkout leads to."""
        order = _found(self._orders.get(request.match_info["key"]))
        price = plans.PRICES[order.tier, order.term]
        what = "Start the trial" if self._may_try(order.account) else f"Pay {price} USD"
        return _page(f"{plans.NAMES[order.tier]}, {order.term}", {"pay": what})

    async def pay(self, request: web.Request) -> web.Response:
        """POST of that page: the plan begins, as a trial where there was none."""
        order = _found(self._orders.pop(request.match_info["key"], None))
        trial = self._may_try(order.account)
        order.account.had_trial = True
        self._ledger.change_plan(order.account, plans.bought(order.tier, order.term, trial=trial))
        return _page("Thank you", {})

    async def portal_page(self, request: web.Request) -> web.Response:
        """GET of the page that the portal leads to."""
        account = _found(self._portals.get(request.match_info["key"]))
        plan = _found(account.plan)
        return _page(f"{plans.NAMES[plan.tier]}: {plan.status}", {"cancel": "Cancel", "resume": "Resume"})

    async def change(self, request: web.Request) -> web.Response:
        """POST of that page with `action` `cancel` or `resume`."""
        account = _found(self._portals.get(request.match_info["key"]))
        plan = _found(account.plan)
        action = (await request.post()).get("action")
        changes: dict[object, Callable[[str], str]] = {
            "cancel": lambda status: "cancel_at_period_end" if status == "active" else status,
            "resume": lambda status: "active" if status == "cancel_at_period_end" else status,
        }
        if action not in changes:
            raise Problem(400, 101, "action must be cancel or resume.")
        # A cancelled trial goes on being one until it ends.
        plan.status = changes[action](plan.status)
        plan.cancels = action == "cancel"
        self._ledger.tell_plan(account)
        return _page(f"{plans.NAMES[plan.tier]}: {plan.status}", {})

    # inside

    def _may_try(self, account: Account) -> bool:
        tried = (other for other in self._world.accounts.values() if other.had_trial)
        return not any(other is account or set(other.devices) & set(account.devices) for other in tried)


def _found(value: Any) -> Any:
    if value is None:
        raise Problem(404, 122, "This page is gone.")
    return value


def _page(title: str, buttons: dict[str, str]) -> web.Response:
    """A page with buttons that post to it."""
    forms = "".join(
        f'<form method="post"><button name="action" value="{name}">{escape(label)}</button></form>'
        for name, label in buttons.items()
    )
    text = f"<!doctype html><title>Sandbox</title><h1>{escape(title)}</h1>{forms}"
    return web.Response(text=text, content_type="text/html")
