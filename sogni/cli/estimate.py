"""`sogni estimate`: what something would cost, before it is ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App

from . import sizes
from .context import Context
from .costs import estimate
from .defaults import MODELS, MUSIC_SECONDS, TOKEN
from .image import Previews
from .order import Count, Positive, Shared, Steps, Token
from .wording import seconds

if TYPE_CHECKING:
    from sogni import CostEstimate

app = App(name="estimate", help="What something would cost. Asking is free.")


@app.command
def image(
    *,
    model: str = MODELS["image"],
    count: Count = 1,
    size: str | None = None,
    steps: Steps | None = None,
    previews: Previews = 0,
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
    }
    with context.client() as client:
        # Presets are asked for by the id of a model that exists.
        given |= sizes.of_picture(client, client.projects.get_model_options(model).model_id, size)
        _show(context, estimate(client, "image", model, given), model, token)


@app.command
def video(
    *,
    model: str = MODELS["video"],
    count: Count = 1,
    size: str | None = None,
    duration: Positive | None = None,
    frames: int | None = None,
    fps: Positive | None = None,
    steps: Steps | None = None,
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
    given: dict[str, Any] = {
        "number_of_media": count,
        "duration": duration,
        "frames": frames,
        "fps": fps,
        "steps": steps,
        "token_type": token,
    }
    with context.client() as client:
        given |= sizes.of_video(client.projects.get_model_options(model), size)
        _show(context, estimate(client, "video", model, given), model, token)


@app.command
def audio(
    *,
    model: str = MODELS["music"],
    count: Count = 1,
    duration: Positive = MUSIC_SECONDS,
    steps: Steps | None = None,
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
    given = {"number_of_media": count, "duration": duration, "steps": steps, "token_type": token}
    with context.client() as client:
        _show(context, estimate(client, "audio", model, given), model, token)


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
