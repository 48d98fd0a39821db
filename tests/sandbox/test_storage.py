"""Signed URLs: what is signed must be sent, nothing else may be, and parts can be asked for."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from sogni.sandbox import Sandbox

Build = Callable[..., dict[str, Any]]


def test_an_upload_can_be_read_back(net: Sandbox, rest: Any) -> None:
    body = bytes(range(256)) * 2000
    rest.upload("abc", "startingImage", body)
    (upload,) = net.uploads
    assert (upload.project_id, upload.slot, upload.content_type, upload.size) == (
        "ABC",
        "startingImage",
        "image/png",
        len(body),
    )
    assert upload.read() == body
    url = rest.data("/v1/image/downloadUrl", jobId="ABC", imageId="x", type="startingImage")["downloadUrl"]
    assert rest.bytes_of(url).content == body


@pytest.mark.parametrize(
    ("query", "slot"),
    [
        ({"type": "referenceVideo"}, "referenceVideo"),
        ({"type": "referenceVideo", "id": "referenceVideo2"}, "referenceVideo2"),
        ({"type": "referenceVideo2"}, "referenceVideo2"),
        ({"type": "referenceAudio", "id": "something"}, "referenceAudio"),
    ],
)
def test_slots_of_the_media_endpoint(net: Sandbox, rest: Any, query: dict[str, str], slot: str) -> None:
    url = rest.data("/v1/media/uploadUrl", jobId="P", **query)["uploadUrl"]
    assert rest.put(url, b"bytes").status_code == 200
    assert [upload.slot for upload in net.uploads] == [slot]


@pytest.mark.parametrize(("signed", "sent"), [("image/png", "image/jpeg"), ("image/png", None), (None, "image/png")])
def test_the_type_is_part_of_the_signature(net: Sandbox, rest: Any, signed: str | None, sent: str | None) -> None:
    params = {"contentType": signed} if signed else {}
    url = rest.data("/v1/image/uploadUrl", jobId="P", imageId="I", type="startingImage", **params)["uploadUrl"]
    refused = rest.put(url, b"x", sent)
    assert (refused.status_code, "SignatureDoesNotMatch" in refused.text) == (403, True)
    assert rest.put(url, b"x", signed).status_code == 200


def test_the_length_must_be_known(rest: Any) -> None:
    url = rest.data("/v1/image/uploadUrl", jobId="P", imageId="I", type="startingImage")["uploadUrl"]
    assert rest.session.put(url, data=iter([b"a", b"b"]), timeout=5).status_code == 411


@pytest.mark.parametrize("header", ["api-key", "Authorization", "Cookie"])
def test_credentials_do_not_belong_there(net: Sandbox, rest: Any, header: str) -> None:
    url = rest.data("/v1/image/uploadUrl", jobId="P", imageId="I", type="startingImage")["uploadUrl"]
    assert rest.put(url, b"x", **{header: "sandbox-secret"}).status_code == 400
    (leak,) = [entry for entry in net.log if entry.kind == "leak"]
    assert leak.detail == header.lower()
    assert "sandbox-secret" not in repr(net.log)
    assert net.uploads == []


def test_changed_and_expired_urls_are_refused(net: Sandbox, rest: Any) -> None:
    rest.upload("P", "startingImage", b"abc")

    def sign() -> str:
        url: str = rest.data("/v1/image/downloadUrl", jobId="P", imageId="x", type="startingImage")["downloadUrl"]
        return url

    good = sign()
    assert rest.bytes_of(good).status_code == 200
    assert rest.put(good, b"x").status_code == 403
    for wrong in (good.replace("startingImage", "cnImage"), good + "0", good.replace("expires=1", "expires=2")):
        assert rest.bytes_of(wrong).status_code == 403
    net.script(expire_urls=True)
    expired = rest.bytes_of(sign())
    assert (expired.status_code, "expired" in expired.text) == (403, True)
    assert rest.bytes_of(sign()).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=90-", 206, slice(90, 100)),
        ("bytes=-7", 206, slice(93, 100)),
        ("bytes=50-5000", 206, slice(50, 100)),
        ("bytes=100-", 416, None),
        ("lines=1-2", 416, None),
    ],
)
def test_ranges(rest: Any, asked: str, status: int, part: slice | None) -> None:
    body = bytes(range(100))
    rest.upload("P", "startingImage", body)
    url = rest.data("/v1/image/downloadUrl", jobId="P", imageId="x", type="startingImage")["downloadUrl"]
    whole = rest.bytes_of(url)
    assert (whole.status_code, whole.headers["Accept-Ranges"], whole.headers["Content-Type"]) == (
        200,
        "bytes",
        "image/png",
    )
    answer = rest.bytes_of(url, Range=asked)
    assert answer.status_code == status
    if part is not None:
        assert answer.content == body[part]
        assert answer.headers["Content-Range"] == f"bytes {part.start}-{part.stop - 1}/100"
        changed = rest.bytes_of(url, Range=asked, **{"If-Range": '"other"'})
        assert (changed.status_code, changed.content) == (200, body)
        same = rest.bytes_of(url, Range=asked, **{"If-Range": whole.headers["ETag"]})
        assert same.status_code == 206
    assert rest.session.head(url, timeout=5).headers["Content-Length"] == "100"


def test_the_tag_of_an_upload_is_that_of_the_download(rest: Any) -> None:
    sign = {"jobId": "P", "imageId": "I", "type": "startingImage"}
    put = rest.put(rest.data("/v1/image/uploadUrl", **sign)["uploadUrl"], b"abc")
    got = rest.bytes_of(rest.data("/v1/image/downloadUrl", **sign)["downloadUrl"])
    assert put.headers["ETag"] == got.headers["ETag"]


def test_transfers_fail_and_break_on_request(net: Sandbox, rest: Any) -> None:
    body = bytes(500_000)
    sign = {"jobId": "P", "imageId": "I", "type": "startingImage"}
    url = rest.data("/v1/image/uploadUrl", **sign)["uploadUrl"]
    net.script(fail_upload=503)
    assert rest.put(url, body).status_code == 503
    net.script(cut_upload=100_000)
    with pytest.raises(OSError, match=r"(?i)abort|reset|broken"):
        rest.put(url, body)
    assert net.uploads == []
    assert rest.put(url, body).status_code == 200
    got = rest.data("/v1/image/downloadUrl", **sign)["downloadUrl"]
    net.script(fail_download=404)
    assert rest.bytes_of(got).status_code == 404
    net.script(cut_download=200_000)
    parts = urlsplit(got)
    with socket.create_connection((parts.hostname or "", parts.port or 0), 5) as line:
        line.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        while piece := line.recv(1 << 16):
            received += piece
    head, _, rest_of_it = received.partition(b"\r\n\r\n")
    assert b"Content-Length: 500000" in head
    assert 0 < len(rest_of_it) <= 200_000
    assert rest.bytes_of(got).content == body


def test_where_results_are(net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
    one = talk()
    image, video = build(outputFormat="jpg"), build("wan_v2.2-14b-fp8_t2v_lightx2v", keyframe={"frames": 17})
    ids = {}
    for request in (image, video):
        one.send("jobRequest", request)
        (ids[request["jobID"]],) = [data["imgID"] for kind, data in one.finished() if kind == "jobResult"]

    def ask(endpoint: str, request: dict[str, Any], **more: str) -> Any:
        name = "imageId" if endpoint == "image" else "id"
        query = {"jobId": request["jobID"], name: ids[request["jobID"]].lower(), "type": "complete", **more}
        return rest.get(f"/v1/{endpoint}/downloadUrl", **query)

    assert ask("image", image, contentType="image/jpeg").status_code == 200
    wrong = ask("image", video)
    assert wrong.status_code == 404
    assert "/v1/media/downloadUrl" in wrong.json()["message"]
    assert ask("media", video).status_code == 200
    plain = ask("media", image)
    assert (plain.status_code, plain.json()["errorCode"]) == (404, 122)
    assert "downloadUrl" not in plain.json()["message"]
    # Asking for another type than the project's is signed, and then there is nothing.
    url = ask("image", image, contentType="image/webp").json()["data"]["downloadUrl"]
    assert rest.bytes_of(url).status_code == 404
    url = ask("image", image).json()["data"]["downloadUrl"]
    assert rest.bytes_of(url).headers["Content-Type"] == "image/jpeg"
    for missing in ("jobId", "imageId", "type"):
        query = {"jobId": "P", "imageId": "I", "type": "complete"}
        del query[missing]
        assert rest.get("/v1/image/downloadUrl", **query).status_code == 400
    assert rest.get("/v1/image/uploadUrl", jobId="P", type="x").status_code == 400
    stranger = rest.get(
        "/v1/image/uploadUrl", {"api-key": "sandbox-x"}, jobId=image["jobID"], imageId="I", type="startingImage"
    )
    assert stranger.status_code == 403
