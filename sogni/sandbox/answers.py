"""Answers of REST and of the socket host: the envelope, errors, and the answers of armed faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .access import ASKING, SESSION
from .faults import Fault
from .script import Rig
from .state import Account
from .storage import abort

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Problem(Exception):
    """A request cannot be answered; becomes a JSON error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def caller() -> Account:
    """Who asks; nobody is an error."""
    account = ASKING.get()
    if account is None:
        raise Problem(401, 102, "Unauthorized.")
    return account


def signed_in() -> Account:
    """Who asks, having signed in with a password: there are things that no API key may do."""
    account = caller()
    if SESSION.get() is None:
        raise Problem(401, 102, "An API key may not do this: sign in with username and password.")
    return account


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object that a request carries."""
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise Problem(400, 101, "The body must be JSON.") from None
    if not isinstance(body, dict):
        raise Problem(400, 101, "The body must be a JSON object.")
    return body


def word_of(body: dict[str, Any], name: str) -> str:
    """A text of the body that must not be empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Problem(400, 101, f"{name} must be a text that is not empty.")
    return value


def bare(data: object, status: int = 200) -> web.Response:
    """JSON as it is, the way of the socket host."""
    return web.Response(
        status=status, text=json.dumps(data, ensure_ascii=False), content_type="application/json", charset="utf-8"
    )


def success(data: object) -> web.Response:
    """The envelope of REST."""
    return bare({"status": "success", "data": data})


def answer(rig: Rig, data: object) -> web.Response:
    """The envelope of REST, unless a script leaves it out."""
    return bare(data) if rig.take("bare_answers") else success(data)


def error(status: int, code: int, message: str, **extra: object) -> web.Response:
    """An error of either host."""
    return bare({"status": "error", "message": message, "errorCode": code, **extra}, status)


async def of_fault(fault: Fault, request: web.Request, retry_after: float | None = None) -> web.StreamResponse:
    """The answer of a fault, or none at all."""
    seconds = fault.retry_after if retry_after is None else retry_after
    if fault.body == "hang":
        await asyncio.Event().wait()
    if fault.body == "abort":
        return abort(request)
    if fault.body == "html":
        return web.Response(status=fault.status, text=PAGE, content_type="text/html", headers=fault.headers)
    if fault.body == "text":
        return web.Response(status=fault.status, text=fault.message, headers=fault.headers)
    if fault.body == "empty":
        return web.Response(status=fault.status, headers=fault.headers)
    if fault.body == "cut":
        return web.Response(
            status=fault.status, text='{"status":"success","data":{"to', content_type="application/json"
        )
    code = fault.error if isinstance(fault.error, int) else 0
    extra = {**fault.extra, **({} if seconds is None else {"retryAfter": seconds})}
    answer = error(fault.status, code, fault.message, **extra)
    answer.headers.update(fault.headers)
    if seconds is not None:
        # The header only knows whole seconds; the body has the exact number.
        answer.headers["Retry-After"] = str(max(1, round(seconds))) if seconds else "0"
    return answer
