"""The frame envelope of the socket: a JSON object whose `data` is base64 of JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

import attrs


@attrs.frozen
class Frame:
    """One socket message, taken out of its envelope."""

    kind: str
    data: object


def encode(kind: str, data: object) -> str:
    """Text of one frame."""
    body = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return json.dumps({"type": kind, "data": base64.b64encode(body.encode()).decode()}, separators=(",", ":"))


def decode(raw: str | bytes) -> Frame:
    """Read one frame; a ValueError says what is wrong with it."""
    text = raw.decode() if isinstance(raw, bytes) else raw
    envelope = _read(text)
    if not isinstance(envelope, dict):
        raise ValueError("a frame is a JSON object")
    kind, data = envelope.get("type"), envelope.get("data")
    if not isinstance(kind, str):
        raise ValueError("a frame has a text `type`")
    if data is None or data == "":
        return Frame(kind, None)
    if not isinstance(data, str):
        raise ValueError("the `data` of a frame is base64 text")
    return Frame(kind, _read(base64.b64decode(data, validate=True).decode()))


def _read(text: str) -> Any:
    """JSON, and none of the numbers that only Python takes for it."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
