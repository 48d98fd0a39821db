"""Every knob of a script changes what it says, and only for as long as it was asked to."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import websocket

from sogni.sandbox import Sandbox
from sogni.sandbox.script import KNOBS

from .peers import KEY, MODEL, TIMEOUT

Build = Callable[..., dict[str, Any]]


def run(talk: Any, build: Build, app_id: str = "app", **more: Any) -> tuple[Any, dict[str, Any]]:
    one = talk(app_id)
    request = build(**more)
    one.send("jobRequest", request)
    return one, request


def kinds(frames: list[Any]) -> list[str]:
    found = [data["type"] if kind == "jobState" else kind for kind, data in frames]
    return [kind for kind in found if kind not in ("balanceUpdate", "jobETA")]


TOGETHER = {
    *("cancel_unconfirmed", "cancel_silent", "cancel_error_first"),
    *("fail_upload", "cut_upload", "fail_download", "cut_download"),
}
PLAIN = ["queued", "assigned", "initiatingModel", "jobStarted", *["jobProgress"] * 4, "jobResult", "jobCompleted"]


def test_every_knob_has_a_test_here() -> None:
    tested = {name.removeprefix("test_knob_") for name in globals() if name.startswith("test_knob_")}
    assert tested | TOGETHER == {name for name, knob in KNOBS.items() if knob.metadata["subject"] != "account"}


# the link


@pytest.mark.parametrize(
    ("moment", "last"),
    [("accepted", "balanceUpdate"), ("queued", "jobState"), ("progress:2", "jobProgress"), ("result", "jobResult")],
)
def test_knob_drop_socket_after(net: Sandbox, talk: Any, build: Build, moment: str, last: str) -> None:
    net.script(drop_socket_after=moment)
    one, request = run(talk, build)
    assert one.end() is None
    sent = [entry for entry in net.log if entry.kind == "frame_out" and entry.connection == 1]
    assert sent[-1].frame_kind == last
    net.wait_for(lambda: net.project(request["jobID"])["status"] == "completed")
    # Only the next project was meant.
    two, _ = run(talk, build, "other")
    two.finished()


def test_knob_close_socket(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(drop_socket_after="progress", close_socket=1011)
    one, _ = run(talk, build)
    assert one.end() == 1011


def test_knob_restart(net: Sandbox, talk: Any, build: Build) -> None:
    other = talk("other")
    net.script(restart="started")
    one, request = run(talk, build)
    assert (one.end(), other.end()) == (1001, 1001)
    net.wait_for(lambda: net.project(request["jobID"])["status"] == "completed")


def test_knob_displace(net: Sandbox, talk: Any, build: Build) -> None:
    other = talk("other")
    net.script(displace=True)
    one, _ = run(talk, build)
    assert one.end() == 4015
    other.send("changeNetwork", "fast")
    other.until("changeNetwork")


def test_knob_pause_offline(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(drop_socket_after="progress:2", pause_offline=True)
    one, request = run(talk, build)
    assert one.end() is None
    net.wait_for(lambda: net.open_sockets == 0)
    assert net.project(request["jobID"])["status"] == "progress"
    frames = talk(greeted=False).finished()
    assert [data["step"] for kind, data in frames if kind == "jobProgress"] == [3, 4]


def test_knob_hold_at(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(hold_at="progress:3")
    one, request = run(talk, build)
    frames = one.until("jobProgress", lambda data: data["step"] == 3)
    assert one.quiet() == []
    assert net.project(request["jobID"])["workerJobs"][0]["performedSteps"] == 3
    net.release()
    assert kinds(frames + one.finished()) == PLAIN


def test_released_before_it_stood_still_it_does_not_stop(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(hold_at="result", delay=0.01)
    one, _ = run(talk, build)
    net.wait_for(lambda: net.submissions)
    net.release()
    one.finished()


def test_knob_lose_before_accept(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(lose_before_accept=True)
    one, request = run(talk, build)
    assert one.end() is None
    with pytest.raises(KeyError):
        net.project(request["jobID"])
    two = talk()
    two.send("jobRequest", request)
    two.finished()
    assert [submission.outcome for submission in net.submissions] == ["lost", "accepted"]


# workers


@pytest.mark.parametrize("moment", ["initiating", "started", "progress:2", "preview"])
def test_knob_reassign_worker(net: Sandbox, talk: Any, build: Build, moment: str) -> None:
    net.script(reassign_worker=moment)
    one, _ = run(talk, build, previews=1)
    frames = one.finished()
    (retry,) = [data for kind, data in frames if kind == "jobRetry"]
    (result,) = [data for kind, data in frames if kind == "jobResult"]
    assert (retry["attempt"], retry["maxAttempts"], retry["jobIndex"]) == (1, 3, 0)
    assert retry["imgID"] != result["imgID"]
    after = frames[frames.index(("jobRetry", retry)) + 1 :]
    assert kinds(after)[:3] == ["initiatingModel", "jobStarted", "jobProgress"]
    assert {data["imgID"] for _, data in after if "imgID" in data} == {result["imgID"]}
    assert [data["step"] for kind, data in after if kind == "jobProgress"] == [1, 2, 3, 4]
    workers = {data["workerName"] for kind, data in frames if data.get("type") == "jobStarted"}
    assert len(workers) == (1 if moment == "initiating" else 2)


def test_knob_silent_reassign(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(silent_reassign="progress:2")
    one, _ = run(talk, build)
    frames = one.finished()
    assert "jobRetry" not in kinds(frames)
    assert len({data["imgID"] for _, data in frames if "imgID" in data}) == 2


def test_knob_ghost_frames(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(reassign_worker="progress:2", ghost_frames=True)
    one, _ = run(talk, build)
    frames = one.finished()
    (retry,) = [data for kind, data in frames if kind == "jobRetry"]
    late = [
        data for kind, data in frames[frames.index(("jobRetry", retry)) + 1 :] if data.get("imgID") == retry["imgID"]
    ]
    assert len(late) == 4


@pytest.mark.parametrize("reason", ["concurrency_limit", "payment_pending"])
def test_knob_waiting(net: Sandbox, talk: Any, build: Build, reason: str) -> None:
    net.script(waiting=reason, times=2)
    one, _ = run(talk, build, numberOfImages=2)
    frames = one.finished()
    (queued,) = [data for _, data in frames if data.get("type") == "queued"]
    assert queued["waitingReason"]["reason"] == reason
    assert [entry["jobIndex"] for entry in queued["jobWaitingReasons"]] == [0, 1]
    # A frame of its own only goes to those who asked for it.
    assert "projectQueue" not in kinds(frames)
    two = talk("two", socketEventSubscriptions=json.dumps({"projectQueue": True}))
    two.send("jobRequest", build())
    (told,) = [data for kind, data in two.finished() if kind == "projectQueue"]
    assert told["waitingReason"]["reason"] == reason


def test_knob_queue_position(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(queue_position=3)
    one, _ = run(talk, build)
    queued = [data["queuePosition"] for _, data in one.finished() if data.get("type") == "queued"]
    assert queued == [3, 2, 1, 0]


def test_knob_no_workers(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    net.script(no_workers=True, queue_position=1, hold_at="queued")
    one, request = run(talk, build)
    one.until("jobState")
    assert rest.data(f"/v2/projects/{request['jobID']}")["project"]["waitingReason"]["reason"] == "no_workers"
    net.release()
    queued = [data["queueStatus"] for _, data in one.finished() if data.get("type") == "queued"]
    assert queued == ["waiting"]


# results


def test_knob_withhold(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    net.script(withhold=[1])
    one, request = run(talk, build, numberOfImages=2)
    results = {data["jobIndex"]: data for kind, data in one.finished() if kind == "jobResult"}
    assert [results[index]["triggeredNSFWFilter"] for index in (0, 1)] == [False, True]
    assert [results[index]["nsfwDetected"] for index in (0, 1)] == [False, False]
    query = {"jobId": request["jobID"], "type": "complete"}
    codes = [rest.get("/v1/image/downloadUrl", imageId=results[n]["imgID"], **query).status_code for n in (0, 1)]
    assert codes == [200, 404]
    record = rest.data(f"/v1/projects/{request['jobID']}")["project"]
    assert [job["triggeredNSFWFilter"] for job in record["completedWorkerJobs"]] == [False, True]


def test_knob_label(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    net.script(label=[0])
    one, request = run(talk, build)
    (result,) = [data for kind, data in one.finished() if kind == "jobResult"]
    assert (result["triggeredNSFWFilter"], result["nsfwDetected"], result["nsfwSources"]) == (False, True, ["image"])
    assert rest.data("/v1/image/downloadUrl", jobId=request["jobID"], imageId=result["imgID"], type="complete")


def test_knob_fail_jobs(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(fail_jobs=[0, 2])
    one, _ = run(talk, build, numberOfImages=3)
    frames = one.finished()
    assert [data["jobIndex"] for kind, data in frames if kind == "jobError"] == [0, 2]
    assert [data["jobIndex"] for kind, data in frames if kind == "jobResult"] == [1]


def test_knob_lose_results(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    net.script(lose_results=[0])
    one, request = run(talk, build)
    assert "jobResult" not in kinds(one.finished())
    record = rest.data(f"/v1/projects/{request['jobID']}")["project"]
    assert record["completedWorkerJobs"][0]["status"] == "jobCompleted"


def test_knob_lose_completed(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(lose_completed=True)
    one, request = run(talk, build)
    one.until("jobResult")
    net.wait_for(lambda: net.project(request["jobID"])["status"] == "completed")
    assert "jobCompleted" not in kinds(one.quiet())


def test_knob_hosted_results(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    net.script(hosted_results=True)
    one, _ = run(talk, build)
    (result,) = [data for kind, data in one.finished() if kind == "jobResult"]
    assert rest.bytes_of(result["resultUrl"]).content.startswith(b"\x89PNG")


def test_knob_late_record(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    net.script(late_record=2)
    one, request = run(talk, build)
    one.finished()
    path = f"/v1/projects/{request['jobID']}"
    assert [rest.get(path).status_code for _ in range(4)] == [404, 404, 200, 200]


# frames


def test_knob_duplicate_frames(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(duplicate_frames=True)
    one, _ = run(talk, build)
    frames = one.finished()
    frames.append(one.receive())
    assert kinds(frames) == [kind for kind in PLAIN for _ in range(2)]


def test_knob_reorder(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(reorder=True)
    one, _ = run(talk, build)
    frames = one.finished() + one.quiet()
    assert sorted(kinds(frames)) == sorted(PLAIN)
    assert kinds(frames) != PLAIN


def test_knob_delay(net: Sandbox, talk: Any, build: Build, stopwatch: Callable[[], float]) -> None:
    net.script(delay=0.02)
    one, _ = run(talk, build)
    before = stopwatch()
    assert kinds(one.finished()) == PLAIN
    assert stopwatch() - before > 0.02 * (len(PLAIN) - 1)


def test_knob_omit_job_index(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(omit_job_index=True)
    one, _ = run(talk, build)
    assert not [data for _, data in one.finished() if "jobIndex" in data]


def test_knob_completed_before_result(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(completed_before_result=True)
    one, _ = run(talk, build, numberOfImages=2)
    frames = one.finished()
    assert kinds(frames).count("jobResult") == 1
    assert one.until("jobResult")[-1][1]["jobIndex"] in (0, 1)


def test_knob_late_frames(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(late_frames=True)
    one, _ = run(talk, build)
    one.finished()
    assert kinds(one.until("jobError")) == ["jobProgress", "queued", "jobStarted", "jobError"]


def test_knob_phantom_eta(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(phantom_eta=True)
    one, _ = run(talk, build)
    estimates = [data for kind, data in one.finished() if kind == "jobETA"]
    assert ["imgID" in data for data in estimates] == [True, False]


@pytest.mark.parametrize(
    ("style", "fields"),
    [
        ("steps", [{"step": 2, "stepCount": 4}]),
        ("fraction", [{"progress": 0.5}]),
        ("percent", [{"progress": 50.0}]),
        ("eta", []),
    ],
)
def test_knob_progress_style(net: Sandbox, talk: Any, build: Build, style: str, fields: list[dict[str, float]]) -> None:
    net.script(progress_style=style)
    one, _ = run(talk, build)
    progress = [data for kind, data in one.finished() if kind == "jobProgress"]
    shown = [
        {name: value for name, value in data.items() if not name.startswith("job") and name != "imgID"}
        for data in progress
    ]
    assert shown[1:2] == fields


def test_knob_lowercase_ids(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(lowercase_ids=True)
    one, request = run(talk, build)
    for _, data in one.finished():
        for name in ("jobID", "imgID"):
            assert data.get(name, "") == data.get(name, "").lower()
    assert net.project(request["jobID"])["id"] == request["jobID"]


def test_knob_garbage(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(garbage="started")
    one, _ = run(talk, build)
    bad = good = 0
    while True:
        message = one.ws.recv()
        try:
            envelope = json.loads(message)
            data = json.loads(base64.b64decode(envelope["data"]))
            good += 1
        except (ValueError, TypeError, KeyError, RecursionError):
            bad += 1
            continue
        if isinstance(data, dict) and data.get("type") == "jobCompleted":
            break
    assert (bad >= 8, good >= len(PLAIN)) == (True, True)


# cancelling


@pytest.mark.parametrize(
    ("knob", "answers"),
    [
        ("cancel_unconfirmed", [("artistCancelConfirmation", False)]),
        ("cancel_silent", []),
        ("cancel_error_first", [("jobError", None), ("artistCancelConfirmation", True)]),
    ],
)
def test_cancelling(net: Sandbox, talk: Any, build: Build, knob: str, answers: list[Any]) -> None:
    net.script(hold_at="progress:2", **{knob: True})
    one, request = run(talk, build)
    one.until("jobProgress", lambda data: data["step"] == 2)
    one.send("jobError", {"jobID": request["jobID"], "error": "artistCanceled"})
    frames = [frame for frame in one.quiet() if frame[0] != "balanceUpdate"]
    assert [(kind, data.get("didCancel")) for kind, data in frames] == answers
    if knob == "cancel_error_first":
        assert frames[0][1]["error"] == "artistCanceled"
        assert "imgID" not in frames[0][1]
        assert net.project(request["jobID"])["status"] == "cancelled"
    else:
        net.release()
        one.finished()


# connecting


def test_knob_refuse_upgrade(net: Sandbox, talk: Any) -> None:
    net.script(refuse_upgrade=503)
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        talk()
    assert caught.value.status_code == 503
    talk()


def test_knob_no_authenticated(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(no_authenticated=True)
    one = talk(greeted=False)
    assert one.quiet() == []
    one.send("jobRequest", build())
    one.finished()


def test_knob_late_authenticated(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(late_authenticated=0.2)
    one = talk(greeted=False)
    # What is sent before the greeting is dropped.
    one.send("jobRequest", build())
    assert kinds(one.until("swarmModels")) == ["authenticated", "swarmModels"]
    assert one.quiet() == []
    assert net.submissions == []


def test_knob_bare_authenticated(net: Sandbox, talk: Any) -> None:
    net.script(bare_authenticated=True)
    kind, data = talk(greeted=False).receive()
    assert kind == "authenticated"
    assert not {"activeProjects", "unclaimedCompletedProjects"} & set(data)


@pytest.mark.parametrize(("code", "seen"), [(4021, 4021), (4010, 4010), (1013, 1013), (0, None)])
def test_knob_close_on_connect(net: Sandbox, talk: Any, code: int, seen: int | None) -> None:
    net.script(close_on_connect=code)
    assert talk(greeted=False).end() == seen


def test_knob_no_entitlement(net: Sandbox, talk: Any) -> None:
    net.script(no_entitlement=True)
    hellos = [talk(name, greeted=False).receive()[1] for name in ("one", "other")]
    assert [("subscriptionEntitlement" in hello, "freeSparkLocked" in hello) for hello in hellos] == [
        (False, False),
        (True, True),
    ]


def test_knob_deaf(net: Sandbox, talk: Any) -> None:
    net.script(deaf=True)
    one = talk()
    one.ws.ping("hello")
    one.send("changeNetwork", "fast")
    assert one.quiet() == []
    one.ws.shutdown()
    net.wait_for(lambda: net.open_sockets == 0)


# HTTP


def test_knob_http(net: Sandbox, rest: Any) -> None:
    net.script(http={"/v1/account/*": "not_found", "/api/*": "bad_gateway"})
    assert rest.get("/v4/account/balance").status_code == 200
    assert [rest.get("/v1/account/me").status_code for _ in range(2)] == [404, 200]
    assert [rest.get("/api/v1/models/list").status_code for _ in range(2)] == [502, 200]


def test_knob_rate_limit(net: Sandbox, rest: Any) -> None:
    net.script(rate_limit=0.25)
    answer = rest.get("/v1/account/me")
    assert (answer.status_code, answer.json()["retryAfter"], answer.headers["Retry-After"]) == (429, 0.25, "1")
    assert rest.get("/v1/account/me").status_code == 200


# The four knobs of transfers and that of signed URLs are tested where transfers are, in test_storage.py; here only that
# each is spent by one thing of its kind.


@pytest.mark.parametrize(
    ("knob", "value"), [("fail_upload", 500), ("cut_upload", 1), ("fail_download", 500), ("cut_download", 1)]
)
def test_transfers(net: Sandbox, rest: Any, knob: str, value: int) -> None:
    ask = {"jobId": "P", "imageId": "I", "type": "startingImage"}
    rest.upload("P", "startingImage", b"four", None)
    urls = (
        rest.data("/v1/image/uploadUrl", **ask)["uploadUrl"],
        rest.data("/v1/image/downloadUrl", **ask)["downloadUrl"],
    )
    net.script(**{knob: value})
    outcomes = []
    for _ in range(2):
        for number, url in enumerate(urls):
            try:
                answer = rest.put(url, b"four") if number == 0 else rest.bytes_of(url)
                outcomes.append(answer.status_code == 200)
            except OSError:
                outcomes.append(False)
    assert outcomes == ([False, True, True, True] if "upload" in knob else [True, False, True, True])


def test_knob_expire_urls(net: Sandbox, rest: Any) -> None:
    net.script(expire_urls=True)
    ask = {"jobId": "P", "imageId": "I", "type": "startingImage"}
    urls = [rest.data("/v1/image/uploadUrl", **ask)["uploadUrl"] for _ in range(2)]
    assert [rest.put(url, b"x").status_code for url in urls] == [403, 200]


def test_knob_saved_uploads(net: Sandbox, rest: Any) -> None:
    net.script(saved_uploads=True)
    assert [rest.data("/v1/assets/capabilities")["enabled"] for _ in range(2)] == [True, False]


@pytest.mark.parametrize("why", ["source_access", "subscription_required", "catalog_duplicate", "invalid_artifact"])
def test_knob_reject_lora(net: Sandbox, rest: Any, why: str) -> None:
    net.script(reject_lora=why)
    about = {"url": "https://civitai.com/models/1", "name": "Mine", "modelId": MODEL, "rightsConfirmed": True}
    ends = []
    for body in ({}, about, about):
        entry = rest.session.post(f"{net.url}/v1/loras/personal", json=body, headers=KEY, timeout=TIMEOUT).json()
        if entry["status"] == "success":
            looks = [rest.data(f"/v1/loras/personal/{entry['data']['id']}") for _ in range(3)]
            ends.append((looks[-1]["status"], looks[-1].get("failureCode"), bool(looks[-1].get("reason"))))
    assert ends == [("rejected", why, True), ("ready", None, False)]
