"""The judge of a soak: what the users saw, against what the network's own books say."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sogni.sandbox import Sandbox
from sogni.sandbox.script import KNOBS, Script
from sogni.sandbox.state import Project

_STATUS = {"completed": "completed", "errored": "failed", "cancelled": "canceled"}
# Seconds that no project may take, whatever happens to it, with the pauses that `hurry` leaves.
SLOW = 120.0


def judge(sandbox: Sandbox, seen: Sequence[Mapping[str, Any]], uncertain: set[str]) -> list[str]:
    """Every difference, one sentence each; none is what a soak is for.

    Args:
        seen: The lines of the worker about its projects.
        uncertain: Ids of which the worker was told that nobody knows whether they were ordered.
    """
    books: dict[str, Project] = sandbox._on_loop(lambda server: dict(server.world.projects))
    orders: dict[str, list[str]] = {}
    restarts: Counter[str] = Counter()
    for submission in sandbox.submissions:
        orders.setdefault(submission.project_id, []).append(submission.outcome)
    for entry in sandbox.log:
        if entry.kind == "fault" and entry.detail and entry.detail.startswith("restarting "):
            restarts[entry.detail.split()[1]] += 1
    wrong: list[str] = []
    for line in seen:
        project, outcomes = books.get(line["id"]), orders.get(line["id"], [])
        found = _of_one(line, project, outcomes)
        if line["seconds"] > SLOW:
            found.append(f"number {line['number']} {line['id']}: it took {line['seconds']} seconds")
        wrong += [f"{sentence} {faults_of(project, outcomes)}" for sentence in found]
    for project_id, outcomes in orders.items():
        wrong += _sent(project_id, outcomes, restarts[project_id])
    known = Counter(line["id"] for line in seen)
    wrong += [f"{project_id}: two handles" for project_id, count in known.items() if count > 1]
    wrong += [f"{project_id}: ordered, and no user knows of it" for project_id in orders.keys() - known - uncertain]
    return wrong


def faults_of(project: Project | None, outcomes: Sequence[str]) -> str:
    """What was done to a project on purpose, for whoever has to find out why."""
    if project is None:
        return f"(requests: {' '.join(outcomes) or 'none'})"
    usual = Script()
    knobs = {name: getattr(project.script, name) for name in KNOBS}
    odd = {name: str(value) for name, value in knobs.items() if value != getattr(usual, name)}
    jobs = [f"{job.status} {job.reason} {len(job.old_ids)}" for job in project.jobs]
    return f"(requests: {' '.join(outcomes)}; {project.status} {project.reason}; {odd}; {jobs})"


def _sent(project_id: str, outcomes: Sequence[str], restarts: int) -> list[str]:
    """How often a request may arrive: once, and again for each refusal by a restart, and once for a dead connection."""
    wrong = []
    if "duplicate" in outcomes:
        wrong.append(f"{project_id}: sent again though the network had it ({' '.join(outcomes)})")
    if outcomes.count("accepted") > 1:
        wrong.append(f"{project_id}: rendered twice")
    if len(outcomes) > 1 + restarts + min(1, outcomes.count("lost")):
        wrong.append(f"{project_id}: sent {len(outcomes)} times ({' '.join(outcomes)})")
    return wrong


def _of_one(line: Mapping[str, Any], project: Project | None, outcomes: Sequence[str]) -> list[str]:
    about = f"number {line['number']} {line['id']}"
    if line["stuck"] is not None:
        there = "not there" if project is None else project.status
        return [f"{about}: the wait never ended ({line['stuck']}); here {line['status']}, there {there}"]
    if project is None:
        if line["status"] != "failed":
            return [f"{about}: {line['status']} here, and the network never accepted it ({' '.join(outcomes)})"]
        if "lost" in outcomes and "accepted" not in outcomes and len(outcomes) < 2:
            return [f"{about}: its request was lost and not sent again"]
        return []
    wrong = []
    if line["status"] != _STATUS.get(project.status):
        wrong.append(f"{about}: {line['status']} ({line['error']}) here, {project.status} there")
    if project.status == "completed":
        wrong += _outputs(about, line, project)
    return wrong


def _outputs(about: str, line: Mapping[str, Any], project: Project) -> list[str]:
    wrong = []
    good = {job.index for job in project.jobs if job.ended_well}
    if len(line["results"]) != len(good):
        wrong.append(f"{about}: {len(line['results'])} results here, {len(good)} there; {line['jobs']}")
    there = sorted(
        (job.withheld, None if job.file is None else hashlib.sha256(job.file.path.read_bytes()).hexdigest())
        for job in project.jobs
        if job.ended_well
    )
    here = sorted((withheld, digest) for _, withheld, digest in line["results"])
    if here != there:
        wrong.append(f"{about}: other results here than there ({here} {there})")
    places = [index for index, _, _ in line["results"] if index is not None]
    if len(places) != len(set(places)) or not set(places) <= good:
        wrong.append(f"{about}: results at the places {places}, there {sorted(good)}")
    return wrong
