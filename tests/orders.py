"""The small and quick order that most tests place."""

from __future__ import annotations

from typing import Any

MODEL = "krea2_turbo_fp8_scaled"

ORDER: dict[str, Any] = {
    "type": "image",
    "model_id": MODEL,
    "positive_prompt": "a red fox",
    "number_of_media": 1,
    "steps": 4,
    "width": 256,
    "height": 256,
}


def order(**more: object) -> dict[str, Any]:
    """The same with changes."""
    return {**ORDER, **more}
