"""`sogni upscale`: the same picture or video, larger."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from . import media, sizes
from .defaults import MODELS
from .exits import CommandError
from .order import Options, Order, Shared, render

# Edges that the model for pictures takes, and their grid, in pixels.
_LOW, _HIGH, _GRID = 512, 15_360, 8


def upscale(
    file: str,
    /,
    *,
    scale: Literal["2", "3", "4"] | None = None,
    size: str | None = None,
    resolution: Literal["1080", "1440"] | None = None,
    detail: Literal["stable", "sharper"] | None = None,
    speed: Literal["stable", "faster"] | None = None,
    format: Literal["png", "jpg", "webp", "mp4"] | None = None,
    options: Options | None = None,
    context: Shared,
) -> None:
    """Make a picture or a video larger.

    Args:
        file: Picture or video: a file or an https address.
        scale: Picture: how many times as wide and high; 2 unless given.
        size: Picture: WIDTHxHEIGHT in pixels, up to 15360 each, in place of --scale.
        resolution: Video: pixels of the short edge; 1080 unless given.
        detail: Video: which detail to prefer.
        speed: Video: faster costs some stability.
        format: File format; png or mp4 unless given.
    """
    of_pictures = {"--scale": scale, "--size": size}
    of_videos = {"--resolution": resolution, "--detail": detail, "--speed": speed}
    is_clip = media.is_clip(file, "FILE")
    other = of_pictures if is_clip else of_videos
    wrong = [name for name, value in other.items() if value is not None]
    if wrong:
        kinds = ("pictures", "videos") if is_clip else ("videos", "pictures")
        raise CommandError(f"{wrong[0]} is for {kinds[0]}, and {file} belongs to the {kinds[1]}.")
    name = f"{Path(file.partition('?')[0]).stem}-upscaled"
    fields: dict[str, Any]
    if is_clip:
        if options is not None and options.max_cost is not None:
            raise CommandError("--max-cost is not known for videos that are made larger.", hint="Leave it out.")
        fields = {
            "reference_video": media.clip(file, "FILE"),
            "upscale_resolution": int(resolution or 1080),
            "detail_preference": detail,
            "processing_speed": speed,
        }
        order = Order(type="video", model=MODELS["video upscale"], prompt="", fields=fields, format=format, name=name)
    else:
        photo = media.photo(file, "FILE")
        width, height = _larger(photo, int(scale or 2), size)
        fields = {"starting_image": photo.given, "width": width, "height": height}
        order = Order(type="image", model=MODELS["upscale"], prompt="", fields=fields, format=format, name=name)
    render(context, order, options)


def _larger(photo: media.Photo, scale: int, size: str | None) -> tuple[int, int]:
    if size is not None:
        parsed = sizes.parse(size)
        if isinstance(parsed, str):
            raise CommandError(f"--size is {size!r}; here it is WIDTHxHEIGHT, such as 4096x3072.")
        return parsed
    if photo.size is None:
        raise CommandError(f"How large {photo.given} is cannot be seen from here.", hint="Give --size WIDTHxHEIGHT.")
    width, height = (round(edge * scale / _GRID) * _GRID for edge in photo.size)
    if max(width, height) > _HIGH or min(width, height) < _LOW:
        raise CommandError(
            f"--scale {scale} of {photo.size[0]}x{photo.size[1]} makes {width}x{height}; "
            f"each edge must be {_LOW} to {_HIGH} px.",
            hint="Give another --scale, or --size WIDTHxHEIGHT.",
        )
    return width, height
