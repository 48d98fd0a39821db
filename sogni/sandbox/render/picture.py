"""Pictures: a landscape made up from prompt and seed, with the prompt and a SANDBOX mark written on it."""

from __future__ import annotations

import colorsys
import hashlib
import math
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from . import Order

_FORMATS = {"png": ("PNG", "image/png"), "jpg": ("JPEG", "image/jpeg"), "webp": ("WEBP", "image/webp")}
# Drawn no larger than this and then enlarged: a sandbox shall be quick, not sharp.
_LARGEST = 768
Color = tuple[int, int, int]


def draw(order: Order, path: Path) -> str:
    """Save a picture and answer its content type."""
    name, content_type = _FORMATS.get(order.output_format, _FORMATS["png"])
    picture = finished(order)
    if name == "PNG":
        picture.save(path, name, compress_level=1)
    else:
        picture.save(path, name, quality=85)
    return content_type


def finished(order: Order) -> Image.Image:
    """The whole picture in its final size."""
    width, height = order.size
    scale = min(1.0, _LARGEST / max(width, height))
    small = (max(8, round(width * scale)), max(8, round(height * scale)))
    picture = landscape(order, small)
    start = order.inputs.get("startingImage") or order.inputs.get("referenceImage")
    if start is not None:
        picture = Image.blend(_opened(start, small), picture, min(max(order.strength, 0.0), 1.0))
    if order.progress < 1:
        picture = picture.filter(ImageFilter.GaussianBlur(max(small) / 24 * (1 - order.progress)))
    if picture.size != order.size:
        picture = picture.resize(order.size, Image.Resampling.BICUBIC)
    insets(picture, order)
    caption(picture, order)
    return picture


def landscape(order: Order, size: tuple[int, int], moment: float = 0.0) -> Image.Image:
    """Sky, sun and hills; `moment` from 0 to 1 lets the sun travel and the hills drift."""
    digest = hashlib.sha256(f"{order.prompt}\n{order.seed}".encode()).digest()
    chance = random.Random(digest)
    width, height = size
    hue = chance.random()
    top, bottom = _hsv(hue, 0.75, 0.35), _hsv(hue + chance.uniform(0.06, 0.2), 0.45, 0.95)
    ramp = Image.linear_gradient("L").resize(size)
    picture = Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)
    pen = ImageDraw.Draw(picture, "RGBA")
    radius = min(size) * chance.uniform(0.08, 0.16)
    x = width * (chance.uniform(0.15, 0.85) + 0.6 * (moment - 0.5) * (moment > 0))
    y = height * (chance.uniform(0.18, 0.42) + 0.12 * math.sin(moment * math.pi))
    glow = _hsv(hue + 0.5, 0.25, 1.0)
    for ring in range(6, 0, -1):
        reach = radius * (1 + ring * 0.35)
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=(*glow, 18))
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*glow, 255))
    for _ in range(chance.randrange(20, 60)):
        star_x, star_y, dot = chance.random() * width, chance.random() * height * 0.4, chance.choice((1, 1, 2))
        pen.ellipse((star_x, star_y, star_x + dot, star_y + dot), fill=(255, 255, 255, chance.randrange(60, 200)))
    layers = chance.randrange(3, 6)
    for layer in range(layers):
        depth = (layer + 1) / layers
        base = height * (0.45 + 0.45 * depth)
        waves = [
            (chance.uniform(0.5, 3) * (layer + 1) * 0.6, chance.random() * 6.3, height * 0.09 / (n + 1))
            for n in range(3)
        ]
        drift = moment * 1.5 * depth
        step = max(2, width // 160)
        ridge = [
            (px, base + sum(math.sin(px / width * 6.3 * f + phase + drift) * a for f, phase, a in waves))
            for px in range(0, width + step, step)
        ]
        color = _hsv(hue + 0.1 * layer, 0.35 + 0.3 * depth, 0.62 - 0.45 * depth)
        pen.polygon([(0, height), *ridge, (width, height)], fill=(*color, 255))
    return picture


def insets(picture: Image.Image, order: Order) -> None:
    """Small views of the other inputs along the right edge, so that everybody sees that they arrived."""
    shown = [
        (slot, path)
        for slot, path in sorted(order.inputs.items())
        if slot == "cnImage" or slot.startswith(("contextImage", "referenceMask", "keyframeImage"))
    ]
    side = max(24, min(picture.size) // 6)
    for number, (_, path) in enumerate(shown[: picture.height // (side + 8)]):
        view = _opened(path, (side, side))
        framed = ImageOps.expand(view, 2, "white")
        picture.paste(framed, (picture.width - side - 12, 8 + number * (side + 8)))


def caption(picture: Image.Image, order: Order) -> None:
    """The prompt at the bottom and the mark at the top."""
    pen = ImageDraw.Draw(picture, "RGBA")
    width, height = picture.size
    mark_font = ImageFont.load_default(max(10, min(width, height) // 24))
    text_font = ImageFont.load_default(max(9, min(width, height) // 28))
    pad = max(4, min(width, height) // 64)
    mark = "SANDBOX"
    box = pen.textbbox((0, 0), mark, font=mark_font)
    pen.rectangle((0, 0, box[2] + 3 * pad, box[3] + 2 * pad), fill=(0, 0, 0, 150))
    pen.text((1.5 * pad, pad), mark, font=mark_font, fill=(255, 255, 255, 255))
    lines = _wrapped(pen, order.prompt.strip() or order.model, text_font, width - 4 * pad)
    lines.append(f"{order.model}  seed {order.seed}")
    line_height = round(text_font.size * 1.3)
    top = height - line_height * len(lines) - 2 * pad
    pen.rectangle((0, top, width, height), fill=(0, 0, 0, 130))
    for number, line in enumerate(lines):
        faint = number == len(lines) - 1
        pen.text(
            (2 * pad, top + pad + number * line_height), line, font=text_font, fill=(255, 255, 255, 170 if faint else 255)
        )


def _wrapped(
    pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float
) -> list[str]:
    lines: list[str] = []
    for word in text[:400].split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pen.textlength(longer, font=font) <= width:
            lines[-1] = longer
        else:
            lines.append(word[:60])
    return lines[:4]


def _opened(path: Path, size: tuple[int, int]) -> Image.Image:
    """An input as it is meant to be seen, cut to fill `size`; what is no picture becomes a grey card."""
    try:
        with Image.open(path) as source:
            turned = ImageOps.exif_transpose(source)
            if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
                card = Image.new("RGBA", turned.size, (255, 255, 255, 255))
                turned = Image.alpha_composite(card, turned.convert("RGBA"))
            return ImageOps.fit(turned.convert("RGB"), size)
    except OSError:
        return Image.new("RGB", size, (128, 128, 128))


def _hsv(hue: float, saturation: float, value: float) -> Color:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(1, saturation), min(1, max(0, value)))
    return round(red * 255), round(green * 255), round(blue * 255)
