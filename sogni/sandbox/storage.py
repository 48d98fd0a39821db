"""Signed URLs and the bytes behind them: uploads into slots, previews, results, and ranges of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from aiohttp import web

from .access import CREDENTIAL_HEADERS
from .journal import Journal
from .records import Upload
from .script import Rig
from .state import Job, Project, StoredFile, World

#: Seconds that a signed URL is good for.
LIFE = 1800.0
CHUNK = 1 << 16
AREA = "/storage/"
CHECKSUM = "x-amz-checksum-sha256"


class Storage:
    """Mints signed URLs and serves them."""

    def __init__(self, *, journal: Journal, world: World, rig: Rig) -> None:
        self._journal = journal
        self._world = world
        self._rig = rig
        self._secret = secrets.token_bytes(32)
        self.base = ""

    def clear(self) -> None:
        """No URL minted before counts any more."""
        self._secret = secrets.token_bytes(32)

    # minting

    def upload_url(self, project_id: str, slot: str, content_type: str | None) -> str:
        """Where the bytes of a slot go."""
        return self._sign("PUT", f"uploads/{quote(project_id, safe='')}/{quote(slot, safe='')}", content_type)

    def asset_url(self, asset_id: str, headers: Mapping[str, str]) -> str:
        """Where the bytes of a saved upload go; the headers have to be sent exactly so."""
        return self._sign("PUT", f"assets/{asset_id}", headers["Content-Type"], headers)

    def download_url(self, name: str, content_type: str | None = None) -> str:
        """Where stored bytes come from."""
        return self._sign("GET", name, content_type)

    def result_url(self, project: Project, job: Job) -> str:
        """Where a result comes from."""
        return self.download_url(_name("results", project, job))

    def last_frame_url(self, project: Project, job: Job) -> str:
        """Where the last frame of a video comes from."""
        return self.download_url(_name("last-frames", project, job))

    def put_result(self, project: Project, job: Job, file: StoredFile) -> None:
        """Store a result."""
        self._world.files[_name("results", project, job)] = file

    def put_last_frame(self, project: Project, job: Job, file: StoredFile) -> None:
        """Store the last frame of a video."""
        self._world.files[_name("last-frames", project, job)] = file

    def put_preview(self, project: Project, job: Job, file: StoredFile) -> None:
        """Store a preview; the one before it goes."""
        self._world.files[_name("previews", project, job)] = file

    def name_of(self, area: str, project: Project, job: Job) -> str | None:
        """Name of a stored file of a job; None when there is none."""
        name = _name(area, project, job)
        return name if name in self._world.files else None

    def preview_of(self, project: Project, img_id: str) -> str | None:
        """Name of the newest preview by the worker that a render had then; None when there is none."""
        name = f"previews/{project.id}/{img_id.upper()}"
        return name if name in self._world.files else None

    def input_of(self, project_id: str, slot: str) -> str | None:
        """Name of an uploaded file; None when there is none."""
        name = f"uploads/{project_id.upper()}/{slot}"
        return name if name in self._world.files else None

    def asset(self, asset_id: str) -> StoredFile | None:
        """A saved upload that has arrived."""
        return self._world.files.get(f"assets/{asset_id}")

    def bind(self, asset_id: str, project_id: str, slot: str) -> None:
        """Copy a saved upload into a slot of a project."""
        self._keep(self._world.files[f"assets/{asset_id}"], project_id, slot, asset_id)

    def forget_asset(self, asset_id: str) -> None:
        """A saved upload goes; what was bound stays."""
        self._world.files.pop(f"assets/{asset_id}", None)

    # serving

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to a signed URL."""
        leaked = [name for name in CREDENTIAL_HEADERS if name in request.headers]
        if leaked:
            self._journal.add("leak", method=request.method, path=request.path, detail=", ".join(leaked))
            return _refusal(400, "InvalidArgument", "Only one auth mechanism allowed: the signature in the URL.")
        method = "GET" if request.method == "HEAD" else request.method
        query = request.query
        content_type = query.get("type")
        path, names = request.raw_path.partition("?")[0], [name for name in query.get("headers", "").split(";") if name]
        signed = {name: request.headers.get(name, "") for name in names}
        signature = self._signature(method, path, content_type, query.get("expires", ""), signed)
        if not hmac.compare_digest(signature, query.get("signature", "")):
            return _refusal(403, "SignatureDoesNotMatch", "The signature does not match this request.")
        if float(query["expires"]) <= time.time():
            return _refusal(403, "AccessDenied", "Request has expired.")
        if method == "PUT":
            return await self._take(request, content_type)
        return await self._give(request, content_type)

    async def _take(self, request: web.Request, content_type: str | None) -> web.StreamResponse:
        sent = request.headers.get("Content-Type")
        if sent != content_type:
            return _refusal(403, "SignatureDoesNotMatch", f"Content-Type {sent!r} was signed as {content_type!r}.")
        if request.content_length is None:
            return _refusal(411, "MissingContentLength", "A Content-Length is needed.")
        status, limit = self._rig.take("fail_upload"), self._rig.take("cut_upload")
        name = request.path.removeprefix(AREA)
        if request.headers.get("If-None-Match") == "*" and name in self._world.files:
            return _refusal(412, "PreconditionFailed", "There is such an object already.")
        path = self._world.new_path()
        size, digest = 0, hashlib.sha256()
        with path.open("wb") as file:
            async for chunk in request.content.iter_chunked(CHUNK):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                if limit is not None and size >= limit:
                    break
        if limit is not None:
            return abort(request)
        if status is not None:
            return _refusal(status, "Scripted", "Refused by a script.")
        checksum = base64.b64encode(digest.digest()).decode()
        if request.headers.get(CHECKSUM, checksum) != checksum:
            return _refusal(400, "BadDigest", "The checksum is that of other bytes.")
        stored = StoredFile(path, content_type, size)
        area, _, rest = name.partition("/")
        if area == "uploads":
            project_id, _, slot = rest.partition("/")
            self._keep(stored, project_id.upper(), slot)
        else:
            self._world.files[name] = stored
        self._journal.touch()
        return web.Response(status=200, headers={"ETag": _tag(path)})

    def _keep(self, file: StoredFile, project_id: str, slot: str, asset_id: str | None = None) -> None:
        """A file is in a slot of a project."""
        upload = Upload(
            project_id=project_id,
            slot=slot,
            content_type=file.content_type,
            size=file.size,
            path=file.path,
            time=datetime.now(timezone.utc),
            asset_id=asset_id,
        )
        self._world.add_upload(upload)
        self._world.files[f"uploads/{project_id}/{slot}"] = file

    async def _give(self, request: web.Request, content_type: str | None) -> web.StreamResponse:
        status, limit = self._rig.take("fail_download"), self._rig.take("cut_download")
        if status is not None:
            return _refusal(status, "Scripted", "Refused by a script.")
        file = self._world.files.get(request.path.removeprefix(AREA))
        if file is None or (content_type is not None and content_type != file.content_type):
            return _refusal(404, "NoSuchKey", "The specified key does not exist.")
        tag = _tag(file.path)
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": tag,
            "Last-Modified": formatdate(file.path.stat().st_mtime, usegmt=True),
            "Content-Type": file.content_type or "binary/octet-stream",
        }
        start, stop = 0, file.size
        ranged = request.headers.get("Range")
        if ranged is not None and request.headers.get("If-Range", tag) in (tag, headers["Last-Modified"]):
            found = _range(ranged, file.size)
            if found is None:
                return web.Response(status=416, headers={"Content-Range": f"bytes */{file.size}"})
            start, stop = found
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        response = web.StreamResponse(status=206 if "Content-Range" in headers else 200, headers=headers)
        response.content_length = stop - start
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        sent = 0
        with file.path.open("rb") as source:
            source.seek(start)
            while start + sent < stop:
                size = min(CHUNK, stop - start - sent, limit - sent if limit is not None else CHUNK)
                if size <= 0:
                    break
                chunk = source.read(size)
                await response.write(chunk)
                sent += len(chunk)
        if limit is None:
            await response.write_eof()
        elif request.transport is not None:
            # Cuts the line as well, but what was written so far still leaves.
            request.transport.close()
        return response

    # signatures

    def _sign(self, method: str, name: str, content_type: str | None, headers: Mapping[str, str] | None = None) -> str:
        expired = self._rig.take("expire_urls")
        expires = str(int(time.time() + (-60 if expired else LIFE)))
        path = AREA + name
        query = {"expires": expires}
        if content_type is not None:
            query["type"] = content_type
        if headers:
            query["headers"] = ";".join(headers)
        query["signature"] = self._signature(method, path, content_type, expires, headers or {})
        return f"{self.base}{path}?{urlencode(query)}"

    def _signature(
        self, method: str, path: str, content_type: str | None, expires: str, headers: Mapping[str, str]
    ) -> str:
        lines = (f"{name.lower()}:{value}" for name, value in headers.items())
        text = "\n".join((method, path, content_type or "", expires, *lines))
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def abort(request: web.Request) -> web.StreamResponse:
    """Cut the line without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _name(area: str, project: Project, job: Job) -> str:
    return f"{area}/{project.id}/{job.img_id}"


def _tag(path: Path) -> str:
    """Entity tag of a stored file: its bytes never change, and hashing a whole video would hold the loop up."""
    return f'"{hashlib.sha256(str(path).encode()).hexdigest()[:32]}"'


def _range(text: str, size: int) -> tuple[int, int] | None:
    """First byte and the one behind the last; None when there is nothing to send."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", text.strip())
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, stop = max(0, size - int(found[2])), size
    else:
        start, stop = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
    return (start, stop) if start < stop else None


def _refusal(status: int, code: str, message: str) -> web.Response:
    body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return web.Response(status=status, text=text, content_type="application/xml")
