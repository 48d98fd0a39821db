"""`sogni demo`: everything once, on a network of its own, in a few seconds."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import frozen

from . import media, sizes
from .context import Context
from .defaults import DEMO_FOLDER, MODELS
from .follow import follow
from .order import Out, Shared
from .target import Target


@frozen
class Step:
    """One order of the demo.

    Attributes:
        name: File name, without extension.
        says: What is done, for people.
        order: The keywords of `create`.
        needs: Module without which the sandbox cannot do it.
    """

    name: str
    says: str
    order: Mapping[str, Any]
    needs: str | None = None


def demo(
    *,
    photo: str | None = None,
    out: Out = DEMO_FOLDER,
    context: Shared,
) -> None:
    """Render two pictures, a clip and a song on a network of this computer's own, and show the Python that did it.

    No account is needed and nothing leaves the computer. Repeating it replaces its own files.

    Args:
        photo: Photograph of this computer to start the second picture from; by default the first picture.
        out: Folder for the files.
    """
    # In this folder, whatever the name looks like: `-o out.d` is a folder too.
    folder = f"{Path(out)}/"
    start = None if photo is None else media.photo(photo, "--photo", local=True)
    Target(Path(out)).check()
    from sogni.sandbox import Sandbox

    show = context.show
    steps = plan(folder, start)
    with Sandbox(speed="fast") as net:
        show.note(f"Started a network on this computer, {net.url}: no account, nothing leaves it.")
        paths: list[Path] = []
        with Context(show, sandbox=net).client(out) as client:
            for number, step in enumerate(steps, 1):
                if step.needs is not None and find_spec(step.needs) is None:
                    show.note(f'{number}. {step.says}: left out, it needs python -m pip install "sogni[sandbox]"')
                    continue
                show.note(f"{number}. {step.says}")
                project = client.projects.create(number_of_media=1, **step.order)
                outcome = follow(project, show, Target(Path(out), step.name), overwrite=True)
                outcome.raise_for_missing(project)
                paths += outcome.paths
    made = {path.stem for path in paths}
    code = program(folder, [step for step in steps if step.name in made])
    show.code(f"Saved {len(paths)} files in {folder}\nThis Python makes the same:", code)


def plan(folder: str, photo: media.Photo | None) -> list[Step]:
    """What the demo orders."""
    start = f"{folder}picture.png" if photo is None else photo.given
    shape: dict[str, Any] = {}
    if photo is not None and photo.size is not None:
        shape = dict(zip(("width", "height"), sizes.fit(photo.size), strict=True))
    return [
        Step(
            "picture",
            "A picture from a text",
            {"type": "image", "model_id": MODELS["image"], "positive_prompt": "a lighthouse in winter"},
        ),
        Step(
            "from-photo",
            f"A picture from a photograph: {start} is uploaded",
            {
                "type": "image",
                "model_id": MODELS["image"],
                "positive_prompt": "the same at night",
                "starting_image": start,
                **shape,
            },
        ),
        Step(
            "clip",
            "A clip of 2 seconds",
            {"type": "video", "model_id": MODELS["video"], "positive_prompt": "waves at dusk", "duration": 2},
            needs="av",
        ),
        Step(
            "song",
            "A song of 10 seconds",
            {"type": "audio", "model_id": MODELS["music"], "positive_prompt": "calm piano", "duration": 10},
            needs="av",
        ),
    ]


def program(folder: str, steps: list[Step]) -> str:
    """The demo as a Python program that can be pasted."""
    lines = [
        "from sogni import SogniClient",
        "",
        "with SogniClient(sandbox=True) as client:",
        "",
        "    def make(name, **order):",
        "        project = client.projects.create(number_of_media=1, **order)",
        f'        print(project.wait()[0].save("{_inside(folder)}" + name, overwrite=True))',
        "",
    ]
    for step in steps:
        order = ",\n         ".join(f"{name}={_literal(value)}" for name, value in step.order.items())
        lines.append(f'    make("{step.name}", {order})')
    return "\n".join(lines)


def _literal(value: object) -> str:
    return f'"{_inside(value)}"' if isinstance(value, str) else repr(value)


def _inside(text: str) -> str:
    """A text as it stands between double quotes."""
    return repr("'" + text)[2:-1].replace('"', '\\"')
