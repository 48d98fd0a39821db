"""The rows that all project types have."""

from __future__ import annotations

from .amounts import MediaCount
from .fields import Field, Given, Ignored, Truth
from .nested import Record, Tagged, required
from .texts import Hash

RECEIPT = Tagged(
    "world_generation_receipt",
    tag="stage",
    kinds={
        stage: Record(
            stage,
            fields=(Given("stage"), *(required(Hash(name)) for name in hashes)),
        )
        for stage, hashes in {
            "target_still": ("source_image_sha256", "selection_hash"),
            "transition": ("first_frame_sha256", "last_frame_sha256"),
        }.items()
    },
)

COMMON: tuple[Field, ...] = (
    Ignored("type"),
    Ignored("model_id"),
    Ignored("attribution"),
    MediaCount("number_of_media", wire="numberOfImages"),
    Given("positive_prompt"),
    Given("style_prompt", nonempty=True),
    Given("steps"),
    Given("guidance", wire="guidanceScale"),
    Given("seed"),
    Given("network", top=True, nonempty=True),
    Given("token_type", top=True),
    Given("billing_mode", top=True),
    Truth("disable_nsfw_filter", wire="disableSafety", top=True),
    Given("app_source", top=True, nonempty=True),
    Given("prompt_expanded", top=True),
    Given("loras", nonempty=True),
    Given("lora_strengths", nonempty=True),
    RECEIPT,
)
