"""Tokens on their way between an account and its wallet: permits to sign, withdrawing, approving, depositing."""

from __future__ import annotations

import hashlib
import re
import time
from decimal import Decimal
from typing import Any

from aiohttp import web

from . import wallets
from .accounts import provider_of
from .answers import Handler, Problem, body_of, signed_in, success
from .ledger import Ledger
from .script import Rig
from .state import Account

SPENDERS = ("account", "staker")
CHAINS = {
    ("base", False): 8453,
    ("base", True): 84532,
    ("etherlink", False): 42793,
    ("etherlink", True): 128123,
}
UNIT = Decimal(10) ** -18
UNLIMITED = 2**256 - 1
PERMIT_LIFE = 1200.0
_UNITS = re.compile(r"0*[1-9][0-9]{0,59}")
STRANGER = "0x" + "66" * 20


class Vault:
    """The handlers; all of them take a sign-in with a password."""

    def __init__(self, *, ledger: Ledger, rig: Rig) -> None:
        self._ledger = ledger
        self._rig = rig
        #: What was handed out to be signed, by wallet, chain and purpose.
        self._permits: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._numbers: dict[str, int] = {}
        #: Deposits that are still refused although there is an approval, by wallet.
        self._lags: dict[str, int] = {}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every path."""
        post: dict[str, Handler] = {
            "/v1/account/token/withdraw/permit": self.withdraw_permit,
            "/v2/account/token/withdraw": self.withdraw,
            "/v3/account/token/deposit": self.deposit,
            "/v1/contract/token/approve/permit": self.approve_permit,
            "/v1/contract/token/approve": self.approve,
        }
        for path, handler in post.items():
            router.add_post(path, handler)

    def clear(self) -> None:
        """No permit counts any more."""
        self._permits.clear()
        self._lags.clear()

    async def withdraw_permit(self, request: web.Request) -> web.Response:
        """POST /v1/account/token/withdraw/permit: what the wallet is to sign."""
        account, body = await _asked(request)
        provider, units = provider_of(body.get("provider")), _units(body)
        _afford(account, units)
        return success(self._permit(account, provider, "withdraw", units))

    async def withdraw(self, request: web.Request) -> web.Response:
        """POST /v2/account/token/withdraw: from the account into its wallet, for a signed permit of that amount."""
        account, body = await _asked(request)
        provider, units = provider_of(body.get("provider")), _units(body)
        permit = self._signed(account, provider, "withdraw", body.get("signature"))
        if permit["message"]["value"] != str(units):
            raise Problem(400, 101, "The permit was for another amount.")
        _afford(account, units)
        amount = units * UNIT
        account.books.chains[provider].sogni += amount
        self._ledger.move(account, "sogni", -amount, f"Withdrawal to {provider}", "withdrawal")
        return success({})

    async def deposit(self, request: web.Request) -> web.Response:
        """POST /v3/account/token/deposit: from the wallet into the account, as far as an approval allows."""
        account, body = await _asked(request)
        provider, amount = provider_of(body.get("provider")), _units(body) * UNIT
        chain = account.books.chains[provider]
        lag = self._lags.get(account.address, 0)
        if lag or chain.allowances.get("account", Decimal(0)) < amount:
            self._lags[account.address] = max(0, lag - 1)
            raise Problem(400, 149, "Insufficient token allowance.")
        if chain.sogni < amount:
            raise Problem(400, 123, "Insufficient balance in the wallet.")
        chain.sogni -= amount
        chain.allowances["account"] -= amount
        self._ledger.move(account, "sogni", amount, f"Deposit from {provider}", "deposit")
        return success({})

    async def approve_permit(self, request: web.Request) -> web.Response:
        """POST /v1/contract/token/approve/permit: what the wallet is to sign."""
        account, body = await _asked(request)
        provider, spender = provider_of(body.get("provider")), _spender(body)
        return success(self._permit(account, provider, spender, UNLIMITED))

    async def approve(self, request: web.Request) -> web.Response:
        """POST /v1/contract/token/approve: lets a spender take from the wallet, for a signed permit."""
        account, body = await _asked(request)
        provider, spender = provider_of(body.get("provider")), _spender(body)
        permit = self._signed(account, provider, spender, body.get("approveSignature"))
        if str(body.get("deadline")) != str(permit["message"]["deadline"]):
            raise Problem(400, 101, "deadline must be that of the permit.")
        account.books.chains[provider].allowances[spender] = int(permit["message"]["value"]) * UNIT
        self._lags[account.address] = self._rig.take("approval_lag")
        return success({})

    # permits

    def _permit(self, account: Account, provider: str, purpose: str, units: int) -> dict[str, Any]:
        """A permit of the token's contract (EIP-2612); numbers are texts, as they are larger than JSON holds."""
        number = self._numbers.get(account.address, 0)
        self._numbers[account.address] = number + 1
        message = {
            "owner": account.address,
            "spender": _contract(f"{provider} {purpose}"),
            "value": str(units),
            "nonce": number,
            "deadline": int(time.time() + PERMIT_LIFE),
        }
        domain = {
            "name": "Sogni AI",
            "version": "1",
            "chainId": CHAINS[provider, self._rig.peek("testnet")],
            "verifyingContract": _contract(f"{provider} token"),
        }
        permit = wallets.typed("Permit", wallets.PERMIT, message, domain)
        lie = self._rig.take("hostile_permit")
        if lie is not None:
            permit = _lie(permit, lie)
        self._permits[account.address, provider, purpose] = permit
        return permit

    def _signed(self, account: Account, provider: str, purpose: str, signature: object) -> dict[str, Any]:
        """The permit that was signed; it counts once."""
        permit = self._permits.pop((account.address, provider, purpose), None)
        if permit is None:
            raise Problem(400, 101, "There is no permit for this, or it was used: ask for one.")
        if int(permit["message"]["deadline"]) < time.time():
            raise Problem(400, 101, "The permit is too old.")
        if not wallets.same(wallets.signer(permit, signature), account.address):
            raise Problem(400, 101, "The signature is not one of your wallet for this permit.")
        return permit


