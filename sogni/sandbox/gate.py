"""Signing up, in and out: nonces, signatures of wallets, and token pairs."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from . import wallets
from .access import SESSION, Access
from .answers import Handler, Problem, body_of, caller, success, word_of
from .script import Rig
from .state import Account, World

#: Seconds that a nonce is good for, once.
NONCE_LIFE = 300.0
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_LONGEST_NAME = 64


class Gate:
    """The handlers."""

    def __init__(self, *, world: World, access: Access, rig: Rig) -> None:
        self._world = world
        self._access = access
        self._rig = rig
        self._nonces: dict[str, tuple[str, float]] = {}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every path."""
        post: dict[str, Handler] = {
            "/v1/account/nonce": self.nonce,
            "/v1/account/login": self.login,
            "/v1/account/create": self.create,
            "/v1/account/refresh-token": self.renew,
            "/v1/account/logout": self.logout,
            "/v1/account/username/validate": self.validate,
        }
        for path, handler in post.items():
            router.add_post(path, handler)

    def clear(self) -> None:
        """No nonce counts any more."""
        self._nonces.clear()

    async def nonce(self, request: web.Request) -> web.Response:
        """POST /v1/account/nonce: what the wallet is to sign; a newer one takes the place of an older."""
        address = _wallet(await body_of(request))
        nonce = secrets.token_urlsafe(24)
        self._nonces[address.lower()] = nonce, time.monotonic() + NONCE_LIFE
        return success({"nonce": nonce})

    async def login(self, request: web.Request) -> web.Response:
        """POST /v1/account/login: an `Authentication` signed by the wallet, which says whose it is."""
        body = await body_of(request)
        address = _wallet(body)
        self._check(body, "Authentication", wallets.AUTHENTICATION, {})
        account = self._world.at(address)
        if account is None:
            raise Problem(404, 122, "There is no account with this wallet: is the username or the password wrong?")
        return success(self._pair(account))

    async def create(self, request: web.Request) -> web.Response:
        """POST /v1/account/create: a `Signup` signed by the wallet; any Turnstile token will do, but none will not."""
        body = await body_of(request)
        address, username = _wallet(body), self._free(body)
        email, app_id = word_of(body, "email"), word_of(body, "appid")
        if not _EMAIL.fullmatch(email):
            raise Problem(400, 101, "email must be an address like name@example.com.")
        subscribe = body.get("subscribe")
        if subscribe not in (0, 1) or isinstance(subscribe, bool):
            raise Problem(400, 101, "subscribe must be 0 or 1.")
        word_of(body, "turnstileToken")
        if self._world.at(address) is not None:
            raise Problem(400, 101, "This wallet has an account already.")
        about = {"appid": app_id, "username": username, "email": email, "subscribe": subscribe}
        self._check(body, "Signup", wallets.SIGNUP, about)
        account = Account(username, address, email)
        self._world.accounts[username] = account
        pair = self._pair(account)
        return success({"token": pair["token"], "refreshToken": pair["refreshToken"]})

    async def renew(self, request: web.Request) -> web.Response:
        """POST /v1/account/refresh-token: a new pair for a refresh token, which is spent by that."""
        refresh = (await body_of(request)).get("refreshToken")
        if seconds := self._rig.take("slow_renewal"):
            await asyncio.sleep(seconds)
        pair = self._access.renew(refresh)
        if isinstance(pair, str):
            raise Problem(401, 104, pair)
        if self._rig.take("broken_pair"):
            return success({"token": pair[0]})
        return success({"token": pair[0], "refreshToken": pair[1]})

    async def logout(self, request: web.Request) -> web.Response:
        """POST /v1/account/logout: the tokens of this session count no more; a key stays what it is."""
        caller()
        session = SESSION.get()
        if session is not None:
            self._access.end(session)
        return success({})

    async def validate(self, request: web.Request) -> web.Response:
        """POST /v1/account/username/validate: whether a name is free."""
        username = self._free(await body_of(request))
        return success({"username": username})

    # inside

    def _check(
        self, body: Mapping[str, Any], primary: str, fields: tuple[tuple[str, str], ...], about: Mapping[str, object]
    ) -> None:
        """The wallet has signed this, with the nonce that it was given; which is spent either way."""
        address = str(body["walletAddress"])
        nonce, until = self._nonces.pop(address.lower(), ("", 0.0))
        if not nonce or time.monotonic() > until:
            raise Problem(401, 102, "There is no nonce for this wallet, or it was used or is too old: ask for one.")
        message = {**about, "walletAddress": address, "nonce": nonce}
        data = wallets.of_sogni(primary, fields, message, testnet=self._rig.peek("testnet"))
        if not wallets.same(wallets.signer(data, body.get("signature")), address):
            raise Problem(401, 102, "The signature is not one of this wallet for this network.")

    def _pair(self, account: Account) -> dict[str, str]:
        token, refresh = self._access.sign_in(account.name)
        return {"token": token, "refreshToken": refresh, "username": account.name}

    def _free(self, body: dict[str, Any]) -> str:
        """The name in the body, which nobody has."""
        username = word_of(body, "username")
        if len(username) > _LONGEST_NAME or not username.isprintable() or username != username.strip():
            raise Problem(400, 101, f"username must be printable, without spaces around it, of up to {_LONGEST_NAME}.")
        if self._world.named(username) is not None:
            raise Problem(400, 108, "This username is taken.")
        return username


def _wallet(body: dict[str, Any]) -> str:
    address = word_of(body, "walletAddress")
    if not _ADDRESS.fullmatch(address):
        raise Problem(400, 101, "walletAddress must be 0x and 40 hexadecimal digits.")
    return address
