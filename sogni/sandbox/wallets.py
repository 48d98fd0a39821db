"""Wallets of accounts and EIP-712 signatures; eth-account is loaded by the first that is looked at."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from typing import Any

SALT, ROUNDS = b"sogni-salt-value", 10_000

#: The account that is always there, and its wallet: made of these two as any other.
USERNAME, PASSWORD = "sandbox", "sandbox"
ADDRESS = "0x1234C2821d042256d131cE04DcbF602BBa1E9311"

#: Domains of signing in and up, by whether this is the test network.
_DOMAINS = {
    False: {"name": "Sogni AI", "version": "1", "chainId": 8453},
    True: {"name": "Sogni-testnet", "version": "1", "chainId": 84532},
}
_CONTRACT = "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"

AUTHENTICATION = (("walletAddress", "address"), ("nonce", "string"))
SIGNUP = (
    ("appid", "string"),
    ("username", "string"),
    ("email", "string"),
    ("subscribe", "uint256"),
    ("walletAddress", "address"),
    ("nonce", "string"),
)
PERMIT = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)


def eth_account() -> Any:
    """The library, loaded without what it does to the whole process.

    It raises the recursion limit a hundredfold, and nested JSON from outside would then end the process in place of
    being an error.
    """
    limit = sys.getrecursionlimit()
    import eth_account
    import eth_account.messages

    sys.setrecursionlimit(limit)
    return eth_account


def address_of(username: str, password: str) -> str:
    """Address of the wallet that a name and a password make."""
    if (username, password) == (USERNAME, PASSWORD):
        return ADDRESS
    key = hashlib.pbkdf2_hmac("sha256", (username.lower() + password).encode(), SALT, ROUNDS, 32)
    return str(eth_account().Account.from_key(key).address)


def typed(
    primary: str,
    fields: tuple[tuple[str, str], ...],
    message: Mapping[str, object],
    domain: Mapping[str, object],
) -> dict[str, Any]:
    """Typed data as the network hands it out to be signed."""
    types = {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        primary: [{"name": name, "type": kind} for name, kind in fields],
    }
    return {"domain": dict(domain), "types": types, "message": dict(message)}


def of_sogni(
    primary: str, fields: tuple[tuple[str, str], ...], message: Mapping[str, object], *, testnet: bool
) -> dict[str, Any]:
    """Typed data that a client makes itself, to sign in or up."""
    return typed(primary, fields, message, {**_DOMAINS[testnet], "verifyingContract": _CONTRACT})


def signer(data: Mapping[str, Any], signature: object) -> str | None:
    """Address of who signed typed data; None for what is no signature of it."""
    if not isinstance(signature, str):
        return None
    eth = eth_account()
    types = {name: fields for name, fields in data["types"].items() if name != "EIP712Domain"}
    # Whatever a client sends must not be more than a wrong signature, and that library raises errors of many kinds.
    try:
        message = eth.messages.encode_typed_data(
            domain_data=data["domain"], message_types=types, message_data=data["message"]
        )
        return str(eth.Account.recover_message(message, signature=signature))
    except Exception:
        return None


def same(one: object, other: object) -> bool:
    """Two addresses are the same, whatever the case of their letters."""
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()
