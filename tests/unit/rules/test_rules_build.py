"""The generic walk: keys, problems told together, warnings, uploads, and values nobody expects."""

from __future__ import annotations

import enum
import json
import pathlib
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from sogni._rules.build import JobPlan, Ready, build_job, check_required, early
from sogni._rules.draft import Draft
from sogni._rules.options import options_of
from sogni._rules.values import has_infinite, integer, number, plain, scalar, short, trim, truthy
from sogni.errors import Problem, ValidationError
from sogni.types.params import AudioParams, ImageParams, VideoParams

Z, WAN, H3I = "z_image_turbo_bf16", "wan_v2.2-14b-fp8_t2v", "minimax-h3-fl2va-fp8_i2v"
BASE: dict[str, object] = {"type": "image", "model_id": Z, "positive_prompt": "x", "number_of_media": 1}


def problems(call: Callable[..., object], *args: object, **named: object) -> dict[str, Problem]:
    with pytest.raises(ValidationError) as caught:
        call(*args, **named)
    return {problem.field: problem for problem in caught.value.problems}


# Keys


def test_all_missing_keys_are_named() -> None:
    assert set(problems(check_required, {})) == {"type", "model_id", "positive_prompt", "number_of_media"}
    check_required(dict.fromkeys(BASE))


def test_other_problems_are_told_with_the_missing_keys() -> None:
    assert set(problems(early, {"seed": float("nan"), "nonsense": 1, "positive_prompt": ""})) == {
        "type",
        "model_id",
        "number_of_media",
        "seed",
        "nonsense",
    }


def test_values_are_looked_at_although_something_is_missing() -> None:
    given = {"type": "video", "model_id": WAN, "positive_prompt": "", "duration": 99, "promt": "x"}
    assert set(problems(early, given)) == {"number_of_media", "duration", "promt"}


@pytest.mark.parametrize(
    ("word", "ours"), [("prompt", "positive_prompt"), ("num_inference_steps", "steps"), ("n", "number_of_media")]
)
def test_words_of_other_programs(word: str, ours: str) -> None:
    assert problems(early, {**BASE, word: 1})[word].nearest == ours


def test_misspelt_names_get_the_right_one() -> None:
    found = problems(early, {**BASE, "positivePrompt": "x", "widht": 5, "disableNSFWFilter": True, "zzzzzz": 1})
    assert found["positivePrompt"].nearest == "positive_prompt"
    assert found["widht"].nearest == "width"
    assert found["disableNSFWFilter"].nearest == "disable_nsfw_filter"
    assert found["zzzzzz"].nearest is None
    assert "did you mean width?" in str(found["widht"])


def test_a_flood_of_names_is_not_explained_one_by_one() -> None:
    assert len(problems(early, {**BASE, **{f"junk{n}": n for n in range(5000)}})) == 20


@pytest.mark.parametrize("wrong", ["text", "Image", None, 5, ["image"]])
def test_type_is_one_of_three(wrong: object) -> None:
    assert set(problems(early, {**BASE, "type": wrong})) == {"type"}


def test_type_near_miss() -> None:
    assert problems(early, {**BASE, "type": "Video"})["type"].nearest == "video"


@pytest.mark.parametrize("wrong", [None, 5, object()])
def test_model_id_is_a_text(wrong: object) -> None:
    assert set(problems(early, {**BASE, "model_id": wrong})) == {"model_id"}


def test_model_of_another_type(order: Callable[..., Any]) -> None:
    with pytest.raises(ValidationError, match=r"'seedance-2-0' is for type='video', not 'image'"):
        order("seedance-2-0", type="image")


def test_retired_key_is_video_only() -> None:
    found = problems(early, {**BASE, "type": "video", "model_id": WAN, "output_scale": None})
    assert "retired" in str(found["output_scale"])
    early({**BASE, "output_scale": 2})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, [float("-inf")]], {"a": {"b": float("nan")}}])
def test_numbers_are_finite_everywhere(value: object) -> None:
    assert set(problems(early, {**BASE, "seed": value, "bpm": value})) == {"seed", "bpm"}


