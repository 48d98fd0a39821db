"""What verbs order: the model that is chosen, what is filled in, where texts and files go, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from sogni._rules import quote
from sogni._rules.build import build_job
from sogni._rules.options import model_options
from sogni._rules.rule import rule_for
from sogni._rules.verbs import QUALITIES, VERBS, choose, way
from sogni._rules.wishes import kind_of, wish
from sogni.errors import ModelNotAvailable, TooExpensive, ValidationError
from sogni.types.account import CostEstimate
from sogni.types.catalog import SizePreset

PICTURE = b"\x89PNG\r\n\x1a\n...."
CLIP = b"\0\0\0\x20ftypisom"
PRESETS = [
    SizePreset(id="square", label="Square", width=1024, height=1024),
    SizePreset(id="square_hd", label="Square HD", width=2048, height=2048),
]

# What each way of each verb is called with: (text and file), keywords.
CALLS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "image": ("image", {"text": "a fox"}, {}),
    "edit": ("edit", {"text": "at night", "media": PICTURE}, {}),
    "video from references": ("video", {"text": "waves"}, {"context_images": [PICTURE]}),
    "video from a video": ("video", {"text": "waves"}, {"reference_video": CLIP}),
    "video from picture and sound": ("video", {"text": "a"}, {"reference_image": PICTURE, "reference_audio": b"ID3"}),
    "video from a sound": ("video", {"text": "waves"}, {"reference_audio": b"ID3"}),
    "video from a picture": ("video", {"text": "waves"}, {"reference_image_end": PICTURE}),
    "video": ("video", {"text": "waves"}, {}),
    "music": ("music", {"text": "calm piano"}, {}),
    "speech in a voice": ("speech", {"text": "Hello."}, {"reference_audio": b"ID3"}),
    "speech": ("speech", {"text": "Hello."}, {}),
    "upscale a video": ("upscale", {"media": CLIP}, {}),
    "upscale a picture": ("upscale", {"media": PICTURE}, {}),
    "segment by a text": ("segment", {"media": PICTURE, "text": "the dog"}, {}),
    "segment": ("segment", {"media": PICTURE}, {}),
    "model3d of several sides": ("model3d", {"media": PICTURE}, {"back_view_image": PICTURE}),
    "model3d": ("model3d", {"media": PICTURE}, {}),
}


def ordered(recorded: Any, verb: str, quality: str = "balanced", model: str | None = None, **call: Any) -> Any:
    """The keywords of `create`, which takes them."""
    keywords = call.pop("keywords", {})
    asked = wish(verb, quality=quality, model=model, keywords=keywords, **call)
    asked.refuse_now()
    name = model or choose(verb, asked.way, asked.quality, recorded.models, recorded.tiers, asked=asked.given)
    options = model_options(name, recorded.models, recorded.tiers)
    params = asked.order(options, PRESETS)
    build_job(params, project_id="P", options=options)
    return params


def problems(recorded: Any, *call: Any, **more: Any) -> dict[str, str]:
    """What is wrong, by field."""
    with pytest.raises(ValidationError) as caught:
        ordered(recorded, *call, **more)
    return {problem.field: problem.message for problem in caught.value.problems}


# The table


def test_every_way_has_a_call_here() -> None:
    taken = {way(verb, _known(verb, call, keywords)) for verb, call, keywords in CALLS.values()}
    assert taken == {row for rows in VERBS.values() for row in rows}


def _known(verb: str, call: dict[str, Any], keywords: dict[str, Any]) -> set[str]:
    words = {"a text"} if "text" in call else set()
    return {*keywords, *words, *({"a video"} if verb == "upscale" and call["media"] is CLIP else ())}


@pytest.mark.parametrize("name", CALLS)
def test_every_candidate_takes_what_the_verb_sends(recorded: Any, name: str) -> None:
    verb, call, keywords = CALLS[name]
    row = wish(verb, **call, keywords=keywords).way
    listed = {model.id for model in recorded.models}
    for quality in QUALITIES:
        assert set(row.candidates(quality)) <= listed
        for model in row.candidates(quality):
            params = ordered(recorded, verb, quality, model, **call, keywords=keywords)
            options = model_options(model, recorded.models, recorded.tiers)
            plan = build_job(params, project_id="P", options=options)
            assert plan.warnings == ()
            assert plan.type == row.type


def test_models_of_outside_vendors_are_chosen_by_name_only() -> None:
    vendors = ("seedance", "happyhorse", "wan3", "gpt-image", "seedream")
    models = {model for rows in VERBS.values() for row in rows for model in row.candidates("best")}
    assert [model for model in models if model.startswith(vendors)] == []


@pytest.mark.parametrize(
    ("verb", "quality", "model"),
    [
        ("image", "fast", "z_image_turbo_bf16"),
        ("image", "balanced", "krea2_turbo_fp8_scaled"),
        ("image", "best", "qwen_image_2512_fp8"),
        ("video", "fast", "wan_v2.2-14b-fp8_t2v_lightx2v"),
        ("video", "balanced", "ltx23-22b-fp8_t2v_distilled"),
        ("speech", "best", "qwen3_tts_1.7b_custom_voice_bf16"),
    ],
)
def test_the_first_one_listed_is_chosen(recorded: Any, verb: str, quality: str, model: str) -> None:
    assert ordered(recorded, verb, quality, text="a fox")["model_id"] == model


def test_one_that_is_not_listed_is_passed_over(recorded: Any) -> None:
    row = VERBS["image"][0]
    models = [model for model in recorded.models if model.id != row.balanced[0]]
    assert choose("image", row, "balanced", models, recorded.tiers) == row.balanced[1]
    only_best = [model for model in recorded.models if model.id == "z_image_bf16"]
    assert choose("image", row, "fast", only_best, recorded.tiers) == "z_image_bf16"
    with pytest.raises(ModelNotAvailable, match="no model that image would choose"):
        choose("image", row, "balanced", [], recorded.tiers)


def test_one_with_workers_is_preferred_when_the_counts_are_known(recorded: Any) -> None:
    row = VERBS["image"][0]

    def chosen(workers: dict[str, int]) -> str:
        return choose("image", row, "balanced", recorded.models, recorded.tiers, workers=workers)

    assert chosen({row.balanced[1]: 3, "something_else": 9}) == row.balanced[1]
    assert chosen({row.balanced[0]: 0, "qwen_image_2512_fp8": 1}) == "qwen_image_2512_fp8"
    assert chosen({"something_else": 9}) == row.balanced[0]
    assert chosen({}) == row.balanced[0]


def test_one_that_advertises_what_is_asked_for_is_preferred(recorded: Any) -> None:
    def chosen(**keywords: Any) -> Any:
        return ordered(recorded, "music", "best", text="calm", keywords=keywords)["model_id"]

    assert chosen(duration=200) == "minimax_music3"
    assert chosen(duration=400) == "ace_step_1.5_xl_sft"
    assert chosen(duration=9000) == "minimax_music3"  # nobody does, so the service says no
    assert chosen(duration="long") == "minimax_music3"


def test_a_model_by_name_takes_its_own_way(recorded: Any) -> None:
    params = ordered(recorded, "segment", model="birefnet_image_background_removal_fp16", media=PICTURE, cutout=True)
    assert params["apply_mask"] is True
    assert params["positive_prompt"] == ""
    found = problems(recorded, "segment", model="sam3_image_segment_bf16", media=PICTURE)
    assert set(found) == {"sam3_prompt"}


# What is filled in


def test_defaults_are_those_of_the_catalogue_and_give_way(recorded: Any) -> None:
    params = ordered(recorded, "video", text="waves")
    assert {name: params[name] for name in ("steps", "guidance", "width", "height")} == {
        "steps": 8,
        "guidance": 1,
        "width": 1280,
        "height": 768,
    }
    params = ordered(recorded, "video", text="waves", size="640x480", keywords={"steps": 5, "guidance": None})
    assert {name: params[name] for name in ("steps", "guidance", "width", "height")} == {
        "steps": 5,
        "guidance": 1,
        "width": 640,
        "height": 480,
    }
    assert "height" not in ordered(recorded, "video", text="waves", keywords={"width": 640})
    assert ordered(recorded, "music", text="calm")["duration"] == 30
    assert "duration" not in ordered(recorded, "speech", text="Hello.")


@pytest.mark.parametrize(
    ("quality", "given", "sent"),
    [
        ("balanced", {}, {"upscale_resolution": 1080}),
        ("fast", {}, {"upscale_resolution": 1080, "processing_speed": "faster"}),
        ("best", {}, {"upscale_resolution": 1440}),
        ("best", {"upscale_resolution": 1080}, {"upscale_resolution": 1080}),
        ("best", {"width": 1920, "height": 1080}, {"width": 1920, "height": 1080}),
    ],
)
def test_how_large_a_video_becomes(recorded: Any, quality: str, given: dict[str, Any], sent: dict[str, Any]) -> None:
    params = ordered(recorded, "upscale", quality, media=CLIP, keywords=given)
    shown = ("upscale_resolution", "processing_speed", "width", "height")
    assert {name: params[name] for name in shown if name in params} == sent


@pytest.mark.parametrize(
    ("size", "sent"),
    [
        ("1024x768", {"width": 1024, "height": 768}),
        (" 1024 X 768 ", {"width": 1024, "height": 768}),
        ("640×480", {"width": 640, "height": 480}),
        ((512, 640), {"width": 512, "height": 640}),
        ([512, 640], {"width": 512, "height": 640}),
        ("square_hd", {"size_preset": "square_hd"}),
        ("Square HD", {"size_preset": "square_hd"}),
    ],
)
def test_sizes(recorded: Any, size: object, sent: dict[str, object]) -> None:
    params = ordered(recorded, "image", text="a fox", size=size)
    assert {name: params[name] for name in ("width", "height", "size_preset") if name in params} == sent


@pytest.mark.parametrize("size", ["", " ", (1, 2, 3), (0, 5), (1.5, 2), (True, 512), 1024, b"1x1"])
def test_what_is_no_size(recorded: Any, size: object) -> None:
    assert "WIDTHxHEIGHT" in problems(recorded, "image", text="a fox", size=size)["size"]


def test_a_name_that_is_no_size_of_the_model(recorded: Any) -> None:
    text = problems(recorded, "image", text="a fox", size="sqare_hd")["size"]
    assert "takes square, square_hd or WIDTHxHEIGHT" in text
    assert text.endswith("nearest: square_hd.")
    assert "preset" not in problems(recorded, "video", text="waves", size="square")["size"]


# Where texts and files go


@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("qwen_image_edit_2511_fp8", "context_images"),
        ("krea2_identity_edit_v1_2", "context_images"),
        ("flux1-dev-kontext_fp8_scaled", "context_images"),
        ("gpt-image-2", "context_images"),
        ("flux3_image_klein_sd_int8_convrot", "context_images"),
        ("krea2_turbo_fp8_scaled", "starting_image"),
        ("coreml-albedobaseXL_v31Large", "starting_image"),
        ("a-model-of-tomorrow", "starting_image"),
    ],
)
def test_the_rule_says_where_pictures_to_edit_go(model: str, place: str) -> None:
    assert rule_for("image", model).edits == place


def test_pictures_to_edit(recorded: Any) -> None:
    both = ordered(recorded, "edit", text="a", media=[PICTURE, CLIP])
    assert both["context_images"] == [PICTURE, CLIP]
    single = ordered(recorded, "edit", model="z_image_turbo_bf16", text="a", media=PICTURE)
    assert single["starting_image"] == PICTURE
    found = problems(recorded, "edit", model="z_image_turbo_bf16", text="a", media=[PICTURE, CLIP])
    assert found == {"images": "images has 2 entries: z_image_turbo_bf16 takes 1 picture."}
    found = problems(recorded, "edit", text="a", media=[PICTURE] * 2, keywords={"context_images": [CLIP]})
    assert "given twice" in found["context_images"]
    found = problems(recorded, "edit", text="a", media=[PICTURE] * 4)
    assert "at most 3" in found["context_images"]


def test_a_text_to_find_is_added_to_what_else_is_asked(recorded: Any) -> None:
    params = ordered(
        recorded, "segment", media=PICTURE, text="dog", cutout=True, keywords={"sam3_prompt": {"threshold": 0.2}}
    )
    assert params["sam3_prompt"] == {"text": "dog", "apply_mask": True, "threshold": 0.2}
    points = {"points": [{"x": 0.5, "y": 0.5, "label": "positive"}]}
    params = ordered(recorded, "segment", media=PICTURE, keywords={"sam3_prompt": points})
    assert params["sam3_prompt"] == points
    assert params["model_id"].startswith("sam3")


class File(BytesIO):
    name = "holiday.MOV"


@pytest.mark.parametrize(
    ("media", "kind"),
    [
        ("clip.mp4", "video"),
        (Path("a/CLIP.WebM"), "video"),
        ("photo.JPG", "image"),
        ("https://example.com/clip.mp4?sig=a.png", "video"),
        ("what?.png", "image"),
        (b"\x89PNG....", "image"),
        (CLIP, "video"),
        (bytearray(b"\xff\xd8\xff\xe0"), "image"),
        (SimpleNamespace(mode="RGB", size=(1, 1)), "image"),
        (SimpleNamespace(kind="video"), "video"),
        (SimpleNamespace(kind="image"), "image"),
        (SimpleNamespace(kind="audio"), None),
        (File(), "video"),
        (BytesIO(), None),
        ("noname", None),
        (b"", None),
        (b"ID3", None),
        (True, None),
        (5, None),
    ],
)
def test_what_a_file_is(media: object, kind: str | None) -> None:
    assert kind_of(media) == kind


# What is refused


def test_everything_wrong_is_told_at_once(recorded: Any) -> None:
    found = problems(
        recorded,
        "image",
        "bst",
        text=None,
        size=5,
        keywords={"sede": 1, "model_id": "x", "number_of_media": 2, "output_format": float("inf")},
    )
    assert set(found) == {"quality", "prompt", "size", "sede", "model_id", "number_of_media", "output_format"}
    assert found["quality"].endswith("nearest: 'best'.")
    assert "did you mean seed" in found["sede"]
    assert "called model" in found["model_id"]
    found = problems(recorded, "image", text="a fox", size="sqare", keywords={"sampler": "nonsense"})
    assert set(found) == {"size", "sampler"}


@pytest.mark.parametrize(
    ("verb", "call", "field"),
    [
        ("image", {"text": " "}, "prompt"),
        ("image", {"text": 5}, "prompt"),
        ("speech", {"text": ""}, "text"),
        ("edit", {"text": "a", "media": []}, "images"),
        ("edit", {"text": "a"}, "images"),
        ("upscale", {"media": b"?"}, "kind"),
        ("upscale", {"media": "a.png", "kind": "movie"}, "kind"),
        ("upscale", {}, "media"),
        ("segment", {"media": PICTURE, "text": 5}, "what"),
        ("segment", {"media": PICTURE, "keywords": {"starting_image": PICTURE}}, "starting_image"),
        ("model3d", {"media": None}, "image"),
        ("image", {"text": "a", "model": 5}, "model"),
        ("image", {"text": "a", "size": "9x9", "keywords": {"width": 5}}, "size"),
        ("image", {"text": "a", "size": "100x100"}, "width"),
    ],
)
def test_what_is_wrong_is_named_as_the_verb_names_it(
    recorded: Any, verb: str, call: dict[str, Any], field: str
) -> None:
    assert field in problems(recorded, verb, **call)


# What it would cost


@pytest.mark.parametrize("name", CALLS)
def test_an_estimate_for_every_way(recorded: Any, name: str) -> None:
    verb, call, keywords = CALLS[name]
    params = ordered(recorded, verb, **call, keywords=keywords)
    options = model_options(params["model_id"], recorded.models, recorded.tiers)
    if params["model_id"].startswith("flashvsr"):
        with pytest.raises(ValidationError, match="depends on the video"):
            quote.settled(params, options)
        return
    settled = quote.settled(params, options)
    build_job(settled, project_id="P", options=options)
    asked = quote.quote(settled, options, presets=PRESETS)
    assert f"/{params['model_id']}/" in asked.path
    assert "/spark/" in asked.path


def test_an_estimate_counts_what_was_asked_for(recorded: Any) -> None:
    def path(verb: str, **call: Any) -> str:
        params = ordered(recorded, verb, **call)
        options = model_options(params["model_id"], recorded.models, recorded.tiers)
        return quote.quote(quote.settled(params, options), options, presets=PRESETS).path

    assert path("image", text="a", size="square_hd").endswith("/1/8/0/0/0/2048/2048")
    assert "/1280/768/49/24/8/1" in path("video", text="a", keywords={"duration": 2})
    assert "/1280/768/121/24/8/1" in path("video", text="a")
    assert path("music", text="a", keywords={"duration": 60}).endswith("/60/8/1")
    assert path("speech", text="a" * 140).endswith("/10.0/1/1") or path("speech", text="a" * 140).endswith("/10/1/1")


def test_what_a_price_depends_on_is_ordered_as_well(recorded: Any) -> None:
    params = ordered(recorded, "video", text="waves")
    options = model_options(params["model_id"], recorded.models, recorded.tiers)
    assert "frames" not in params
    assert quote.settled(params, options) == {**params, "token_type": "spark", "frames": 121}
    given = {**params, "token_type": "sogni", "duration": 2}
    assert quote.settled(given, options) == given
    silent = attrs.evolve(options, tier={})
    assert quote.settled(params, silent)["duration"] == 5


def test_the_limit() -> None:
    cost = CostEstimate(token=Decimal("2.50"), usd=Decimal(1), spark=Decimal("2.5"), sogni=Decimal(1))
    quote.check(cost, "spark", Decimal("2.5"))
    with pytest.raises(TooExpensive, match=r"cost 2\.5 spark, more than the limit of 2\.") as caught:
        quote.check(cost, "spark", Decimal("2"))
    assert (caught.value.cost, caught.value.max_cost, caught.value.code) == (cost, Decimal("2"), "max_cost")


@pytest.mark.parametrize("value", ["a lot", "NaN", float("inf"), -1, True, "", [1]])
def test_what_is_no_limit(recorded: Any, value: object) -> None:
    assert "must be a number" in problems(recorded, "image", text="a fox", max_cost=value)["max_cost"]


@pytest.mark.parametrize("value", [0, 5, 0.1, "2.5", Decimal("3")])
def test_what_is_a_limit(value: Any) -> None:
    assert wish("image", text="a fox", keywords={}, max_cost=value).limit == Decimal(str(value))
