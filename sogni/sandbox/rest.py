"""The REST routes of both hosts, as tables of path and handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import views
from .access import Caller
from .estimates import TOKENS, Work, quote
from .media import valid_slot
from .state import Account, Job, Project

if TYPE_CHECKING:
    from .server import Server

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CALLER = web.RequestKey("caller", Caller) if hasattr(web, "RequestKey") else "caller"

_MIME = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}


class Refusal(Exception):
    """An answer that is no."""

    def __init__(self, status: int, error: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error


def error_answer(status: int, error: int | str, message: str, **more: object) -> web.Response:
    """The error envelope."""
    return web.json_response({"status": "error", "message": message, "errorCode": error, **more}, status=status)


def data_answer(data: object) -> web.Response:
    """The success envelope of the REST host."""
    return web.json_response({"status": "success", "data": data})


class Rest:
    """Handlers; they read the world and answer."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._world = server.world
        self._catalog = server.catalog

    def routes(self) -> list[web.RouteDef]:
        """Path and handler of every route."""
        get, post = web.get, web.post
        rest: list[web.RouteDef] = [
            # The REST host.
            get("/v1/projects/{id}", self._stored),
            get("/v2/projects/{id}", self._live),
            get("/v1/jobs/list", self._recent),
            get("/v1/image/uploadUrl", self._upload_url),
            get("/v1/image/downloadUrl", self._image_url),
            get("/v1/media/uploadUrl", self._upload_url),
            get("/v1/media/downloadUrl", self._media_url),
            get("/v1/loras/comfy", self._loras),
            get("/v1/account/me", self._me),
            get("/v4/account/balance", self._balance),
            get("/v1/subscriptions/status", self._subscription),
            get("/v1/assets/capabilities", self._capabilities),
            post("/v1/account/refresh-token", self._refresh),
            # The socket host's HTTP.
            get("/api/v1/models/list", self._models),
            get("/api/v2/models/tiers", self._tiers),
            get("/api/v1/status/network/{network}/models", self._online),
            get("/api/v1/size-presets/network/{network}/model/{model}", self._presets),
            get("/api/v1/artist/projects/sync", self._sync),
            get("/api/v1/artist/projects/active", self._active),
            get("/api/v{version:[23]}/job/estimate/{tail:.+}", self._estimate_image),
            get("/api/v1/job-video/estimate/{tail:.+}", self._estimate_video),
            get("/api/v1/job-audio/estimate/{tail:.+}", self._estimate_audio),
        ]
        return rest

    def _account(self, request: web.Request) -> Account:
        account = request[CALLER].account  # type: ignore[index]
        if account is None:
            raise Refusal(401, 102, "Unauthorized.")
        assert isinstance(account, Account)
        return account

    def _own(self, request: web.Request) -> Project:
        project = self._world.project(request.match_info["id"])
        if project is None or project.account is not self._account(request):
            raise Refusal(404, 122, "Project not found.")
        return project

    # --- projects ---------------------------------------------------------------------------------------------------

    async def _stored(self, request: web.Request) -> web.StreamResponse:
        project = self._own(request)
        if project.is_over and project.record_misses < project.script.late_record:
            project.record_misses += 1
        elif project.is_over:
            return data_answer({"project": views.project_record(project)})
        raise Refusal(404, 122, "Project not found.")

    async def _live(self, request: web.Request) -> web.StreamResponse:
        return data_answer({"project": views.live_record(self._own(request))})

    async def _recent(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        jobs = []
        for project in self._world.mine(account):
            for job in project.jobs:
                if job.ended_well:
                    parent = {
                        "id": project.id,
                        "appSource": project.app_source,
                        "model": {"id": project.model.id, "name": project.model.name},
                    }
                    jobs.append(views.job_record(job, project) | {"parentRequest": parent})
        return data_answer({"jobs": jobs, "next": 0})

    async def _sync(self, request: web.Request) -> web.StreamResponse:
        account, app_id = self._account(request), request.query.get("appId")
        return web.json_response(self._server.snapshot(account, app_id))

    async def _active(self, request: web.Request) -> web.StreamResponse:
        active = self._world.active(self._account(request))
        return web.json_response({"projects": [{"id": project.id} for project in active]})

    # --- catalogue --------------------------------------------------------------------------------------------------

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._catalog.raw["models"])

    async def _tiers(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._catalog.raw["tiers"])

    async def _online(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._catalog.workers(request.match_info["network"]))

    async def _presets(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(list(self._catalog.presets(request.match_info["model"])))

    async def _loras(self, request: web.Request) -> web.StreamResponse:
        data = dict(self._catalog.raw["loras"])
        model = request.query.get("modelId")
        if model:
            data["loras"] = [row for row in data["loras"] if model in row["modelIds"]]
        return data_answer(data)

    # --- account ----------------------------------------------------------------------------------------------------

    async def _me(self, request: web.Request) -> web.StreamResponse:
        return data_answer(views.me(self._account(request)))

    async def _balance(self, request: web.Request) -> web.StreamResponse:
        shown = views.balance(self._account(request))
        for token in shown.values():
            token |= {"relaxedUnclaimed": "0", "fastUnclaimed": "0"}
        return data_answer(shown)

    async def _subscription(self, request: web.Request) -> web.StreamResponse:
        self._account(request)
        return data_answer({"subscription": {"active": False, "status": "none"}})

    async def _capabilities(self, request: web.Request) -> web.StreamResponse:
        self._account(request)
        return data_answer({"enabled": False})

    async def _refresh(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        renewed = self._server.access.renew(body.get("refreshToken") if isinstance(body, dict) else None)
        if isinstance(renewed, str):
            raise Refusal(401, 104, renewed)
        return data_answer({"token": renewed[0], "refreshToken": renewed[1]})

    # --- signed URLs ------------------------------------------------------------------------------------------------

    async def _upload_url(self, request: web.Request) -> web.StreamResponse:
        self._account(request)
        query = request.query
        project_id, slot = query.get("jobId", ""), query.get("id") or query.get("type", "")
        if not project_id or not valid_slot(slot):
            raise Refusal(400, 101, "jobId and type are required.")
        if "/image/" in request.path and not query.get("imageId"):
            raise Refusal(400, 101, "imageId is required.")
        return data_answer({"uploadUrl": self._server.media.upload_url(project_id, slot, query.get("contentType"))})

    async def _image_url(self, request: web.Request) -> web.StreamResponse:
        project, job = self._render(request, request.query.get("imageId"))
        if request.query.get("type") == "preview":
            if job.preview is None:
                raise Refusal(404, 122, "Image not found.")
            url = self._server.media.download_url(f"{project.id}/{job.img_id}/preview", job.preview)
            return data_answer({"downloadUrl": url})
        if project.kind != "image" or project.model.media == "model":
            raise Refusal(404, 122, "Image not found. Results of this project are at /v1/media/downloadUrl.")
        wanted = request.query.get("contentType")
        if job.file is not None and wanted not in (None, job.file.content_type):
            raise Refusal(404, 122, f"Image not found as {wanted}.")
        return self._result(project, job)

    async def _media_url(self, request: web.Request) -> web.StreamResponse:
        project, job = self._render(request, request.query.get("id"))
        if request.query.get("artifact") == "lastFrame":
            if job.last_frame is None:
                raise Refusal(404, 122, "Media not found.")
            url = self._server.media.download_url(f"{project.id}/{job.img_id}/lastFrame", job.last_frame)
            return data_answer({"downloadUrl": url})
        if project.kind == "image" and project.model.media != "model":
            raise Refusal(404, 122, "Media not found.")
        return self._result(project, job)

    def _render(self, request: web.Request, img_id: str | None) -> tuple[Project, Job]:
        account = self._account(request)
        project = self._world.project(request.query.get("jobId", ""))
        if project is not None and project.account is account and img_id:
            for job in project.jobs:
                if job.img_id == img_id.upper():
                    return project, job
        raise Refusal(404, 122, "Not found.")

    def _result(self, project: Project, job: Job) -> web.StreamResponse:
        if job.file is None or job.withheld:
            raise Refusal(404, 122, "Not found.")
        url = self._server.media.download_url(f"{project.id}/{job.img_id}/complete", job.file)
        return data_answer({"downloadUrl": url})

    # --- estimates --------------------------------------------------------------------------------------------------

    async def _estimate_image(self, request: web.Request) -> web.StreamResponse:
        parts = request.match_info["tail"].split("/")
        expected = 13 if request.match_info["version"] == "3" else 10
        if len(parts) != expected:
            raise Refusal(400, 101, "Wrong number of path segments.")
        token, network, model, count, steps, previews, _cn, _strength, width, height, *more = parts
        work = Work(
            kind="image",
            steps=_number(steps),
            count=int(_number(count)),
            width=_number(width) or 1024,
            height=_number(height) or 1024,
            previews=int(_number(previews)),
            references=int(_number(more[2])) if more else 0,
        )
        return self._quote(token, model, work, {"network": network})

    async def _estimate_video(self, request: web.Request) -> web.StreamResponse:
        parts = request.match_info["tail"].split("/")
        if len(parts) not in (6, 8):
            raise Refusal(400, 101, "Wrong number of path segments.")
        token, model, width, height, frames, _fps, *more = parts
        work = Work(
            kind="video",
            steps=_number(more[0]) if more else 0,
            count=int(_number(more[1])) if more else 1,
            width=_number(width),
            height=_number(height),
            frames=_number(frames),
        )
        return self._quote(token, model, work, {})

    async def _estimate_audio(self, request: web.Request) -> web.StreamResponse:
        parts = request.match_info["tail"].split("/")
        if len(parts) != 5:
            raise Refusal(400, 101, "Wrong number of path segments.")
        token, model, duration, steps, count = parts
        work = Work(kind="audio", steps=_number(steps), count=int(_number(count)), seconds=_number(duration))
        return self._quote(token, model, work, {})

    def _quote(self, token: str, model_id: str, work: Work, request: dict[str, object]) -> web.StreamResponse:
        model = self._catalog.by_id.get(model_id)
        if model is None:
            raise Refusal(404, 122, f"Unknown model {model_id}.")
        if token not in TOKENS:
            raise Refusal(400, 101, f"Unknown token type {token}.")
        return web.json_response(quote(model, work, token, request))


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise Refusal(400, 101, f"{text[:40]!r} is no number.") from None
    if not 0 <= value < 1e9:
        raise Refusal(400, 101, f"{text[:40]!r} is out of range.")
    return value


def mime(output_format: str) -> str:
    """Content type of an image format."""
    return _MIME.get(output_format, "image/png")
