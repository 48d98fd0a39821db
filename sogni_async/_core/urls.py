"""Signed URLs of the media store, for those who move the bytes themselves."""

from __future__ import annotations

from sogni._deadline import Deadline
from sogni._io.engine import Engine
from sogni._protocol import rest

from .._bridge import Bridge


class Urls:
    """The part of `client.projects` about signed URLs. Ids and types are passed on unchanged.

    Everything here raises ApiError when the service refuses, and TransportError when it does not answer.
    """

    _engine: Engine
    _bridge: Bridge

    async def upload_url(
        self,
        *,
        image_id: str | None = None,
        job_id: str | None = None,
        type: str | None = None,
        content_type: str | None = None,
        start_content_type: str | None = None,
        timeout: float | None = None,
    ) -> str:
        """Where an image can be put; the `PUT` must carry the same content type, and no credentials.

        Args:
            image_id: A fresh upper-case UUID.
            job_id: The project.
            type: The slot, such as `startingImage`, `cnImage` or `contextImage1`.
        Source: `GET /v1/image/uploadUrl`.
        """
        call = rest.upload_url(
            image_id=image_id,
            job_id=job_id,
            type=type,
            content_type=content_type,
            start_content_type=start_content_type,
        )
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def download_url(
        self,
        *,
        image_id: str | None = None,
        job_id: str | None = None,
        type: str | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> str:
        """Where an image can be fetched.

        Args:
            image_id: The render.
            job_id: The project.
            type: `complete` or `preview`.
        Source: `GET /v1/image/downloadUrl`.
        """
        call = rest.download_url(image_id=image_id, job_id=job_id, type=type, content_type=content_type)
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def media_upload_url(
        self,
        *,
        job_id: str | None = None,
        type: str | None = None,
        id: str | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> str:
        """Where audio or video can be put.

        Args:
            job_id: The project.
            type: The slot, such as `referenceAudio` or `referenceVideo`.
            id: The numbered slot, such as `referenceVideo2`, where there are several.
        Source: `GET /v1/media/uploadUrl`.
        """
        call = rest.media_upload_url(job_id=job_id, type=type, id=id, content_type=content_type)
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def media_download_url(
        self,
        *,
        job_id: str | None = None,
        type: str | None = None,
        id: str | None = None,
        content_type: str | None = None,
        artifact: str | None = None,
        timeout: float | None = None,
    ) -> str:
        """Where a video, a sound or a 3D model can be fetched.

        Args:
            job_id: The project.
            type: `complete`.
            id: The render.
            artifact: `lastFrame` for the exported final frame of a video.
        Source: `GET /v1/media/downloadUrl`.
        """
        call = rest.media_download_url(job_id=job_id, type=type, id=id, content_type=content_type, artifact=artifact)
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))
