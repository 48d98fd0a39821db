"""Audio files: a tune or speech as MP3, WAV or FLAC."""

from __future__ import annotations

import sys
import wave
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..order import Order
from . import Made, Stopped
from .tune import RATE, samples

if TYPE_CHECKING:
    import av

CONTENT_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac"}
CODECS = {"mp3": "libmp3lame", "flac": "flac"}
#: Samples handed to the encoder at once.
PIECE = 4608


def render(order: Order, path: Path, stopped: Callable[[], bool]) -> Made:
    """Write a tune or speech of the length asked for."""
    pcm = samples(order, order.seconds)
    if order.format == "wav":
        _write_wav(path, pcm)
    else:
        _encode(path, order.format, pcm, stopped)
    return Made(content_type=CONTENT_TYPES[order.format], facts={"duration": len(pcm) / RATE})


def recorded(path: Path, start: float, seconds: float, stopped: Callable[[], bool]) -> array[int]:
    """A part of a file that came in, as our samples; silence where it has ended."""
    import av

    first, count = round(start * RATE), round(seconds * RATE)
    pcm = array("h")
    with av.open(str(path)) as source:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in source.decode(source.streams.audio[0]):
            if stopped():
                raise Stopped
            for piece in resampler.resample(frame):
                pcm.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
            if len(pcm) >= first + count:
                break
    heard = pcm[first : first + count]
    return heard + array("h", bytes(2 * (count - len(heard))))


def frames(pcm: array[int]) -> Iterator[av.AudioFrame]:
    """The samples as frames for an encoder."""
    import av

    for start in range(0, len(pcm), PIECE):
        piece = pcm[start : start + PIECE]
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(piece))
        plane = frame.planes[0]
        plane.update(piece.tobytes().ljust(plane.buffer_size, b"\0"))
        frame.sample_rate = RATE
        frame.pts = start
        yield frame


def _write_wav(path: Path, pcm: array[int]) -> None:
    if sys.byteorder == "big":
        pcm = array("h", pcm)
        pcm.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())


def _encode(path: Path, kind: str, pcm: array[int], stopped: Callable[[], bool]) -> None:
    import av

    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(CODECS[kind], rate=RATE, layout="mono")
        for frame in frames(pcm):
            if stopped():
                raise Stopped
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
