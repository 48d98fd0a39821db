"""One REST call as a value: what to ask, where, and how to read the answer. Nothing here opens a connection."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Generic, TypeVar
from urllib.parse import quote

from attrs import field, frozen

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Host(enum.Enum):
    """The two configured hosts; a call can go nowhere else."""

    REST = "rest"
    SOCKET = "socket"


@frozen(kw_only=True)
class Call(Generic[T]):
    """A REST call.

    Attributes:
        method: HTTP method.
        path: Path from the root of the host, every caller-supplied segment percent-encoded (see `segment`).
        read: Turns the JSON answer (on the REST host: its `data`) into the result; raises ValueError on another shape.
        query: Parameters; None leaves one out.
        body: JSON body; None sends `{}` with POST and PATCH and nothing otherwise.
        host: Which of the two hosts.
        auth: Whether the credentials go along.
        repeatable: Whether asking twice does no harm, so that it may be retried.
    """

    method: str
    path: str
    read: Callable[[object], T]
    query: Mapping[str, object] = field(factory=dict)
    body: Mapping[str, object] | None = None
    host: Host = Host.REST
    auth: bool = True
    repeatable: bool = True


def segment(value: object) -> str:
    """A caller's value as one path segment, nothing in it left special."""
    return quote(number_text(value), safe="")


def number_text(value: object) -> str:
    """A scalar as the network spells it: `true`, `5` for 5.0, the shortest digits otherwise."""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, float) and 1e-6 <= abs(value) < 1e-4:
        # JavaScript begins with exponents later than Python does.
        return format(Decimal(repr(value)), "f")
    return str(value)


def an_object(data: object) -> Mapping[str, object]:
    """The answer as the object that it must be; raises ValueError."""
    if not isinstance(data, Mapping):
        raise ValueError(f"expected an object, got {type(data).__name__}")
    return data


def nothing(_: object) -> None:
    """Reads an answer that nobody needs."""
