"""A server that is not sane, a clock that jumps, names that lead nowhere, and code of the user that misbehaves."""

from __future__ import annotations

import base64
import gc
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import sogni
from sogni import ConnectFailed, Finished, LinkState, Progress, ProjectCanceled, SogniClient, SogniError
from sogni._io import ws
from sogni._protocol import frames
from sogni.sandbox import Sandbox
from tests.orders import ORDER, order

OTHER = "11111111-2222-4333-8444-555555555555"
STRANGER = "99999999-2222-4333-8444-555555555555"


def raw(kind: str, text: str) -> str:
    """A frame with a body that JSON libraries would not write."""
    return json.dumps({"type": kind, "data": base64.b64encode(text.encode()).decode()})


def deep(depth: int) -> str:
    return "[" * depth + "]" * depth


# What it is -> messages; `{id}` is the project that is under way, `{job}` its only render.
HOSTILE: dict[str, list[tuple[str, str]]] = {
    "unknown kinds": [("frameOfTheFuture", '{{"jobID": "{id}"}}'), ("", "{{}}"), ("disconnected", '{{"code": 4021}}')],
    "deep nesting": [("jobProgress", deep(100_000)), ("jobResult", deep(900)), ("authenticated", deep(5000))],
    "wrong types": [
        ("jobProgress", '{{"jobID": "{id}", "imgID": "{job}", "step": "2", "stepCount": [], "progress": {{}}}}'),
        ("jobETA", '{{"jobID": "{id}", "imgID": "{job}", "etaSeconds": "soon"}}'),
        ("jobState", '{{"jobID": "{id}", "type": {{}}, "imgID": ["{job}"]}}'),
        ("jobState", '{{"jobID": {{"a": 1}}, "type": "jobCompleted"}}'),
        ("jobResult", '{{"jobID": "{id}", "imgID": "{job}", "artifacts": 5, "nsfwSources": 3, "lastSeed": [] }}'),
        ("swarmModels", "[1, 2]"),
        ("artistCancelConfirmation", '{{"jobID": "{id}", "didCancel": "true"}}'),
    ],
    "numbers that are none": [
        (
            "jobProgress",
            '{{"jobID": "{id}", "imgID": "{job}", "step": NaN, "stepCount": Infinity, "progress": -1e999}}',
        ),
        ("jobETA", '{{"jobID": "{id}", "imgID": "{job}", "etaSeconds": 1e999}}'),
        ("jobState", '{{"jobID": "{id}", "type": "queued", "queuePosition": 1e400, "estimatedStartSeconds": NaN}}'),
        ("jobProgress", '{{"jobID": "{id}", "imgID": "{job}", "step": ' + "9" * 4000 + "}}"),
    ],
    "places that are none": [
        ("jobProgress", '{{"jobID": "{id}", "imgID": "{other}", "jobIndex": -1, "step": 1}}'),
        ("jobState", '{{"jobID": "{id}", "type": "jobStarted", "imgID": "{other}", "jobIndex": 1000000}}'),
        ("jobError", '{{"jobID": "{id}", "imgID": "{other}", "jobIndex": -7, "error": "genfailure"}}'),
    ],
    "projects of others": [
        ("jobState", '{{"jobID": "{stranger}", "type": "jobCompleted"}}'),
        ("jobResult", '{{"jobID": "{stranger}", "imgID": "{job}"}}'),
        ("jobError", '{{"jobID": "{stranger}", "error": 1001}}'),
        ("artistCancelConfirmation", '{{"jobID": "{stranger}", "didCancel": true}}'),
    ],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_frames(sandbox: Sandbox, what: str) -> None:
    sandbox.script(hold_at="progress:1")
    with SogniClient(sandbox=sandbox) as client:
        # Three outputs, so that a render of which nobody has heard has room to do harm.
        project = client.projects.create(**order(number_of_media=3))
        sandbox.wait_for(lambda: [one for one in sandbox.log if one.frame_kind == "jobProgress"])
        known = {one.data["imgID"] for one in sandbox.log if one.frame_kind == "jobProgress" and one.data}  # type: ignore[index]
        marks = {"id": project.id, "job": next(iter(known)), "other": OTHER, "stranger": STRANGER}
        noticed = threading.Event()
        client.on("notice", lambda _: noticed.set())
        for _ in range(2):
            for kind, text in HOSTILE[what]:
                sandbox.send_raw(raw(kind, text.format(**marks)))
        sandbox.send("toastMessage", {"message": "that was all"})
        assert noticed.wait(20), "the connection goes on"
        assert client.state.link is LinkState.READY
        assert len(project.jobs) <= 3
        assert 0 <= project.progress <= 100
        if what != "wrong types":
            assert not any(job.status.is_final for job in project.jobs if job.id != OTHER)
        sandbox.release()
        results = project.wait(timeout=30)
        wanted = {one.data["imgID"] for one in sandbox.log if one.frame_kind == "jobResult" and one.data}  # type: ignore[index]
        if what == "places that are none":
            # One of three places was taken by a render that does not exist; the others are there.
            assert {result.job_id for result in results} <= wanted
        else:
            assert {result.job_id for result in results} == wanted
            assert len(results) == 3
    assert len(sandbox.submissions) == 1
    assert len([one for one in sandbox.log if one.kind == "open"]) == 1


def test_the_end_told_again_and_again(sandbox: Sandbox) -> None:
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        ends: list[str] = []
        client.projects.on("project", lambda event: ends.append(type(event).__name__))
        (result,) = project.wait(timeout=20)
        noticed = threading.Event()
        client.on("notice", lambda _: noticed.set())
        for _ in range(50):
            sandbox.send("jobResult", {"jobID": project.id, "imgID": result.job_id, "lastSeed": 1})
            sandbox.send("jobState", {"jobID": project.id, "type": "jobCompleted"})
            sandbox.send("jobError", {"jobID": project.id, "error": "genfailure"})
            sandbox.send("jobError", {"jobID": project.id, "imgID": result.job_id, "error": "genfailure"})
            sandbox.send("artistCancelConfirmation", {"jobID": project.id, "didCancel": True})
            sandbox.send("jobState", {"jobID": project.id, "type": "queued", "queuePosition": 3})
        sandbox.send("toastMessage", {"message": "that was all"})
        assert noticed.wait(20)
        assert project.status.value == "completed"
        assert project.error is None
        assert ends.count("Completed") == 1
        assert not {"Failed", "Canceled"} & set(ends)


def test_a_frame_larger_than_allowed_costs_the_connection_and_nothing_else(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws, "LARGEST_MESSAGE", 1_000_000)
    sandbox.script(hold_at="progress:1")
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        sandbox.wait_for(lambda: [one for one in sandbox.log if one.frame_kind == "jobProgress"])
        sandbox.send_raw("x" * 3_000_000)
        sandbox.wait_for(lambda: len([one for one in sandbox.log if one.kind == "open"]) == 2, 20)
        sandbox.release()
        assert len(project.wait(timeout=20)) == 1
    assert len(sandbox.submissions) == 1


@pytest.mark.parametrize("jump", [10 * 365 * 86_400, -10 * 365 * 86_400])
def test_a_clock_that_jumps(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, jump: int) -> None:
    sandbox.script(hold_at="progress:1")
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        sandbox.wait_for(lambda: [one for one in sandbox.log if one.frame_kind == "jobProgress"])
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + jump)
        sandbox.drop_sockets()
        sandbox.wait_for(lambda: len([one for one in sandbox.log if one.kind == "open"]) == 2, 20)
        sandbox.release()
        assert len(project.wait(timeout=20)) == 1
        monkeypatch.undo()
        assert len(client.projects.create(**ORDER).wait(timeout=20)) == 1
    assert len(sandbox.submissions) == 2


