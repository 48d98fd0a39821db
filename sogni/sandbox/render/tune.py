"""Samples out of a seed: a small tune in a key and tempo, or syllables that sound like somebody reading aloud."""

from __future__ import annotations

import functools
import hashlib
import math
import operator
import random
import re
from array import array

from ..order import Order

RATE = 44_100
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
CHORDS = ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 5, 4))
#: First and second formant of some vowels, in Hertz.
VOWELS = {"a": (730, 1090), "e": (530, 1840), "i": (270, 2290), "o": (570, 840), "u": (300, 870), "y": (390, 1990)}
#: Periods in one table, so that a whole number of samples still hits the pitch.
PERIODS = 16
PEAK = 24_000


def samples(order: Order, seconds: float) -> array[int]:
    """Signed 16-bit mono samples of exactly that length."""
    count = max(1, round(seconds * RATE))
    key = hashlib.sha256(f"{order.seed}|{order.prompt}|{order.model_id}".encode()).digest()
    chance = random.Random(int.from_bytes(key[:8], "big"))
    if order.model_id.startswith("qwen3_tts"):
        return _fitted(_speech(order, chance, seconds), count)
    return _fitted(_song(order, chance, count), count)


def _song(order: Order, chance: random.Random, count: int) -> array[int]:
    """One part twice, another, and the first again, as far as that is needed."""
    tempo = order.options.get("bpm")
    beat = round(RATE * 60 / (tempo if isinstance(tempo, (int, float)) and 20 <= tempo <= 400 else 108))
    root, scale = _key(str(order.options.get("keyscale") or ""), chance)
    first = _bars(beat, root, scale, chance)
    if count <= 2 * len(first):
        return first
    return first + first + _bars(beat, root, scale, chance) + first


def _bars(beat: int, root: float, scale: tuple[int, ...], chance: random.Random) -> array[int]:
    """Four bars: chords, a bass and a melody."""
    room = [0.0] * (16 * beat)
    for bar, degree in enumerate(chance.choice(CHORDS)):
        start = bar * 4 * beat
        for third in (0, 2, 4):
            _add(room, start, _note(_pitch(root, scale, degree + third), 4 * beat, 0.16, 1.2))
        for half in (0, 2):
            _add(room, start + half * beat, _note(_pitch(root / 4, scale, degree), 2 * beat, 0.5, 3.0))
        at, step = 0, degree + 7
        while at < 8:
            length = chance.choice((1, 1, 2, 2, 3))
            if chance.random() < 0.8:
                step = max(4, min(14, step + chance.choice((-2, -1, -1, 1, 1, 2))))
                tone = _note(_pitch(root, scale, step), min(length, 8 - at) * beat // 2, 0.34, 4.0)
                _add(room, start + at * beat // 2, tone)
            at += length
    # Chords, bass and melody at their loudest together reach 2, which still fits into 16 bits.
    return array("h", map(int, map((PEAK / 1.5).__mul__, room)))


def _speech(order: Order, chance: random.Random, seconds: float) -> array[int]:
    """One tone for every vowel, with the formants of that vowel, hiss for the rest, and pauses between words."""
    voice = random.Random(str(order.options.get("speaker") or order.options.get("instruct") or order.seed))
    ground = voice.choice((105, 118, 132, 178, 196, 214))
    room: list[float] = []
    for number, word in enumerate(order.prompt.lower().split() or ["..."]):
        for vowel in re.findall("[aeiouy]", word)[:6] or ["e"]:
            room += [chance.uniform(-0.04, 0.04) for _ in range(RATE // 40)]
            pitch = ground * (1 + 0.12 * math.sin(number * 1.1) + chance.uniform(-0.03, 0.03))
            length = round(RATE * chance.uniform(0.08, 0.15))
            room += map(operator.mul, _cycle(_vowel(round(pitch), vowel), length), _swell(length))
        room += [0.0] * round(RATE * (0.28 if word[-1] in ".,!?;:" else 0.06))
        if len(room) > seconds * RATE:
            break
    return _scaled(room)


def _fitted(piece: array[int], count: int) -> array[int]:
    """Repeated or cut to the length, with a fade at the end so that it does not click."""
    whole = (piece * (count // len(piece) + 1))[:count]
    fade = min(count, RATE // 4)
    tail = whole[count - fade :]
    whole[count - fade :] = array("h", (value * (fade - n) // fade for n, value in enumerate(tail)))
    return whole


def _key(name: str, chance: random.Random) -> tuple[float, tuple[int, ...]]:
    found = re.match(r"\s*([A-G][#b]?)\s*(major|minor)?", name)
    if found:
        note = NOTES.index(FLATS.get(found[1], found[1])) if FLATS.get(found[1], found[1]) in NOTES else 0
        scale = MINOR if found[2] == "minor" else MAJOR
    else:
        note, scale = chance.randrange(12), chance.choice((MAJOR, MINOR))
    return 261.63 * 2 ** ((note - 12 * (note > 6)) / 12), scale


def _pitch(root: float, scale: tuple[int, ...], degree: int) -> float:
    octave, step = divmod(degree, 7)
    return root * 2 ** (octave + scale[step] / 12)


def _note(pitch: float, count: int, loud: float, decay: float) -> list[float]:
    return list(map(operator.mul, _cycle(_tone(round(pitch, 3), loud), count), _decay(count, decay)))


@functools.lru_cache(maxsize=128)
def _tone(pitch: float, loud: float) -> tuple[float, ...]:
    length = max(PERIODS, round(PERIODS * RATE / pitch))
    turn = 2 * math.pi * PERIODS / length
    return tuple(
        loud * (math.sin(turn * n) + 0.35 * math.sin(2 * turn * n) + 0.12 * math.sin(3 * turn * n))
        for n in range(length)
    )


@functools.lru_cache(maxsize=128)
def _vowel(pitch: int, vowel: str) -> tuple[float, ...]:
    length = round(RATE / pitch)
    turn = 2 * math.pi / length
    weights = [
        sum(math.exp(-(((harmonic * pitch - formant) / 220) ** 2)) for formant in VOWELS[vowel]) + 0.08 / harmonic
        for harmonic in range(1, 3000 // pitch)
    ]
    return tuple(sum(weight * math.sin(turn * n * (k + 1)) for k, weight in enumerate(weights)) for n in range(length))


@functools.lru_cache(maxsize=32)
def _decay(count: int, speed: float) -> tuple[float, ...]:
    attack = max(1, min(count // 8, RATE // 100))
    return tuple(min(1.0, n / attack) * math.exp(-speed * n / max(count, 1)) for n in range(count))


def _swell(count: int) -> list[float]:
    return [math.sin(math.pi * n / count) ** 0.6 for n in range(count)]


def _cycle(table: tuple[float, ...], count: int) -> tuple[float, ...]:
    return (table * (count // len(table) + 1))[:count]


def _add(room: list[float], start: int, tone: list[float]) -> None:
    stop = min(len(room), start + len(tone))
    room[start:stop] = map(operator.add, room[start:stop], tone)


def _scaled(room: list[float]) -> array[int]:
    peak = max(max(room), -min(room), 1e-6)
    return array("h", (int(value * PEAK / peak) for value in room))
