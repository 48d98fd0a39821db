"""What an order would cost: the questions for `sogni estimate` and `--max-cost`, from the fields of the order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .defaults import MUSIC_SECONDS, VIDEO_SECONDS
from .exits import CommandError

if TYPE_CHECKING:
    from sogni import CostEstimate, ModelOptions, SogniClient


def estimate(
    client: SogniClient, type: str, model: str, given: Mapping[str, Any], timeout: float | None = None
) -> CostEstimate:
    """What an order would cost.

    Args:
        client: The client.
        type: `image`, `video` or `audio`.
        model: The model.
        given: Fields of the order; what is not given is taken as the model advises.
        timeout: Seconds for the answer.
    """
    options = client.projects.get_model_options(model, timeout=timeout)
    if type == "image":
        return client.projects.estimate_cost(**_of_pictures(options, given), timeout=timeout)
    if type == "video":
        fields = _of_videos(options, given)
        return client.projects.estimate_video_cost(given["token_type"], model, **fields, timeout=timeout)
    return client.projects.estimate_audio_cost(
        token_type=given["token_type"],
        model=model,
        duration=given.get("duration") or _seconds(options, given),
        steps=given.get("steps") or _default(options, "steps") or 1,
        number_of_media=given["number_of_media"],
        timeout=timeout,
    )


def _of_pictures(options: ModelOptions, given: Mapping[str, Any]) -> dict[str, Any]:
    # Models without sampling steps are priced by other things.
    fields = {
        "model": options.model_id,
        "image_count": given["number_of_media"],
        "step_count": given.get("steps") or _default(options, "steps") or 1,
        "preview_count": given.get("number_of_previews") or 0,
        "context_images": len(given.get("context_images") or ()) or None,
    }
    same = ("token_type", "starting_image_strength", "output_format", "width", "height", "size_preset")
    return _given({**fields, **{name: given.get(name) for name in same}})


def _of_videos(options: ModelOptions, given: Mapping[str, Any]) -> dict[str, Any]:
    width, height = given.get("width") or _default(options, "width"), given.get("height") or _default(options, "height")
    if width is None or height is None:
        raise CommandError("This model advises no size.", hint="Give one: --size 1280x720.")
    advised = options.fps.get("default") if options.fps is not None else None
    duration, frames = given.get("duration"), given.get("frames")
    pictures = [given.get(name) for name in ("reference_image", "reference_image_end")]
    return _given(
        {
            "width": width,
            "height": height,
            "fps": given.get("fps") or advised or 24,
            "duration": VIDEO_SECONDS if duration is None and frames is None else duration,
            "frames": frames,
            "steps": given.get("steps") or _default(options, "steps"),
            "number_of_media": given["number_of_media"],
            "reference_image_count": sum(picture is not None for picture in pictures) or None,
            "has_video_input": True if given.get("reference_video") is not None else None,
        }
    )


def _seconds(options: ModelOptions, given: Mapping[str, Any]) -> float:
    """Seconds of sound where none are asked for."""
    if options.duration is not None and options.duration.default:
        return options.duration.default
    # Speech is as long as its words; people say about 15 characters a second.
    words = str(given.get("positive_prompt") or "")
    return max(1.0, len(words) / 15) if words else MUSIC_SECONDS


def _default(options: ModelOptions, name: str) -> int | None:
    span = getattr(options, name)
    return None if span is None or span.default is None else int(span.default)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
