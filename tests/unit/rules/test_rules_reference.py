"""The rules of the reference by their ids: what each refuses, and what lies just inside of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sogni.errors import Problem

PNG = b"\x89PNG...."
KREA, Z, COREML = "krea2_turbo_fp8_scaled", "z_image_turbo_bf16", "coreml-sogni_artist_v1_768"
QWEN, MOSS, GPT, GPT25 = "qwen_image_edit_2511_fp8", "moss_image_sft_int8_convrot", "gpt-image-2", "gpt-image-2.5-flare"
SEEDREAM, SAM3, BIREF = (
    "seedream-5-0-pro-uncensored",
    "sam3_image_segment_bf16",
    "birefnet_image_background_removal_fp16",
)
PIXAL, PIXALS = "pixal3d_int8_i23d", "pixal3d_multiview_int8_i23d"
WAN, WANI, WANS = "wan_v2.2-14b-fp8_t2v", "wan_v2.2-14b-fp8_i2v", "wan_v2.2-14b-fp8_s2v"
MOVE, REPLACE = "wan_v2.2-14b-fp8_animate-move_lightx2v", "wan_v2.2-14b-fp8_animate-replace_lightx2v"
LTX, LTXV = "ltx23-22b-fp8_t2v_distilled", "ltx23-22b-fp8_v2v_distilled"
S20, S25 = "seedance-2-0", "seedance-2-5"
HHT, HHI, HHR = "happyhorse-1.1-t2v", "happyhorse-1.1-i2v", "happyhorse-1.1-r2v"
W3, W3E = "wan3.0-video", "wan3.0-spicy-video"
H3, H3TURBO, H3I = "minimax-h3-fl2va-fp8_t2v", "minimax-h3-fl2va-fp8_t2v_turbo", "minimax-h3-fl2va-fp8_i2v"
H3A, H3R, H3R2 = (
    "minimax-h3-fastvideo-int8_a2v_turbo",
    "minimax-h3-ref2va-fp8_r2v",
    "minimax-h3-ref2va-fp8_r2v_2stage",
)
VSR = "flashvsr_v1.1_tiny_long_bf16"
ACE, TTS = "ace_step_1.5_turbo", "qwen3_tts_1.7b_custom_voice_bf16"


def urls(count: int) -> list[str]:
    return [f"https://example.org/{n}" for n in range(count)]


def points(count: int, **more: Any) -> dict[str, Any]:
    return {"points": [{"x": 0, "y": 1, "label": "negative"}] * count, **more}


def box(**more: Any) -> dict[str, Any]:
    return {"x0": 0, "y0": 0, "x1": 1, "y1": 1, **more}


def sam3(**prompt: Any) -> dict[str, Any]:
    return {"starting_image": PNG, "sam3_prompt": prompt}


def keys(*places: Any, **more: Any) -> dict[str, Any]:
    entries = [{"image": True, "frame_index": place} for place in places]
    return {"reference_image": True, "frames": 124, "keyframes": entries, **more}


VIDEO = {"reference_video": True}
UP = {**VIDEO, "upscale_resolution": 1080}
IMAGE = {"reference_image": True}
AUDIO = {"reference_audio": True}
START = {"starting_image": True}
HASH = "aB" * 32

# Rule, model, parameters, and the parameter at fault; None when the request is fine.
ROWS: list[tuple[str, str, dict[str, Any], str | None]] = [
    # Every type
    ("prompt null", KREA, {"positive_prompt": None}, None),
    ("count null", KREA, {"number_of_media": None}, None),
    ("receipt", KREA, {"world_generation_receipt": {"stage": "transition", "first_frame_sha256": HASH}}, "world_"),
    (
        "receipt",
        W3,
        {
            "positive_prompt": "x",
            "world_generation_receipt": {
                "stage": "transition",
                "first_frame_sha256": HASH,
                "last_frame_sha256": HASH,
                "more": 1,
            },
        },
        None,
    ),
    ("receipt", KREA, {"world_generation_receipt": {}}, "world_generation_receipt"),
    ("receipt", KREA, {"world_generation_receipt": "x"}, "world_generation_receipt"),
    (
        "receipt",
        KREA,
        {
            "world_generation_receipt": {
                "stage": "target_still",
                "source_image_sha256": HASH + "\n",
                "selection_hash": HASH,
            }
        },
        "world_generation_receipt.source_image_sha256",
    ),
    ("fields of elsewhere", KREA, {"duration": 5, "keyframes": 3, "bpm": 9, "output_scale": 2}, None),
    ("fields of elsewhere", ACE, {"size_preset": "x", "starting_image": 5, "gpt_image_mask": PNG}, None),
    ("unsendable", KREA, {"seed": {1, 2}}, "seed"),
    ("unsendable", KREA, {"seed": {"a": [object()]}}, "seed"),
    # Image
    ("I-1", Z, {"width": 256, "height": 2560}, None),
    ("I-1", Z, {"width": 255.9, "height": 2560}, "width"),
    ("I-1", Z, {"width": 300.5, "height": " 512 "}, None),
    ("I-1", Z, {"width": True, "height": 512}, "width"),
    ("I-1", Z, {"width": "wide", "height": 512}, "width"),
    ("I-1", Z, {"width": [512], "height": 512}, "width"),
    ("I-1", Z, {"width": " ", "height": 512}, "width"),
    ("I-1", Z, {"width": 99999}, None),
    ("I-1", Z, {"size_preset": "square", "width": 5, "height": 5}, None),
    ("I-1", Z, {"size_preset": "custom", "width": 5, "height": 5}, "width"),
    ("I-1", "flux2_dev_fp8", {"width": 2049, "height": 512}, "width"),
    ("I-2", QWEN, {"context_images": [None, True, None, True]}, "context_images"),
    ("I-2", QWEN, {"context_images": "picture.png"}, "context_images"),
    ("I-2", QWEN, {"context_images": False}, None),
    ("I-2", "dark_beast_krea2_identity_edit_v1_2", {"context_images": (True, True)}, None),
    ("I-3", KREA, {**START, "starting_image_strength": "0.4"}, None),
    ("I-3", KREA, {**START, "starting_image_strength": -0.1}, "starting_image_strength"),
    ("I-3", KREA, {**START, "starting_image_strength": True}, "starting_image_strength"),
    ("I-3", KREA, {"starting_image_strength": 7}, None),
    ("I-4", Z, {"sampler": 5}, "sampler"),
    ("I-4", Z, {"vae": "ae.safetensors"}, None),
    ("I-5", COREML, {"control_net": {}}, None),
    ("I-5", COREML, {"control_net": {"strength": 1}}, "control_net.name"),
    ("I-5", COREML, {"control_net": "canny"}, "control_net"),
    ("I-5", COREML, {"control_net": {"name": "canny", "mode": ["balanced"]}}, "control_net.mode"),
    ("I-5", COREML, {"control_net": {"name": "canny", "mode": "", "preprocess": False, "image": False}}, None),
    ("I-5", COREML, {"control_net": {"name": "canny", "strength": "0.5", "unknown": 1}}, None),
    ("I-6", KREA, {"embed_prompt_metadata": None}, "embed_prompt_metadata"),
    ("I-6", KREA, {"embed_prompt_metadata": 1}, "embed_prompt_metadata"),
    ("I-6", KREA, {"embed_prompt_metadata": False}, None),
    ("media", KREA, {"starting_image": 5}, "starting_image"),
    ("media", KREA, {"starting_image": [PNG]}, "starting_image"),
    ("media", KREA, {"starting_image": "http://example.org/a.png"}, "starting_image"),
    ("media", KREA, {"starting_image": "data:image/png;base64,AA"}, "starting_image"),
    ("media", KREA, {"starting_image": "HTTPS://example.org/a.png"}, None),
    ("media", KREA, {"starting_image": "C:\\pictures\\a.png"}, None),
    ("media", KREA, {"starting_image": bytearray()}, None),
    # GPT Image
    ("G-1", KREA, {"gpt_image_mask": True}, "gpt_image_mask"),
    ("G-1", KREA, {"gpt_image_mask": False, "gpt_image_mask_url": "", "gpt_image_background": 3}, None),
    ("G-2", GPT, {"context_images": [True], "gpt_image_mask": True, "gpt_image_mask_url": "x"}, "gpt_image_mask_url"),
    ("G-3", GPT, {"context_images": [], "gpt_image_mask": True}, "gpt_image_mask"),
    ("G-4", GPT, {"context_images": [True] * 17}, "context_images"),
    ("G-4", GPT, {"context_images": [False]}, "context_images[0]"),
    ("G-4", GPT, {"context_images": False}, "context_images"),
    ("G-5", GPT, {"context_images": [True], "gpt_image_mask_url": 5}, "gpt_image_mask_url"),
    ("G-6", GPT, {"gpt_image_quality": "xhigh"}, "gpt_image_quality"),
    ("G-6", GPT25, {"gpt_image_quality": "xhigh"}, None),
    ("G-7", GPT, {"context_images": [True], "gpt_image_mask_url": "data:image/png;base64,"}, "gpt_image_mask_url"),
    ("G-7", GPT, {"context_images": [True], "gpt_image_mask_url": "data:image/png;base64,A"}, "gpt_image_mask_url"),
    ("G-7", GPT, {"context_images": [True], "gpt_image_mask_url": "data:image/png;base64,A A="}, "gpt_image_mask_url"),
    ("G-7", GPT, {"context_images": [True], "gpt_image_mask_url": "data:image/png;base64,iVBORw"}, None),
    ("G-7", GPT, {"gpt_image_mask": True, "gpt_image_mask_url": "data:image/png;base64,iVBO"}, "gpt_image_mask_url"),
    ("G-8", GPT, {"gpt_image_background": "transparent"}, "gpt_image_background"),
    ("G-9", GPT25, {"gpt_image_background": "transparent", "output_format": "jpg"}, "gpt_image_background"),
    ("G-10", GPT, {"gpt_image_output_compression": 0}, "gpt_image_output_compression"),
    ("G-10", GPT, {"gpt_image_output_compression": 0, "output_format": "jpg"}, None),
    ("G-10", GPT, {"gpt_image_output_compression": 50.0, "output_format": "jpg"}, "gpt_image_output_compression"),
    ("G-10", GPT, {"gpt_image_output_compression": True, "output_format": "jpg"}, "gpt_image_output_compression"),
    ("G-10", GPT, {"gpt_image_output_compression": 101, "output_format": "jpg"}, "gpt_image_output_compression"),
    # Seedream, MOSS
    ("SE-1", SEEDREAM, {"context_images": [True] * 11}, "context_images"),
    ("SE-1", SEEDREAM, {"context_images": [True, b""]}, "context_images[1]"),
    ("SE-2", SEEDREAM, {"size_preset": "square", "width": 10, "height": 10}, None),
    ("SE-2", SEEDREAM, {"size_preset": "custom", "width": 900, "height": 900}, "width"),
    ("MO-1", MOSS, {"moss_rope_scale_x": None}, "moss_rope_scale_x"),
    ("MO-1", KREA, {"moss_rope_scale_x": None}, "moss_rope_scale_x"),
    ("MO-1", MOSS, {"moss_rope_scale_x": "1"}, "moss_rope_scale_x"),
    ("MO-1", MOSS, {"moss_rope_scale_y": True}, "moss_rope_scale_y"),
    ("MO-1", MOSS, {"moss_rope_scale_y": 100.5}, "moss_rope_scale_y"),
    ("MO-2", MOSS, {"starting_image": False, "context_images": []}, None),
    ("MO-2", MOSS, {"context_images": [None]}, "context_images"),
    # SAM 3, BiRefNet
    ("S-1", SAM3, {"sam3_prompt": {"text": "x"}}, "starting_image"),
    ("S-2", SAM3, START, "sam3_prompt"),
    ("S-2", KREA, {"sam3_prompt": {}}, "sam3_prompt"),
    ("S root", SAM3, sam3(text="x", maxInstances=1), "sam3_prompt.maxInstances"),
    ("S points", SAM3, sam3(points="x"), "sam3_prompt.points"),
    ("S points", SAM3, sam3(points=[5]), "sam3_prompt.points[0]"),
    ("S points", SAM3, sam3(points=[{"x": "0", "y": 0, "label": "positive"}]), "sam3_prompt.points[0].x"),
    ("S points", SAM3, sam3(points=[{"x": True, "y": 0, "label": "positive"}]), "sam3_prompt.points[0].x"),
    ("S points", SAM3, sam3(points=[{"x": 0, "y": 0, "label": "maybe"}]), "sam3_prompt.points[0].label"),
    ("S boxes", SAM3, sam3(boxes=[box()] * 16), None),
    ("S boxes", SAM3, sam3(boxes=[box()] * 17), "sam3_prompt.boxes"),
    ("S boxes", SAM3, sam3(boxes=[box(x0=1)]), "sam3_prompt.boxes[0].x1"),
    ("S boxes", SAM3, sam3(boxes=[box(label=None)]), None),
    ("S text", SAM3, sam3(text=5), "sam3_prompt.text"),
    ("S text", SAM3, sam3(text=" " + "x" * 240 + "\ufeff"), None),
    ("S any", SAM3, sam3(points=None, boxes=[]), "sam3_prompt.points"),
    ("S exclusions", SAM3, sam3(text="x", boxes=[box(label="negative")] * 2), None),
    ("S exclusions", SAM3, sam3(**points(1), boxes=[box(label="negative")]), "sam3_prompt.boxes"),
    ("S exclusions", SAM3, sam3(**points(2), boxes=[box()]), None),
    ("S threshold", SAM3, sam3(text="x", threshold="0.5"), "sam3_prompt.threshold"),
    ("S threshold", SAM3, sam3(text="x", threshold=None), None),
    ("S multimask", SAM3, sam3(text="x", multimask=False), None),
    ("S multimask", SAM3, sam3(text="x", multimask=1), "sam3_prompt.multimask"),
    ("S instances", SAM3, sam3(text="x", max_instances=16.0), None),
    ("S instances", SAM3, sam3(text="x", max_instances=1.5), "sam3_prompt.max_instances"),
    ("S instances", SAM3, sam3(text="x", max_instances=True), "sam3_prompt.max_instances"),
    ("B-1", BIREF, {"apply_mask": True}, "starting_image"),
    ("B-2", BIREF, {**START, "apply_mask": "no"}, "apply_mask"),
    ("B-3", KREA, {"apply_mask": False}, "apply_mask"),
    ("B-3", SAM3, {**sam3(text="x"), "apply_mask": True}, "apply_mask"),
    # Pixal3D
    ("P-1", PIXALS, {"left_view_image": True}, "starting_image"),
    ("P-2", PIXAL, {**START, "context_images": [None, False]}, None),
    ("P-2", PIXAL, {**START, "context_images": [None, True]}, "context_images"),
    ("P-3", PIXAL, {**START, "left_view_image": False}, "left_view_image"),
    ("P-4", PIXALS, {**START, "left_view_image": b""}, "left_view_image"),
    ("P-5", PIXAL, {**START, "template_variant": ""}, "template_variant"),
    ("P-6", PIXALS, {**START, "texture_size": 4096.0, "mesh_target_faces": 700_000}, None),
    ("P-6", PIXALS, {**START, "texture_size": "2048"}, "texture_size"),
    ("P-6", PIXALS, {**START, "normal_map_size": True}, "normal_map_size"),
    ("P-6", PIXALS, {**START, "shape_resolution": 1537}, "shape_resolution"),
    # Video
    ("V-pre", WAN, {"output_scale": None}, "output_scale"),
    ("V-1", WAN, {"output_format": ""}, "output_format"),
    ("V-1", S25, {"output_format": "mov"}, None),
    ("V-3", WAN, {"return_last_frame": 0}, "return_last_frame"),
    ("V-4", WAN, {"return_last_frame": False}, None),
    ("V-5", H3, {"reference_videos": []}, "reference_videos"),
    ("V-5", H3R, {**IMAGE, "reference_videos": "x"}, "reference_videos"),
    ("V-5", H3R, {**IMAGE, "reference_audios": [False]}, "reference_audios[0]"),
    ("V-7", H3, {"reference_video_durations": []}, "reference_video_durations"),
    ("V-8", S20, {"reference_video_urls": []}, None),
    ("V-8", S20, {"reference_audio_urls": [5]}, "reference_audio_urls[0]"),
    ("V-10", LTX, {"reference_audio_urls": []}, "reference_audio_urls"),
    ("V-10", LTX, {"reference_link_url": "x"}, "reference_link_url"),
    ("V-10", LTX, {"reference_link_url": ""}, None),
    ("V-10", S20, {"reference_link_url": "ftp:whatever"}, None),
    ("V-10", H3R, {**IMAGE, "reference_file_url": "slips through"}, None),
    ("V-11", WANI, {}, "reference_image"),
    ("V-12", LTX, {"sam2_coordinates": []}, None),
    ("V-12", VSR, {**UP, "sam2_coordinates": [{"x": 1, "y": 1}]}, "sam2_coordinates"),
    ("V-12", S20, {"sam2_coordinates": [{"x": 1, "y": 1}]}, None),
    ("V-12", REPLACE, {**IMAGE, **VIDEO, "sam2_coordinates": [object()]}, "sam2_coordinates"),
    ("V-13", WAN, {"reference_audio_identity": True}, None),
    ("V-13", WAN, {"reference_audio": False}, None),
    ("V-13", WANS, {**IMAGE, **AUDIO, "reference_image_end": True}, "reference_image_end"),
    ("V-13", H3I, {**IMAGE, "reference_audio_identity": True}, "reference_audio_identity"),
    ("V-13", MOVE, IMAGE, "reference_video"),
    ("V-16", WAN, {"reference_video_compression": "none"}, None),
    ("V-16", WAN, {"reference_video_compression": "vpack"}, "reference_video_compression"),
    ("V-16", H3R, {**IMAGE, "reference_video_compression": "none"}, None),
    ("V-19", W3, {"positive_prompt": "x", "fps": "fast", "duration": 5}, "fps"),
    ("nulls", VSR, {**UP, "duration": None, "frames": None}, None),
    ("nulls", COREML, {"control_net": None, "vae": ""}, None),
    ("nulls", WAN, {"detail_preference": "", "upscale_resolution": None}, None),
    ("nulls", LTXV, {**VIDEO, "reference_mask": False, "control_net": None}, None),
    ("V-16", H3R, {"reference_videos": [True], "reference_video_compression": "vpack"}, None),
    ("V-18", WAN, {"teacache_threshold": 1}, None),
    ("V-18", WAN, {"teacache_threshold": True}, "teacache_threshold"),
    ("V-19", WAN, {"duration": 0.99, "frames": 81}, "duration"),
    ("V-19", WAN, {"duration": True}, "duration"),
    ("V-19", WAN, {"duration": [5]}, "duration"),
    ("V-19", MOVE, {**IMAGE, **VIDEO, "duration": 20}, None),
    ("V-19", LTX, {"duration": 5, "fps": "fast"}, "fps"),
    ("V-19", LTX, {"duration": 5, "fps": 1e308}, "fps"),
    ("V-19", WAN, {"duration": 5, "fps": "fast"}, None),
    ("V-21", LTX, {"control_net": {"strength": 0.5}}, "control_net.name"),
    ("V-21", S20, {"control_net": {"name": "x", "strength": 2}}, "control_net.strength"),
    ("V-21", LTX, {"control_net": {"name": "x", "mode": "loud", "guidance_start": 9}}, None),
    ("V-22", S20, {"width": 479, "height": 480}, "width"),
    ("V-22", S20, {"width": 0, "height": 100}, None),
    ("V-23", WAN, {"scheduler": "Simple"}, "scheduler"),
    # Seedance
    ("SD-1", S25, {"seedance_task_type": ""}, "seedance_task_type"),
    ("SD-2", S20, {"seedance_task_type": "edit"}, "seedance_task_type"),
    ("SD-2", WAN, {"seedance_task_type": "whatever"}, None),
    ("SD-3", S25, {"reference_audio": True}, "seedance_task_type"),
    ("SD-3", S25, {"reference_audio_identity": True}, None),
    ("SD-4", S25, {"seedance_task_type": "edit", **VIDEO, "reference_image_end": True}, "seedance_task_type"),
    ("SD-5", S25, {"seedance_task_type": "extend", "reference_video_urls": urls(1)}, None),
    ("SD-5", S25, {"seedance_task_type": "extend", "reference_audio_urls": urls(1)}, "reference_video"),
    ("SD-6", S25, {"seedance_task_type": "reference"}, "reference_image_urls"),
    ("SD-7", S25, {"seedance_task_type": "reference", "reference_image_urls": urls(31)}, "reference_image_urls"),
    ("SD-8", S20, {**VIDEO, "reference_video_urls": urls(3)}, "reference_video_urls"),
    ("SD-9", S20, {**VIDEO, **AUDIO, "reference_audio_identity": True, "reference_audio_urls": urls(2)}, None),
    ("SD-9", S20, {**VIDEO, **AUDIO, "reference_audio_urls": urls(3)}, "reference_audio_urls"),
    ("SD-11", S20, {"reference_audio_identity": True}, "reference_audio_identity"),
    ("SD-11", S20, {**AUDIO, "reference_image_end": True}, None),
    # HappyHorse
    ("HH-1", HHR, {**IMAGE, "reference_video_urls": []}, None),
    ("HH-1", HHR, {**IMAGE, "reference_video_urls": ""}, "reference_video_urls"),
    ("HH-2", HHR, {**IMAGE, "reference_audio_identity": True}, "reference_audio_identity"),
    ("HH-2", HHR, {**IMAGE, "reference_audio_urls": urls(1)}, "reference_audio_urls"),
    ("HH-3", HHT, {"reference_image_end": True}, "reference_image_end"),
    ("HH-4", HHT, {"reference_image_urls": urls(1)}, "reference_image_urls"),
    ("HH-4", HHR, {"reference_image_urls": urls(10)}, "reference_image_urls"),
    # Wan 3
    ("W-1", W3, {"reference_file_url": " https://x"}, None),
    ("W-1", W3, {"reference_file_url": "HTTPS://x"}, "reference_file_url"),
    ("W-2", W3, {"reference_file_url": "https://x", "reference_link_url": "https://x"}, "reference_link_url"),
    ("W-3", W3E, {"reference_link_url": "https://x"}, "reference_link_url"),
    ("W-5", W3E, {"positive_prompt": "x", "watermark": False}, "watermark"),
    ("W-6", S20, {"smart_duration": True, "wan3_task_type": 5}, None),
    ("W-7", W3, {"positive_prompt": "x", "fps": "30"}, "fps"),
    ("W-7", W3, {"positive_prompt": "x", "fps": 30.0}, None),
    ("W-8", W3, {"positive_prompt": "x", "ratio": ""}, "ratio"),
    ("W-10", W3, {"positive_prompt": "x", "seed": 5.0}, "seed"),
    ("W-10", W3, {"positive_prompt": "x", "seed": True}, "seed"),
    ("W-11", W3, {"reference_image_end": True}, "reference_image_end"),
    ("W-11", W3E, {"reference_image_end": True}, None),
    ("W-12", W3, {**IMAGE, "reference_file_url": "https://x"}, "reference_file_url"),
    ("W-13", W3, {"reference_image_urls": urls(11)}, "reference_image_urls"),
    ("W-13", W3, {**VIDEO, "reference_video_urls": urls(5)}, "reference_video_urls"),
    ("W-14", W3, {"positive_prompt": "\ufeff"}, "positive_prompt"),
    ("W-14", W3, {"positive_prompt": "\x85"}, None),
    ("W-14", W3, AUDIO, None),
    # MiniMax H3
    ("H-1", H3, {"fps": 24.0}, None),
    ("H-1", H3, {"fps": 25}, "fps"),
    ("H-2", H3, {"steps": "20"}, "steps"),
    ("H-2", H3TURBO, {"steps": 4.0}, None),
    ("H-4", H3, {"negative_prompt": "x"}, "negative_prompt"),
    ("H-4", H3, {"negative_prompt": False}, None),
    ("H-5", H3, {"frames": 362}, None),
    ("H-5", H3, {"frames": "124"}, "frames"),
    ("H-5", H3, {"frames": 124.0}, "frames"),
    ("H-5", H3, {"frames": 125, "duration": 6}, "frames"),
    ("H-6", H3, {"height": 768}, "height"),
    ("H-7", H3, {"width": 0, "height": 32}, "width"),
    ("H-7", H3, {"width": 768.0, "height": 768}, "width"),
    ("H-7", H3, {"width": "768", "height": 768}, "width"),
    ("H-7", H3, {"width": 1024, "height": 1024}, "width"),
    ("H-7", H3, {"width": 1344, "height": 768}, None),
    ("H-8", H3, {"audio_duration": 0}, "audio_duration"),
    ("H-9", H3A, {**AUDIO, "generate_audio": None}, None),
    ("H-10", H3, {"audio_start": 0}, "audio_start"),
    ("H-10", H3A, {**AUDIO, "audio_start": "1"}, "audio_start"),
    ("H-10", H3A, {**AUDIO, "audio_start": -0.5}, "audio_start"),
    ("H-12", H3, {"duration": 5}, "duration"),
    ("H-12", H3, {"duration": 362 / 24}, None),
    ("H-13", H3R, {**IMAGE, "reference_video_urls": []}, "reference_video_urls"),
    ("H-14", H3R, {**IMAGE, "reference_video_durations": []}, None),
    ("H-14", H3R, {**VIDEO, "reference_video_durations": 5}, "reference_video_durations"),
    ("H-14", H3R, {**VIDEO, "reference_video_durations": ["5"]}, "reference_video_durations[0]"),
    ("H-14", H3R, {**VIDEO, "reference_video_durations": [1.95]}, None),
    ("H-15", H3R, {**IMAGE, "reference_audios": [True] * 4}, "reference_audios"),
    ("H-17", H3R, {"reference_audios": [True]}, "reference_image"),
    ("K-0", WAN, {"keyframes": []}, None),
    ("K-1", WAN, {"keyframes": {}}, "keyframes"),
    ("K-0", H3I, {**IMAGE, "keyframes": []}, None),
    ("K-2", H3I, {**IMAGE, "keyframes": {}}, "keyframes"),
    ("K-4", H3I, keys(1, keyframes=[5]), "keyframes[0]"),
    ("K-5", H3I, keys(5, frames=None), "keyframes"),
    ("K-6", H3I, keys(True), "keyframes[0].frame_index"),
    ("K-6", H3I, keys(5.0), "keyframes[0].frame_index"),
    ("K-6", H3I, keys(1, 122), None),
    ("K-6", H3I, keys(123), "keyframes[0].frame_index"),
    ("K-7", H3I, keys(7, 8, 7), "keyframes[2].frame_index"),
    ("E-1", H3, {"extend_output": "extended"}, "extend_output"),
    ("E-1", H3TURBO, {"extend_output": "extended"}, "extend_output"),
    ("V-16", H3R2, {**VIDEO, "reference_video_compression": "vpack"}, "reference_video_compression"),
    # FlashVSR
    ("F-1", VSR, {**UP, "detail_preference": ""}, "detail_preference"),
    ("F-3", VSR, {**UP, "seed": 5.0}, None),
    ("F-3", VSR, {**UP, "seed": "5"}, "seed"),
    ("F-3", VSR, {**UP, "seed": -2}, "seed"),
    ("F-4", VSR, {**VIDEO, "upscale_resolution": "1080"}, "upscale_resolution"),
    ("F-4", VSR, {**VIDEO, "width": "1920", "height": 1080}, None),
    ("F-4", VSR, {**VIDEO, "width": 1920}, "upscale_resolution"),
    ("F-4", VSR, {**VIDEO, "upscale_resolution": True}, "upscale_resolution"),
    ("F-6", VSR, {**UP, "fps": "30"}, "fps"),
    ("F-6", VSR, {**UP, "fps": 60.5, "duration": 4}, "fps"),
    ("F-7", VSR, {**UP, "frames": True}, "frames"),
    ("F-7", VSR, {**UP, "frames": 10, "duration": "nonsense"}, None),
    ("F-8", VSR, {**UP, "duration": "4.5", "fps": 30}, None),
    ("F-8", VSR, {**UP, "duration": "long", "fps": 30}, "duration"),
    ("F-9", VSR, {**UP, "positive_prompt": "\x1c"}, "positive_prompt"),
    ("F-9", VSR, {**UP, "positive_prompt": "\ufeff\u3000"}, None),
    ("F-9", VSR, {**UP, "negative_prompt": "x"}, "negative_prompt"),
    ("F-10", VSR, {**UP, "control_net": {}}, "control_net"),
    ("F-10", VSR, {**UP, "generate_audio": False}, "generate_audio"),
    ("F-11", VSR, {**UP, "number_of_media": "1"}, "number_of_media"),
    ("F-11", VSR, {**UP, "number_of_media": None, "guidance": 3, "shift": 2}, None),
    ("F-12", VSR, {**UP, "duration": 1 / 30, "fps": 30}, None),
    # Audio
    ("audio", ACE, {"sampler": "Euler"}, "sampler"),
    ("audio", ACE, {"reference_audio": "ftp://x/y"}, "reference_audio"),
    ("audio", TTS, {"sampler": "anything", "lyrics": "", "speaker": 7, "steps": "many"}, None),
]


@pytest.mark.parametrize(("rule", "model_id", "params", "field"), ROWS)
def test_rule(
    rule: str,
    model_id: str,
    params: dict[str, Any],
    field: str | None,
    order: Callable[..., Any],
    refused: Callable[..., dict[str, Problem]],
) -> None:
    if field is None:
        order(model_id, **params)
    else:
        assert any(found.startswith(field) for found in refused(model_id, **params))


WIRE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (KREA, {"number_of_previews": None}, {"strength": 0.5}),
    (Z, {"width": 512.0, "height": "768"}, {"sizePreset": "custom", "width": 512, "height": 768}),
    (KREA, {**START, "starting_image_strength": 1}, {"strength": 0}),
    (COREML, {"sampler": "euler"}, {"scheduler": "euler", "timeStepSpacing": None}),
    (KREA, {"gpt_image_mask_url": ""}, {"gptImageMaskUrl": ""}),
    (MOSS, {"moss_rope_scale_x": 1.0, "moss_rope_scale_y": 0}, {"mossRopeScaleY": 0}),
    (BIREF, START, {"applyMask": False}),
    (
        SAM3,
        sam3(boxes=[box()], multimask=False, apply_mask=True, max_instances=2.0),
        {
            "sam3Prompt": {
                "points": [],
                "boxes": [{"x0": 0, "y0": 0, "x1": 1, "y1": 1, "label": "positive"}],
                "threshold": 0.5,
                "applyMask": True,
                "maxInstances": 2,
            }
        },
    ),
    (WAN, {"steps": "20", "shift": [1], "trim_end_frame": "yes"}, {"steps": "20", "shift": [1], "trimEndFrame": True}),
    (WAN, {"return_last_frame": False}, {"returnLastFrame": False}),
    (REPLACE, {**IMAGE, **VIDEO, "sam2_coordinates": [{"x": 1.0, "y": 2}]}, {"sam2Coordinates": '[{"x":1.0,"y":2}]'}),
    (WAN, {"audio_identity_strength": 0}, {"identityGuidanceScale": 0}),
    (LTX, {"duration": 4, "fps": 25}, {"frames": 105, "fps": 25}),
    (W3, {"positive_prompt": "x", "duration": 2}, {"frames": 61, "fps": 30}),
    (VSR, {**UP, "steps": 9, "seed": None}, {"steps": 1, "seed": 0, "interpolation": "none", "generateAudio": True}),
    (VSR, {**VIDEO, "width": 1920, "height": 1080.0}, {"upscaleResolution": 1080, "width": 1920, "height": 1080}),
    (H3R, {**IMAGE, "context_images": [True]}, {"hasReferenceImage": True, "hasContextImage2": True}),
    (H3R, {"reference_videos": [True, True]}, {"hasReferenceVideo1": True, "hasReferenceVideo2": True}),
    (ACE, {"lyrics": "", "composer_mode": False}, {"lyrics": "", "composerMode": False}),
]


@pytest.mark.parametrize(("model_id", "params", "wanted"), WIRE)
def test_wire(
    model_id: str, params: dict[str, Any], wanted: dict[str, Any], key: Callable[..., dict[str, Any]]
) -> None:
    found = key(model_id, **params)
    assert {name: found.get(name, "absent") for name in wanted} == wanted


def test_dropped_and_pinned(order: Callable[..., Any], key: Callable[..., dict[str, Any]]) -> None:
    assert "negativePrompt" not in key(SEEDREAM, negative_prompt="x")
    assert "negativePrompt" not in key(ACE, negative_prompt="x")
    assert "mossRopeScaleX" not in key(MOSS, moss_rope_scale_x=1)
    assert "upscaleResolution" not in key(WAN, upscale_resolution=1080)
    assert "hasReferenceMask" not in key(LTXV, **VIDEO, reference_mask=True, control_net={"name": "pose"})
    plan = order(SAM3, **sam3(text="x"), number_of_media=4, number_of_previews=2, output_format="jpg")
    assert plan.message["numberOfImages"] == 1
    assert plan.message["previews"] == 0
    assert plan.output_format == plan.params["output_format"] == "png"
    assert (plan.params["number_of_media"], plan.params["number_of_previews"]) == (1, 0)
    assert len(plan.warnings) == 3
    plan = order(PIXAL, **START, number_of_previews=3, number_of_media=2, output_format="png")
    assert plan.params["number_of_previews"] == 0
    assert (plan.output_format, plan.number_of_media) == ("glb", 2)
