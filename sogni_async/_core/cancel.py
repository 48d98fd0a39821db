"""Canceling a project, confirmation included."""

from __future__ import annotations

from sogni._deadline import Deadline
from sogni._io.engine import Engine, LinkNotReady
from sogni.types.project import CancelOutcome

from .._bridge import Bridge
from .link import link_ready


async def cancel_project(engine: Engine, bridge: Bridge, project_id: str, deadline: Deadline) -> CancelOutcome:
    """Cancel a project and wait for what the service says; all who ask meanwhile share one request."""
    while True:
        try:
            inbox = await bridge.call(engine.cancel, project_id)
            break
        except LinkNotReady:
            await link_ready(engine, bridge, deadline)
    if inbox is None:
        return CancelOutcome.TOO_LATE
    outcome = await bridge.take(inbox, deadline, f"the end of project {project_id}")
    assert isinstance(outcome, CancelOutcome)
    return outcome
