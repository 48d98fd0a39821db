"""`sogni video`: clips from a text, from pictures, from sound, or from another clip."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from . import media, sizes
from .defaults import MODELS
from .exits import CommandError
from .order import Count, Options, Order, Positive, Shared, Steps, render


def video(
    prompt: str,
    /,
    *,
    count: Count = 1,
    duration: Positive | None = None,
    fps: Positive | None = None,
    size: str | None = None,
    photo: Annotated[str | None, Parameter(name=("--photo", "--starting-image"))] = None,
    end_photo: str | None = None,
    audio: str | None = None,
    video: str | None = None,
    sound: bool | None = None,
    negative: str | None = None,
    steps: Steps | None = None,
    format: Literal["mp4", "mov"] | None = None,
    options: Options | None = None,
    context: Shared,
) -> None:
    """Render videos and save them.

    Args:
        prompt: What to make.
        count: How many videos.
        duration: Seconds; the models differ in what they take.
        fps: Frames per second.
        size: WIDTHxHEIGHT, such as 1280x720; by default the shape of the photo, or as the model likes.
        photo: Picture that the video starts with: a file or an https address.
        end_photo: Picture that it ends with.
        audio: Recording that it follows.
        video: Video to change.
        sound: Whether the video has sound, where the model makes some.
        negative: What to keep out.
        steps: Sampling steps.
        format: File format; mp4 unless given.
    """
    if size is not None and isinstance(sizes.parse(size), str):
        raise CommandError(f"--size is {size!r}; for videos it is WIDTHxHEIGHT, such as 1280x720.")
    start = None if photo is None else media.photo(photo, "--photo")
    end = None if end_photo is None else media.photo(end_photo, "--end-photo")
    shown = start or end
    shape = None if shown is None else shown.size
    fields: dict[str, Any] = {
        "number_of_media": count,
        "duration": duration,
        "fps": fps,
        "steps": steps,
        "negative_prompt": negative,
        "generate_audio": sound,
        "reference_image": None if start is None else start.given,
        "reference_image_end": None if end is None else end.given,
        "reference_audio": None if audio is None else media.sound(audio, "--audio"),
        "reference_video": None if video is None else media.clip(video, "--video"),
    }
    order = Order(
        type="video",
        model=MODELS[_task(pictures=shown is not None, audio=audio is not None, video=video is not None)],
        prompt=prompt,
        fields=fields,
        size=None if size is None and shape is None else lambda _, options, __: sizes.of_video(options, size, shape),
        format=format,
    )
    render(context, order, options)


def _task(*, pictures: bool, audio: bool, video: bool) -> str:
    if video:
        return "video from a video"
    if audio:
        return "video from a picture and sound" if pictures else "video from sound"
    return "video from a picture" if pictures else "video"
