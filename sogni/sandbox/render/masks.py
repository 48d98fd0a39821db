"""Masks: what a segmentation prompt points at, as ellipses; without one, an ellipse in the middle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageDraw

from ..order import Order

Box = tuple[float, float, float, float]

#: The subject when nothing is pointed at, in parts of the sides.
MIDDLE: Box = (0.2, 0.15, 0.8, 0.9)
#: How far a point reaches.
REACH = 0.15


def mask_of(order: Order, size: tuple[int, int]) -> tuple[Image.Image, dict[str, Any]]:
    """The mask, and what the result frame says about it."""
    prompt = order.options.get("sam3Prompt")
    wanted, unwanted = _areas(prompt if isinstance(prompt, Mapping) else {})
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    for areas, value in ((wanted or [MIDDLE], 255), (unwanted, 0)):
        for x0, y0, x1, y1 in areas:
            pen.ellipse((x0 * size[0], y0 * size[1], x1 * size[0], y1 * size[1]), fill=value)
    facts: dict[str, Any] = {"maskWidth": size[0], "maskHeight": size[1]}
    facts["maskCoverage"] = round(mask.histogram()[255] / (size[0] * size[1]), 6)
    inner = mask.getbbox()
    if inner is not None:
        scaled = (inner[0] / size[0], inner[1] / size[1], inner[2] / size[0], inner[3] / size[1])
        facts["maskBox"] = [round(edge, 6) for edge in scaled]
    if order.model_id.startswith("sam3"):
        count = max(1, len(wanted))
        facts |= {"samVersion": "3-sandbox", "maskDetectedCount": count, "maskReturnedCount": count}
    return mask, facts


def _areas(prompt: Mapping[str, Any]) -> tuple[list[Box], list[Box]]:
    """What is meant, and what is not."""
    found: tuple[list[Box], list[Box]] = ([], [])
    for box in prompt.get("boxes") or []:
        x0, y0, x1, y1 = (float(box[edge]) for edge in ("x0", "y0", "x1", "y1"))
        found[box.get("label") == "negative"].append((x0, y0, x1, y1))
    for point in prompt.get("points") or []:
        x, y = float(point["x"]), float(point["y"])
        found[point.get("label") == "negative"].append((x - REACH, y - REACH, x + REACH, y + REACH))
    return found
