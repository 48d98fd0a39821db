"""`sogni wait`: takes a project up again, whoever ordered it, and saves what it made."""

from __future__ import annotations

from .follow import Clock, follow
from .order import Out, Positive, Shared
from .target import FORMATS, Target


def wait(project_id: str, /, *, out: Out = ".", timeout: Positive | None = None, context: Shared) -> None:
    """Wait for a project that was ordered before, and save what it made.

    Args:
        project_id: The id that was printed when it was ordered.
        out: Folder for the outputs, or a file name.
        timeout: Seconds after which to stop waiting; the rendering goes on.
    """
    target = Target.parse(out)
    target.format(list(FORMATS))
    target.check()
    clock = Clock(timeout)
    with context.client(out) as client:
        project = client.projects.resume(project_id, timeout=clock.left())
        context.show.project(project, "resumed")
        outcome = follow(project, context.show, target, timeout=clock.left())
    outcome.raise_for_missing(project, context.resume_command(project.id))
