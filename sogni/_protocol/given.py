"""Small arguments of a user, checked: texts, words out of a few, addresses of wallets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import Problem, ValidationError

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def text(name: str, value: object) -> str:
    """A text that must not be empty, nor a step in a path."""
    if not isinstance(value, str) or value.strip() in ("", ".", ".."):
        raise ValidationError(problems=[Problem(name, f"{name} must be a text that is not empty.", value=value)])
    return value


def one_of(name: str, value: object, allowed: Sequence[str]) -> str:
    """A word out of a few."""
    if isinstance(value, str) and value in allowed:
        return value
    message = f"{name} is {value!r}; it must be one of {', '.join(map(repr, allowed))}."
    raise ValidationError(problems=[Problem(name, message, value=value, allowed=", ".join(allowed))])


def address(name: str, value: object) -> str:
    """The address of a wallet or a contract."""
    if isinstance(value, str) and ADDRESS.fullmatch(value.strip()):
        return value.strip()
    allowed = "an address: 0x and 40 hexadecimal digits"
    raise ValidationError(problems=[Problem(name, f"{name} must be {allowed}.", value=value, allowed=allowed)])
