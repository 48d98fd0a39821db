"""One request and its answer: made by hand, read in pieces."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import requests
from requests.structures import CaseInsensitiveDict

from .._protocol import auth
from .._protocol.call import Call, number_text
from ..errors import Problem, ProtocolError, SogniError, ValidationError
from .mishaps import translate
from .transport import Patience

PIECE = 256 * 1024
"""Bytes read or written at once; small pieces cost the interpreter more than the network."""


def prepare(method: str, url: str, headers: Mapping[str, str], body: Any) -> requests.PreparedRequest:
    """A request made by hand: `requests` would look into the netrc, merge cookies, and guess a content type."""
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    request.headers = CaseInsensitiveDict(headers)
    request.headers.setdefault("User-Agent", "sogni-python")
    request.body = body
    return request


def json_body(call: Call[Any]) -> bytes | None:
    """The body of a call; a POST or PATCH without one sends an empty object."""
    if call.body is None and call.method not in ("POST", "PATCH"):
        return None
    problem: str
    try:
        text = json.dumps(_pruned(call.body or {}), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        problem = type(error).__name__
    message = f"body cannot be sent as JSON ({problem})."
    raise ValidationError(problems=[Problem("body", message)])


def _pruned(value: object) -> object:
    """Without the members that are None; list entries stay."""
    if isinstance(value, Mapping):
        return {key: _pruned(member) for key, member in value.items() if member is not None}
    if isinstance(value, (list, tuple)):
        return [_pruned(item) for item in value]
    return value


def url_of(base: str, call: Call[Any]) -> str:
    """Where a call goes; raises ValidationError for a path that would lead elsewhere."""
    path = call.path
    if (
        "://" in path
        or path.startswith("//")
        or any(character in path for character in "?#\\")
        or not path.isprintable()
        or any(part in (".", "..") for part in path.replace("%2e", ".").replace("%2E", ".").split("/"))
    ):
        raise ValidationError(
            problems=[
                Problem(
                    "path",
                    "path must be relative to the host, such as '/v1/account/me', without a query.",
                    value=auth.redact(path),
                )
            ]
        )
    url = f"{base}/{quote(path.lstrip('/'), safe='/%:@!$&+,;=~')}"
    pairs: list[tuple[str, str]] = []
    for name, value in call.query.items():
        if isinstance(value, (list, tuple)):
            pairs.extend((name, number_text(item)) for item in value)
        elif value is not None:
            pairs.append((name, number_text(value)))
    return f"{url}?{urlencode(pairs)}" if pairs else url


class Answer:
    """An answer whose body is still being read. `headers` are by lower- or mixed-case name."""

    __slots__ = ("_complete", "_patience", "_response", "_url", "_what", "headers", "reason", "status")

    def __init__(self, response: requests.Response, url: str, what: str, patience: Patience) -> None:
        self._response = response
        self._url = url
        self._what = what
        self._patience = patience
        self._complete = False
        self.status = response.status_code
        self.reason = response.reason or ""
        self.headers: Mapping[str, str] = response.headers

    def read(self, amount: int = PIECE) -> bytes:
        """The next bytes of the body, fewer than asked for only at its end; empty after it."""
        failure: SogniError
        try:
            piece: bytes = self._response.raw.read(amount, decode_content=True)
        except Exception as error:
            failure = translate(error, self._url, self._what, self._patience, reading=True)
        else:
            if not piece:
                self._complete = True
            return piece
        raise failure

    def read_all(self, limit: int) -> bytes:
        """The whole body; raises ProtocolError when it is larger than `limit` bytes."""
        pieces: list[bytes] = []
        size = 0
        while piece := self.read(64 * 1024):
            size += len(piece)
            if size > limit:
                raise ProtocolError(f"The answer to {self._what} is larger than {limit // 2**20} MiB.")
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Gives the connection back, or ends it when the body was not read to its end."""
        raw = self._response.raw
        with contextlib.suppress(Exception):
            if not self._complete:
                raw.close()
            raw.release_conn()


def bare(error: SogniError) -> SogniError:
    """The error without tracebacks and contexts, whose frames hold what must not be shown."""
    error.__context__ = None
    return error.with_traceback(None)
