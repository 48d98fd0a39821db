"""Starting, stopping, and what is left afterwards: nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from sogni.sandbox import Sandbox


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("sogni-sandbox")]


def test_start_and_close_may_be_called_twice() -> None:
    net = Sandbox()
    assert net.start() is net
    url = net.url
    assert net.start().url == url
    assert threads() == ["sogni-sandbox"]
    net.close()
    net.close()
    assert threads() == []
    with pytest.raises(RuntimeError, match="not running"):
        _ = net.url
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=2)


def test_it_can_be_started_again() -> None:
    net = Sandbox()
    for _ in range(2):
        with net:
            assert requests.get(net.url + "/api/v1/models/list", timeout=5).status_code == 200
    assert threads() == []


def test_closing_takes_no_time_whatever_is_going_on(
    build: Callable[..., dict[str, Any]], stopwatch: Callable[[], float], dial: Any
) -> None:
    net = Sandbox(speed="realistic").start()
    folder = Path(net._running()._folder.name)
    talks = [dial(net, f"app-{number}", "sandbox-key").greeted() for number in range(3)]
    talks[0].send("jobRequest", build())
    video = build("ltx25-22b-int8_t2v_distilled", keyframe={"frames": 400, "width": 1280, "height": 768})
    talks[1].send("jobRequest", video)
    net.fail_next("hang")

    def ask() -> None:
        with pytest.raises(requests.RequestException):
            requests.get(net.url + "/v1/account/me", headers={"api-key": "sandbox-key"}, timeout=10)

    asking = threading.Thread(target=ask)
    asking.start()
    net.wait_for(lambda: [entry for entry in net.log if entry.kind == "fault"])
    net.wait_for(lambda: len(net.submissions) == 2)
    before = stopwatch()
    net.close()
    assert stopwatch() - before < 2
    assert threads() == []
    asking.join(5)
    assert [one.end() for one in talks] == [None, None, None]
    for one in talks:
        one.ws.shutdown()
    assert not folder.exists()


def test_the_port_can_be_chosen_and_is_not_shared() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Sandbox(port) as net:
        assert net.url == net.rest_endpoint == f"http://127.0.0.1:{port}"
        assert net.socket_endpoint == f"ws://127.0.0.1:{port}"
        with pytest.raises(OSError, match="in use"):
            Sandbox(port).start()
        assert threads() == ["sogni-sandbox"]


def test_serving_for_ever_ends_when_it_is_closed() -> None:
    net = Sandbox()
    thread = threading.Thread(target=net.serve_forever)
    net.start()
    thread.start()
    net.close()
    thread.join(5)
    assert not thread.is_alive()


def test_an_unknown_speed_is_refused() -> None:
    with pytest.raises(ValueError, match="Did you mean 'instant'"):
        Sandbox(speed="instnat")


def test_importing_loads_neither_server_nor_media() -> None:
    code = (
        "import sys, sogni.sandbox; sogni.sandbox.Sandbox();"
        "print(sorted({'aiohttp', 'PIL', 'av', 'sogni.sandbox.server'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_without_aiohttp_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['aiohttp'] = None\n"
        "from sogni.sandbox import Sandbox\n"
        "try: Sandbox().start()\n"
        "except ImportError as problem: print(problem)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'sogni[sandbox]'" in found.stdout


def test_waiting_in_vain_shows_the_log(net: Sandbox, rest: Any) -> None:
    rest.get("/v1/account/me")
    with pytest.raises(TimeoutError, match="/v1/account/me"):
        net.wait_for(lambda: False, timeout=0.05)


def test_a_reset_forgets_everything(net: Sandbox, talk: Any, rest: Any, build: Callable[..., dict[str, Any]]) -> None:
    net.script(hold_at="started")
    one = talk()
    request = build()
    one.send("jobRequest", request)
    net.wait_for(lambda: net.submissions)
    net.fail_next("genfailure")
    net.script(withhold=[0])
    token, _ = net.mint_tokens()
    net.reset()
    assert one.end() == 1000
    net.wait_for(lambda: net.open_sockets == 0)
    assert net.submissions == []
    with pytest.raises(KeyError):
        net.project(request["jobID"])
    assert rest.get("/v1/account/me", headers={"Authorization": token}).status_code == 401
    other = talk()
    other.send("jobRequest", request)
    results = [data for kind, data in other.finished() if kind == "jobResult"]
    assert [data["triggeredNSFWFilter"] for data in results] == [False]


def test_frames_of_ones_own(net: Sandbox, talk: Any) -> None:
    one, other = talk("one"), talk("other")
    net.send("toastMessage", {"message": "hello"})
    assert one.receive() == other.receive() == ("toastMessage", {"message": "hello"})
    net.send_raw("not a frame")
    assert one.ws.recv() == "not a frame"
    net.send_raw(b"\x00\x01")
    assert one.ws.recv() == b"\x00\x01"


@pytest.mark.parametrize("code", [None, 1000, 1001, 4021])
def test_dropping_sockets(net: Sandbox, talk: Any, code: int | None) -> None:
    ones = [talk("one"), talk("other")]
    net.drop_sockets(code)
    assert [one.end() for one in ones] == [code, code]
    net.wait_for(lambda: net.open_sockets == 0)
    assert [entry.code for entry in net.log if entry.kind == "close"] == [code, code]
