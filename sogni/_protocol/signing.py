"""The wallet of an account, made of its name and password, and what it signs. eth-account is loaded by who signs."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ..errors import ConfigError, Problem, ValidationError

SALT = b"sogni-salt-value"
ROUNDS = 10_000

# Domain of sign-in and sign-up, by whether it is the test network.
_DOMAINS: dict[bool, dict[str, object]] = {
    False: {"name": "Sogni AI", "version": "1", "chainId": 8453},
    True: {"name": "Sogni-testnet", "version": "1", "chainId": 84532},
}
_CONTRACT = "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"

_AUTHENTICATION = (("walletAddress", "address"), ("nonce", "string"))
_SIGNUP = (
    ("appid", "string"),
    ("username", "string"),
    ("email", "string"),
    ("subscribe", "uint256"),
    ("walletAddress", "address"),
    ("nonce", "string"),
)


class Secret:
    """A password on its way; no repr, pickle or traceback shows it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret cannot be pickled")

    def reveal(self) -> str:
        """The text itself."""
        return self._text


@frozen
class Wallet:
    """The key of an account. It is made when something is to be signed, and dropped afterwards.

    Attributes:
        address: Its address, in the usual mixture of cases.
    """

    address: str
    _key: Secret = field(repr=False)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a wallet cannot be pickled")

    def sign(self, domain: Mapping[str, object], types: Mapping[str, object], message: Mapping[str, object]) -> str:
        """The EIP-712 signature, as the network spells it: `0x` and 130 hexadecimal digits.

        Raises:
            ConfigError: the data cannot be encoded.
        """
        account = _library()
        problem: str
        try:
            signed = account.sign_typed_data(
                bytes.fromhex(self._key.reveal()),
                domain_data=dict(domain),
                message_types=dict(types),
                message_data=dict(message),
            )
            return "0x" + bytes(signed.signature).hex()
        except Exception as error:
            problem = type(error).__name__
        # Out here: the frames of the library hold the key.
        raise ConfigError(f"The data to sign cannot be encoded ({problem}).")

    def sign_in(self, nonce: str, *, testnet: bool = False) -> str:
        """The signature that signs in."""
        return self._own("Authentication", _AUTHENTICATION, {"walletAddress": self.address, "nonce": nonce}, testnet)

    def sign_up(
        self, nonce: str, *, app_id: str, username: str, email: str, subscribe: bool, testnet: bool = False
    ) -> str:
        """The signature that makes an account."""
        message = {
            "appid": app_id,
            "username": username,
            "email": email,
            "subscribe": int(subscribe),
            "walletAddress": self.address,
            "nonce": nonce,
        }
        return self._own("Signup", _SIGNUP, message, testnet)

    def _own(
        self, primary: str, fields: Sequence[tuple[str, str]], message: Mapping[str, object], testnet: bool
    ) -> str:
        types = {primary: [{"name": name, "type": kind} for name, kind in fields]}
        return self.sign({**_DOMAINS[testnet], "verifyingContract": _CONTRACT}, types, message)


def wallet(username: str, password: Secret) -> Wallet:
    """The wallet of a name and a password: nothing is trimmed or normalised, the case of the name does not count.

    It takes some milliseconds of computing.

    Raises:
        ValidationError: one of them is no text, or empty.
    """
    text = password.reveal()
    problems = [
        Problem(name, f"{name} must be a text that is not empty.")
        for name, value in (("username", username), ("password", text))
        if not isinstance(value, str) or not value or not _encodable(value)
    ]
    del text
    if problems:
        raise ValidationError(problems=problems)
    # No separator, so "ab" + "c" and "a" + "bc" are one wallet: that is how the accounts were made.
    material = (username.lower() + password.reveal()).encode()
    return _from_key(hashlib.pbkdf2_hmac("sha256", material, SALT, ROUNDS, 32))


def _from_key(key: bytes) -> Wallet:
    return Wallet(str(_library().from_key(key).address), Secret(key.hex()))


def _library() -> Any:
    limit = sys.getrecursionlimit()
    try:
        from eth_account import Account
    finally:
        # One of its own libraries raises the limit so far that deeply nested JSON would end the whole process.
        sys.setrecursionlimit(limit)
    return Account


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
