"""What the command takes where nothing is given."""

from typing import Literal

IMAGE_MODEL = "krea2_turbo_fp8_scaled"
VIDEO_MODEL = "wan_v2.2-14b-fp8_t2v"
AUDIO_MODEL = "ace_step_1.5_xl_turbo"

# Sent with every order, so that what was estimated is what is charged.
TOKEN: Literal["spark"] = "spark"

DEMO_FOLDER = "sogni-demo"
