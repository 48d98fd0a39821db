"""Music and speech: a little tune made up from prompt and seed, in the format, and of the length, asked for."""

from __future__ import annotations

import array
import hashlib
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from . import Order

if TYPE_CHECKING:
    import av

RATE = 44_100
_FORMATS = {
    "mp3": ("mp3", "libmp3lame", "audio/mpeg"),
    "flac": ("flac", "flac", "audio/flac"),
    "wav": ("wav", "pcm_s16le", "audio/wav"),
}
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)
_BEAT = 0.3


def draw(order: Order, path: Path) -> str:
    """Save a tune and answer its content type."""
    import av

    container_format, codec, content_type = _FORMATS.get(order.output_format, _FORMATS["mp3"])
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.layout = "mono"  # type: ignore[union-attr]
        for frame in frames(order, min(max(order.seconds, 0.1), 600.0)):
            container.mux(stream.encode(frame))  # type: ignore[union-attr]
        container.mux(stream.encode(None))  # type: ignore[union-attr]
    return content_type


def frames(order: Order, seconds: float) -> Iterator[av.AudioFrame]:
    """The tune in frames of one beat."""
    import av

    chance = random.Random(hashlib.sha256(f"{order.prompt}\n{order.seed}".encode()).digest())
    base = 220 * 2 ** (chance.randrange(0, 6) / 12)
    left = round(seconds * RATE)
    position = 0
    beat = round(_BEAT * RATE)
    while left > 0:
        count = min(beat, left)
        pitch = base * 2 ** (chance.choice(_SCALE) / 12)
        samples = array.array("h", bytes(2 * count))
        turn = 2 * math.pi * pitch / RATE
        for n in range(count):
            fade = math.exp(-3.0 * n / beat)
            samples[n] = int(9000 * fade * (math.sin(turn * n) + 0.4 * math.sin(2 * turn * n)))
        frame = av.AudioFrame(format="s16", layout="mono", samples=count)
        frame.planes[0].update(samples.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate = RATE
        frame.pts = position
        position += count
        left -= count
        yield frame
