"""What is asked over HTTP: catalogue, estimates, look-ups and signed URLs, each by its path."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from . import views
from .answers import Handler, Problem, bare, caller, success
from .catalog import Catalog, Model
from .estimates import TOKENS, Work, quote
from .slots import slot_of
from .state import JOB_ENDED, Job, Project, World, now_ms
from .storage import Storage

WEEK_MS = 7 * 86_400_000
SYNC_CALLS, SYNC_SECONDS = 20, 10.0


class Routes:
    """The handlers."""

    def __init__(self, *, world: World, catalog: Catalog, storage: Storage) -> None:
        self._world = world
        self._catalog = catalog
        self._storage = storage
        self._wide_syncs: dict[str, list[float]] = {}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every path."""
        get: dict[str, Handler] = {
            "/v1/loras/comfy": self.loras,
            "/v1/projects/{id}": self.record,
            "/v2/projects/{id}": self.lookup,
            "/v1/jobs/list": self.recent,
            "/v1/image/uploadUrl": self.image_upload,
            "/v1/image/downloadUrl": self.image_download,
            "/v1/media/uploadUrl": self.media_upload,
            "/v1/media/downloadUrl": self.media_download,
            "/api/v1/artist/projects/active": self.active,
            "/api/v1/artist/projects/sync": self.sync,
            "/api/v1/models/list": self.models,
            "/api/v2/models/tiers": self.tiers,
            "/api/v1/status/network/{network}/models": self.workers,
            "/api/v1/size-presets/network/{network}/model/{model}": self.presets,
            IMAGE_ESTIMATE.format(2): self.image_estimate,
            IMAGE_ESTIMATE.format(3) + "/{guidance}/{sampler}/{context}": self.image_estimate,
            VIDEO_ESTIMATE: self.video_estimate,
            VIDEO_ESTIMATE + "/{steps}/{count}": self.video_estimate,
            "/api/v1/job-audio/estimate/{token}/{model}/{duration}/{steps}/{count}": self.audio_estimate,
        }
        for path, handler in get.items():
            router.add_get(path, handler)

    # catalogue

    async def loras(self, request: web.Request) -> web.Response:
        return success(views.loras(self._catalog, request.query.get("modelId")))

    async def models(self, request: web.Request) -> web.Response:
        return bare(self._catalog.raw["models"])

    async def tiers(self, request: web.Request) -> web.Response:
        return bare(self._catalog.raw["tiers"])

    async def workers(self, request: web.Request) -> web.Response:
        return bare(self._catalog.workers(request.match_info["network"]))

    async def presets(self, request: web.Request) -> web.Response:
        return bare(self._catalog.presets(self._model(request).id))

    # estimates

    async def image_estimate(self, request: web.Request) -> web.Response:
        model = self._model(request)
        number = _numbers(request)
        width, height = int(number("width")), int(number("height"))
        if not (width and height):
            width, height = self._catalog.image_size(model, None)
        work = Work(
            kind=model.media,
            steps=number("steps"),
            count=int(number("count")),
            width=width,
            height=height,
            previews=int(number("previews")),
            references=int(number("context", 0)) + int(number("cn")),
        )
        return self._quote(request, model, work)

    async def video_estimate(self, request: web.Request) -> web.Response:
        model = self._model(request)
        number = _numbers(request)
        number("fps")
        scale = 2 if model.is_two_stage else 1
        work = Work(
            kind="video",
            steps=number("steps", 0) or model.default("steps", 0),
            count=int(number("count", 1)),
            width=number("width") * scale,
            height=number("height") * scale,
            frames=number("frames"),
        )
        return self._quote(request, model, work)

    async def audio_estimate(self, request: web.Request) -> web.Response:
        number = _numbers(request)
        work = Work(kind="audio", steps=number("steps"), count=int(number("count")), seconds=number("duration"))
        return self._quote(request, self._model(request), work)

    def _quote(self, request: web.Request, model: Model, work: Work) -> web.Response:
        token = request.match_info["token"]
        if token not in TOKENS:
            raise Problem(400, 101, f"tokenType must be one of {', '.join(TOKENS)}.")
        return bare(quote(model, work, token, {"path": request.path, **request.query}))

    def _model(self, request: web.Request) -> Model:
        model_id = request.match_info["model"]
        if model_id not in self._catalog.by_id:
            raise Problem(404, 122, f"There is no model {model_id!r}.")
        return self._catalog.by_id[model_id]

    # projects

    async def record(self, request: web.Request) -> web.Response:
        project = self._mine(request)
        if not project.is_over:
            raise _missing("Project not found.")
        if project.record_misses:
            project.record_misses -= 1
            raise _missing("Project not found.")
        return success({"project": views.stored(project)})

    async def lookup(self, request: web.Request) -> web.Response:
        return success({"project": views.stored(self._mine(request), plain=True)})

    async def recent(self, request: web.Request) -> web.Response:
        account = caller()
        query = request.query
        try:
            since, limit = int(query.get("since", 0)), int(query.get("limit", 50))
        except ValueError:
            raise Problem(400, 101, "since and limit must be whole numbers.") from None
        if not 1 <= limit <= 100:
            raise Problem(400, 101, "limit must be from 1 to 100.")
        if since < now_ms() - WEEK_MS:
            raise Problem(400, 101, "since must lie within the last seven days.")
        if query.get("address", "").lower() != account.address.lower():
            raise Problem(403, 103, "address must be your own.")
        source = query.get("appSource")
        found = [
            (project, job)
            for project in self._world.mine(account)
            if source in (None, project.app_source)
            for job in project.jobs
            if job.ended_well and (job.ended or 0) >= since
        ]
        found.sort(key=lambda pair: pair[1].ended or 0, reverse=True)
        return success({"jobs": [views.recent_job(*pair) for pair in found[:limit]], "next": 0})

    async def active(self, request: web.Request) -> web.Response:
        return bare({"projects": [{"id": project.id} for project in self._world.active(caller())]})

    async def sync(self, request: web.Request) -> web.Response:
        account = caller()
        app_id = request.query.get("appId")
        if app_id is None:
            calls = self._wide_syncs.setdefault(account.name, [])
            now = time.monotonic()
            calls[:] = [moment for moment in calls if moment > now - SYNC_SECONDS]
            if len(calls) >= SYNC_CALLS:
                raise Problem(429, 126, "Too many requests.")
            calls.append(now)
        return bare(views.snapshot(self._world, account, app_id))

    def _mine(self, request: web.Request) -> Project:
        account = caller()
        project = self._world.project(request.match_info["id"])
        if project is None or project.account is not account:
            raise _missing("Project not found.")
        return project

    # signed URLs

    async def image_upload(self, request: web.Request) -> web.Response:
        caller()
        _need(request, "imageId", "jobId", "type")
        return self._upload(request, request.query["type"])

    async def media_upload(self, request: web.Request) -> web.Response:
        caller()
        _need(request, "jobId", "type")
        return self._upload(request, slot_of(request.query["type"], request.query.get("id")))

    def _upload(self, request: web.Request, slot: str) -> web.Response:
        query = request.query
        project = self._world.project(query["jobId"])
        if project is not None and project.account is not caller():
            raise Problem(403, 103, "Not your project.")
        return success({"uploadUrl": self._storage.upload_url(query["jobId"].upper(), slot, query.get("contentType"))})

    async def image_download(self, request: web.Request) -> web.Response:
        query = _need(request, "jobId", "imageId", "type")
        if query["type"] not in ("complete", "preview"):
            return self._input(request, query["type"])
        if query["type"] == "preview":
            return self._preview(request, query["imageId"])
        project, job = self._job(request, query["imageId"])
        if project.kind != "image":
            raise _missing("This result is not an image; use /v1/media/downloadUrl.")
        return self._download(project, job, "results", query.get("contentType"))

    async def media_download(self, request: web.Request) -> web.Response:
        query = _need(request, "jobId", "type")
        if query["type"] != "complete":
            return self._input(request, slot_of(query["type"], query.get("id")))
        project, job = self._job(request, query.get("id", ""))
        if query.get("artifact") == "lastFrame":
            return self._download(project, job, "last-frames", None)
        if project.kind == "image":
            raise _missing("Not found.")
        return self._download(project, job, "results", query.get("contentType"))

    def _download(self, project: Project, job: Job, area: str, content_type: str | None) -> web.Response:
        name = self._storage.name_of(area, project, job)
        if name is None:
            raise _missing("Not found.")
        return success({"downloadUrl": self._storage.download_url(name, content_type)})

    def _preview(self, request: web.Request, img_id: str) -> web.Response:
        project = self._world.project(request.query["jobId"])
        mine = project is not None and project.account is caller()
        name = self._storage.preview_of(project, img_id) if project is not None and mine else None
        if name is None:
            raise _missing("Not found.")
        return success({"downloadUrl": self._storage.download_url(name)})

    def _input(self, request: web.Request, slot: str) -> web.Response:
        project = self._world.project(request.query["jobId"])
        name = self._storage.input_of(request.query["jobId"], slot)
        if name is None or (project is not None and project.account is not caller()):
            raise _missing("Not found.")
        return success({"downloadUrl": self._storage.download_url(name)})

    def _job(self, request: web.Request, img_id: str) -> tuple[Project, Job]:
        project = self._world.project(request.query["jobId"])
        if project is not None and project.account is caller():
            for job in project.jobs:
                if job.img_id == img_id.upper() and job.status in JOB_ENDED:
                    return project, job
        raise _missing("Not found.")


IMAGE_ESTIMATE = (
    "/api/v{}/job/estimate/{{token}}/{{network}}/{{model}}/{{count}}/{{steps}}/{{previews}}/{{cn}}/{{strength}}"
    "/{{width}}/{{height}}"
)
VIDEO_ESTIMATE = "/api/v1/job-video/estimate/{token}/{model}/{width}/{height}/{frames}/{fps}"


def _need(request: web.Request, *names: str) -> Any:
    caller()
    for name in names:
        if not request.query.get(name):
            raise Problem(400, 101, f"{name} is missing.")
    return request.query


def _missing(message: str) -> Problem:
    return Problem(404, 122, message)


def _numbers(request: web.Request) -> Callable[..., float]:
    """Reads numbers out of the path; anything else is an error."""

    def number(name: str, otherwise: float | None = None) -> float:
        text = request.match_info.get(name)
        if text is None and otherwise is not None:
            return otherwise
        try:
            value = float(str(text))
        except ValueError:
            value = -1
        if not 0 <= value < 1e9:
            raise Problem(400, 101, f"{name} must be a number, not {text!r}.")
        return value

    return number
