"""The size of an output: what `--size` says, checked, or one in the shape of the photo."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sogni.errors import ApiError

from .exits import CommandError, suggest

if TYPE_CHECKING:
    from sogni import ModelOptions, SizePreset, SogniClient

# Pixels of a picture where the model names no square size.
_AREA = 1024 * 1024
# Every model takes edges in these bounds and on this grid, unless it says otherwise.
_LOW, _HIGH, _GRID = 256, 2048, 16
_FORM = "WIDTHxHEIGHT in pixels, such as 1024x768"


def parse(size: str) -> tuple[int, int] | str:
    """`1024x768` as width and height, anything else as the name of a preset.

    Raises:
        CommandError: it can be neither.
    """
    text = size.strip()
    edges = re.fullmatch(r"(\d{1,6})\s*[x×*]\s*(\d{1,6})", text.lower())
    if edges is None and re.fullmatch(r"\w+", text):
        return text
    pair = (int(edges[1]), int(edges[2])) if edges is not None else (0, 0)
    if min(pair) < 1:
        raise CommandError(f"--size is {size!r}; it must be {_FORM}, or the name of a preset.")
    return pair


def of_picture(
    client: SogniClient,
    model: str,
    size: str | None,
    photo: tuple[int, int] | None = None,
    timeout: float | None = None,
) -> dict[str, Any]:
    """The fields of an order of pictures that say how large they are.

    Args:
        client: The client.
        model: The model that renders.
        size: The value of `--size`.
        photo: Width and height of the picture that it starts from, whose shape is kept.
        timeout: Seconds for the look at the presets of the model.
    Raises:
        CommandError: the model has no such preset.
    """
    if size is not None:
        parsed = parse(size)
        if isinstance(parsed, tuple):
            return _edges(parsed)
        return {"size_preset": _preset(client.projects.get_size_presets("fast", model, timeout=timeout), parsed)}
    if photo is None or client.projects.is_model_artifact_model_id(model):
        return {}
    squares: list[int] = []
    # The shape is worth more than the exact number of pixels.
    with suppress(ApiError):
        presets = client.projects.get_size_presets("fast", model, timeout=timeout)
        squares = [preset.width for preset in presets if preset.width == preset.height > 0]
    return _edges(fit(photo, min(squares) ** 2 if squares else _AREA))


def of_video(options: ModelOptions, size: str | None, photo: tuple[int, int] | None = None) -> dict[str, Any]:
    """The fields of an order of videos that say how large they are, within what the model advises.

    Raises:
        CommandError: `--size` is no width and height, or beyond what the model has.
    """
    if size is not None:
        parsed = parse(size)
        if isinstance(parsed, str):
            raise CommandError(f"--size is {size!r}; for videos it must be {_FORM}.")
        return _edges(parsed)
    if photo is None or options.width is None or options.height is None:
        return {}
    width, height = options.width, options.height
    area = (width.default or 640) * (height.default or 640)
    if isinstance(options.max_pixels, (int, float)):
        area = min(area, options.max_pixels)
    low = max(width.min or _LOW, height.min or _LOW)
    high = min(width.max or _HIGH, height.max or _HIGH)
    return _edges(fit(photo, area, low=low, high=high, grid=max(_GRID, round(width.step))))


def fit(
    photo: tuple[int, int], area: float = _AREA, *, low: float = _LOW, high: float = _HIGH, grid: int = _GRID
) -> tuple[int, int]:
    """Width and height in the shape of a photo, of about that many pixels; very long shapes become shorter.

    Shape: two multiples of `grid` from `low` to `high`, whose product is `area` at most.
    """
    edges = range(math.ceil(low / grid), math.floor(high / grid) + 1)
    wanted = photo[0] / photo[1]

    def loss(pair: tuple[int, int]) -> float:
        # A shape that is a little off is seen sooner than some pixels that are missing.
        across, down = pair
        return abs(math.log(across / down / wanted)) + 0.1 * (1 - across * down * grid**2 / area)

    pairs = ((across, down) for across in edges for down in edges if across * down * grid**2 <= area)
    across, down = min(pairs, key=loss, default=(edges[0], edges[0]))
    return across * grid, down * grid


def _edges(pair: tuple[int, int]) -> dict[str, Any]:
    return {"width": pair[0], "height": pair[1]}


def _preset(known: Sequence[SizePreset], name: str) -> str:
    presets = [preset.id for preset in known]
    for preset in presets:
        if preset.lower() == name.lower():
            return preset
    named = f", or one of {', '.join(presets)}" if presets else "; this model has no presets"
    raise CommandError(f"--size is {name!r}; it must be {_FORM}{named}.", hint=suggest(name, presets))
