"""The models, tiers, size presets and LoRAs that the sandbox offers, read from the file shipped with it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

VENDOR_PREFIXES = ("seedance", "happyhorse", "wan3.0", "gpt-image", "seedream")
SEGMENTATION = ("sam3_image_segment_bf16", "birefnet_image_background_removal_fp16")
UPSCALER = "rtx_vsr_pro"
FLASHVSR = "flashvsr_v1.1_tiny_long_bf16"


@attrs.frozen(kw_only=True)
class Model:
    """One model with its tier.

    Attributes:
        id: The model id.
        sid: The number that stands for it in worker counts.
        name: For people.
        media: `image`, `video`, `audio` or `model` (a 3D object).
        tier: The raw tier; empty when the catalogue names none.
    """

    id: str
    sid: int
    name: str
    media: str
    tier: Mapping[str, Any]

    @property
    def is_vendor(self) -> bool:
        """An outside provider renders it and hosts the result."""
        return self.id.startswith(VENDOR_PREFIXES)

    @property
    def is_two_stage(self) -> bool:
        """It delivers twice the canvas asked for."""
        return self.id.endswith("_2stage")

    def default(self, name: str, otherwise: Any = None) -> Any:
        """The tier's default of one option."""
        option = self.tier.get(name)
        value = option.get("default") if isinstance(option, dict) else None
        return otherwise if value is None else value


@attrs.frozen
class Catalog:
    """The raw catalogue and the lookups that the server needs."""

    raw: Mapping[str, Any]
    by_id: Mapping[str, Model]

    def workers(self, network: str) -> dict[str, int]:
        """Worker counts of a network, by the text of the model's SID."""
        counts: dict[str, int] = self.raw["networkWorkers"].get(network, {})
        return counts

    def swarm(self, network: str) -> dict[str, int]:
        """Worker counts of a network, by model id."""
        counts = self.workers(network)
        return {model.id: counts[str(model.sid)] for model in self.by_id.values() if str(model.sid) in counts}

    def presets(self, model_id: str) -> Sequence[Mapping[str, Any]]:
        """Size presets of a model."""
        sizes = self.raw["sizePresets"]
        presets: Sequence[Mapping[str, Any]] = sizes["byModel"].get(model_id, sizes["default"])
        return presets

    def image_size(self, model: Model, preset: object) -> tuple[int, int]:
        """Size of a named preset; of an unknown or missing one the model's default."""
        for entry in self.presets(model.id):
            if entry["id"] == preset:
                return int(entry["width"]), int(entry["height"])
        side = model.tier.get("defaultSize")
        if isinstance(side, int):
            return side, side
        square = self.presets(model.id)[0]
        return int(square["width"]), int(square["height"])


@functools.cache
def load() -> Catalog:
    """The shipped catalogue, read once."""
    raw = json.loads((Path(__file__).parent / "data" / "catalog.json").read_text(encoding="utf-8"))
    tiers = raw["tiers"]
    models = {
        entry["id"]: Model(
            id=entry["id"],
            sid=entry["SID"],
            name=entry["name"],
            media=entry.get("media", "image"),
            tier=tiers.get(entry["tier"], {}),
        )
        for entry in raw["models"]
    }
    return Catalog(raw, models)
