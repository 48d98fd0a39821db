"""The page at `/`: what it shows, what its buttons do, and that nobody else can press them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from PIL import Image

from sogni.sandbox import Sandbox
from sogni.sandbox.faults import FAULTS
from sogni.sandbox.script import KNOBS

from .peers import TIMEOUT, Rest

Build = Callable[..., dict[str, Any]]
LTX = "ltx25-22b-int8_t2v_distilled"


class Browser:
    """What the page's script does, without a browser."""

    def __init__(self, net: Sandbox, rest: Rest) -> None:
        self.net, self.session = net, rest.session
        self.page = self.get("/")
        found = re.search(r'id="data" nonce="[^"]+">(.*?)</script>', self.page.text, re.DOTALL)
        assert found is not None
        self.about = json.loads(found[1])

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.net.url + path, headers=headers, timeout=TIMEOUT)

    def state(self) -> Any:
        answer = self.get("/sandbox/state")
        assert answer.status_code == 200
        return answer.json()

    def press(self, name: str, body: Any = None, **headers: str | None) -> requests.Response:
        sent = {"Origin": self.net.url, "X-Sandbox-Token": self.about["token"], "Sec-Fetch-Site": "same-origin"}
        return self.session.post(
            f"{self.net.url}/sandbox/{name}",
            json={} if body is None else body,
            headers={**sent, **{key.replace("_", "-"): value for key, value in headers.items()}},
            timeout=TIMEOUT,
        )


@pytest.fixture
def browser(net: Sandbox, rest: Rest) -> Browser:
    return Browser(net, rest)


class TestThePage:
    def test_it_brings_everything_itself(self, browser: Browser) -> None:
        page = browser.page
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert re.findall(r"""(?:https?:)?//[a-z]|@import|\bsrc=|url\(""", page.text) == []
        policy = page.headers["Content-Security-Policy"]
        (nonce,) = set(re.findall(r'nonce="([^"]+)"', page.text))
        assert f"script-src 'nonce-{nonce}'" in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "innerHTML" not in page.text
        assert re.findall(r"\{\{.*?\}\}", page.text) == []
        # Neither is used twice.
        assert nonce not in browser.get("/").text

    def test_it_has_a_button_for_everything(self, browser: Browser) -> None:
        assert [fault["name"] for fault in browser.about["faults"]] == list(FAULTS)
        assert [knob["name"] for knob in browser.about["knobs"]] == list(KNOBS)
        for fault in browser.about["faults"]:
            assert browser.press("fault", {"name": fault["name"], "times": 1}).status_code == 204
        for knob in browser.about["knobs"]:
            answer = browser.press("knob", {"name": knob["name"], "value": knob["example"], "times": None})
            assert (knob["name"], answer.status_code, answer.text) == (knob["name"], 204, "")
        armed = browser.state()["armed"]
        # The one that is a table of faults has become one.
        assert {one["name"] for one in armed} == (FAULTS.keys() | KNOBS.keys()) - {"http"}
        assert browser.press("disarm").status_code == 204
        assert browser.state()["armed"] == []

    def test_it_leaves_no_trace(self, net: Sandbox, browser: Browser) -> None:
        net.fail_next("server_error", times=None)
        browser.state()
        browser.press("release")
        assert browser.get("/").status_code == 200
        assert [entry for entry in net.log if entry.kind == "request"] == []

    def test_sockets_still_arrive_at_the_same_address(self, talk: Any) -> None:
        talk()


class TestWhatIsSeen:
    def test_requests_sockets_and_projects(
        self, net: Sandbox, browser: Browser, rest: Rest, talk: Any, build: Build
    ) -> None:
        assert browser.state()["projects"] == []
        one = talk("shop")
        (socket,) = browser.state()["sockets"]
        assert socket == {"number": 1, "account": "sandbox", "app": "shop", "network": "fast", "is_live": True}
        rest.get("/v1/account/me")
        rest.get("/v1/nothing")
        newest, older = browser.state()["requests"][:2]
        assert [(each["path"], each["status"]) for each in (newest, older)] == [
            ("/v1/nothing", 404),
            ("/v1/account/me", 200),
        ]
        assert "sandbox-key" not in json.dumps(browser.state())
        request = build(numberOfImages=2, keyframe={"positivePrompt": "<b>hi</b>", "width": 640, "height": 320})
        net.script(withhold=[1])
        one.send("jobRequest", request)
        one.finished()
        (project,) = browser.state()["projects"]
        assert (project["id"], project["status"], project["prompt"]) == (request["jobID"], "completed", "<b>hi</b>")
        assert (project["size"], project["count"]) == ([640, 320], 2)
        first, second = project["jobs"]
        assert (first["step"], first["steps"], first["status"]) == (4, 4, "jobCompleted")
        assert (second["withheld"], second["picture"]) == (True, None)
        answer = browser.get(first["picture"])
        assert "max-age" in answer.headers["Cache-Control"]
        with Image.open(io.BytesIO(answer.content)) as image:
            assert (image.format, image.size) == ("JPEG", (160, 80))

    def test_only_what_is_new(self, net: Sandbox, browser: Browser, rest: Rest) -> None:
        since = f"/sandbox/state?since={browser.state()['revision']}"
        assert browser.get(since).status_code == 204
        rest.get("/v1/account/me")
        assert browser.get(since).status_code == 200

    def test_a_preview_while_it_renders(self, net: Sandbox, browser: Browser, talk: Any, build: Build) -> None:
        net.script(hold_at="preview")
        one = talk()
        one.send("jobRequest", build(previews=1, keyframe={"width": 256, "height": 256}))
        one.until("jobProgress", lambda data: data.get("hasImage") is True)
        net.wait_for(lambda: browser.state()["projects"][0]["is_held"])
        (project,) = browser.state()["projects"]
        before = project["jobs"][0]["picture"]
        assert browser.get(before).headers["Content-Type"] == "image/jpeg"
        assert browser.press("release").status_code == 204
        one.finished()
        assert browser.state()["projects"][0]["jobs"][0]["picture"] != before

    @pytest.mark.parametrize(
        ("model", "picture"), [(LTX, "image/jpeg"), ("ace_step_1.5_turbo", None), ("pixal3d_int8_i23d", None)]
    )
    def test_other_kinds(self, browser: Browser, talk: Any, build: Build, model: str, picture: str | None) -> None:
        one = talk()
        size = {"width": 480, "height": 480, "frames": 9, "duration": 2}
        one.send("jobRequest", build(model, keyframe=size))
        one.finished()
        (job,) = browser.state()["projects"][0]["jobs"]
        assert (job["picture"] is not None) == (picture is not None)
        if picture is not None:
            assert browser.get(job["picture"]).headers["Content-Type"] == picture

    def test_what_is_not_there(self, browser: Browser, talk: Any, build: Build) -> None:
        one = talk()
        request = build()
        one.send("jobRequest", request)
        one.finished()
        there = f"/sandbox/thumbnail/{request['jobID']}"
        paths = (there, f"{there}/1", f"{there}/x", f"{there}/{'9' * 6000}", "/sandbox/thumbnail/x/0", "/sandbox/x")
        assert [browser.get(path).status_code for path in paths] == [404] * 6
        assert browser.session.delete(browser.net.url + "/", timeout=TIMEOUT).status_code == 405


