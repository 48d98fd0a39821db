"""What can be ordered: one class per project type, with every parameter of it.

The same names are keywords of `client.projects.create`. `None` means "not given": the service then takes its default.
What a single model accepts is checked by `create`, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from attrs import field, fields, frozen

from .media import MediaInput

__all__ = ["AudioParams", "ImageParams", "VideoParams"]


_BYTES = (bytes, bytearray, memoryview)


def _shown(value: object) -> str:
    """A value for `repr`: no file contents, and no query of a URL, which may be a signature."""
    if isinstance(value, _BYTES):
        return f"<{len(value)} bytes>"
    if isinstance(value, str) and "://" in value and "?" in value:
        return repr(value.split("?", 1)[0] + "?...")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_shown(entry)}' for key, entry in value.items())}}}"
    return repr(value)


@frozen(repr=False)
class _Params:
    """The parameters that all project types have."""

    _type: ClassVar[str]

    positive_prompt: str = ""
    model_id: str | None = field(kw_only=True, default=None)
    number_of_media: int = field(kw_only=True, default=1)
    negative_prompt: str | None = field(kw_only=True, default=None)
    style_prompt: str | None = field(kw_only=True, default=None)
    steps: int | None = field(kw_only=True, default=None)
    guidance: float | None = field(kw_only=True, default=None)
    seed: int | None = field(kw_only=True, default=None)
    sampler: str | None = field(kw_only=True, default=None)
    scheduler: str | None = field(kw_only=True, default=None)
    loras: Sequence[str] | None = field(kw_only=True, default=None)
    lora_strengths: Sequence[float] | None = field(kw_only=True, default=None)
    output_format: str | None = field(kw_only=True, default=None)
    disable_nsfw_filter: bool | None = field(kw_only=True, default=None)
    network: str | None = field(kw_only=True, default=None)
    token_type: str | None = field(kw_only=True, default=None)
    billing_mode: str | None = field(kw_only=True, default=None)
    app_source: str | None = field(kw_only=True, default=None)
    attribution: Mapping[str, object] | None = field(kw_only=True, default=None)
    prompt_expanded: bool | None = field(kw_only=True, default=None)
    world_generation_receipt: Mapping[str, str] | None = field(kw_only=True, default=None)

    def __repr__(self) -> str:
        given = ((attribute.name, getattr(self, attribute.name)) for attribute in fields(type(self)))
        shown = ", ".join(f"{name}={_shown(value)}" for name, value in given if value is not None)
        return f"{type(self).__name__}({shown})"

    def as_params(self) -> dict[str, object]:
        """What was given, and the project type: the keywords of `create`."""
        given = ((attribute.name, getattr(self, attribute.name)) for attribute in fields(type(self)))
        return {"type": self._type, **{name: value for name, value in given if value is not None}}


@frozen(repr=False)
class ImageParams(_Params):
    """One or more images, masks, or 3D objects.

    Attributes:
        positive_prompt: What to make; may be empty.
        model_id: The model, such as `z_image_turbo_bf16`; the verbs choose one when there is none.
        number_of_media: How many images.
        negative_prompt: What to keep out.
        style_prompt: A style to add.
        steps: Sampling steps; the catalogue has the range of each model.
        guidance: How closely to follow the prompt; the catalogue has the range of each model.
        seed: 0 to 4294967295, the same again for the same image; random when not given. One of several images has it.
        sampler, scheduler, vae: Names that the catalogue lists for the model.
        loras: Ids of LoRAs, in order, 8 at most; `personal-...` are the account's own.
        lora_strengths: One number for each, may be negative; 1.0 when not given.
        output_format: `png` (default), `jpg` or `webp`; 3D models always deliver `glb`, segmentation `png`.
        disable_nsfw_filter: True switches the filter for sensitive content off, where that is permitted.
        network: `fast` or `relaxed`; the one of the connection when not given.
        token_type: `spark` or `sogni`.
        billing_mode: `auto` (default), `subscription` or `tokens`.
        app_source: Name of the program that orders.
        attribution: Who orders as part of what: `workload_kind`, `agent_framework`, `operation_id`, ...
        prompt_expanded: Whether the prompt was expanded by a language model; for information only.
        world_generation_receipt: `stage` and the hashes that belong to it.
        number_of_previews: How many pictures to show while rendering; 0 when not given.
        size_preset: Id of a named size of the model, or `custom`.
        width, height: Pixels, both or none; most models take 256 to 2048 and snap to a grid of 16.
        starting_image: A picture to start from.
        starting_image_strength: How much of it to keep, 0 to 1; 0.5 when not given.
        context_images: Pictures to look at, in order; 3 at most on most models. None in the list keeps a place free.
        control_net: `name` (such as `canny`, `depth`, `openpose`), `image`, `strength` 0 to 1, `mode` (`balanced`,
            `prompt_priority`, `cn_priority`), `guidance_start` and `guidance_end` 0 to 1, `preprocess` True to have the
            control map made from a photograph.
        embed_prompt_metadata: Whether the file names its prompt.
        gpt_image_quality: `low`, `medium`, `high`, `standard` or `hd`; GPT Image 2.5 also `xhigh` and `max`.
        gpt_image_background: `opaque` or `auto`; GPT Image 2.5 also `transparent`.
        gpt_image_output_compression: 0 to 100, with `output_format` `jpg` or `webp`.
        gpt_image_mask: Picture whose transparent pixels say what to change in the first context image.
        gpt_image_mask_url: The same as a URL.
        sam3_prompt: What to cut out (SAM 3): `points` of `x`, `y`, `label`; `boxes` of `x0`, `y0`, `x1`, `y1`, `label`;
            or `text`. Coordinates are 0 to 1. Also `threshold`, `multimask`, `apply_mask`, `max_instances`.
        apply_mask: BiRefNet: True for the cut-out instead of the mask.
        template_variant: Pixal3D, one view: `i23d-birefnet`.
        texture_size: Pixal3D: 1024 to 4096 px.
        mesh_target_faces: Pixal3D: 5000 to 700000.
        normal_map_size: Pixal3D: 512 to 2048 px.
        ambient_occlusion_size: Pixal3D: 256 to 1024 px.
        shape_resolution: Pixal3D: 1024 to 1536; more costs more.
        left_view_image, back_view_image, right_view_image: Pixal3D with several views; the front is `starting_image`.
        moss_rope_scale_x, moss_rope_scale_y: MOSS-Image: 0 to 100; 1 when not given.
    Shape: `number_of_media` results, in job order.
    """

    _type: ClassVar[str] = "image"

    number_of_previews: int | None = field(kw_only=True, default=None)
    size_preset: str | None = field(kw_only=True, default=None)
    width: int | None = field(kw_only=True, default=None)
    height: int | None = field(kw_only=True, default=None)
    starting_image: MediaInput | None = field(kw_only=True, default=None)
    starting_image_strength: float | None = field(kw_only=True, default=None)
    context_images: Sequence[MediaInput | None] | None = field(kw_only=True, default=None)
    vae: str | None = field(kw_only=True, default=None)
    control_net: Mapping[str, object] | None = field(kw_only=True, default=None)
    embed_prompt_metadata: bool | None = field(kw_only=True, default=None)
    gpt_image_quality: str | None = field(kw_only=True, default=None)
    gpt_image_background: str | None = field(kw_only=True, default=None)
    gpt_image_output_compression: int | None = field(kw_only=True, default=None)
    gpt_image_mask: MediaInput | None = field(kw_only=True, default=None)
    gpt_image_mask_url: str | None = field(kw_only=True, default=None)
    sam3_prompt: Mapping[str, object] | None = field(kw_only=True, default=None)
    apply_mask: bool | None = field(kw_only=True, default=None)
    template_variant: str | None = field(kw_only=True, default=None)
    texture_size: int | None = field(kw_only=True, default=None)
    mesh_target_faces: int | None = field(kw_only=True, default=None)
    normal_map_size: int | None = field(kw_only=True, default=None)
    ambient_occlusion_size: int | None = field(kw_only=True, default=None)
    shape_resolution: int | None = field(kw_only=True, default=None)
    left_view_image: MediaInput | None = field(kw_only=True, default=None)
    back_view_image: MediaInput | None = field(kw_only=True, default=None)
    right_view_image: MediaInput | None = field(kw_only=True, default=None)
    moss_rope_scale_x: float | None = field(kw_only=True, default=None)
    moss_rope_scale_y: float | None = field(kw_only=True, default=None)


@frozen(repr=False)
class VideoParams(_Params):
    """One or more videos.

    Attributes:
        positive_prompt: What to make; empty for upscaling.
        model_id: The model, such as `ltx23-22b-fp8_t2v_distilled`; the verbs choose one when there is none.
        number_of_media: How many videos.
        negative_prompt: What to keep out; WAN and LTX only.
        style_prompt: A style to add.
        steps: Sampling steps; MiniMax H3 has a fixed number for each model.
        guidance: How closely to follow the prompt.
        seed: 0 to 4294967295, the same again for the same video; random when not given. Wan 3: up to 2147483647.
        sampler, scheduler: Names that the catalogue lists for the model.
        loras: Ids of LoRAs, in order, 8 at most; `personal-...` are the account's own.
        lora_strengths: One number for each, may be negative; 1.0 when not given.
        output_format: `mp4` (default); Seedance 2.5 also `mov`.
        disable_nsfw_filter: True switches the filter for sensitive content off, where that is permitted.
        network: `fast`: videos are not rendered on `relaxed`.
        token_type: `spark` or `sogni`; models of outside vendors take `spark` only.
        billing_mode: `auto` (default), `subscription` or `tokens`.
        app_source: Name of the program that orders.
        attribution: Who orders as part of what: `workload_kind`, `agent_framework`, `operation_id`, ...
        prompt_expanded: Whether the prompt was expanded by a language model; for information only.
        world_generation_receipt: `stage` and the hashes that belong to it.
        duration: Seconds: WAN 1 to 10 (animate to 20), LTX 1 to 20, Seedance 4 to 15 (2.5: to 30), HappyHorse 3 to 15,
            Wan 3 2 to 30, MiniMax H3 5.17 to 15.08. Wins over `frames`, except on FlashVSR.
        frames: The same in frames; MiniMax H3: 124, 141, ... 362.
        fps: Frames per second: WAN 16 or 32, Wan 3 30, MiniMax H3 24; 24 when not given on most others.
        width, height: Pixels, both or none, 480 or more each; MiniMax H3: multiples of 32 up to 1344.
        shift: WAN: 1.0 to 8.0.
        teacache_threshold: WAN: 0 (off) to 1.
        generate_audio: Whether the video has sound; on unless False.
        return_last_frame: Seedance 2.5: True also exports the last frame.
        reference_image: First frame, or the picture to animate.
        reference_image_end: Last frame.
        reference_audio: Sound to follow.
        reference_audios: MiniMax H3 reference models: more of them, 3 in all.
        reference_audio_identity: LTX 2.3: about 5 s of a voice to speak with.
        audio_identity_strength: How much of that voice, 0 to 10; 3 when not given.
        reference_video: Video to change, to follow, to extend or to upscale.
        reference_videos: MiniMax H3 reference models: more of them, 3 in all.
        reference_video_durations: Seconds of each of those, 2 to 15 and 15 in all; measured when not given.
        reference_video_compression: MiniMax H3 reference models: `none` or `vpack`.
        context_images: MiniMax H3 reference models: pictures to look at, 9 in all.
        keyframes: MiniMax H3: up to 8 objects of `image` and `frame_index` (1 to the frame before the last).
        extend_output: MiniMax H3 text models: `extended` (default) or `continuation`, of `reference_video`.
        reference_mask: LTX inpainting: what to change.
        reference_image_urls, reference_video_urls, reference_audio_urls: Seedance, HappyHorse, Wan 3: https URLs
            that the service fetches.
        reference_file_url, reference_link_url: Wan 3: a document or a page to go by, one of the two.
        prompt_extend: Wan 3: whether the vendor may expand the prompt; it does unless False.
        watermark: Wan 3: whether to mark the video.
        ratio: Wan 3: `adaptive`, `16:9`, `4:3`, `1:1`, `3:4` or `9:16`.
        seedance_task_type: Seedance 2.5: what loose references are for: `reference`, `edit` or `extend`.
        audio_start: Seconds of `reference_audio` to skip.
        audio_duration: Seconds of `reference_audio` to use, up to 30.
        video_start: Seconds of `reference_video` to skip.
        sam2_coordinates: WAN animate-replace: points of `x` and `y` on what to replace, 0 to 1 or in pixels.
        trim_end_frame: True leaves the last frame out.
        first_frame_strength, last_frame_strength: LTX 2.3: hold of those frames, 0 to 1; 0.6 when not given.
        control_net: LTX video to video: `name` (`canny`, `pose`, `depth`, `detailer`, `outpaint`, `inpaint`) and
            `strength` 0 to 1.
        detailer_strength: LTX video to video: 0 to 1; 0.6 when not given.
        outpaint_position: LTX outpainting: `center`, `top`, `bottom`, `left` or `right`.
        upscale_resolution: FlashVSR: 1080 or 1440 px of the short edge.
        detail_preference: FlashVSR: `stable` or `sharper`.
        processing_speed: FlashVSR: `stable` or `faster`.
    Shape: `number_of_media` results, in job order.
    """

    _type: ClassVar[str] = "video"

    duration: float | None = field(kw_only=True, default=None)
    frames: int | None = field(kw_only=True, default=None)
    fps: float | None = field(kw_only=True, default=None)
    width: int | None = field(kw_only=True, default=None)
    height: int | None = field(kw_only=True, default=None)
    shift: float | None = field(kw_only=True, default=None)
    teacache_threshold: float | None = field(kw_only=True, default=None)
    generate_audio: bool | None = field(kw_only=True, default=None)
    return_last_frame: bool | None = field(kw_only=True, default=None)
    reference_image: MediaInput | None = field(kw_only=True, default=None)
    reference_image_end: MediaInput | None = field(kw_only=True, default=None)
    reference_audio: MediaInput | None = field(kw_only=True, default=None)
    reference_audios: Sequence[MediaInput] | None = field(kw_only=True, default=None)
    reference_audio_identity: MediaInput | None = field(kw_only=True, default=None)
    audio_identity_strength: float | None = field(kw_only=True, default=None)
    reference_video: MediaInput | None = field(kw_only=True, default=None)
    reference_videos: Sequence[MediaInput] | None = field(kw_only=True, default=None)
    reference_video_durations: Sequence[float] | None = field(kw_only=True, default=None)
    reference_video_compression: str | None = field(kw_only=True, default=None)
    context_images: Sequence[MediaInput] | None = field(kw_only=True, default=None)
    keyframes: Sequence[Mapping[str, object]] | None = field(kw_only=True, default=None)
    extend_output: str | None = field(kw_only=True, default=None)
    reference_mask: MediaInput | None = field(kw_only=True, default=None)
    reference_image_urls: Sequence[str] | None = field(kw_only=True, default=None)
    reference_video_urls: Sequence[str] | None = field(kw_only=True, default=None)
    reference_audio_urls: Sequence[str] | None = field(kw_only=True, default=None)
    reference_file_url: str | None = field(kw_only=True, default=None)
    reference_link_url: str | None = field(kw_only=True, default=None)
    prompt_extend: bool | None = field(kw_only=True, default=None)
    watermark: bool | None = field(kw_only=True, default=None)
    ratio: str | None = field(kw_only=True, default=None)
    seedance_task_type: str | None = field(kw_only=True, default=None)
    audio_start: float | None = field(kw_only=True, default=None)
    audio_duration: float | None = field(kw_only=True, default=None)
    video_start: float | None = field(kw_only=True, default=None)
    sam2_coordinates: Sequence[Mapping[str, float]] | None = field(kw_only=True, default=None)
    trim_end_frame: bool | None = field(kw_only=True, default=None)
    first_frame_strength: float | None = field(kw_only=True, default=None)
    last_frame_strength: float | None = field(kw_only=True, default=None)
    control_net: Mapping[str, object] | None = field(kw_only=True, default=None)
    detailer_strength: float | None = field(kw_only=True, default=None)
    outpaint_position: str | None = field(kw_only=True, default=None)
    upscale_resolution: int | None = field(kw_only=True, default=None)
    detail_preference: str | None = field(kw_only=True, default=None)
    processing_speed: str | None = field(kw_only=True, default=None)


@frozen(repr=False)
class AudioParams(_Params):
    """One or more pieces of music or speech.

    Attributes:
        positive_prompt: What it sounds like; for speech, the words to say, 4096 characters at most.
        model_id: The model, such as `ace_step_1.5_xl_turbo`; the verbs choose one when there is none.
        number_of_media: How many pieces.
        negative_prompt, style_prompt: What to keep out, a style to add.
        steps: Sampling steps; ACE-Step turbo 8, SFT 50, speech 1.
        guidance: How closely to follow the prompt; ACE-Step SFT 1 to 15.
        seed: 0 to 4294967295, the same again for the same piece; random when not given.
        sampler, scheduler: Names that the catalogue lists for the model.
        loras, lora_strengths: Ids of LoRAs and one number for each.
        output_format: `mp3` (default), `flac` or `wav`.
        disable_nsfw_filter: True switches the filter for sensitive content off, where that is permitted.
        network: `fast` or `relaxed`; the one of the connection when not given.
        token_type: `spark` or `sogni`.
        billing_mode: `auto` (default), `subscription` or `tokens`.
        app_source: Name of the program that orders.
        attribution: Who orders as part of what: `workload_kind`, `agent_framework`, `operation_id`, ...
        prompt_expanded: Whether the prompt was expanded by a language model; for information only.
        world_generation_receipt: `stage` and the hashes that belong to it.
        duration: Seconds: ACE-Step 10 to 600 (30), MiniMax Music 3 10 to 300 (60); speech is as long as its words.
        bpm: ACE-Step: beats per minute, 30 to 300 (120).
        timesignature: ACE-Step: `2`, `3`, `4` or `6`.
        keyscale: ACE-Step: such as `A minor`.
        language: Of the lyrics (`en`) or of the speech (`English`), as the catalogue lists them.
        lyrics: Words to sing; instrumental when not given.
        composer_mode: ACE-Step: whether a language model arranges; True when not given.
        prompt_strength: ACE-Step: 0 to 10 (2).
        creativity: Music 0 to 2 (0.85), speech 0.1 to 2 (0.9).
        shift: ACE-Step: 1 to 6.
        speaker: Qwen3-TTS with a given voice: such as `serena`.
        instruct: Qwen3-TTS: how to speak, 512 characters at most; needed to design a voice.
        reference_audio: Qwen3-TTS: 3 to 30 s of the voice to clone.
        reference_text: What is said in it, 1024 characters at most.
    Shape: `number_of_media` results, in job order.
    """

    _type: ClassVar[str] = "audio"

    duration: float | None = field(kw_only=True, default=None)
    bpm: float | None = field(kw_only=True, default=None)
    timesignature: str | None = field(kw_only=True, default=None)
    keyscale: str | None = field(kw_only=True, default=None)
    language: str | None = field(kw_only=True, default=None)
    lyrics: str | None = field(kw_only=True, default=None)
    composer_mode: bool | None = field(kw_only=True, default=None)
    prompt_strength: float | None = field(kw_only=True, default=None)
    creativity: float | None = field(kw_only=True, default=None)
    shift: float | None = field(kw_only=True, default=None)
    speaker: str | None = field(kw_only=True, default=None)
    instruct: str | None = field(kw_only=True, default=None)
    reference_audio: MediaInput | None = field(kw_only=True, default=None)
    reference_text: str | None = field(kw_only=True, default=None)
