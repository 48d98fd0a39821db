"""What an order would cost: from the keywords of `create` to the call that asks, and the limit that it must keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..errors import Problem, ProtocolError, TooExpensive, ValidationError
from ..types.catalog import ModelOptions, Range, SizePreset
from .estimate import estimate_audio_cost, estimate_cost, estimate_video_cost
from .values import is_list, number, truthy

if TYPE_CHECKING:
    from .._protocol.call import Call
    from ..types.account import CostEstimate

TOKEN = "spark"
"""What is paid with when there is a limit and nobody says: the limit has to be in some token."""

# Where neither the caller nor the service names a length, in seconds.
_CLIP = 5.0
_SONG = 30.0
# Letters that are spoken in a second.
_PACE = 14
_FPS = 24.0


def settled(params: Mapping[str, Any], options: ModelOptions) -> dict[str, Any]:
    """An order with all said that its price depends on: a limit holds for what is ordered, not for a guess.

    Raises:
        ValidationError: the price depends on a file, and is known when the service has seen it.
    """
    if options.preserves_source_timing:
        message = f"max_cost cannot be kept by {params['model_id']}: its price depends on the video that it is given."
        raise ValidationError(problems=[Problem("max_cost", message, allowed="nothing, for this model")])
    found = {"token_type": TOKEN, **params}
    if params["type"] == "video" and not any(params.get(name) is not None for name in ("duration", "frames")):
        found.update(_length(options))
    return found


def quote(
    params: Mapping[str, Any],
    options: ModelOptions,
    *,
    presets: Sequence[SizePreset] = (),
    announced_network: str | None = None,
) -> Call[CostEstimate]:
    """The call that asks what an order costs.

    Args:
        params: The keywords of `create`, `settled`.
        options: Of its model; its defaults stand in for what is not given.
        presets: The named sizes of the model, if the order names one.
        announced_network: The network that the connection is on.
    """
    if params["type"] == "image":
        return _image(params, options, presets)
    shared = {name: params.get(name) for name in ("network", "billing_mode")}
    shared["announced_network"] = announced_network
    token, model, count = params["token_type"], params["model_id"], params["number_of_media"]
    steps = _or_default(params, options, "steps")
    if params["type"] == "audio":
        return estimate_audio_cost(token, model, _seconds(params, options), int(steps or 1), count, **shared)
    return estimate_video_cost(
        token,
        model,
        _or_default(params, options, "width"),
        _or_default(params, options, "height"),
        fps=_fps(params, options),
        steps=None if steps is None else int(steps),
        number_of_media=count,
        reference_video=truthy(params.get("reference_video")),
        keyframes=params.get("keyframes"),
        **{name: params[name] for name in ("duration", "frames") if params.get(name) is not None},
        **shared,
    )


def check(cost: CostEstimate, token: str, limit: Decimal) -> None:
    """Raises when something costs more than it may.

    Raises:
        TooExpensive: nothing was ordered.
    """
    if cost.token < 0:
        raise ProtocolError("The service estimates a negative cost, which cannot be compared with a limit.")
    if cost.token > limit:
        price = f"{cost.token.normalize():f}"
        raise TooExpensive(
            f"It would cost {price} {token}, more than the limit of {limit.normalize():f}.", cost=cost, max_cost=limit
        )


def _image(params: Mapping[str, Any], options: ModelOptions, presets: Sequence[SizePreset]) -> Call[CostEstimate]:
    contexts = params.get("context_images")
    names = ("starting_image_strength", "width", "height", "size_preset", "guidance", "sampler")
    named = {name: params.get(name) for name in (*names, "gpt_image_quality", "output_format")}
    return estimate_cost(
        params["model_id"],
        params["number_of_media"],
        int(_or_default(params, options, "steps") or 1),
        params.get("number_of_previews") or 0,
        token_type=params["token_type"],
        network=params.get("network"),
        cn_enabled=truthy(params.get("control_net")),
        context_images=len(contexts) if contexts is not None and is_list(contexts) else None,
        billing_mode=params.get("billing_mode"),
        presets=presets,
        **named,
    )


def _or_default(params: Mapping[str, Any], options: ModelOptions, name: str) -> float | None:
    value = params.get(name)
    span = getattr(options, name)
    return value if value is not None or not isinstance(span, Range) else span.default


def _fps(params: Mapping[str, Any], options: ModelOptions) -> float:
    given = params.get("fps")
    advised = number(options.fps.get("default"), text=False) if options.fps is not None else None
    return given if given is not None else advised or _FPS


def _length(options: ModelOptions) -> dict[str, Any]:
    frames = options.tier.get("frames")
    usual = frames.get("default") if isinstance(frames, Mapping) else None
    return {"duration": _CLIP} if usual is None else {"frames": usual}


def _seconds(params: Mapping[str, Any], options: ModelOptions) -> float:
    asked = _or_default(params, options, "duration")
    if asked is not None:
        return asked
    # A model without a length of its own speaks as long as its words take.
    return _SONG if options.language is None else max(1.0, round(len(params["positive_prompt"]) / _PACE, 1))
