"""FlashVSR: makes an existing video larger and changes nothing else of it."""

from __future__ import annotations

from .amounts import Integer, MediaCount, Number
from .clip import Resolution, SourceLength
from .fields import Choice, Not, Refused
from .frames import FrameRule
from .native import NATIVE
from .rule import Family, Layer, ids
from .texts import Blank
from .workflows import required, workflow

_NO_CONTROL = "cannot be used: this model only makes a video larger"

_UPSCALE = Layer(
    fields=(
        MediaCount("number_of_media", wire="numberOfImages", only=1),
        Blank("positive_prompt", sent=True),
        Blank("negative_prompt", sent=True),
        required("reference_video").but(largest=100_000_000),
        Choice("detail_preference", options=("stable", "sharper")),
        Choice("processing_speed", options=("stable", "faster")),
        Integer("seed", low=-1, high=4_294_967_295),
        Resolution("upscale_resolution", options=(1080, 1440)),
        Number("fps", low=1, high=60, text=False),
        SourceLength("duration"),
        Refused("teacache_threshold", must=_NO_CONTROL),
        Refused("trim_end_frame", must=_NO_CONTROL, when="truthy"),
        Refused("control_net", must=_NO_CONTROL),
        Refused("video_start", must=_NO_CONTROL),
        Not("generate_audio", value=False, why="on this model: it keeps the sound of the video"),
    ),
    defaults={"seed": 0, "detailPreference": "stable", "processingSpeed": "stable"},
    forced={"steps": 1, "generateAudio": True, "interpolation": "none"},
    frames=FrameRule(extra=0),
)
FAMILIES = (Family("FlashVSR", ids("flashvsr_v1.1_tiny_long_bf16"), NATIVE, workflow("upscale"), _UPSCALE),)
