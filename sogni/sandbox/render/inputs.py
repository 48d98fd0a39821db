"""Files that came in: images upright and on white, and which of them cannot be used at all."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from ..order import Order

#: What a slot takes, by the beginning of its name; everything else is an image.
MEDIA = {"referenceVideo": "video", "referenceAudio": "audio"}


def load(order: Order, slot: str) -> Image.Image:
    """The image in a slot."""
    return _image(order.inputs[slot])


def flaw(order: Order) -> str:
    """Why what came in cannot be used, as a sentence; empty when it can."""
    for slot, path in order.inputs.items():
        kind = next((kind for start, kind in MEDIA.items() if slot.startswith(start)), "image")
        if not _is_readable(path, kind):
            return f"The file for {slot} cannot be read: it is no {kind}, or a damaged one."
    return ""


# A stored file never changes, and all jobs of a project look at the same ones.
@functools.lru_cache(maxsize=256)
def _is_readable(path: Path, kind: str) -> bool:
    try:
        return bool(_image(path)) if kind == "image" else _has_frames(path, kind)
    except ImportError:
        raise
    except Exception:
        # Decoders raise all kinds of errors for bytes that are none of theirs.
        return False


def _image(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        upright: Image.Image = ImageOps.exif_transpose(opened)
        if upright.mode.startswith("I"):
            # Sixteen bits a sample, which converting would cut off instead of scaling down.
            upright = upright.convert("I").point(lambda value: value / 256).convert("L")
        if not upright.has_transparency_data:
            return upright.convert("RGB")
        layer = upright.convert("RGBA")
        ground = Image.new("RGB", layer.size, "white")
        ground.paste(layer, mask=layer.getchannel("A"))
        return ground


def _has_frames(path: Path, kind: str) -> bool:
    import av

    with av.open(str(path)) as source:
        streams: Any = source.streams
        chosen = streams.video if kind == "video" else streams.audio
        return bool(chosen) and next(iter(source.decode(chosen[0])), None) is not None
