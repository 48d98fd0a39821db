"""What a caller's value is: a number, a blank text, present or absent, fit for JSON. Nothing here knows a parameter."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from reprlib import Repr

_SURROGATE = re.compile("[\ud800-\udfff]")
# Beyond this a JSON number is no longer finite on the other side, and Python itself refuses to print it.
_LARGEST = int(1.7976931348623157e308)
_DEEPEST = 32
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
# The white space of JavaScript, which trims a prompt on the other side. Python's own set differs in both directions.
_WHITE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)

_short = Repr()
_short.maxstring = _short.maxother = 60
_short.maxlong = 40
_short.maxlist = _short.maxtuple = _short.maxdict = 4
_short.maxlevel = 2


class UnsendableError(ValueError):
    """A value that JSON cannot carry; the text says why."""


def short(value: object) -> str:
    """The value for an error message, never long."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value)} bytes"
    return _short.repr(value)


def trim(text: str) -> str:
    """The text without the white space around it, as JavaScript sees it."""
    return text.strip(_WHITE)


def truthy(value: object) -> bool:
    """False for None, False, 0 and whatever is empty; an object that is none of ours counts as true."""
    if isinstance(value, (str, bytes, bytearray, memoryview, list, tuple, Mapping)):
        return len(value) > 0
    if value is None or isinstance(value, (int, float)):
        return bool(value)
    found = scalar(value)
    return True if found is value else truthy(found)


def is_list(value: object) -> bool:
    """True for a list or a tuple."""
    return isinstance(value, (list, tuple))


def scalar(value: object) -> object:
    """A number of another library (numpy, decimal, fractions) as an int or a float; anything else as it is.

    Only what says of itself that it is one number: an array of one element is an array.
    """
    kind = type(value)
    if kind in (int, float, bool, str, type(None)):
        return value
    if isinstance(value, Integral):
        return int(operator.index(value)) if not isinstance(value, bool) else value
    try:
        if isinstance(value, (Real, float)) or hasattr(kind, "as_tuple"):
            return whole(float(value))  # type: ignore[arg-type]
        if getattr(value, "shape", None) == () and hasattr(value, "item"):
            return value.item()
    except (TypeError, ValueError, OverflowError):
        pass
    return value


def whole(value: int | float) -> int | float:
    """5.0 as 5, anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_finite(value: int | float) -> bool:
    """True for a number that JSON can carry."""
    return -_LARGEST <= value <= _LARGEST if isinstance(value, int) else math.isfinite(value)


def number(value: object, *, text: bool = True) -> int | float | None:
    """The number that the value stands for, whole floats as int; None when it is none.

    Args:
        text: Whether a numeric text counts.
    """
    value = scalar(value)
    if isinstance(value, str) and text:
        digits = trim(value)
        if len(digits) > 400 or not re.fullmatch(_NUMBER, digits):
            return None
        value = int(digits) if digits.lstrip("+-").isdecimal() else float(digits)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not is_finite(value):
        return None
    return whole(value)


def integer(value: object, *, whole_float: bool = False) -> int | None:
    """The whole number that the value is; None when it is none. Text and booleans never are.

    Args:
        whole_float: Whether 5.0 counts as 5.
    """
    value = scalar(value)
    if isinstance(value, float) and not whole_float:
        return None
    found = number(value, text=False)
    return found if isinstance(found, int) else None


def plain(value: object, depth: int = 0) -> object:
    """The value as JSON carries it: our own lists and dicts, finite numbers.

    Raises:
        UnsendableError: it holds something that JSON has no form for.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is not int and kind is not float:
        value = scalar(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        if not is_finite(value):
            raise UnsendableError("must be a finite number")
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if depth > _DEEPEST:
        raise UnsendableError("is nested too deeply")
    if isinstance(value, (list, tuple)):
        return [plain(entry, depth + 1) for entry in value]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise UnsendableError("must have texts as keys")
        return {str.__str__(key): plain(entry, depth + 1) for key, entry in value.items()}
    raise UnsendableError(f"cannot be sent: {kind.__name__} is no text, number, boolean, list or dict")


def has_infinite(value: object) -> bool:
    """True when the value is, or holds somewhere in lists and dicts, a number that is not finite."""
    return any(isinstance(atom, float) and not math.isfinite(atom) for atom in _atoms(value))


def has_broken_text(value: object) -> bool:
    """True when the value is, or holds somewhere, half of a character: such text has no bytes to send."""
    return any(isinstance(atom, str) and _SURROGATE.search(atom) is not None for atom in _atoms(value))


def _atoms(value: object) -> Iterator[object]:
    """What a value consists of, once lists and dicts are opened; each of these once, though it may hold itself."""
    if not isinstance(value, (list, tuple, dict)):
        yield value
        return
    seen: set[int] = set()
    waiting: list[object] = [value]
    while waiting:
        entry = waiting.pop()
        if not isinstance(entry, (list, tuple, dict)):
            yield entry
        elif id(entry) not in seen:
            seen.add(id(entry))
            waiting.extend(entry.values() if isinstance(entry, dict) else entry)
