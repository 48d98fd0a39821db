"""What the client of a project is told: every frame of it, twisted as its script says, and the moments it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from .hub import Hub
from .journal import Journal
from .state import JOB_ENDED, Job, Project

#: Messages that no client may fall over: none of them is a frame of the protocol.
GARBAGE: tuple[str | bytes, ...] = (
    "this is not JSON",
    "[]",
    "17",
    '{"type":5,"data":"e30="}',
    '{"data":"e30="}',
    '{"type":"jobProgress","data":"***"}',
    '{"type":"jobProgress","data":"bm90IGpzb24="}',
    '{"type":"jobProgress"}',
    '{"type":"jobResult","data":"bnVsbA=="}',
    '{"type":"frameOfTheFuture","data":"eyJ4IjoxfQ=="}',
    '{"type":"disconnected","data":"eyJjb2RlIjo0MDIxfQ=="}',
    '{"type":"connected","data":"e30="}',
    b"\xff\xfe\x00 binary",
    '{"type":"jobETA","data":' + "[" * 100_000 + "]" * 100_000 + "}",
)


class Reassigned(Exception):
    """Another worker takes the job over."""


class Telling:
    """The way from the life of a project to the socket of its app."""

    def __init__(self, *, journal: Journal, hub: Hub) -> None:
        self._journal = journal
        self._hub = hub
        #: Frames that wait for their neighbour, and results that `jobCompleted` overtakes, by project.
        self._held: dict[str, tuple[str, dict[str, Any]]] = {}
        self._overtaken: dict[str, tuple[str, dict[str, Any]]] = {}

    def forget(self, project: Project) -> None:
        """Nothing that waits for this project is sent any more."""
        self._held.pop(project.id, None)
        self._overtaken.pop(project.id, None)

    def clear(self) -> None:
        """Nothing that waits is sent any more."""
        self._held.clear()
        self._overtaken.clear()

    def overtaken(self, project: Project) -> None:
        """Send the result that `jobCompleted` was to overtake, if there is one."""
        if (waiting := self._overtaken.pop(project.id, None)) is not None:
            self.deliver(project, *waiting)

    async def result(self, project: Project, job: Job) -> None:
        """A job has its result."""
        script = project.script
        frame = {"imgID": job.img_id, **job.result}
        last = all(other.status in JOB_ENDED for other in project.jobs)
        if job.index in script.lose_results:
            await self.moment(project, "result", job)
        elif script.completed_before_result and last:
            self._overtaken[project.id] = ("jobResult", {**frame, "jobIndex": job.index})
            await self.moment(project, "result", job)
        else:
            await self.tell(project, "jobResult", frame, job, name="result")

    async def progress(self, project: Project, job: Job, step: int, shown: bool) -> None:
        """A job is one step further."""
        style = project.script.progress_style
        fraction = step / job.steps
        styles: dict[str, dict[str, Any]] = {
            "steps": {"step": step, "stepCount": job.steps},
            "fraction": {"progress": round(fraction, 4)},
            "percent": {"progress": round(100 * fraction, 2)},
            "eta": {"etaSeconds": max(1, job.steps - step)},
        }
        frame = {"imgID": job.img_id, **styles[style]}
        if shown:
            frame["hasImage"] = True
        kind = "jobETA" if style == "eta" else "jobProgress"
        await self.tell(project, kind, frame, job, name="progress", step=step)
        if project.script.ghost_frames and job.old_ids:
            ghost = {"imgID": job.old_ids[-1], "step": max(1, job.steps - 1), "stepCount": job.steps}
            await self.tell(project, "jobProgress", ghost, job)

    async def eta(self, project: Project, job: Job, left: float) -> None:
        """How long a job will still take."""
        eta = {"etaSeconds": max(1, round(left))}
        await self.tell(project, "jobETA", {"imgID": job.img_id, **eta}, job)
        if project.script.phantom_eta:
            await self.tell(project, "jobETA", eta)

    async def late(self, project: Project) -> None:
        """Frames that come when all is over, as a script may ask."""
        if not project.script.late_frames:
            return
        job = project.jobs[0]
        about = {"imgID": job.img_id}
        await self.tell(project, "jobProgress", {**about, "step": 1, "stepCount": job.steps}, job)
        await self.tell(project, "jobState", {"type": "queued", "queuePosition": 3}, None)
        await self.tell(project, "jobState", {"type": "jobStarted", "workerName": job.worker}, job)
        await self.tell(project, "jobError", error_frame("genfailure", "Too late.", **about), job)

    async def tell(
        self,
        project: Project,
        kind: str,
        frame: Mapping[str, Any],
        job: Job | None = None,
        *,
        name: str | None = None,
        step: int | None = None,
    ) -> None:
        """Send one frame of a project when it may be sent, then do what the script wants at this moment."""
        script = project.script
        if script.delay:
            await asyncio.sleep(script.delay)
        else:
            # Lets the other jobs have their turn.
            await asyncio.sleep(0)
        if script.pause_offline and self._hub.of(project) is None:
            project.hold("offline")
        await project.gate.wait()
        if job is not None and step is not None:
            # Only now, so that look-ups and frames agree while a project is stopped.
            job.status, job.step = "jobProgress", step
        data = dict(frame)
        if job is not None:
            data.setdefault("imgID", job.img_id)
            data["jobIndex"] = job.index
        self.deliver(project, kind, data)
        if name is not None:
            await self.moment(project, name, job)

    def deliver(self, project: Project, kind: str, frame: Mapping[str, Any]) -> None:
        """Send a frame now, in the way that the script spells and orders frames."""
        script = project.script
        data = {"jobID": project.id, **frame}
        if script.omit_job_index:
            data.pop("jobIndex", None)
        if script.lowercase_ids:
            data |= {key: str(data[key]).lower() for key in ("jobID", "imgID") if key in data}
        if script.reorder:
            waiting = self._held.pop(project.id, None)
            if waiting is None:
                self._held[project.id] = (kind, data)
                return
            self._put(project, kind, data)
            kind, data = waiting
        self._put(project, kind, data)

    def _put(self, project: Project, kind: str, data: dict[str, Any]) -> None:
        connection = self._hub.of(project)
        if connection is not None:
            for _ in range(2 if project.script.duplicate_frames else 1):
                self._hub.send(connection, kind, data)

    def flush(self, project: Project) -> None:
        """Send the frame that waits for a neighbour which will not come."""
        if (waiting := self._held.pop(project.id, None)) is not None:
            self._put(project, *waiting)

    async def moment(self, project: Project, name: str, job: Job | None = None) -> None:
        """Count a moment, and do what the script wants at it."""
        script = project.script
        project.counts[name] = project.counts.get(name, 0) + 1
        connection = self._hub.of(project)
        if project.reaches(name, script.garbage) and connection is not None:
            for message in GARBAGE:
                self._hub.send_raw(connection, message)
        if project.reaches(name, script.drop_socket_after) and connection is not None:
            self._hub.end(connection, script.close_socket)
        if project.reaches(name, script.restart):
            self._hub.drop_all(1001)
        if project.reaches(name, script.displace) and connection is not None:
            self._hub.end(connection, 4015)
        if project.reaches(name, script.hold_at) and not project.is_released:
            project.hold("script")
        self._journal.touch()
        if job is not None and (
            project.reaches(name, script.reassign_worker) or project.reaches(name, script.silent_reassign)
        ):
            raise Reassigned


def error_frame(error: object, message: str, **extra: object) -> dict[str, Any]:
    """The body of a `jobError`; it comes from a worker if it is about one job."""
    return {"error": error, "error_message": message, "isFromWorker": "imgID" in extra, **extra}
