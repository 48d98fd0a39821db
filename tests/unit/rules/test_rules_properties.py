"""Whatever is thrown at it, the builder gives a plan that can be sent, or says which parameter is wrong."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st

from sogni._rules.build import JobPlan, build_job
from sogni._rules.frames import calculate_video_frames, frames_for_audio
from sogni._rules.options import model_options
from sogni._rules.rule import MEDIA, rule_for, table
from sogni._rules.sniff import content_type
from sogni.errors import ApiError, ValidationError

NAMES = sorted({name for media in MEDIA for name in table(media).names} - {"type", "model_id"})
NUMBERS = st.one_of(
    st.integers(-5, 5000),
    st.integers(),
    st.floats(),
    st.sampled_from([Decimal("1.5"), Fraction(1, 3), True, False, 124, 24, 1, 0.5, 768, 512, 2**70, 10**400]),
)
WORDS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", " ", "custom", "512", "1e5", "mp4", "https://example.org/x", "ftp://x", "data:,", "edit", "vpack"]
    ),
)
MEDIA_VALUES = st.sampled_from(
    [True, False, None, b"", b"bytes", bytearray(b"x"), memoryview(b""), object(), "picture.png"]
)
LEAVES = st.one_of(NUMBERS, WORDS, MEDIA_VALUES, st.none())
KEYS = st.sampled_from(
    [
        "x",
        "y",
        "label",
        "points",
        "boxes",
        "text",
        "name",
        "image",
        "strength",
        "mode",
        "frame_index",
        "stage",
        "x0",
        "x1",
    ]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(KEYS, st.text(max_size=3)), inner, max_size=4),
        st.tuples(inner),
        st.sets(st.integers(), max_size=2),
    ),
    max_leaves=8,
)
# What some models refuse to do without.
REQUIRED = {
    "reference_image",
    "reference_image_end",
    "reference_video",
    "reference_audio",
    "starting_image",
    "sam3_prompt",
    "upscale_resolution",
    "positive_prompt",
    "seedance_task_type",
    "fps",
}
PARAMS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
MODELS = [next(iter(sorted(family.match.ids)), "unheard-of") for media in MEDIA for family in table(media).families] + [
    "ace_step_1.5_turbo",
    "qwen3_tts_1.7b_custom_voice_bf16",
    "flux1-dev-kontext_fp8_scaled",
]


def attempt(recorded: Any, model_id: str, params: dict[str, Any]) -> JobPlan | ValidationError | None:
    try:
        options = model_options(model_id, recorded.models, recorded.tiers)
    except ApiError:
        return None
    base = {"type": options.type, "model_id": model_id, "positive_prompt": "x", "number_of_media": 1}
    try:
        return build_job({**base, **params}, project_id="P", options=options)
    except ValidationError as error:
        return error


def assert_sound(outcome: JobPlan | ValidationError | None) -> None:
    if isinstance(outcome, ValidationError):
        assert outcome.problems
        for problem in outcome.problems:
            assert len(problem.message) < 1000
        assert str(outcome)
    elif outcome is not None:
        text = json.dumps(outcome.message, allow_nan=False)
        assert json.loads(text)["keyFrames"][0]["modelID"] == outcome.model_id
        annotated = outcome.annotated(["image/png"] * len(outcome.uploads))
        json.dumps(annotated, allow_nan=False)
        assert None not in outcome.message.values()
        for upload in outcome.uploads:
            assert upload.media not in (None, True, False)
            assert upload.at in ("image", "media")


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(model_id=st.sampled_from(MODELS), params=PARAMS)
def test_any_values(recorded: Any, model_id: str, params: dict[str, Any]) -> None:
    outcome = attempt(recorded, model_id, params)
    assert_sound(outcome)
    if isinstance(outcome, ValidationError):
        for problem in outcome.problems:
            assert problem.field.split("[")[0].split(".")[0] in params.keys() | REQUIRED
            assert problem.message.startswith(problem.field)


@settings(max_examples=150, deadline=None)
@given(params=st.dictionaries(st.text(max_size=12), LEAVES, max_size=5))
def test_any_names(recorded: Any, params: dict[str, Any]) -> None:
    assert_sound(attempt(recorded, "z_image_turbo_bf16", params))


@settings(max_examples=100, deadline=None)
@given(params=st.fixed_dictionaries({}, optional={"type": VALUES, "model_id": VALUES, "number_of_media": VALUES}))
def test_any_of_the_four_keys(recorded: Any, params: dict[str, Any]) -> None:
    assert_sound(attempt(recorded, "z_image_turbo_bf16", params))


@settings(max_examples=150, deadline=None)
@given(
    prompt=st.fixed_dictionaries(
        {},
        optional={
            "points": st.lists(
                st.fixed_dictionaries({"x": NUMBERS, "y": NUMBERS, "label": st.sampled_from(["positive", "negative"])}),
                max_size=3,
            ),
            "boxes": st.lists(
                st.fixed_dictionaries({"x0": NUMBERS, "y0": NUMBERS, "x1": NUMBERS, "y1": NUMBERS}), max_size=3
            ),
            "text": WORDS,
            "threshold": NUMBERS,
            "multimask": st.booleans(),
            "max_instances": NUMBERS,
        },
    )
)
def test_any_selection(recorded: Any, prompt: dict[str, Any]) -> None:
    outcome = attempt(recorded, "sam3_image_segment_bf16", {"starting_image": True, "sam3_prompt": prompt})
    assert_sound(outcome)
    if isinstance(outcome, JobPlan):
        sent = outcome.message["keyFrames"][0]["sam3Prompt"]  # type: ignore[index]
        assert sent["points"] or sent["boxes"] or sent["text"]
        assert ("multimask" in sent) == bool(sent["points"])
        assert all(box["x0"] < box["x1"] and box["y0"] < box["y1"] for box in sent["boxes"])


@given(width=st.integers(-10, 20_000), height=st.integers(1, 20_000))
def test_sizes_are_inside_or_the_nearest_is(recorded: Any, width: int, height: int) -> None:
    outcome = attempt(recorded, "gpt-image-2", {"width": width, "height": height})
    if isinstance(outcome, ValidationError):
        for problem in outcome.problems:
            assert problem.nearest in (256, 3840)
            assert not 256 <= {"width": width, "height": height}[problem.field] <= 3840
    elif width:
        assert 256 <= min(width, height) <= max(width, height) <= 3840


@given(frames=st.integers(-1000, 1000))
def test_the_nearest_frame_count_is_accepted(recorded: Any, frames: int) -> None:
    outcome = attempt(recorded, "minimax-h3-fl2va-fp8_t2v", {"frames": frames})
    if isinstance(outcome, ValidationError):
        (problem,) = outcome.problems
        assert isinstance(attempt(recorded, "minimax-h3-fl2va-fp8_t2v", {"frames": problem.nearest}), JobPlan)
    else:
        assert (frames - 124) % 17 == 0


@given(
    model_id=st.sampled_from(sorted(model for family in table("video").families for model in family.match.ids)),
    seconds=st.floats(0, 40),
    fps=st.sampled_from([1, 16, 23.976, 24, 25, 29.97, 30, 50, 60]),
)
def test_frames_follow_the_seconds(model_id: str, seconds: float, fps: float) -> None:
    frames = calculate_video_frames(model_id, seconds, fps)
    rule = rule_for("video", model_id).frames
    if rule is not None and rule.grid is not None:
        assert frames in rule.grid
        assert frames_for_audio(model_id, max(seconds, 0.01)) in rule.grid
    else:
        rate = rule.per_second(fps) if rule else fps
        snap = rule.snap if rule else 1
        assert math.isclose(frames, seconds * rate, abs_tol=snap / 2 + 1.5)


@given(data=st.binary(max_size=20), slot=st.sampled_from(["image", "audio", "video"]))
def test_any_first_bytes(data: bytes, slot: str) -> None:
    found = content_type(data, slot)
    assert found is None or found.split("/")[0] in ("image", "audio", "video")
