"""A program full of mistakes: each statement with the mark is wrong, and type checkers say so. It is never run."""

from __future__ import annotations

import sogni
import sogni_async
from sogni import AudioParams, ImageParams, SogniClient, VideoParams


def verbs() -> None:
    sogni.image("a fox", sede=7)  # WRONG: misspelt
    sogni.image("a fox", steps="many")  # WRONG: a text for a number
    sogni.image("a fox", size=1024)  # WRONG: no size
    sogni.image("a fox", quality="god")  # WRONG: no quality
    sogni.image("a fox", duration=3)  # WRONG: of videos
    sogni.image("a fox", number_of_media=2)  # WRONG: a verb makes one
    sogni.image(prompt=5)  # WRONG: a number for a text
    sogni.edit("at night")  # WRONG: no picture
    sogni.edit("at night", 5)  # WRONG: no file
    sogni.video("waves", generate_audio="yes")  # WRONG: a text for a switch
    sogni.music("calm", lyrcs="la")  # WRONG: misspelt
    sogni.speech("Hello.", bpm="fast")  # WRONG: a text for a number
    sogni.upscale("a.png", upscale_resolution=1440)  # WRONG: of videos, so it needs kind="video"
    sogni.upscale("a.mp4", kind="movie")  # WRONG: no kind
    sogni.segment("a.png", 5)  # WRONG: a number for a text
    sogni.model3d("a.png", texture_size=1.5)  # WRONG: not whole
    sogni.image("a fox", progress=5)  # WRONG: neither a switch nor a function
    sogni.configure(api_kee="key")  # WRONG: misspelt
    sogni.image("a fox").sav("out/")  # WRONG: misspelt


def orders(client: SogniClient) -> None:
    client.image("a fox", widht=512)  # WRONG: misspelt
    client.projects.create(ImageParams("a fox"), durations=3)  # WRONG: misspelt
    client.projects.create(ImageParams("a fox"), duration=3)  # WRONG: of videos
    client.projects.create(VideoParams("waves"), fps="24")  # WRONG: a text for a number
    client.projects.create(AudioParams("calm"), widht=5)  # WRONG: misspelt
    client.projects.create(type="image", model_id="m", positive_prompt="p", number_of_media=1, stesp=4)  # WRONG
    client.projects.create(type="video", model_id="m", positive_prompt="p", number_of_media=1, duration="4")  # WRONG
    client.projects.create(type="picture", model_id="m", positive_prompt="p", number_of_media=1)  # WRONG
    client.projects.create(type="image", positive_prompt="p", number_of_media=1)  # WRONG: no model
    client.projects.create("a fox")  # WRONG: no parameters


async def awaited(client: sogni_async.SogniClient) -> None:
    await client.image("a fox", sede=7)  # WRONG: misspelt
    (await client.image("a fox")).save(5)  # WRONG: no path
    client.image("a fox").save("out/")  # WRONG: not awaited
