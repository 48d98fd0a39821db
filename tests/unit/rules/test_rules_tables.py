"""The tables themselves: every model in exactly one row, every parameter known, and a new family is one row."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

import sogni._rules
from codegen import models
from sogni._rules import image, video
from sogni._rules.amounts import Number
from sogni._rules.assets import video_asset_config
from sogni._rules.build import build_job
from sogni._rules.checks import NotBoth
from sogni._rules.clip import Length
from sogni._rules.fields import Choice, Given, Refused
from sogni._rules.frames import FrameRule, calculate_video_frames
from sogni._rules.kinds import is_video_model_id
from sogni._rules.row import Row, positional
from sogni._rules.rule import MEDIA, Family, Layer, ids, rule_for, starts_with, table
from sogni._rules.sizes import Size
from sogni._rules.slots import Slot
from sogni.errors import ApiError, ValidationError
from sogni.types.catalog import ModelOptions
from sogni.types.params import AudioParams, ImageParams, VideoParams

# Modules that hold tables: ids and patterns are data there.
TABLES = {
    "audio",
    "flashvsr",
    "h3",
    "image",
    "ltx",
    "vendor",
    "video",
    "wan",
    "kinds",
    "enhance",
    "row",
    "workflows",
    "native",
    "sam3",
    "verbs",
}


def test_each_known_model_is_in_exactly_one_row(recorded: Any) -> None:
    for model in recorded.models:
        media = "image" if model.media == "model" else model.media
        exact = [
            family.name
            for kind in MEDIA
            for family in table(kind).families
            if model.id in family.match.ids or (family.match.prefixes and family.match(model.id))
        ]
        assert len(exact) <= 1, (model.id, exact)
        rule = rule_for(media, model.id)
        assert rule.media == media
        if media == "video":
            assert len(exact) == 1
            assert rule.known


def _known_ids(recorded: Any) -> set[str]:
    """Every id that the catalogue or a table names."""
    tables = {model_id for media in MEDIA for family in table(media).families for model_id in family.match.ids}
    return tables | {model.id for model in recorded.models}


def test_each_known_id_matches_exactly_one_rule(recorded: Any) -> None:
    """A row that names the id; else a row whose scheme it follows; else the one for what nobody knows."""
    ids_found = _known_ids(recorded)
    assert len(ids_found) > 100
    for model_id in ids_found:
        rows = [(media, family) for media in MEDIA for family in table(media).families if family.match(model_id)]
        named = [row for row in rows if model_id in row[1].match.ids]
        followed = [row for row in rows if row not in named and not row[1].match.everything]
        decisive = named or followed
        assert len(decisive) <= 1, model_id
        for media in MEDIA:
            everything = [family for where, family in rows if where == media and family.match.everything]
            assert len(everything) == 1
            assert everything == [table(media).families[-1]]
            # No row before the decisive one takes its model away.
            wanted = next((family for where, family in decisive if where == media), None)
            if wanted is not None:
                assert table(media).family(model_id) is wanted
                assert rule_for(media, model_id).family == wanted.name
                assert rule_for(media, model_id).known


def test_catalogue_of_the_reference() -> None:
    video = [model_id for family in table("video").families for model_id in family.match.ids]
    assert len(video) == len(set(video)) == 79
    assert len([model_id for family in table("image").families for model_id in family.match.ids]) == 21


@pytest.mark.parametrize("media", MEDIA)
def test_every_parameter_has_one_base_row_and_an_attribute(media: str) -> None:
    names = [name for row in table(media).base.fields for name in row.names]
    assert len(names) == len(set(names))
    retired = {"output_scale", "smart_duration", "wan3_task_type"}
    cls: Any = {"image": ImageParams, "video": VideoParams, "audio": AudioParams}[media]
    attributes = {attribute.name for attribute in attrs.fields(cls)}
    assert attributes == set(names) - retired - {"type"}
    for name in attributes:
        assert name in cls.__doc__


@pytest.mark.parametrize("media", MEDIA)
def test_every_family_stays_inside_the_parameters_of_its_type(media: str) -> None:
    known = table(media).names
    for family in table(media).families:
        example = next(iter(family.match.ids), family.match.prefixes[0] if family.match.prefixes else "unheard-of")
        rows = rule_for(media, example).rows
        assert set(rows.place) == known
        # No row is left over that stands for a parameter of another row.
        assert sum(len(row.names) for row in rows.fields) == len(rows.place)


def test_no_model_id_outside_of_the_tables(recorded: Any) -> None:
    stems = {model.id for model in recorded.models} | {"wan_", "ltx2", "seedance", "minimax", "pixal3d", "kontext"}
    for path in Path(sogni._rules.__file__).parent.glob("*.py"):
        if path.stem in TABLES:
            continue
        tree = ast.parse(path.read_text())
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                assert not [stem for stem in stems if stem in node.value], (path.name, node.value)


def test_a_new_family_is_one_row(
    monkeypatch: pytest.MonkeyPatch, recorded: Any, refused: Callable[..., Any], key: Callable[..., Any]
) -> None:
    row = Family(
        "Brand New",
        ids("flux2_dev_fp8"),
        Layer(
            fields=(
                Size("size_preset", low=64, high=128),
                Choice("gpt_image_quality", wire="quality", options=("fine", "rough")),
                Number("guidance", wire="guidanceScale", low=1, high=2),
            ),
            defaults={"quality": "rough"},
        ),
    )
    monkeypatch.setattr(image, "TABLE", image.TABLE.but(families=(row, *image.TABLE.families)))
    rule_for.cache_clear()
    try:
        assert set(refused("flux2_dev_fp8", width=32, height=64, guidance=3)) == {"width", "guidance"}
        found = key("flux2_dev_fp8", width=64, height=128, guidance="1.5")
        assert (found["width"], found["height"], found["quality"]) == (64, 128, "rough")
        assert found["guidanceScale"] == 1.5
        assert rule_for("image", "flux2_dev_fp8").family == "Brand New"
    finally:
        rule_for.cache_clear()


def test_a_new_video_family_is_one_row_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Order, frames, files, kind and documentation follow from the row; nothing else knows the model."""
    row = Family(
        "Newcomer",
        ids("newcomer-1"),
        Layer(
            fields=(
                Length("duration", low=2, high=4),
                Slot("reference_video", at="media", slot="video", type="clip", flag="hasClip", required=True),
                Refused("reference_audio", must="cannot be used: Newcomer is silent"),
            ),
            checks=(NotBoth("ratio", "shift"),),
            pins={"number_of_media": 1},
            forced={"quiet": True},
            output_format="mov",
            workflow="v2v",
            assets={"reference_video": "required"},
            frames=FrameRule(rate=10, extra=0, snap=4),
        ),
    )
    monkeypatch.setattr(video, "TABLE", video.TABLE.but(families=(row, *video.TABLE.families)))
    rule_for.cache_clear()
    options = ModelOptions(model_id="newcomer-1", type="video")
    order = {"type": "video", "model_id": "newcomer-1", "positive_prompt": "x", "number_of_media": 3}
    try:
        plan = build_job({**order, "duration": 4, "reference_video": b"clip"}, project_id="P", options=options)
        frames: Any = plan.message["keyFrames"]
        frame = frames[0]
        assert (frame["frames"], frame["hasClip"], frame["quiet"]) == (40, True, True)
        assert (plan.output_format, plan.number_of_media, plan.uploads[0].type) == ("mov", 1, "clip")
        wrong = {**order, "duration": 9, "reference_audio": b"x", "ratio": "1:1", "shift": 2}
        with pytest.raises(ValidationError) as caught:
            build_job(wrong, project_id="P", options=options)
        fields = {problem.field for problem in caught.value.problems}
        assert fields == {"duration", "reference_video", "reference_audio", "shift"}
        assert is_video_model_id("newcomer-1")
        assert calculate_video_frames("newcomer-1", 2.3) == 24
        assert video_asset_config("newcomer-1").assets == {"reference_video": "required"}
        text = models.page()
        section = text[text.index("### Newcomer") :].split("\n### ")[0]
    finally:
        rule_for.cache_clear()
    assert "Makes `mov` only. 10 frames per second" in section
    assert "| `reference_video` | required | a video |" in section
    assert "| `duration` | 2 to 4; wins over `frames` | s |" in section
    assert "- `ratio` or `shift`, not both." in section
    assert "Not taken: `reference_audio`." in section


