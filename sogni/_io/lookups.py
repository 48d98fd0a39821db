"""Asking the service what became of projects, by stored record, live list and live lookup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from .._protocol import recovery, rest
from .._protocol.call import Call
from .._protocol.messages import ProjectRecord
from ..errors import ApiError, ClosedError, SogniError

T = TypeVar("T")

# The record appears a while after the end of a project, so one 404 says nothing.
TRIES = 4
PAUSE = 2.5

Request = Callable[[Call[T]], T]


def resolve(
    request: Callable[[Call[ProjectRecord]], ProjectRecord],
    live_list: Callable[[], Iterable[str]],
    project_ids: Sequence[str],
    *,
    tries: int,
    pause: Callable[[], bool],
) -> dict[str, recovery.Verdict]:
    """What became of projects, in the order of `project_ids`.

    Args:
        live_list: Ids of the projects that the service is working on.
        tries: How often the stored record is looked for.
        pause: Lets time pass between the looks; True to stop looking.
    """
    verdicts: dict[str, recovery.Verdict] = {}
    pending = list(dict.fromkeys(project_ids))
    for attempt in range(max(1, tries)):
        if attempt and pause():
            break
        for project_id in tuple(pending):
            record, refusal = ask(request, rest.project_record(project_id))
            if record is None and refusal == 404:
                continue
            pending.remove(project_id)
            verdicts[project_id] = recovery.Verdict("unknown" if record is None else "finished", record)
        if not pending:
            break
    if pending:
        try:
            live: tuple[str, ...] | None = tuple(live_list())
        except ClosedError:
            raise
        except SogniError:
            live = None
        for project_id in pending:
            status, refusal = (None, None)
            if live is None or project_id not in live:
                status, refusal = ask(request, rest.project_status(project_id))
            verdicts[project_id] = recovery.judge(live, project_id, status, refusal)
    return {project_id: verdicts[project_id] for project_id in dict.fromkeys(project_ids)}


def ask(
    request: Callable[[Call[ProjectRecord]], ProjectRecord], call: Call[ProjectRecord]
) -> tuple[ProjectRecord | None, int | None]:
    """(record, None), or (None, HTTP status of the refusal; 0 when no answer came)."""
    try:
        return request(call), None
    except ApiError as refusal:
        return None, refusal.status or 0
    except ClosedError:
        raise
    except SogniError:
        return None, 0
