"""What a request would cost: parameters to the REST call that asks, and the answer to a `CostEstimate`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from .._protocol.call import Call, Host, number_text, segment
from ..errors import Problem, ValidationError
from ..types.account import CostEstimate
from ..types.catalog import SizePreset
from . import enhance
from .fields import near
from .frames import calculate_video_frames
from .sizes import find_preset, needs_presets
from .values import has_broken_text, has_infinite, is_list, number, scalar, short, truthy

# What the functions here take beside the parameters of an estimate.
_NO_PARAMETERS = ("announced_network", "presets", "unknown", "return")


def estimate_cost(
    model: str | None = None,
    image_count: int | None = None,
    step_count: int | None = None,
    preview_count: int | None = None,
    *,
    token_type: str | None = None,
    network: str | None = None,
    cn_enabled: bool | None = None,
    starting_image_strength: float | None = None,
    width: float | None = None,
    height: float | None = None,
    size_preset: str | None = None,
    guidance: float | None = None,
    sampler: str | None = None,
    context_images: int | None = None,
    gpt_image_quality: str | None = None,
    output_format: str | None = None,
    billing_mode: str | None = None,
    presets: Sequence[SizePreset] | None = None,
    **unknown: object,
) -> Call[CostEstimate]:
    """The call that asks what images cost. Whether the catalogue lists the model is the caller's to see first.

    Args:
        model, image_count, step_count, preview_count: Needed.
        cn_enabled: Whether a ControlNet is used.
        starting_image_strength: Influence of a starting image, 0 to 1.
        context_images: How many context images.
        presets: The size presets of the model, if `needs_presets` says so.
    Raises:
        ValidationError: something is missing or misspelt, or the preset is none of the model.
    """
    problems = _missing(model=model, image_count=image_count, step_count=step_count, preview_count=preview_count)
    problems += _unknown(unknown, estimate_cost)
    strength = number(starting_image_strength) if truthy(starting_image_strength) else 0
    if strength is None:
        problems.append(_problem("starting_image_strength", "must be a number", starting_image_strength))
    size: tuple[object, object] = (width, height) if truthy(width) and truthy(height) else (0, 0)
    if needs_presets(size_preset):
        preset = find_preset(size_preset, presets or (), problems)
        if preset is not None:
            size = (preset.width, preset.height)
    detailed = truthy(sampler) or context_images is not None
    parts = [
        *("api", "v3" if detailed else "v2", "job", "estimate"),
        *(_either(token_type, "spark"), _either(network, "fast"), model, image_count, step_count, preview_count),
        *(1 if truthy(cn_enabled) else 0, 1 - strength if strength else 0, *size),
    ]
    if detailed:
        parts += [_either(guidance, 0), _either(sampler, "_"), _either(context_images, 0)]
    query = {"gptImageQuality": gpt_image_quality, "outputFormat": output_format, "billingMode": billing_mode}
    return _call(parts, {key: value for key, value in query.items() if truthy(value)}, problems)


def estimate_enhancement_cost(
    strength: str, token_type: str = "spark", size: Mapping[str, object] | Sequence[object] | None = None
) -> Call[CostEstimate]:
    """The call that asks what enhancing a picture costs.

    Args:
        strength: `light`, `medium` or `heavy`.
        size: Width and height, as a pair or as an object with both.
    """
    pair = (size.get("width"), size.get("height")) if isinstance(size, Mapping) else tuple(size or (None, None))
    if len(pair) != 2:
        raise ValidationError(problems=[_problem("size", "must be a width and a height", size)])
    width, height = pair
    return estimate_cost(
        enhance.MODEL_ID,
        1,
        enhance.STEPS,
        0,
        token_type=token_type,
        starting_image_strength=enhance.influence(strength),
        width=width,  # type: ignore[arg-type]  # whatever is no number is refused with the path
        height=height,  # type: ignore[arg-type]
    )


def estimate_video_cost(
    token_type: str | None = None,
    model: str | None = None,
    width: float | None = None,
    height: float | None = None,
    *,
    fps: float | None = None,
    duration: float | None = None,
    frames: int | None = None,
    steps: int | None = None,
    number_of_media: int | None = None,
    source_width: float | None = None,
    source_height: float | None = None,
    has_video_input: bool | None = None,
    reference_video: object = None,
    reference_video_urls: Sequence[str] | None = None,
    reference_image_count: float | None = None,
    reference_video_count: float | None = None,
    reference_video_duration_seconds: float | None = None,
    keyframe_count: int | None = None,
    keyframes: Sequence[object] | None = None,
    network: str | None = None,
    billing_mode: str | None = None,
    announced_network: str | None = None,
    **unknown: object,
) -> Call[CostEstimate]:
    """The call that asks what videos cost. Any model id is taken: the service answers for an unknown one.

    Args:
        token_type, model, width, height, fps: Needed; also `frames` or `duration`.
        source_width, source_height: Size of the video to upscale.
        has_video_input: Whether a video is given; `reference_video` or `reference_video_urls` say so, too.
        keyframe_count: How many keyframes; or the `keyframes` themselves.
        announced_network: The network that the connection is on, taken when `network` is not given.
    Raises:
        ValidationError: something is missing, misspelt or retired.
    """
    problems = _missing(token_type=token_type, model=model, width=width, height=height, fps=fps)
    problems += _unknown(unknown, estimate_video_cost)
    if not truthy(frames) and duration is None:
        problems += _missing(duration=duration)
    elif not truthy(frames) and not problems:
        frames = calculate_video_frames(str(model), duration, fps)  # type: ignore[arg-type]  # neither is None here
    count = 1 if number_of_media is None else number_of_media
    parts: list[object] = ["api", "v1", "job-video", "estimate", token_type, model, width, height, frames, fps]
    if steps is not None:
        parts += [steps, count]
    elif count != 1:
        parts += [0, count]
    query: dict[str, object] = {}
    if source_width is not None and source_height is not None:
        query = {"sourceWidth": source_width, "sourceHeight": source_height}
    if truthy(has_video_input) or truthy(reference_video) or truthy(reference_video_urls):
        query["hasVideoInput"] = 1
    if keyframe_count is None and is_list(keyframes):
        keyframe_count = len(keyframes or ())
    query["referenceImageCount"] = _floored(reference_image_count)
    query["referenceVideoCount"] = _floored(reference_video_count)
    query["referenceVideoDurationSeconds"] = _counted(reference_video_duration_seconds)
    query["keyframeCount"] = _floored(keyframe_count) or None
    query["network"] = _either(network, announced_network)
    query["billingMode"] = billing_mode
    return _call(parts, query, problems)


def estimate_audio_cost(
    token_type: str | None = None,
    model: str | None = None,
    duration: float | None = None,
    steps: int | None = None,
    number_of_media: int | None = None,
    *,
    network: str | None = None,
    billing_mode: str | None = None,
    announced_network: str | None = None,
    **unknown: object,
) -> Call[CostEstimate]:
    """The call that asks what music or speech costs.

    Args:
        token_type, model, duration, steps, number_of_media: All needed.
        announced_network: The network that the connection is on, taken when `network` is not given.
    Raises:
        ValidationError: something is missing or misspelt.
    """
    needed = {
        "token_type": token_type,
        "model": model,
        "duration": duration,
        "steps": steps,
        "number_of_media": number_of_media,
    }
    problems = _missing(**needed) + _unknown(unknown, estimate_audio_cost)
    query: dict[str, object] = {"network": _either(network, announced_network), "billingMode": billing_mode}
    return _call(["api", "v1", "job-audio", "estimate", *needed.values()], query, problems)


def read_estimate(body: object) -> CostEstimate:
    """The answer of any of the estimates.

    Raises:
        ValueError: one of the four costs is missing or no number.
    """
    rest = dict(body) if isinstance(body, Mapping) else {}
    quote = _object(rest.get("quote"))
    project = _object(quote.get("project"))
    benchmark = _object(rest.get("benchmark"))
    fair_use = _object(rest.get("dailyFairUse"))
    return CostEstimate(
        token=_money(project, "costInToken"),
        usd=_money(project, "costInUSD"),
        spark=_money(project, "costInSpark"),
        sogni=_money(project, "costInSogni"),
        estimated_render_seconds=_counted(benchmark.get("estimatedRenderTimeSec")),
        estimated_total_seconds=_counted(benchmark.get("estimatedTotalTimeSec")),
        daily_fair_use_pct=_counted(fair_use.get("pct")),
        extra=rest,
    )


def _call(parts: Iterable[object], query: Mapping[str, object], problems: list[Problem]) -> Call[CostEstimate]:
    values = [scalar(part) for part in parts]
    asked = {key: scalar(value) for key, value in query.items() if value is not None}
    for value in (*values, *asked.values()):
        if not isinstance(value, (str, bool, int, float, type(None))) or has_infinite(value) or has_broken_text(value):
            problems.append(_problem("value", "must be a text or a finite number", repr(value)))
    if problems:
        raise ValidationError(problems=problems)
    return Call(
        method="GET",
        path="/" + "/".join(segment(value) for value in values),
        query={key: number_text(value) for key, value in asked.items()},
        read=read_estimate,
        host=Host.SOCKET,
    )


def _either(value: object, default: object) -> object:
    return value if truthy(value) else default


def _problem(name: str, must: str, value: object, nearest: object = None) -> Problem:
    got = "" if value is None else f", not {short(value)}"
    return Problem(name, f"{name} {must}{got}.", value=value, allowed=must, nearest=nearest)


def _missing(**needed: object) -> list[Problem]:
    return [_problem(name, "is missing", None) for name, value in needed.items() if value is None]


def _unknown(names: Mapping[str, object], function: Callable[..., object]) -> list[Problem]:
    problems = []
    known = [name for name in function.__annotations__ if name not in _NO_PARAMETERS]
    for name, value in names.items():
        if name == "output_scale" and function is estimate_video_cost:
            problems.append(_problem(name, "is retired: give the width and height of the result", value))
        else:
            nearest = near(name, known)
            hint = f"; did you mean {nearest}?" if nearest else ""
            problems.append(_problem(name, f"is no parameter of this estimate{hint}", None, nearest))
    return problems


def _counted(value: object) -> float | None:
    """A real number from 0 on; anything else counts as not given."""
    value = scalar(value)
    found = None if isinstance(value, bool) else number(value, text=False)
    return found if found is not None and found >= 0 else None


def _floored(value: object) -> int | None:
    found = _counted(value)
    return None if found is None else int(found)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _money(project: Mapping[str, object], key: str) -> Decimal:
    value = project.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"the estimate has no {key}")
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"the estimate has no amount in {key}") from None
    if not amount.is_finite():
        raise ValueError(f"the estimate has no amount in {key}")
    return amount
