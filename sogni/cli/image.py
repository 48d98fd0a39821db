"""`sogni image` and `sogni edit`: pictures from a text, from a photograph, or out of other pictures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from . import media, sizes
from .defaults import MODELS
from .order import Count, Options, Order, Shared, Size, Steps, render

Format = Literal["png", "jpg", "webp"]
Share = Annotated[float, Parameter(validator=Number(gte=0, lte=1))]
Previews = Annotated[int, Parameter(validator=Number(gte=0))]


def image(
    prompt: str,
    /,
    *,
    count: Count = 1,
    size: str | None = None,
    negative: str | None = None,
    photo: Annotated[str | None, Parameter(name=("--photo", "--starting-image"))] = None,
    strength: Share | None = None,
    steps: Steps | None = None,
    format: Format | None = None,
    previews: Previews | None = None,
    options: Options | None = None,
    context: Shared,
) -> None:
    """Render pictures and save them.

    Args:
        prompt: What to make.
        count: How many pictures.
        size: WIDTHxHEIGHT, such as 1024x768, or a preset of the model; by default the shape of the photo.
        negative: What to keep out.
        photo: Picture to start from: a file or an https address.
        strength: How much of the photo to keep, 0 to 1.
        steps: Sampling steps.
        format: File format; png unless given.
        previews: How many pictures to save while each one is rendered.
    """
    start = None if photo is None else media.photo(photo, "--photo")
    fields: dict[str, Any] = {
        "number_of_media": count,
        "steps": steps,
        "negative_prompt": negative,
        "starting_image": None if start is None else start.given,
        "starting_image_strength": strength,
        "number_of_previews": previews,
    }
    order = Order(
        type="image",
        model=MODELS["image"],
        prompt=prompt,
        fields=fields,
        size=_sized(size, start),
        format=format,
    )
    render(context, order, options)


def edit(
    prompt: str,
    /,
    *,
    photo: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False, show_default=False)],
    count: Count = 1,
    size: str | None = None,
    negative: str | None = None,
    steps: Steps | None = None,
    format: Format | None = None,
    previews: Previews | None = None,
    options: Options | None = None,
    context: Shared,
) -> None:
    """Change a picture as the prompt says, or make a new one out of several.

    Args:
        prompt: What to do, such as "make it night".
        photo: Picture to change: a file or an https address; again for others to look at, 3 in all on most models.
        count: How many pictures.
        size: WIDTHxHEIGHT in pixels, or a preset of the model; by default the shape of the first photo.
        negative: What to keep out.
        steps: Sampling steps.
        format: File format; png unless given.
        previews: How many pictures to save while each one is rendered.
    """
    photos = [media.photo(each, "--photo") for each in photo]
    fields: dict[str, Any] = {
        "number_of_media": count,
        "steps": steps,
        "negative_prompt": negative,
        "context_images": [each.given for each in photos],
        "number_of_previews": previews,
    }
    order = Order(
        type="image", model=MODELS["edit"], prompt=prompt, fields=fields, size=_sized(size, photos[0]), format=format
    )
    render(context, order, options)


def _sized(size: str | None, photo: media.Photo | None) -> Size | None:
    """Checks at once what needs no catalogue."""
    if size is not None:
        sizes.parse(size)
    shape = None if photo is None else photo.size
    if size is None and shape is None:
        return None
    return lambda client, options, timeout: sizes.of_picture(client, options.model_id, size, shape, timeout)
