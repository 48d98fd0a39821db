"""`sogni audio`: music, or a text read aloud."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from . import media
from .defaults import MODELS
from .exits import CommandError
from .order import Count, Options, Order, Positive, Shared, Steps, render


def audio(
    prompt: str,
    /,
    *,
    count: Count = 1,
    duration: Positive | None = None,
    lyrics: str | None = None,
    bpm: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    key: str | None = None,
    time_signature: Literal["2", "3", "4", "6"] | None = None,
    language: str | None = None,
    speech: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    voice: str | None = None,
    manner: str | None = None,
    audio: str | None = None,
    audio_text: str | None = None,
    creativity: Positive | None = None,
    steps: Steps | None = None,
    format: Literal["mp3", "flac", "wav"] | None = None,
    options: Options | None = None,
    context: Shared,
) -> None:
    """Render music, or with --speech have the prompt read aloud, and save it.

    Args:
        prompt: What the music sounds like; for speech, the words to say.
        count: How many pieces.
        duration: Seconds of music; speech is as long as its words.
        lyrics: Words to sing; instrumental when not given.
        bpm: Beats per minute.
        key: Key, such as "A minor".
        time_signature: Beats in a bar.
        language: Of the lyrics, such as en, or of the speech, such as English.
        speech: Say the prompt; any of --voice, --manner, --audio means it, too.
        voice: Name of the voice that speaks, such as serena.
        manner: How to speak; without --voice, what the voice is like.
        audio: Recording of the voice to speak with, 3 to 30 seconds: a file or an https address.
        audio_text: What is said in that recording.
        creativity: How freely to play or speak, 0.1 to 2.
        steps: Sampling steps.
        format: File format; mp3 unless given.
    """
    speaks = {"--voice": voice, "--manner": manner, "--audio": audio, "--audio-text": audio_text}
    sings = {"--lyrics": lyrics, "--bpm": bpm, "--key": key, "--time-signature": time_signature}
    for_speech = [name for name, value in speaks.items() if value is not None]
    for_music = [name for name, value in {**sings, "--duration": duration}.items() if value is not None]
    if (speech or for_speech) and for_music:
        raise CommandError(f"{for_music[0]} is for music, {(for_speech or ['--speech'])[0]} for speech.")
    if audio is not None and voice is not None:
        raise CommandError("--voice and --audio both say who speaks.", hint="Leave one of the two out.")
    if audio is None and audio_text is not None:
        raise CommandError("--audio-text says what is said in --audio, which is not given.")
    fields: dict[str, Any] = {
        "number_of_media": count,
        "duration": duration,
        "lyrics": lyrics,
        "bpm": bpm,
        "keyscale": key,
        "timesignature": time_signature,
        "language": language,
        "speaker": voice,
        "instruct": manner,
        "reference_audio": None if audio is None else media.sound(audio, "--audio"),
        "reference_text": audio_text,
        "creativity": creativity,
        "steps": steps,
    }
    task = "music" if not (speech or for_speech) else _speech(voice, manner, audio)
    render(context, Order(type="audio", model=MODELS[task], prompt=prompt, fields=fields, format=format), options)


def _speech(voice: str | None, manner: str | None, audio: str | None) -> str:
    if audio is not None:
        return "speech in a recorded voice"
    return "speech in a described voice" if manner is not None and voice is None else "speech"
