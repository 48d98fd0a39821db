"""The socket's text frames: JSON around base64 around JSON, read and written; ids folded to upper case once, here."""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from typing import Any, NamedTuple

from ..errors import ProtocolError


class Frame(NamedTuple):
    """One frame with its payload still encoded.

    Attributes:
        kind: What the frame is, such as `"jobProgress"`; any word is a value.
        data: The payload in base64; None when the frame carries none.
    """

    kind: str
    data: str | None


def decode(raw: bytes | str) -> Frame:
    """The envelope of a frame; raises ProtocolError for what is none.

    Kinds that nobody reads cost no more than this.
    """
    try:
        envelope = json.loads(raw)
        kind = envelope["type"]
        data = envelope.get("data")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise ProtocolError(f"A frame is not a JSON object with a type ({type(problem).__name__}).") from None
    if type(kind) is not str or not (data is None or type(data) is str):
        raise ProtocolError("A frame has a type or a payload that is not text.")
    return Frame(kind, data)


def body(frame: Frame) -> Any:
    """The payload of a frame, None when there is none; the ids `jobID` and `imgID` of an object in upper case."""
    if not frame.data:
        return None
    try:
        payload = json.loads(a2b_base64(frame.data))
    except (ValueError, RecursionError) as problem:
        raise ProtocolError(
            f"The payload of a {frame.kind[:40]!r} frame is broken ({type(problem).__name__})."
        ) from None
    if type(payload) is dict:
        for key in ("jobID", "imgID"):
            value = payload.get(key)
            if value:
                payload[key] = value.upper() if type(value) is str else str(value).upper()
    return payload


def cancel(project_id: str) -> str:
    """The text of the frame that cancels a project."""
    reason = "artistCanceled"
    return encode("jobError", {"jobID": project_id, "error": reason, "error_message": reason, "isFromWorker": False})


def encode(kind: str, payload: object) -> str:
    """The text of an outgoing frame; raises ValueError for what JSON cannot carry (NaN, infinity)."""
    inner = json.dumps(payload, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    return '{"type":%s,"data":"%s"}' % (json.dumps(kind), b2a_base64(inner, newline=False).decode("ascii"))  # noqa: UP031
