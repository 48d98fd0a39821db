"""The recorded catalogue and media, and short ways to build a request from them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sogni._protocol.wire import structure_list
from sogni._rules.build import JobPlan, build_job
from sogni._rules.options import model_options
from sogni.errors import Problem, ValidationError
from sogni.types.catalog import Model

DATA = Path(__file__).parents[2] / "data"


class Recorded:
    """The stored catalogue and dummy media."""

    def __init__(self) -> None:
        catalog = json.loads((DATA / "catalog.json").read_text())
        self.models = structure_list(catalog["models"], Model)
        self.tiers: Mapping[str, object] = catalog["tiers"]
        self.presets: dict[str, Any] = catalog["sizePresets"]
        media = json.loads((DATA / "media.json").read_text())
        self.media = {name: base64.b64decode(text) for name, text in media.items()}

    def real(self, value: Any) -> Any:
        """An input of a vector with its placeholders replaced."""
        if isinstance(value, str) and value.startswith("@@datauri:"):
            return "data:image/png;base64," + base64.b64encode(self.media["@" + value[10:]]).decode()
        if isinstance(value, str):
            return self.media.get(value, value)
        if isinstance(value, list):
            return [self.real(entry) for entry in value]
        if isinstance(value, dict):
            return {key: self.real(entry) for key, entry in value.items()}
        return value


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    return Recorded()


Order = Callable[..., JobPlan]


@pytest.fixture(scope="session")
def order(recorded: Recorded) -> Order:
    """Builds a request: `order("z_image_turbo_bf16", width=512)`; the type is that of the model's tier."""

    def build(model_id: str, **params: Any) -> JobPlan:
        options = model_options(model_id, recorded.models, recorded.tiers)
        given = {"type": options.type, "model_id": model_id, "positive_prompt": "", "number_of_media": 1, **params}
        return build_job(given, project_id="P", options=options)

    return build


@pytest.fixture(scope="session")
def key(order: Order) -> Callable[..., dict[str, Any]]:
    """The key frame of a request."""

    def build(model_id: str, **params: Any) -> dict[str, Any]:
        frames: Any = order(model_id, **params).message["keyFrames"]
        return dict(frames[0])

    return build


@pytest.fixture(scope="session")
def refused(order: Order) -> Callable[..., dict[str, Problem]]:
    """What is wrong with a request, by field."""

    def build(model_id: str, **params: Any) -> dict[str, Problem]:
        with pytest.raises(ValidationError) as caught:
            order(model_id, **params)
        return {problem.field: problem for problem in caught.value.problems}

    return build
