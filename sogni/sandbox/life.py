"""The life of an order: from the `jobRequest` frame over queue, workers and progress to results, with what a script changes."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import views
from .catalog import Model
from .connections import Connection
from .estimates import Work, price
from .faults import Fault
from .records import Outcome, Submission
from .render import Order, render, suffix
from .script import Moment
from .state import Job, Project, StoredFile, now_ms

if TYPE_CHECKING:
    from .server import Server

WORKERS = ("aurora", "borealis", "cirrus", "delta", "eos", "fjord")
# Seconds that one render takes; None for no waiting at all.
SPEEDS: dict[str, float | None] = {"instant": None, "fast": 1.2, "realistic": 9.0}
GARBAGE: tuple[str | bytes, ...] = (
    "not json",
    "[]",
    '{"type": 5}',
    '{"type":"jobProgress","data":"%%%"}',
    '{"type":"jobState","data":"bm90IGpzb24="}',
    '{"type":"jobState","data":"W10="}',
    '{"type":"somethingNew","data":"e30="}',
    '{"type":"disconnected","data":"eyJjb2RlIjo0MDIxfQ=="}',
    '{"type":"jobResult"}',
    b"\xff\xfe\xfd",
    '{"type":"jobProgress","data":"' + "W1tb" * 20_000 + '"}',
)


class Life:
    """Takes orders and lets them happen."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._rig = server.rig
        self._world = server.world
        self._held: dict[str, tuple[str, dict[str, Any]]] = {}
        self._late: dict[str, tuple[Job, dict[str, Any]]] = {}

    # --- taking an order --------------------------------------------------------------------------------------------

    async def order(self, connection: Connection, request: Mapping[str, Any]) -> None:
        """One `jobRequest` frame."""
        project_id = str(request.get("jobID") or "").upper()
        known = self._world.project(project_id)
        if known is not None:
            self._note(connection, project_id, "duplicate", request, ())
            return
        script = self._rig.take_script("project")
        if script.lose_before_accept:
            self._note(connection, project_id, "lost", request, ())
            connection.abort()
            return
        fault = self._rig.take_fault(lambda fault, _: fault.place == "submission")
        model = self._server.catalog.by_id.get(str(_key_frame(request).get("modelID") or ""))
        missing = tuple(slot for slot in _declared(request) if slot not in self._world.inputs(project_id))
        if fault is not None:
            self._note(connection, project_id, "refused", request, missing)
            await self._refuse(connection, project_id, fault[1])
            return
        if not project_id or model is None:
            self._note(connection, project_id, "refused", request, missing)
            await connection.send("jobError", _error(project_id, "modelNotFound", "Unknown model."))
            return
        project = self._project(connection, project_id, request, model, script)
        purse = connection.account.purses[project.token]
        if purse.net < project.estimate:
            self._note(connection, project_id, "refused", request, missing)
            await connection.send("jobError", _error(project_id, 123, "Insufficient funds."))
            return
        self._world.projects[project_id] = project
        self._note(connection, project_id, "accepted", request, missing)
        project.task = asyncio.create_task(self._run(project, set(missing)))

    def _project(
        self, connection: Connection, project_id: str, request: Mapping[str, Any], model: Model, script: Any
    ) -> Project:
        frame = _key_frame(request)
        count = min(max(int(request.get("numberOfImages") or 1), 1), 64)
        steps = int(frame.get("steps") or model.default("steps", 12) or 12)
        steps = min(max(steps, 1), 200)
        kind = model.media if model.media in ("video", "audio") else "image"
        width, height = frame.get("width"), frame.get("height")
        size = (
            (int(width), int(height))
            if width and height
            else self._server.catalog.image_size(model, frame.get("sizePreset"))
        )
        frames = int(frame.get("frames") or 0)
        fps = float(frame.get("fps") or 24)
        seconds = float(frame.get("duration") or 10)
        work = Work(
            kind=kind,
            steps=steps,
            count=count,
            width=size[0],
            height=size[1],
            frames=frames,
            seconds=seconds,
            previews=int(request.get("previews") or 0),
        )
        token = "sogni" if request.get("tokenType") == "sogni" else "spark"
        seed = frame.get("seed")
        first = int(seed) if isinstance(seed, (int, float)) and seed >= 0 else None
        jobs = [
            Job(
                index=index,
                seed=(first if first is not None and index == 0 else _seed(project_id, index)) % 2**32,
                steps=steps,
            )
            for index in range(count)
        ]
        return Project(
            id=project_id,
            sid=self._world.number(),
            account=connection.account,
            app_id=connection.app_id,
            app_source=request.get("appSource") or connection.app_source,
            network=request.get("network") or connection.network,
            request=request,
            model=model,
            kind=kind,
            script=script,
            jobs=jobs,
            step_count=steps,
            size=size,
            frames=frames,
            fps=fps,
            token=token,
            estimate=price(model, work).tokens(token),
            inputs=self._world.inputs(project_id),
        )

    def _note(
        self,
        connection: Connection,
        project_id: str,
        outcome: Outcome,
        request: Mapping[str, Any],
        missing: tuple[str, ...],
    ) -> None:
        self._server.journal.submit(
            Submission(
                project_id=project_id,
                outcome=outcome,
                request=request,
                uploads=tuple(self._world.inputs(project_id).values()),
                missing_slots=missing,
                app_id=connection.app_id,
                account=connection.account.name,
                connection=connection.number,
                time=datetime.now(timezone.utc),
            )
        )

    async def _refuse(self, connection: Connection, project_id: str, fault: Fault) -> None:
        self._server.journal.add("fault", detail=fault.summary)
        await connection.send("jobError", _error(project_id, fault.error, fault.message) | dict(fault.extra))

    # --- canceling --------------------------------------------------------------------------------------------------

    async def cancel(self, connection: Connection, project_id: str) -> None:
        """A `jobError artistCanceled` frame of a client."""
        script = self._rig.take_script("cancel")
        if script.cancel_silent:
            return
        answer: dict[str, Any] = {"jobID": project_id.upper(), "didCancel": False}
        project = self._world.project(project_id)
        if script.cancel_unconfirmed:
            answer["error_message"] = "The provider did not confirm; it is still running."
        elif project is None or project.account is not connection.account:
            answer["error_message"] = "Unknown project."
        elif project.is_over:
            answer["error_message"] = "The project has ended already."
        else:
            if project.task is not None:
                project.task.cancel()
            for job in project.jobs:
                if job.ended is None:
                    job.status, job.reason, job.ended = "jobError", "artistCanceled", now_ms()
            self._end(project, "cancelled", "artistCanceled", told=True)
            if script.cancel_error_first:
                await connection.send("jobError", _error(project.id, "artistCanceled", "artistCanceled"))
            answer["didCancel"] = True
        await connection.send("artistCancelConfirmation", answer)

    # --- running ----------------------------------------------------------------------------------------------------

    async def _run(self, project: Project, missing: set[str]) -> None:
        project.gate.set()
        script = project.script
        await self._reach(project, "accepted")
        project.status = "queued"
        for position in range(script.queue_position, -1, -1):
            project.queue_position = position
            waiting: dict[str, Any] = {}
            if script.waiting is not None:
                reason = {"reason": script.waiting, "message": f"Waiting: {script.waiting.replace('_', ' ')}."}
                waiting = {"waitingReason": reason, "jobWaitingReasons": []}
                await self._tell(project, "projectQueue", waiting)
            await self._state(
                project,
                "queued",
                queuePosition=position,
                estimatedStartSeconds=position * 2,
                queueStatus="no-workers" if script.no_workers and position == script.queue_position else "waiting",
                **waiting,
            )
            await self._reach(project, "queued")
            await self._take_time(project, 12)
        project.status = "assigned"
        await self._state(project, "assigned", workerName=_worker(project.jobs[0]))
        await self._reach(project, "assigned")
        project.status = "progress"
        await asyncio.gather(*(self._render(project, job, missing) for job in project.jobs))
        delivered = any(job.ended_well for job in project.jobs)
        late = self._late.pop(project.id, None)
        if delivered and not script.lose_completed:
            await self._state(project, "jobCompleted")
        if late is not None:
            await self._tell(project, "jobResult", late[1])
        self._end(project, "completed" if delivered else "errored", "allJobsCompleted" if delivered else "genfailure")
        await self._reach(project, "completed")
        if script.late_frames:
            await self._after_the_end(project)

    async def _render(self, project: Project, job: Job, missing: set[str]) -> None:
        script = project.script
        await self._take_job(project, job)
        fault = self._rig.take_fault(lambda fault, _: fault.place == "job")
        previews = int(project.request.get("previews") or 0)
        shown = {max(1, round(job.steps * (n + 1) / (previews + 1))) for n in range(previews)}
        step = 0
        while step < job.steps:
            step += 1
            job.step, job.status = step, "jobProgress"
            has_image = step in shown
            if has_image:
                job.preview = await self._picture(project, job, preview=True)
            await self._progress(project, job, step, has_image)
            if has_image:
                await self._reach(project, "preview")
            project.counts["progress"] = project.counts.get("progress", 0) + 1
            moved = project.reaches("progress", script.reassign_worker)
            if moved or project.reaches("progress", script.silent_reassign):
                await self._move(project, job, announced=moved)
                step = 0
                continue
            await self._act(project, "progress")
            await self._take_time(project, job.steps)
            if step * 2 >= job.steps:
                broken = None
                if fault is not None:
                    broken = (fault[1].error, fault[1].message, dict(fault[1].extra))
                elif job.index in script.fail_jobs:
                    broken = ("genfailure", "Generation failed.", {})
                elif missing:
                    broken = ("imgUploadFailure", f"Nothing was uploaded for {', '.join(sorted(missing))}.", {})
                if broken is not None:
                    await self._fail(project, job, *broken)
                    return
        await self._deliver(project, job)

    async def _take_job(self, project: Project, job: Job) -> None:
        job.worker = _worker(job)
        job.status = "initiatingModel"
        await self._state(project, "initiatingModel", job)
        await self._reach(project, "initiating")
        job.status, job.started = "jobStarted", now_ms()
        await self._state(project, "jobStarted", job)
        await self._reach(project, "started")

    async def _move(self, project: Project, job: Job, *, announced: bool) -> None:
        """Another worker takes the render over."""
        before = job.img_id
        if announced:
            await self._tell(
                project,
                "jobRetry",
                self._of(project, job)
                | {
                    "attempt": job.attempt,
                    "maxAttempts": 3,
                    "error": "workerDisconnected",
                    "error_message": "The worker disconnected.",
                    "isFromWorker": False,
                },
            )
        job.old_ids.append(before)
        job.img_id, job.attempt, job.step = str(uuid.uuid4()).upper(), job.attempt + 1, 0
        if announced:
            await self._take_job(project, job)
        if project.script.ghost_frames:
            ghost = {"jobID": project.id, "imgID": before, "jobIndex": job.index}
            await self._tell(project, "jobProgress", ghost | {"step": job.steps, "stepCount": job.steps})
            await self._tell(project, "jobResult", ghost | {"performedStepCount": job.steps, "lastSeed": "0"})

    async def _progress(self, project: Project, job: Job, step: int, has_image: bool) -> None:
        style = project.script.progress_style
        left = self._seconds(project) * (job.steps - step) / job.steps
        data = self._of(project, job) | {"hasImage": has_image}
        if style == "steps":
            data |= {"step": step, "stepCount": job.steps}
        elif style == "fraction":
            data |= {"progress": step / job.steps}
        elif style == "percent":
            data |= {"progress": round(100 * step / job.steps)}
        if style != "eta":
            await self._tell(project, "jobProgress", data)
        if left >= 1 or style == "eta" or project.script.phantom_eta:
            estimate = {"jobID": project.id, "etaSeconds": round(left, 1)}
            if not project.script.phantom_eta:
                estimate["imgID"] = job.img_id
            await self._tell(project, "jobETA", estimate)

    async def _fail(self, project: Project, job: Job, error: int | str, message: str, extra: dict[str, object]) -> None:
        job.status, job.reason, job.ended = "jobError", str(error), now_ms()
        data = self._of(project, job) | {"error": error, "error_message": message, "isFromWorker": True} | extra
        await self._tell(project, "jobError", data)

    async def _deliver(self, project: Project, job: Job) -> None:
        script = project.script
        job.withheld = job.index in script.withhold
        job.labelled = job.index in script.label
        if not job.withheld:
            job.file = await self._picture(project, job)
        job.step = job.steps
        result: dict[str, Any] = {
            "performedStepCount": job.steps,
            "lastSeed": str(job.seed),
            "userCanceled": False,
            "triggeredNSFWFilter": job.withheld,
            "outputFormat": _output_format(project),
        }
        if job.labelled:
            result |= {"nsfwDetected": True, "nsfwSources": ["image"]}
        if job.file is not None:
            result["artifacts"] = [{"contentType": job.file.content_type, "success": True}]
            result["sha256"] = hashlib.sha256(job.file.path.read_bytes()).hexdigest()
            if script.hosted_results or project.model.is_vendor:
                name = f"{project.id}/{job.img_id}/complete"
                result["resultUrl"] = self._server.media.download_url(name, job.file)
        job.result = result
        job.status, job.ended = "jobCompleted", now_ms()
        job.cost = (project.estimate / len(project.jobs)).quantize(Decimal("0.0001"))
        project.account.purses[project.token].debit += job.cost
        frame = self._of(project, job) | result
        if job.index in script.lose_results:
            pass
        elif script.completed_before_result and all(other.ended is not None for other in project.jobs):
            self._late[project.id] = (job, frame)
        else:
            await self._tell(project, "jobResult", frame)
        await self._tell(project, "balanceUpdate", views.balance(project.account))
        await self._reach(project, "result")

    async def _after_the_end(self, project: Project) -> None:
        """What a confused worker may still say."""
        job = project.jobs[0]
        await self._progress(project, job, 1, False)
        await self._state(project, "queued", queuePosition=7)
        await self._state(project, "jobStarted", job)
        await self._tell(
            project,
            "jobError",
            self._of(project, job) | {"error": "genfailure", "error_message": "late", "isFromWorker": True},
        )

    def _end(self, project: Project, status: str, reason: str, *, told: bool = False) -> None:
        project.status, project.reason = status, reason
        project.ended = project.updated = now_ms()
        project.ended_at = asyncio.get_running_loop().time()
        project.unclaimed = not told and self._server.connections.of(project.account, project.app_id) is None
        self._server.journal.touch()

    # --- moments and time -------------------------------------------------------------------------------------------

    async def _reach(self, project: Project, name: str) -> None:
        project.counts[name] = project.counts.get(name, 0) + 1
        await self._act(project, name)

    async def _act(self, project: Project, name: str) -> None:
        """What a script wants at the moment that was just counted."""
        script = project.script

        def is_now(at: Moment | None) -> bool:
            return project.reaches(name, at)

        connection = self._server.connections.of(project.account, project.app_id)
        if is_now(script.garbage) and connection is not None:
            for raw in GARBAGE:
                await connection.send_raw(raw, kind="garbage")
        if is_now(script.drop_socket_after) and connection is not None:
            if script.close_socket is None:
                connection.abort()
            else:
                await connection.close(script.close_socket)
            await self._server.gone(connection)
        if is_now(script.displace) and connection is not None:
            await connection.close(4015)
            await self._server.gone(connection)
        if is_now(script.restart):
            for other in self._server.connections:
                await other.close(1001)
                await self._server.gone(other)
        if is_now(script.hold_at):
            project.hold("script")
        if script.pause_offline and self._server.connections.of(project.account, project.app_id) is None:
            project.hold("offline")
        self._server.journal.touch()
        await project.gate.wait()

    def _seconds(self, project: Project) -> float:
        return SPEEDS[self._server.speed] or 0.0

    async def _take_time(self, project: Project, parts: int) -> None:
        seconds = self._seconds(project)
        await asyncio.sleep(seconds / max(1, parts))

    # --- frames -----------------------------------------------------------------------------------------------------

    def _of(self, project: Project, job: Job) -> dict[str, Any]:
        data: dict[str, Any] = {"jobID": project.id, "imgID": job.img_id}
        if not project.script.omit_job_index:
            data["jobIndex"] = job.index
        return data

    async def _state(self, project: Project, type: str, job: Job | None = None, **fields: object) -> None:
        data: dict[str, Any] = {"jobID": project.id} if job is None else self._of(project, job)
        if job is not None:
            data["workerName"] = job.worker
        await self._tell(project, "jobState", {"type": type, **data, **fields})

    async def _tell(self, project: Project, kind: str, data: dict[str, Any]) -> None:
        """Send one frame of a project to its app, if it is connected, the way the script bends frames."""
        script = project.script
        project.updated = now_ms()
        if script.delay:
            await asyncio.sleep(script.delay)
        if kind == "projectQueue":
            data = {"jobID": project.id, **data}
        if script.lowercase_ids:
            data = {key: value.lower() if key in ("jobID", "imgID") else value for key, value in data.items()}
        batch = [(kind, data)]
        if script.reorder:
            held = self._held.pop(project.id, None)
            if held is None and not (kind == "jobState" and data["type"] == "jobCompleted"):
                self._held[project.id] = (kind, data)
                return
            if held is not None:
                batch.append(held)
        connection = self._server.connections.of(project.account, project.app_id)
        if connection is None:
            return
        for one_kind, one in batch:
            for _ in range(2 if script.duplicate_frames else 1):
                await connection.send(one_kind, one)

    # --- pictures ---------------------------------------------------------------------------------------------------

    async def _picture(self, project: Project, job: Job, *, preview: bool = False) -> StoredFile:
        output_format = "jpg" if preview else _output_format(project)
        order = Order(
            kind="image" if preview else ("model" if project.model.media == "model" else project.kind),
            prompt=project.prompt,
            negative=str(project.keyframe.get("negativePrompt") or ""),
            model=project.model.name,
            seed=job.seed,
            size=project.size,
            frames=project.frames,
            fps=project.fps,
            seconds=float(project.keyframe.get("duration") or 10),
            strength=float(project.keyframe.get("strength") or 0.5),
            output_format=output_format,
            progress=job.step / job.steps if preview else 1.0,
            inputs={slot: upload.path for slot, upload in project.inputs.items()},
        )
        path = self._world.new_path(suffix(output_format))
        loop = asyncio.get_running_loop()
        content_type = await loop.run_in_executor(self._server.pool, render, order, path)
        return StoredFile(path, content_type, path.stat().st_size)