def test_unknown_ids_of_the_catalogue_are_accepted(recorded: Any) -> None:
    from sogni._rules.build import build_job
    from sogni._rules.options import model_options
    from sogni.types.catalog import Model

    tiers = {
        "v": {"type": "video", "fps": {"allowed": [50], "default": 50}, "steps": {"min": 1, "max": 9, "default": 4}},
        "w": {"type": "video"},
        "i": {"type": "image", "steps": {"min": 1, "max": 9, "default": 4}},
        "a": {"type": "audio", "duration": {"min": 5, "max": 9}},
        "odd": {"type": "hologram"},
    }
    models = [Model(id=f"brand-new-{tier}", tier=tier) for tier in tiers]

    def build(tier: str, media: str, **params: Any) -> Any:
        options = model_options(f"brand-new-{tier}", models, tiers)
        base = {"type": media, "model_id": options.model_id, "positive_prompt": "x", "number_of_media": 1}
        return build_job({**base, **params}, project_id="P", options=options)

    plan = build(
        "v",
        "video",
        duration=2,
        width=100,
        height=100,
        steps=99,
        output_format="mov",
        return_last_frame=True,
        reference_image=True,
        reference_video_urls=["https://example.org/v"],
    )
    frame = plan.message["keyFrames"][0]
    assert frame["frames"] == 101
    assert (frame["width"], frame["hasReferenceImage"], plan.output_format) == (100, True, "mov")
    assert plan.warnings == ("steps 99 is outside of what the service lists: 1 to 9.",)
    assert build("w", "video", duration=2).message["keyFrames"][0]["frames"] == 49
    assert build("i", "image", starting_image=True).message["keyFrames"][0]["hasStartingImage"] is True
    assert build("a", "audio", duration=60).warnings == ("duration 60 is outside of what the service lists: 5 to 9.",)
    assert model_options("brand-new-odd", models, tiers).type == "hologram"
    with pytest.raises(ApiError):
        model_options("brand-new-v", models, {})


def test_rows_are_frozen_and_print_what_is_special() -> None:
    row = Number("steps", low=1)
    assert repr(row) == "Number('steps', low=1)" or repr(row) == "Number('steps', wire='steps', low=1)"
    with pytest.raises(AttributeError, match="frozen"):
        row.low = 2  # type: ignore[misc]
    assert row.but(low=2).low == 2
    assert row.low == 1
    assert repr(Family("X", starts_with("x"))).startswith("Family('X', Match(")


def test_rows_refuse_what_they_do_not_know() -> None:
    with pytest.raises(TypeError, match="needs name"):
        Given()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no such attribute"):
        Given("a", "b")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no such attribute"):
        Given("a", hgih=1)  # type: ignore[call-arg]

    class Two(Row):
        """A row of its own."""

        first: str = positional(kw_only=False)
        second: str = positional(kw_only=False)
        third: int = 3

    assert repr(Two("a", "b", third=4)) == "Two('a', 'b', third=4)"
    assert repr(Two("a", second="b")) == "Two('a', 'b')"
