"""Landscapes out of a seed: sky, sun or moon, ridges, and a lake or trees in front; drawn small, then enlarged."""

from __future__ import annotations

import functools
import hashlib
import math
import random

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Colour = tuple[int, int, int]

#: Longest side that is really drawn.
DRAWN = 640

#: What is left of the light where the square of a radial gradient ends.
EDGE = 76

#: Sky from the top over the middle to the horizon, the near ground, and the light in the sky.
PALETTES: dict[str, tuple[Colour, Colour, Colour, Colour, Colour]] = {
    "dawn": ((58, 66, 130), (226, 120, 132), (255, 214, 165), (46, 32, 62), (255, 244, 214)),
    "day": ((52, 120, 200), (128, 186, 232), (226, 240, 246), (28, 72, 62), (255, 252, 226)),
    "dusk": ((36, 24, 72), (156, 60, 110), (252, 152, 92), (30, 18, 44), (255, 220, 150)),
    "night": ((8, 12, 36), (22, 40, 84), (70, 96, 142), (6, 10, 22), (240, 244, 255)),
    "jade": ((18, 78, 92), (92, 170, 150), (232, 240, 196), (14, 44, 46), (255, 250, 220)),
    "rose": ((96, 60, 128), (214, 128, 170), (255, 222, 212), (58, 34, 66), (255, 246, 240)),
    "ember": ((70, 22, 38), (190, 62, 48), (255, 186, 98), (34, 12, 22), (255, 236, 180)),
}
WORDS = {
    "night": ("night", "moon", "star", "dark", "midnight"),
    "dawn": ("dawn", "morning", "sunrise", "fog", "mist", "cloud"),
    "dusk": ("dusk", "sunset", "evening", "twilight"),
    "day": ("sky", "sea", "ocean", "beach", "snow", "day"),
    "jade": ("forest", "tree", "jungle", "garden", "green"),
    "rose": ("flower", "pink", "portrait", "love", "candy"),
    "ember": ("fire", "desert", "lava", "red", "fox", "autumn"),
}


@functools.lru_cache(maxsize=12)
def _cached(seed: int, prompt: str, style: str, size: tuple[int, int]) -> Image.Image:
    return _landscape(seed, prompt, style, size)


def landscape(seed: int, prompt: str, style: str, size: tuple[int, int]) -> Image.Image:
    """A landscape; the same arguments always give the same picture."""
    return _cached(seed, prompt, style, size).copy()


def _landscape(seed: int, prompt: str, style: str, size: tuple[int, int]) -> Image.Image:
    key = hashlib.sha256(f"{seed}|{prompt}|{style}".encode()).digest()
    chance = random.Random(int.from_bytes(key[:8], "big"))
    scale = min(DRAWN / max(size), 1.6)
    small = max(8, round(size[0] * scale)), max(8, round(size[1] * scale))
    name = _palette(prompt, chance)
    top, middle, low, ground, light = PALETTES[name]
    width, height = small
    horizon = round(height * chance.uniform(0.5, 0.66))
    image = _sky(small, top, middle, low, horizon)
    if name == "night":
        _stars(image, chance, horizon)
    sun = width * chance.uniform(0.18, 0.82), horizon * chance.uniform(0.25, 0.8)
    _sun(image, sun, min(small) * chance.uniform(0.06, 0.12), light)
    if name != "night":
        _clouds(image, chance, horizon, light)
    lake = chance.random() < 0.55
    layers = chance.randint(3, 5)
    for layer in range(layers):
        depth = (layer + 1) / layers
        base = horizon - height * 0.16 * (1 - depth) + height * 0.05 * layer
        rough = height * (0.20 - 0.11 * depth)
        colour = _mix(_mix(low, middle, 0.4), ground, depth**0.8)
        _ridge(image, chance, base, rough, colour, trees=layer == layers - 1 and not lake)
    if lake:
        _lake(image, chance, round(height * chance.uniform(0.74, 0.8)), low)
    if name != "night" and chance.random() < 0.7:
        _birds(image, chance, horizon, ground)
    return image.resize(size, Image.Resampling.LANCZOS)


def _palette(prompt: str, chance: random.Random) -> str:
    words = prompt.lower()
    fits = {name: sum(word in words for word in known) for name, known in WORDS.items()}
    best = max(fits.values())
    return chance.choice([name for name in sorted(PALETTES) if fits[name] == best])


def _sky(size: tuple[int, int], top: Colour, middle: Colour, low: Colour, horizon: int) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((size[0], max(2, horizon)))
    grey = Image.new("L", size, 255)
    grey.paste(ramp, (0, 0))
    return ImageOps.colorize(grey, top, low, mid=middle, midpoint=150)


