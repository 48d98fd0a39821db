"""Events as the fields of JSON lines."""

from __future__ import annotations

import re
from typing import Any

from sogni.events import Failed, Finished, Initiating, JobFailed, Progress, Queued, Requeued, Started

from .exits import tell


def name(event: Any) -> str:
    """`JobFailed` as `job_failed`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()


def describe(event: Any) -> dict[str, Any]:
    """What a JSON line says about an event."""
    fields: dict[str, Any] = {
        "project_id": event.project_id,
        "job": getattr(event, "job", None),
        "index": getattr(event, "index", None),
    }
    if isinstance(event, Queued):
        reason = event.reason
        fields |= {
            "position": event.position,
            "estimated_start": event.estimated_start,
            "status": event.status,
            "reason": None if reason is None else reason.reason,
            "message": None if reason is None else reason.message,
        }
    elif isinstance(event, Initiating):
        phase = None if event.preparation is None else event.preparation.phase
        fields |= {"worker": event.worker, "phase": phase}
    elif isinstance(event, Started):
        fields |= {"worker": event.worker}
    elif isinstance(event, Progress):
        fields |= {
            "progress": event.progress,
            "total": event.total,
            "eta": event.eta,
            "step": event.step,
            "step_count": event.step_count,
        }
    elif isinstance(event, Requeued):
        fields |= {"attempt": event.attempt, "max_attempts": event.max_attempts, "reason": event.reason}
    elif isinstance(event, Finished):
        result = event.result
        fields |= {
            "progress": 100,
            "kind": result.kind,
            "content_type": result.content_type,
            "seed": result.seed,
            "withheld": result.withheld,
            "labels": list(result.labels),
        }
    elif isinstance(event, (JobFailed, Failed)):
        fields |= {"error": tell(event.error).as_json()}
    return fields
