"""What the rows say about themselves: every word of the tables has something to say, and says what it checks."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from codegen import models, pages
from sogni._rules.about import About, code
from sogni._rules.amounts import Exactly, Integer, Inverted, MediaCount, Number
from sogni._rules.checks import (
    Accompanied,
    AnyOf,
    Apart,
    Check,
    Conflict,
    Needs,
    NotBoth,
    OneOf,
    Ordered,
    PromptOr,
    Task,
    Total,
)
from sogni._rules.clip import Hints, Keyframes, KeyframesInside, Length, Resolution, SourceLength
from sogni._rules.fields import Choice, Dropped, Field, Flag, FromTier, Given, Ignored, Not, Refused, Truth
from sogni._rules.frames import ANY_OTHER, FrameRule, Grid
from sogni._rules.mask import MaskUrl
from sogni._rules.nested import Items, Record, Tagged, required
from sogni._rules.rule import MEDIA, rule_for, table
from sogni._rules.sam3 import PointsWithBoxes
from sogni._rules.sizes import Canvas, Pair, Size
from sogni._rules.slots import Numbered, OnlyWhen, Pictures, Slot
from sogni._rules.texts import Blank, Hash, HttpsUrl, JsonText, Text, Urls

SLOT = Slot("x", type="t", flag="f")
POINT = Record("point", fields=(required(Number("x", low=0, high=1)), Given("label")))

# Row -> use, what is allowed, unit; for rows of several parameters, of the last one.
ROWS: list[tuple[Field, str, str, str]] = [
    (Ignored("x"), "value", "", ""),
    (Dropped("x"), "unused", "", ""),
    (Given("x"), "value", "", ""),
    (Given("x", usual=("a", "b")), "value", "`a`, `b`", ""),
    (Truth("x"), "value", "`True`", ""),
    (Number("x", low=0, high=1, unit="s"), "value", "0 to 1", "s"),
    (Number("x"), "value", "any number", ""),
    (Inverted("x", low=0, high=1, only_with="y"), "value", "0 to 1", ""),
    (Integer("x", low=32, high=64, every=16, unit="px"), "value", "whole, 32 to 64 in steps of 16", "px"),
    (Exactly("x", value=24), "value", "`24`", ""),
    (MediaCount("x"), "value", "from 1", ""),
    (MediaCount("x", only=1), "value", "`1`", ""),
    (Choice("x", options=("a", "b")), "value", "`a`, `b`", ""),
    (Flag("x"), "value", "`True`, `False`", ""),
    (Flag("x", only=False), "value", "`False`", ""),
    (Not("x", value=False, why="here"), "value", "not `False`", ""),
    (Refused("x", must="is for others only"), "refused", "is for others only", ""),
    (FromTier("x"), "value", "a name that the catalogue lists for the model", ""),
    (JsonText("x"), "value", "lists and objects", ""),
    (Text("x", longest=9), "value", "1 to 9 characters", ""),
    (Hash("x"), "value", "64 hexadecimal digits", ""),
    (Blank("x"), "refused", "this model takes none", ""),
    (Urls("x"), "value", "a list of URLs", ""),
    (HttpsUrl("x"), "value", "a URL that starts with `https://`", ""),
    (MaskUrl("x"), "value", "a URL, or a PNG as `data:` URL", ""),
    (Pair("width", low=480), "value", "at least 480; both or neither", "px"),
    (
        Canvas("width", edge=Integer("width", low=32, high=64, every=32), pixels=2048),
        "value",
        "whole, 32 to 64 in steps of 32; both or neither, 2048 pixels in all at most",
        "px",
    ),
    (
        Size("size_preset", low=1, high=9, area=(4, 16), ratio=2),
        "value",
        "1 to 9; width times height 4 to 16; 2 to 1 at most",
        "px",
    ),
    (Length("duration", low=1, high=10, frames=Integer("frames", low=9, high=90)), "value", "whole, 9 to 90", ""),
    (SourceLength("duration"), "value", "whole, at least 1; wins over `duration`", ""),
    (Resolution("x", options=(1, 2)), "value", "`1`, `2`, or else the shorter of width and height", "px"),
    (Keyframes("x", most=8), "file", "a list of at most 8 objects of `image` and `frame_index`", ""),
    (
        Hints("x", of=("y",), low=2, high=15),
        "value",
        "a list, each 2 to 15, 15 together at most; one for each video",
        "s",
    ),
    (SLOT, "file", "a picture", ""),
    (SLOT.but(slot="video"), "file", "a video", ""),
    (Pictures("x", most=0), "refused", "this model takes none", ""),
    (Pictures("x", most=3), "file", "at most 3 pictures", ""),
    (Pictures("x", most=None), "file", "a list of pictures", ""),
    (Numbered("x", more="xs", stem="s", slot="audio"), "file", "a list of further ones", ""),
    (
        OnlyWhen("x", parameter="p", key="k", value="v", then=SLOT),
        "file",
        "a picture, with `p` of `k='v'` only",
        "",
    ),
    (POINT, "value", "an object: `x` (required) 0 to 1; `label`", ""),
    (Items("x", of=POINT, most=2), "value", "a list of at most 2 objects (`x` (required) 0 to 1; `label`)", ""),
    (
        Tagged("x", tag="kind", kinds={"p": POINT}),
        "value",
        "an object, for `kind='p'`: `x` (required) 0 to 1; `label`",
        "",
    ),
    (required(Number("x", low=0, high=1)), "value", "0 to 1", ""),
]

CHECKS: list[tuple[Check, str]] = [
    (NotBoth("a", "b"), "`a` or `b`, not both."),
    (Needs("a", ("b", "c")), "`a` only together with `b` or `c`."),
    (Needs("a", ("b",), equal_to="v"), "`a='v'` only together with `b`."),
    (OneOf("a", ("v", "w"), needed_by="b"), "`b` only with `a` `v` or `w`."),
    (Conflict("a", "v", "b", "w"), "`a='v'` not with `b='w'`."),
    (Ordered("a", "b"), "`a` is smaller than `b`."),
    (AnyOf(("a", "b"), "say something"), "At least one of `a`, `b`: say something."),
    (Total("things", ("a", "b"), low=1), "At least 1 things in all, counting `a`, `b`."),
    (Total("things", ("a",), low=1, high=9), "At least 1 and at most 9 things in all, counting `a`."),
    (
        Total("things", ("a",), high=9, together=("b", "c")),
        "At most 9 things in all, counting `a`, `b`, `c`; `b` and `c` count as one.",
    ),
    (Total("things", ("a",), low=0, high=0), "No things: `a`."),
    (Apart(("a",), ("b", "c"), "one or the other"), "`a` not together with `b` or `c`: one or the other."),
    (Accompanied(("a",), ("b",), "company"), "`a` needs company: `b`."),
    (PromptOr(("a",)), "`positive_prompt` may be blank only with one of `a`."),
    (
        Task("t", loose=("a",), anchors=("b",), needs={"edit": ("a",)}),
        "`t` is required with `a`, and excludes `b`; `edit` needs `a`.",
    ),
    (KeyframesInside(), "`keyframes` stand inside the clip, each at a frame of its own."),
    (
        PointsWithBoxes(),
        "`points` refine one positive box at most, and only they bring several masks (`multimask`).",
    ),
]


@pytest.mark.parametrize(("row", "use", "allowed", "unit"), ROWS, ids=lambda value: type(value).__name__)
def test_a_row(row: Field, use: str, allowed: str, unit: str) -> None:
    about = row.about[-1]
    assert (about.use, about.allowed, about.unit) == (use, allowed, unit)
    assert {entry.name for entry in row.about} == set(row.names)


def _kinds(cls: Any) -> set[Any]:
    return {cls, *(kind for child in cls.__subclasses__() for kind in _kinds(child))}


def test_every_word_of_the_tables_is_here() -> None:
    ours = {kind for kind in _kinds(Field) - {Field} if kind.__module__.startswith("sogni.")}
    assert ours == {type(row) for row, *_ in ROWS}
    ours = {kind for kind in _kinds(Check) - {Check} if kind.__module__.startswith("sogni.")}
    assert ours == {type(check) for check, _ in CHECKS}


@pytest.mark.parametrize(("check", "sentence"), CHECKS, ids=lambda value: type(value).__name__)
def test_a_condition(check: Check, sentence: str) -> None:
    assert check.about == sentence
    assert check.never == (("a",) if sentence.startswith("No ") else ())


def test_what_is_needed_and_what_is_fixed() -> None:
    assert required(Given("x")).about == (About("x", required=True),)
    assert SLOT.but(required=True).about[0].required
    assert Resolution("x", options=(1,)).about[0].required
    assert Record("x", fields=(), required=True).about[0].required
    assert Exactly("x", value=24).about[0].fixed == 24
    assert Length("duration").about[0] == About("duration", allowed="wins over `frames`", unit="s")
    assert Length("duration", low=124 / 24, high=362 / 24).about[0].allowed.startswith("5.167 to 15.08;")
    assert len({About("x"), About("x"), About("y")}) == 2
    assert code((1, "b"), " or ") == "`1` or `b`"


def test_how_seconds_become_frames() -> None:
    assert ANY_OTHER.about == "As many frames as `fps` says (24 when not given), and 1 more at the end."
    assert FrameRule(rate=16, snap=8, extra=0).about == "16 frames per second, whatever `fps` says, in steps of 8."
    grid = FrameRule(rate=24, extra=0, grid=Grid(base=124, step=17, last=362))
    assert grid.about == "24 frames per second; a clip has 124, 141, ... or 362 of them."


@pytest.mark.parametrize("media", MEDIA)
def test_every_family_says_something_about_every_parameter(media: str) -> None:
    cls: Any = models.PARAMS[media]
    names = {attribute.name for attribute in attrs.fields(cls)}
    for family in table(media).families:
        example = [*family.match.ids, *family.match.prefixes, *family.match.parts, models.UNHEARD_OF][0]
        rule = rule_for(media, example)
        told = {about.name for row in rule.rows.fields for about in row.about}
        assert names <= told
        assert set(models.Told(rule, []).rows) == names


def test_the_page_has_every_model_once_and_every_heading_once() -> None:
    text = models.page()
    catalogue = models.Catalogue()
    for media in MEDIA:
        named = {model_id for family in table(media).families for model_id in family.match.ids}
        for model_id in named | set(catalogue.ids(media)):
            assert text.count(f"| `{model_id}` |") == 1, model_id
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert len(headings) == len(set(headings))


def test_tables_leave_out_empty_columns_and_join_rows_that_say_the_same() -> None:
    rows = pages.merged([("`a`", "x", ""), ("`b`", "x", ""), ("`c`", "y|z", "")])
    assert pages.table(("Name", "What", "Unit"), rows) == (
        "| Name | What |\n| --- | --- |\n| `a`, `b` | x |\n| `c` | y\\|z |"
    )


def test_attributes_of_a_class() -> None:
    class Example:
        """A class.

        Attributes:
            one, two: Some
                thing: here.
            three: Another.
        Shape: none.
        """

    assert pages.attributes(Example) == {"one": "Some thing: here.", "two": "Some thing: here.", "three": "Another."}
