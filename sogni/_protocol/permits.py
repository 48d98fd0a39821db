"""What a wallet may be asked to sign when tokens move: the server's typed data, compared with what the user asked for.

Whoever controls that answer could otherwise have any signature from a wallet that holds money. What is not known here
is refused. The name of the contract is part of every such signature and of what the contract itself computes: with the
name of the Sogni token in it, a signature is worthless for every other token.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal

from attrs import frozen

from ..errors import Problem, SigningRefused, ValidationError
from ..types.transactions import SigningRequest
from .given import ADDRESS

# Chains by provider and whether it is the test network.
CHAINS = {
    ("base", False): 8453,
    ("base", True): 84532,
    ("etherlink", False): 42793,
    ("etherlink", True): 128123,
}
PROVIDERS = ("base", "etherlink")
SPENDERS = ("account", "staker")
DIGITS = 18  # of the token: amounts go out in units of 10**-18
LONGEST = 86_400.0  # seconds that a signature may count; what is used at once needs no more

# Primary types by purpose; None takes any fields that are known below.
_PERMIT = ("owner", "spender", "value", "nonce", "deadline")
_ALLOWED: dict[str, dict[str, tuple[str, ...] | None]] = {
    "withdraw": {"Permit": _PERMIT, "Withdraw": None, "Withdrawal": None, "WithdrawPermit": None},
    "approve": {"Permit": _PERMIT},
}
_OWNERS = ("owner", "walletAddress", "wallet", "account", "user", "from", "to", "recipient")
_AMOUNTS = ("value", "amount")
_DEADLINES = ("deadline", "expiry")
_DOMAIN = ("name", "version", "chainId", "verifyingContract")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,77})")
_AMOUNT = re.compile(r"([0-9]*)(?:\.([0-9]*))?")
_NOWHERE = "0x" + "0" * 40


@frozen(kw_only=True)
class Asked:
    """What the user asked for.

    Attributes:
        purpose: `withdraw` or `approve`.
        owner: Address of the wallet that signs.
        provider: `base` or `etherlink`.
        testnet: Whether it is the test network.
        units: Amount in units of 10**-18: exactly that to withdraw, at most that to approve; None for no limit.
        contract: Address that must be the contract's, if the user named one.
        spender: Address that must be the spender's, if the user named one.
    """

    purpose: str
    owner: str
    provider: str
    testnet: bool
    units: int | None = None
    contract: str | None = None
    spender: str | None = None


@frozen
class Permit:
    """Typed data that passed, ready to be signed.

    Attributes:
        domain, types, message: What is signed.
        request: The same for people.
        too_much: It allows more than was asked for, so the user must have seen it.
    """

    domain: dict[str, object]
    types: dict[str, object]
    message: dict[str, object]
    request: SigningRequest
    too_much: bool = False

    @property
    def deadline(self) -> object:
        """The deadline as the server sent it, which an approval sends back."""
        return next((self.message[name] for name in _DEADLINES if name in self.message), None)


def units(amount: object, name: str = "amount") -> int:
    """An amount of tokens in units of 10**-18.

    Raises:
        ValidationError: no positive decimal number, or one with more digits than the token has.
    """
    allowed = "a positive number such as '1.5' or Decimal('1.5'), with 18 decimals at most"
    text = ""
    if isinstance(amount, bool):
        pass
    elif isinstance(amount, Decimal) and amount.is_finite() and amount.adjusted() < 60:
        text = format(amount, "f")
    elif isinstance(amount, int):
        text = str(amount) if 0 < amount < 10**60 else ""
    elif isinstance(amount, str) and len(amount) < 120:
        text = amount.strip()
    match = _AMOUNT.fullmatch(text)
    whole, fraction = (match[1] or "", (match[2] or "").rstrip("0")) if match else ("", "")
    if match is None or not (match[1] or match[2]) or len(fraction) > DIGITS or not (whole + fraction).strip("0"):
        shown = repr(amount) if isinstance(amount, (str, int, float, Decimal)) else type(amount).__name__
        raise ValidationError(
            problems=[Problem(name, f"{name} must be {allowed}, not {shown[:60]}.", value=amount, allowed=allowed)]
        )
    return int((whole or "0") + fraction.ljust(DIGITS, "0"))


def tokens(units: int) -> Decimal:
    """The reverse of `units`; exact, whatever the precision of the context is."""
    return Decimal(f"{units}E-{DIGITS}")


def _plain(units: int) -> str:
    text = format(tokens(units), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def check(data: object, asked: Asked, *, now: float) -> Permit:
    """Typed data of the server as something that may be signed.

    Args:
        data: The answer: domain, types, message.
        asked: What it must agree with.
        now: Seconds since the epoch.
    Raises:
        SigningRefused: it does not agree; `problems` names every difference.
    """
    parts = [data.get(name) if isinstance(data, Mapping) else None for name in ("domain", "types", "message")]
    domain, types, message = (part if isinstance(part, dict) else None for part in parts)
    if domain is None or types is None or message is None:
        raise refused([Problem("data", "there is no domain, types and message")])
    problems: list[Problem] = []
    chain = _check_domain(domain, asked, problems)
    primary = _check_types(types, message, asked, problems)
    values = _check_message(message, asked, now, problems)
    if problems:
        raise refused(problems)
    most = values["amount"]
    assert isinstance(most, int)
    deadline = values.get("deadline")
    too_much = asked.purpose == "approve" and (asked.units is None or most > asked.units)
    request = SigningRequest(
        purpose=asked.purpose,
        primary_type=primary,
        chain_id=chain,
        contract=str(domain["verifyingContract"]),
        contract_name=str(domain["name"]),
        owner=asked.owner,
        spender=None if "spender" not in message else str(message["spender"]),
        amount=None if most >= 2**255 else tokens(most),
        deadline=deadline if isinstance(deadline, datetime) else None,
        message=dict(message),
    )
    numbers = {
        **message,
        **{name: _whole(value) for name, value in message.items() if _is_number(name, types[primary])},
    }
    return Permit({**domain, "chainId": chain}, {primary: types[primary]}, numbers, request, too_much)


def refused(problems: list[Problem]) -> SigningRefused:
    """The error for typed data that does not agree."""
    told = "; ".join(problem.message for problem in problems)
    return SigningRefused(
        f"Nothing was signed: what the server wants to have signed is not what was asked for: {told}.",
        problems=problems,
    )


def too_much(request: SigningRequest, asked: int | None) -> SigningRefused:
    """The error for an approval of more than was asked for, which nobody looked at."""
    amount = "any number of" if request.amount is None else format(request.amount, "f")
    wanted = "" if asked is None else f"; asked for was {_plain(asked)}"
    return SigningRefused(
        f"Nothing was signed: {request.spender} could then move {amount} tokens of this wallet{wanted}.",
        hint="To allow that, look at it: pass confirm=, a function that gets the SigningRequest and answers True.",
    )


def _check_domain(domain: Mapping[str, object], asked: Asked, problems: list[Problem]) -> int:
    for name in domain:
        if name not in _DOMAIN:
            problems.append(Problem("domain", f"the domain has an unknown member {_shown(name)}"))
    wanted = CHAINS[asked.provider, asked.testnet]
    chain = _whole(domain.get("chainId"))
    if chain != wanted:
        text = f"the chain is {_shown(domain.get('chainId'))}, that of {asked.provider} is {wanted}"
        problems.append(Problem("chain_id", text, value=chain, allowed=str(wanted)))
    contract = domain.get("verifyingContract")
    if not _is_address(contract):
        problems.append(Problem("contract", f"the contract {_shown(contract)} is no address", value=contract))
    elif asked.contract is not None and not same_address(str(contract), asked.contract):
        text = f"the contract is {contract}, not {asked.contract}"
        problems.append(Problem("contract", text, value=contract, allowed=asked.contract))
    title = domain.get("name")
    if not isinstance(title, str) or not title.isprintable() or not title.casefold().startswith("sogni"):
        problems.append(Problem("contract_name", f"the contract is named {_shown(title)}, not Sogni", value=title))
    if "version" in domain and not isinstance(domain["version"], str):
        problems.append(Problem("domain", "the version of the domain is no text"))
    return wanted


def _check_types(
    types: Mapping[str, object], message: Mapping[str, object], asked: Asked, problems: list[Problem]
) -> str:
    names = [name for name in types if name != "EIP712Domain"]
    allowed = _ALLOWED[asked.purpose]
    primary = names[0] if len(names) == 1 else ""
    if primary not in allowed:
        text = (
            f"it is of type {_shown(', '.join(map(str, names)))}, to {asked.purpose} it must be {' or '.join(allowed)}"
        )
        problems.append(Problem("primary_type", text, allowed=", ".join(allowed)))
        return primary
    fields = types[primary]
    kinds = _kinds(fields)
    wanted = allowed[primary]
    if not kinds or set(kinds) != set(message) or (wanted is not None and tuple(kinds) != wanted):
        problems.append(Problem("types", f"the fields of {primary} are not what they should be"))
    for name, kind in kinds.items():
        if kind != _kind_of(name, kind):
            problems.append(Problem("types", f"the field {_shown(name)} of type {_shown(kind)} is unknown"))
    return primary


def _kinds(fields: object) -> dict[str, str]:
    if not isinstance(fields, list) or not all(isinstance(entry, Mapping) for entry in fields):
        return {}
    kinds = {str(entry.get("name")): str(entry.get("type")) for entry in fields}
    return kinds if len(kinds) == len(fields) else {}


def _kind_of(name: str, kind: str) -> str | None:
    """The type that a field must have; None for a field that has no place here."""
    if name in _OWNERS or name == "spender":
        return "address"
    if name in _AMOUNTS or name in _DEADLINES:
        return "uint256"
    if name == "nonce":
        return kind if kind in ("uint256", "string", "bytes32") else None
    return "string" if name == "provider" else None


def _check_message(
    message: Mapping[str, object], asked: Asked, now: float, problems: list[Problem]
) -> dict[str, object]:
    values: dict[str, object] = {}
    owners = [name for name in _OWNERS if name in message]
    amounts = [name for name in _AMOUNTS if name in message]
    if not owners or len(amounts) != 1:
        problems.append(Problem("message", "it does not name one wallet and one amount"))
    for name in owners:
        if not same_address(message[name], asked.owner):
            text = f"{name} is {_shown(message[name])}, the wallet of this account is {asked.owner}"
            problems.append(Problem(name, text, value=message[name], allowed=asked.owner))
    for name in amounts:
        amount = _whole(message[name])
        values["amount"] = amount
        if amount is None or (asked.purpose == "withdraw" and amount != asked.units):
            given = "none" if amount is None else _plain(amount)
            wanted = "" if asked.units is None else _plain(asked.units)
            text = f"the amount is {given}, asked for was {wanted}" if wanted else "there is no amount"
            problems.append(Problem("amount", text, value=message[name], allowed=wanted))
    if "spender" in message:
        spender = message["spender"]
        if not _is_address(spender):
            problems.append(Problem("spender", f"the spender {_shown(spender)} is no address", value=spender))
        elif asked.spender is not None and not same_address(spender, asked.spender):
            text = f"the spender is {spender}, not {asked.spender}"
            problems.append(Problem("spender", text, value=spender, allowed=asked.spender))
    for name in _DEADLINES:
        if name in message:
            values["deadline"] = _check_deadline(message[name], now, problems)
    if "provider" in message and message["provider"] != asked.provider:
        problems.append(Problem("provider", f"the provider is {_shown(message['provider'])}, not {asked.provider}"))
    return values


def _check_deadline(value: object, now: float, problems: list[Problem]) -> datetime | None:
    seconds = _whole(value)
    if seconds is None or not now < seconds <= now + LONGEST:
        problems.append(Problem("deadline", f"the deadline {_shown(value)} is not within a day from now", value=value))
        return None
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def same_address(one: object, other: object) -> bool:
    """Whether two addresses are the same, whatever the case of their letters."""
    return _is_address(one) and _is_address(other) and str(one).lower() == str(other).lower()


def _is_address(value: object) -> bool:
    return isinstance(value, str) and ADDRESS.fullmatch(value) is not None and value.lower() != _NOWHERE


def _is_number(name: str, fields: object) -> bool:
    return _kinds(fields).get(name) == "uint256"


def _whole(value: object) -> int | None:
    """A whole number that may be spelt as text; money has more digits than a float holds."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 2**256 else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() and 0 <= value < 2**53 else None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = int(value)
        return number if number < 2**256 else None
    return None


def _shown(value: object) -> str:
    if not isinstance(value, (str, int, float)):
        return "missing"
    text = str(value)
    return repr(text if len(text) <= 60 else text[:60] + "\u2026")
