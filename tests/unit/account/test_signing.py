"""Wallets and signatures: the vectors of the reference, which two published clients agree on."""

from __future__ import annotations

import pickle
import traceback

import pytest

from sogni._protocol import signing
from sogni._protocol.signing import Secret
from sogni.errors import ConfigError, ValidationError

NONCE = "nonce-1234567890"
A = ("Artist_One", "correct horse battery staple")
B = ("\u00c4rtist\u00c9", "p\u00e4ssw\u00f6rd-\U0001f319")
DOTTED = ("\u0130stanbul", "pw")
SIGN_UP = {"app_id": "app-0001", "email": "artist@example.test", "subscribe": True}


def wallet(who: tuple[str, str]) -> signing.Wallet:
    return signing.wallet(who[0], Secret(who[1]))


@pytest.mark.parametrize(
    ("who", "key", "address"),
    [
        (
            A,
            "1462ab53b860e2fa44bdbcfd06db5fd0bef63aad448eaac4a888f4206a6f8da4",
            "0x3E5421b5046F40bB8Bf39A6514e9F93E27292e82",
        ),
        (
            B,
            "5257304a114f53e870f5b788a88e7d586e2b0dfefc249935e1333d5ca2eebf12",
            "0x5a5a0595070E7ce8EDBF17F7182638e4C3d8CaDa",
        ),
        (
            DOTTED,
            "603eac025532d38a23fb1c03c100a75799d1058aa7f83d09c2f5e1b77e706345",
            "0xD5B0719FbF617F5afD2c4AA0093BebE90143C4Bf",
        ),
    ],
    ids=["A", "B", "dotted-capital-i"],
)
def test_wallets(who: tuple[str, str], key: str, address: str) -> None:
    made = wallet(who)
    assert made._key.reveal() == key
    assert made.address == address


def test_what_makes_a_wallet_another_one() -> None:
    def address(username: str, password: str) -> str:
        return wallet((username, password)).address

    assert address("ARTIST_one", A[1]) == address(*A)
    assert address("ab", "c") == address("a", "bc")
    others = [(A[0], A[1].upper()), (A[0] + " ", A[1]), (A[0], A[1] + " ")]
    assert address(*A) not in [address(*other) for other in others]
    assert address("e\u0301", "x") != address("\u00e9", "x")


@pytest.mark.parametrize(
    ("who", "testnet", "signature"),
    [
        (
            A,
            False,
            "0x1cb88fe622f70d77f0a9c57b988df229342f280b737937b6e740ec2deed8bbb3"
            "7b7ad4cb20703e7dbcf7c8ff79e329adc4481782e6fc33cc0e1f4c3dfcc235ce1c",
        ),
        (
            A,
            True,
            "0xddd6397ac51957c1a14be0ac31feffc40e218398d2eb171d3d23054899d42621"
            "4711f81648b13b06c90d828176d18a9fd12d0a15102afd5c5f50296ef5b55b5e1c",
        ),
        (
            B,
            False,
            "0x02241910738a452c2ae14153abc3548aa49b81430f4808a9a15f826f507efeb5"
            "0244ccae95f70c5f92f8b888b68bcfc2863779371ce75ca69e2df852511f4abe1c",
        ),
    ],
    ids=["A", "A-testnet", "B"],
)
def test_signing_in(who: tuple[str, str], testnet: bool, signature: str) -> None:
    assert wallet(who).sign_in(NONCE, testnet=testnet) == signature


@pytest.mark.parametrize(
    ("who", "testnet", "signature"),
    [
        (
            A,
            False,
            "0xd5e9a4209f8b301e8e44e2d74a5342be6b7425dbc38b6e63ed47d7a70d07af69"
            "37fff2e5fe5f3ecaa7a72d0342861ec76684832482c4d565363e0e76ca2bb5121b",
        ),
        (
            A,
            True,
            "0xdf8ed7d66804ac0dfe426634c23bf3c9c5be80950e2ab9719b871d3edfce446b"
            "26977791974ef98c0d9493c1ca5066c13b4b6e13bc1a8dbc0780b6908400360f1c",
        ),
        (
            B,
            False,
            "0xb39e0a21566f4af26083d1509d36f24b08d1a98581b3dcadbaa1943b3cd32d74"
            "4082e68d51f9f96e99d02bbf17679bfc5d0b663cb9110962d4e8b314c04d99131b",
        ),
    ],
    ids=["A", "A-testnet", "B"],
)
def test_signing_up(who: tuple[str, str], testnet: bool, signature: str) -> None:
    assert wallet(who).sign_up(NONCE, username=who[0], testnet=testnet, **SIGN_UP) == signature


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("", "pw", "username"),
        ("name", "", "password"),
        (None, "pw", "username"),
        ("name", 5, "password"),
        ("name", "\ud800", "password"),
        ("\ud800", "pw", "username"),
    ],
)
def test_no_name_and_no_password(username: str, password: str, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        signing.wallet(username, Secret(password))
    assert [problem.field for problem in caught.value.problems] == [field]
    assert caught.value.__context__ is None
    assert caught.value.problems[0].value is None


def test_secrets_show_themselves_nowhere() -> None:
    made = wallet(A)
    assert "1462ab" not in repr(made)
    assert A[1] not in repr(Secret(A[1]))
    for thing in (made, made._key):
        with pytest.raises(TypeError):
            pickle.dumps(thing)


def test_a_traceback_of_signing_holds_no_key() -> None:
    made = wallet(A)
    with pytest.raises(ConfigError, match="cannot be encoded") as caught:
        made.sign({"chainId": "x"}, {"Permit": [{"name": "a", "type": "nonsense"}]}, {"a": 1})
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "1462ab" not in "".join(shown.format())
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
