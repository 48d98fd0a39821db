"""The media store: signed URLs, and the bytes behind them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timezone
from urllib.parse import urlencode

from aiohttp import web

from .access import CREDENTIAL_HEADERS
from .journal import Journal
from .records import Upload
from .script import Rig
from .state import StoredFile, World

URL_LIFE = 1800.0
PIECE = 256 * 1024
_SLOT = re.compile(r"[A-Za-z0-9]{1,40}")


class MediaStore:
    """Signs, takes and serves."""

    def __init__(self, world: World, journal: Journal, rig: Rig, base: Callable[[], str]) -> None:
        self._world = world
        self._journal = journal
        self._rig = rig
        self._base = base
        self._secret = secrets.token_bytes(32)

    # --- signing ----------------------------------------------------------------------------------------------------

    def upload_url(self, project_id: str, slot: str, content_type: str | None) -> str:
        """Where a file of a project goes."""
        return self._signed("put", f"{project_id.upper()}/{slot}", content_type)

    def download_url(self, name: str, file: StoredFile) -> str:
        """Where a file is served."""
        self._world.files[name] = file
        return self._signed("get", name, None)

    def _signed(self, verb: str, name: str, content_type: str | None) -> str:
        life = -1.0 if self._rig.take("expire_urls") else URL_LIFE
        expires = str(int(time.time() + life))
        query = {"verb": verb, "expires": expires, "X-Signature": self._sign(verb, name, content_type, expires)}
        if content_type is not None:
            query["contentType"] = content_type
        return f"{self._base()}/media/{name}?{urlencode(query)}"

    def _sign(self, verb: str, name: str, content_type: str | None, expires: str) -> str:
        text = "\n".join((verb, name, content_type or "", expires))
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def _refusal(self, request: web.Request, verb: str, name: str) -> web.Response | None:
        sent = [header for header in CREDENTIAL_HEADERS if header in request.headers]
        if sent:
            self._journal.add(
                "leak", method=request.method, path=request.path, detail=f"{', '.join(sent)} to a signed URL"
            )
            return web.Response(status=400, text="credentials do not belong on a signed URL")
        query = request.query
        content_type = query.get("contentType")
        expected = self._sign(verb, name, content_type, query.get("expires", ""))
        if not hmac.compare_digest(expected, query.get("X-Signature", "")):
            return _denied("SignatureDoesNotMatch")
        if int(query["expires"]) < time.time():
            return _denied("AccessDenied", "Request has expired")
        if verb == "put" and (request.headers.get("Content-Type") or None) != content_type:
            return _denied("SignatureDoesNotMatch", "Content-Type is not the signed one")
        return None

    # --- bytes ------------------------------------------------------------------------------------------------------

    async def put(self, request: web.Request) -> web.StreamResponse:
        """Take a file, streamed to disk."""
        name = request.match_info["name"]
        refusal = self._refusal(request, "put", name)
        if refusal is not None:
            return refusal
        if request.content_length is None:
            return web.Response(status=411, text="Content-Length is required")
        status, cut = self._rig.take("fail_upload"), self._rig.take("cut_upload")
        path = self._world.new_path(".upload")
        size = 0
        with path.open("wb") as file:
            async for piece in request.content.iter_chunked(PIECE):
                size += len(piece)
                if cut is not None and size > cut:
                    assert request.transport is not None
                    request.transport.abort()
                    return web.Response(status=500)
                file.write(piece)
        if status is not None:
            return web.Response(status=status, text="scripted")
        if size != request.content_length:
            return web.Response(status=400, text="the body is not as long as announced")
        project_id, _, slot = name.partition("/")
        self._world.add_upload(
            Upload(
                project_id=project_id,
                slot=slot,
                content_type=request.query.get("contentType"),
                size=size,
                path=path,
                time=datetime.now(timezone.utc),
            )
        )
        self._journal.touch()
        return web.Response()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Serve a file, from where the client asks."""
        name = request.match_info["name"]
        refusal = self._refusal(request, "get", name)
        if refusal is not None:
            return refusal
        status, cut = self._rig.take("fail_download"), self._rig.take("cut_download")
        if status is not None:
            return web.Response(status=status, text="scripted")
        stored = self._world.files.get(name)
        if stored is None:
            return web.Response(status=404, text="NoSuchKey")
        if cut is not None:
            return await self._cut(request, stored, cut)
        response = web.FileResponse(stored.path, chunk_size=PIECE)
        response.content_type = stored.content_type or "application/octet-stream"
        return response

    async def _cut(self, request: web.Request, stored: StoredFile, cut: int) -> web.StreamResponse:
        start = request.http_range.start or 0
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = stored.size - start
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{stored.size - 1}/{stored.size}"
        await response.prepare(request)
        with stored.path.open("rb") as file:
            file.seek(start)
            await response.write(file.read(cut))
        # Let what was written leave before the wire is cut.
        await asyncio.sleep(0)
        assert request.transport is not None
        request.transport.close()
        return response


def valid_slot(text: str) -> bool:
    """Whether a text may name an upload slot."""
    return _SLOT.fullmatch(text) is not None


def _denied(code: str, message: str = "") -> web.Response:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(status=403, text=body, content_type="application/xml")
