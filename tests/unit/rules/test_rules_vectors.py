"""Every recorded vector of requests, options, estimates, frames and content types."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from sogni._protocol.wire import camel, structure_list
from sogni._rules import estimate, sniff
from sogni._rules.assets import video_asset_config
from sogni._rules.build import build_job, check_required, early
from sogni._rules.frames import calculate_video_frames, frames_for_audio
from sogni._rules.options import as_wire, model_options
from sogni._rules.sizes import needs_presets
from sogni.errors import ApiError, ModelNotFound, ValidationError
from sogni.types.catalog import SizePreset

DATA = Path(__file__).parents[2] / "data"


def cases(*names: str) -> pytest.MarkDecorator:
    found = []
    for name in names:
        data = json.loads((DATA / f"{name}.json").read_text())
        for case in data["cases"]:
            case["base"] = data.get("base")
            found.append(pytest.param(case, id=case["name"]))
    return pytest.mark.parametrize("case", found)


def expand(base: Any, expect: Any) -> Any:
    top, key = copy.deepcopy(base["request"]), copy.deepcopy(base["keyframe"])
    top.update(expect.get("request", {}))
    key.update(expect.get("keyframe", {}))
    for name in expect.get("request_without", []):
        del top[name]
    for name in expect.get("keyframe_without", []):
        del key[name]
    top["keyFrames"] = [key]
    return top


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where two JSON values differ: numbers by value, booleans are no numbers, null is not absent."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{path}.{name} only in one" for name in ours.keys() ^ theirs.keys()]
        for name in ours.keys() & theirs.keys():
            found += differences(ours[name], theirs[name], f"{path}.{name}")
        return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            text
            for place, pair in enumerate(zip(ours, theirs, strict=True))
            for text in differences(*pair, f"{path}[{place}]")
        ]
    if is_number(ours) and is_number(theirs):
        return [] if abs(ours - theirs) < 1e-9 else [f"{path}: {ours} is not {theirs}"]
    return [] if type(ours) is type(theirs) and ours == theirs else [f"{path}: {ours!r} is not {theirs!r}"]


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def sent(params: Any, recorded: Any) -> tuple[Any, Any]:
    """The message and the uploads of a request."""
    early(params)
    options = model_options(params["model_id"], recorded.models, recorded.tiers)
    plan = build_job(params, project_id="<project>", options=options)
    types = [sniff.content_type(upload.media, upload.slot) for upload in plan.uploads]  # type: ignore[arg-type]
    uploads = [
        (upload.at, upload.id or upload.type, found, upload.media)
        for upload, found in zip(plan.uploads, types, strict=True)
    ]
    return json.loads(json.dumps(plan.annotated(types))), sorted(uploads, key=str)


def attempt(call: Any, *args: Any, **named: Any) -> Any:
    """What the call gives, or the refusal it raises."""
    try:
        return call(*args, **named)
    except (ValidationError, ApiError) as error:
        return error


@cases("create_image", "create_video", "create_audio")
def test_request(case: Any, recorded: Any) -> None:
    params = recorded.real(case["input"])
    answers = [case["expect"], *case.get("alts", [])]
    found = attempt(sent, params, recorded)
    if isinstance(found, Exception):
        assert any("rejected" in answer for answer in answers), found
        named = case["expect"].get("param")
        if named and isinstance(found, ValidationError):
            assert any(problem.field.startswith(named) for problem in found.problems), found
        return
    message, uploads = found
    notes = []
    for answer in answers:
        if "rejected" in answer:
            notes.append("should have been refused")
            continue
        wanted = sorted(
            (
                (
                    upload["at"],
                    upload.get("id") or upload["type"],
                    upload["contentType"],
                    recorded.media[upload["media"]],
                )
                for upload in answer["uploads"]
            ),
            key=str,
        )
        different = differences(message, expand(case["base"], answer))
        if not different and uploads == wanted:
            return
        notes.append(f"{different} {uploads} {wanted}")
    raise AssertionError(notes)


@cases("create_image", "create_video", "create_audio")
def test_missing_keys_are_found_without_the_catalogue(case: Any, recorded: Any) -> None:
    params = recorded.real(case["input"])
    missing = {"type", "model_id", "positive_prompt", "number_of_media"} - params.keys()
    if not missing:
        check_required(params)
        return
    with pytest.raises(ValidationError) as caught:
        check_required(params)
    assert {problem.field for problem in caught.value.problems} == missing


@cases("model_options")
def test_options(case: Any, recorded: Any) -> None:
    model_id, expect = case["input"]["model_id"], case["expect"]
    if "rejected" in expect:
        with pytest.raises(ApiError):
            model_options(model_id, recorded.models, recorded.tiers)
    else:
        assert differences(as_wire(model_options(model_id, recorded.models, recorded.tiers)), expect["result"]) == []


def test_unknown_model_has_near_names(recorded: Any) -> None:
    with pytest.raises(ModelNotFound, match=r"Did you mean.*z_image_turbo_bf16"):
        model_options("z_image_turbo", recorded.models, recorded.tiers)


def by_number(path: str) -> list[object]:
    """A path as its segments; those that are numbers by value."""
    found: list[object] = []
    for part in path.split("/"):
        try:
            found.append(round(float(part), 9))
        except ValueError:
            found.append(part)
    return found


@cases("estimates")
def test_estimate(case: Any, recorded: Any) -> None:
    given = dict(case["input"])
    if needs_presets(given.get("size_preset")):
        presets = recorded.presets["byModel"].get(given["model"], recorded.presets["default"])
        given["presets"] = structure_list(presets, SizePreset)
    answers = [case["expect"], *case.get("alts", [])]
    call = attempt(getattr(estimate, case["call"]), **given)
    if isinstance(call, ValidationError):
        assert any("rejected" in answer for answer in answers)
        named = case["expect"].get("param")
        assert named is None or named in [problem.field for problem in call.problems]
        return
    assert any(
        by_number(call.path) == by_number(answer["path"]) and dict(call.query) == answer["query"]
        for answer in answers
        if "path" in answer
    ), (call.path, call.query)


@cases("estimate_responses")
def test_estimate_response(case: Any) -> None:
    record = estimate.read_estimate(case["input"]["body"])
    ours = {camel(name): value for name, value in attrs.asdict(record).items() if name != "extra" and value is not None}
    theirs = case["expect"]["result"]
    assert {name: str(value) for name, value in ours.items()} == {name: str(value) for name, value in theirs.items()}


@cases("frames")
def test_frames(case: Any) -> None:
    given, expect = case["input"], case["expect"]

    def run() -> int:
        if case["call"] == "calculate_video_frames":
            return calculate_video_frames(**given)
        return frames_for_audio("minimax-h3-fastvideo-int8_a2v_turbo", given["audio_duration_seconds"])

    if "rejected" in expect:
        with pytest.raises(ValidationError):
            run()
    else:
        assert run() == expect["result"]


@cases("video_assets")
def test_video_assets(case: Any, recorded: Any) -> None:
    model_id = case["input"]["model_id"]
    if "rejected" in case["expect"]:
        for models in (None, recorded.models):
            with pytest.raises(ValidationError):
                video_asset_config(model_id, models)
        return
    found = video_asset_config(model_id, recorded.models)
    ours: dict[str, Any] = {"workflowType": found.workflow_type}
    if found.assets is not None:
        ours["assets"] = {camel(name): use for name, use in found.assets.items()}
    assert ours == case["expect"]["result"]


@cases("content_types")
def test_content_type(case: Any) -> None:
    given = case["input"]
    assert sniff.content_type(bytes.fromhex(given["hex"]), given["slot"]) == case["expect"]["result"]
