"""Every endpoint as a value: where it goes, and what it reads from an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from sogni._protocol import rest
from sogni._protocol.call import Call, Host
from sogni.errors import ProtocolError, ValidationError
from sogni.types.library import LoraConstraints
from sogni.types.project import JobStatus

URLS = json.loads((Path(__file__).parents[2] / "data" / "urls.json").read_text())["cases"]
CATALOG = json.loads((Path(__file__).parents[2] / "data" / "catalog.json").read_text())


def query(call: Call[Any]) -> dict[str, object]:
    return {name: value for name, value in call.query.items() if value is not None}


@pytest.mark.parametrize("case", URLS, ids=lambda case: case["name"])
def test_url_vectors(case: dict[str, Any]) -> None:
    call: Call[str] = getattr(rest, case["call"])(**case["input"])
    assert call.path == case["expect"]["path"]
    assert query(call) == case["expect"]["query"]
    assert (call.method, call.host, call.auth, call.repeatable) == ("GET", Host.REST, True, True)


@pytest.mark.parametrize(
    ("make", "member"),
    [
        (rest.upload_url, "uploadUrl"),
        (rest.media_upload_url, "uploadUrl"),
        (rest.download_url, "downloadUrl"),
        (rest.media_download_url, "downloadUrl"),
    ],
)
def test_signed_urls_are_read(make: Callable[..., Call[str]], member: str) -> None:
    call = make(job_id="J", type="complete")
    assert call.read({member: "https://s/x?sig=1"}) == "https://s/x?sig=1"
    for wrong in (None, {}, {member: ""}, {member: 5}, [member], {"other": "x"}):
        with pytest.raises(ProtocolError, match=member):
            call.read(wrong)


def test_last_frame() -> None:
    call = rest.media_download_url(job_id="J", id="I", type="complete", artifact="lastFrame")
    assert query(call) == {"jobId": "J", "id": "I", "type": "complete", "artifact": "lastFrame"}


# Function, method, path, query, body, host, credentials, repeatable.
PLACES: list[tuple[Call[Any], str, str, dict[str, object], object, Host, bool, bool]] = [
    (rest.supported_models(), "GET", "/api/v1/models/list", {}, None, Host.SOCKET, True, True),
    (rest.tiers(), "GET", "/api/v2/models/tiers", {}, None, Host.SOCKET, True, True),
    (rest.network_models("fast"), "GET", "/api/v1/status/network/fast/models", {}, None, Host.SOCKET, True, True),
    (
        rest.size_presets("fast", "a/b c?"),
        "GET",
        "/api/v1/size-presets/network/fast/model/a%2Fb%20c%3F",
        {},
        None,
        Host.SOCKET,
        True,
        True,
    ),
    (rest.project_record("A/B"), "GET", "/v1/projects/A%2FB", {}, None, Host.REST, True, True),
    (rest.project_status("A#1"), "GET", "/v2/projects/A%231", {}, None, Host.REST, True, True),
    (rest.live_projects(), "GET", "/api/v1/artist/projects/active", {}, None, Host.SOCKET, True, True),
    (rest.sync("APP"), "GET", "/api/v1/artist/projects/sync", {"appId": "APP"}, None, Host.SOCKET, True, True),
    (rest.sync(None), "GET", "/api/v1/artist/projects/sync", {}, None, Host.SOCKET, True, True),
    (rest.loras(), "GET", "/v1/loras/comfy", {}, None, Host.REST, False, True),
    (rest.loras("m"), "GET", "/v1/loras/comfy", {"modelId": "m"}, None, Host.REST, False, True),
    (rest.personal_loras(), "GET", "/v1/loras/personal", {}, None, Host.REST, True, True),
    (rest.personal_lora("x y"), "GET", "/v1/loras/personal/x%20y", {}, None, Host.REST, True, True),
    (rest.personal_catalog(), "GET", "/v1/loras/personal/catalog", {}, None, Host.REST, True, True),
    (rest.remove_lora("x"), "DELETE", "/v1/loras/personal/x", {}, None, Host.REST, True, False),
    (
        rest.import_lora(url="u", name="n", model_id="m", rights_confirmed=True),
        "POST",
        "/v1/loras/personal",
        {},
        {"url": "u", "name": "n", "modelId": "m", "rightsConfirmed": True},
        Host.REST,
        True,
        False,
    ),
    (rest.saved_uploads(), "GET", "/v1/assets", {}, None, Host.REST, True, True),
    (rest.saved_uploads_enabled(), "GET", "/v1/assets/capabilities", {}, None, Host.REST, True, True),
    (
        rest.prepare_upload(sha256="s", size=3, content_type="image/png"),
        "POST",
        "/v1/assets/prepare",
        {},
        {"sha256": "s", "bytes": 3, "contentType": "image/png", "name": "Saved upload"},
        Host.REST,
        True,
        False,
    ),
    (rest.finalize_upload("i/d"), "POST", "/v1/assets/i%2Fd/finalize", {}, {}, Host.REST, True, False),
    (
        rest.bind_upload("i", project_id="P", type="referenceAudio", id="referenceAudio2"),
        "POST",
        "/v1/assets/i/bind",
        {},
        {"projectId": "P", "type": "referenceAudio", "id": "referenceAudio2"},
        Host.REST,
        True,
        False,
    ),
    (
        rest.bind_upload("i", project_id="P", type="cnImage"),
        "POST",
        "/v1/assets/i/bind",
        {},
        {"projectId": "P", "type": "cnImage"},
        Host.REST,
        True,
        False,
    ),
    (rest.remove_upload("i"), "DELETE", "/v1/assets/i", {}, None, Host.REST, True, False),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[1]} {place[2]}")
def test_places(place: tuple[Call[Any], str, str, dict[str, object], object, Host, bool, bool]) -> None:
    call, method, path, parameters, body, host, auth, repeatable = place
    assert (call.method, call.path, query(call), call.body) == (method, path, parameters, body)
    assert (call.host, call.auth, call.repeatable) == (host, auth, repeatable)


@pytest.mark.parametrize("value", ["", " ", ".", "..", None, 5])
def test_segments_that_would_change_the_path(value: Any) -> None:
    for make in (rest.project_record, rest.project_status, rest.network_models, rest.personal_lora, rest.remove_upload):
        with pytest.raises(ValidationError):
            make(value)
    with pytest.raises(ValidationError) as caught:
        rest.size_presets("fast", value)
    assert caught.value.problems[0].field == "model_id"


def test_catalogue_is_read() -> None:
    models = rest.supported_models().read(CATALOG["models"])
    assert len(models) == len(CATALOG["models"])
    assert models[0].id == CATALOG["models"][0]["id"]
    assert models[0].sid == CATALOG["models"][0]["SID"]
    assert rest.tiers().read(CATALOG["tiers"]).keys() == CATALOG["tiers"].keys()
    assert rest.network_models("fast").read(CATALOG["networkWorkers"]["fast"]) == CATALOG["networkWorkers"]["fast"]
    presets = rest.size_presets("fast", "m").read(CATALOG["sizePresets"]["default"])
    assert [preset.id for preset in presets] == [preset["id"] for preset in CATALOG["sizePresets"]["default"]]


def test_odd_catalogues() -> None:
    assert rest.supported_models().read([None, 5, {"id": "x", "SID": "y", "new": 1}])[0].extra == {"new": 1}
    assert rest.tiers().read({"a": {}, "b": None}) == {"a": {}}
    odd = {"1": 2, "2": True, "3": "x", "4": float("nan"), "5": float("inf"), "word": 3.0}
    assert rest.network_models("fast").read(odd) == {"1": 2, "word": 3}
    for call in (rest.supported_models(), rest.tiers(), rest.network_models("f"), rest.size_presets("f", "m")):
        with pytest.raises(ValueError, match="expected"):
            call.read("text")


def test_records() -> None:
    for call in (rest.project_record("P"), rest.project_status("P")):
        record = call.read({"project": {"id": "p", "status": "completed", "workerJobs": [{"imgID": "i"}]}})
        assert record.status == "completed"
        assert record.worker_jobs[0].img_id == "i"
    assert rest.sync("A").read({"activeProjects": [{"id": "p"}]}).unclaimed_completed_projects is None


def test_live_projects() -> None:
    call = rest.live_projects()
    assert call.read({"projects": [{"id": "ab"}, {"id": 5}, None, {"id": "CD"}]}) == {"AB", "CD"}
    shapes: list[object] = [None, {}, {"projects": {}}, []]
    for wrong in shapes:
        with pytest.raises(ValueError, match=r"expected|list"):
            call.read(wrong)


def test_recent_jobs_are_grouped() -> None:
    call = rest.recent_jobs(address="0xA", since_ms=17, limit=5, app_source="")
    assert query(call) == {
        "role": "artist",
        "address": "0xA",
        "state": "completed",
        "mediaOnly": True,
        "since": 17,
        "limit": 5,
    }
    parent = {"id": "p1", "appSource": "shop", "model": {"id": "m", "name": "M"}}
    projects = call.read(
        {
            "jobs": [
                {"id": "x", "imgID": "i1", "status": "jobCompleted", "endTime": 1000, "parentRequest": parent},
                {"id": "i2", "status": "jobError", "reason": "artistCanceled", "parentRequest": parent},
                {"id": "i3", "status": "jobError", "endTime": 3000, "parentRequest": {"id": "P1"}},
                {"id": "i4", "status": "news", "parentRequest": {"id": "p2"}, "triggeredNSFWFilter": True},
                {
                    "id": "i5",
                    "endTime": 9000,
                    "parentRequest": {"id": "p3"},
                    "triggeredNSFWFilter": True,
                    "nsfwDetected": True,
                },
                {"id": "i6"},
                {"id": "i7", "parentRequest": {"id": ""}},
                {"parentRequest": {"id": "p4"}},
                None,
                {"id": "i8", "endTime": 1e300, "parentRequest": {"id": "p5"}},
                {"id": "i9", "endTime": 9e15, "parentRequest": {"id": "p5"}},
            ]
        }
    )
    assert [project.id for project in projects] == ["P3", "P1", "P2", "P5"]
    first = projects[1]
    assert (first.model_id, first.model_name, first.app_source) == ("m", "M", "shop")
    assert first.finished_at == datetime(1970, 1, 1, 0, 0, 3, tzinfo=timezone.utc)
    assert [job.id for job in first.jobs] == ["I1", "I2", "I3"]
    assert [job.status for job in first.jobs] == [JobStatus.COMPLETED, JobStatus.CANCELED, JobStatus.FAILED]
    assert projects[2].jobs[0].status is JobStatus.UNKNOWN
    assert projects[2].jobs[0].sensitive_content_withheld
    assert not projects[0].jobs[0].sensitive_content_withheld
    assert projects[0].jobs[0].status is JobStatus.UNKNOWN
    assert call.read({"jobs": None}) == ()


def test_recent_jobs_need_an_address() -> None:
    with pytest.raises(ValidationError, match="address"):
        rest.recent_jobs(address="", since_ms=1)


def test_loras() -> None:
    data = CATALOG["loras"]
    everything = rest.loras().read(data)
    assert len(everything.loras) == len(data["loras"])
    model = everything.loras[0].model_ids[0]
    some = rest.loras(model).read(data)
    assert some.loras
    assert all(model in row.model_ids for row in some.loras)
    assert some.models == everything.models
    plain = rest.loras("b").read(
        {"loras": [{"loraId": "x", "modelIds": ["b", "a"]}, {"loraId": "y", "modelIds": ["c"]}]}
    )
    assert plain.models == ("a", "b")
    assert plain.constraints == LoraConstraints()


def test_library_is_read() -> None:
    assert rest.personal_loras().read({"loras": [{"id": "personal-1", "status": "ready"}]}).loras[0].status == "ready"
    assert rest.personal_lora("x").read({"id": "x", "bytes": 5}).bytes == 5
    assert rest.personal_catalog().read({"loras": [{"loraId": "x"}]})[0].lora_id == "x"
    assert rest.saved_uploads().read({"assets": [{"id": "a", "state": "ready"}]}).assets[0].is_ready
    assert rest.saved_uploads_enabled().read({"enabled": True})
    assert not rest.saved_uploads_enabled().read({"enabled": "yes"})
    assert not rest.saved_uploads_enabled().read(None)
    assert rest.remove_upload("x").read({"anything": 1}) is None
    upload = rest.finalize_upload("x").read({"id": "x", "uploadUrl": "https://s/?sig=1", "uploadHeaders": {"a": "b"}})
    assert upload.upload_headers == {"a": "b"}
    assert "sig" not in repr(upload)
    with pytest.raises(ValueError, match="no id"):
        rest.finalize_upload("x").read({})
