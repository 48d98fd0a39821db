"""What the service offers: models, the options of a model, size presets, and which files a video model takes."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

__all__ = [
    "AvailableModel",
    "Choices",
    "Model",
    "ModelOptions",
    "Range",
    "SizePreset",
    "TextLimit",
    "Tier",
    "VideoAssetConfig",
]

Tier = Mapping[str, object]
"""One record of the tier catalogue as the service sends it; `ModelOptions` is the readable form."""


@frozen(kw_only=True)
class Model:
    """One entry of the model catalogue.

    Attributes:
        id: What `model_id` takes.
        name: For people.
        sid: The network's own number of it.
        tier: Which tier record describes its options.
        media: `image`, `video`, `audio` or `model` (a 3D object); None when the service does not say.
        extra: Fields this version does not know.
    Source: GET /api/v1/models/list.
    """

    id: str = ""
    name: str = ""
    sid: int | None = None
    tier: str | None = None
    media: str | None = None
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class AvailableModel:
    """A model that workers offer right now.

    Attributes:
        id: What `model_id` takes.
        name: For people.
        worker_count: How many workers have it.
        media: `image`, `video`, `audio` or `model`.
    """

    id: str
    name: str = ""
    worker_count: int = 0
    media: str = "image"


@frozen
class Range:
    """The range a number may have; what the service did not say is None.

    Attributes:
        min, max: Both inclusive.
        step: Distance between neighbouring values.
        default: What the service takes when nothing is sent.
    """

    min: float | None = None
    max: float | None = None
    step: float = 1
    default: float | None = None


@frozen
class Choices:
    """A closed list of values.

    Attributes:
        allowed: What may be sent, exactly as spelled.
        default: What the service takes when nothing is sent.
    """

    allowed: tuple[object, ...] = ()
    default: object = None


@frozen
class TextLimit:
    """What the service says about a text.

    Attributes:
        max_length: In characters.
        required: Whether the model needs it; None where the service does not say.
    """

    max_length: int | None = None
    required: bool | None = None


@frozen(kw_only=True)
class ModelOptions:
    """What the service says about one model. None: it says nothing, or the model has no such option.

    The ranges are the service's advice: a request outside of them gets a warning here and is decided there.

    Attributes:
        model_id: The model.
        type: The project type that the model takes: `image`, `video` or `audio`.
        sampler, scheduler, vae: Names the model knows. Others are refused before anything is sent.
        steps, guidance, shift, creativity, prompt_strength, bpm: Ranges.
        width, height: Ranges in pixels.
        max_pixels: Largest width times height.
        duration: Range in seconds.
        fps: As sent: a list of choices, or a range.
        timesignature, language, keyscale, speaker: Choices of music and speech models.
        composer_mode: Default of that switch.
        instruct, reference_text: Limits of those texts.
        accepts_reference_audio, requires_reference_audio: Whether a recording can, or must, be given.
        task, output_resolutions, preserves_source_timing, requires_reference_video: Facts about upscalers.
        tier: The whole tier record, as sent.
    Source: GET /api/v1/models/list and GET /api/v2/models/tiers.
    """

    model_id: str
    type: str
    sampler: Choices | None = None
    scheduler: Choices | None = None
    vae: Choices | None = None
    steps: Range | None = None
    guidance: Range | None = None
    width: Range | None = None
    height: Range | None = None
    max_pixels: object = None
    fps: Mapping[str, object] | None = None
    shift: Range | None = None
    duration: Range | None = None
    bpm: Range | None = None
    prompt_strength: Range | None = None
    creativity: Range | None = None
    timesignature: Choices | None = None
    language: Choices | None = None
    keyscale: Choices | None = None
    speaker: Choices | None = None
    composer_mode: object = None
    instruct: TextLimit | None = None
    reference_text: TextLimit | None = None
    accepts_reference_audio: bool = False
    requires_reference_audio: bool = False
    task: object = None
    output_resolutions: object = None
    preserves_source_timing: object = None
    requires_reference_video: object = None
    tier: Mapping[str, object] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class SizePreset:
    """A named output size of a model.

    Attributes:
        id: What `size_preset` takes.
        label: For people.
        width, height: Pixels.
        ratio: Such as `16:9`.
        aspect: Width divided by height, as text.
        extra: Fields this version does not know.
    Source: GET /api/v1/size-presets/network/{network}/model/{model}.
    """

    id: str = ""
    label: str = ""
    width: int = 0
    height: int = 0
    ratio: str = ""
    aspect: str = ""
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class VideoAssetConfig:
    """Which files a video model takes.

    Attributes:
        workflow_type: Such as `t2v` (text to video) or `i2v` (image to video); None where no rule is known.
        assets: Parameter name to `required`, `optional` or `forbidden`; None where no rule is known.
    """

    workflow_type: str | None = None
    assets: Mapping[str, str] | None = None
