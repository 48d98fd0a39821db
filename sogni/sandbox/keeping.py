"""REST of what accounts keep: saved uploads from preparing to binding, and LoRAs of their own."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import TypeVar

from aiohttp import web

from .answers import Problem, body_of, caller, success
from .catalog import Catalog
from .journal import Journal
from .library import ASSET_LIMITS, LORA_LIMITS, Asset, Library, PersonalLora, Shelf
from .script import Rig
from .slots import slot_of
from .state import World
from .storage import CHECKSUM, Storage
from .terms import Refused

Kept = TypeVar("Kept")


class Keeping:
    """The handlers."""

    def __init__(
        self, *, journal: Journal, world: World, library: Library, catalog: Catalog, storage: Storage, rig: Rig
    ) -> None:
        self._journal = journal
        self._world = world
        self._library = library
        self._catalog = catalog
        self._storage = storage
        self._rig = rig

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every path."""
        router.add_get("/v1/assets", self.assets)
        router.add_get("/v1/assets/capabilities", self.capabilities)
        router.add_post("/v1/assets/prepare", self.prepare)
        router.add_post("/v1/assets/{id}/finalize", self.finalize)
        router.add_post("/v1/assets/{id}/bind", self.bind)
        router.add_delete("/v1/assets/{id}", self.remove_asset)
        router.add_get("/v1/loras/personal", self.loras)
        router.add_post("/v1/loras/personal", self.take_in)
        router.add_get("/v1/loras/personal/catalog", self.rows)
        router.add_get("/v1/loras/personal/{id}", self.lora)
        router.add_delete("/v1/loras/personal/{id}", self.remove_lora)

    # saved uploads

    async def capabilities(self, request: web.Request) -> web.Response:
        caller()
        return success({"enabled": self._rig.take("saved_uploads")})

    async def assets(self, request: web.Request) -> web.Response:
        views = [asset.view() for asset in self._shelf().assets.values()]
        return success({"assets": views, "limits": ASSET_LIMITS})

    async def prepare(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        try:
            asset, is_there = self._shelf().place(body)
        except Refused as problem:
            raise _problem(problem) from None
        view = {**asset.view(), "reused": is_there}
        if not is_there:
            digest = base64.b64encode(bytes.fromhex(asset.sha256)).decode()
            headers = {"Content-Type": asset.content_type, "If-None-Match": "*", CHECKSUM: digest}
            view |= {"uploadUrl": self._storage.asset_url(asset.id, headers), "uploadHeaders": headers}
        return success(view)

    async def finalize(self, request: web.Request) -> web.Response:
        asset = self._asset(request)
        file = self._storage.asset(asset.id)
        if file is None:
            raise Problem(409, 109, "The file has not arrived.")
        if file.size != asset.bytes:
            raise Problem(409, 109, f"The file has {file.size} bytes instead of {asset.bytes}.")
        asset.is_ready = True
        return success(asset.view())

    async def bind(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        asset = self._asset(request)
        project_id, kind, number = (body.get(name) for name in ("projectId", "type", "id"))
        if not (isinstance(project_id, str) and project_id and isinstance(kind, str) and kind):
            raise Problem(400, 101, "projectId and type are needed.")
        if not asset.is_ready:
            raise Problem(409, 109, "The file is not complete.")
        project = self._world.project(project_id)
        if project is not None and project.account is not caller():
            raise Problem(403, 103, "Not your project.")
        asset.used = datetime.now(timezone.utc)
        self._storage.bind(asset.id, project_id.upper(), slot_of(kind, number if isinstance(number, str) else None))
        self._journal.touch()
        return success({})

    async def remove_asset(self, request: web.Request) -> web.Response:
        asset = self._asset(request)
        del self._shelf().assets[asset.id]
        self._storage.forget_asset(asset.id)
        return success({})

    # LoRAs

    async def loras(self, request: web.Request) -> web.Response:
        kept = self._shelf().loras.values()
        for lora in kept:
            lora.look()
        views = [lora.view() for lora in kept]
        return success({"loras": views, "models": self._catalog.raw["loras"]["models"], "limits": LORA_LIMITS})

    async def take_in(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        try:
            lora = self._shelf().take_in(body, self._catalog, self._rig.peek("reject_lora"))
        except Refused as problem:
            raise _problem(problem) from None
        self._rig.take("reject_lora")
        return success(lora.view())

    async def rows(self, request: web.Request) -> web.Response:
        return success({"loras": self._shelf().ready_rows()})

    async def lora(self, request: web.Request) -> web.Response:
        lora = self._lora(request)
        lora.look()
        return success(lora.view())

    async def remove_lora(self, request: web.Request) -> web.Response:
        del self._shelf().loras[self._lora(request).id]
        return success({})

    # inside

    def _shelf(self) -> Shelf:
        return self._library.of(caller())

    def _asset(self, request: web.Request) -> Asset:
        return _found(self._shelf().assets, request)

    def _lora(self, request: web.Request) -> PersonalLora:
        return _found(self._shelf().loras, request)


def _found(entries: dict[str, Kept], request: web.Request) -> Kept:
    entry = entries.get(request.match_info["id"])
    if entry is None:
        raise Problem(404, 122, "Not found.")
    return entry


def _problem(refused: Refused) -> Problem:
    status = int(refused.error)
    return Problem(status, {400: 101, 409: 109}[status], str(refused))
