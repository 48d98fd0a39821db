"""Events in words: the sentences that people read while they wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sogni.events import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Initiating,
    JobFailed,
    Preview,
    Progress,
    Queued,
    Requeued,
    Started,
)

from .exits import one_line, tell

_NOUNS = {"image": "picture", "video": "video", "audio": "sound", "model": "3D model"}
_PHASES = {
    "downloadingAssets": "fetching what it needs",
    "unloadingModel": "making room for the model",
    "loadingModel": "loading the model",
}


def name_output(kind: str, index: int | None, count: int) -> str:
    """One output of a project: `picture 2/4`, or just `picture` of one."""
    noun = _NOUNS.get(kind, kind)
    return noun if count == 1 or index is None else f"{noun} {index + 1}/{count}"


def seconds(value: float) -> str:
    """A duration, as exact as people care: `8 s`, `3 min`, `2 h`."""
    if value < 90:
        return f"{max(1, round(value))} s"
    return f"{round(value / 60)} min" if value < 5400 else f"{value / 3600:.1f} h"


def count_states(states: Iterable[object]) -> str:
    """States of several outputs: `2 completed, 1 failed`."""
    return ", ".join(f"{count} {state}" for state, count in Counter(states).items())


def waits(event: Queued) -> str:
    """Where it is in the queue, and why."""
    if event.status == "no-workers":
        text = "waiting for a worker that has this model"
    elif event.position is None:
        text = "in the queue"
    else:
        text = f"in the queue, {event.position} ahead" if event.position else "in the queue, next"
    if event.reason is not None:
        text += f" ({one_line(event.reason.message).rstrip('.')})"
    if event.estimated_start:
        text += f", starts in about {seconds(event.estimated_start)}"
    return text


def prepares(event: Initiating) -> str:
    """What a worker does before it renders."""
    phase = event.preparation.phase if event.preparation is not None else ""
    return _PHASES.get(phase, "getting ready")


def renders(event: Progress) -> str:
    """How long it may take."""
    if event.progress >= 100:
        return "finishing"
    return f"about {seconds(event.eta)} left" if event.eta else "rendering"


def describe(event: Any, path: Path | None) -> str | None:
    """An event in a few words, without the name of the output; None for what is not worth a line."""
    if isinstance(event, Queued):
        return waits(event)
    if isinstance(event, Initiating):
        return prepares(event) if event.preparation is not None else None
    if isinstance(event, Started):
        return "rendering" if not event.worker else f"rendering on {one_line(event.worker)}"
    if isinstance(event, Progress):
        left = f", about {seconds(event.eta)} left" if event.eta and event.progress < 100 else ""
        return f"{event.progress} %{left}"
    if isinstance(event, Preview):
        return f"preview {path}" if path is not None else None
    if isinstance(event, Requeued):
        why = f" ({one_line(event.reason)})" if event.reason else ""
        return f"moved to another worker{why}, starting again"
    if isinstance(event, Finished):
        return "withheld by the content filter" if event.result.withheld else "done"
    if isinstance(event, JobFailed):
        return f"failed: {tell(event.error).message}"
    if isinstance(event, (Completed, Failed, Canceled)):
        return None
    return None
