"""How long a render may take before it is given up: the run-time limits by network and medium."""

from __future__ import annotations

from ..errors import ProjectFailed
from .entries import JobEntry, ProjectEntry

# Seconds from the first sign of work. Renders take minutes; who is beyond these hangs, and costs.
FLOORS: dict[tuple[str, str], float] = {
    ("fast", "image"): 1_800.0,
    ("fast", "audio"): 1_800.0,
    ("fast", "video"): 5_400.0,
    ("relaxed", "image"): 7_200.0,
    ("relaxed", "audio"): 7_200.0,
    ("relaxed", "video"): 28_800.0,
}
ESTIMATE_FACTOR = 6
CEILING = 43_200.0
LOOK_AGAIN = 60.0  # seconds until the next look, while the service cannot be asked or could not say


def limit(job: JobEntry, announced_network: str | None) -> float:
    """Seconds that a render may take: more when the network itself estimated that it takes long.

    Args:
        announced_network: The network of the connection; an unknown one gets the generous limits.
    """
    entry = job.project
    network = entry.network or announced_network
    medium = entry.type if entry.type in ("video", "audio") else "image"
    floor = FLOORS["fast" if network == "fast" else "relaxed", medium]
    return min(CEILING, max(floor, ESTIMATE_FACTOR * job.largest_eta))


def overrun(entry: ProjectEntry, seconds: float) -> ProjectFailed:
    """The error of a project that was given up for its length."""
    hours, minutes = divmod(round(seconds / 60), 60)
    words = f"{hours} h" if hours and not minutes else f"{hours * 60 + minutes} min"
    return ProjectFailed(
        f"A render took longer than {words}, which none does; it was canceled.",
        hint="Order it again; if it happens again, choose another model or smaller outputs.",
        project_id=entry.id,
    )
