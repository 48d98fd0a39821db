"""A peer of bare libraries for the sandbox's own tests: one who talks on the socket, and one who asks over HTTP."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests
import websocket

from sogni.sandbox import Sandbox

MODEL = "krea2_turbo_fp8_scaled"
TIMEOUT = 10.0

Frame = tuple[str, Any]


class Talk:
    """One socket connection."""

    def __init__(self, net: Sandbox, app: str = "app", key: str = "sandbox-key", query: str = "") -> None:
        self.ws = websocket.WebSocket()
        self.ws.settimeout(TIMEOUT)
        url = f"{net.socket_endpoint}/?appId={app}&clientType=artist&forceWorkerId=fast{query}"
        self.ws.connect(url, header=[f"api-key: {key}"] if key else [], suppress_origin=True)

    def greeted(self) -> Talk:
        """Read the three frames of the greeting."""
        assert [self.receive()[0] for _ in range(3)] == ["authenticated", "balanceUpdate", "swarmModels"]
        return self

    def send(self, kind: str, data: object) -> None:
        """Send a frame."""
        body = base64.b64encode(json.dumps(data).encode()).decode()
        self.ws.send(json.dumps({"type": kind, "data": body}))

    def receive(self) -> Frame:
        """The next frame."""
        envelope = json.loads(self.ws.recv())
        return envelope["type"], json.loads(base64.b64decode(envelope["data"]))

    def until(self, done: Callable[[str, Any], bool]) -> list[Frame]:
        """Frames up to the first one for which this is true."""
        frames = [self.receive()]
        while not done(*frames[-1]):
            frames.append(self.receive())
        return frames

    def finished(self) -> list[Frame]:
        """Frames up to the end of a project, good or bad."""
        return self.until(
            lambda kind, data: (
                (kind == "jobState" and data["type"] == "jobCompleted") or (kind == "jobError" and "imgID" not in data)
            )
        )

    def end(self) -> int | None:
        """Read to the end; the close code, None when the connection was just cut."""
        while True:
            try:
                opcode, data = self.ws.recv_data()
            except websocket.WebSocketTimeoutException:
                raise
            except (websocket.WebSocketException, OSError):
                return None
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big")


class Rest:
    """HTTP with the sandbox's key, unless other headers are given."""

    def __init__(self, net: Sandbox) -> None:
        self.net = net

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> requests.Response:
        """GET a path."""
        sent = {"api-key": "sandbox-key"} if headers is None else headers
        return requests.get(self.net.url + path, params=query, headers=sent, timeout=TIMEOUT)


@pytest.fixture
def net(sandbox: Sandbox) -> Sandbox:
    """A network for one test."""
    return sandbox


@pytest.fixture
def rest(net: Sandbox) -> Rest:
    """HTTP."""
    return Rest(net)


@pytest.fixture
def talk(net: Sandbox) -> Iterator[Callable[..., Talk]]:
    """Opens connections and reads their greeting; they are shut at the end of the test."""
    opened: list[Talk] = []

    def open_one(*arguments: Any, **options: Any) -> Talk:
        opened.append(Talk(net, *arguments, **options))
        return opened[-1].greeted()

    yield open_one
    for one in opened:
        one.ws.shutdown()


@pytest.fixture
def build() -> Callable[..., dict[str, Any]]:
    """Builds a `jobRequest`, as short as it may be."""

    def request(model: str = MODEL, *, count: int = 1, keyframe: Mapping[str, Any] | None = None, **top: Any) -> Any:
        first = {"modelID": model, "positivePrompt": "a red fox", **(keyframe or {})}
        return {"jobID": str(uuid.uuid4()).upper(), "numberOfImages": count, "keyFrames": [first], **top}

    return request


@pytest.fixture
def stopwatch() -> Callable[[], float]:
    """Seconds since some moment."""
    return time.monotonic
