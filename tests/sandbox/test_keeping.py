"""What accounts keep at the network: saved uploads, the LoRA catalogue, and LoRAs of their own."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from sogni.sandbox import Sandbox

from .peers import KEY, MODEL, TIMEOUT

Build = Callable[..., dict[str, Any]]
OTHER = {"api-key": "sandbox-other"}


class Keeper:
    """The REST calls, and the answers that are good."""

    def __init__(self, net: Sandbox, rest: Any) -> None:
        self.net, self.rest = net, rest

    def ask(self, method: str, path: str, body: Any = None, headers: Any = KEY) -> Any:
        return self.rest.session.request(method, self.net.url + path, json=body, headers=headers, timeout=TIMEOUT)

    def data(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def prepare(self, body: bytes, content_type: str = "image/png", **more: Any) -> Any:
        about = {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body), "contentType": content_type}
        return self.data("POST", "/v1/assets/prepare", {**about, "name": "Mine", **more})

    def put(self, place: Any, body: bytes, **changes: Any) -> Any:
        headers = {name: value for name, value in {**place["uploadHeaders"], **changes}.items() if value is not None}
        return self.rest.session.put(place["uploadUrl"], data=body, headers=headers, timeout=TIMEOUT)

    def save(self, body: bytes, content_type: str = "image/png") -> Any:
        place = self.prepare(body, content_type)
        assert self.put(place, body).status_code == 200
        return self.data("POST", f"/v1/assets/{place['id']}/finalize", {})


@pytest.fixture
def keeper(net: Sandbox, rest: Any) -> Keeper:
    return Keeper(net, rest)


def picture(colour: str = "red") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(stream, "PNG")
    return stream.getvalue()


class TestSavedUploads:
    def test_from_preparing_to_a_picture(self, keeper: Keeper, talk: Any, build: Build) -> None:
        body = picture()
        place = keeper.prepare(body)
        assert (place["state"], place["reused"], place["name"]) == ("uploading", False, "Mine")
        assert place["uploadHeaders"] == {
            "Content-Type": "image/png",
            "If-None-Match": "*",
            "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
        }
        assert keeper.put(place, body).status_code == 200
        saved = keeper.data("POST", f"/v1/assets/{place['id']}/finalize", {})
        assert (saved["id"], saved["state"], saved["bytes"]) == (place["id"], "ready", len(body))
        assert saved["expiresAt"] > saved["createdAt"]

        request = build(keyframe={"hasStartingImage": True, "strength": 0.0, "width": 128, "height": 128})
        keeper.data("POST", f"/v1/assets/{saved['id']}/bind", {"projectId": request["jobID"], "type": "startingImage"})
        (upload,) = keeper.net.uploads
        assert (upload.slot, upload.content_type, upload.read()) == ("startingImage", "image/png", body)
        assert upload.asset_id == saved["id"]
        one = talk()
        one.send("jobRequest", request)
        one.finished()
        (submission,) = keeper.net.submissions
        assert submission.missing_slots == ()
        record = keeper.rest.data(f"/v1/projects/{request['jobID']}")["project"]
        assert record["reusedAssetCount"] == 1

        # What is bound stays when the saved upload goes.
        keeper.data("DELETE", f"/v1/assets/{saved['id']}")
        assert keeper.data("GET", "/v1/assets")["assets"] == []
        url = keeper.rest.data("/v1/image/downloadUrl", jobId=request["jobID"], imageId="x", type="startingImage")
        assert keeper.rest.bytes_of(url["downloadUrl"]).content == body

    def test_the_same_bytes_are_not_sent_twice(self, keeper: Keeper) -> None:
        saved = keeper.save(picture())
        again = keeper.prepare(picture())
        assert (again["id"], again["state"], again["reused"]) == (saved["id"], "ready", True)
        assert "uploadUrl" not in again
        for other in (keeper.prepare(picture("blue")), keeper.prepare(picture(), "image/webp")):
            assert (other["state"], other["id"] == saved["id"]) == ("uploading", False)
        listed = keeper.data("GET", "/v1/assets")
        assert [asset["state"] for asset in listed["assets"]] == ["ready", "uploading", "uploading"]
        assert listed["limits"]["fileBytes"] == 100 << 20
        assert all("uploadUrl" not in asset for asset in listed["assets"])

    def test_preparing_again_while_it_is_on_its_way(self, keeper: Keeper) -> None:
        first, second = keeper.prepare(picture()), keeper.prepare(picture())
        assert first["id"] == second["id"]
        assert keeper.put(first, picture()).status_code == 200
        # Written once: whoever comes second learns that it is there.
        assert keeper.put(second, picture()).status_code == 412
        assert keeper.data("POST", f"/v1/assets/{first['id']}/finalize", {})["state"] == "ready"
        assert keeper.data("POST", f"/v1/assets/{first['id']}/finalize", {})["state"] == "ready"

    @pytest.mark.parametrize(
        ("changes", "body", "status"),
        [
            ({"x-amz-checksum-sha256": None}, picture(), 403),
            ({"If-None-Match": None}, picture(), 403),
            ({"Content-Type": "image/webp"}, picture(), 403),
            ({"api-key": "sandbox-key"}, picture(), 400),
            ({}, b"other bytes", 400),
        ],
    )
    def test_headers_are_signed(self, keeper: Keeper, changes: Any, body: bytes, status: int) -> None:
        place = keeper.prepare(picture())
        assert keeper.put(place, body, **changes).status_code == status
        assert keeper.ask("POST", f"/v1/assets/{place['id']}/finalize", {}).status_code == 409

    def test_what_goes_wrong_on_the_way(self, keeper: Keeper) -> None:
        body = picture()
        keeper.net.script(fail_upload=503)
        place = keeper.prepare(body)
        assert [keeper.put(place, body).status_code for _ in range(2)] == [503, 200]
        keeper.net.fail_next("busy", times=2, path="/v1/assets/*")
        path = f"/v1/assets/{place['id']}/finalize"
        assert [keeper.ask("POST", path, {}).status_code for _ in range(3)] == [423, 423, 200]
        keeper.net.script(expire_urls=True)
        other = picture("blue")
        assert keeper.put(keeper.prepare(other), other).status_code == 403
        assert keeper.put(keeper.prepare(other), other).status_code == 200

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"sha256": "x"}, "sha256"),
            ({"bytes": 0}, "bytes"),
            ({"bytes": (100 << 20) + 1}, "bytes"),
            ({"bytes": "9"}, "bytes"),
            ({"contentType": "image/gif"}, "contentType"),
            ({"contentType": None}, "contentType"),
        ],
    )
    def test_what_cannot_be_saved(self, keeper: Keeper, change: Any, said: str) -> None:
        about = {"sha256": "0" * 64, "bytes": 9, "contentType": "image/png", "name": "Mine", **change}
        answer = keeper.ask("POST", "/v1/assets/prepare", about)
        assert (answer.status_code, answer.json()["message"].startswith(said)) == (400, True)

    def test_a_full_library(self, keeper: Keeper) -> None:
        for number in range(100):
            keeper.prepare(b"%d" % number)
        answer = keeper.ask(
            "POST", "/v1/assets/prepare", {"sha256": "0" * 64, "bytes": 9, "contentType": "image/png", "name": "Mine"}
        )
        assert answer.status_code == 409
        assert answer.json()["message"].startswith("Your saved upload library is full.")
        first = keeper.data("GET", "/v1/assets")["assets"][0]
        keeper.data("DELETE", f"/v1/assets/{first['id']}")
        keeper.prepare(b"one more")

    def test_what_cannot_be_bound(self, keeper: Keeper, talk: Any, build: Build) -> None:
        place = keeper.prepare(picture())
        slot = {"projectId": "P", "type": "startingImage"}
        assert keeper.ask("POST", f"/v1/assets/{place['id']}/bind", slot).status_code == 409
        assert keeper.ask("POST", "/v1/assets/unknown/bind", slot).status_code == 404
        saved = keeper.save(picture())
        path = f"/v1/assets/{saved['id']}/bind"
        wrongs: list[Any] = [{}, {"projectId": "P"}, {"type": "startingImage"}, [], None]
        for wrong in wrongs:
            assert keeper.ask("POST", path, wrong).status_code == 400
        request = build()
        other = talk("theirs", "sandbox-other")
        other.send("jobRequest", request)
        other.finished()
        assert keeper.ask("POST", path, {**slot, "projectId": request["jobID"]}).status_code == 403

    def test_numbered_slots(self, keeper: Keeper) -> None:
        saved = keeper.save(b"a voice", "audio/mpeg")
        keeper.data(
            "POST",
            f"/v1/assets/{saved['id']}/bind",
            {"projectId": "p", "type": "referenceAudio", "id": "referenceAudio2"},
        )
        assert [(upload.project_id, upload.slot) for upload in keeper.net.uploads] == [("P", "referenceAudio2")]

    def test_everybody_has_their_own(self, keeper: Keeper) -> None:
        saved = keeper.save(picture())
        assert keeper.ask("GET", "/v1/assets", headers=OTHER).json()["data"]["assets"] == []
        assert keeper.ask("DELETE", f"/v1/assets/{saved['id']}", headers=OTHER).status_code == 404
        assert keeper.ask("GET", "/v1/assets", headers={}).status_code == 401
        keeper.net.reset()
        assert keeper.data("GET", "/v1/assets")["assets"] == []


class TestLoras:
    ROW = {"loras": ["krea2-warm-light"]}

    def test_the_catalogue(self, keeper: Keeper) -> None:
        everything = keeper.rest.get("/v1/loras/comfy", {}).json()["data"]
        assert everything["constraints"] == {"maxPerRequest": 8, "minStrength": -100, "maxStrength": 100}
        fitting = keeper.rest.data("/v1/loras/comfy", modelId=MODEL)
        assert 0 < len(fitting["loras"]) < len(everything["loras"])
        assert all(MODEL in row["modelIds"] for row in fitting["loras"])
        assert fitting["models"] == everything["models"]
        assert keeper.rest.data("/v1/loras/comfy", modelId="nonsense")["loras"] == []

    @pytest.mark.parametrize(
        ("keyframe", "said"),
        [
            ({"loras": ["nonsense"]}, "There is no LoRA 'nonsense'."),
            ({"loras": ["zimage-ink"]}, f"The LoRA 'zimage-ink' does not work with {MODEL}."),
            ({"loras": ["krea2-warm-light"] * 9}, "loras takes 8 at most."),
            ({"loras": "krea2-warm-light"}, "loras must be a list of ids."),
            ({**ROW, "loraStrengths": 1}, "loraStrengths must be a list of numbers."),
            ({**ROW, "loraStrengths": ["much"]}, "loraStrengths[0] must be a number."),
            ({"loras": ["personal-unknown"] * 5}, "loras takes 4 of your own at most."),
            ({"loras": ["personal-unknown"]}, "There is no LoRA 'personal-unknown'."),
        ],
    )
    def test_wrong_ones_are_refused(self, talk: Any, build: Build, keyframe: Any, said: str) -> None:
        one = talk()
        one.send("jobRequest", build(keyframe=keyframe))
        ((kind, data),) = one.quiet()
        assert (kind, data["error"], data["error_message"]) == ("jobError", "invalidRequest", said)

    def test_they_change_the_picture(self, talk: Any, rest: Any, build: Build) -> None:
        one = talk()
        both = ["krea2-warm-light", "krea2-detail-enhancer"]
        pictures = []
        for more in ({}, self.ROW, {"loras": both}, {"loras": both[::-1]}, {**self.ROW, "loraStrengths": [-1.5]}):
            request = build(keyframe={"seed": 1, "width": 128, "height": 128, **more})
            one.send("jobRequest", request)
            (result,) = [data for kind, data in one.finished() if kind == "jobResult"]
            url = rest.data("/v1/image/downloadUrl", jobId=request["jobID"], imageId=result["imgID"], type="complete")[
                "downloadUrl"
            ]
            pictures.append(rest.bytes_of(url).content)
        assert len(set(pictures)) == 5

    def test_one_of_my_own(self, keeper: Keeper, talk: Any, build: Build) -> None:
        about = {
            "url": "https://huggingface.co/me/lora",
            "name": "Mine",
            "modelId": MODEL,
            "rightsConfirmed": True,
        }
        entry = keeper.data("POST", "/v1/loras/personal", about)
        assert (entry["status"], entry["modelIds"], entry["source"]) == ("queued", [MODEL], "huggingface")
        assert entry["id"].startswith("personal-")
        listed = keeper.data("GET", "/v1/loras/personal")
        # One step further with every look.
        assert [lora["status"] for lora in listed["loras"]] == ["validating"]
        assert listed["limits"].keys() == {"entries", "fileBytes", "importsPerDay", "perGeneration"}
        assert MODEL in listed["models"]
        path = f"/v1/loras/personal/{entry['id']}"
        one = talk()
        one.send("jobRequest", build(keyframe={"loras": [entry["id"]]}))
        assert one.until("jobError")[-1][1]["error"] == "invalidRequest"
        assert [keeper.data("GET", path)["status"] for _ in range(2)] == ["ready", "ready"]
        assert keeper.data("GET", path)["bytes"] > 0
        (row,) = keeper.data("GET", "/v1/loras/personal/catalog")["loras"]
        assert (row["loraId"], row["name"]) == (entry["id"], "Mine")
        public = keeper.rest.data("/v1/loras/comfy")["loras"][0]
        assert public.keys() == row.keys()
        one.send("jobRequest", build(keyframe={"loras": [entry["id"]]}))
        one.finished()
        for headers in (OTHER, {}):
            assert keeper.ask("GET", path, headers=headers).status_code in (401, 404)
        keeper.data("DELETE", path)
        assert keeper.ask("GET", path).status_code == 404
        assert keeper.data("GET", "/v1/loras/personal")["loras"] == []

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"url": "http://huggingface.co/x"}, "url"),
            ({"url": "https://example.org/x"}, "url"),
            ({"url": "https://["}, "url"),
            ({"url": None}, "url"),
            ({"name": " "}, "name"),
            ({"modelId": "nonsense"}, "LoRAs cannot be imported for 'nonsense'."),
            ({"rightsConfirmed": False}, "rightsConfirmed"),
        ],
    )
    def test_what_cannot_be_imported(self, keeper: Keeper, change: Any, said: str) -> None:
        about = {"url": "https://civitai.com/x", "name": "Mine", "modelId": MODEL, "rightsConfirmed": True, **change}
        answer = keeper.ask("POST", "/v1/loras/personal", about)
        assert (answer.status_code, answer.json()["message"].startswith(said)) == (400, True)


class TestEnhancement:
    @pytest.mark.parametrize("denoise", [0.15, 0.35, 0.49])
    def test_its_order_and_its_estimate(self, net: Sandbox, talk: Any, rest: Any, build: Build, denoise: float) -> None:
        one = talk()
        size = {"width": 256, "height": 256, "sizePreset": "custom", "seed": 5}
        parent = build(keyframe=size)
        one.send("jobRequest", parent)
        (result,) = [data for kind, data in one.finished() if kind == "jobResult"]
        where = {"type": "complete", "contentType": "image/png"}
        url = rest.data("/v1/image/downloadUrl", jobId=parent["jobID"], imageId=result["imgID"], **where)
        before = rest.bytes_of(url["downloadUrl"]).content

        strength = 1 - (1 - denoise)
        path = f"/api/v2/job/estimate/spark/fast/{MODEL}/1/8/0/0/{strength!r}/256/256"
        quoted = rest.get(path).json()["quote"]["project"]["costInToken"]
        follow = {**size, "steps": 8, "guidanceScale": 1, "hasStartingImage": True, "strength": denoise}
        request = build(keyframe=follow, network="fast")
        rest.upload(request["jobID"], "startingImage", before)
        one.send("jobRequest", request)
        (result,) = [data for kind, data in one.finished() if kind == "jobResult"]
        url = rest.data("/v1/image/downloadUrl", jobId=request["jobID"], imageId=result["imgID"], **where)
        after = rest.bytes_of(url["downloadUrl"]).content
        record = rest.data(f"/v1/projects/{request['jobID']}")["project"]
        assert float(record["costActual"]["costInToken"]) == float(quoted)
        with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
            assert old.size == new.size == (256, 256)
            # Nearly the same picture, and not the same.
            change = ImageChops.difference(old.convert("L"), new.convert("L"))
            assert 0 < ImageStat.Stat(change).mean[0] < 255 * denoise
