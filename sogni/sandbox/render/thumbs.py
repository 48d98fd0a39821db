"""Small pictures of results for the page of the sandbox."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any

from PIL import Image

SIDE = 160


@functools.lru_cache(maxsize=512)
def thumbnail(path: Path, kind: str) -> tuple[bytes, str]:
    """Bytes and type of a small picture of a stored image or video."""
    image = _first_frame(path) if kind == "video" else Image.open(path)
    with image:
        seen = image.convert("RGBA" if image.has_transparency_data else "RGB")
    seen.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    if seen.mode == "RGBA":
        seen.save(stream, "PNG")
        return stream.getvalue(), "image/png"
    seen.save(stream, "JPEG", quality=80)
    return stream.getvalue(), "image/jpeg"


def _first_frame(path: Path) -> Image.Image:
    import av

    with av.open(str(path)) as source:
        frames: Any = source.decode(video=0)
        image: Image.Image = next(frames).to_image()
        return image
