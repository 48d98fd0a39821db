"""What the segmentation model SAM 3 is asked: points, boxes or a text."""

from __future__ import annotations

from .amounts import Integer, Number
from .checks import AnyOf, Apart, Check, Ordered
from .draft import Draft
from .fields import Choice, Flag
from .nested import Items, Record, required
from .texts import Text

_LABELS = ("positive", "negative")


def _place(name: str) -> Number:
    return Number(name, low=0, high=1, text=False)


class PointsWithBoxes(Check):
    """Points refine one positive box, and they bring several masks unless that is switched off."""

    def __call__(self, draft: Draft) -> None:
        points, boxes = draft.values.get("points"), draft.values.get("boxes")
        if points and isinstance(boxes, list):
            if len(boxes) > 1:
                draft.refuse("boxes", "may be one at most when there are points", value=f"{len(boxes)} boxes")
            if any(box["label"] == "negative" for box in boxes):
                draft.refuse("boxes", "may not be negative when there are points", allowed="positive")
        if points:
            draft.key.setdefault("multimask", True)
        elif draft.key.pop("multimask", False):
            draft.refuse("multimask", "needs points", value=True, nearest=False)

    @property
    def about(self) -> str:
        return "`points` refine one positive box at most, and only they bring several masks (`multimask`)."


PROMPT = Record(
    "sam3_prompt",
    required=True,
    closed=True,
    empty_is_none=False,
    constants={"threshold": 0.5, "applyMask": False},
    fields=(
        Items(
            "points",
            most=32,
            of=Record(
                "point",
                closed=True,
                fields=(required(_place("x")), required(_place("y")), required(Choice("label", options=_LABELS))),
            ),
        ),
        Items(
            "boxes",
            most=16,
            of=Record(
                "box",
                closed=True,
                constants={"label": "positive"},
                fields=(
                    *(required(_place(name)) for name in ("x0", "y0", "x1", "y1")),
                    Choice("label", options=_LABELS),
                ),
                checks=(Ordered("x0", "x1"), Ordered("y0", "y1")),
            ),
        ),
        Text("text", longest=240),
        Number("threshold", low=0, high=1, text=False),
        Flag("multimask"),
        Flag("apply_mask"),
        Integer("max_instances", low=1, high=16),
    ),
    checks=(
        AnyOf(("points", "boxes", "text"), "say what to find by a point, a box or a text"),
        Apart(("text",), ("points",), "name the thing or point at it"),
        PointsWithBoxes(),
    ),
)
