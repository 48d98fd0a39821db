"""What the command takes where nothing is given."""

from typing import Literal

# The model of each task; the commands choose the task by what they are given.
MODELS = {
    "image": "krea2_turbo_fp8_scaled",
    "edit": "qwen_image_edit_2511_fp8_lightning",
    "upscale": "rtx_vsr_pro",
    "video": "wan_v2.2-14b-fp8_t2v",
    "video from a picture": "wan_v2.2-14b-fp8_i2v",
    "video from sound": "ltx23-22b-fp8_a2v_distilled",
    "video from a picture and sound": "ltx23-22b-fp8_ia2v_distilled",
    "video from a video": "ltx23-22b-fp8_v2v_distilled",
    "video upscale": "flashvsr_v1.1_tiny_long_bf16",
    "music": "ace_step_1.5_xl_turbo",
    "speech": "qwen3_tts_1.7b_custom_voice_bf16",
    "speech in a described voice": "qwen3_tts_1.7b_voice_design_bf16",
    "speech in a recorded voice": "qwen3_tts_1.7b_voice_clone_bf16",
}

# Sent with every order, so that what was estimated is what is charged.
TOKEN: Literal["spark"] = "spark"

# Seconds of music and of video whose cost is asked for where no length is given.
MUSIC_SECONDS = 30.0
VIDEO_SECONDS = 5.0

DEMO_FOLDER = "sogni-demo"
