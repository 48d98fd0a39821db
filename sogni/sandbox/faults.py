"""The table of single faults: what `Sandbox.fail_next` can make go wrong, and what the client then sees."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import attrs

#: The code of every failure of an outside provider.
VENDOR_FAILURE = 5061

#: Where a fault strikes: the next HTTP request, the next `jobRequest`, or the next job (one output) that renders.
Place: TypeAlias = Literal["request", "submission", "job"]


@attrs.frozen(kw_only=True)
class Fault:
    """One row of the table.

    Attributes:
        place: Where it strikes.
        summary: What it stands for.
        status: HTTP status of the answer (requests).
        error: `errorCode` of the answer, or `error` of the `jobError` frame.
        message: The server's sentence.
        retry_after: Seconds, sent as header and in the body (requests).
        body: Body in place of the JSON error: `html`, `text`, `empty`, `cut` (JSON cut short, with status 200),
            `hang` (no answer at all), `abort` (connection closed without an answer).
        headers: Further headers of the answer.
        extra: Further fields of the body or the frame.
    """

    place: Place
    summary: str
    status: int = 0
    error: int | str = 0
    message: str = ""
    retry_after: float | None = None
    body: Literal["json", "html", "text", "empty", "cut", "hang", "abort"] = "json"
    headers: Mapping[str, str] = attrs.field(factory=dict)
    extra: Mapping[str, object] = attrs.field(factory=dict)


def _request(status: int, error: int, message: str, summary: str, **more: object) -> Fault:
    return Fault(place="request", status=status, error=error, message=message, summary=summary, **more)  # type: ignore[arg-type]


def _submission(error: int | str, message: str, summary: str, **extra: object) -> Fault:
    return Fault(place="submission", error=error, message=message, summary=summary, extra=extra)


def _job(error: int | str, message: str, summary: str, **extra: object) -> Fault:
    return Fault(place="job", error=error, message=message, summary=summary, extra=extra)


def _vendor(category: str, message: str) -> Fault:
    return _job(VENDOR_FAILURE, message, f"an outside provider failed: {category}", vendorFailureCategory=category)


FAULTS: Mapping[str, Fault] = {
    # HTTP requests
    "bad_request": _request(400, 101, "Invalid request.", "400"),
    "unauthorized": _request(401, 102, "Unauthorized.", "401, the credentials are refused"),
    "renewal_refused": _request(401, 104, "The refresh token is not valid.", "401 of a renewal; name its path"),
    "forbidden": _request(403, 103, "Not permitted.", "403"),
    "not_found": _request(404, 122, "Not found.", "404"),
    "conflict": _request(409, 109, "Conflict.", "409"),
    "busy": _request(423, 124, "Busy, try again.", "423"),
    "rate_limit": _request(429, 126, "Too many requests.", "429 with Retry-After: 1", retry_after=1),
    "server_error": _request(500, 500, "Internal error.", "500"),
    "bad_gateway": _request(502, 0, "", "502 with an HTML page", body="html"),
    "unavailable": _request(503, 503, "Restarting.", "503 with Retry-After: 1", retry_after=1),
    "on_hold": _request(409, 0, "This model is on hold for maintenance.", "409, plain text", body="text"),
    "empty": _request(500, 0, "", "500 without a body", body="empty"),
    "not_json": _request(200, 0, "", "200 with JSON cut short", body="cut"),
    "redirect": _request(302, 0, "", "302 to another host", headers={"Location": "http://127.0.0.1:9/elsewhere"}),
    "hang": _request(0, 0, "", "no answer until the sandbox closes", body="hang"),
    "abort": _request(0, 0, "", "connection closed without an answer", body="abort"),
    # submissions: a `jobError` without imgID, nothing is rendered or charged
    "insufficient_funds": _submission(123, "Insufficient funds.", "the balance does not cover it"),
    "restarting": _submission(1001, "The server is restarting.", "refused while restarting, safe to send again"),
    "not_entitled": _submission(4078, "No active plan covers this.", "no entitlement"),
    "queue_cap": _submission(4079, "Your plan's queue is full.", "plan queue cap"),
    "billing_grace": _submission(4080, "Your plan's renewal is being retried.", "billing grace"),
    "plan_limit": _submission(
        4081,
        "This feature needs a higher plan.",
        "needs a higher plan",
        subscriptionLimit=True,
        requiredPlans=["unlimited_pro"],
        feature="sandbox_feature",
        limitation="plan",
    ),
    "consent_required": _submission(
        4103,
        "This model needs your consent first.",
        "model consent needed",
        consentRequired={"key": "sandbox-terms", "version": "1", "modelId": "sandbox"},
    ),
    "model_unavailable": _submission(4104, "This model is not available on this network yet.", "model not available"),
    "invalid_request": _submission("invalidRequest", "The request is not valid.", "refused as invalid"),
    # jobs: a `jobError` with imgID, half way through the render
    "genfailure": _job("genfailure", "Generation failed.", "the worker failed"),
    "sensitive_content": _job("sensitiveContent", "Sensitive content.", "refused by the filter"),
    "upload_failure": _job("imgUploadFailure", "The worker could not store the result.", "result not stored"),
    "server_restarting": _job("serverRestarting", "Server restarting.", "5001"),
    "worker_disconnected": _job("workerDisconnected", "The worker disconnected.", "5002"),
    "job_timed_out": _job("jobTimedOut", "The render took too long.", "5003"),
    "worker_cancelled": _job("workerCancelled", "The worker cancelled.", "5005"),
    "vendor_failed": _vendor("vendor_failed", "The provider failed."),
    "content_policy": _vendor("content_policy", "The provider refused the content."),
    "vendor_transient": _vendor("vendor_transient", "The provider is overloaded."),
    "vendor_timeout": _vendor("timeout", "The provider took too long."),
}


def find(kind: str) -> Fault:
    """The fault of that name; a ValueError that lists the names otherwise."""
    if kind in FAULTS:
        return FAULTS[kind]
    raise ValueError(unknown_name("fault", str(kind), FAULTS))


def unknown_name(what: str, name: str, allowed: Iterable[str]) -> str:
    """Sentence about a name that does not exist: the nearest ones, then all."""
    names = sorted(allowed)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"no {what} named {name!r}.{hint} Allowed: {', '.join(names)}"
