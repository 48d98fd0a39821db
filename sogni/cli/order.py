"""Ordering: the options that all commands share which render, and what they do, from the check to the saved file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from attrs import evolve, field, frozen
from cyclopts import Parameter
from cyclopts.validators import Number

from .context import Context
from .defaults import TOKEN
from .exits import CommandError
from .follow import Clock, follow
from .target import Target

if TYPE_CHECKING:
    from sogni import ModelOptions, Project, SogniClient

# How long `--detach` looks whether the order was taken.
_FIRST_NEWS = 10.0

Positive = Annotated[float, Parameter(validator=Number(gt=0))]
Count = Annotated[int, Parameter(name=("--count", "-n"), validator=Number(gte=1, lte=512))]
Steps = Annotated[int, Parameter(validator=Number(gte=1))]
Out = Annotated[str, Parameter(name=("--out", "-o"))]
Shared = Annotated[Context, Parameter(parse=False)]
Token = Literal["spark", "sogni"]
# Takes the seconds that it may use last.
Size = Callable[["SogniClient", "ModelOptions", float | None], Mapping[str, Any]]


@Parameter(name="*")
@frozen(kw_only=True)
class Options:
    """What every command takes that renders.

    Attributes:
        out: Folder for the outputs, or a file name, whose ending chooses the format.
        model: Model id, see `sogni models`; by default one that fits the task.
        seed: Whole number; the same again gives the same output.
        token: What to pay with.
        max_cost: Order nothing if it would cost more than this many tokens.
        timeout: Seconds after which to stop waiting; the rendering goes on.
        detach: Print the id of the project and leave it running; `sogni wait` fetches what it made.
    """

    out: Out = "."
    model: str | None = None
    seed: int | None = None
    token: Token = TOKEN
    max_cost: Decimal | None = None
    timeout: Positive | None = None
    detach: Annotated[bool, Parameter(negative="", show_default=False)] = False


@frozen(kw_only=True)
class Order:
    """What a command wants to have made.

    Attributes:
        type: `image`, `video` or `audio`.
        model: The model, unless the options name one.
        prompt: The prompt.
        fields: More keywords of `create`; None means not given.
        size: Gives the keywords that need a look at what the model takes.
        format: The value of `--format`.
        name: File name of the outputs without its ending; by default made of prompt and seed.
    """

    type: Literal["image", "video", "audio"]
    model: str
    prompt: str
    fields: Mapping[str, Any] = field(factory=dict)
    size: Size | None = None
    format: str | None = None
    name: str | None = None


def render(context: Context, order: Order, options: Options | None) -> None:
    """Order, wait, save, and print where.

    Raises:
        SogniError: why nothing was ordered, or what is missing.
    """
    options = options or Options()
    if options.detach and context.sandbox_is_ours:
        raise CommandError(
            "--detach needs a sandbox that stays.",
            hint="Start one with `sogni sandbox serve` and set SOGNI_SANDBOX_URL to its address.",
        )
    model = options.model or order.model
    target = Target.parse(options.out)
    target.check()
    clock = Clock(options.timeout)
    with context.client(options.out) as client:
        kind = "model" if client.projects.is_model_artifact_model_id(model) else order.type
        output_format = target.format([kind], order.format)
        if order.name is not None and target.name is None:
            target = evolve(target, name=order.name)
        given = {
            "number_of_media": 1,
            "positive_prompt": order.prompt,
            **order.fields,
            "seed": options.seed,
            "token_type": options.token,
            "output_format": output_format,
        }
        if order.size is not None:
            advice = client.projects.get_model_options(model, timeout=clock.left())
            given |= order.size(client, advice, clock.left())
        given = {name: value for name, value in given.items() if value is not None}
        if options.max_cost is not None:
            _check_cost(client, order.type, model, given, options.max_cost, clock)
        project = client.projects.create(type=order.type, model_id=model, timeout=clock.left(), **given)
        if options.detach:
            _wait_for_news(project)
            about = {"project_id": project.id, "kind": order.type, "count": project.number_of_media, "model": model}
            context.show.result(project.id, "submitted", **about)
            return
        context.show.project(project, "submitted", model=model)
        outcome = follow(project, context.show, target, timeout=clock.left())
    outcome.raise_for_missing(project, context.resume_command(project.id))


def _check_cost(
    client: SogniClient, type: str, model: str, given: Mapping[str, Any], limit: Decimal, clock: Clock
) -> None:
    from sogni.errors import TooExpensive

    from .costs import estimate

    cost = estimate(client, type, model, given, clock.left())
    if cost.token > limit:
        price = f"{cost.token.normalize():f} {given['token_type']}"
        message = f"It would cost {price}, more than --max-cost {limit}."
        raise TooExpensive(message, hint="Nothing was ordered.", cost=cost, max_cost=limit)


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
