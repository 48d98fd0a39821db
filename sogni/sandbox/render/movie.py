"""Videos: the scenery passes by while a ball jumps through it, with a tune; or the video that came in, enlarged."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageChops, ImageDraw, ImageOps

from ..order import Order
from . import Made, Stopped
from .inputs import load
from .lettering import caption, mark
from .scenery import landscape
from .sound import frames as sound_frames, recorded
from .tune import RATE, samples

CONTENT_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime"}
#: Parts of the ids of models that move a picture to a sound.
GUIDED = ("_a2v", "_ia2v", "_flfa2v", "_s2v")
#: Parts of the ids of models that change a video.
CHANGED = ("_v2v", "_animate-")
#: Sounds that an MP4 file takes as they are.
COPIED = ("aac", "mp3")
#: Longest side that is really drawn; the encoder enlarges it.
DRAWN = 720
#: How much wider the scenery is than the view that moves over it.
WIDER = 1.3


def render(order: Order, path: Path, stopped: Callable[[], bool]) -> Made:
    """Write a video."""
    if order.task == "upscale" and "referenceVideo" in order.inputs:
        return _enlarge(order, order.inputs["referenceVideo"], path, stopped)
    size = order.width, order.height
    pictures = _pictures(order)
    last: Image.Image | None = None
    with av.open(str(path), "w", format=order.format) as container:
        picture = _video_stream(container, size, Fraction(order.fps).limit_denominator(1001))
        # Both streams have to be there before the first packet.
        sound = container.add_stream("aac", rate=RATE, layout="mono") if _has_sound(order) else None
        for image in pictures:
            if stopped():
                raise Stopped
            last = image
            _encode(container, picture, _frame(image), size)
        container.mux(picture.encode(None))
        if sound is not None:
            for frame in sound_frames(_soundtrack(order, stopped)):
                if stopped():
                    raise Stopped
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    facts = {"width": size[0], "height": size[1], "frames": order.frames, "fps": order.fps}
    return Made(
        content_type=CONTENT_TYPES[order.format],
        facts=facts,
        last_frame=_last_frame(last, size, path) if order.options.get("returnLastFrame") is True and last else None,
    )


def _pictures(order: Order) -> Iterator[Image.Image]:
    """Every frame, small."""
    scale = min(1.0, DRAWN / max(order.width, order.height))
    width, height = max(16, round(order.width * scale)), max(16, round(order.height * scale))
    wide = round(width * WIDER), height
    first = _backdrop(order, wide)
    end = _input(order, "referenceImageEnd", wide)
    chance = random.Random(f"{order.seed}|{order.prompt}")
    colour = tuple(chance.randint(150, 255) for _ in range(3))
    jumps, radius = chance.randint(2, 4), height // 14
    words = _words(order, (width, height))
    moving = _moving(order, (width, height))
    for number in range(order.frames):
        done = number / max(1, order.frames - 1)
        if moving is not None:
            image = next(moving)
        else:
            view = first if end is None else Image.blend(first, end, done)
            left = round((wide[0] - width) * done)
            image = view.crop((left, 0, left + width, height))
        pen = ImageDraw.Draw(image)
        x = width * (0.08 + 0.84 * done)
        y = height * 0.62 - abs(math.sin(math.pi * jumps * done)) * height * 0.3
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline="white", width=2)
        pen.rectangle((0, height - 4, width * (number + 1) / order.frames, height), fill="white")
        for place, layer in words:
            image.paste(layer, place, layer)
        yield image


def _moving(order: Order, size: tuple[int, int]) -> Iterator[Image.Image] | None:
    """The pictures of the video that is to be changed, at our rate; its last one stays. None when there is none."""
    if "referenceVideo" not in order.inputs or not any(word in order.model_id for word in CHANGED):
        return None
    return _sampled(order, order.inputs["referenceVideo"], size)


def _sampled(order: Order, path: Path, size: tuple[int, int]) -> Iterator[Image.Image]:
    start = order.options.get("videoStart")
    at = float(start) if isinstance(start, (int, float)) else 0.0
    shown: Image.Image | None = None
    with av.open(str(path)) as source:
        for frame in source.decode(video=0):
            if shown is not None:
                while at < frame.time:
                    yield shown.copy()
                    at += 1 / order.fps
            shown = ImageOps.fit(frame.to_image(), size)
    while shown is not None:
        yield shown.copy()


def _words(order: Order, size: tuple[int, int]) -> list[tuple[tuple[int, int], Image.Image]]:
    """Caption and mark, each as a layer and its place: found by what they change on black and on white."""
    drawn = []
    for ground in ("black", "white"):
        image = Image.new("RGB", size, ground)
        caption(image, order.prompt, f"{order.model_id}   seed {order.seed}")
        mark(image)
        drawn.append(image)
    # Where the two differ, the ground shines through by just as much.
    through = ImageChops.subtract(drawn[1].convert("L"), drawn[0].convert("L"))
    alpha = Image.eval(through, lambda value: 255 - value)
    # What was drawn on black is weighted with its own cover already; Pillow calls that RGBa.
    layer = Image.merge("RGBa", (*drawn[0].split(), alpha)).convert("RGBA")
    found = []
    for box in ((0, 0, size[0], size[1] // 2), (0, size[1] // 2, *size)):
        part = layer.crop(box)
        inner = part.getchannel("A").getbbox()
        if inner is not None:
            found.append(((box[0] + inner[0], box[1] + inner[1]), part.crop(inner)))
    return found


def _backdrop(order: Order, size: tuple[int, int]) -> Image.Image:
    for slot in ("referenceImage", "contextImage1", "keyframeImage1"):
        if (image := _input(order, slot, size)) is not None:
            return image
    for slot in ("referenceVideo", "referenceVideo1"):
        if slot in order.inputs:
            return ImageOps.fit(_first_frame(order.inputs[slot]), size)
    return landscape(order.seed, order.prompt, order.style, size)


def _input(order: Order, slot: str, size: tuple[int, int]) -> Image.Image | None:
    return ImageOps.fit(load(order, slot), size) if slot in order.inputs else None


def _first_frame(path: Path) -> Image.Image:
    """The first frame of a video that came in."""
    with av.open(str(path)) as source:
        image: Image.Image = next(source.decode(video=0)).to_image()
        return image


def _last_frame(image: Image.Image, size: tuple[int, int], path: Path) -> Path:
    where = path.with_suffix(".last.png")
    image.resize(size).save(where, "PNG", compress_level=2)
    return where


def _is_guided(order: Order) -> bool:
    """The picture follows a sound that came in, which then is the sound of the video."""
    return "referenceAudio" in order.inputs and any(word in order.model_id for word in GUIDED)


def _has_sound(order: Order) -> bool:
    if _is_guided(order):
        return True
    return order.options.get("generateAudio") is not False and not order.model_id.startswith("wan_v2.2")


def _soundtrack(order: Order, stopped: Callable[[], bool]) -> array[int]:
    seconds = order.frames / order.fps
    if not _is_guided(order):
        return samples(order, seconds)
    start = order.options.get("audioStart")
    return recorded(order.inputs["referenceAudio"], start if isinstance(start, (int, float)) else 0.0, seconds, stopped)


def _frame(image: Image.Image) -> Any:
    make: Any = av.VideoFrame
    return make.from_image(image)


def _video_stream(container: Any, size: tuple[int, int], rate: Fraction) -> Any:
    stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "24"})
    stream.width, stream.height = size
    # Half as many colour samples need even sides.
    stream.pix_fmt = "yuv420p" if size[0] % 2 == size[1] % 2 == 0 else "yuv444p"
    return stream


def _encode(container: Any, stream: Any, frame: Any, size: tuple[int, int]) -> None:
    scaled = frame.reformat(width=size[0], height=size[1], format=stream.pix_fmt)
    scaled.pts = None
    container.mux(stream.encode(scaled))


def _enlarge(order: Order, video: Path, path: Path, stopped: Callable[[], bool]) -> Made:
    """The same frames at the same rate with the same sound, larger."""
    with av.open(str(video)) as source, av.open(str(path), "w", format="mp4") as container:
        moving = source.streams.video[0]
        rate = moving.average_rate or Fraction(24)
        short = order.options.get("upscaleResolution")
        scale = (short if isinstance(short, int) else 1080) / min(moving.width, moving.height)
        size = round(moving.width * scale / 2) * 2, round(moving.height * scale / 2) * 2
        picture = _video_stream(container, size, rate)
        heard = source.streams.audio[0] if source.streams.audio else None
        is_copied = heard is not None and heard.codec_context.name.startswith(COPIED)
        sound = None
        if heard is not None:
            sound = (
                container.add_stream_from_template(heard)
                if is_copied
                else container.add_stream("aac", rate=heard.rate, layout=heard.layout)
            )
        count = 0
        for packet in source.demux([stream for stream in (moving, heard) if stream is not None]):
            if stopped():
                raise Stopped
            if packet.stream is heard and sound is not None:
                if not is_copied:
                    for frame in packet.decode():
                        container.mux(sound.encode(frame))
                elif packet.dts is not None:
                    packet.stream = sound
                    container.mux(packet)
                continue
            for frame in packet.decode():
                image = frame.to_image()
                mark(image)
                _encode(container, picture, _frame(image), size)
                count += 1
        container.mux(picture.encode(None))
        if sound is not None and not is_copied:
            container.mux(sound.encode(None))
    facts = {"width": size[0], "height": size[1], "frames": count, "fps": float(rate)}
    return Made(content_type="video/mp4", facts=facts)
