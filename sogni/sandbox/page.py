"""The page at `/`: what goes on here, and buttons that make it go wrong; for people at this computer only."""

from __future__ import annotations

import functools
import hmac
import itertools
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from . import answers
from .answers import Problem
from .faults import FAULTS
from .hub import Hub
from .journal import Journal
from .records import LogEntry
from .script import KNOBS, Rig
from .stage import Stage
from .state import Job, Project, StoredFile, World
from .studio import Studio

HOME, AREA = "/", "/sandbox/"
TOKEN = "X-Sandbox-Token"
REQUESTS, PROJECTS = 100, 60
#: What a knob that is more than a switch takes, as the page offers it; one without an example has an empty field.
EXAMPLES: Mapping[str, object] = {
    "drop_socket_after": "progress:1",
    "restart": "progress:1",
    "displace": "progress:1",
    "close_socket": 1011,
    "hold_at": "progress:1",
    "reassign_worker": "progress:2",
    "silent_reassign": "progress:2",
    "waiting": "concurrency_limit",
    "queue_position": 3,
    "withhold": [0],
    "label": [0],
    "fail_jobs": [0],
    "lose_results": [0],
    "late_record": 2,
    "delay": 0.5,
    "progress_style": "percent",
    "garbage": "progress:1",
    "refuse_upgrade": 503,
    "late_authenticated": 2,
    "close_on_connect": 1011,
    "http": {"/v1/image/*": "server_error"},
    "rate_limit": 2,
    "reject_lora": "invalid_artifact",
    "fail_upload": 503,
    "cut_upload": 1000,
    "fail_download": 503,
    "cut_download": 1000,
    "clock_offset": 3600,
    "token_life": 5,
    "refresh_life": 10,
    "slow_renewal": 2,
    "last_page": "missing",
    "slow_status": 2,
    "hostile_permit": "amount",
    "approval_lag": 1,
    "first_page": 1,
}


