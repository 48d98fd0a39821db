"""Real media for every kind of order: the registry, which loads a renderer when it is first needed."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ..order import Order

#: Kind -> module here and the library that it needs, by its import name and for people.
RENDERERS: Mapping[str, tuple[str, str]] = {
    "image": ("picture", "Pillow"),
    "video": ("movie", "PyAV"),
    "audio": ("sound", "PyAV"),
    "model": ("solid", "Pillow"),
}


class Stopped(Exception):
    """Nobody wants this any more: the project was cancelled, or the sandbox closes."""


@attrs.frozen(kw_only=True)
class Made:
    """What came out.

    Attributes:
        facts: Further fields of the result frame, such as hashes.
        last_frame: A video's last frame as PNG.
        problem: Why there is nothing; a sentence for the user.
    """

    content_type: str = ""
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    last_frame: Path | None = None
    problem: str = ""


def render(order: Order, path: Path, stopped: Callable[[], bool]) -> Made:
    """Render an order into a file; runs in a thread of the studio."""
    try:
        made: Made = _renderer(order.kind).render(order, path, stopped)
    except ImportError as missing:
        return Made(problem=_advice(order.kind, missing))
    except Stopped:
        path.unlink(missing_ok=True)
        return Made(problem="Nobody wants this any more.")
    facts = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **made.facts}
    return attrs.evolve(made, facts=facts)


def flaw(order: Order) -> str:
    """Why the files that came in cannot be used; empty when they can, or when a library to read them is missing."""
    if not order.inputs:
        return ""
    try:
        found: str = _module("inputs").flaw(order)
    except ImportError:
        return ""
    return found


def preview(order: Order, done: float, path: Path) -> bool:
    """Draw how an image looks while it is not finished; False when that cannot be done."""
    try:
        _renderer("image").preview(order, done, path)
    except ImportError:
        return False
    return True


def thumbnail(path: Path, kind: str) -> tuple[bytes, str] | None:
    """A small picture of a stored image or video, and its type; None when that cannot be made."""
    try:
        small: tuple[bytes, str] = _module("thumbs").thumbnail(path, kind)
    except ImportError:
        return None
    return small


def _renderer(kind: str) -> Any:
    return _module(RENDERERS[kind][0])


def _module(name: str) -> Any:
    return importlib.import_module(f".{name}", __package__)


def _advice(kind: str, missing: ImportError) -> str:
    return f"The sandbox needs {RENDERERS[kind][1]} for {kind} results ({missing}): pip install 'sogni[sandbox]'"