def test_texts_may_be_enums() -> None:
    class Kind(str, enum.Enum):
        IMAGE = "image"
        MODEL = Z
        CUSTOM = "custom"

    given = {
        **BASE,
        "type": Kind.IMAGE,
        "model_id": Kind.MODEL,
        "size_preset": Kind.CUSTOM,
        "width": 512,
        "height": 512,
    }
    plan: Any = build_job(given, project_id="P", options=options_of(Z, {}))
    assert json.loads(json.dumps(plan.message))["keyFrames"][0]["modelID"] == Z
    assert (plan.type, plan.model_id) == ("image", Z)
    assert type(plan.message["keyFrames"][0]["sizePreset"]) is str
    json.dumps(build_job({**given, "style_prompt": [Kind.CUSTOM]}, project_id="P", options=options_of(Z, {})).message)


# Problems


def test_everything_is_told_at_once(refused: Callable[..., dict[str, Problem]]) -> None:
    found = refused(
        H3I,
        steps=21,
        fps=25,
        frames=130,
        width=770,
        height=768,
        negative_prompt="no",
        output_format="mpeg4",
        reference_video=True,
        control_net={"strength": 2},
        keyframes=[{"image": True, "frame_index": 900}],
    )
    assert set(found) == {
        "steps",
        "fps",
        "frames",
        "width",
        "negative_prompt",
        "output_format",
        "reference_video",
        "control_net.name",
        "control_net.strength",
        "reference_image",
    }
    assert (found["steps"].nearest, found["steps"].value) == (20, 21)
    assert found["frames"].nearest == 124
    assert found["width"].nearest == 768
    assert found["output_format"].nearest == "mp4"
    assert found["control_net.strength"].nearest == 1
    assert found["reference_image"].allowed == "reference_image or reference_image_end"


def test_problems_teach(refused: Callable[..., dict[str, Problem]]) -> None:
    width = refused(Z, width=4096, height=512)["width"]
    assert str(width) == "width must be a number, 256 to 2560 px, not 4096; nearest: 2560."
    assert (width.allowed, width.value) == ("256 to 2560 px", 4096)
    duration = refused(WAN, duration=11)["duration"]
    assert str(duration) == "duration must be a number, 1 to 10 s, not 11; nearest: 10."
    assert refused(Z, sampler="Euler_ancestrl")["sampler"].nearest == "euler_ancestral"
    assert refused("seedream-5-0-pro-uncensored", width=512, height=512)["width"].nearest == "960 x 960"
    assert refused("seedream-5-0-pro-uncensored", width=4000, height=4000)["width"].nearest == "2048 x 2048"
    assert refused(H3I, reference_image=True, width=1344, height=1344)["width"].nearest == "992 x 992"
    frames = refused(H3I, reference_image=True, frames="150")["frames"]
    assert frames.nearest == 158
    assert "in steps of 17" in str(frames)


def test_no_huge_value_and_no_signed_url_in_a_message(refused: Callable[..., dict[str, Problem]]) -> None:
    found = refused(Z, starting_image="http://example.org/x?signature=secret", sampler="s" * 10_000_000, width=b"x" * 9)
    assert "secret" not in str(found["starting_image"])
    assert len(str(found["sampler"])) < 500
    wide = refused(Z, width=b"x" * 10_000_000, height=5)["width"]
    assert "10000000 bytes" in str(wide)


# Plans


def test_plan(order: Callable[..., JobPlan]) -> None:
    picture = pathlib.Path("somewhere.png")
    plan = order(
        "qwen_image_edit_2511_fp8",
        number_of_media=3,
        context_images=[picture, None, b"abc"],
        control_net={"name": "canny", "image": b"123"},
        seed=None,
    )
    assert (plan.project_id, plan.type, plan.number_of_media, plan.output_format) == ("P", "image", 3, "png")
    assert [(upload.parameter, upload.type, upload.media) for upload in plan.uploads] == [
        ("context_images[0]", "contextImage1", picture),
        ("context_images[2]", "contextImage3", b"abc"),
        ("control_net.image", "cnImage", b"123"),
    ]
    assert "seed" not in plan.params
    assert plan.params["number_of_media"] == 3
    assert "canny" not in repr(plan)
    assert "abc" not in repr(plan.uploads[0])
    assert plan.annotated([None, "image/png", None]) == plan.message


