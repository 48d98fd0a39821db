"""What an account may ask about itself: profile, balances, transactions and rewards."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from . import views
from .answers import Handler, Problem, answer, body_of, caller, word_of
from .books import PROVIDERS, Chain, Entry, Reward, text_of
from .ledger import Ledger
from .script import Rig
from .state import Account, World
from .wallets import same

MOST = 100


class Accounts:
    """The handlers."""

    def __init__(self, *, world: World, ledger: Ledger, rig: Rig) -> None:
        self._world = world
        self._ledger = ledger
        self._rig = rig

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every path."""
        get: dict[str, Handler] = {
            "/v1/account/me": self.me,
            "/v4/account/balance": self.balance,
            "/v2/wallet/balance": self.wallet,
            "/v1/transactions/list": self.transactions,
            "/v4/account/rewards": self.rewards,
        }
        for path, handler in get.items():
            router.add_get(path, handler)
        router.add_post("/v3/account/reward/claim", self.claim)
        router.add_post("/v1/account/device-id", self.device)

    async def me(self, request: web.Request) -> web.Response:
        """GET /v1/account/me."""
        return answer(self._rig, views.profile(caller()))

    async def balance(self, request: web.Request) -> web.Response:
        """GET /v4/account/balance."""
        return answer(self._rig, views.balances(caller(), unclaimed=True))

    async def wallet(self, request: web.Request) -> web.Response:
        """GET /v2/wallet/balance: what a wallet has on a chain; nothing when nobody here owns it."""
        caller()
        address, provider = request.query.get("walletAddress"), provider_of(request.query.get("provider", "base"))
        if not address:
            raise Problem(400, 101, "walletAddress is missing.")
        owner = self._world.at(address)
        chain = owner.books.chains[provider] if owner is not None else Chain()
        return answer(self._rig, {name: text_of(getattr(chain, name)) for name in ("sogni", "spark", "ether")})

    async def device(self, request: web.Request) -> web.Response:
        """POST /v1/account/device-id: an id of the device, which knows whether it had a trial before."""
        account, device = caller(), word_of(await body_of(request), "deviceId")
        if device not in account.devices:
            account.devices.append(device)
        return answer(self._rig, {})

    # transactions

    async def transactions(self, request: web.Request) -> web.Response:
        """GET /v1/transactions/list: a page, newest first, and in `next` the offset of the one after it."""
        account, query = caller(), request.query
        for name in ("status", "address", "limit"):
            if not query.get(name):
                raise Problem(400, 101, f"{name} is missing.")
        if not same(query["address"], account.address):
            raise Problem(403, 103, "address must be your own.")
        if "provider" in query:
            provider_of(query["provider"])
        try:
            limit, offset = int(query["limit"]), int(query.get("offset", 0))
        except ValueError:
            raise Problem(400, 101, "limit and offset must be whole numbers.") from None
        if not 1 <= limit <= MOST or offset < 0:
            raise Problem(400, 101, f"limit must be from 1 to {MOST}, offset from 0 on.")
        found = [entry for entry in reversed(account.books.entries) if entry.status == query["status"]]
        numeric, timeless = self._rig.take("numeric_amounts"), self._rig.take("null_times")
        page = [_row(account, entry, numeric=numeric, timeless=timeless) for entry in found[offset : offset + limit]]
        told: dict[str, Any] = {"transactions": page, "next": offset + limit}
        if offset + limit >= len(found):
            self._end(told, offset)
        return answer(self._rig, told)

    def _end(self, told: dict[str, Any], offset: int) -> None:
        """Mark the last page as a script wants it: the service does not say how it does."""
        how = self._rig.take("last_page")
        if how == "missing":
            del told["next"]
        elif how != "beyond":
            told["next"] = {"zero": 0, "null": None, "same": offset}[how]

    # rewards

    async def rewards(self, request: web.Request) -> web.Response:
        """GET /v4/account/rewards."""
        account = caller()
        if "provider" in request.query:
            provider_of(request.query["provider"])
        return answer(self._rig, {"rewards": [_reward(reward) for reward in account.books.rewards.values()]})

    async def claim(self, request: web.Request) -> web.Response:
        """POST /v3/account/reward/claim: all of them or none."""
        account, body = caller(), await body_of(request)
        claims = body.get("claims")
        if not isinstance(claims, list) or not claims or not all(isinstance(key, str) for key in claims):
            raise Problem(400, 101, "claims must be a list of ids.")
        provider_of(body.get("provider", "base"))
        chosen: list[Reward] = []
        for key in dict.fromkeys(claims):
            reward = account.books.rewards.get(key)
            if reward is None:
                raise Problem(404, 122, f"There is no reward {key!r}.")
            if reward.obstacle is not None:
                raise Problem(400, 101, f"The reward {key!r} cannot be claimed: {reward.obstacle}.")
            if reward.guarded and not body.get("turnstileToken"):
                raise Problem(400, 101, f"The reward {key!r} takes a turnstileToken.")
            chosen.append(reward)
        for reward in chosen:
            reward.claimed_at = int(time.time())
            self._ledger.move(account, reward.token, reward.amount, reward.title, "reward")
        return answer(self._rig, {})


def provider_of(value: object) -> str:
    """The name of a chain."""
    if value not in PROVIDERS:
        raise Problem(400, 101, f"provider must be one of {', '.join(PROVIDERS)}.")
    return str(value)


def _row(account: Account, entry: Entry, *, numeric: bool, timeless: bool) -> dict[str, Any]:
    view: dict[str, Any] = {
        "_id": f"row-{entry.id}",
        "id": entry.id,
        "SID": entry.source_sid,
        "clientSID": account.sid,
        "addressSID": account.sid,
        "sourceSID": entry.source_sid,
        "address": account.address,
        "status": entry.status,
        "role": "artist",
        "amount": float(entry.amount) if numeric else text_of(entry.amount),
        "tokenType": entry.token,
        "description": entry.description,
        "source": entry.source,
        "type": entry.type,
        "createTime": None if timeless else entry.created,
        "updateTime": None if timeless else entry.ended or entry.created,
        "endTime": None if timeless else entry.ended,
    }
    if entry.billing_mode is not None:
        view["billingMode"] = entry.billing_mode
    if entry.payment is not None:
        view["paymentModel"] = entry.payment
    return {**view, **entry.plan}


def _reward(reward: Reward) -> dict[str, Any]:
    obstacle = reward.obstacle
    view: dict[str, Any] = {
        "id": reward.id,
        "type": reward.type,
        "title": reward.title,
        "description": reward.description,
        "amount": text_of(reward.amount),
        "tokenType": reward.token,
        "claimed": int(reward.claimed),
        "canClaim": int(obstacle is None),
        "lastClaimTimestamp": reward.claimed_at,
        "claimResetFrequencySec": reward.reset,
    }
    if obstacle is not None:
        view["cantClaimReason"] = obstacle
    return view
