"""A web page of pictures, rendered side by side with asyncio."""

import asyncio
import html
from pathlib import Path

from sogni_async import ImageParams, SogniClient

FOLDER = Path("gallery")
PROMPTS = ["a fox in the snow", "a heron at dawn", "a beetle on moss", "an owl in the rain"]


async def make(client: SogniClient, prompt: str) -> list[Path]:
    """Pictures of one prompt, each saved as soon as it is there."""
    params = ImageParams(prompt, model_id="z_image_turbo_bf16", number_of_media=2, size_preset="portrait_3_4")
    project = await client.projects.create(params)
    paths: list[Path] = []
    async for result in project.results(timeout=600):
        if not result.withheld:
            paths.append(await result.save(f"{FOLDER}/"))
            print(f"{prompt}: {len(paths)} of {project.number_of_media}")
    return paths


async def main() -> None:
    async with SogniClient(sandbox=True) as client:
        groups = await asyncio.gather(*(make(client, prompt) for prompt in PROMPTS))
    figures = "\n".join(
        f'<figure><img src="{html.escape(path.name)}" width="300"><figcaption>{html.escape(prompt)}</figcaption>'
        for prompt, paths in zip(PROMPTS, groups, strict=True)
        for path in paths
    )
    page = FOLDER / "index.html"
    page.write_text(f"<!doctype html>\n<title>Gallery</title>\n{figures}\n", encoding="utf-8")
    print("open", page)


if __name__ == "__main__":
    asyncio.run(main())