@pytest.mark.parametrize(("given", "count"), [(0, 1), (None, 1), (-2, 1), ("3", 1), (2.0, 2), (True, 1)])
def test_count_of_media(given: object, count: int, order: Callable[..., JobPlan]) -> None:
    assert order(Z, number_of_media=given).number_of_media == count


def test_content_types_are_written_where_they_belong(order: Callable[..., JobPlan]) -> None:
    plan = order("seedance-2-0", reference_image=b"1", reference_audio=b"2", reference_audio_identity=b"3")
    assert [upload.slot for upload in plan.uploads] == ["image", "audio", "audio"]
    frames: Any = plan.annotated(["image/png", None, "audio/wav"])["keyFrames"]
    found = {name: value for name, value in frames[0].items() if "ContentType" in name}
    assert found == {
        "referenceImageContentType": "image/png",
        "referenceAudioIdentityContentType": "audio/wav",
        "referenceAudioContentType": "audio/wav",
    }
    assert not [name for name in plan.message["keyFrames"][0] if "ContentType" in name]  # type: ignore[index]
    frames = plan.annotated(["image/png", "audio/mpeg", "audio/wav"])["keyFrames"]
    assert frames[0]["referenceAudioContentType"] == "audio/mpeg"
    with pytest.raises(ValueError, match="zip"):
        plan.annotated(["image/png"])


def test_files_that_are_something_else(order: Callable[..., JobPlan]) -> None:
    plan = order("seedance-2-0", reference_image=b"1", reference_audio=b"2")
    assert plan.odd_files(["image/webp", "video/mp4"]) == ()
    found = plan.odd_files(["video/mp4", None])
    assert [text.split(" ")[0] for text in found] == ["reference_image", "reference_audio"]
    assert "looks like video/mp4, not image" in found[0]


def test_numbered_uploads(order: Callable[..., JobPlan]) -> None:
    plan = order("minimax-h3-ref2va-fp8_r2v", reference_video=True, reference_videos=[b"1"], reference_audios=[b"2"])
    assert [(upload.parameter, upload.type, upload.id) for upload in plan.uploads] == [
        ("reference_audios[0]", "referenceAudio", "referenceAudio1"),
        ("reference_videos[0]", "referenceVideo", "referenceVideo2"),
    ]


def test_no_two_messages_share_a_list(order: Callable[..., JobPlan]) -> None:
    one, other = order(Z), order(Z)
    one.message["cnVideoFrames"].append(1)  # type: ignore[attr-defined]
    one.message["keyFrames"][0]["siDragOffset"].append(1)  # type: ignore[index]
    assert other.message["cnVideoFrames"] == []
    assert order(Z).message == other.message


def test_what_was_checked_early_is_not_checked_again(order: Callable[..., JobPlan], recorded: Any) -> None:
    from sogni._rules.options import model_options

    ready = early({**BASE, "model_id": "birefnet_image_background_removal_fp16", "starting_image": True})
    assert isinstance(ready, Ready)
    assert ready["output_format"] == "png"
    assert ready.notes == []
    again = early({**ready, "number_of_media": 4})
    assert isinstance(again, Ready)
    assert again.notes == ["number_of_media is always 1 on this model."]
    options = model_options(str(again["model_id"]), recorded.models, recorded.tiers)
    assert build_job(again, project_id="P", options=options).warnings == ("number_of_media is always 1 on this model.",)


