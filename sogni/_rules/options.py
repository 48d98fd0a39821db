"""Catalogue and tier record to the options of one model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from .._protocol.wire import camel
from ..errors import ApiError, ModelNotFound
from ..types.catalog import Choices, Model, ModelOptions, Range, TextLimit

# Display names that the service still lists for some tiers, and what a request has to send instead.
ALIASES: dict[str, str] = {
    "Euler": "euler",
    "Euler a": "euler_a",
    "Euler Ancestral": "euler_ancestral",
    "Heun": "heun",
    "DPM++ 2M": "dpmpp_2m",
    "DPM++ 2M SDE": "dpmpp_2m_sde",
    "DPM++ SDE": "dpmpp_sde",
    "DPM++ 3M SDE": "dpmpp_3m_sde",
    "UniPC": "uni_pc",
    "LCM (Latent Consistency Model)": "lcm",
    "LMS": "lms",
    "DPM 2": "dpm_2",
    "DPM 2 Ancestral": "dpm_2_ancestral",
    "DPM Fast": "dpm_fast",
    "DPM Adaptive": "dpm_adaptive",
    "DPM++ 2S Ancestral": "dpmpp_2s_ancestral",
    "DDPM": "ddpm",
    "Discrete Flow Sampler (SD3)": "dfs_sd3",
    "Discrete Flow Scheduler (SD3)": "dfs_sd3",
    "DPM Solver Multistep (DPM-Solver++)": "dpm_pp",
    "PNDM (Pseudo-linear multi-step)": "pndm_plms",
}
SCHEDULER_ALIASES: dict[str, str] = {
    "Simple": "simple",
    "Normal": "normal",
    "Karras": "karras",
    "Exponential": "exponential",
    "SGM Uniform": "sgm_uniform",
    "DDIM Uniform": "ddim_uniform",
    "Beta": "beta",
    "Linear Quadratic": "linear_quadratic",
    "KL Optimal": "kl_optimal",
    "DDIM": "ddim",
    "Leading": "leading",
    "Linear": "linear",
}

Reader = Callable[[object], object]


def _alias(names: Mapping[str, str], value: object) -> object:
    return names.get(value, value) if isinstance(value, str) else value


def _choices(names: Mapping[str, str] | None = None) -> Reader:
    def read(record: object) -> object:
        if not isinstance(record, Mapping):
            return None
        allowed = record.get("allowed")
        values = allowed if isinstance(allowed, (list, tuple)) else ()
        table = names or {}
        return Choices(tuple(_alias(table, value) for value in values), _alias(table, record.get("default")))

    return read


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _range(record: object) -> object:
    if not isinstance(record, Mapping):
        return None
    decimals = _number(record.get("decimals"))
    step = 10.0 ** -int(decimals) if decimals and 0 < decimals < 16 else _number(record.get("step")) or 1
    return Range(_number(record.get("min")), _number(record.get("max")), step, _number(record.get("default")))


def _limit(record: object) -> object:
    if not isinstance(record, Mapping):
        return None
    length = record.get("maxLength")
    return TextLimit(length if isinstance(length, int) else None)


def _instruct(record: object) -> object:
    if not isinstance(record, Mapping):
        return None
    length = record.get("maxLength")
    return TextLimit(length if isinstance(length, int) else None, record.get("required") is True)


def _default(record: object) -> object:
    return record.get("default") if isinstance(record, Mapping) else None


def _record(value: object) -> object:
    return value if isinstance(value, Mapping) else None


_SAMPLERS = _choices(ALIASES)
_SCHEDULERS = _choices(SCHEDULER_ALIASES)

# One row per option: its name here, the tier keys it is read from (the first one that is there wins), how it is read,
# and the kinds of tier that have it. "classic" are the image tiers of before the field `type` existed.
_ROWS: tuple[tuple[str, tuple[str, ...], Reader, str], ...] = (
    ("sampler", ("comfySampler", "sampler"), _SAMPLERS, "classic image video audio"),
    ("scheduler", ("comfyScheduler", "scheduler"), _SCHEDULERS, "classic image video audio"),
    ("vae", ("vae",), _choices(), "image video"),
    ("steps", ("steps",), _range, "classic image video audio"),
    ("guidance", ("guidance",), _range, "classic image video audio"),
    ("width", ("width",), _range, "image video"),
    ("height", ("height",), _range, "image video"),
    ("fps", ("fps",), _record, "video"),
    ("shift", ("shift",), _range, "video audio"),
    ("duration", ("duration",), _range, "video audio"),
    ("bpm", ("bpm",), _range, "video audio"),
    ("prompt_strength", ("promptStrength",), _range, "video audio"),
    ("creativity", ("creativity",), _range, "video audio"),
    ("timesignature", ("timesignature",), _choices(), "audio"),
    ("language", ("language",), _choices(), "audio"),
    ("keyscale", ("keyscale",), _choices(), "audio"),
    ("speaker", ("speaker",), _choices(), "audio"),
    ("composer_mode", ("composerMode",), _default, "audio"),
    ("instruct", ("instruct",), _instruct, "audio"),
    ("reference_text", ("referenceText",), _limit, "audio"),
    ("accepts_reference_audio", ("acceptInputAudio", "requiresReferenceAudio"), bool, "audio"),
    ("requires_reference_audio", ("requiresReferenceAudio",), bool, "audio"),
)
# Copied whenever the key is there: `false` and an empty list are statements, too.
_COPIED: tuple[tuple[str, str], ...] = (
    ("max_pixels", "maxPixels"),
    ("task", "task"),
    ("output_resolutions", "outputResolutions"),
    ("preserves_source_timing", "preservesSourceTiming"),
    ("requires_reference_video", "requiresReferenceVideo"),
)
_NONE_OFFERED = Choices()


def model_options(model_id: str, models: Sequence[Model], tiers: Mapping[str, object]) -> ModelOptions:
    """The options of one model out of the two catalogues.

    Raises:
        ModelNotFound: the catalogue does not list it; the hint has the names nearest to it.
        ApiError: the catalogue names a tier that the service does not describe.
    """
    model = next((entry for entry in models if entry.id == model_id), None)
    if model is None:
        raise ModelNotFound(f"The catalogue lists no model {model_id!r}.", hint=_near(str(model_id), models))
    tier = tiers.get(model.tier or "")
    if not isinstance(tier, Mapping):
        raise ApiError(
            f"The service describes no tier {model.tier!r}, which the catalogue names for model {model_id!r}.",
            hint="Choose another model: this one cannot be ordered until the service completes its catalogue.",
        )
    return options_of(model_id, tier)


def options_of(model_id: str, tier: Mapping[str, object]) -> ModelOptions:
    """The options that a tier record describes, for a model of that tier."""
    kind = tier.get("type")
    column = kind if kind in ("image", "video", "audio") else "video" if kind else "classic"
    found: dict[str, object] = {}
    for name, keys, read, columns in _ROWS:
        record = next((tier[key] for key in keys if tier.get(key)), None) if column in columns.split() else None
        if record is not None:
            found[name] = read(record)
    if column != "audio":
        found.setdefault("sampler", _NONE_OFFERED)
        found.setdefault("scheduler", _NONE_OFFERED)
    if column == "video":
        found.update({name: tier[key] for name, key in _COPIED if key in tier})
    return ModelOptions(
        model_id=model_id,
        type=kind if isinstance(kind, str) and kind else "image",
        tier=tier,
        **found,  # type: ignore[arg-type]  # the table pairs each name with a reader of its type
    )


def _near(model_id: str, models: Iterable[Model]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(model_id[:100], [model.id for model in models], n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(near)}?" if near else ModelNotFound.hint


def as_wire(options: ModelOptions) -> dict[str, object]:
    """The options as the published clients return them: camelCase, absent ones left out."""
    wire: dict[str, object] = {"type": options.type}
    for name, _, read, _ in _ROWS:
        value = getattr(options, name)
        if read is _default:
            value = None if value is None else {"default": value}
        elif read is bool:
            value = value or None
        if value is not None:
            wire[camel(name)] = _plain(value)
    for name, key in _COPIED:
        if getattr(options, name) is not None:
            wire[key] = getattr(options, name)
    return wire


def _plain(value: object) -> object:
    if isinstance(value, Range):
        return {"min": value.min, "max": value.max, "step": value.step, "default": value.default}
    if isinstance(value, Choices):
        return {"allowed": list(value.allowed), "default": value.default}
    if isinstance(value, TextLimit):
        limit: dict[str, object] = {"maxLength": value.max_length}
        return limit if value.required is None else {**limit, "required": value.required}
    return value
