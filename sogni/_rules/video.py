"""What the video models accept: the rows that all have, and the families. A new model is a row of a family."""

from __future__ import annotations

from . import flashvsr, h3, ltx, vendor, wan
from .amounts import Number
from .clip import Length
from .fields import Choice, Dropped, Flag, FromTier, Given, Ignored, Truth, only_on
from .nested import Record, required
from .rule import EVERYTHING, Family, Layer, Table
from .shared import COMMON
from .sizes import Pair
from .texts import JsonText, Urls
from .workflows import ALL_OPTIONAL

_H3_REFERENCES = "MiniMax H3 reference models"

_CONTROL_NET = Record(
    "control_net",
    wire="currentControlNetsJob",
    in_list=True,
    known=("image", "mode", "guidance_start", "guidance_end", "preprocess"),
    fields=(required(Given("name")), Number("strength", wire="controlStrength", low=0, high=1)),
)

_BASE = Layer(
    fields=(
        *COMMON,
        Given("negative_prompt", nonempty=True),
        Choice("output_format", options=("mp4",), top=True),
        Flag("return_last_frame", only=False),
        Given("fps"),
        Length("duration"),
        Pair("width", low=480),
        FromTier("sampler", wire="comfySampler"),
        FromTier("scheduler", wire="comfyScheduler"),
        Given("shift"),
        Number("teacache_threshold", low=0, high=1),
        Given("generate_audio"),
        *ALL_OPTIONAL,
        only_on("context_images", _H3_REFERENCES),
        only_on("reference_videos", _H3_REFERENCES),
        only_on("reference_audios", _H3_REFERENCES),
        only_on("reference_video_durations", _H3_REFERENCES),
        Choice("reference_video_compression", options=("none",), silent=("none",)),
        only_on("keyframes", "MiniMax H3 models that start from pictures or sound", when="entries"),
        only_on("extend_output", "MiniMax H3 models that extend a video"),
        Urls("reference_image_urls", wire="referenceImageURLs"),
        Urls("reference_video_urls", wire="referenceVideoURLs"),
        Urls("reference_audio_urls", wire="referenceAudioURLs"),
        Given("reference_file_url", wire="referenceFileURL"),
        Given("reference_link_url", wire="referenceLinkURL"),
        Given("audio_identity_strength", wire="identityGuidanceScale"),
        Given("prompt_extend"),
        Given("watermark"),
        Given("ratio"),
        Given("seedance_task_type"),
        Given("audio_start"),
        Given("audio_duration"),
        Given("video_start"),
        JsonText("sam2_coordinates"),
        Truth("trim_end_frame"),
        Given("first_frame_strength"),
        Given("last_frame_strength"),
        _CONTROL_NET,
        Given("detailer_strength"),
        Given("outpaint_position"),
        Dropped("upscale_resolution"),
        Dropped("detail_preference"),
        Dropped("processing_speed"),
        Ignored("smart_duration"),
        Ignored("wan3_task_type"),
        Ignored("output_scale"),
    )
)
# Nobody here knows what a new family takes, so the service decides.
_OPEN = Layer(
    fields=(
        Given("output_format", top=True, nonempty=True),
        Flag("return_last_frame"),
        Pair("width"),
    )
)

TABLE = Table(
    output_format="mp4",
    base=_BASE,
    families=(
        *wan.FAMILIES,
        *ltx.FAMILIES,
        *vendor.FAMILIES,
        *flashvsr.FAMILIES,
        *h3.FAMILIES,
        Family("other videos", EVERYTHING, _OPEN),
    ),
)
