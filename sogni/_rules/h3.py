"""MiniMax H3: a fixed rate, a fixed grid of lengths and sizes, and fixed steps for each model."""

from __future__ import annotations

from .amounts import Exactly, Integer, Number
from .checks import Needs, Total
from .clip import Hints, Keyframes, KeyframesInside, Length
from .fields import Choice, Given, Not, Refused
from .frames import FrameRule, Grid
from .native import NATIVE
from .rule import Family, Layer, ids
from .sizes import Canvas
from .slots import Numbered, Pictures
from .texts import Blank
from .workflows import workflow

_FPS = 24
_GRID = Grid(base=124, step=17, last=362)

_H3 = Layer(
    fields=(
        Exactly("fps", value=_FPS),
        Exactly("guidance", wire="guidanceScale", value=1),
        Blank("negative_prompt"),
        Length(
            "duration",
            low=_GRID.base / _FPS,
            high=_GRID.last / _FPS,
            frames=Integer("frames", low=_GRID.base, high=_GRID.last, every=_GRID.step, whole_float=False),
        ),
        Canvas(
            "width",
            edge=Integer("width", low=32, high=1344, every=32, whole_float=False, unit="px"),
            pixels=1344 * 768,
        ),
        Refused("audio_duration", must="cannot be used: sound is as long as the clip"),
        Refused("audio_start", must="is for audio-guided models only"),
    ),
    defaults={"fps": _FPS},
    frames=FrameRule(rate=_FPS, extra=0, grid=_GRID),
)

_AUDIO_GUIDE = Layer(
    fields=(
        Number("audio_start", low=0, unit="s", text=False),
        Not("generate_audio", value=False, why="on this model: it follows the sound that is given"),
    )
)
_KEYFRAMES = Layer(fields=(Keyframes("keyframes", most=8),), checks=(KeyframesInside(),))
_EXTENDS = Layer(
    fields=(Choice("extend_output", options=("extended", "continuation")),),
    checks=(Needs("extend_output", ("reference_video",)),),
)

_IMAGES = ("reference_image", "context_images")
_VIDEOS = ("reference_video", "reference_videos")
_AUDIOS = ("reference_audio", "reference_audios")
_REFERENCES = Layer(
    fields=(
        Given("reference_file_url", wire="referenceFileURL"),
        Given("reference_link_url", wire="referenceLinkURL"),
        Pictures("context_images", most=None, holes="refused", shifted_by="reference_image"),
        Numbered("reference_audio", more="reference_audios", stem="referenceAudio", slot="audio"),
        Numbered("reference_video", more="reference_videos", stem="referenceVideo", slot="video"),
        # Nominally 2 to 15 seconds; the service allows for rounding.
        Hints("reference_video_durations", of=_VIDEOS, low=1.95, high=15.05),
    ),
    checks=(
        Total("images", _IMAGES, high=9),
        Total("videos", _VIDEOS, high=3),
        Total("audios", _AUDIOS, high=3),
        Total("files", (*_IMAGES, *_VIDEOS, *_AUDIOS), high=12),
        Total("picture or video", (*_IMAGES, *_VIDEOS), low=1),
    ),
)
_PACKS = Layer(
    fields=(Choice("reference_video_compression", options=("none", "vpack"), silent=("none",)),),
    checks=(Needs("reference_video_compression", _VIDEOS, equal_to="vpack"),),
)


def _steps(count: int) -> Layer:
    """The only number of steps; it is never filled in."""
    return Layer(fields=(Exactly("steps", value=count),))


_T2V, _EXTENDING_T2V = workflow("t2v"), workflow("t2v that extends a video")
_I2V, _FLF2V = workflow("i2v without a voice"), workflow("flf2v")
_IA2V, _FLFA2V, _A2V = workflow("ia2v"), workflow("flfa2v"), workflow("a2v")
_R2V = workflow("r2v of all kinds")

_EXTEND = (_EXTENDING_T2V, _EXTENDS)
_I = (_I2V, _KEYFRAMES)
_FLF = (_FLF2V, _KEYFRAMES)
_IA = (_IA2V, _KEYFRAMES, _AUDIO_GUIDE)
_FLFA = (_FLFA2V, _KEYFRAMES, _AUDIO_GUIDE)
_A = (_A2V, _KEYFRAMES, _AUDIO_GUIDE)
_R = (_R2V, _REFERENCES, _KEYFRAMES)
_R_PACK = (*_R, _PACKS)

# Id, its only number of steps, what it takes. The ids that deliver twice the canvas take the same as the others.
_MODELS: tuple[tuple[str, int, tuple[Layer, ...]], ...] = (
    ("minimax-h3-fl2va-fp8_t2v", 20, _EXTEND),
    ("minimax-h3-fl2va-fp8_i2v", 20, _I),
    ("minimax-h3-fl2va-fp8_flf2v", 20, _FLF),
    ("minimax-h3-fl2va-fp8_t2v_balanced", 8, _EXTEND),
    ("minimax-h3-fl2va-fp8_i2v_balanced", 8, _I),
    ("minimax-h3-fl2va-fp8_flf2v_balanced", 8, _FLF),
    ("minimax-h3-fl2va-fp8_t2v_turbo", 4, (_T2V,)),
    ("minimax-h3-fl2va-fp8_i2v_turbo", 4, _I),
    ("minimax-h3-fl2va-fp8_flf2v_turbo", 4, _FLF),
    ("minimax-h3-ref2va-fp8_r2v", 20, _R_PACK),
    ("minimax-h3-ref2va-fp8_r2v_balanced", 8, _R_PACK),
    ("minimax-h3-ref2va-fp8_r2v_turbo", 4, _R_PACK),
    ("minimax-h3-ref2va-fp8_r2v_2stage", 20, _R),
    ("minimax-h3-ref2va-fp8_r2v_balanced_2stage", 8, _R),
    ("minimax-h3-fastvideo-omni-int8_r2v_turbo", 8, _R_PACK),
    ("minimax-h3-fastvideo-omni-int8_r2v_turbo_2stage", 8, _R),
    ("minimax-h3-fastvideo-int8_t2v_turbo", 4, _EXTEND),
    ("minimax-h3-fastvideo-int8_i2v_turbo", 4, _I),
    ("minimax-h3-fastvideo-int8_flf2v_turbo", 4, _FLF),
    ("minimax-h3-fastvideo-int8_ia2v_turbo", 4, _IA),
    ("minimax-h3-fastvideo-int8_flfa2v_turbo", 4, _FLFA),
    ("minimax-h3-fastvideo-int8_a2v_turbo", 4, _A),
    ("minimax-h3-fastvideo-int8_t2v_turbo_2stage", 4, _EXTEND),
    ("minimax-h3-fastvideo-int8_i2v_turbo_2stage", 4, _I),
    ("minimax-h3-fastvideo-int8_flf2v_turbo_2stage", 4, _FLF),
    ("minimax-h3-fastvideo-int8_ia2v_turbo_2stage", 4, _IA),
    ("minimax-h3-fastvideo-int8_flfa2v_turbo_2stage", 4, _FLFA),
    ("minimax-h3-fastvideo-int8_a2v_turbo_2stage", 4, _A),
)
FAMILIES = tuple(
    Family("MiniMax H3", ids(model_id), NATIVE, _H3, _steps(steps), *takes) for model_id, steps, takes in _MODELS
)
