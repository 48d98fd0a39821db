"""What the LoRA catalogue says: the public one together with the account's own, and advice for an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve

from ..types.library import Lora, LoraCatalog
from .fields import bounds, clamp
from .values import is_list, number, short

PERSONAL = "personal-"
"""How the ids of the account's own LoRAs begin."""


def is_personal(lora_id: object) -> bool:
    """True for the id of a LoRA that an account imported."""
    return isinstance(lora_id, str) and lora_id.startswith(PERSONAL)


def fitting(rows: Iterable[Lora], model_id: str | None) -> tuple[Lora, ...]:
    """The rows that work with a model; without one, all."""
    return tuple(row for row in rows if not model_id or model_id in row.model_ids)


def together(catalog: LoraCatalog, own: Iterable[Lora], model_id: str | None) -> LoraCatalog:
    """The public catalogue and the account's own LoRAs as one."""
    rows = fitting(own, model_id)
    models = {*catalog.models, *(model for row in rows for model in row.model_ids)}
    return evolve(catalog, loras=(*catalog.loras, *rows), models=tuple(sorted(models)))


def advice(params: Mapping[str, object], catalog: LoraCatalog) -> tuple[str, ...]:
    """Warnings for an order; the service decides, so it is sent all the same."""
    loras, strengths = _list(params, "loras"), _list(params, "lora_strengths")
    limits = catalog.constraints
    found = []
    if len(loras) > limits.max_per_request:
        found.append(f"loras has {len(loras)} entries; the service takes {limits.max_per_request} at most.")
    if len(strengths) > len(loras):
        found.append(f"lora_strengths has {len(strengths)} entries for {len(loras)} loras.")
    rows = {row.lora_id: row for row in fitting(catalog.loras, str(params.get("model_id") or ""))}
    for place, lora in enumerate(loras):
        if str(lora) not in rows and not is_personal(lora):
            found.append(f"loras[{place}] ({short(lora)}) is not listed for {short(params.get('model_id'))}.")
    for place, value in enumerate(strengths):
        strength = number(value)
        row = rows.get(str(loras[place])) if place < len(loras) else None
        if strength is None:
            continue
        if strength != clamp(strength, limits.min_strength, limits.max_strength):
            span = bounds(limits.min_strength, limits.max_strength)
            found.append(f"lora_strengths[{place}] is {strength:g}; the service takes {span}.")
        elif row is not None:
            low, high = number(row.ui.get("min")), number(row.ui.get("max"))
            if strength != clamp(strength, low, high):
                found.append(
                    f"lora_strengths[{place}] is {strength:g}; {row.lora_id} takes {bounds(low, high)}, which is what "
                    "the service makes of it."
                )
    return tuple(found)


def _list(params: Mapping[str, object], name: str) -> Sequence[object]:
    value = params.get(name)
    return value if is_list(value) else ()  # type: ignore[return-value]
