"""Somebody with a username and a password, of bare libraries: signs as the network wants it, and asks over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import requests

from sogni.sandbox import Sandbox
from sogni.sandbox.wallets import eth_account

TIMEOUT = 10.0
CONTRACT = "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"
DOMAINS = {
    False: {"name": "Sogni AI", "version": "1", "chainId": 8453, "verifyingContract": CONTRACT},
    True: {"name": "Sogni-testnet", "version": "1", "chainId": 84532, "verifyingContract": CONTRACT},
}
AUTHENTICATION = {"Authentication": [("walletAddress", "address"), ("nonce", "string")]}
SIGNUP = {
    "Signup": [
        ("appid", "string"),
        ("username", "string"),
        ("email", "string"),
        ("subscribe", "uint256"),
        ("walletAddress", "address"),
        ("nonce", "string"),
    ]
}


class Person:
    """One user; `token` and `refresh` are there after signing in or up."""

    def __init__(self, net: Sandbox, username: str = "sandbox", password: str = "sandbox") -> None:
        self.net, self.username = net, username
        material = (username.lower() + password).encode()
        key = hashlib.pbkdf2_hmac("sha256", material, b"sogni-salt-value", 10_000, 32)
        self.wallet: Any = eth_account().Account.from_key(key)
        self.address: str = self.wallet.address
        self.token = self.refresh = ""

    @property
    def headers(self) -> dict[str, str]:
        """What identifies this user."""
        return {"Authorization": self.token} if self.token else {}

    def get(self, path: str, **query: Any) -> requests.Response:
        """GET a path."""
        return requests.get(self.net.url + path, params=query, headers=self.headers, timeout=TIMEOUT)

    def post(self, path: str, headers: Mapping[str, str] | None = None, **body: Any) -> requests.Response:
        """POST to a path."""
        sent = self.headers if headers is None else headers
        return requests.post(self.net.url + path, json=body, headers=sent, timeout=TIMEOUT)

    def data(self, path: str, **query: Any) -> Any:
        """The data of a good GET."""
        return good(self.get(path, **query))

    def sent(self, path: str, **body: Any) -> Any:
        """The data of a good POST."""
        return good(self.post(path, **body))

    def sign(self, data: Mapping[str, Any]) -> str:
        """The signature of typed data."""
        types = {name: fields for name, fields in data["types"].items() if name != "EIP712Domain"}
        signed: Any = eth_account().Account.sign_typed_data(
            self.wallet.key, domain_data=data["domain"], message_types=types, message_data=data["message"]
        )
        return "0x" + bytes(signed.signature).hex()

    def own(self, types: Mapping[str, Any], message: Mapping[str, Any], *, testnet: bool = False) -> str:
        """The signature of what a client makes itself."""
        named = {name: [{"name": key, "type": kind} for key, kind in fields] for name, fields in types.items()}
        return self.sign({"domain": DOMAINS[testnet], "types": named, "message": message})

    def nonce(self) -> str:
        """A fresh nonce."""
        nonce: str = self.sent("/v1/account/nonce", walletAddress=self.address)["nonce"]
        return nonce

    def log_in(self, *, testnet: bool = False) -> requests.Response:
        """Sign in; the answer as it came."""
        message = {"walletAddress": self.address, "nonce": self.nonce()}
        signature = self.own(AUTHENTICATION, message, testnet=testnet)
        answer = self.post(
            "/v1/account/login", headers={}, walletAddress=self.address, signature=signature, rememberMe=False
        )
        self._keep(answer)
        return answer

    def sign_up(self, **changes: Any) -> requests.Response:
        """Sign up; the answer as it came."""
        about = {"appid": "app", "username": self.username, "email": "a@b.example", "subscribe": 1, **changes}
        extra = {name: about.pop(name) for name in ("turnstileToken",) if name in about}
        message = {**about, "walletAddress": self.address, "nonce": self.nonce()}
        signature = self.own(SIGNUP, message)
        body = {**about, "walletAddress": self.address, "signature": signature, "turnstileToken": "any", **extra}
        answer = self.post("/v1/account/create", headers={}, **body)
        self._keep(answer)
        return answer

    def renew(self) -> requests.Response:
        """Renew the pair; the answer as it came."""
        answer = self.post("/v1/account/refresh-token", headers={}, refreshToken=self.refresh)
        self._keep(answer)
        return answer

    def signed_in(self) -> Person:
        """Sign in, which must work."""
        good(self.log_in())
        return self

    def _keep(self, answer: requests.Response) -> None:
        if answer.ok and "refreshToken" in answer.json()["data"]:
            self.token, self.refresh = answer.json()["data"]["token"], answer.json()["data"]["refreshToken"]


def good(answer: requests.Response) -> Any:
    """The data of a good answer."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["status"] == "success"
    return body["data"]


def refusal(answer: requests.Response) -> tuple[int, int]:
    """Status and code of an error."""
    body = answer.json()
    assert body["status"] == "error"
    assert body["message"]
    return answer.status_code, body["errorCode"]
