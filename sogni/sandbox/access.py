"""Who is asking: keys that start with `sandbox`, and token pairs minted here; everybody else is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import attrs

from .script import Rig
from .state import Account, World

DEFAULT_KEY = "sandbox-key"
ACCESS_LIFE, REFRESH_LIFE = 3600.0, 30 * 86_400.0
CREDENTIAL_HEADERS = ("api-key", "authorization", "cookie", "proxy-authorization")
REAL_KEY = "This is the sandbox: real keys are refused and never passed on. Any key that starts with 'sandbox' will do."

#: Account that the request being answered comes from; a request is answered in one task.
ASKING: ContextVar[Account | None] = ContextVar("ASKING", default=None)
#: The number of the session that its token belongs to; None for an API key.
SESSION: ContextVar[int | None] = ContextVar("SESSION", default=None)


@attrs.frozen
class Caller:
    """Who sent a request.

    Attributes:
        account: The account; None when nobody or when refused.
        label: For the log; never the secret itself.
        refusal: Why the credentials were refused; empty when they were not.
        session: Number of the session of a token; None for an API key.
    """

    account: Account | None
    label: str | None
    refusal: str = ""
    session: int | None = None


@attrs.define(eq=False)
class _Pair:
    account: str
    session: int


class Access:
    """Recognises callers and mints tokens.

    A session begins with a sign-in and goes on through renewals; its tokens are numbered in the order they are minted.
    """

    def __init__(self, world: World, rig: Rig) -> None:
        self._world = world
        self._rig = rig
        self._secret = secrets.token_bytes(32)
        self._pairs: dict[str, _Pair] = {}
        self._spent: set[str] = set()
        self._numbers = 0
        self._expired = 0
        self._ended: set[int] = set()
        self.renewals = 0

    def clock(self) -> float:
        """Epoch seconds, by the clock of this server."""
        offset: float = self._rig.peek("clock_offset")
        return time.time() + offset

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who these headers stand for."""
        if (key := headers.get("api-key")) is not None:
            return self._key(key)
        if (token := headers.get("Authorization")) is not None:
            return self._token(token)
        return Caller(None, None)

    def sign_in(self, account: str, session: int | None = None) -> tuple[str, str]:
        """A new pair, of a new session unless one is given; it lives as long as a script says."""
        life, refresh_life = self._rig.take("token_life"), self._rig.take("refresh_life")
        return self.mint(
            account,
            ACCESS_LIFE if life is None else life,
            REFRESH_LIFE if refresh_life is None else refresh_life,
            session,
        )

    def mint(
        self, account: str, expires_in: float, refresh_expires_in: float, session: int | None = None
    ) -> tuple[str, str]:
        """A new pair of JWTs, of a new session unless one is given."""
        self._numbers += 1
        session = self._numbers if session is None else session
        address = self._world.account(account).address
        claims = {"addr": address, "env": "sandbox", "acc": account, "num": self._numbers, "ses": session}
        token = self._jwt({**claims, "use": "access"}, expires_in)
        refresh = self._jwt({**claims, "type": "refresh", "use": "refresh"}, refresh_expires_in)
        self._pairs[refresh] = _Pair(account, session)
        return token, refresh

    def renew(self, refresh: object) -> tuple[str, str] | str:
        """A new pair for a refresh token, which is spent by that; or why not."""
        if not isinstance(refresh, str) or refresh not in self._pairs:
            return "This refresh token was used before." if refresh in self._spent else "Unknown refresh token."
        claims = self._claims(refresh)
        if claims is None or claims["exp"] <= self.clock():
            return "The refresh token has expired."
        pair = self._pairs.pop(refresh)
        self._spent.add(refresh)
        self.renewals += 1
        return self.sign_in(pair.account, pair.session)

    def end(self, session: int) -> None:
        """Sign a session out: none of its tokens counts any more."""
        self._ended.add(session)
        self._pairs = {refresh: pair for refresh, pair in self._pairs.items() if pair.session != session}

    def expire(self, *, refresh: bool = False) -> None:
        """Every access token minted so far has expired, whatever stands in it; refresh tokens too if asked."""
        self._expired = self._numbers
        if refresh:
            self._pairs.clear()

    def clear(self) -> None:
        """No token counts any more."""
        self._secret = secrets.token_bytes(32)
        self._pairs.clear()
        self._spent.clear()
        self._ended.clear()
        self.renewals = 0

    def _key(self, key: str) -> Caller:
        if not key.startswith("sandbox"):
            return Caller(None, "unknown api-key", REAL_KEY)
        # A name for people: what follows `sandbox-`, the default key being the account `sandbox` itself.
        rest = re.sub(r"[^A-Za-z0-9]+", "-", key.removeprefix("sandbox")).strip("-")
        name = "sandbox" if rest in ("", "key") else f"sandbox-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        return Caller(self._world.account(name), f"api-key of {name}")

    def _token(self, token: str) -> Caller:
        if token.startswith("Bearer "):
            return Caller(None, "bearer token", "The token goes into Authorization as it is, without Bearer.")
        claims = self._claims(token)
        if claims is None or claims.get("use") != "access":
            return Caller(None, "unknown token", "Invalid token.")
        label = f"token {claims['num']} of {claims['acc']}"
        if claims["exp"] <= self.clock() or claims["num"] <= self._expired:
            return Caller(None, f"expired {label}", "The token has expired.")
        if claims["ses"] in self._ended:
            return Caller(None, f"ended {label}", "This session was signed out.")
        return Caller(self._world.account(claims["acc"]), label, session=claims["ses"])

    def _jwt(self, claims: Mapping[str, Any], expires_in: float) -> str:
        issued = self.clock()
        body = {**claims, "iat": int(issued), "exp": int(issued + expires_in), "jti": secrets.token_hex(8)}
        signed = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment(body)}"
        return f"{signed}.{self._sign(signed)}"

    def _sign(self, text: str) -> str:
        digest = hmac.new(self._secret, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def _claims(self, token: str) -> dict[str, Any] | None:
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(self._sign(signed).encode(), signature.encode()):
            return None
        body = signed.partition(".")[2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers for the log, credentials blanked."""
    return {name: "[hidden]" if name.lower() in CREDENTIAL_HEADERS else value for name, value in headers.items()}


def _segment(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")