class TestButtons:
    def test_a_fault_strikes_once(self, browser: Browser, rest: Rest) -> None:
        browser.press("fault", {"name": "server_error", "times": 1, "path": "/v1/account/*"})
        assert browser.state()["armed"] == [{"name": "server_error", "value": "/v1/account/*", "left": 1}]
        assert rest.get("/v4/account/balance").status_code == 200
        assert [rest.get("/v1/account/me").status_code for _ in range(2)] == [500, 200]

    def test_a_knob_turns(self, browser: Browser, rest: Rest) -> None:
        browser.press("knob", {"name": "rate_limit", "value": 0.5, "times": 2})
        assert [rest.get("/v1/account/me").status_code for _ in range(3)] == [429, 429, 200]

    def test_sockets_drop(self, net: Sandbox, browser: Browser, talk: Any) -> None:
        one, two = talk("a"), talk("b")
        assert browser.press("drop", {"code": 4021}).status_code == 204
        assert (one.end(), two.end()) == (4021, 4021)
        three = talk("c")
        assert browser.press("drop", {"code": None}).status_code == 204
        assert three.end() is None
        net.wait_for(lambda: browser.state()["sockets"] == [])

    @pytest.mark.parametrize(
        ("name", "body", "said"),
        [
            ("fault", {"name": "servererror"}, "Did you mean 'server_error'?"),
            ("fault", {}, "no fault named"),
            ("fault", {"name": "server_error", "times": 0}, "times is a number"),
            ("fault", {"name": "genfailure", "path": "/x"}, "path= is for HTTP faults only"),
            ("knob", {"name": "nonsense", "value": 1}, "no knob named"),
            ("knob", {"name": "rate_limit", "value": "much"}, "rate_limit: takes seconds"),
            ("drop", {"code": 7}, "a close code is"),
            ("drop", {"code": True}, "a close code is"),
            ("fault", [], "The body must be a JSON object."),
        ],
    )
    def test_wrong_ones_are_told(self, browser: Browser, name: str, body: Any, said: str) -> None:
        answer = browser.press(name, body)
        assert (answer.status_code, said in answer.json()["message"]) == (400, True)
        assert browser.state()["armed"] == []

    def test_there_are_no_others(self, browser: Browser) -> None:
        assert browser.press("nonsense").status_code == 404


class TestOthers:
    """A site that the user visits meanwhile can neither press nor read."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "https://127.0.0.1"},
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site"},
            {"X_Sandbox_Token": None},
            {"X_Sandbox_Token": "guessed"},
            {"X_Sandbox_Token": "gu\u00eassed".encode()},
            {"Host": "evil.example"},
            {"Host": "127.0.0.1.evil.example"},
            {"Host": "127.0.0.1:1"},
        ],
    )
    def test_no_button(self, browser: Browser, headers: Any) -> None:
        assert browser.press("fault", {"name": "server_error"}, **headers).status_code == 403
        assert browser.state()["armed"] == []

    def test_no_form(self, browser: Browser) -> None:
        # What a page can send without being asked first.
        answer = browser.press("fault", {"name": "server_error"}, Content_Type="text/plain")
        assert answer.status_code == 415
        assert browser.state()["armed"] == []

    @pytest.mark.parametrize("path", ["/", "/sandbox/state", "/sandbox/thumbnail/x/0"])
    def test_no_look_under_a_foreign_name(self, net: Sandbox, browser: Browser, path: str) -> None:
        answer = browser.get(path, Host=f"evil.example:{net.port}")
        assert answer.status_code == 403
        assert browser.about["token"] not in answer.text
        assert browser.get(path, Host=f"localhost:{net.port}").status_code in (200, 404)

    @pytest.mark.parametrize("path", ["/", "/sandbox/state"])
    def test_nobody_may_read_it_from_elsewhere(self, browser: Browser, path: str) -> None:
        answer = browser.get(path, Origin="http://evil.example")
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["X-Frame-Options"] == "DENY"

    def test_each_start_has_its_own_token(self, browser: Browser, rest: Rest) -> None:
        with Sandbox() as other:
            theirs = Browser(other, rest)
            assert theirs.press("release", X_Sandbox_Token=browser.about["token"]).status_code == 403