def _stars(image: Image.Image, chance: random.Random, horizon: int) -> None:
    pen = ImageDraw.Draw(image)
    for _ in range(image.width * horizon // 1400):
        x, y = chance.randrange(image.width), int(horizon * chance.random() ** 1.5)
        shine = chance.randint(120, 255)
        radius = 1 if chance.random() < 0.15 else 0
        pen.ellipse((x, y, x + radius, y + radius), fill=(shine, shine, min(255, shine + 20)))


def _sun(image: Image.Image, centre: tuple[float, float], radius: float, light: Colour) -> None:
    reach = max(4, round(radius * 5))
    # The gradient is not yet black where its square ends; what is left there would show as an edge.
    glow = ImageOps.invert(Image.radial_gradient("L")).point(lambda v: max(0, v - EDGE) ** 2 // 190)
    glow = glow.resize((2 * reach, 2 * reach))
    x, y = round(centre[0]), round(centre[1])
    image.paste(light, (x - reach, y - reach, x + reach, y + reach), glow)
    disc = Image.new("L", image.size, 0)
    ImageDraw.Draw(disc).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    image.paste(light, (0, 0, *image.size), disc.filter(ImageFilter.GaussianBlur(1)))


def _clouds(image: Image.Image, chance: random.Random, horizon: int, light: Colour) -> None:
    veil = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(veil)
    for _ in range(chance.randint(1, 3)):
        x, y = chance.uniform(0, image.width), chance.uniform(0.1, 0.6) * horizon
        length = image.width * chance.uniform(0.12, 0.25)
        for _ in range(9):
            dx, w = chance.gauss(0, length / 2), length * chance.uniform(0.15, 0.4)
            h = w * chance.uniform(0.12, 0.2)
            dy = chance.gauss(0, h / 3)
            pen.ellipse((x + dx - w, y + dy - h, x + dx + w, y + dy + h), fill=chance.randint(70, 130))
    image.paste(light, (0, 0, *image.size), veil.filter(ImageFilter.GaussianBlur(image.width / 110)))


def _ridge(
    image: Image.Image, chance: random.Random, base: float, rough: float, colour: Colour, *, trees: bool
) -> None:
    waves = [(chance.uniform(0.6, 1.6) * 2**n, chance.uniform(0, math.tau), rough / 1.75**n) for n in range(6)]
    points = []
    for x in range(0, image.width + 2, 2):
        at = x / image.width * math.tau / 2
        # Peaks rather than waves: the absolute value gives every sine a crest.
        y = base - sum((1 - 2 * abs(math.sin(speed * at + phase))) * size for speed, phase, size in waves) * 0.6
        points.append((x, y))
    pen = ImageDraw.Draw(image)
    pen.polygon([*points, (image.width + 2, image.height), (0, image.height)], fill=colour)
    if trees:
        for x, y in points[:: max(1, image.width // 160)]:
            if chance.random() < 0.6:
                tall = image.height * chance.uniform(0.025, 0.07)
                wide = tall * 0.28
                for part in (0.0, 0.3, 0.55):
                    top = y - tall + tall * part
                    pen.polygon(
                        [
                            (x, top),
                            (x - wide * (0.5 + part), top + tall * 0.45),
                            (x + wide * (0.5 + part), top + tall * 0.45),
                        ],
                        fill=colour,
                    )


def _lake(image: Image.Image, chance: random.Random, shore: int, shine: Colour) -> None:
    deep = image.height - shore
    if deep < 4:
        return
    above = image.crop((0, max(0, shore - deep * 2), image.width, shore))
    mirror = ImageOps.flip(above).resize((image.width, deep)).filter(ImageFilter.BoxBlur(2))
    mirror = ImageEnhance.Brightness(mirror).enhance(0.78)
    mirror = Image.blend(mirror, Image.new("RGB", mirror.size, shine), 0.12)
    pen = ImageDraw.Draw(mirror, "RGBA")
    for _ in range(deep // 2):
        y = int(deep * chance.random() ** 1.4)
        x, length = chance.uniform(0, image.width), image.width * chance.uniform(0.02, 0.16)
        pen.line((x, y, x + length, y), fill=(*shine, chance.randint(20, 70)), width=1)
    image.paste(mirror, (0, shore))


def _birds(image: Image.Image, chance: random.Random, horizon: int, colour: Colour) -> None:
    pen = ImageDraw.Draw(image)
    x, y = image.width * chance.uniform(0.2, 0.7), horizon * chance.uniform(0.15, 0.5)
    for _ in range(chance.randint(3, 7)):
        span = image.width * chance.uniform(0.008, 0.016)
        bx, by = x + chance.gauss(0, image.width * 0.05), y + chance.gauss(0, horizon * 0.05)
        pen.arc((bx - 2 * span, by, bx, by + span), 200, 340, fill=colour, width=2)
        pen.arc((bx, by, bx + 2 * span, by + span), 200, 340, fill=colour, width=2)


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
