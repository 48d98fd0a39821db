"""A program of a user, which strict type checkers accept. It is checked, never run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import sogni
import sogni_async
from sogni import (
    AudioParams,
    CancelOutcome,
    Finished,
    ImageKeywords,
    ImageParams,
    InsufficientFunds,
    Progress,
    Result,
    SogniClient,
    VideoParams,
)


def verbs(photo: Path) -> None:
    picture: Result = sogni.image("a lighthouse", size="1024x768", seed=7, steps=None, quality="fast")
    saved: Path = picture.save("out/")
    edited = sogni.edit("at night", [photo, picture, saved.read_bytes()], max_cost="2.5", output_format="jpg")
    clip = sogni.video("waves", size=(1280, 768), duration=4.5, reference_image=edited, generate_audio=False)
    larger: list[Result] = [sogni.upscale(clip), sogni.upscale(clip, kind="video", upscale_resolution=1440)]
    song = sogni.music("calm piano", lyrics="la la", bpm=90, progress=True)
    voice = sogni.speech("Hello.", speaker="ryan", on_event=lambda event: print(event.project_id))
    mask = sogni.segment(photo, "the dog", cutout=True, progress=lambda percent: print(f"{percent:3} %"))
    solid = sogni.model3d(photo, left_view_image=photo, texture_size=2048, timeout=600)
    print(*(result.seed for result in [*larger, song, voice, mask, solid]))
    sogni.configure(sandbox=True, retries=2)


def orders(client: SogniClient) -> None:
    project = client.projects.create(
        type="image",
        model_id="krea2_turbo_fp8_scaled",
        positive_prompt="a fox",
        number_of_media=2,
        starting_image="photo.png",
        control_net={"name": "canny", "strength": 0.5},
        timeout=10,
    )
    order: ImageKeywords = {"positive_prompt": "a fox", "model_id": "krea2_turbo_fp8_scaled", "number_of_media": 4}
    client.projects.create(ImageParams(**order), seed=3)
    client.projects.create(sogni.load("fox.json"))
    client.projects.create(VideoParams("waves", model_id="wan_v2.2-14b-fp8_t2v"), duration=2)
    client.projects.create(AudioParams("piano", model_id="ace_step_1.5_xl_turbo"), timeout=5, duration=20)
    for event in project.events(timeout=60):
        if isinstance(event, Progress):
            percent: int = event.progress
            print(percent, event.eta)
        elif isinstance(event, Finished):
            path: Path = event.result.save("out/")
            print(path.name)
    try:
        results: list[Result] = project.wait(timeout=60)
        print(len(results), project.cancel() is CancelOutcome.TOO_LATE)
    except InsufficientFunds as error:
        print(error.hint, error.retry_after)


async def awaited(client: sogni_async.SogniClient) -> None:
    picture = await client.image("a fox", size="square_hd", context_images=[None, b""])
    larger = await sogni_async.upscale(picture, kind="image", width=2048, height=2048)
    project = await client.projects.create(
        type="audio", model_id="minimax_music3", positive_prompt="calm", number_of_media=1, duration=60
    )
    async for result in project.results():
        print(await result.save("out/"), await larger.read())


if __name__ == "__main__":
    with SogniClient(sandbox=True) as blocking:
        orders(blocking)
    asyncio.run(awaited(sogni_async.SogniClient(sandbox=True)))
