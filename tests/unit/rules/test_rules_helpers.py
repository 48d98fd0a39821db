"""Estimates, frames, kinds and options beyond the recorded vectors."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from sogni._protocol.call import Host
from sogni._rules import estimate, kinds
from sogni._rules.assets import video_asset_config
from sogni._rules.frames import FrameRule, Grid, calculate_video_frames, frames_for_audio
from sogni._rules.options import ALIASES, SCHEDULER_ALIASES, as_wire, options_of
from sogni._rules.sizes import needs_presets
from sogni._rules.sniff import content_type
from sogni.errors import ValidationError
from sogni.types.catalog import Choices, Model, Range, SizePreset, TextLimit

KREA, WAN, H3 = "krea2_turbo_fp8_scaled", "wan_v2.2-14b-fp8_t2v", "minimax-h3-fl2va-fp8_t2v"
IMAGE: dict[str, Any] = {"model": KREA, "image_count": 1, "step_count": 8, "preview_count": 0}
VIDEO: dict[str, Any] = {"token_type": "spark", "model": WAN, "width": 832, "height": 480, "fps": 16, "duration": 5}
AUDIO: dict[str, Any] = {"token_type": "spark", "model": "ace", "duration": 30, "steps": 8, "number_of_media": 1}


def wrong(call: Callable[..., object], *args: Any, **named: Any) -> set[str]:
    with pytest.raises(ValidationError) as caught:
        call(*args, **named)
    return {problem.field for problem in caught.value.problems}


# Estimates


def test_every_needed_value_of_an_estimate() -> None:
    assert wrong(estimate.estimate_cost) == {"model", "image_count", "step_count", "preview_count"}
    assert wrong(estimate.estimate_video_cost) == {"token_type", "model", "width", "height", "fps", "duration"}
    assert wrong(estimate.estimate_audio_cost) == {"token_type", "model", "duration", "steps", "number_of_media"}


def test_misspelt_and_retired_parameters_of_estimates() -> None:
    with pytest.raises(ValidationError, match=r"did you mean size_preset\?"):
        estimate.estimate_cost(**IMAGE, size_presets="square")
    with pytest.raises(ValidationError, match="retired"):
        estimate.estimate_video_cost(**VIDEO, output_scale=None)
    assert wrong(estimate.estimate_cost, **IMAGE, output_scale=1) == {"output_scale"}
    assert wrong(estimate.estimate_audio_cost, **AUDIO, zzz=1) == {"zzz"}


def test_image_estimate() -> None:
    call = estimate.estimate_cost(**IMAGE, starting_image_strength=0.85, context_images=0, billing_mode="", width=5)
    assert call.path == f"/api/v3/job/estimate/spark/fast/{KREA}/1/8/0/0/0.15000000000000002/0/0/0/_/0"
    assert (call.host, call.method, call.query, call.repeatable) == (Host.SOCKET, "GET", {}, True)
    call = estimate.estimate_cost(**IMAGE, starting_image_strength="0.5", cn_enabled=True, output_format="jpg")  # type: ignore[arg-type]
    assert call.path.endswith("/1/0.5/0/0")
    assert call.query == {"outputFormat": "jpg"}
    assert estimate.estimate_cost(**IMAGE, size_preset="custom", width=64.0, height=Decimal(32)).path.endswith("/64/32")  # type: ignore[arg-type]
    assert wrong(estimate.estimate_cost, **IMAGE, size_preset="square") == {"size_preset"}
    assert wrong(estimate.estimate_cost, **IMAGE, starting_image_strength="much") == {"starting_image_strength"}
    presets = [SizePreset(id="square", width=8, height=9)]
    assert estimate.estimate_cost(**IMAGE, size_preset="square", presets=presets).path.endswith("/8/9")
    assert "/nan/" in estimate.estimate_cost(**{**IMAGE, "model": "nan"}).path
    hostile = {**IMAGE, "model": "a/../b?c#d é"}
    assert "/a%2F..%2Fb%3Fc%23d%20%C3%A9/" in estimate.estimate_cost(**hostile).path


def test_no_estimate_of_what_is_no_number() -> None:
    assert wrong(estimate.estimate_cost, **{**IMAGE, "step_count": float("nan")}) == {"value"}
    assert wrong(estimate.estimate_cost, **{**IMAGE, "step_count": [8]}) == {"value"}
    assert wrong(estimate.estimate_video_cost, **{**VIDEO, "duration": "long"}) == {"duration"}
    assert wrong(estimate.estimate_video_cost, **{**VIDEO, "fps": float("inf"), "frames": 5}) == {"value"}


def test_needs_presets() -> None:
    assert needs_presets("square")
    assert not any(map(needs_presets, (None, "", "custom")))


def test_enhancement_estimate() -> None:
    path = "/api/v2/job/estimate/{}/fast/krea2_turbo_fp8_scaled/1/8/0/0/{}/{}"
    call = estimate.estimate_enhancement_cost
    assert call("light").path == path.format("spark", 1 - (1 - 0.15), "0/0")
    assert call("heavy", "sogni", (512, 640)).path == path.format("sogni", "0.49", "512/640")
    assert call("anything", size={"width": 512}).path == path.format("spark", "0.35", "0/0")
    assert call(["light"]).path == path.format("spark", "0.35", "0/0")  # type: ignore[arg-type]
    assert wrong(call, "light", size=(512,)) == {"size"}
    assert call("medium", size={"width": 1, "height": 2}).path == path.format("spark", "0.35", "1/2")


def test_video_estimate() -> None:
    def query(**more: Any) -> dict[str, object]:
        return dict(estimate.estimate_video_cost(**VIDEO, **more).query)

    assert query(announced_network="relaxed") == {"network": "relaxed"}
    assert query(announced_network="relaxed", network="fast") == {"network": "fast"}
    assert query(source_width=1280.0) == {}
    assert query(source_width=1280.0, source_height="720") == {"sourceWidth": "1280", "sourceHeight": "720"}
    assert query(has_video_input=1, reference_image_count=True, reference_video_count="2") == {"hasVideoInput": "1"}
    assert query(reference_video=b"x") == {"hasVideoInput": "1"}
    assert query(reference_video_count=-1, reference_video_duration_seconds=7.5) == {
        "referenceVideoDurationSeconds": "7.5"
    }
    assert query(keyframe_count=2.9, keyframes=[1]) == {"keyframeCount": "2"}
    assert query(keyframe_count=0) == query(keyframe_count=True) == query(keyframes=[]) == {}
    assert query(billing_mode="auto") == {"billingMode": "auto"}
    assert estimate.estimate_video_cost(**VIDEO, number_of_media=2).path.endswith("/81/16/0/2")
    assert estimate.estimate_video_cost(**{**VIDEO, "model": H3, "duration": "6"}).path.endswith("/141/16")
    audio = estimate.estimate_audio_cost(**AUDIO, announced_network="fast")
    assert (audio.path, audio.query) == ("/api/v1/job-audio/estimate/spark/ace/30/8/1", {"network": "fast"})


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"quote": {"project": {"costInToken": "1", "costInUSD": "1", "costInSpark": "1"}}},
        {"quote": {"project": {"costInToken": "x", "costInUSD": "1", "costInSpark": "1", "costInSogni": "1"}}},
        {"quote": {"project": {"costInToken": "NaN", "costInUSD": "1", "costInSpark": "1", "costInSogni": "1"}}},
        {"quote": {"project": {"costInToken": True, "costInUSD": "1", "costInSpark": "1", "costInSogni": "1"}}},
    ],
)
def test_an_answer_without_costs_is_an_error(body: object) -> None:
    with pytest.raises(ValueError, match="the estimate has no"):
        estimate.read_estimate(body)


def test_the_digits_of_the_server_are_kept() -> None:
    costs = {"costInToken": 0, "costInUSD": "0.020250", "costInSpark": "4.0500", "costInSogni": "1E-7"}
    found = estimate.read_estimate(
        {"quote": {"project": costs}, "benchmark": {"estimatedRenderTimeSec": "4"}, "rate": 2}
    )
    assert (str(found.usd), str(found.token), found.sogni) == ("0.020250", "0", Decimal("0.0000001"))
    assert found.estimated_render_seconds is None
    assert found.extra["rate"] == 2


# Frames


def test_frames() -> None:
    assert calculate_video_frames(WAN, 2.03125, 16) == 34
    assert calculate_video_frames("ltx2-19b-fp8_t2v", 4, 25) == 105
    assert calculate_video_frames("mystery", Fraction(1, 8), 20) == 4  # type: ignore[arg-type]
    assert calculate_video_frames("mystery", 1, None) == 25
    assert calculate_video_frames("mystery", 1, 24, 30, 28) == 28
    assert calculate_video_frames(H3, 0) == 124
    assert wrong(calculate_video_frames, H3, 6, 24, 200, 205) == {"min_frames"}
    assert wrong(calculate_video_frames, H3, True) == {"duration"}
    assert wrong(calculate_video_frames, WAN, 5, float("nan")) == {"fps"}
    assert wrong(calculate_video_frames, WAN, 1e300) == {"duration"}
    assert wrong(calculate_video_frames, WAN, 5, 16, "few") == {"min_frames"}


def test_frames_for_audio() -> None:
    found = [frames_for_audio(H3, seconds) for seconds in (0.5, 124.01 / 24, 6, 10, 15.1)]
    assert found == [124, 141, 158, 243, 362]
    assert [frames_for_audio(WAN, 5), frames_for_audio("ltx2-19b-fp8_a2v", 5)] == [81, 121]
    for nothing in (0, -1, True, "5", float("nan"), None):
        assert wrong(frames_for_audio, H3, nothing) == {"seconds"}


def test_grid() -> None:
    grid = Grid(base=124, step=17, last=362)
    assert [frames in grid for frames in (107, 124, 125, 362, 379)] == [False, True, False, True, False]
    assert grid.nearest(1000) == 362
    assert grid.nearest(200, 300, 200) is None
    assert FrameRule(grid=grid, extra=0).frames(6) == 141


# Kinds and assets


def test_kind_by_the_strongest_evidence() -> None:
    models = [Model(id="a", media="video"), Model(id="pixal3d_x", media="image"), Model(id="odd", media="hologram")]
    kind = kinds.media_kind
    assert kind("pixal3d_x", models, evidence="image") == "model"
    assert kind("a", models, evidence="image", project_type="image") == "video"
    assert kind(WAN) == "video"
    assert kind("qwen3_tts_new") == "audio"
    assert kind("odd", models, evidence="audio", project_type="image") == "audio"
    assert kind("odd", models, project_type="image") == "image"
    assert kind(None, project_type="llm") is None
    assert kind("odd", evidence="nonsense") is None
    assert kinds.is_video_model_id("a", models)
    assert not kinds.is_video_model_id("a")
    assert not kinds.is_video_model_id("seedance-2-5-spicy")
    assert kinds.is_audio_model_id("minimax_music3")
    assert not kinds.is_audio_model_id("minimax_music3", [Model(id="minimax_music3", media="image")])
    assert kinds.is_audio_model_id("minimax_music3", [Model(id="minimax_music3")])
    assert kinds.is_model_artifact_model_id("pixal3d_x")
    assert kinds.is_model_artifact_model_id("b", [Model(id="b", media="model")])
    assert not kinds.is_model_artifact_model_id(WAN)


def test_assets_of_a_video_model_without_a_rule() -> None:
    found = video_asset_config("new", [Model(id="new", media="video")])
    assert (found.workflow_type, found.assets) == (None, None)
    assets: Any = video_asset_config(WAN).assets
    assert assets["reference_audio_identity"] == "optional"
    with pytest.raises(TypeError):
        assets["reference_image"] = "required"


# Options


def test_options_are_lenient_about_the_tier() -> None:
    tier = {
        "type": "audio",
        "steps": {"min": "1", "decimals": 400},
        "guidance": 5,
        "speaker": {"allowed": "all"},
        "language": 7,
        "instruct": {"maxLength": "long"},
        "referenceText": 5,
        "composerMode": {"default": False},
        "comfySampler": {},
        "requiresReferenceAudio": True,
    }
    found = options_of("x", tier)
    assert found.steps == Range(None, None, 1, None)
    assert found.guidance is None
    assert found.speaker == Choices()
    assert found.language is None
    assert found.instruct == TextLimit(None, False)
    assert found.reference_text is None
    assert found.composer_mode is False
    assert found.sampler is None
    assert (found.accepts_reference_audio, found.requires_reference_audio) == (True, True)
    assert as_wire(found)["composerMode"] == {"default": False}
    assert options_of("x", {"type": "audio", "instruct": 5, "composerMode": 5}).instruct is None
    assert options_of("x", {}).sampler == Choices()
    video = options_of("x", {"type": "video", "preservesSourceTiming": False, "maxPixels": 5, "fps": 24, "shift": {}})
    assert (video.preserves_source_timing, video.max_pixels, video.fps, video.shift) == (False, 5, None, None)


def test_aliases() -> None:
    assert (len(ALIASES), len(SCHEDULER_ALIASES)) == (21, 12)
    tier = {"sampler": {"allowed": ["LMS", 5], "default": "DPM Fast"}, "scheduler": {"allowed": [], "default": ""}}
    found = options_of("x", tier)
    assert found.sampler == Choices(("lms", 5), "dpm_fast")
    assert found.scheduler == Choices((), "")


# First bytes


def test_content_types_need_only_their_own_bytes() -> None:
    assert content_type(b"ID3") == "audio/mpeg"
    assert content_type(memoryview(b"GIF89a")) == "image/gif"
    assert content_type(bytearray(b"RIFF....WAVE")) == "audio/wav"
    assert content_type(b"RIFF....WAV") is None
    assert content_type(b"....ftypM4B ", "audio") == "audio/mp4"
    assert content_type(b"OggS", "audio") == "audio/ogg"
    assert content_type(b"") is None
