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