def test_a_name_of_the_socket_that_does_not_exist(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sogni._core.link.AT_MOST", 1.0)
    with SogniClient(
        "sandbox-key", rest_endpoint=sandbox.rest_endpoint, socket_endpoint="ws://nowhere.invalid", app_id="app"
    ) as client:
        with pytest.raises((ConnectFailed, SogniError)) as failed:
            client.projects.create(**ORDER, timeout=20)
        assert isinstance(failed.value, ConnectFailed)
        assert client.state.link is LinkState.CONNECTING
    assert sandbox.submissions == []


def broken(_: object) -> None:
    raise ValueError("a mistake of the user's")


def leaving(_: object) -> None:
    raise SystemExit


@pytest.mark.parametrize("callback", [broken, leaving])
def test_callbacks_that_raise(
    sandbox: Sandbox, callback: Callable[[object], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "sogni.callbacks")
    ends: list[str] = []
    with SogniClient(sandbox=sandbox) as client:
        client.projects.on("job", callback)
        client.projects.on("project", callback)
        client.projects.on("project", lambda event: ends.append(type(event).__name__))
        for _ in range(2):
            assert len(client.projects.create(**ORDER).wait(timeout=20)) == 1
    assert ends.count("Completed") == 2


def test_a_callback_that_blocks_holds_up_nobody_else(sandbox: Sandbox) -> None:
    release = threading.Event()
    ends: list[str] = []

    def block(event: Any) -> None:
        release.wait(30)
        ends.append(type(event).__name__)

    with SogniClient(sandbox=sandbox) as client:
        client.projects.on("project", block)
        for _ in range(3):
            assert len(client.projects.create(**ORDER).wait(timeout=20)) == 1
        assert ends == []
        release.set()
        for _ in range(20):
            sandbox.send("jobState", {})  # a change, so that the sandbox looks again
        sandbox.wait_for(lambda: ends.count("Completed") == 3)


def test_a_stream_that_nobody_reads_stays_small_and_still_ends(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        with project.events(timeout=20) as events:
            next(event for event in events if isinstance(event, Progress))
        (job,) = project.jobs
        stream = project.events(timeout=30)
        noticed = threading.Event()
        client.on("notice", lambda _: noticed.set())
        progress = frames.encode("jobProgress", {"jobID": project.id, "imgID": job.id, "step": 1, "stepCount": 4})
        queued = frames.encode("jobETA", {"jobID": project.id, "imgID": job.id, "etaSeconds": 3})
        for _ in range(2_000):
            sandbox.send_raw(progress)
            sandbox.send_raw(queued)
        sandbox.send("toastMessage", {"message": "that was all"})
        assert noticed.wait(30)
        assert len(stream._inbox) < 10
        sandbox.release()
        assert len(project.wait(timeout=30)) == 1
        assert [type(event) for event in stream][-1] is sogni.Completed
        assert len([event for event in project.events() if isinstance(event, Finished)]) == 1


def test_a_server_that_takes_a_render_back_for_ever_fills_no_memory(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        sandbox.wait_for(lambda: [one for one in sandbox.log if one.frame_kind == "jobProgress"])
        stream = project.events(timeout=30)
        noticed = threading.Event()
        client.on("notice", lambda _: noticed.set())
        for number in range(10_000):
            about = {"jobID": project.id, "imgID": f"{number:036}", "jobIndex": 0}
            sandbox.send_raw(frames.encode("jobState", {"type": "jobStarted", "workerName": "w", **about}))
            sandbox.send_raw(frames.encode("jobRetry", {"attempt": 1, "maxAttempts": 3, **about}))
        sandbox.send("toastMessage", {"message": "that was all"})
        assert noticed.wait(60)
        assert len(stream._inbox) < 9_000
        project.cancel(timeout=20)
        with pytest.raises(ProjectCanceled):
            project.wait(timeout=20)
        assert [type(event) for event in stream][-1] is sogni.Canceled
    gc.collect()
