"""The recorded vectors in `tests/data`: where they are, and how their shorthand is read."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"


def load(name: str) -> Any:
    """One file of vectors, by its name without `.json`."""
    return json.loads((DATA / f"{name}.json").read_text("utf-8"))


def cases(*names: str) -> list[Any]:
    """The cases of these files, as parameters of a test; each brings the `base` of its file along."""
    found = []
    for name in names:
        data = load(name)
        found += [pytest.param({**case, "base": data.get("base")}, id=case["name"]) for case in data["cases"]]
    return found


def media() -> dict[str, bytes]:
    """The dummy media by placeholder (`@png`)."""
    return {name: base64.b64decode(text) for name, text in load("media").items()}


def expand(base: Any, expect: Any) -> dict[str, Any]:
    """The whole request message of an accepted case, which is stored as changes to the file's `base`."""
    request, frame = copy.deepcopy(base["request"]), copy.deepcopy(base["keyframe"])
    request.update(expect.get("request", {}))
    frame.update(expect.get("keyframe", {}))
    for name in expect.get("request_without", []):
        del request[name]
    for name in expect.get("keyframe_without", []):
        del frame[name]
    return {**request, "keyFrames": [frame]}


def real(value: Any, files: dict[str, bytes]) -> Any:
    """An input of a case with its placeholders replaced by the dummy media."""
    if isinstance(value, str):
        if value.startswith("@@datauri:"):
            return "data:image/png;base64," + base64.b64encode(files["@" + value.removeprefix("@@datauri:")]).decode()
        return files.get(value, value)
    if isinstance(value, list):
        return [real(entry, files) for entry in value]
    if isinstance(value, dict):
        return {key: real(entry, files) for key, entry in value.items()}
    return value


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: numbers by value, booleans are no numbers, null is not absent."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) <= 1e-9
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)
