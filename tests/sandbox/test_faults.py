"""Every fault of the table strikes where it should, once, and looks as it should."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests

from sogni.sandbox import Sandbox
from sogni.sandbox.faults import FAULTS, Fault

Build = Callable[..., dict[str, Any]]


def of(place: str) -> list[str]:
    return [name for name, fault in FAULTS.items() if fault.place == place]


@pytest.mark.parametrize("kind", of("request"))
def test_requests(net: Sandbox, rest: Any, kind: str) -> None:
    fault = FAULTS[kind]
    net.fail_next(kind)
    if fault.body == "hang":
        with pytest.raises(requests.ReadTimeout):
            rest.session.get(net.url + "/v1/account/me", headers={"api-key": "sandbox-key"}, timeout=0.2)
    elif fault.body == "abort":
        with pytest.raises(requests.ConnectionError):
            rest.get("/v1/account/me")
    else:
        answer = rest.session.get(
            net.url + "/v1/account/me", headers={"api-key": "sandbox-key"}, timeout=5, allow_redirects=False
        )
        _check(answer, fault)
    assert [entry.detail for entry in net.log if entry.kind == "fault"] == [kind]
    assert rest.data("/v1/account/me")["username"] == "sandbox"


def _check(answer: requests.Response, fault: Fault) -> None:
    assert answer.status_code == fault.status
    if fault.body == "json":
        body = answer.json()
        assert (body["status"], body["message"], body["errorCode"]) == ("error", fault.message, fault.error)
        assert body.get("retryAfter") == fault.retry_after
        assert answer.headers.get("Retry-After") == (None if fault.retry_after is None else str(fault.retry_after))
    elif fault.body == "html":
        assert answer.text.startswith("<html")
    elif fault.body == "text":
        assert answer.text == fault.message
    elif fault.body == "empty":
        assert answer.content == b""
    else:
        with pytest.raises(ValueError, match=r"delimiter|Expecting|Unterminated"):
            answer.json()
    for name, value in fault.headers.items():
        assert answer.headers[name] == value


@pytest.mark.parametrize("kind", of("submission"))
def test_submissions(net: Sandbox, talk: Any, rest: Any, build: Build, kind: str) -> None:
    fault = FAULTS[kind]
    net.fail_next(kind)
    one = talk()
    request = build()
    one.send("jobRequest", request)
    assert one.receive() == (
        "jobError",
        {
            "jobID": request["jobID"],
            "isFromWorker": False,
            "error": fault.error,
            "error_message": fault.message,
            **fault.extra,
        },
    )
    assert Decimal(rest.data("/v4/account/balance")["spark"]["net"]) == 10_000
    # A refused request was never there: the same id may come again.
    one.send("jobRequest", request)
    one.finished()
    assert [submission.outcome for submission in net.submissions] == ["refused", "accepted"]


@pytest.mark.parametrize("kind", of("job"))
def test_jobs(net: Sandbox, talk: Any, rest: Any, build: Build, kind: str) -> None:
    fault = FAULTS[kind]
    net.fail_next(kind)
    one = talk()
    request = build()
    one.send("jobRequest", request)
    frames = one.until("jobError")
    data = frames[-1][1]
    assert (data["error"], data["error_message"], data["isFromWorker"]) == (fault.error, fault.message, True)
    assert {name: data[name] for name in fault.extra} == fault.extra
    assert data["imgID"]
    assert [data["step"] for kind, data in frames if kind == "jobProgress"] == [1]
    net.wait_for(lambda: net.project(request["jobID"])["status"] == "errored")
    assert Decimal(rest.data("/v4/account/balance")["spark"]["net"]) == 10_000
    one.send("jobRequest", build())
    one.finished()


def test_one_failed_job_of_several_is_not_charged(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    net.fail_next("genfailure", times=2)
    one = talk()
    one.send("jobRequest", build(numberOfImages=3))
    frames = one.finished()
    assert sum(kind == "jobResult" for kind, _ in frames) == 1
    held = next(Decimal(data["spark"]["debit"]) for kind, data in frames if kind == "balanceUpdate")
    spent = 10_000 - Decimal(rest.data("/v4/account/balance")["spark"]["net"])
    assert abs(spent - held / 3) < Decimal("0.001")


def test_faults_strike_as_often_and_where_they_are_asked_to(net: Sandbox, rest: Any) -> None:
    net.fail_next("unavailable", times=2, path="/api/*")
    net.fail_next("rate_limit", path="/v1/account/me")
    assert rest.get("/v4/account/balance").status_code == 200
    assert [rest.get("/api/v1/models/list").status_code for _ in range(3)] == [503, 503, 200]
    assert [rest.get("/v1/account/me").status_code for _ in range(2)] == [429, 200]
    net.fail_next("server_error", times=None)
    assert [rest.get("/v1/account/me").status_code for _ in range(5)] == [500] * 5
    net.reset()
    assert rest.get("/v1/account/me").status_code == 200


def test_faults_leave_uploads_downloads_and_sockets_alone_unless_named(net: Sandbox, rest: Any, talk: Any) -> None:
    url = rest.data("/v1/image/uploadUrl", jobId="P", imageId="I", type="startingImage")["uploadUrl"]
    net.fail_next("server_error")
    assert rest.put(url, b"x").status_code == 200
    talk()
    assert rest.get("/v1/account/me").status_code == 500
    net.fail_next("forbidden", path="/storage/uploads/*")
    assert rest.put(url, b"x").status_code == 403


def test_names_are_checked_at_once() -> None:
    net = Sandbox()
    with pytest.raises(ValueError, match=r"Did you mean 'insufficient_funds'.*Allowed: abort, bad_gateway"):
        net.fail_next("insufficient_fund")
    with pytest.raises(ValueError, match="path= is for HTTP faults only"):
        net.fail_next("genfailure", path="/v1/*")
    with pytest.raises(ValueError, match="times is a number from 1 on"):
        net.fail_next("hang", times=0)
    with pytest.raises(ValueError, match="Did you mean 'withhold'"):
        net.script(withold=[1])
    with pytest.raises(ValueError, match="http: no fault named '500'"):
        net.script(http={"/v1/*": 500})
    with pytest.raises(ValueError, match="hold_at: no moment named 'starting'"):
        net.script(hold_at="starting")
    with pytest.raises(ValueError, match="reassign_worker: no moment of a render"):
        net.script(reassign_worker="queued")


def test_it_can_be_armed_before_it_runs() -> None:
    net = Sandbox()
    net.fail_next("server_error")
    with net:
        url = net.url + "/api/v1/models/list"
        assert [requests.get(url, timeout=5).status_code for _ in range(2)] == [500, 200]
