"""`sogni image`: pictures from a text, or from a photograph."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from .context import Context
from .defaults import IMAGE_MODEL, TOKEN
from .exits import CommandError, Exit, TooExpensive
from .follow import Clock, follow

if TYPE_CHECKING:
    from sogni import Project, SogniClient

# How long `--detach` looks whether the order was taken.
_FIRST_NEWS = 10.0

Positive = Annotated[float, Parameter(validator=Number(gt=0))]


def image(
    prompt: str,
    /,
    *,
    count: Annotated[int, Parameter(name=("--count", "-n"))] = 1,
    out: Annotated[str, Parameter(name=("--out", "-o"))] = ".",
    model: str = IMAGE_MODEL,
    size: str | None = None,
    seed: int | None = None,
    steps: int | None = None,
    negative: str | None = None,
    photo: Annotated[str | None, Parameter(name=("--photo", "--starting-image"))] = None,
    strength: float | None = None,
    format: Literal["png", "jpg", "webp"] | None = None,
    previews: int | None = None,
    token: Literal["spark", "sogni"] = TOKEN,
    max_cost: Decimal | None = None,
    timeout: Positive | None = None,
    detach: Annotated[bool, Parameter(negative="")] = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> None:
    """Render pictures and save them.

    Args:
        prompt: What to make.
        count: How many pictures.
        out: Folder for them, or a file name with an extension.
        model: Model id; `sogni models --kind image` lists them.
        size: WIDTHxHEIGHT in pixels, such as 1024x768, or the name of a preset of the model.
        seed: Whole number; the same again gives the same picture.
        steps: Sampling steps.
        negative: What to keep out.
        photo: Picture to start from: a file or an https address.
        strength: How much of the photo to keep, 0 to 1.
        format: File format; png unless given.
        previews: How many pictures to save while each one is rendered.
        token: What to pay with.
        max_cost: Order nothing if it would cost more than this many tokens.
        timeout: Seconds after which to stop waiting; the rendering goes on.
        detach: Print the id of the project and leave it running; `sogni wait` fetches the pictures.
    """
    if detach and context.sandbox_is_ours:
        raise CommandError(
            "--detach needs a sandbox that stays.",
            hint="Start one with `sogni sandbox serve` and set SOGNI_SANDBOX_URL to its address.",
        )
    clock = Clock(timeout)
    given: dict[str, Any] = {
        "number_of_media": count,
        "seed": seed,
        "steps": steps,
        "negative_prompt": negative,
        "starting_image": photo,
        "starting_image_strength": strength,
        "output_format": format,
        "number_of_previews": previews,
        "token_type": token,
        **size_fields(size),
    }
    with context.client(out) as client:
        if max_cost is not None:
            _check_cost(client, model, given, max_cost, clock)
        project = client.projects.create(
            type="image",
            model_id=model,
            positive_prompt=prompt,
            timeout=clock.left(),
            **{name: value for name, value in given.items() if value is not None},
        )
        if detach:
            _wait_for_news(project)
            context.show.result(project.id, "submitted", project_id=project.id, kind="image", count=count, model=model)
            return
        context.show.project(project, "submitted", model=model)
        outcome = follow(project, context.show, out, timeout=clock.left())
    outcome.raise_for_missing(count)


def size_fields(size: str | None) -> dict[str, object]:
    """`1024x768` as width and height, anything else as the name of a preset."""
    if size is None:
        return {}
    edges = re.fullmatch(r"(\d+)[x×](\d+)", size.strip().lower())
    if edges is None:
        return {"size_preset": size.strip()}
    return {"width": int(edges[1]), "height": int(edges[2])}


def estimate_fields(client: SogniClient, model: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the estimate of pictures wants to know, from what an order takes."""
    steps = given.get("steps")
    if steps is None:
        advised = client.projects.get_model_options(model).steps
        # Models without sampling steps are priced by other things.
        steps = int(advised.default) if advised is not None and advised.default is not None else 1
    fields = {
        "model": model,
        "image_count": given["number_of_media"],
        "step_count": steps,
        "preview_count": given.get("number_of_previews") or 0,
        "token_type": given["token_type"],
        "starting_image_strength": given.get("starting_image_strength"),
        "output_format": given.get("output_format"),
    }
    fields |= {name: given.get(name) for name in ("width", "height", "size_preset")}
    return {name: value for name, value in fields.items() if value is not None}


def _check_cost(client: SogniClient, model: str, given: dict[str, Any], limit: Decimal, clock: Clock) -> None:
    cost = client.projects.estimate_cost(**estimate_fields(client, model, given), timeout=clock.left())
    if cost.token > limit:
        price = f"{cost.token.normalize():f} {given['token_type']}"
        raise TooExpensive(
            f"It would cost {price}, more than --max-cost {limit}.", hint="Nothing was ordered.", exit=Exit.FUNDS
        )


def _wait_for_news(project: Project) -> None:
    """Wait for the first thing that happens: an order that is refused should not look like one that runs."""
    from sogni.errors import WaitTimeout
    from sogni.events import Failed

    try:
        with project.events(timeout=_FIRST_NEWS) as stream:
            first = next(iter(stream))
    except WaitTimeout:
        return
    if isinstance(first, Failed):
        raise first.error
