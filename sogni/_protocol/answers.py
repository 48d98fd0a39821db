"""What an HTTP answer means: the value it carries, or the error it stands for. Pure; the clock is an argument."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import timezone
from http import HTTPStatus

from ..errors import ApiError, ProtocolError, api_error
from .auth import redact
from .call import Host

# An answer of the API is a few hundred KiB at most. Media never come this way.
MAX_BODY = 32 * 1024 * 1024
# Deeper JSON is an attack on whoever walks it; the deepest real answers have about ten levels.
MAX_DEPTH = 100

_LONGEST_TEXT = 500
_LONGEST_HTML = 200
_LARGEST_WAIT = 2**53 - 1
_LARGEST_FLOAT = sys.float_info.max
_WORD = re.compile(r"[A-Za-z]{3}")
_TIME_OF_DAY = re.compile(r"\d{2}:\d{2}:\d{2}", re.ASCII)


def read_answer(
    status: int,
    reason: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    host: Host,
    now: float,
    secrets: Sequence[str] = (),
) -> object:
    """The JSON value of an answer; raises `ApiError` for a refusal and `ProtocolError` for anything unreadable.

    Args:
        status: HTTP status.
        reason: Reason phrase, may be empty.
        headers: Response headers, in any case.
        body: The whole body, decoded from its transfer.
        host: The REST host wraps its values in an envelope, the socket host does not.
        now: Seconds since the epoch, for wait hints that name a date.
        secrets: Texts that must not survive in an error, whatever the server echoes.
    """
    if not 200 <= status < 300:
        raise refusal(status, reason, headers, body, now=now, secrets=secrets)
    if not body.strip():
        return None
    value, readable = _parse(body)
    if not readable:
        raise ProtocolError(f"The server answered HTTP {status} with something that is not JSON.")
    if host is Host.REST and isinstance(value, dict) and "data" in value:
        return value["data"]
    return value


def refusal(
    status: int,
    reason: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    secrets: Sequence[str] = (),
) -> ApiError:
    """The error for an answer that is not 2xx."""
    if 300 <= status < 400:
        return _redirect(status, headers)
    payload, _ = _parse(body)
    server_message: str | None = None
    code: int | str | None = status
    if isinstance(payload, dict):
        said = payload.get("message")
        server_message = redact(said, secrets) if isinstance(said, str) else None
        message = server_message or f"HTTP {status}"
        code = _code(payload.get("errorCode"))
    else:
        payload = {}
        message = redact(_synthesised(status, reason, body), secrets)
    details = payload.get("details")
    wait = wait_hint(payload.get("retryAfter"), header(headers, "retry-after"), now=now)
    return api_error(
        message,
        status=status,
        error_code=code,
        server_message=server_message,
        retry_after=wait,
        details=_masked(details, secrets) if isinstance(details, dict) else None,
    )


def wait_hint(in_body: object, in_header: str | None, *, now: float) -> float | None:
    """Seconds the server wants us to wait: the body's `retryAfter`, else the `Retry-After` header, else None."""
    if isinstance(in_body, (int, float)) and not isinstance(in_body, bool) and 0 <= in_body <= _LARGEST_FLOAT:
        return in_body
    if in_header is None:
        return None
    text = in_header.strip()
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0") or "0"
        # The length is looked at first: Python refuses to read numbers of thousands of digits.
        return int(digits) if len(digits) <= 16 and int(digits) <= _LARGEST_WAIT else None
    return _seconds_until(text, now)


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header's value; `name` in lower case."""
    return next((value for key, value in headers.items() if key.lower() == name), None)


def phrase(status: int, reason: str = "") -> str:
    """An HTTP status in words, such as `HTTP 404 Not Found`."""
    with contextlib.suppress(ValueError):
        reason = reason or HTTPStatus(status).phrase
    return f"HTTP {status} {reason}".rstrip()


def _seconds_until(text: str, now: float) -> float | None:
    if not _WORD.search(text) or not _TIME_OF_DAY.search(text):
        return None
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return max(0, math.ceil(moment.timestamp() - now))
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _redirect(status: int, headers: Mapping[str, str]) -> ApiError:
    target = redact(header(headers, "location") or "")
    error = api_error(
        f"The server answered HTTP {status} and pointed to {target or 'nowhere'}; redirects are not followed.",
        status=status,
        error_code=status,
    )
    error.hint = (
        "Credentials would go along with a redirect: set rest_endpoint or socket_endpoint to the final address."
    )
    return error


def _parse(body: bytes) -> tuple[object, bool]:
    """The JSON value of a body, and whether there is one within our limits."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None, False
    return (None, False) if _too_deep(value) else (value, True)


def _too_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent) if isinstance(child, (dict, list))]
        if not level:
            return False
    return True


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _synthesised(status: int, reason: str, body: bytes) -> str:
    """Plain text is the server's explanation; of a page only its beginning is worth showing."""
    text = " ".join(body[: 64 * 1024].decode("utf-8", errors="replace").split())
    if not text:
        return reason or f"HTTP {status}"
    if text.startswith("<"):
        return f"{reason or f'HTTP {status}'}: {text[:_LONGEST_HTML]}"
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "\u2026"


def _code(value: object) -> int | str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, (int, str)) else None


def _masked(details: Mapping[str, object], secrets: Sequence[str]) -> Mapping[str, object]:
    """The details as they came, unless they echo a secret."""
    if secrets and any(secret and secret in json.dumps(details, ensure_ascii=False) for secret in secrets):
        return {"masked": True}
    return details