def test_client_defaults(recorded: Any) -> None:
    options = options_of(Z, {"type": "image"})
    defaults: dict[str, object] = {"agent_framework": "shop", "agent_framework_version": "1.0"}
    message = build_job(BASE, project_id="P", options=options, app_source="app", attribution=defaults).message
    assert (message["appSource"], message["agentFrameworkVersion"]) == ("app", "1.0")
    assert (message["operationId"], message["operationScope"], message["rootOperationId"]) == ("P", "top_level", "P")
    own = {**BASE, "app_source": "own", "attribution": {"agent_framework": "other", "operation_scope": "child"}}
    message = build_job(own, project_id="P", options=options, app_source="app", attribution=defaults).message
    assert message["appSource"] == "own"
    assert message["agentFramework"] == "other"
    assert "agentFrameworkVersion" not in message
    assert "rootOperationId" not in message
    own["attribution"] = {"agent_framework": "other", "agent_framework_version": "2", "root_operation_id": "r"}
    message = build_job(own, project_id="P", options=options, attribution=defaults).message
    assert (message["agentFrameworkVersion"], message["parentOperationId"]) == ("2", "r")
    for nothing in ({}, {"workload_kind": "bogus"}, {"workload_kind": 5}, "nonsense"):
        assert "operationId" not in build_job({**BASE, "attribution": nothing}, project_id="P", options=options).message


def test_warnings(order: Callable[..., JobPlan]) -> None:
    def warnings(model_id: str, **params: object) -> str:
        return " ".join(order(model_id, **params).warnings)

    assert "width has no effect without the other dimension" in warnings(Z, width=512)
    assert "height has no effect with size_preset 'square'" in warnings(Z, size_preset="square", height=512)
    assert "width has no effect without the other dimension" in warnings(WAN, width=512)
    assert "starting_image_strength has no effect without starting_image" in warnings(Z, starting_image_strength=0.5)
    assert "steps 99 is outside" in warnings(Z, steps=99)
    assert "output_format 'gif' may be refused" in warnings(Z, output_format="gif")
    assert warnings(Z, output_format="jpg") == ""
    assert warnings(Z, steps="many") == ""
    assert "duration is no parameter of image projects" in warnings(Z, duration=5)
    assert warnings(Z, duration=None) == ""
    assert "negative_prompt is not used by this model" in warnings("seedance-2-0", negative_prompt="x")
    assert "sampler is not offered" in warnings("rtx_vsr_pro", sampler="euler")
    assert "did you mean strength?" in warnings("coreml-sogni_artist_v1_768", control_net={"name": "x", "strenght": 1})
    assert "control_net.5 is not known" in warnings("coreml-sogni_artist_v1_768", control_net={"name": "x", 5: 1})
    assert "inpaint" in warnings(
        "ltx23-22b-fp8_v2v_distilled", reference_video=True, reference_mask=True, control_net={"name": "pose"}
    )


# Values


class Odd:
    """What compares and prints badly, as arrays and some models of other libraries do."""

    def __bool__(self) -> bool:
        raise TypeError("ambiguous")

    def __eq__(self, other: object) -> bool:
        raise TypeError("ambiguous")

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        raise TypeError("no repr")


class OneFlag:
    """A boolean the way array libraries have it."""

    shape = ()

    def item(self) -> bool:
        return True


def test_foreign_media_are_media(order: Callable[..., JobPlan]) -> None:
    odd = Odd()
    assert order(Z, starting_image=odd).uploads[0].media is odd
    assert "appSource" not in order(Z, attribution=odd).message
    assert order("qwen_image_edit_2511_fp8", context_images=[odd, odd]).uploads[1].parameter == "context_images[1]"


@pytest.mark.parametrize("name", ["sampler", "seed", "width", "size_preset", "loras", "control_net", "output_format"])
def test_foreign_values_are_refused(name: str, refused: Callable[..., dict[str, Problem]]) -> None:
    found = refused(Z, **{"height": 512, name: Odd()})
    assert set(found) == {name}
    assert name == "control_net" or "Odd" in str(found[name])


@pytest.mark.parametrize(
    "name", ["frames", "duration", "fps", "keyframes", "steps", "negative_prompt", "extend_output"]
)
def test_foreign_values_are_refused_by_video_rules(name: str, refused: Callable[..., dict[str, Problem]]) -> None:
    assert name in refused(H3I, reference_image=True, **{name: Odd()})


def test_numbers_of_other_libraries(key: Callable[..., Any]) -> None:
    found = key(Z, width=Decimal("512"), height=Fraction(1025, 2), steps=Fraction(8), guidance=Decimal("1.5"))
    assert (found["width"], found["height"], found["steps"], found["guidanceScale"]) == (512, 512.5, 8, 1.5)
    json.dumps(found)


