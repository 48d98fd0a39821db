"""How long things take: the three speeds of a sandbox."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .faults import unknown_name


@attrs.frozen(kw_only=True)
class Pace:
    """Seconds of artificial delay.

    Attributes:
        queue: Between the acceptance and a worker.
        load: Between a worker and its start.
        render: For the steps of one job together.
    """

    name: str
    queue: float
    load: float
    render: float


PACES: Mapping[str, Pace] = {
    "instant": Pace(name="instant", queue=0, load=0, render=0),
    "fast": Pace(name="fast", queue=0.1, load=0.15, render=1.25),
    "realistic": Pace(name="realistic", queue=1.0, load=1.5, render=7.5),
}


def pace_of(speed: str) -> Pace:
    """The pace of that name; a ValueError that lists them otherwise."""
    if speed not in PACES:
        raise ValueError(unknown_name("speed", speed, PACES))
    return PACES[speed]
