"""Words on pictures: the caption with the prompt, and the mark that says that this is not a real result."""

from __future__ import annotations

import functools

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_MOST = 400


@functools.lru_cache(maxsize=16)
def font(size: int) -> Font:
    """The font that comes with Pillow."""
    return ImageFont.load_default(size)


def mark(image: Image.Image) -> None:
    """Put the SANDBOX mark into the upper right corner."""
    size = max(8, min(image.size) // 26)
    pad = size // 2
    letters = font(size)
    left, top, right, bottom = letters.getbbox("SANDBOX")
    width, height = int(right - left) + 2 * pad, int(bottom - top) + 2 * pad
    x, y = image.width - width - pad, pad
    _panel(image, (x, y, x + width, y + height), (255, 255, 255), 215)
    ImageDraw.Draw(image).text((x + pad - left, y + pad - top), "SANDBOX", fill=(24, 24, 32), font=letters)


def caption(image: Image.Image, text: str, small: str) -> None:
    """Write the prompt along the bottom, wrapped, and something small below it."""
    size = max(9, min(image.size) // 24)
    pad = size
    letters, fine = font(size), font(max(8, size * 2 // 3))
    room = image.width - 4 * pad
    if room < size * 4:
        return
    # No more than fits anyway: a text without spaces is measured letter by letter.
    lines = _wrap(" ".join(text[:_MOST].split()) or "(no prompt)", letters, room, 4)
    small_lines = _wrap(small, fine, room, 1)
    height = len(lines) * size * 4 // 3 + len(small_lines) * size + pad
    top = image.height - height - pad
    if top < 0:
        return
    _panel(image, (pad, top, image.width - pad, image.height - pad), (12, 14, 24), 150)
    pen = ImageDraw.Draw(image)
    y = top + pad // 2
    for line in lines:
        pen.text((2 * pad, y), line, fill=(255, 255, 255), font=letters)
        y += size * 4 // 3
    for line in small_lines:
        pen.text((2 * pad, y + pad // 6), line, fill=(205, 210, 225), font=fine)


def _wrap(text: str, letters: Font, room: int, most: int) -> list[str]:
    lines: list[str] = []
    words = text.split(" ")
    while words and len(lines) < most:
        line = words.pop(0)
        while words and letters.getlength(f"{line} {words[0]}") <= room:
            line = f"{line} {words.pop(0)}"
        if letters.getlength(line) > room:
            fits = next((n for n in range(len(line) - 1, 0, -1) if letters.getlength(line[:n]) <= room), 1)
            words.insert(0, line[fits:])
            line = line[:fits]
        lines.append(line)
    if words and lines:
        while lines[-1] and letters.getlength(lines[-1] + "...") > room:
            lines[-1] = lines[-1][:-1]
        lines[-1] += "..."
    return lines


def _panel(image: Image.Image, box: tuple[int, int, int, int], colour: tuple[int, int, int], alpha: int) -> None:
    width, height = box[2] - box[0], box[3] - box[1]
    if width <= 0 or height <= 0:
        return
    shape = Image.new("L", (width, height), 0)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, width - 1, height - 1), radius=min(height, 24) // 2, fill=alpha)
    image.paste(colour, box, shape)
