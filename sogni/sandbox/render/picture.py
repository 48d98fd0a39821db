"""Pictures: a small landscape out of seed and prompt, with the images that came in, a caption and the SANDBOX mark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageFilter, ImageOps, PngImagePlugin

from ..intake import has_own_size
from ..order import Order
from . import Made
from .inputs import load
from .lettering import caption, mark
from .masks import mask_of
from .scenery import landscape

CONTENT_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
PREVIEW_SIDE = 256


def render(order: Order, path: Path, stopped: Callable[[], bool]) -> Made:
    """Draw an order into a file."""
    slot = next((slot for slot in ("startingImage", "contextImage1") if slot in order.inputs), None)
    source = load(order, slot) if slot is not None else None
    facts: dict[str, Any] = {}
    if order.task in ("mask", "cutout"):
        image, facts = _segment(order, source)
    elif order.task == "upscale" and source is not None:
        image = _enlarge(order, source)
    else:
        image = draw(order)
    save(image, order, path)
    facts = facts or {"width": image.width, "height": image.height}
    return Made(content_type=CONTENT_TYPES[order.format], facts=facts)


def preview(order: Order, done: float, path: Path) -> None:
    """Draw how it looks when a part of the steps is done."""
    scale = min(1.0, PREVIEW_SIDE / max(order.width, order.height))
    size = max(1, round(order.width * scale)), max(1, round(order.height * scale))
    image = canvas(order, size)
    noise = Image.effect_noise(size, 90).convert("RGB")
    image = image.filter(ImageFilter.GaussianBlur(12 * (1 - done)))
    image = Image.blend(image, noise, 0.6 * (1 - done))
    mark(image)
    image.save(path, "JPEG", quality=80)


def draw(order: Order) -> Image.Image:
    """The finished picture."""
    image = canvas(order, (order.width, order.height))
    _insets(order, image)
    caption(image, order.prompt, f"{order.model_id}   seed {order.seed}")
    mark(image)
    if order.options.get("gptImageBackground") == "transparent":
        image.putalpha(mask_of(order, image.size)[0])
    return image


def canvas(order: Order, size: tuple[int, int]) -> Image.Image:
    """The picture without anything written on it."""
    scene = landscape(order.seed, order.prompt, order.style, size)
    if "startingImage" not in order.inputs:
        return scene
    return Image.blend(ImageOps.fit(load(order, "startingImage"), size), scene, min(1.0, max(0.0, order.strength)))


def save(image: Image.Image, order: Order, path: Path) -> None:
    """Write in the format asked for; the same image gives the same bytes."""
    if order.format == "jpg":
        image.convert("RGB").save(path, "JPEG", quality=90)
    elif order.format == "webp":
        image.save(path, "WEBP", quality=88, method=2)
    else:
        info = PngImagePlugin.PngInfo()
        if order.embeds_prompt:
            info.add_itxt("parameters", f"{order.prompt}\nSeed: {order.seed}, Model: {order.model_id}")
        image.save(path, "PNG", pnginfo=info, compress_level=2)


def _insets(order: Order, image: Image.Image) -> None:
    """Show the control image and the context images as small framed pictures along the top."""
    slots = [slot for slot in sorted(order.inputs) if slot.startswith(("cnImage", "contextImage", "referenceMask"))]
    if not slots:
        return
    side = max(16, min(image.size) // 6)
    gap = max(2, side // 10)
    for number, slot in enumerate(slots):
        x = gap + number * (side + gap)
        if x + side > image.width:
            break
        inset = ImageOps.expand(ImageOps.fit(load(order, slot), (side - 4, side - 4)), 2, "white")
        image.paste(inset, (x, gap))
        if slot == "cnImage":
            edges = ImageOps.autocontrast(load(order, slot).convert("L").filter(ImageFilter.FIND_EDGES))
            ghost = ImageOps.fit(edges, image.size).point(lambda value: value // 3)
            image.paste(Image.new("RGB", image.size, "white"), (0, 0), ghost)
            image.paste(inset, (x, gap))


def _enlarge(order: Order, source: Image.Image) -> Image.Image:
    """The picture in the size asked for; twice as large when none was."""
    size = (order.width, order.height) if has_own_size(order.options) else (2 * source.width, 2 * source.height)
    image = source.resize(size, Image.Resampling.LANCZOS)
    mark(image)
    return image


def _segment(order: Order, source: Image.Image | None) -> tuple[Image.Image, dict[str, Any]]:
    """The subject of a picture as a mask, or cut out; and what there is to say about it."""
    image = source or landscape(order.seed, order.prompt, order.style, (order.width, order.height))
    mask, facts = mask_of(order, image.size)
    if order.task == "mask":
        return mask, facts
    cut = image.convert("RGBA")
    cut.putalpha(mask)
    return cut, facts
