"""What a renderer is asked for: one job of a project, reduced to what can be drawn, sounded or modelled."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from .catalog import SEGMENTATION, UPSCALER
from .intake import keeps_source_timing, seconds_of
from .slots import declared
from .state import Job, Project
from .views import output_format


@attrs.frozen(kw_only=True)
class Order:
    """One thing to render.

    Attributes:
        kind: `image`, `video`, `audio` or `model`.
        strength: How much of a starting image is painted over, 0 to 1.
        inputs: Uploaded files by slot, as far as the request speaks of them.
        task: `render`, `mask` (the shape of the subject), `cutout` (the subject alone), `upscale`.
        options: The key frame of the request, for the rest.
    """

    kind: str
    task: str
    prompt: str
    seed: int
    model_id: str
    width: int
    height: int
    frames: int
    fps: float
    seconds: float
    strength: float
    format: str
    inputs: Mapping[str, Path]
    options: Mapping[str, Any]
    embeds_prompt: bool = True

    @property
    def style(self) -> str:
        """What changes the picture besides prompt and seed: the model, and the LoRAs in their order."""
        loras, strengths = self.options.get("loras") or [], self.options.get("loraStrengths") or []
        weighed = itertools.zip_longest(loras, strengths[: len(loras)], fillvalue=1)
        return self.model_id + "".join(f" {lora}:{strength:g}" for lora, strength in weighed)


def order_of(project: Project, job: Job) -> Order:
    """What is to be rendered for a job."""
    keyframe = project.keyframe
    strength = keyframe.get("strength", 0.5)
    return Order(
        kind=project.kind,
        task=_task(project),
        prompt=project.prompt,
        seed=job.seed,
        model_id=project.model.id,
        width=project.size[0],
        height=project.size[1],
        frames=project.frames,
        fps=project.fps,
        seconds=_seconds(project),
        strength=float(strength) if isinstance(strength, (int, float)) else 0.5,
        format=output_format(project),
        inputs={slot: project.inputs[slot].path for slot in declared(keyframe) if slot in project.inputs},
        options=keyframe,
        embeds_prompt=project.request.get("embedPromptMetadata") is not False,
    )


def _task(project: Project) -> str:
    if project.model.id in SEGMENTATION:
        return "cutout" if project.keyframe.get("applyMask") is True or _cuts_out(project) else "mask"
    if project.model.id == UPSCALER or keeps_source_timing(project.model):
        return "upscale"
    return "render"


def _cuts_out(project: Project) -> bool:
    prompt = project.keyframe.get("sam3Prompt")
    return isinstance(prompt, dict) and prompt.get("applyMask") is True


def _seconds(project: Project) -> float:
    if project.kind == "audio":
        return seconds_of(project.model, project.keyframe)
    return project.frames / project.fps if project.fps else 0.0