class Page:
    """Serves the page, what it shows, and its buttons. None of that is in the log, and no fault strikes it."""

    def __init__(
        self, *, journal: Journal, world: World, hub: Hub, rig: Rig, stage: Stage, studio: Studio, speed: str
    ) -> None:
        self._journal = journal
        self._world = world
        self._hub = hub
        self._rig = rig
        self._stage = stage
        self._studio = studio
        self._speed = speed
        # Whoever has it has read the page, which no other site can.
        self._token = secrets.token_urlsafe(24)
        self.port = 0

    def owns(self, request: web.Request) -> bool:
        """The request is for the page, not for the network."""
        is_upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        return not is_upgrade and (request.path == HOME or request.path.startswith(AREA))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for the page."""
        try:
            self._check_host(request)
            if request.method == "POST":
                self._check_button(request)
                response: web.StreamResponse = await self._press(request)
            elif request.method != "GET":
                raise Problem(405, 105, "Only GET and POST.")
            elif request.path == HOME:
                response = self._home()
            elif request.path == AREA + "state":
                response = self._state(request)
            elif request.path.startswith(AREA + "thumbnail/"):
                response = await self._thumbnail(request)
            else:
                raise Problem(404, 122, f"There is nothing at {request.path}.")
        except Problem as problem:
            response = answers.error(problem.status, problem.code, problem.message)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.update(
            {
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Resource-Policy": "same-origin",
            }
        )
        return response

    # who may

    def _check_host(self, request: web.Request) -> None:
        """The browser means this computer by its own name, and not by a foreign one that leads here."""
        if request.headers.get("Host", "") not in self._hosts():
            raise Problem(403, 103, "This page is for this computer only: call it by 127.0.0.1 or localhost.")

    def _check_button(self, request: web.Request) -> None:
        """The page itself pressed the button, and no other site."""
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in self._hosts()}:
            raise Problem(403, 103, "Another site may not press buttons here.")
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise Problem(403, 103, "Another site may not press buttons here.")
        if not hmac.compare_digest(request.headers.get(TOKEN, "").encode(), self._token.encode()):
            raise Problem(403, 103, f"The token of the page is missing ({TOKEN}). Reload the page.")
        if request.content_type != "application/json":
            raise Problem(415, 101, "The body must be JSON.")

    def _hosts(self) -> tuple[str, ...]:
        return tuple(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost"))

    # what is seen

    def _home(self) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        faults = [{"name": name, "place": fault.place, "summary": fault.summary} for name, fault in FAULTS.items()]
        knobs = [
            {
                "name": name,
                "subject": knob.metadata["subject"],
                "summary": knob.metadata["doc"],
                "example": True if knob.default is False else EXAMPLES.get(name, ""),
            }
            for name, knob in KNOBS.items()
        ]
        about = {"token": self._token, "speed": self._speed, "faults": faults, "knobs": knobs}
        # Inside a script element only `<` could end it.
        text = json.dumps(about).replace("<", "\\u003c")
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        page = _template().replace("{{nonce}}", nonce).replace("{{about}}", text)
        return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": policy})

    def _state(self, request: web.Request) -> web.Response:
        revision = self._journal.revision
        if request.query.get("since") == str(revision):
            return web.Response(status=204)
        newest = reversed(self._world.projects.values())
        return answers.bare(
            {
                "revision": revision,
                "rendering": self._studio.rendering,
                "requests": [_request(entry) for entry in self._journal.latest("request", REQUESTS)],
                "sockets": [
                    {
                        "number": one.number,
                        "account": one.account.name,
                        "app": one.app_id,
                        "network": one.network,
                        "is_live": one.is_live,
                    }
                    for one in self._hub.connections
                ],
                "projects": [_project(project) for project in itertools.islice(newest, PROJECTS)],
                "armed": [{"name": name, "value": value, "left": left} for name, value, left in self._rig.armed()],
            }
        )

    async def _thumbnail(self, request: web.Request) -> web.Response:
        project_id, _, index = request.path.removeprefix(AREA + "thumbnail/").partition("/")
        project = self._world.project(project_id)
        jobs = {str(job.index): job for job in project.jobs} if project is not None else {}
        if project is None or index not in jobs:
            raise Problem(404, 122, "Not found.")
        file, kind = _seen(project, jobs[index])
        small = await self._studio.thumbnail(file.path, kind) if file is not None else None
        if small is None:
            raise Problem(404, 122, "Not found.")
        # Its address changes with the picture.
        return web.Response(body=small[0], content_type=small[1], headers={"Cache-Control": "private, max-age=600"})

    # buttons

    async def _press(self, request: web.Request) -> web.Response:
        buttons: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "fault": self._arm_fault,
            "knob": self._arm_knob,
            "disarm": lambda body: self._rig.clear(),
            "release": lambda body: self._stage.release(),
            "drop": self._drop,
        }
        name = request.path.removeprefix(AREA)
        if name not in buttons:
            raise Problem(404, 122, f"There is no button at {request.path}.")
        body = await answers.body_of(request)
        try:
            buttons[name](body)
        except ValueError as problem:
            raise Problem(400, 101, str(problem)) from None
        self._journal.touch()
        return web.Response(status=204)

    def _arm_fault(self, body: Mapping[str, Any]) -> None:
        self._rig.arm_fault(str(body.get("name")), body.get("times", 1), str(body.get("path") or "*"))

    def _arm_knob(self, body: Mapping[str, Any]) -> None:
        self._rig.arm({str(body.get("name")): body.get("value")}, body.get("times", 1))

    def _drop(self, body: Mapping[str, Any]) -> None:
        code = body.get("code")
        if code is not None and (isinstance(code, bool) or not isinstance(code, int) or not 1000 <= code <= 4999):
            raise ValueError(f"a close code is a number from 1000 to 4999, not {code!r}")
        self._hub.drop_all(code)


@functools.cache
def _template() -> str:
    return (Path(__file__).parent / "data" / "page.html").read_text(encoding="utf-8")


def _request(entry: LogEntry) -> dict[str, Any]:
    return {
        "time": entry.time.isoformat(timespec="milliseconds"),
        "method": entry.method,
        "path": entry.path,
        "query": dict(entry.query or {}),
        "status": entry.status,
        "credential": entry.credential,
    }


def _project(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "model": project.model.id,
        "kind": project.kind,
        "status": project.status,
        "reason": project.reason,
        "prompt": project.prompt[:300],
        "account": project.account.name,
        "app": project.app_id,
        "size": list(project.size) if project.kind in ("image", "video") else [],
        "is_held": bool(project.holds),
        "jobs": [_job(project, job) for job in project.jobs[:32]],
        "count": len(project.jobs),
    }


def _job(project: Project, job: Job) -> dict[str, Any]:
    file, _ = _seen(project, job)
    return {
        "index": job.index,
        "status": job.status,
        "reason": job.reason,
        "step": job.step,
        "steps": job.steps,
        "withheld": job.withheld,
        "picture": None if file is None else f"{AREA}thumbnail/{project.id}/{job.index}?of={file.path.name}",
    }


def _seen(project: Project, job: Job) -> tuple[StoredFile | None, str]:
    """What of a job can be shown small, and what kind of file that is."""
    if job.file is None:
        return job.preview, "image"
    return (job.file, project.kind) if project.kind in ("image", "video") else (None, project.kind)
