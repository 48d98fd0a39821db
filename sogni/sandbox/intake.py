"""From a `jobRequest` to a project: size, length, seeds, price, and what of it cannot be."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from typing import Any

from .catalog import FLASHVSR, Catalog, Model
from .estimates import TOKENS, Work, price
from .hub import Connection
from .script import Script
from .slots import declared
from .state import Job, Project, World

#: Steps told for models whose tier names none.
VENDOR_STEPS = 10
MAX_COUNT, MAX_STEPS = 512, 1_000_000
FORMATS = {
    "image": ("png", "jpg", "webp"),
    "video": ("mp4", "mov"),
    "audio": ("mp3", "wav", "flac"),
    "model": ("glb",),
}


class Refused(Exception):
    """The request is not accepted; the text is the server's sentence."""


def project_of(
    request: Mapping[str, Any], connection: Connection, world: World, catalog: Catalog, script: Script
) -> Project:
    """The project that a request describes.

    Raises:
        Refused: it makes no sense.
    """
    frames = request.get("keyFrames")
    keyframe = frames[0] if isinstance(frames, list) and frames and isinstance(frames[0], dict) else None
    if keyframe is None:
        raise Refused("keyFrames must be a list with one object.")
    model = catalog.by_id.get(str(keyframe.get("modelID")))
    if model is None:
        raise Refused(f"There is no model {keyframe.get('modelID')!r}.")
    kind = model.media
    count = whole(request.get("numberOfImages"), 1)
    if not 1 <= count <= MAX_COUNT:
        raise Refused(f"numberOfImages must be from 1 to {MAX_COUNT}.")
    steps = whole(keyframe.get("steps"), 0) or whole(model.default("steps"), 0) or VENDOR_STEPS
    if not 1 <= steps <= MAX_STEPS:
        raise Refused(f"steps must be from 1 to {MAX_STEPS}.")
    token = request.get("tokenType") or "sogni"
    if token not in TOKENS:
        raise Refused("tokenType must be sogni or spark.")
    chosen = request.get("outputFormat")
    if chosen and chosen not in FORMATS[kind]:
        raise Refused(f"outputFormat must be one of {', '.join(FORMATS[kind])}.")
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
        previews=whole(request.get("previews"), 0),
        references=sum(1 for slot in declared(keyframe) if slot.startswith(("contextImage", "cnImage"))),
    )
    project_id = str(request["jobID"]).upper()
    seed = keyframe.get("seed")
    return Project(
        id=project_id,
        sid=world.number(),
        account=connection.account,
        app_id=connection.app_id,
        app_source=request.get("appSource") or connection.app_source,
        network=request.get("network") or connection.network,
        request=request,
        model=model,
        kind=kind,
        script=script,
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
    width, height = whole(keyframe.get("width"), 0), whole(keyframe.get("height"), 0)
    if max(width, height) > 8192 or min(width, height) < 0:
        raise Refused("width and height must be from 1 to 8192.")
    if model.media == "video":
        if not (width and height):
            width, height = whole(model.default("width"), 1280), whole(model.default("height"), 720)
        return (2 * width, 2 * height) if model.is_two_stage else (width, height)
    if width and height and keyframe.get("sizePreset", "custom") == "custom":
        return width, height
    return catalog.image_size(model, keyframe.get("sizePreset"))


def length_of(model: Model, keyframe: Mapping[str, Any]) -> tuple[int, float]:
    """Frames and frames per second of a video."""
    if model.media != "video":
        return 0, 0.0
    fps = float(keyframe.get("fps") or model.default("fps", 24))
    count = whole(keyframe.get("frames"), 0) or whole(model.default("frames"), 0) or int(fps * 5) + 1
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
    seconds = keyframe.get("duration") or model.default("duration", 30)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= 600:
        raise Refused("duration must be up to 600 seconds.")
    return float(seconds)


def keeps_source_timing(model: Model) -> bool:
    """The result has the frames, the rate and the sound of the video that came in."""
    return model.id == FLASHVSR


def whole(value: object, otherwise: int) -> int:
    """A number of JSON as int; `otherwise` when there is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return otherwise
    return int(value)


def _seed(seed: object, index: int) -> int:
    """The seed of one job: the first gets the one asked for, the others follow from it."""
    asked = whole(seed, -1)
    if asked < 0:
        return random.getrandbits(32)
    if index == 0:
        return asked & 0xFFFFFFFF
    return int.from_bytes(hashlib.sha256(f"{asked}/{index}".encode()).digest()[:4], "big")
