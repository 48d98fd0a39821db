"""What a wallet may be asked to sign: what a hostile server tries is refused, with the reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sogni._protocol import permits
from sogni._protocol.permits import Asked, check, tokens, units
from sogni.errors import SigningRefused, ValidationError

NOW = 1_800_000_000.0
OWNER = "0x3E5421b5046F40bB8Bf39A6514e9F93E27292e82"
CONTRACT = "0x" + "11" * 20
SPENDER = "0x" + "22" * 20
OTHER = "0x" + "33" * 20
ONE = 10**18
FIELDS = ("owner:address", "spender:address", "value:uint256", "nonce:uint256", "deadline:uint256")


def fields(*pairs: str) -> list[dict[str, str]]:
    return [dict(zip(("name", "type"), pair.split(":"), strict=True)) for pair in pairs]


def permit(**changes: Any) -> dict[str, Any]:
    """What an honest server sends for a withdrawal, or an approval, of one and a half tokens."""
    data: dict[str, Any] = {
        "domain": {"name": "Sogni AI", "version": "1", "chainId": 8453, "verifyingContract": CONTRACT},
        "types": {"Permit": fields(*FIELDS)},
        "message": {
            "owner": OWNER,
            "spender": SPENDER,
            "value": str(3 * ONE // 2),
            "nonce": 7,
            "deadline": int(NOW) + 1200,
        },
    }
    for path, value in changes.items():
        part, _, name = path.partition("__")
        if value is None:
            data[part].pop(name)
        else:
            data[part][name] = value
    return data


def asked(purpose: str = "withdraw", **changes: Any) -> Asked:
    return Asked(
        **{
            "purpose": purpose,
            "owner": OWNER.lower(),
            "provider": "base",
            "testnet": False,
            "units": 3 * ONE // 2,
            **changes,
        }
    )


def test_what_was_asked_for_is_signed() -> None:
    found = check(permit(types__EIP712Domain=fields("name:string")), asked(), now=NOW)
    assert found.types == {"Permit": fields(*FIELDS)}
    assert found.message["value"] == 3 * ONE // 2
    assert found.request.amount == Decimal("1.5")
    assert found.request.spender == SPENDER
    assert found.deadline == int(NOW) + 1200
    assert not found.too_much
    text = str(found.request)
    for part in ("withdraw", "8453", CONTRACT, SPENDER, "1.5"):
        assert part in text


def test_a_withdrawal_of_its_own_type() -> None:
    data = permit()
    data["types"] = {"Withdraw": fields("walletAddress:address", "amount:uint256", "nonce:string", "provider:string")}
    data["message"] = {"walletAddress": OWNER, "amount": 3 * ONE // 2, "nonce": "n-1", "provider": "base"}
    assert check(data, asked(), now=NOW).request.deadline is None
    data["message"]["provider"] = "etherlink"
    with pytest.raises(SigningRefused, match="provider"):
        check(data, asked(), now=NOW)


HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "another chain": ({"domain__chainId": 1}, "chain is '1'"),
    "the test network": ({"domain__chainId": 84532}, "chain is '84532'"),
    "no chain": ({"domain__chainId": None}, "chain is missing"),
    "true as a chain": ({"domain__chainId": True}, "chain"),
    "another token": ({"domain__name": "USD Coin"}, "named 'USD Coin'"),
    "no name": ({"domain__name": None}, "named missing"),
    "a name with control characters": ({"domain__name": "Sogni\n"}, "named"),
    "no contract": ({"domain__verifyingContract": None}, "no address"),
    "the zero contract": ({"domain__verifyingContract": "0x" + "0" * 40}, "no address"),
    "a salt": ({"domain__salt": "0x00"}, "unknown member 'salt'"),
    "more": ({"message__value": 2 * ONE}, r"amount is 2, asked for was 1\.5"),
    "less": ({"message__value": 1}, "amount is 0.000000000000000001"),
    "any amount": ({"message__value": 2**256 - 1}, "amount is"),
    "a float": ({"message__value": 1.5}, "amount is none"),
    "a negative amount": ({"message__value": -1}, "amount is none"),
    "text as an amount": ({"message__value": "0x10"}, "amount is none"),
    "another owner": ({"message__owner": OTHER}, "owner is"),
    "no spender": ({"message__spender": "nobody"}, "spender 'nobody' is no address"),
    "for ever": ({"message__deadline": 2**256 - 1}, "not within a day"),
    "long ago": ({"message__deadline": 5}, "not within a day"),
    "a field more": ({"message__extra": 5}, "fields of Permit"),
    "a field less": ({"message__nonce": None}, "fields of Permit"),
    "another type": ({"types__Permit": None, "types__Order": fields(*FIELDS)}, "of type 'Order'"),
    "two types": ({"types__Order": fields("a:address")}, "of type"),
    "other fields": ({"types__Permit": fields(*FIELDS[:4], "deadline:uint8")}, "unknown"),
    "fields twice": ({"types__Permit": fields(*FIELDS, "owner:address")}, "fields of Permit"),
    "no fields": ({"types__Permit": "owner"}, "fields of Permit"),
    "fields in another order": ({"types__Permit": fields(*reversed(FIELDS))}, "fields of Permit"),
}


@pytest.mark.parametrize(("changes", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_withdrawals_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SigningRefused, match=reason) as caught:
        check(permit(**changes), asked(), now=NOW)
    assert caught.value.message.startswith("Nothing was signed")
    assert caught.value.problems
    assert caught.value.code == "signing_refused"


def test_every_difference_is_named() -> None:
    with pytest.raises(SigningRefused) as caught:
        check(permit(domain__chainId=1, domain__name="x", message__value=1, message__owner=OTHER), asked(), now=NOW)
    assert {problem.field for problem in caught.value.problems} == {"chain_id", "contract_name", "amount", "owner"}


@pytest.mark.parametrize("data", [None, [], {}, {"domain": {}, "types": {}}, {"domain": 1, "types": {}, "message": {}}])
def test_what_is_no_typed_data(data: Any) -> None:
    with pytest.raises(SigningRefused):
        check(data, asked(), now=NOW)


def test_named_addresses_must_be_there() -> None:
    assert check(permit(), asked(contract=CONTRACT.upper().replace("0X", "0x"), spender=SPENDER), now=NOW)
    for changes in ({"contract": OTHER}, {"spender": OTHER}):
        with pytest.raises(SigningRefused, match="not 0x3333"):
            check(permit(), asked(**changes), now=NOW)


def test_an_approval_may_be_smaller_but_not_greater() -> None:
    assert not check(permit(message__value=5), asked("approve"), now=NOW).too_much
    for value in (2 * ONE, 2**256 - 1):
        found = check(permit(message__value=value), asked("approve"), now=NOW)
        assert found.too_much
    assert found.request.amount is None
    assert "any" in str(found.request)
    assert "any number of" in permits.too_much(found.request, ONE).message
    assert check(permit(), asked("approve", units=None), now=NOW).too_much


def test_an_approval_is_a_permit() -> None:
    data = permit()
    data["types"] = {"Withdraw": data["types"]["Permit"]}
    with pytest.raises(SigningRefused, match="to approve it must be Permit"):
        check(data, asked("approve"), now=NOW)


@pytest.mark.parametrize(
    ("provider", "testnet", "chain"),
    [("base", True, 84532), ("etherlink", False, 42793), ("etherlink", True, 128123)],
)
def test_chains(provider: str, testnet: bool, chain: int) -> None:
    question = asked(provider=provider, testnet=testnet)
    assert check(permit(domain__chainId=str(chain)), question, now=NOW).domain["chainId"] == chain
    with pytest.raises(SigningRefused):
        check(permit(), question, now=NOW)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("1", ONE),
        ("1.", ONE),
        (".5", ONE // 2),
        (" 1.5 ", 3 * ONE // 2),
        ("1.500000000000000000000", 3 * ONE // 2),
        ("0.000000000000000001", 1),
        (7, 7 * ONE),
        (Decimal("1E+3"), 1000 * ONE),
        (Decimal("0.25"), ONE // 4),
        ("123456789012345678901234567890.123456789012345678", 123456789012345678901234567890123456789012345678),
    ],
)
def test_amounts(amount: Any, expected: int) -> None:
    assert units(amount) == expected


@pytest.mark.parametrize(
    "amount",
    [
        *("", ".", "0", "0.0", "-1", "+1", "1e3", "1,5", "0x1", "1.0000000000000000001", "\u0661", "NaN", "9" * 200),
        *(0, -1, True, None, 1.5, Decimal("NaN"), Decimal("-1"), Decimal("1e99999"), 10**80, [1]),
    ],
)
def test_no_amounts(amount: Any) -> None:
    with pytest.raises(ValidationError, match="amount must be a positive number"):
        units(amount)


@given(st.integers(min_value=1, max_value=10**77))
def test_units_and_tokens_are_each_others_reverse(number: int) -> None:
    text = format(tokens(number), "f")
    assert units(text) == number


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["domain", "types", "message"]), st.sampled_from(sorted({*permit()["message"], "x"})), JSON)
def test_nothing_else_than_a_refusal_comes_of_nonsense(part: str, name: str, value: Any) -> None:
    data = permit()
    data[part][name] = value
    refused: list[SigningRefused] = []
    try:
        check(data, asked(), now=NOW)
    except SigningRefused as error:
        refused.append(error)
    assert all(error.problems for error in refused)
    # What is accepted differs in nothing that matters.
    assert refused or part == "message"
