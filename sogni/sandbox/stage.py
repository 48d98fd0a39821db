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
from .telling import Reassigned, Telling, error_frame

MAX_ATTEMPTS = 3


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
        self._told = Telling(journal=journal, hub=hub)

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
        self._told.forget(project)
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
        self._told.clear()

    def tell_balance(self, project: Project) -> None:
        """Tell the account's sockets what is left."""
        self._ledger.tell_balance(project.account, project.token)

    # the project

    async def _run(self, project: Project) -> None:
        try:
            await self._told.moment(project, "accepted")
            await self._queue(project)
            await asyncio.gather(*(self._job(project, job) for job in project.jobs))
            await self._finish(project)
        except Exception:
            self._journal.add("error", detail=traceback.format_exc())
            if not project.is_over:
                self._over(project, "errored", "genfailure")
                self._told.deliver(project, "jobError", error_frame("genfailure", "The sandbox has a defect."))

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
                await self._told.tell(project, "projectQueue", {"waitingReason": reason, "jobWaitingReasons": per_job})
            await self._told.tell(project, "jobState", frame, name="queued")
            await self._pause(self._pace.queue)
        project.status = "assigned"
        await self._told.tell(project, "jobState", {"type": "assigned", "workerName": _worker(0, 1)}, name="assigned")

    async def _finish(self, project: Project) -> None:
        if all(job.status == "jobError" for job in project.jobs):
            self._over(project, "errored", project.jobs[0].reason)
            await self._told.late(project)
            self._told.flush(project)
            self.tell_balance(project)
            return
        await project.gate.wait()
        self._over(project, "completed", "allJobsCompleted")
        self.tell_balance(project)
        script = project.script
        if not script.lose_completed:
            await self._told.tell(project, "jobState", {"type": "jobCompleted"}, name="completed")
        self._told.overtaken(project)
        await self._told.late(project)
        self._told.flush(project)

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
                except Reassigned:
                    await self._reassign(project, job)
        except Exception:
            self._journal.add("error", detail=traceback.format_exc())
            await self._fail(project, job, "genfailure", "The sandbox could not render this, see its log.")

    async def _attempt(self, project: Project, job: Job) -> None:
        script = project.script
        job.worker = _worker(job.index, job.attempt)
        job.status = "initiatingModel"
        about = {"workerName": job.worker}
        await self._told.tell(project, "jobState", {"type": "initiatingModel", **about}, job, name="initiating")
        await self._pause(self._pace.load)
        order = order_of(project, job)
        if await self._lacks_files(project, job, order):
            return
        job.status, job.started, project.status = "jobStarted", now_ms(), "progress"
        path = self._world.new_path(f".{order.format}")
        # A retry of the same job draws the same thing, so that nothing depends on which worker did it.
        drawing = asyncio.ensure_future(self._studio.render(order, path))
        try:
            await self._told.tell(project, "jobState", {"type": "jobStarted", **about}, job, name="started")
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
        await self._told.result(project, job)

    async def _lacks_files(self, project: Project, job: Job, order: Order) -> bool:
        """Fail a job whose files are missing or are not what their slots take, as whoever renders it finds out."""
        missing = [slot for slot in declared(project.keyframe) if slot not in project.inputs]
        said = f"Nothing was uploaded for: {', '.join(missing)}." if missing else await self._studio.flaw(order)
        if not said:
            return False
        word, category = ("imgUploadFailure", "asset_resolution") if missing else ("genfailure", "input_validation")
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
        await self._told.eta(project, job, left)
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
                await self._told.eta(project, job, left)
            await self._told.progress(project, job, step, shown)
            if shown:
                await self._told.moment(project, "preview", job)
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
            await self._told.tell(project, "jobRetry", message, job)
        job.old_ids.append(gone)
        job.img_id = str(uuid.uuid4()).upper()
        job.attempt += 1
        job.step, job.started, job.preview = 0, None, None

    async def _fail(self, project: Project, job: Job, error: object, message: str, **extra: object) -> None:
        job.status, job.reason, job.ended = "jobError", str(error), now_ms()
        project.updated = now_ms()
        await self._told.tell(project, "jobError", error_frame(error, message, imgID=job.img_id, **extra), job)

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
