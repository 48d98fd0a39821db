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

from .state import Account, World

DEFAULT_KEY = "sandbox-key"
ACCESS_LIFE, REFRESH_LIFE = 3600.0, 30 * 86_400.0
CREDENTIAL_HEADERS = ("api-key", "authorization", "cookie", "proxy-authorization")
REAL_KEY = "This is the sandbox: real keys are refused and never passed on. Any key that starts with 'sandbox' will do."

#: Account that the request being answered comes from; a request is answered in one task.
ASKING: ContextVar[Account | None] = ContextVar("ASKING", default=None)


@attrs.frozen
class Caller:
    """Who sent a request.

    Attributes:
        account: The account; None when nobody or when refused.
        label: For the log; never the secret itself.
        refusal: Why the credentials were refused; empty when they were not.
    """

    account: Account | None
    label: str | None
    refusal: str = ""


@attrs.define(eq=False)
class _Pair:
    number: int
    account: str
    refresh: str


class Access:
    """Recognises callers and mints tokens."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._secret = secrets.token_bytes(32)
        self._pairs: dict[str, _Pair] = {}
        self._spent: set[str] = set()
        self._numbers = 0
        self.renewals = 0

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who these headers stand for."""
        if (key := headers.get("api-key")) is not None:
            return self._key(key)
        if (token := headers.get("Authorization")) is not None:
            return self._token(token)
        return Caller(None, None)

    def mint(self, account: str, expires_in: float, refresh_expires_in: float) -> tuple[str, str]:
        """A new pair of JWTs."""
        self._numbers += 1
        address = self._world.account(account).address
        claims = {"addr": address, "env": "sandbox", "acc": account, "num": self._numbers}
        token = self._jwt({**claims, "use": "access"}, expires_in)
        refresh = self._jwt({**claims, "type": "refresh", "use": "refresh"}, refresh_expires_in)
        self._pairs[refresh] = _Pair(self._numbers, account, refresh)
        return token, refresh

    def renew(self, refresh: object) -> tuple[str, str] | str:
        """A new pair for a refresh token, which is spent by that; or why not."""
        if not isinstance(refresh, str) or refresh not in self._pairs:
            return "This refresh token was used before." if refresh in self._spent else "Unknown refresh token."
        claims = self._claims(refresh)
        if claims is None or claims["exp"] <= time.time():
            return "The refresh token has expired."
        pair = self._pairs.pop(refresh)
        self._spent.add(refresh)
        self.renewals += 1
        return self.mint(pair.account, ACCESS_LIFE, REFRESH_LIFE)

    def clear(self) -> None:
        """No token counts any more."""
        self._secret = secrets.token_bytes(32)
        self._pairs.clear()
        self._spent.clear()
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
        if claims["exp"] <= time.time():
            return Caller(None, f"expired {label}", "The token has expired.")
        return Caller(self._world.account(claims["acc"]), label)

    def _jwt(self, claims: Mapping[str, Any], expires_in: float) -> str:
        issued = time.time()
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
