"""What the music and speech models accept: everything is passed on, the service decides. A family needs no row here."""

from __future__ import annotations

from .fields import Dropped, FromTier, Given
from .rule import EVERYTHING, Family, Layer, Table, ids, starts_with
from .shared import COMMON
from .workflows import REFERENCE_AUDIO

TABLE = Table(
    output_format="mp3",
    base=Layer(
        fields=(
            *COMMON,
            Dropped("negative_prompt"),
            Given("duration"),
            Given("bpm"),
            Given("timesignature"),
            Given("keyscale"),
            Given("language"),
            Given("lyrics"),
            Given("composer_mode"),
            Given("prompt_strength"),
            Given("creativity"),
            Given("shift"),
            Given("speaker"),
            Given("instruct"),
            Given("reference_text"),
            REFERENCE_AUDIO,
            FromTier("sampler", wire="comfySampler"),
            FromTier("scheduler", wire="comfyScheduler"),
            Given("output_format", top=True, nonempty=True, usual=("mp3", "flac", "wav")),
        )
    ),
    families=(
        Family("ACE-Step", starts_with("ace_step")),
        Family("MiniMax Music 3", ids("minimax_music3")),
        Family("Qwen3-TTS", starts_with("qwen3_tts_")),
        Family("other audio", EVERYTHING),
    ),
)
