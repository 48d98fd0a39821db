"""Peers of bare libraries for the sandbox's own tests: frames over websocket-client, REST over requests."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import requests
import websocket

from sogni.sandbox import Sandbox

MODEL = "krea2_turbo_fp8_scaled"
TIMEOUT = 10.0
KEY = {"api-key": "sandbox-key"}

Frame = tuple[str, Any]


def order(
    model: str = MODEL, *, project_id: str | None = None, keyframe: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A small `jobRequest`."""
    first = {"modelID": model, "positivePrompt": "a red fox", "steps": 4, **(keyframe or {})}
    return {
        "jobID": project_id or str(uuid.uuid4()).upper(),
        "numberOfImages": 1,
        "previews": 0,
        "tokenType": "spark",
        "keyFrames": [first],
        **more,
    }


class Talk:
    """One socket connection."""

    def __init__(self, net: Sandbox, app_id: str = "app", key: str = "sandbox-key", **query: str) -> None:
        text = urlencode({"appId": app_id, "clientType": "artist", "forceWorkerId": "fast", **query})
        headers = [f"api-key: {key}"] if key else []
        self.ws = websocket.create_connection(f"{net.socket_endpoint}/?{text}", header=headers, timeout=TIMEOUT)

    def receive(self) -> Frame:
        """The next frame."""
        envelope = json.loads(self.ws.recv())
        return envelope["type"], json.loads(base64.b64decode(envelope["data"]))

    def send(self, kind: str, data: object) -> None:
        """Send a frame."""
        body = base64.b64encode(json.dumps(data).encode()).decode()
        self.ws.send(json.dumps({"type": kind, "data": body}))

    def until(self, kind: str, test: Callable[[Any], bool] = lambda data: True) -> list[Frame]:
        """Frames up to the first one of that kind for which the test is true."""
        frames = [self.receive()]
        while not (frames[-1][0] == kind and test(frames[-1][1])):
            frames.append(self.receive())
        return frames

    def finished(self) -> list[Frame]:
        """Frames up to the good end of a project."""
        return self.until("jobState", lambda data: data["type"] == "jobCompleted")

    def greeted(self) -> Talk:
        """Read the greeting."""
        self.until("swarmModels")
        return self

    def quiet(self, seconds: float = 0.15) -> list[Frame]:
        """Whatever still comes, until nothing has come for that long."""
        frames = []
        self.ws.settimeout(seconds)
        try:
            while True:
                frames.append(self.receive())
        except websocket.WebSocketTimeoutException:
            return frames
        finally:
            self.ws.settimeout(TIMEOUT)

    def end(self) -> int | None:
        """Read to the end; the close code, None when the line was just cut."""
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
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> requests.Response:
        """GET a path."""
        sent = KEY if headers is None else headers
        return self.session.get(self.net.url + path, params=query, headers=sent, timeout=TIMEOUT)

    def data(self, path: str, **query: Any) -> Any:
        """The data of a good answer."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["status"] == "success"
        return body["data"]

    def post(self, path: str, headers: Mapping[str, str] | None = None, **body: Any) -> requests.Response:
        """POST JSON to a path."""
        sent = KEY if headers is None else headers
        return self.session.post(self.net.url + path, json=body, headers=sent, timeout=TIMEOUT)

    def bytes_of(self, url: str, **headers: str) -> requests.Response:
        """GET a signed URL."""
        return self.session.get(url, headers=headers, timeout=TIMEOUT)

    def put(self, url: str, body: bytes, content_type: str | None = None, **headers: str) -> requests.Response:
        """PUT to a signed URL."""
        sent = dict(headers) if content_type is None else {**headers, "Content-Type": content_type}
        return self.session.put(url, data=body, headers=sent, timeout=TIMEOUT)

    def upload(
        self, project_id: str, slot: str, body: bytes, content_type: str | None = "image/png", where: str = "image"
    ) -> None:
        """Put a file into a slot."""
        query = {"jobId": project_id, "type": slot, "imageId": str(uuid.uuid4())}
        if content_type is not None:
            query["contentType"] = content_type
        url = self.data(f"/v1/{where}/uploadUrl", **query)["uploadUrl"]
        assert self.put(url, body, content_type).status_code == 200
