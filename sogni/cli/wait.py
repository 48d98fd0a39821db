"""`sogni wait`: takes a project up again, whoever ordered it, and saves what it made."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from .context import Context
from .follow import Clock, follow
from .image import Positive


def wait(
    project_id: str,
    /,
    *,
    out: Annotated[str, Parameter(name=("--out", "-o"))] = ".",
    timeout: Positive | None = None,
    context: Annotated[Context, Parameter(parse=False)],
) -> None:
    """Wait for a project that was ordered before, and save what it made.

    Args:
        project_id: The id that `sogni image` printed.
        out: Folder for the outputs, or a file name with an extension.
        timeout: Seconds after which to stop waiting; the rendering goes on.
    """
    clock = Clock(timeout)
    with context.client(out) as client:
        project = client.projects.resume(project_id, timeout=clock.left())
        context.show.project(project, "resumed")
        outcome = follow(project, context.show, out, timeout=clock.left())
        count = project.number_of_media
    outcome.raise_for_missing(count)
