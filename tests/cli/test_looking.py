"""`sogni models`, `sogni estimate` and `sogni sandbox serve`."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

import sogni
from sogni.sandbox import Sandbox


def test_models(shell) -> None:
    ran = shell("models")
    assert ran.code == 0
    assert ran.lines[0].split() == ["id", "kind", "name"]
    kinds = [line.split()[1] for line in ran.lines[1:]]
    assert set(kinds) == {"image", "video", "audio", "model"}
    assert kinds == sorted(kinds)


@pytest.mark.parametrize("kind", ["image", "video", "audio", "model"])
def test_models_of_a_kind(shell, kind: str) -> None:
    entries = shell("models", "--kind", kind, "--json").entries
    assert entries
    assert {(entry["event"], entry["kind"]) for entry in entries} == {("model", kind)}


def test_models_online(shell) -> None:
    listed = {entry["id"] for entry in shell("models", "--json").entries}
    online = shell("models", "--online", "--json").entries
    assert {entry["id"] for entry in online} < listed
    assert all(entry["workers"] > 0 for entry in online)
    relaxed = shell("models", "--online", "--network", "relaxed", "--json").entries
    assert len(relaxed) < len(online)


def test_the_defaults_exist(shell) -> None:
    from sogni.cli.defaults import MODELS

    online = {entry["id"]: entry["kind"] for entry in shell("models", "--online", "--json").entries}
    for task, model in MODELS.items():
        made = {"video": "video", "music": "audio", "speech": "audio"}.get(task.split()[0], "image")
        assert online[model] == made, task


@pytest.mark.parametrize(
    "tokens",
    [
        ["image"],
        ["image", "-n", "4", "--size", "768x512", "--steps", "12", "--previews", "2", "--token", "sogni"],
        ["image", "--size", "landscape_16_9"],
        ["image", "--model", "gpt-image-2"],
        ["video"],
        ["video", "--size", "640x480", "--duration", "3", "-n", "2", "--steps", "20"],
        ["video", "--frames", "33", "--fps", "16"],
        ["video", "--model", "ltx23-22b-fp8_t2v_distilled"],
        ["audio"],
        ["audio", "--duration", "60", "-n", "2", "--steps", "8"],
    ],
)
def test_estimates(shell, net: Sandbox, tokens: list[str]) -> None:
    ran = shell("estimate", *tokens)
    assert ran.code == 0
    assert re.fullmatch(r"[\d.]+ (spark|sogni) \([\d.]+ USD\), about \d+ (s|min)\n", ran.out)
    assert ran.err == ""
    assert not net.submissions


def test_an_estimate_for_a_program(shell) -> None:
    (entry,) = shell("estimate", "image", "-n", "2", "--json").entries
    assert entry["event"] == "estimate"
    assert re.fullmatch(r"\d+\.\d+", entry["cost"])
    assert entry["cost"] == entry["spark"]


def test_what_was_estimated_is_what_is_charged(shell) -> None:
    (entry,) = shell("estimate", "image", "-n", "2", "--size", "512x512", "--json").entries
    ran = shell("image", "a fox", "-n", "2", "--size", "512x512", "--max-cost", entry["cost"])
    assert ran.code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C by itself there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving(offline, interrupt: Callable[..., Any], number: signal.Signals) -> None:
    process = offline.start("sandbox", "serve", "--speed", "instant", "--fault", "insufficient_funds")
    url = process.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    offline.variables["SOGNI_SANDBOX_URL"] = url
    assert offline("image", "a fox").code == 4
    assert offline("image", "a fox").code == 0
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert f"SOGNI_SANDBOX_URL={url}" in err
    assert "Traceback" not in err


def test_serving_for_a_program(offline) -> None:
    process = offline.start("sandbox", "serve", "--json")
    entry = json.loads(process.stdout.readline())
    assert entry["event"] == "serving"
    with sogni.SogniClient(
        entry["api_key"],
        rest_endpoint=entry["url"],
        socket_endpoint=entry["url"].replace("http", "ws"),
        app_id="cli-test",
    ) as client:
        assert client.projects.get_supported_models()
    process.terminate()
    process.communicate(timeout=30)


def test_a_port_that_is_taken(offline, net: Sandbox) -> None:
    ran = offline("sandbox", "serve", "--port", str(net.port))
    assert ran.code == 1
    assert ran.err.startswith(f"sogni: Port {net.port} cannot be used")
    assert len(ran.err.splitlines()) == 1


def test_a_port_that_does_not_exist(offline) -> None:
    ran = offline("sandbox", "serve", "--port", "80000")
    assert ran.code == 1
    assert ran.err.startswith("sogni: Port 80000 cannot be used: ")
    assert ". ." not in ran.err
    assert ".." not in ran.err


def test_python_runs_the_package(offline) -> None:
    ran = offline.python("-m", "sogni", "--version")
    assert (ran.code, ran.out) == (0, f"sogni {sogni.VERSION}\n")