def _key_frame(request: Mapping[str, Any]) -> Mapping[str, Any]:
    frames = request.get("keyFrames")
    return frames[0] if isinstance(frames, list) and frames and isinstance(frames[0], dict) else {}


def _declared(request: Mapping[str, Any]) -> list[str]:
    """The upload slots that a request says are filled."""
    frame = _key_frame(request)
    slots = [name[3].lower() + name[4:] for name, value in frame.items() if name.startswith("has") and value is True]
    slots = ["referenceAudio" if slot == "referenceAudioIdentity" else slot for slot in slots]
    nets = frame.get("currentControlNetsJob")
    if isinstance(nets, list) and nets and isinstance(nets[0], dict) and nets[0].get("hasImage") is True:
        slots.append("cnImage")
    return slots


def _error(project_id: str, error: int | str, message: str) -> dict[str, Any]:
    return {"jobID": project_id, "error": error, "error_message": message, "isFromWorker": False}


def _output_format(project: Project) -> str:
    return str(project.request.get("outputFormat") or {"video": "mp4", "audio": "mp3"}.get(project.kind, "png"))


def _seed(project_id: str, index: int) -> int:
    return int(hashlib.sha256(f"{project_id}/{index}".encode()).hexdigest()[:8], 16)


def _worker(job: Job) -> str:
    return f"sandbox-{WORKERS[(job.seed + job.attempt) % len(WORKERS)]}"
