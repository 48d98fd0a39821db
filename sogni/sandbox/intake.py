"""From a `jobRequest` to a project: size, length, seeds and price."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from typing import Any

from .catalog import FLASHVSR, UPSCALER, Catalog, Model
from .estimates import Work, price
from .hub import Connection
from .script import Script
from .slots import declared
from .state import Job, Project, World
from .terms import Refused, check, count_of, model_of, number_in, steps_of, whole_in

#: Steps told for models whose tier names none.
VENDOR_STEPS = 10
#: Longest side of what is delivered; the upscaler goes further.
MAX_SIDE, MAX_UPSCALED = 8192, 15_360


def project_of(request: Mapping[str, Any], connection: Connection, world: World, catalog: Catalog) -> Project:
    """The project that a request describes.

    Raises:
        Refused: it makes no sense.
    """
    frames = request.get("keyFrames")
    keyframe = frames[0] if isinstance(frames, list) and frames and isinstance(frames[0], dict) else None
    if keyframe is None:
        raise Refused("keyFrames must be a list with one object.")
    model = model_of(keyframe, catalog)
    kind = model.media
    count = count_of(request, model)
    steps = steps_of(keyframe, int(model.default("steps", 0)) or VENDOR_STEPS)
    network = request.get("network") or connection.network
    check(request, model, network)
    size = size_of(model, keyframe, catalog)
    length, fps = length_of(model, keyframe)
    work = Work(
        kind=kind,
        steps=steps,
        count=count,
        width=size[0],
        height=size[1],
        frames=length if kind == "video" else 0,
        seconds=seconds_of(model, keyframe) if kind == "audio" else 0,
        previews=whole_in(request, "previews"),
        references=sum(1 for slot in declared(keyframe) if slot.startswith(("contextImage", "cnImage"))),
    )
    token = request.get("tokenType") or "sogni"
    project_id = str(request["jobID"]).upper()
    seed = keyframe.get("seed")
    return Project(
        id=project_id,
        sid=world.number(),
        account=connection.account,
        app_id=connection.app_id,
        app_source=request.get("appSource") or connection.app_source,
        network=network,
        request=request,
        model=model,
        kind=kind,
        script=Script(),
        jobs=[Job(index, _seed(seed, index), steps) for index in range(count)],
        step_count=steps,
        size=size,
        frames=length,
        fps=fps,
        token=token,
        estimate=price(model, work).tokens(token),
        inputs=world.inputs(project_id),
    )


def size_of(model: Model, keyframe: Mapping[str, Any], catalog: Catalog) -> tuple[int, int]:
    """Width and height of what is delivered."""
    width, height = whole_in(keyframe, "width"), whole_in(keyframe, "height")
    most = MAX_UPSCALED if model.id == UPSCALER else MAX_SIDE
    if max(width, height) > most or min(width, height) < 0:
        raise Refused(f"width and height must be from 1 to {most}.")
    if model.media == "video":
        if not (width and height):
            width, height = int(model.default("width", 1280)), int(model.default("height", 720))
        return (2 * width, 2 * height) if model.is_two_stage else (width, height)
    if has_own_size(keyframe):
        return width, height
    return catalog.image_size(model, keyframe.get("sizePreset"))


def has_own_size(keyframe: Mapping[str, Any]) -> bool:
    """An image has the width and height of the request, not those of a preset."""
    return bool(keyframe.get("width") and keyframe.get("height")) and keyframe.get("sizePreset", "custom") == "custom"


def length_of(model: Model, keyframe: Mapping[str, Any]) -> tuple[int, float]:
    """Frames and frames per second of a video."""
    if model.media != "video":
        return 0, 0.0
    fps = float(number_in(keyframe, "fps") or model.default("fps", 24))
    count = whole_in(keyframe, "frames") or int(model.default("frames", 0)) or int(fps * 5) + 1
    # Wan 2.2 always renders 16 frames a second; at 32 every second frame is added afterwards.
    if model.id.startswith("wan_v2.2") and fps == 32:
        count = 2 * count - 1
    if not 1 <= count <= 4000 or not 1 <= fps <= 120:
        raise Refused("frames must be from 1 to 4000 and fps from 1 to 120.")
    return count, fps


def seconds_of(model: Model, keyframe: Mapping[str, Any]) -> float:
    """Length of a piece of music, or of the speech that reads the prompt aloud."""
    if model.id.startswith("qwen3_tts"):
        return round(max(1.0, len(str(keyframe.get("positivePrompt") or "")) / 14), 1)
    seconds = number_in(keyframe, "duration") or model.default("duration", 30)
    if not 0 < seconds <= 600:
        raise Refused("duration must be up to 600 seconds.")
    return float(seconds)


def keeps_source_timing(model: Model) -> bool:
    """The result has the frames, the rate and the sound of the video that came in."""
    return model.id == FLASHVSR


def _seed(seed: object, index: int) -> int:
    """The seed of one job: the first gets the one asked for, the others follow from it."""
    asked = whole_in({"seed": seed}, "seed", -1)
    if asked < 0:
        return random.getrandbits(32)
    if index == 0:
        return asked & 0xFFFFFFFF
    return int.from_bytes(hashlib.sha256(f"{asked}/{index}".encode()).digest()[:4], "big")
