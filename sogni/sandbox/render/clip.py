"""Clips: the landscape of `picture.py` with a travelling sun, and the tune of `sound.py`, as MP4."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from PIL import Image

from . import Order, picture, sound

_LARGEST = 320
_MOST_DRAWN = 24


def draw(order: Order, path: Path) -> str:
    """Save a clip and answer its content type."""
    import av

    is_mov = order.output_format == "mov"
    count = min(max(order.frames, 1), 2_000)
    rate = Fraction(order.fps).limit_denominator(1001)
    # The codec wants even numbers.
    width, height = (max(16, side - side % 2) for side in order.size)
    scale = min(1.0, _LARGEST / max(width, height))
    small = (max(16, round(width * scale)), max(16, round(height * scale)))
    with av.open(str(path), "w", format="mov" if is_mov else "mp4") as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "30"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = container.add_stream("aac", rate=sound.RATE)
        audio.layout = "mono"
        start = order.inputs.get("referenceImage")
        drawn = min(count, _MOST_DRAWN)
        stills: dict[int, Image.Image] = {}
        for number in range(count):
            still = number * drawn // count
            if still not in stills:
                frame_picture = picture.landscape(order, small, moment=(still + 1) / drawn)
                if start is not None:
                    frame_picture = Image.blend(picture._opened(start, small), frame_picture, 0.35)
                frame_picture = frame_picture.resize((width, height))
                picture.caption(frame_picture, order)
                stills = {still: frame_picture}
            container.mux(video.encode(av.VideoFrame.from_image(stills[still])))
        container.mux(video.encode(None))
        for frame in sound.frames(order, float(count / rate)):
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return "video/quicktime" if is_mov else "video/mp4"
