"""The life of a project, frame by frame, and what REST says about it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image

from sogni.sandbox import Sandbox
from sogni.sandbox.studio import THREADS

Build = Callable[..., dict[str, Any]]


def names(frames: list[Any], img_id: str | None = None) -> list[str]:
    return [
        data["type"] if kind == "jobState" else kind
        for kind, data in frames
        if kind.startswith("job") and (img_id is None or data.get("imgID") == img_id)
    ]


def test_one_image_from_order_to_bytes(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    one = talk()
    request = build(keyframe={"seed": 42, "width": 320, "height": 256, "sizePreset": "custom"})
    one.send("jobRequest", request)
    frames = one.finished()
    progress = ["jobETA"] + ["jobProgress"] * 4
    assert names(frames) == [
        "queued", "assigned", "initiatingModel", "jobStarted", *progress, "jobResult", "jobCompleted"
    ]  # fmt: skip
    assert {data["jobID"] for kind, data in frames if kind.startswith("job")} == {request["jobID"]}
    (queued,) = [data for _, data in frames if data.get("type") == "queued"]
    assert (queued["queuePosition"], queued["queueStatus"]) == (0, "waiting")
    steps = [(data["step"], data["stepCount"]) for kind, data in frames if kind == "jobProgress"]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    (result,) = [data for kind, data in frames if kind == "jobResult"]
    assert (result["performedStepCount"], result["lastSeed"], result["jobIndex"]) == (4, "42", 0)
    assert not result["triggeredNSFWFilter"]
    url = rest.data(
        "/v1/image/downloadUrl",
        jobId=request["jobID"],
        imageId=result["imgID"],
        type="complete",
        contentType="image/png",
    )["downloadUrl"]
    answer = rest.bytes_of(url)
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size) == ("PNG", (320, 256))
    assert hashlib.sha256(answer.content).hexdigest() == result["sha256"]
    (submission,) = net.submissions
    assert (submission.outcome, submission.prompt, submission.model_id) == (
        "accepted",
        "a red fox",
        "krea2_turbo_fp8_scaled",
    )


def test_several_outputs_run_side_by_side(talk: Any, build: Build) -> None:
    one = talk()
    one.send("jobRequest", build(numberOfImages=3, keyframe={"seed": 1}))
    frames = one.finished()
    results = [data for kind, data in frames if kind == "jobResult"]
    assert sorted(data["jobIndex"] for data in results) == [0, 1, 2]
    assert len({data["imgID"] for data in results}) == len({data["lastSeed"] for data in results}) == 3
    order = [data["jobIndex"] for kind, data in frames if kind == "jobProgress"]
    assert order != sorted(order)
    for data in results:
        assert names(frames, data["imgID"])[0] == "initiatingModel"
        assert names(frames, data["imgID"])[-1] == "jobResult"


def test_two_projects_at_once(talk: Any, build: Build) -> None:
    one = talk()
    requests = [build(), build()]
    for request in requests:
        one.send("jobRequest", request)
    ends: list[str] = []
    while len(ends) < 2:
        ends.append(one.finished()[-1][1]["jobID"])
    assert sorted(ends) == sorted(request["jobID"] for request in requests)


def test_previews_are_pictures_of_their_own(talk: Any, rest: Any, build: Build) -> None:
    one = talk()
    request = build(previews=2, keyframe={"steps": 8})
    one.send("jobRequest", request)
    seen = []
    for kind, data in one.finished():
        if kind == "jobProgress" and data.get("hasImage"):
            url = rest.data("/v1/image/downloadUrl", jobId=data["jobID"], imageId=data["imgID"], type="preview")
            seen.append((data["step"], rest.bytes_of(url["downloadUrl"]).content))
    assert [step for step, _ in seen] == [2, 5]
    with Image.open(io.BytesIO(seen[0][1])) as image:
        assert image.format == "JPEG"
        assert max(image.size) <= 256


def test_a_preview_outlives_the_worker_that_made_it(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    net.script(reassign_worker="progress:3", hold_at="initiating:2")
    one = talk()
    request = build(previews=1, keyframe={"width": 64, "height": 64})
    one.send("jobRequest", request)
    gone = one.until("jobProgress", lambda data: data.get("hasImage") is True)[-1][1]["imgID"]
    net.wait_for(lambda: net.project(request["jobID"])["workerJobs"][0]["imgID"] not in (None, gone))
    asked = {"jobId": request["jobID"], "imageId": gone, "type": "preview"}
    assert rest.bytes_of(rest.data("/v1/image/downloadUrl", **asked)["downloadUrl"]).status_code == 200
    theirs = rest.get("/v1/image/downloadUrl", {"api-key": "sandbox-other"}, **asked)
    unknown = rest.get("/v1/image/downloadUrl", **{**asked, "imageId": "unknown"})
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    net.release()
    one.finished()


def test_the_price_is_what_the_estimate_said(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    path = "/api/v2/job/estimate/spark/fast/krea2_turbo_fp8_scaled/2/4/0/0/0/512/512"
    quoted = Decimal(rest.get(path).json()["quote"]["project"]["costInToken"])
    one = talk()
    size = {"width": 512, "height": 512, "sizePreset": "custom"}
    one.send("jobRequest", build(numberOfImages=2, keyframe=size))
    balances = [data["spark"] for kind, data in one.finished() if kind == "balanceUpdate"]
    assert Decimal(balances[0]["debit"]) == quoted
    assert Decimal(balances[0]["net"]) == 10_000 - quoted
    assert Decimal(balances[-1]["debit"]) == 0
    assert Decimal(balances[-1]["settled"]) == 10_000 - quoted
    shown = rest.data("/v4/account/balance")
    assert Decimal(shown["spark"]["net"]) == 10_000 - quoted
    assert shown["spark"]["fastUnclaimed"] == "0"
    assert Decimal(shown["sogni"]["net"]) == 10_000


def test_who_cannot_pay_is_refused(net: Sandbox, talk: Any, build: Build) -> None:
    one = talk()
    big = {"width": 8192, "height": 8192, "sizePreset": "custom", "steps": 1_000_000}
    one.send("jobRequest", build(numberOfImages=512, keyframe=big))
    kind, data = one.receive()
    assert (kind, data["error"], "imgID" in data) == ("jobError", 123, False)
    assert [submission.outcome for submission in net.submissions] == ["refused"]


SAM, FLASH, MUSIC = "sam3_image_segment_bf16", "flashvsr_v1.1_tiny_long_bf16", "ace_step_1.5_turbo"
LTX, VENDOR = "ltx25-22b-int8_t2v_distilled", "seedance-2-0"


def _for(model: str, **keyframe: Any) -> list[dict[str, Any]]:
    return [{"modelID": model, "positivePrompt": "x", **keyframe}]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"jobID": ""}, "jobID is missing."),
        ({"keyFrames": []}, "keyFrames must be a list with one object."),
        ({"numberOfImages": 0}, "numberOfImages must be from 1 to 512."),
        ({"numberOfImages": 513}, "numberOfImages must be from 1 to 512."),
        ({"numberOfImages": 1.5}, "numberOfImages must be from 1 to 512."),
        ({"numberOfImages": "3"}, "numberOfImages must be a number."),
        ({"numberOfImages": True}, "numberOfImages must be a number."),
        ({"numberOfImages": 1e400}, None),
        ({"numberOfImages": 2, "keyFrames": _for(SAM)}, f"numberOfImages must be 1 on {SAM}."),
        ({"numberOfImages": 2, "keyFrames": _for(FLASH)}, f"numberOfImages must be 1 on {FLASH}."),
        ({"previews": -1}, "previews must be from 0 to 512."),
        ({"previews": "many"}, "previews must be a number."),
        ({"tokenType": "euro"}, "tokenType must be spark or sogni."),
        ({"outputFormat": "bmp"}, "outputFormat must be png, jpg or webp."),
        ({"outputFormat": "mp4"}, "outputFormat must be png, jpg or webp."),
        ({"outputFormat": "mov", "keyFrames": _for(LTX)}, "outputFormat must be mp4."),
        ({"outputFormat": "ogg", "keyFrames": _for(MUSIC)}, "outputFormat must be mp3, wav or flac."),
        ({"network": "slow"}, "network must be fast or relaxed."),
        ({"network": "relaxed", "keyFrames": _for(LTX)}, "Videos are rendered on the fast network only."),
        ({"tokenType": "sogni", "keyFrames": _for(VENDOR)}, f"{VENDOR} is paid with Spark only."),
        ({"tokenType": None, "keyFrames": _for(VENDOR)}, f"{VENDOR} is paid with Spark only."),
        ({"keyFrames": _for("krea2_turbo_fp8_scaled", steps="four")}, "steps must be a number."),
        ({"keyFrames": _for("krea2_turbo_fp8_scaled", steps=-4)}, "steps must be from 1 to 1000000."),
        ({"keyFrames": _for("krea2_turbo_fp8_scaled", width=9000, height=9000)}, "width and height must be from 1 to"),
        ({"keyFrames": _for("krea2_turbo_fp8_scaled", seed="x")}, "seed must be a number."),
        ({"keyFrames": _for(LTX, frames=4001)}, "frames must be from 1 to 4000 and fps from 1 to 120."),
        ({"keyFrames": _for(MUSIC, duration=601)}, "duration must be up to 600 seconds."),
    ],
)
def test_what_is_wrong_is_refused_at_once(
    net: Sandbox, talk: Any, build: Build, change: dict[str, Any], said: str | None
) -> None:
    one = talk()
    request = {**build(), **change}
    one.send("jobRequest", request)
    if said is None:
        # Python writes it as Infinity, which is no JSON.
        net.wait_for(lambda: any(entry.kind == "bad_frame" for entry in net.log))
        return
    ((kind, data),) = one.quiet()
    assert kind == "jobError"
    assert data == {
        "jobID": request["jobID"],
        "isFromWorker": False,
        "error": "invalidRequest",
        "error_message": data["error_message"],
    }
    assert data["error_message"].startswith(said)
    assert [submission.outcome for submission in net.submissions] == ["refused"]
    with pytest.raises(KeyError):
        net.project(request["jobID"] or "none")


def test_an_unknown_model_is_not_available(net: Sandbox, talk: Any, build: Build) -> None:
    one = talk()
    one.send("jobRequest", build("nonsense"))
    ((kind, data),) = one.quiet()
    assert (kind, data["error"], "imgID" in data) == ("jobError", 4104, False)
    assert data["error_message"] == "The model 'nonsense' is not available on this network."


def test_what_is_refused_spends_no_script(net: Sandbox, talk: Any, build: Build) -> None:
    net.script(withhold=[0])
    one = talk()
    one.send("jobRequest", build(numberOfImages=0))
    one.until("jobError")
    one.send("jobRequest", build())
    (result,) = [data for kind, data in one.finished() if kind == "jobResult"]
    assert result["triggeredNSFWFilter"] is True


def test_the_same_id_does_not_render_twice(net: Sandbox, talk: Any, build: Build) -> None:
    one = talk()
    request = build()
    one.send("jobRequest", request)
    one.finished()
    one.send("jobRequest", {**request, "jobID": request["jobID"].lower()})
    assert one.quiet() == []
    assert [submission.outcome for submission in net.submissions] == ["accepted", "duplicate"]


def test_declared_files_must_have_been_uploaded(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    one = talk()
    request = build(keyframe={"hasStartingImage": True, "hasContextImage2": True, "hasContextImage3": False})
    rest.upload(request["jobID"], "startingImage", b"\x89PNG")
    one.send("jobRequest", request)
    error = one.until("jobError")[-1][1]
    assert error["error"] == "imgUploadFailure"
    assert "contextImage2" in error["error_message"]
    (submission,) = net.submissions
    assert submission.missing_slots == ("contextImage2",)
    assert [upload.slot for upload in submission.uploads] == ["startingImage"]
    net.wait_for(lambda: net.project(request["jobID"])["status"] == "errored")
    assert Decimal(rest.data("/v4/account/balance")["spark"]["net"]) == 10_000


class TestCancel:
    def test_in_time(self, net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
        net.script(hold_at="progress:2")
        one = talk()
        request = build()
        one.send("jobRequest", request)
        one.until("jobProgress", lambda data: data["step"] == 2)
        one.send("jobError", {"jobID": request["jobID"], "error": "artistCanceled", "isFromWorker": False})
        answer = one.until("artistCancelConfirmation")[-1][1]
        assert answer == {"jobID": request["jobID"], "didCancel": True}
        assert one.quiet() == []
        record = rest.data(f"/v1/projects/{request['jobID']}")["project"]
        assert (record["status"], record["completedWorkerJobs"][0]["reason"]) == ("cancelled", "artistCanceled")
        assert rest.data(f"/v2/projects/{request['jobID']}")["project"]["status"] == "canceled"
        assert Decimal(rest.data("/v4/account/balance")["spark"]["net"]) == 10_000

    def test_too_late(self, talk: Any, build: Build) -> None:
        one = talk()
        request = build()
        one.send("jobRequest", request)
        one.finished()
        for project_id in (request["jobID"], "UNKNOWN"):
            one.send("jobError", {"jobID": project_id, "error": "artistCanceled"})
            answer = one.until("artistCancelConfirmation")[-1][1]
            assert (answer["jobID"], answer["didCancel"]) == (project_id, False)
            assert answer["error_message"]

    def test_not_the_projects_of_others(self, net: Sandbox, talk: Any, build: Build) -> None:
        net.script(hold_at="started")
        one, stranger = talk(), talk("app", "sandbox-someone")
        request = build()
        one.send("jobRequest", request)
        one.until("jobState", lambda data: data["type"] == "jobStarted")
        stranger.send("jobError", {"jobID": request["jobID"], "error": "artistCanceled"})
        assert stranger.until("artistCancelConfirmation")[-1][1]["didCancel"] is False
        net.release()
        one.finished()


class TestRecovery:
    def test_a_running_project_is_handed_to_the_next_socket(self, net: Sandbox, talk: Any, build: Build) -> None:
        net.script(hold_at="progress:2")
        one = talk()
        request = build(numberOfImages=2, keyframe={"seed": 5})
        one.send("jobRequest", request)
        one.until("jobProgress")
        net.wait_for(lambda: net.project(request["jobID"])["workerJobs"][0]["performedSteps"] == 1)
        net.drop_sockets()
        two = talk(greeted=False)
        hello = two.receive()[1]
        (found,) = hello["activeProjects"]
        assert (found["id"], found["status"], found["imageCount"]) == (request["jobID"], "progress", 2)
        assert json.loads(base64.b64decode(found["clientRequestData"])) == request
        assert {job["id"] for job in found["workerJobs"]} == {request["jobID"]}
        assert len({job["imgID"] for job in found["workerJobs"]}) == 2
        net.release()
        assert sum(kind == "jobResult" for kind, _ in two.finished()) == 2

    def test_what_ends_while_nobody_is_there_is_kept(self, net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
        net.script(hold_at="progress:1")
        one = talk()
        request = build()
        one.send("jobRequest", request)
        one.until("jobProgress")
        other = talk("other")
        one.ws.shutdown()
        net.wait_for(lambda: net.open_sockets == 1)
        net.release()
        net.wait_for(lambda: net.project(request["jobID"])["status"] == "completed")
        for _ in range(2):
            shown = rest.get("/api/v1/artist/projects/sync", appId="app").json()
            assert [project["id"] for project in shown["unclaimedCompletedProjects"]] == [request["jobID"]]
            assert shown["activeProjects"] == []
            assert abs(shown["serverTime"] / 1000 - time.time()) < 60
        assert rest.get("/api/v1/artist/projects/sync", appId="other").json()["unclaimedCompletedProjects"] == []
        hello = talk("app", greeted=False).receive()[1]
        (found,) = hello["unclaimedCompletedProjects"]
        (job,) = found["completedWorkerJobs"]
        assert (job["status"], job["jobIndex"], job["performedSteps"]) == ("jobCompleted", 0, 4)
        # The greeting delivers it once.
        assert talk("app", greeted=False).receive()[1]["unclaimedCompletedProjects"] == []
        # What another app of the account hears is that it cost something.
        assert {kind for kind, _ in other.quiet()} == {"balanceUpdate"}

    def test_the_whole_account_is_shown_to_everybody_but_not_too_often(
        self, talk: Any, rest: Any, build: Build
    ) -> None:
        one = talk("one")
        one.send("jobRequest", build())
        one.finished()
        statuses = [rest.get("/api/v1/artist/projects/sync").status_code for _ in range(21)]
        assert statuses == [200] * 20 + [429]
        assert rest.get("/api/v1/artist/projects/sync", appId="one").status_code == 200


class TestLookups:
    def test_the_record_exists_once_it_is_over(self, net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
        net.script(hold_at="started")
        one = talk()
        request = build(numberOfImages=2)
        path = request["jobID"].lower()
        assert rest.get(f"/v2/projects/{path}").status_code == 404
        one.send("jobRequest", request)
        one.until("jobState", lambda data: data["type"] == "jobStarted")
        assert rest.get(f"/v1/projects/{path}").status_code == 404
        live = rest.data(f"/v2/projects/{path}")["project"]
        assert (live["status"], live["finished"], live["completedWorkerJobs"]) == ("processing", False, [])
        assert rest.get("/api/v1/artist/projects/active").json() == {"projects": [{"id": request["jobID"]}]}
        assert rest.get(f"/v2/projects/{path}", headers={"api-key": "sandbox-other"}).status_code == 404
        net.release()
        one.finished()
        record = rest.data(f"/v1/projects/{path}")["project"]
        assert (record["status"], record["imageCount"], record["stepCount"]) == ("completed", 2, 4)
        assert len(record["completedWorkerJobs"]) == 2
        assert record["costActual"]["costInToken"] == record["costEstimate"]["quote"]["project"]["costInToken"]
        assert rest.data(f"/v2/projects/{path}")["project"]["finished"] is True
        assert rest.get("/api/v1/artist/projects/active").json() == {"projects": []}

    def test_recent_jobs(self, talk: Any, rest: Any, build: Build) -> None:
        one = talk()
        for source in ("shop", "shop", "blog"):
            one.send("jobRequest", build(appSource=source, numberOfImages=2))
            one.finished()
        address = rest.data("/v1/account/me")["walletAddress"]
        since = int(time.time() * 1000) - 86_400_000
        query = {"role": "artist", "address": address, "state": "completed", "mediaOnly": "true", "since": since}
        assert len(rest.data("/v1/jobs/list", **query, limit=50)["jobs"]) == 6
        assert len(rest.data("/v1/jobs/list", **query, limit=3)["jobs"]) == 3
        jobs = rest.data("/v1/jobs/list", **query, appSource="shop")["jobs"]
        assert {job["parentRequest"]["appSource"] for job in jobs} == {"shop"}
        assert jobs[0]["parentRequest"]["model"]["id"] == "krea2_turbo_fp8_scaled"
        assert rest.get("/v1/jobs/list", **{**query, "since": since - 8 * 86_400_000}).status_code == 400
        assert rest.get("/v1/jobs/list", **{**query, "address": "0x1"}).status_code == 403
        for wrong in ({"since": "yesterday"}, {"limit": "all"}, {"limit": 0}, {"limit": 101}):
            assert rest.get("/v1/jobs/list", **{**query, **wrong}).status_code == 400

    def test_the_catalogue(self, rest: Any) -> None:
        models = rest.get("/api/v1/models/list").json()
        tiers = rest.get("/api/v2/models/tiers").json()
        workers = rest.get("/api/v1/status/network/fast/models").json()
        # Some have no tier, which is a case that clients have to bear.
        assert sum(model["tier"] in tiers for model in models) > 100
        assert {str(model["SID"]) for model in models} >= set(workers)
        presets = rest.get("/api/v1/size-presets/network/fast/model/krea2_turbo_fp8_scaled").json()
        assert {"id", "label", "width", "height", "ratio", "aspect"} == set(presets[0])
        assert rest.get("/api/v1/size-presets/network/fast/model/nonsense").status_code == 404
        loras = rest.data("/v1/loras/comfy", modelId="dark_beast_krea2_fp8")["loras"]
        assert loras
        assert all("dark_beast_krea2_fp8" in row["modelIds"] for row in loras)
        assert rest.data("/v1/assets/capabilities") == {"enabled": False}
        assert rest.data("/v1/subscriptions/status") == {"subscription": {"active": False, "status": "none"}}

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v2/job/estimate/sogni/fast/krea2_turbo_fp8_scaled/1/8/0/0/0/0/0",
            "/api/v3/job/estimate/spark/fast/krea2_turbo_fp8_scaled/1/8/2/1/0.15/512/512/1/_/2",
            "/api/v1/job-video/estimate/spark/ltx25-22b-int8_t2v_distilled/1280/768/121/24",
            "/api/v1/job-video/estimate/spark/ltx25-22b-int8_t2v_distilled/1280/768/121/24/8/2",
            "/api/v1/job-audio/estimate/spark/ace_step_1.5_turbo/30/8/1",
        ],
    )
    def test_estimates(self, rest: Any, path: str) -> None:
        answer = rest.get(path, headers={}).json()
        assert all(
            Decimal(answer["quote"]["project"][f"costIn{unit}"]) > 0 for unit in ("Token", "USD", "Spark", "Sogni")
        )
        assert answer["benchmark"]["estimatedTotalTimeSec"] > answer["benchmark"]["estimatedWaitTimeSec"]
        assert rest.get(path.replace("8", "x", 1)).status_code in (400, 404)


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_a_render_that_nobody_waits_for_gives_its_thread_back(
    net: Sandbox, talk: Any, build: Build, stopwatch: Callable[[], float], how: str
) -> None:
    # More than there are threads, and each would take a minute.
    long = {"width": 1280, "height": 720, "frames": 4000, "fps": 24}
    requests = [build("ltx25-22b-int8_t2v_distilled", keyframe=long) for _ in range(2 * THREADS)]
    net.script(times=len(requests), **({"hold_at": "started"} if how == "cancelled" else {"fail_jobs": [0]}))
    one = talk()
    for request in requests:
        one.send("jobRequest", request)
    net.wait_for(lambda: len(net.submissions) == len(requests))
    if how == "cancelled":
        net.wait_for(lambda: all(net.project(request["jobID"])["status"] == "progress" for request in requests))
        for request in requests:
            one.send("jobError", {"jobID": request["jobID"], "error": "artistCanceled", "isFromWorker": False})
    ended = {"cancelled": "cancelled", "failed": "errored"}[how]
    net.wait_for(lambda: all(net.project(request["jobID"])["status"] == ended for request in requests))
    before = stopwatch()
    one.send("jobRequest", build(keyframe={"width": 64, "height": 64}))
    one.finished()
    assert stopwatch() - before < 5
