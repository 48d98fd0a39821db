"""What the video models of the network's own workers have in common, other than those of outside vendors."""

from __future__ import annotations

from .fields import Given, Refused, only_on
from .rule import Layer
from .texts import JsonText

_VENDORS = "Seedance, HappyHorse and Wan 3"

NATIVE = Layer(
    fields=(
        only_on("reference_image_urls", _VENDORS),
        only_on("reference_video_urls", _VENDORS),
        only_on("reference_audio_urls", _VENDORS),
        only_on(
            "reference_file_url",
            "Wan 3",
            when="truthy",
            then=Given("reference_file_url", wire="referenceFileURL"),
        ),
        only_on(
            "reference_link_url",
            "Wan 3",
            when="truthy",
            then=Given("reference_link_url", wire="referenceLinkURL"),
        ),
        Refused(
            "sam2_coordinates",
            must="is for WAN animate-replace only",
            when="truthy",
            then=JsonText("sam2_coordinates"),
        ),
    )
)
