"""Files that the account keeps at the service: `client.projects.assets`."""

from __future__ import annotations

from sogni._deadline import Deadline
from sogni._io.engine import Engine
from sogni._protocol import rest
from sogni.types.library import SavedUpload, SavedUploads
from sogni.types.media import MediaInput

from .._bridge import Bridge


class Assets:
    """Saved uploads: files that need not be sent again.

    Where the account may save files, `create` does so with its inputs by itself. A `SavedUpload` may be given wherever
    a request takes a file.

    Everything here raises ApiError when the service refuses, TransportError when it does not answer, and SessionChanged
    when another account signs in meanwhile.
    """

    def __init__(self, engine: Engine, bridge: Bridge) -> None:
        self._engine = engine
        self._bridge = bridge

    async def list(self, timeout: float | None = None) -> SavedUploads:
        """All of them, and how much may be saved.

        Source: `GET /v1/assets`.
        """
        return await self._bridge.call(self._engine.request, rest.saved_uploads(), Deadline(timeout))

    async def upload(
        self,
        media: MediaInput,
        name: str = "Saved upload",
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> SavedUpload:
        """Save a file, unless the service has it already; then nothing is sent.

        The file is read twice, from disk, and never held in memory.

        Args:
            media: A path, bytes, an open file, a Pillow image, a `Result`, an https address; 1 byte to 100 MiB.
            name: For people.
            content_type: MIME type; by default told from the content, else from the file name.
            timeout: Seconds for the whole call.
        Raises:
            ValidationError: it cannot be read, is empty, too large, or of no known type; nothing was sent.
            ApiError: the service would not have it, such as 409 when there is no room for more.
        Source: `POST /v1/assets/prepare`, `POST /v1/assets/{id}/finalize`.
        """
        return await self._bridge.call(self._save, media, name, content_type, Deadline(timeout))

    def _save(self, media: object, name: str, content_type: str | None, deadline: Deadline) -> SavedUpload:
        return self._engine.saved.save(media, name, content_type, deadline)

    async def bind(
        self, asset_id: str, *, project_id: str, type: str, id: str | None = None, timeout: float | None = None
    ) -> None:
        """Copy a saved file into a slot of a project. `create` does this for a `SavedUpload` that it is given.

        Args:
            asset_id: Id of the saved upload.
            project_id: The project.
            type: The slot, such as `startingImage`.
            id: Which of several of that type, such as `referenceAudio2`.
            timeout: Seconds for the whole call.
        Source: `POST /v1/assets/{id}/bind`.
        """
        await self._bridge.call(self._copy, asset_id, project_id, type, id, Deadline(timeout))

    def _copy(self, asset_id: str, project_id: str, type: str, id: str | None, deadline: Deadline) -> None:
        self._engine.saved.bind(asset_id, project_id, type, id, deadline=deadline)

    async def remove(self, asset_id: str, timeout: float | None = None) -> None:
        """Delete a saved file; projects that it was copied to keep their copy.

        Source: `DELETE /v1/assets/{id}`.
        """
        await self._bridge.call(self._forget, asset_id, Deadline(timeout))

    def _forget(self, asset_id: str, deadline: Deadline) -> None:
        self._engine.saved.remove(asset_id, deadline)
