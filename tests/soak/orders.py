"""What both workers of the soak share: the orders by number, the lines that they print, and what they measure."""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sogni._io.link as link
import sogni._protocol.backoff as backoff
import sogni._protocol.entries as entries
from sogni.errors import SogniError
from tests.orders import ORDER

# A whole wait may take this long; whoever waits longer is stuck.
PATIENCE = 150.0
# A first try and those that follow while a service that breaks on purpose recovers.
TRIES = 40
SAMPLE_EVERY = 200

_printing = threading.Lock()


def hurry() -> None:
    """Shorten the pauses that only spare a real service, so that minutes hold what would be a day."""
    backoff.FIRST, backoff.LONGEST = 0.1, 1.0
    link.GOOD_AFTER = 1.0
    entries.STALE_AFTER = 4.0


def order(seed: int, number: int, picture: bytes) -> dict[str, Any]:
    """Order number so and so."""
    dice = random.Random(f"{seed}/{number}")
    made: dict[str, Any] = {
        **ORDER,
        "positive_prompt": f"number {number}",
        "number_of_media": dice.choice((1, 1, 1, 2, 3)),
        "steps": dice.randint(4, 8),
    }
    if dice.random() < 0.1:
        made["starting_image"] = picture
    return made


def cancels(seed: int, number: int) -> bool:
    """Whether this one is canceled right after it was ordered."""
    return random.Random(f"cancel {seed}/{number}").random() < 0.06


def small_picture() -> bytes:
    """A picture to begin from."""
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (64, 64), (200, 60, 20)).save(file, "PNG")
    return file.getvalue()


def tell(kind: str, **fields: Any) -> None:
    """One line for the conductor."""
    line = json.dumps({"kind": kind, **fields})
    with _printing:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def told(
    project: Any,
    number: int,
    problem: BaseException | None,
    results: Iterable[tuple[Any, bytes | None]],
    seconds: float,
) -> None:
    """What became of a project, as its user sees it."""
    error = problem if isinstance(problem, SogniError) else None
    tell(
        "project",
        number=number,
        id=project.id,
        status=project.status.value,
        stuck=type(problem).__name__ if problem is not None and project.error is not problem else None,
        error=None if error is None else error.code,
        seconds=round(seconds, 2),
        jobs=[[job.index, job.status.value] for job in project.jobs],
        results=[
            [result.index, result.withheld, None if data is None else hashlib.sha256(data).hexdigest()]
            for result, data in results
        ],
    )


def sample(done: int) -> None:
    """Memory, threads and open files of this process now; -1 when everything is closed and may take a moment."""
    end = time.monotonic() + 2.0
    while done < 0 and threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.01)
    tell("sample", done=done, rss=resident(), threads=threading.active_count(), files=open_files())


def resident() -> int:
    """Resident memory in bytes; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    """Open descriptors; 0 where the system does not tell."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0
