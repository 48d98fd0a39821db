"""The worker's receipt for a result, kept only where it is well-formed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ..types.project import Provenance
from .wire import wire_name

_HASH = re.compile(r"[0-9a-fA-F]{64}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,79}")
_SAFE = 2**53 - 1


def read_provenance(fields: Mapping[str, object]) -> Provenance | None:
    """The valid part of the receipt in `fields`, or None when there is none."""
    found: dict[str, object] = {}
    for name, read in _READERS.items():
        value = read(fields.get(wire_name(name)))
        if value is not None and value != ():
            found[name] = value
    return Provenance(**found) if found else None  # type: ignore[arg-type]


def _hash(value: object) -> object:
    return value.lower() if isinstance(value, str) and _HASH.fullmatch(value) else None


def _version(value: object) -> object:
    return value if isinstance(value, str) and _VERSION.fullmatch(value) else None


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(least: int) -> Callable[[object], object]:
    def read(value: object) -> object:
        return value if type(value) is int and least <= value <= _SAFE else None

    return read


def _share(value: object) -> object:
    return value if _number(value) and 0 <= value <= 1 else None  # type: ignore[operator]


def _box(value: object) -> object:
    if not isinstance(value, list) or len(value) != 4 or any(_share(part) is None for part in value):
        return None
    x0, y0, x1, y1 = value
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _selections(value: object) -> object:
    if not isinstance(value, list):
        return None
    return tuple(entry for entry in map(_selection, value) if entry is not None)


def _selection(entry: object) -> dict[str, object] | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("included"), bool):
        return None
    score, box, coverage = entry.get("score"), entry.get("box"), _share(entry.get("coverage"))
    if coverage is None or (score is not None and _share(score) is None) or (box is not None and _box(box) is None):
        return None
    return {
        "score": score,
        "box": None if box is None else _box(box),
        "coverage": coverage,
        "included": entry["included"],
    }


_READERS: dict[str, Callable[[object], object]] = {
    "sha256": _hash,
    "source_image_sha256": _hash,
    "sam_prompt_sha256": _hash,
    "mask_rle_sha256": _hash,
    "selection_hash": _hash,
    "first_frame_sha256": _hash,
    "last_frame_sha256": _hash,
    "mask_width": _whole(1),
    "mask_height": _whole(1),
    "sam_version": _version,
    "mask_box": _box,
    "mask_coverage": _share,
    "mask_detected_count": _whole(0),
    "mask_returned_count": _whole(0),
    "mask_selections": _selections,
}