def test_numpy_numbers(key: Callable[..., Any], refused: Callable[..., dict[str, Problem]]) -> None:
    numpy = pytest.importorskip("numpy")
    found = key(H3I, reference_image=True, width=numpy.int64(768), height=numpy.int32(768), steps=numpy.float32(20))
    assert (found["width"], found["steps"]) == (768, 20)
    json.dumps(found)
    assert "disableSafety" not in key(Z, disable_nsfw_filter=numpy.bool_(False))
    assert set(refused(Z, seed=numpy.float32("nan"), steps=numpy.zeros(3))) == {"seed", "steps"}
    assert key(Z, starting_image=numpy.zeros((2, 2)))["hasStartingImage"] is True
    assert key("birefnet_image_background_removal_fp16", starting_image=True, apply_mask=numpy.bool_(True))["applyMask"]


def test_deep_and_endless_values(refused: Callable[..., dict[str, Problem]]) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    assert set(refused(Z, seed=deep, loras=endless)) == {"seed", "loras"}
    assert set(refused(Z, seed={1: 2}, steps=10**400)) == {"seed", "steps"}
    assert set(refused(Z, width="1" * 5000, height=512)) == {"width"}


def test_values() -> None:
    assert trim("\ufeff x \u3000") == "x"
    assert trim("\x85x\x1c") == "\x85x\x1c"
    assert [truthy(value) for value in (memoryview(b""), memoryview(b"x"), {}, (), "0", 0.0, Decimal(0), object())] == [
        False,
        True,
        False,
        False,
        True,
        False,
        False,
        True,
    ]
    assert [number(text) for text in (" 5 ", "-.5", "1e3", "0x10", "1_0", "inf", "", "５")] == [
        5,
        -0.5,
        1000,
        None,
        None,
        None,
        None,
        None,
    ]
    assert number("5", text=False) is None
    assert number("1e999") is None
    assert [integer(value, whole_float=True) for value in (5.0, 5.5, "5", True, None)] == [5, None, None, None, None]
    assert plain(OneFlag()) is True
    assert scalar(Decimal("nan")) != scalar(Decimal("nan"))
    assert scalar(Decimal("sNaN")).is_snan()  # type: ignore[attr-defined]
    assert plain({"a": (1, None, True, 2.5, "x")}) == {"a": [1, None, True, 2.5, "x"]}
    assert not has_infinite({"a": [1.0, "nan"]})
    assert short("x" * 500).count("x") < 70
    assert short(Odd()).startswith("<Odd instance")


def test_nested_drafts_share_problems(recorded: Any) -> None:
    draft = Draft({}, options_of("x", {"type": "image"}))
    draft.inside("a", {}).inside("b", {}).refuse("c", "is wrong")
    assert [problem.field for problem in draft.problems] == ["a.b.c"]


# Parameter classes


def test_parameter_classes() -> None:
    given = ImageParams(
        "a fox", width=512, height=512, starting_image=b"1" * 1000, context_images=["https://x/y?sig=1"]
    )
    assert given.as_params() == {
        "type": "image",
        "positive_prompt": "a fox",
        "number_of_media": 1,
        "width": 512,
        "height": 512,
        "starting_image": b"1" * 1000,
        "context_images": ["https://x/y?sig=1"],
    }
    assert "1111" not in repr(given)
    assert "sig=" not in repr(given)
    assert repr(ImageParams("a fox", model_id=Z)) == (
        f"ImageParams(positive_prompt='a fox', model_id='{Z}', number_of_media=1)"
    )
    video = VideoParams("x", keyframes=[{"image": b"12", "frame_index": 5}])
    assert repr(video).endswith("keyframes=[{'image': <2 bytes>, 'frame_index': 5}])")
    assert VideoParams().as_params()["type"] == "video"
    assert AudioParams("song", duration=30).as_params() == {
        "type": "audio",
        "positive_prompt": "song",
        "number_of_media": 1,
        "duration": 30,
    }
    assert ImageParams("a") == ImageParams("a")
    with pytest.raises(TypeError):
        ImageParams("a", "b")  # type: ignore[call-arg]
    early({**ImageParams("x", model_id=Z).as_params()})
