"""Enhancing a finished picture: which results can be, and the order that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import Problem, ValidationError
from ..types.catalog import SizePreset
from ..types.project import JobSnapshot, JobStatus
from .kinds import SEGMENTS
from .sizes import find_preset, needs_presets
from .values import short, truthy

MODEL_ID = "krea2_turbo_fp8_scaled"
STEPS = 8
# How much of the picture is painted anew.
STRENGTHS: Mapping[str, float] = {"light": 0.15, "medium": 0.35, "heavy": 0.49}
_OTHERWISE = "medium"


def influence(strength: object) -> float:
    """How much of the picture is kept, 0 to 1; any word that is no strength means `medium`."""
    known = isinstance(strength, str) and strength in STRENGTHS
    return 1 - STRENGTHS[str(strength) if known else _OTHERWISE]


def odd_strength(strength: object) -> tuple[str, ...]:
    """A warning for a word that is no strength."""
    if isinstance(strength, str) and strength in STRENGTHS:
        return ()
    return (f"strength {short(strength)} is none of {', '.join(STRENGTHS)}; {_OTHERWISE} was taken.",)


def check(job: JobSnapshot, kind: str, parent_type: str, parent: Mapping[str, object]) -> None:
    """Refuses what cannot be enhanced.

    Args:
        job: The job that made the result.
        kind: What the result is: `image`, `video`, ...
        parent_type: Type of the project that it comes from.
        parent: Parameters of that project.
    Raises:
        ValidationError: names the first reason.
    """
    model_id = parent.get("model_id")
    if parent_type != "image" or kind != "image":
        made = kind if parent_type == "image" else parent_type
        raise _refusal(f"is of type {made}: only pictures can be enhanced", "a picture")
    if isinstance(model_id, str) and SEGMENTS(model_id):
        raise _refusal(f"is a mask or a cut-out of {model_id}: only pictures can be enhanced", "a picture")
    if job.status is not JobStatus.COMPLETED:
        raise _refusal(f"is {job.status.value}: only a completed one can be enhanced", "a completed result")
    if job.withheld:
        raise _refusal("was withheld by the sensitive-content filter: there is no picture to enhance", "a picture")


def parents_preset(parent: Mapping[str, object]) -> str | None:
    """The size preset of the parent that has to be looked up first, among those of its own model and network."""
    preset = parent.get("size_preset")
    return str(preset) if needs_presets(preset) else None


def order(
    strength: object,
    job: JobSnapshot,
    parent: Mapping[str, object],
    *,
    presets: Sequence[SizePreset] = (),
    positive_prompt: str | None = None,
    style_prompt: str | None = None,
    token_type: str | None = None,
) -> dict[str, Any]:
    """The parameters of the project that enhances a result, apart from the result itself.

    Args:
        strength: `light`, `medium` or `heavy`.
        job: The job that made the result.
        parent: Parameters of the project that the result comes from.
        presets: Size presets of its model, if `parents_preset` says so.
        positive_prompt, style_prompt, token_type: In place of those of the parent.
    Raises:
        ValidationError: the model of the parent has no such preset.
    """
    params: dict[str, Any] = {
        "type": "image",
        "model_id": MODEL_ID,
        "network": "fast",
        "number_of_media": 1,
        "number_of_previews": 0,
        "steps": STEPS,
        "guidance": 1,
        "negative_prompt": "",
        "positive_prompt": _first(positive_prompt, parent.get("positive_prompt"), job.positive_prompt, ""),
        "starting_image_strength": influence(strength),
        **_size(parent, presets),
    }
    inherited = {
        "style_prompt": _first(style_prompt, parent.get("style_prompt")),
        "token_type": _first(token_type, parent.get("token_type")),
        # 0 is a seed like any other.
        "seed": _first(job.seed, parent.get("seed")),
    }
    return params | {name: value for name, value in inherited.items() if value is not None}


def _size(parent: Mapping[str, object], presets: Sequence[SizePreset]) -> dict[str, object]:
    preset = parents_preset(parent)
    if preset is not None:
        problems: list[Problem] = []
        found = find_preset(preset, presets, problems)
        if found is None:
            raise ValidationError(problems=problems)
        return {"size_preset": "custom", "width": found.width, "height": found.height}
    width, height = parent.get("width"), parent.get("height")
    return {"size_preset": "custom", "width": width, "height": height} if truthy(width) and truthy(height) else {}


def _first(*values: object) -> object:
    return next((value for value in values if value is not None), None)


def _refusal(problem: str, allowed: str) -> ValidationError:
    return ValidationError(problems=[Problem("result", f"This result {problem}.", allowed=allowed)])
