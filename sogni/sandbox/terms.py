"""What the network refuses at once: wrong counts, formats, payment, networks and LoRAs, each with its sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .catalog import FLASHVSR, SEGMENTATION, Catalog, Model
from .estimates import TOKENS

MAX_COUNT, MAX_STEPS, MAX_PREVIEWS = 512, 1_000_000, 512
NETWORKS = ("fast", "relaxed")
FORMATS = {
    "image": ("png", "jpg", "webp"),
    "video": ("mp4",),
    "audio": ("mp3", "wav", "flac"),
    "model": ("glb",),
}
#: These deliver QuickTime as well, and the last frame on its own.
MOV_MODELS = ("seedance-2-5", "seedance-2-5-uncensored")
#: They make one thing of one thing.
SINGLE = (FLASHVSR, *SEGMENTATION)

#: How the ids of imported LoRAs begin, and how many of them one order takes.
PERSONAL, LORAS_OF_ONES_OWN = "personal-", 4

INVALID = "invalidRequest"
#: The code for a model that this network does not have.
UNAVAILABLE = 4104


class Refused(Exception):
    """The request is not accepted; the text is the server's sentence, `error` the code or word in front of it."""

    def __init__(self, message: str, error: int | str = INVALID) -> None:
        super().__init__(message)
        self.error = error


def number_in(fields: Mapping[str, Any], name: str, otherwise: float = 0) -> float:
    """A number of a request; `otherwise` when it is not given."""
    value = fields.get(name)
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(f"{name} must be a number.")
    return value


def whole_in(fields: Mapping[str, Any], name: str, otherwise: int = 0) -> int:
    """The same without what stands after the point."""
    return int(number_in(fields, name, otherwise))


def model_of(keyframe: Mapping[str, Any], catalog: Catalog) -> Model:
    """The model that is asked for."""
    model = catalog.by_id.get(str(keyframe.get("modelID")))
    if model is None:
        raise Refused(f"The model {keyframe.get('modelID')!r} is not available on this network.", UNAVAILABLE)
    return model


def count_of(request: Mapping[str, Any], model: Model) -> int:
    """How many outputs."""
    most = 1 if model.id in SINGLE else MAX_COUNT
    count = number_in(request, "numberOfImages", 1)
    if count != int(count) or not 1 <= count <= most:
        allowed = f"from 1 to {most}" if most > 1 else f"1 on {model.id}"
        raise Refused(f"numberOfImages must be {allowed}.")
    return int(count)


def steps_of(keyframe: Mapping[str, Any], otherwise: int) -> int:
    """How many steps."""
    steps = whole_in(keyframe, "steps") or otherwise
    if not 1 <= steps <= MAX_STEPS:
        raise Refused(f"steps must be from 1 to {MAX_STEPS}.")
    return steps


def check(request: Mapping[str, Any], model: Model, network: str) -> None:
    """Everything about an order that is no number.

    Raises:
        Refused: the first thing that is wrong.
    """
    if not 0 <= number_in(request, "previews") <= MAX_PREVIEWS:
        raise Refused(f"previews must be from 0 to {MAX_PREVIEWS}.")
    formats = FORMATS[model.media] + (("mov",) if model.id in MOV_MODELS else ())
    chosen = request.get("outputFormat")
    if chosen and chosen not in formats:
        raise Refused(f"outputFormat must be {_any_of(formats)}.")
    if network not in NETWORKS:
        raise Refused(f"network must be {_any_of(NETWORKS)}.")
    if model.media == "video" and network != "fast":
        raise Refused("Videos are rendered on the fast network only.")
    token = request.get("tokenType") or "sogni"
    if token not in TOKENS:
        raise Refused(f"tokenType must be {_any_of(TOKENS)}.")
    if model.is_vendor and token != "spark":
        raise Refused(f"{model.id} is paid with Spark only.")


def check_loras(keyframe: Mapping[str, Any], model: Model, rows: Sequence[Mapping[str, Any]], most: int) -> None:
    """The LoRAs of an order: there, fit for the model, and not too many."""
    chosen = keyframe.get("loras") or []
    if not isinstance(chosen, list) or not all(isinstance(lora, str) for lora in chosen):
        raise Refused("loras must be a list of ids.")
    if len(chosen) > most:
        raise Refused(f"loras takes {most} at most.")
    if sum(lora.startswith(PERSONAL) for lora in chosen) > LORAS_OF_ONES_OWN:
        raise Refused(f"loras takes {LORAS_OF_ONES_OWN} of your own at most.")
    strengths = keyframe.get("loraStrengths") or []
    if not isinstance(strengths, list):
        raise Refused("loraStrengths must be a list of numbers.")
    for place, strength in enumerate(strengths):
        number_in({f"loraStrengths[{place}]": strength}, f"loraStrengths[{place}]")
    fitting = {row["loraId"]: model.id in row["modelIds"] for row in rows}
    for lora in chosen:
        if lora not in fitting:
            raise Refused(f"There is no LoRA {lora!r}.")
        if not fitting[lora]:
            raise Refused(f"The LoRA {lora!r} does not work with {model.id}.")


def _any_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
