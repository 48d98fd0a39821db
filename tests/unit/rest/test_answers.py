"""What an HTTP answer means: the vectors, and the rows of the reference that they do not cover."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from sogni import errors
from sogni._protocol import answers
from sogni._protocol.call import Host

NOW = datetime(2025, 1, 15, 12, 0, 0, tzinfo=timezone.utc).timestamp()
VECTORS = json.loads((Path(__file__).parents[2] / "data" / "rest_errors.json").read_text())["cases"]
BODIES = {
    "html": b"<html><body><h1>503 Service Unavailable</h1></body></html>",
    "text": b"The model is on hold\n for maintenance.",
    "empty": b"",
    "bad_json": b'{"status": "error", "mess',
}


def read(status: int, body: bytes = b"", *, headers: dict[str, str] | None = None, **options: Any) -> object:
    options.setdefault("host", Host.REST)
    options.setdefault("reason", "")
    return answers.read_answer(status, body=body, headers=headers or {}, now=NOW, **options)


def refused(status: int, body: Any = b"", **options: Any) -> errors.ApiError:
    with pytest.raises(errors.ApiError) as caught:
        read(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **options)
    return caught.value


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    given, expected = case["input"], case["expect"]["result"]
    body = given["body"]
    error = refused(
        given["status"], BODIES[body] if isinstance(body, str) else body, headers=given["headers"], reason="Reason"
    )
    assert error.status == expected["status"]
    for name in ("error_code", "retry_after", "server_message", "details"):
        assert getattr(error, name) == expected.get(name), name


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.ApiError),
        (401, errors.AuthenticationError),
        (402, errors.InsufficientFunds),
        (403, errors.PermissionDenied),
        (404, errors.ApiError),
        (429, errors.RateLimited),
        (500, errors.ServerError),
        (599, errors.ServerError),
    ],
)
def test_status_chooses_the_class(status: int, kind: type[errors.ApiError]) -> None:
    assert type(refused(status, {"message": "no"})) is kind


@pytest.mark.parametrize(
    ("body", "host", "value"),
    [
        (b"", Host.REST, None),
        (b"  \n", Host.REST, None),
        (b'{"status":"success","data":{"a":1}}', Host.REST, {"a": 1}),
        (b'{"status":"success","data":null}', Host.REST, None),
        (b'{"bare": 1}', Host.REST, {"bare": 1}),
        (b"[1]", Host.REST, [1]),
        (b"false", Host.REST, False),
        (b'{"data": 1}', Host.SOCKET, {"data": 1}),
        (b"[]", Host.SOCKET, []),
    ],
)
def test_values(body: bytes, host: Host, value: object) -> None:
    assert read(200, body, host=host) == value
    assert read(204, body, host=host) == value


@pytest.mark.parametrize("body", [b"<html>", b"{", b"\xff\xfe\x00", b"[" * 5000 + b"]" * 5000, b"[" * 101 + b"]" * 101])
def test_unreadable_success(body: bytes) -> None:
    with pytest.raises(errors.ProtocolError, match="HTTP 200"):
        read(200, body)


def test_deepest_readable() -> None:
    assert read(200, b"[" * 99 + b"]" * 99)


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        (b"", "Bad Gateway", "Bad Gateway"),
        (b"", "", "HTTP 502"),
        (b"  a \n\t b  ", "Bad Gateway", "a b"),
        (b"x" * 500, "", "x" * 500),
        (b"x" * 501, "", "x" * 500 + "\u2026"),
        (b"<p>" + b"y" * 300, "Bad Gateway", "Bad Gateway: <p>" + "y" * 197),
        (b"<p>", "", "HTTP 502: <p>"),
        (b'"quoted"', "", '"quoted"'),
        (b"[1, 2]", "", "[1, 2]"),
        (b"17", "", "17"),
        (b"\xff", "", "\ufffd"),
    ],
)
def test_synthesised_messages(body: bytes, reason: str, message: str) -> None:
    error = refused(502, body, reason=reason)
    assert error.message == message
    assert error.error_code == 502
    assert error.server_message is None


def test_object_without_anything() -> None:
    error = refused(400, b"{}", reason="Bad Request")
    assert (error.message, error.error_code) == ("HTTP 400", None)


@pytest.mark.parametrize(
    ("value", "code"), [(102, 102), (102.0, 102), ("E1", "E1"), (True, None), (1.5, None), ([1], None), (None, None)]
)
def test_error_code(value: object, code: object) -> None:
    assert refused(400, {"message": "m", "errorCode": value}).error_code == code


@pytest.mark.parametrize("details", [[1], "x", 1, None])
def test_details_only_if_object(details: object) -> None:
    assert refused(400, {"message": "m", "details": details}).details is None


def test_details() -> None:
    assert refused(400, {"message": "m", "details": {"a": [1]}}).details == {"a": [1]}


@pytest.mark.parametrize(
    ("in_body", "in_header", "wait"),
    [
        (2, "9", 2),
        (0.25, None, 0.25),
        (True, "9", 9),
        ("2", "9", 9),
        (-1, "9", 9),
        (float("nan"), "9", 9),
        (float("inf"), "9", 9),
        ([1], None, None),
        (10**400, None, None),
        (None, " 7 ", 7),
        (None, "0007", 7),
        (None, str(2**53 - 1), 2**53 - 1),
        (None, str(2**53), None),
        (None, "9" * 5000, None),
        (None, "1.5", None),
        (None, "-5", None),
        (None, "1e3", None),
        (None, "\u0661\u0662", None),
        (None, "soon", None),
        (None, "Sun", None),
        (None, "12:00:00", None),
        (None, "Wed, 15 Jan 2025 12:00:30 GMT", 30),
        (None, "Wed, 15 Jan 2025 12:00:30", 30),
        (None, "Wed, 15 Jan 2025 14:00:00 +0200", 0),
        (None, "Wed, 15 Jan 2025 11:00:00 GMT", 0),
        (None, "Wed, 99 Jan 2025 11:00:00 GMT", None),
        (None, "Xyz 11:00:00", None),
        (None, "", None),
    ],
)
def test_wait_hints(in_body: object, in_header: str | None, wait: float | None) -> None:
    assert answers.wait_hint(in_body, in_header, now=NOW) == wait


def test_redirects_name_their_target_without_its_query() -> None:
    error = refused(302, headers={"LOCATION": "https://elsewhere.example/p?token=abc"})
    assert error.status == 302
    assert "https://elsewhere.example/p" in error.message
    assert "abc" not in str(error)


def test_nothing_secret_survives() -> None:
    secret = "very-secret-key"
    body = {
        "message": f"key {secret} refused, see https://u:p@x.example/a?X-Amz-Signature=99 eyJhbGciOi.eyJhZGRyIjo.sig",
        "details": {"deep": [f"at {secret}"]},
    }
    error = refused(400, body, secrets=(secret,))
    text = f"{error} {error.server_message} {error.details}"
    for part in (secret, "u:p", "X-Amz-Signature", "eyJ"):
        assert part not in text
    assert secret not in str(refused(400, f"no {secret}".encode(), secrets=(secret,)))


@pytest.mark.parametrize(("status", "text"), [(404, "HTTP 404 Not Found"), (799, "HTTP 799"), (200, "HTTP 200 OK")])
def test_phrase(status: int, text: str) -> None:
    assert answers.phrase(status) == text
