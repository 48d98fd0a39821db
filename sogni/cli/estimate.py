"""`sogni estimate`: what something would cost, before it is ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from .context import Context
from .defaults import AUDIO_MODEL, IMAGE_MODEL, TOKEN, VIDEO_MODEL
from .exits import CommandError
from .image import estimate_fields, size_fields
from .wording import seconds

if TYPE_CHECKING:
    from sogni import CostEstimate, SogniClient

app = App(name="estimate", help="What something would cost. Asking is free.")

Count = Annotated[int, Parameter(name=("--count", "-n"))]
Token = Literal["spark", "sogni"]
Shared = Annotated[Context, Parameter(parse=False)]


@app.command
def image(
    *,
    model: str = IMAGE_MODEL,
    count: Count = 1,
    size: str | None = None,
    steps: int | None = None,
    previews: int = 0,
    token: Token = TOKEN,
    context: Shared,
) -> None:
    """What pictures would cost.

    Args:
        model: Model id.
        count: How many pictures.
        size: WIDTHxHEIGHT in pixels, or the name of a preset of the model.
        steps: Sampling steps; by default as the model advises.
        previews: How many previews of each.
        token: What to pay with.
    """
    given: dict[str, Any] = {
        "number_of_media": count,
        "steps": steps,
        "number_of_previews": previews,
        "token_type": token,
        **size_fields(size),
    }
    with context.client() as client:
        _show(context, client.projects.estimate_cost(**estimate_fields(client, model, given)), model, token)


@app.command
def video(
    *,
    model: str = VIDEO_MODEL,
    count: Count = 1,
    size: str | None = None,
    duration: float | None = None,
    frames: int | None = None,
    fps: float | None = None,
    steps: int | None = None,
    token: Token = TOKEN,
    context: Shared,
) -> None:
    """What videos would cost.

    Args:
        model: Model id.
        count: How many videos.
        size: WIDTHxHEIGHT in pixels; by default as the model advises.
        duration: Seconds of video; 5 when neither this nor --frames is given.
        frames: The same in frames.
        fps: Frames per second; by default as the model advises.
        steps: Sampling steps; by default as the model advises.
        token: What to pay with.
    """
    edges = size_fields(size)
    if "size_preset" in edges:
        raise CommandError(f"--size is {size!r}; for videos it is WIDTHxHEIGHT, such as 640x480.")
    with context.client() as client:
        advised = _advised(client, model)
        fields: dict[str, Any] = {
            "width": edges.get("width") or advised["width"],
            "height": edges.get("height") or advised["height"],
            "fps": fps or advised["fps"] or 24,
            "duration": 5.0 if duration is None and frames is None else duration,
            "frames": frames,
            "steps": steps or advised["steps"],
            "number_of_media": count,
        }
        if fields["width"] is None or fields["height"] is None:
            raise CommandError("This model advises no size.", hint="Give one: --size 1280x720.")
        given = {name: value for name, value in fields.items() if value is not None}
        _show(context, client.projects.estimate_video_cost(token, model, **given), model, token)


@app.command
def audio(
    *,
    model: str = AUDIO_MODEL,
    count: Count = 1,
    duration: float = 30.0,
    steps: int | None = None,
    token: Token = TOKEN,
    context: Shared,
) -> None:
    """What music or speech would cost.

    Args:
        model: Model id.
        count: How many pieces.
        duration: Seconds of sound.
        steps: Sampling steps; by default as the model advises.
        token: What to pay with.
    """
    with context.client() as client:
        wanted = steps or _advised(client, model)["steps"] or 1
        cost = client.projects.estimate_audio_cost(
            token_type=token, model=model, duration=duration, steps=wanted, number_of_media=count
        )
        _show(context, cost, model, token)


def _advised(client: SogniClient, model: str) -> dict[str, Any]:
    """The defaults of a model, None where it has none."""
    options = client.projects.get_model_options(model)
    advised: dict[str, Any] = {
        name: None if (span := getattr(options, name)) is None or span.default is None else int(span.default)
        for name in ("width", "height", "steps")
    }
    advised["fps"] = options.fps.get("default") if options.fps is not None else None
    return advised


def _show(context: Context, cost: CostEstimate, model: str, token: str) -> None:
    text = f"{cost.token.normalize():f} {token} ({cost.usd.normalize():f} USD)"
    if cost.estimated_total_seconds:
        text += f", about {seconds(cost.estimated_total_seconds)}"
    context.show.result(
        text,
        "estimate",
        model=model,
        token=token,
        cost=str(cost.token),
        usd=str(cost.usd),
        spark=str(cost.spark),
        sogni=str(cost.sogni),
        render_seconds=cost.estimated_render_seconds,
        total_seconds=cost.estimated_total_seconds,
    )