def _lie(permit: dict[str, Any], lie: str) -> dict[str, Any]:
    """A permit that asks for something else than was asked for."""
    domain, types, message = permit["domain"], permit["types"], permit["message"]
    if lie == "type":
        types = {("Transfer" if name == "Permit" else name): fields for name, fields in types.items()}
    changes: dict[str, dict[str, Any]] = {
        "chain": {"chainId": 1},
        "name": {"name": "USD Coin"},
        "owner": {"owner": STRANGER},
        "spender": {"spender": STRANGER},
        "amount": {"value": str(int(message["value"]) * 10 % UNLIMITED)},
        "deadline": {"deadline": UNLIMITED},
    }
    changed = changes.get(lie, {})
    where = domain if lie in ("chain", "name") else message
    changed = {**where, **changed}
    return {
        "domain": changed if where is domain else domain,
        "types": types,
        "message": changed if where is message else message,
    }


async def _asked(request: web.Request) -> tuple[Account, dict[str, Any]]:
    """Who asks, and what; the wallet must be theirs."""
    account, body = signed_in(), await body_of(request)
    if not wallets.same(body.get("walletAddress"), account.address):
        raise Problem(403, 103, "walletAddress must be your own.")
    return account, body


def _units(body: dict[str, Any]) -> int:
    """The amount in units of 10**-18."""
    text = body.get("amount")
    if not isinstance(text, str) or not _UNITS.fullmatch(text):
        raise Problem(400, 101, "amount must be a text of digits, greater than 0, in units of 10**-18.")
    return int(text)


def _spender(body: dict[str, Any]) -> str:
    if body.get("spender") not in SPENDERS:
        raise Problem(400, 101, f"spender must be one of {', '.join(SPENDERS)}.")
    return str(body["spender"])


def _afford(account: Account, units: int) -> None:
    if account.purses["sogni"].net < units * UNIT:
        raise Problem(400, 123, "Insufficient balance.")


def _contract(name: str) -> str:
    """Address of a contract of this network."""
    return "0x" + hashlib.sha256(f"sandbox contract {name}".encode()).hexdigest()[:40]
