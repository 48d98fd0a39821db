"""Signing up, in and out with a password: signatures are really looked at, tokens expire and are renewed."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
import websocket

from sogni.sandbox import Sandbox
from sogni.sandbox.wallets import ADDRESS, address_of, of_sogni, signer

from .people import AUTHENTICATION, DOMAINS, Person, good, refusal

# Recorded from both published clients.
ARTIST = ("Artist_One", "correct horse battery staple", "0x3E5421b5046F40bB8Bf39A6514e9F93E27292e82")
ACCENTS = ("ÄrtistÉ", "pässwörd-🌙", "0x5a5a0595070E7ce8EDBF17F7182638e4C3d8CaDa")
DOTTED = ("İstanbul", "pw", "0xD5B0719FbF617F5afD2c4AA0093BebE90143C4Bf")
NONCE = "nonce-1234567890"
SIGN_IN = {
    False: "0x1cb88fe622f70d77f0a9c57b988df229342f280b737937b6e740ec2deed8bbb3"
    "7b7ad4cb20703e7dbcf7c8ff79e329adc4481782e6fc33cc0e1f4c3dfcc235ce1c",
    True: "0xddd6397ac51957c1a14be0ac31feffc40e218398d2eb171d3d23054899d42621"
    "4711f81648b13b06c90d828176d18a9fd12d0a15102afd5c5f50296ef5b55b5e1c",
}
SIGN_UP = (
    "0xd5e9a4209f8b301e8e44e2d74a5342be6b7425dbc38b6e63ed47d7a70d07af69"
    "37fff2e5fe5f3ecaa7a72d0342861ec76684832482c4d565363e0e76ca2bb5121b"
)


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


@pytest.mark.parametrize(("username", "password", "address"), [ARTIST, ACCENTS, DOTTED])
def test_wallets_are_those_of_the_published_clients(username: str, password: str, address: str) -> None:
    assert address_of(username, password) == address


@pytest.mark.parametrize("testnet", [False, True])
def test_signatures_are_those_of_the_published_clients(testnet: bool) -> None:
    from sogni.sandbox.wallets import AUTHENTICATION, SIGNUP

    message: dict[str, object] = {"walletAddress": ARTIST[2], "nonce": NONCE}
    data = of_sogni("Authentication", AUTHENTICATION, message, testnet=testnet)
    assert signer(data, SIGN_IN[testnet]) == ARTIST[2]
    assert signer(data, SIGN_IN[not testnet]) != ARTIST[2]
    about: dict[str, object] = {
        "appid": "app-0001",
        "username": ARTIST[0],
        "email": "artist@example.test",
        "subscribe": 1,
    }
    data = of_sogni("Signup", SIGNUP, {**about, **message}, testnet=testnet)
    assert (signer(data, SIGN_UP) == ARTIST[2]) is not testnet


@pytest.mark.parametrize("signature", [None, 5, "", "0x", "nonsense", "0x" + "ff" * 65, "0x" + "00" * 65, "0x12"])
def test_what_is_no_signature_is_none(net: Sandbox, signature: object) -> None:
    one = Person(net)
    one.nonce()
    answer = one.post("/v1/account/login", walletAddress=one.address, signature=signature, rememberMe=False)
    assert refusal(answer) == (401, 102)


def test_the_standing_account_signs_in(net: Sandbox) -> None:
    one = Person(net, net.username, net.password)
    assert one.address == ADDRESS == net.account().address
    data = good(one.log_in())
    assert set(data) == {"token", "refreshToken", "username"}
    assert data["username"] == "sandbox"
    access, refresh = claims(data["token"]), claims(data["refreshToken"])
    assert access["addr"] == ADDRESS
    assert access["exp"] - access["iat"] == 3600
    assert refresh["type"] == "refresh"
    assert {"exp", "iat", "env"} <= set(access) & set(refresh)
    me = one.data("/v1/account/me")
    assert (me["username"], me["walletAddress"]) == ("sandbox", ADDRESS)
    # The key of the sandbox is the same account.
    key = requests.get(net.url + "/v1/account/me", headers={"api-key": net.api_key}, timeout=5)
    assert good(key) == me
    for secret in (data["token"], data["refreshToken"]):
        assert secret not in repr(net.log)


def test_case_of_the_name_does_not_matter_but_that_of_the_password_does(net: Sandbox) -> None:
    net.add_account("Artist", "Secret")
    assert good(Person(net, "aRTIST", "Secret").log_in())["username"] == "Artist"
    assert refusal(Person(net, "Artist", "secret").log_in()) == (404, 122)


def test_signing_up(net: Sandbox) -> None:
    one = Person(net, *ACCENTS[:2])
    assert refusal(one.log_in()) == (404, 122)
    assert set(good(one.sign_up(email="me@example.org"))) == {"token", "refreshToken"}
    me = one.data("/v1/account/me")
    assert (me["username"], me["walletAddress"], me["currentEmail"]) == (ACCENTS[0], ACCENTS[2], "me@example.org")
    good(one.log_in())
    assert refusal(one.sign_up()) == (400, 108)
    assert refusal(Person(net, ACCENTS[0].lower(), "other").sign_up()) == (400, 108)
    # "ab" + "c" and "a" + "bc" are one wallet.
    good(Person(net, "ab", "c").sign_up())
    assert refusal(Person(net, "a", "bc").sign_up()) == (400, 101)


@pytest.mark.parametrize(
    "changes",
    [
        {"turnstileToken": ""},
        {"email": "nobody"},
        {"subscribe": 2},
        {"appid": ""},
        {"username": ""},
        {"username": " x"},
        {"username": "x" * 65},
    ],
)
def test_a_sign_up_that_makes_no_sense(net: Sandbox, changes: dict[str, Any]) -> None:
    assert refusal(Person(net, "new", "pw").sign_up(**changes)) == (400, 101)


def test_what_was_signed_must_be_what_was_sent(net: Sandbox) -> None:
    one = Person(net, "new", "pw")
    message = {"walletAddress": one.address, "nonce": one.nonce()}
    about = {"appid": "app", "username": "new", "email": "a@b.example", "subscribe": 1}
    signature = one.own(AUTHENTICATION, message)
    answer = one.post("/v1/account/create", **about, **message, signature=signature, turnstileToken="t")
    assert refusal(answer) == (401, 102)
    with pytest.raises(KeyError):
        net.account("new")


def test_a_nonce_counts_once_for_one_wallet(net: Sandbox) -> None:
    one, other = Person(net), Person(net, "other", "pw")
    message = {"walletAddress": one.address, "nonce": one.nonce()}
    signature = one.own(AUTHENTICATION, message)
    body = {"walletAddress": one.address.lower(), "signature": one.own(AUTHENTICATION, message)}
    # The address is signed as a number, so its spelling does not matter.
    good(one.post("/v1/account/login", **body))
    assert refusal(one.post("/v1/account/login", walletAddress=one.address, signature=signature)) == (401, 102)
    older, newer = one.nonce(), one.nonce()
    assert older != newer
    signature = one.own(AUTHENTICATION, {"walletAddress": one.address, "nonce": older})
    assert refusal(one.post("/v1/account/login", walletAddress=one.address, signature=signature)) == (401, 102)
    stolen = other.own(AUTHENTICATION, {"walletAddress": one.address, "nonce": one.nonce()})
    assert refusal(one.post("/v1/account/login", walletAddress=one.address, signature=stolen)) == (401, 102)


@pytest.mark.parametrize("body", [{}, {"walletAddress": "0x12"}, {"walletAddress": 5}, {"walletAddress": "x" * 42}])
def test_a_nonce_takes_a_wallet(net: Sandbox, body: dict[str, Any]) -> None:
    assert refusal(Person(net).post("/v1/account/nonce", **body)) == (400, 101)
    for text in (b"no json", b"[]", b"[" * 100_000):
        assert refusal(requests.post(net.url + "/v1/account/nonce", data=text, timeout=5)) == (400, 101)


def test_validating_a_name(net: Sandbox) -> None:
    one = Person(net)
    assert good(one.post("/v1/account/username/validate", username="Free_Name")) == {"username": "Free_Name"}
    assert refusal(one.post("/v1/account/username/validate", username="SandBox")) == (400, 108)
    assert refusal(one.post("/v1/account/username/validate", username="")) == (400, 101)


def test_accounts_can_be_added_and_found(net: Sandbox) -> None:
    added = net.add_account("Artist", "pw", email="a@b.example")
    assert added.address == address_of("artist", "pw")
    assert net.account("ARTIST").username == "Artist"
    with pytest.raises(ValueError, match="there is an account"):
        net.add_account("artist", "other")
    with pytest.raises(KeyError):
        net.account("nobody")
    one = Person(net, "Artist", "pw").signed_in()
    assert one.data("/v1/account/me")["currentEmail"] == "a@b.example"
    token, refresh = added.mint_tokens()
    assert claims(token)["addr"] == added.address
    net.reset()
    with pytest.raises(KeyError):
        net.account("Artist")
    one.token, one.refresh = token, refresh
    assert refusal(one.get("/v1/account/me")) == (401, 102)


# tokens


def test_both_tokens_rotate(net: Sandbox) -> None:
    one = Person(net).signed_in()
    before = one.token, one.refresh
    good(one.renew())
    assert not set(before) & {one.token, one.refresh}
    good(one.get("/v1/account/me"))
    # The old access token goes on until it expires, the old refresh token is spent.
    assert requests.get(net.url + "/v1/account/me", headers={"Authorization": before[0]}, timeout=5).status_code == 200
    one.refresh = before[1]
    assert refusal(one.renew()) == (401, 104)
    assert net.renewals == 1


def test_of_many_that_renew_at_once_one_does(net: Sandbox) -> None:
    one = Person(net).signed_in()
    net.script(slow_renewal=0.1, times=5)

    def renew(_: int) -> int:
        body = {"refreshToken": one.refresh}
        return requests.post(net.url + "/v1/account/refresh-token", json=body, timeout=5).status_code

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(renew, range(5))) == [200, 401, 401, 401, 401]
    assert net.renewals == 1


def test_tokens_expire_on_request(net: Sandbox) -> None:
    one = Person(net).signed_in()
    net.expire_tokens()
    assert refusal(one.get("/v1/account/me")) == (401, 102)
    good(one.renew())
    good(one.get("/v1/account/me"))
    net.expire_tokens(refresh=True)
    assert refusal(one.get("/v1/account/me")) == (401, 102)
    assert refusal(one.renew()) == (401, 104)
    assert requests.get(net.url + "/v1/account/me", headers={"api-key": "sandbox"}, timeout=5).status_code == 200


@pytest.mark.parametrize(("kind", "expected"), [("renewal_refused", (401, 104)), ("unavailable", (503, 503))])
def test_renewals_fail_on_request(net: Sandbox, kind: str, expected: tuple[int, int]) -> None:
    one = Person(net).signed_in()
    net.fail_next(kind, path="*/refresh-token")
    good(one.get("/v1/account/me"))
    assert refusal(one.renew()) == expected
    # The token was not spent by that.
    good(one.renew())


def test_signing_out_ends_the_session_and_no_other(net: Sandbox) -> None:
    one, other = Person(net).signed_in(), Person(net).signed_in()
    old = one.refresh
    good(one.renew())
    good(one.post("/v1/account/logout"))
    assert refusal(one.get("/v1/account/me")) == (401, 102)
    assert refusal(one.post("/v1/account/logout")) == (401, 102)
    assert refusal(one.renew()) == (401, 104)
    one.refresh = old
    assert refusal(one.renew()) == (401, 104)
    good(other.get("/v1/account/me"))
    good(other.renew())
    key = {"api-key": "sandbox-key"}
    good(other.post("/v1/account/logout", headers=key))
    assert requests.get(net.url + "/v1/account/me", headers=key, timeout=5).status_code == 200


def test_old_credentials_do_not_keep_one_from_signing_in(net: Sandbox) -> None:
    one = Person(net).signed_in()
    net.expire_tokens()
    good(one.post("/v1/account/nonce", walletAddress=one.address))
    good(one.log_in())


def test_a_token_opens_the_socket(net: Sandbox) -> None:
    one = Person(net).signed_in()
    url = f"{net.socket_endpoint}/?appId=app&forceWorkerId=fast"
    ws = websocket.create_connection(url, header=[f"Authorization: {one.token}"], timeout=5)
    hello = json.loads(base64.b64decode(json.loads(ws.recv())["data"]))
    ws.shutdown()
    assert (hello["username"], hello["address"], hello["isMainnet"]) == ("sandbox", ADDRESS, True)
    net.expire_tokens()
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(url, header=[f"Authorization: {one.token}"], timeout=5)
    assert caught.value.status_code == 401


def test_tokens_expire_in_the_middle_of_an_upload(net: Sandbox) -> None:
    one = Person(net).signed_in()
    asked = {"jobId": "P", "imageId": "I", "type": "startingImage"}
    url = one.data("/v1/image/uploadUrl", **asked)["uploadUrl"]
    net.script(expire_on_upload=True)
    # What is signed needs no token.
    assert requests.put(url, data=b"x", timeout=5).status_code == 200
    assert refusal(one.get("/v1/image/uploadUrl", **asked)) == (401, 102)
    good(one.renew())
    url = one.data("/v1/image/uploadUrl", **asked)["uploadUrl"]
    net.script(fail_upload=401)
    assert requests.put(url, data=b"x", timeout=5).status_code == 401
    assert requests.put(url, data=b"x", timeout=5).status_code == 200


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_clock_is_an_hour_off(net: Sandbox, hours: int) -> None:
    one = Person(net).signed_in()
    right = claims(one.token)["iat"]
    net.script(clock_offset=3600 * hours, times=None)
    answer = one.log_in()
    assert abs(claims(one.token)["iat"] - right - 3600 * hours) < 30
    date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(date - right - 3600 * hours) < 30
    good(one.get("/v1/account/me"))
    net.reset()
    after = requests.get(net.url + "/v1/subscriptions/plans", timeout=5)
    assert abs(parsedate_to_datetime(after.headers["Date"]).timestamp() - right) < 30


def test_on_the_test_network_other_domains_are_signed_for(net: Sandbox) -> None:
    one = Person(net)
    assert refusal(one.log_in(testnet=True)) == (401, 102)
    net.script(testnet=True, times=None)
    assert refusal(one.log_in()) == (401, 102)
    good(one.log_in(testnet=True))
    assert DOMAINS[True]["chainId"] == 84532


def test_eth_account_is_loaded_by_the_first_signature_only() -> None:
    code = (
        "import sys, requests, sogni.sandbox\n"
        "with sogni.sandbox.Sandbox() as net:\n"
        "    key = {'api-key': net.api_key}\n"
        "    for path in ('/v1/account/me', '/v4/account/balance', '/v4/account/rewards'):\n"
        "        assert requests.get(net.url + path, headers=key, timeout=5).status_code == 200\n"
        "    print('eth_account' in sys.modules)\n"
        "    limit = sys.getrecursionlimit()\n"
        "    net.add_account('a', 'b')\n"
        "    print('eth_account' in sys.modules, sys.getrecursionlimit() == limit)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True", "True"]
