"""Small real media, made up from an order and the same for the same order; one module per kind, loaded when needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import attrs

# Kind of media -> the module whose `draw(order, path)` makes it and answers the content type.
_KINDS = {"image": ".picture", "video": ".clip", "audio": ".sound", "model": ".solid"}


@attrs.frozen(kw_only=True)
class Order:
    """What is to be made.

    Attributes:
        kind: `image`, `video`, `audio` or `model`.
        size: Width and height in pixels.
        frames, fps: Of a clip.
        seconds: Of a sound.
        strength: How much of a starting image is painted anew, 0 to 1.
        progress: How finished it looks, 0 to 1; previews are less than 1.
        inputs: Uploaded files by slot.
    """

    kind: str
    prompt: str
    negative: str = ""
    model: str = ""
    seed: int = 0
    size: tuple[int, int] = (1024, 1024)
    frames: int = 0
    fps: float = 24
    seconds: float = 10
    strength: float = 0.5
    output_format: str = "png"
    progress: float = 1.0
    inputs: Mapping[str, Path] = attrs.field(factory=dict)


def render(order: Order, path: Path) -> str:
    """Make it, into `path`; answers its content type."""
    module = import_module(_KINDS[order.kind], __name__)
    content_type: str = module.draw(order, path)
    return content_type


def suffix(output_format: str) -> str:
    """File name extension of an output format."""
    return f".{output_format}"
