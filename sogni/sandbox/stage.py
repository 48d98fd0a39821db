"""The life of a project: queue, workers, steps, previews, results, the end, and cancelling in between."""

from __future__ import annotations

import asyncio
import traceback
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import views
from .faults import VENDOR_FAILURE, Fault
from .hub import Hub
from .journal import Journal
from .ledger import Ledger
from .order import Order, order_of
from .pace import Pace
from .script import Rig
from .slots import declared
from .state import JOB_ENDED, Job, Project, StoredFile, World, now_ms
from .storage import Storage
from .studio import Studio

MAX_ATTEMPTS = 3

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


class _Reassigned(Exception):
    """Another worker takes the job over."""


class Stage:
    """Runs the projects."""

    def __init__(
        self,
        *,
        journal: Journal,
        world: World,
        hub: Hub,
        rig: Rig,
        storage: Storage,
        studio: Studio,
        pace: Pace,
        ledger: Ledger,
    ) -> None:
        self._journal = journal
        self._world = world
        self._hub = hub
        self._rig = rig
        self._storage = storage
        self._studio = studio
        self._pace = pace
        self._ledger = ledger
        #: Frames that wait for their neighbour, and results that `jobCompleted` overtakes, by project.
        self._held: dict[str, tuple[str, dict[str, Any]]] = {}
        self._overtaken: dict[str, tuple[str, dict[str, Any]]] = {}

    def begin(self, project: Project) -> None:
        """Take an accepted project in and let it run."""
        project.let_go("")
        self._world.projects[project.id] = project
        self._ledger.reserve(project)
        project.task = asyncio.get_running_loop().create_task(self._run(project))

    def cancel(self, project: Project) -> None:
        """End a project because its owner says so; nothing more is rendered or charged."""
        if project.task is not None:
            project.task.cancel()
        self._held.pop(project.id, None)
        for job in project.jobs:
            if job.status not in JOB_ENDED:
                job.status, job.reason, job.ended = "jobError", "artistCanceled", now_ms()
        self._over(project, "cancelled", "artistCanceled")
        self.tell_balance(project)

    def release(self) -> None:
        """Let projects go on that a script stopped, or was going to stop."""
        for project in self._world.projects.values():
            project.is_released = True
            project.let_go("script")

    def connected(self, project: Project) -> None:
        """The project's app is there again."""
        project.let_go("offline")

    async def close(self) -> None:
        """End everything."""
        tasks = [project.task for project in self._world.projects.values() if project.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._held.clear()

    def tell_balance(self, project: Project) -> None:
        """Tell the account's sockets what is left."""
        self._ledger.tell_balance(project.account, project.token)

    # the project

    async def _run(self, project: Project) -> None:
        try:
            await self._moment(project, "accepted")
            await self._queue(project)
            await asyncio.gather(*(self._job(project, job) for job in project.jobs))
            await self._finish(project)
        except Exception:
            self._journal.add("error", detail=traceback.format_exc())
            if not project.is_over:
                self._over(project, "errored", "genfailure")
                self._deliver(project, "jobError", self._error(project, "genfailure", "The sandbox has a defect."))

    async def _queue(self, project: Project) -> None:
        script = project.script
        project.status = "queued"
        for position in range(script.queue_position, -1, -1):
            project.queue_position = position
            without = script.no_workers and position == script.queue_position
            frame: dict[str, Any] = {
                "type": "queued",
                "queuePosition": position,
                "estimatedStartSeconds": position * 2,
                "queueStatus": "no-workers" if without else "waiting",
            }
            reason = views.waiting_reason(project)
            if reason is not None:
                per_job = [{"jobIndex": job.index, "waitingReason": reason} for job in project.jobs]
                frame |= {"waitingReason": reason, "jobWaitingReasons": per_job}
                await self._tell(project, "projectQueue", {"waitingReason": reason, "jobWaitingReasons": per_job})
            await self._tell(project, "jobState", frame, name="queued")
            await self._pause(self._pace.queue)
        project.status = "assigned"
        await self._tell(project, "jobState", {"type": "assigned", "workerName": _worker(0, 1)}, name="assigned")

    async def _finish(self, project: Project) -> None:
        if all(job.status == "jobError" for job in project.jobs):
            self._over(project, "errored", project.jobs[0].reason)
            await self._tell_late(project)
            self._flush(project)
            self.tell_balance(project)
            return
        await project.gate.wait()
        self._over(project, "completed", "allJobsCompleted")
        self.tell_balance(project)
        script = project.script
        overtaken = self._overtaken.pop(project.id, None)
        if not script.lose_completed:
            await self._tell(project, "jobState", {"type": "jobCompleted"}, name="completed")
        if overtaken is not None:
            self._deliver(project, *overtaken)
        await self._tell_late(project)
        self._flush(project)

    def _over(self, project: Project, status: str, reason: str) -> None:
        """The project has ended, before anybody is told, so that look-ups agree with the frames."""
        self._ledger.settle(project)
        project.status, project.reason = status, reason
        project.ended = project.updated = now_ms()
        project.ended_at = asyncio.get_running_loop().time()
        project.record_misses = project.script.late_record
        project.unclaimed = self._hub.of(project) is None
        self._journal.touch()

    # one job

    async def _job(self, project: Project, job: Job) -> None:
        try:
            while True:
                try:
                    await self._attempt(project, job)
                    return
                except _Reassigned:
                    await self._reassign(project, job)
        except Exception:
            self._journal.add("error", detail=traceback.format_exc())
            await self._fail(project, job, "genfailure", "The sandbox could not render this, see its log.")

    async def _attempt(self, project: Project, job: Job) -> None:
        script = project.script
        job.worker = _worker(job.index, job.attempt)
        job.status = "initiatingModel"
        about = {"workerName": job.worker}
        await self._tell(project, "jobState", {"type": "initiatingModel", **about}, job, name="initiating")
        await self._pause(self._pace.load)
        order = order_of(project, job)
        if await self._lacks_files(project, job, order):
            return
        job.status, job.started, project.status = "jobStarted", now_ms(), "progress"
        path = self._world.new_path(f".{order.format}")
        # A retry of the same job draws the same thing, so that nothing depends on which worker did it.
        drawing = asyncio.ensure_future(self._studio.render(order, path))
        try:
            await self._tell(project, "jobState", {"type": "jobStarted", **about}, job, name="started")
            failed = await self._steps(project, job)
            if failed is not None:
                await self._fail(project, job, failed.error, failed.message, **failed.extra)
                return
            made = await drawing
        finally:
            if not drawing.done():
                drawing.cancel()
            else:
                drawing.cancelled() or drawing.exception()
        if made.problem:
            await self._fail(project, job, "genfailure", made.problem)
            return
        job.withheld, job.labelled = job.index in script.withhold, job.index in script.label
        job.cost = _share(project.estimate, job.index, len(project.jobs))
        if not job.withheld:
            job.file = StoredFile(path, made.content_type, path.stat().st_size)
            self._storage.put_result(project, job, job.file)
            if made.last_frame is not None:
                job.last_frame = StoredFile(made.last_frame, "image/png", made.last_frame.stat().st_size)
                self._storage.put_last_frame(project, job, job.last_frame)
        job.result = self._result(project, job, made.facts)
        job.status, job.ended, project.updated = "jobCompleted", now_ms(), now_ms()
        await self._tell_result(project, job)

    async def _lacks_files(self, project: Project, job: Job, order: Order) -> bool:
        """Fail a job whose files are missing or are not what their slots take, as whoever renders it finds out."""
        missing = [slot for slot in declared(project.keyframe) if slot not in project.inputs]
        if missing:
            word, category, said = (
                "imgUploadFailure",
                "asset_resolution",
                f"Nothing was uploaded for: {', '.join(missing)}.",
            )
        elif said := await self._studio.flaw(order):
            word, category = "genfailure", "input_validation"
        else:
            return False
        if project.model.is_vendor:
            await self._fail(project, job, VENDOR_FAILURE, said, vendorFailureCategory=category)
        else:
            await self._fail(project, job, word, said)
        return True

    async def _steps(self, project: Project, job: Job) -> Fault | None:
        """Count the steps; gives the fault that ends the job half way, if there is one."""
        previews = (
            _preview_steps(int(project.request.get("previews") or 0), job.steps) if project.kind == "image" else ()
        )
        half = (job.steps + 1) // 2
        each = self._pace.render / job.steps
        left = self._pace.render
        await self._tell_eta(project, job, left)
        for step in range(1, job.steps + 1):
            await self._pause(each)
            left -= each
            if step == half:
                if job.index in project.script.fail_jobs:
                    return Fault(place="job", summary="scripted", error="genfailure", message="Generation failed.")
                found = self._rig.take_fault(lambda fault, _: fault.place == "job")
                if found is not None:
                    self._journal.add("fault", detail=f"{found[0]} {project.id}/{job.index}")
                    return found[1]
            shown = step in previews and await self._preview(project, job, step)
            if each:
                await self._tell_eta(project, job, left)
            await self._tell_progress(project, job, step, shown)
            if shown:
                await self._moment(project, "preview", job)
        return None

    async def _preview(self, project: Project, job: Job, step: int) -> bool:
        """Draw a preview; False when the library for that is missing."""
        path = self._world.new_path(".jpg")
        if not await self._studio.preview(order_of(project, job), step / job.steps, path):
            return False
        job.preview = StoredFile(path, "image/jpeg", path.stat().st_size)
        self._storage.put_preview(project, job, job.preview)
        return True

    async def _reassign(self, project: Project, job: Job) -> None:
        gone = job.img_id
        if project.script.silent_reassign is None:
            message = {
                "imgID": gone,
                "attempt": job.attempt,
                "maxAttempts": MAX_ATTEMPTS,
                "error": "workerDisconnected",
                "error_message": "The worker disconnected.",
                "isFromWorker": False,
            }
            job.status = "queued"
            await self._tell(project, "jobRetry", message, job)
        job.old_ids.append(gone)
        job.img_id = str(uuid.uuid4()).upper()
        job.attempt += 1
        job.step, job.started, job.preview = 0, None, None

    async def _fail(self, project: Project, job: Job, error: object, message: str, **extra: object) -> None:
        job.status, job.reason, job.ended = "jobError", str(error), now_ms()
        project.updated = now_ms()
        await self._tell(project, "jobError", self._error(project, error, message, imgID=job.img_id, **extra), job)

    # frames

    async def _tell_result(self, project: Project, job: Job) -> None:
        script = project.script
        frame = {"imgID": job.img_id, **job.result}
        last = all(other.status in JOB_ENDED for other in project.jobs)
        if job.index in script.lose_results:
            await self._moment(project, "result", job)
        elif script.completed_before_result and last:
            self._overtaken[project.id] = ("jobResult", {**frame, "jobIndex": job.index})
            await self._moment(project, "result", job)
        else:
            await self._tell(project, "jobResult", frame, job, name="result")

    async def _tell_progress(self, project: Project, job: Job, step: int, shown: bool) -> None:
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
        await self._tell(project, kind, frame, job, name="progress", step=step)
        if project.script.ghost_frames and job.old_ids:
            ghost = {"imgID": job.old_ids[-1], "step": max(1, job.steps - 1), "stepCount": job.steps}
            await self._tell(project, "jobProgress", ghost, job)

    async def _tell_eta(self, project: Project, job: Job, left: float) -> None:
        eta = {"etaSeconds": max(1, round(left))}
        await self._tell(project, "jobETA", {"imgID": job.img_id, **eta}, job)
        if project.script.phantom_eta:
            await self._tell(project, "jobETA", eta)

    async def _tell_late(self, project: Project) -> None:
        if not project.script.late_frames:
            return
        job = project.jobs[0]
        about = {"imgID": job.img_id}
        await self._tell(project, "jobProgress", {**about, "step": 1, "stepCount": job.steps}, job)
        await self._tell(project, "jobState", {"type": "queued", "queuePosition": 3}, None)
        await self._tell(project, "jobState", {"type": "jobStarted", "workerName": job.worker}, job)
        await self._tell(project, "jobError", self._error(project, "genfailure", "Too late.", **about), job)

    async def _tell(
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
        self._deliver(project, kind, data)
        if name is not None:
            await self._moment(project, name, job)

    def _deliver(self, project: Project, kind: str, frame: Mapping[str, Any]) -> None:
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

    def _flush(self, project: Project) -> None:
        if (waiting := self._held.pop(project.id, None)) is not None:
            self._put(project, *waiting)

    async def _moment(self, project: Project, name: str, job: Job | None = None) -> None:
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
            raise _Reassigned

    def _result(self, project: Project, job: Job, facts: Mapping[str, Any]) -> dict[str, Any]:
        frame: dict[str, Any] = {
            "performedStepCount": job.step,
            "lastSeed": str(job.seed),
            "userCanceled": False,
            "triggeredNSFWFilter": job.withheld,
            "nsfwDetected": job.labelled,
            "nsfwSources": ["image"] if job.labelled else [],
            "outputFormat": views.output_format(project),
        }
        if not job.withheld and job.file is not None:
            frame |= facts
            frame["artifacts"] = [{"contentType": job.file.content_type, "success": True}]
            if project.script.hosted_results or project.model.is_vendor:
                frame["resultUrl"] = self._storage.result_url(project, job)
                if job.last_frame is not None:
                    frame["lastFrameUrl"] = self._storage.last_frame_url(project, job)
        return frame

    def _error(self, project: Project, error: object, message: str, **extra: object) -> dict[str, Any]:
        return {"error": error, "error_message": message, "isFromWorker": "imgID" in extra, **extra}

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds)


def _share(amount: Decimal, index: int, count: int) -> Decimal:
    """What one of several jobs costs; the last one takes what rounding leaves."""
    each = (amount / count).quantize(Decimal("0.000001"))
    return each if index < count - 1 else amount - each * (count - 1)


def _worker(index: int, attempt: int) -> str:
    return f"sandbox-worker-{index + 1}{'abc'[(attempt - 1) % 3]}"


def _preview_steps(count: int, steps: int) -> frozenset[int]:
    """After which steps there is a preview: evenly spread, never after the last."""
    count = min(count, max(0, steps - 1))
    return frozenset(max(1, steps * (number + 1) // (count + 1)) for number in range(count))
