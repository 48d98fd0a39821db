"""Files that the account keeps at the service: sent once, found again by their content, copied into projects."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from .._deadline import Deadline
from .._protocol import rest
from .._protocol.call import Call
from ..errors import (
    ApiError,
    Problem,
    ProtocolError,
    RateLimited,
    ServerError,
    TransferError,
    ValidationError,
    WaitTimeout,
)
from .cache import Flights
from .source import Source, content_type, open_source
from .store import Cancelled, GivenUp, Meter
from .uploads import UploadPool, upload
from .waiting import copy_error

if TYPE_CHECKING:
    from ..types.library import SavedUpload
    from .credentials import Credentials
    from .http import Http

T = TypeVar("T")

LARGEST = 100 * 1024 * 1024
"""Bytes of the largest file that the service keeps."""
TYPES = frozenset(
    (
        *("image/png", "image/jpeg", "image/webp"),
        *("video/mp4", "video/quicktime", "video/webm"),
        *("audio/mp4", "audio/mpeg", "audio/flac", "audio/wav", "audio/x-wav", "audio/wave"),
    )
)
"""What is saved without being asked for."""

_AT_ONCE = 2
_CAPABLE_FOR = 60.0
# An order does not wait longer than this to learn whether its files can be saved.
_PROBE = 5.0
_FULL_FOR = 900.0
_FULL = "Your saved upload library is full."
_BUSY = 423
# Seconds before asking again while the service is busy with the very file.
_PAUSES = (0.25, 0.5, 1.0, 2.0)
# Headers that say how a request is sent, or as whom.
_OURS = frozenset(
    ("authorization", "connection", "cookie", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding")
) | frozenset(("proxy-authorization", "upgrade"))
# Answers that say that the account cannot save files at all; they are remembered like a plain no.
_INCAPABLE = frozenset((403, 404, 503))
# Refusals after which a file may still go up the ordinary way: nothing of it was sent yet.
_ORDINARY = frozenset((400, 403, 404, 409, 410, 503))


class SavedFiles:
    """Saving and copying files, for any number of threads; at most two are read or sent at the same time.

    Nothing here outlives the session it was learnt in, and a renewed token is the same session.

    Args:
        http: The client's HTTP.
        credentials: Whose files.
        clock: Seconds.
    """

    def __init__(self, http: Http, credentials: Credentials, clock: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._credentials = credentials
        self._clock = clock
        self._lanes = UploadPool(_AT_ONCE, "sogni-saved")
        # Who gave up, or lost its file, says nothing about the others who have the same one.
        self._flights = Flights(clock, own=(WaitTimeout, TransferError))
        self._full: tuple[int, float] | None = None

    def close(self) -> None:
        """Stops what is under way."""
        self._lanes.close()

    # --- on request ---

    def save(self, media: object, name: str, kind: str | None, deadline: Deadline) -> SavedUpload:
        """Saves a file, unless the service has it already.

        Args:
            media: Any `MediaInput` but `True` and a `SavedUpload`.
            name: For people.
            kind: Its content type; None to tell it from the file.
        Raises:
            ValidationError: it cannot be read, is empty, too large, or of no known type.
            ApiError, TransportError: it could not be saved.
        """
        with open_source(media, "media", http=self._http, deadline=deadline) as source:
            if source.size > LARGEST:
                raise _refusal("media", f"is larger than {LARGEST // 2**20} MiB", f"1 byte to {LARGEST // 2**20} MiB")
            kind = kind or content_type(source, "")
            if kind is None:
                raise _refusal("content_type", "cannot be told from the file: give it", "such as image/png")
            found = self._store(source, kind, name, deadline=deadline)
        assert found is not None, "only `unless` gives None"
        if isinstance(found, ApiError):
            raise copy_error(found)
        return found

    def remove(self, asset_id: str, deadline: Deadline) -> None:
        """Deletes a saved file, which makes room for others."""
        self._http.request(rest.remove_upload(asset_id), deadline)
        self._full = None

    def bind(
        self, asset_id: str, project_id: str, type: str, id: str | None = None, *, deadline: Deadline | None = None
    ) -> None:
        """Copies a saved file into a slot of a project."""
        call = rest.bind_upload(asset_id, project_id=project_id, type=type, id=id)
        self._patiently(call, self._credentials.version, deadline or Deadline(None))

    # --- without being asked ---

    def reuse(
        self,
        source: Source,
        kind: str | None,
        bind: Callable[[str], object],
        *,
        tell: Meter,
        cancelled: Cancelled,
        deadline: Deadline,
    ) -> bool:
        """Brings a file into a slot by way of the saved files; False when it has to go up the ordinary way.

        Args:
            source: The file.
            kind: Its content type.
            bind: Copies the saved file of that id to where it is needed.
            tell: Told about real bytes.
            cancelled: Asked before each piece.
        Raises:
            ApiError, TransportError: it was being saved, and that failed; so nothing may be ordered.
        """
        if kind not in TYPES or not 0 < source.size <= LARGEST:
            return False
        version = self._credentials.version
        if self._is_full(version) or not self._is_capable(version, deadline):
            return False
        found = self._store(
            source, kind, "Saved upload", tell=tell, cancelled=cancelled, deadline=deadline, unless=self._is_full
        )
        if found is None:
            return False
        if isinstance(found, ApiError):
            if found.status not in _ORDINARY:
                raise copy_error(found)
            if found.status == 409 and (found.server_message or "").startswith(_FULL):
                self._full = (version, self._clock() + _FULL_FOR)
            return False
        self._credentials.check(version)
        bind(found.id)
        return True

    def _is_full(self, version: int) -> bool:
        full = self._full
        return full is not None and full[0] == version and self._clock() < full[1]

    def _is_capable(self, version: int, deadline: Deadline) -> bool:
        soon = deadline.sooner(_PROBE)

        def ask() -> bool:
            try:
                return self._http.request(rest.saved_uploads_enabled(), soon)
            except ApiError as error:
                if error.status not in _INCAPABLE:
                    raise
                return False

        try:
            return self._flights.get(("capable", version), _CAPABLE_FOR, ask, deadline=soon)
        except (RateLimited, ServerError, WaitTimeout):
            if deadline.expired:
                raise
            # Saving is a convenience: this file goes up as it always could.
            return False

    # --- one file ---

    def _store(
        self,
        source: Source,
        kind: str,
        name: str,
        *,
        tell: Meter | None = None,
        cancelled: Cancelled | None = None,
        deadline: Deadline,
        unless: Callable[[int], bool] | None = None,
    ) -> SavedUpload | ApiError | None:
        """The saved file; the error when the service would not have it; None when `unless` says so in the end."""
        version = self._credentials.version

        def work(stopped: Cancelled) -> SavedUpload | ApiError | None:
            def stop() -> bool:
                return stopped() or (cancelled is not None and cancelled())

            if stop():
                raise GivenUp("The upload was given up.")
            if unless is not None and unless(version):
                return None
            digest = source.sha256(stop)
            send = partial(self._send, source, digest, kind, name, version, tell, stop, deadline)
            # Kept for nobody: whoever comes later learns from the service that it is there.
            return self._flights.get((version, digest, kind), 0, send, deadline=deadline)

        return self._lanes.run([work], deadline)[0]

    def _send(
        self,
        source: Source,
        digest: str,
        kind: str,
        name: str,
        version: int,
        tell: Meter | None,
        cancelled: Cancelled,
        deadline: Deadline,
    ) -> SavedUpload | ApiError:
        call = rest.prepare_upload(sha256=digest, size=source.size, content_type=kind, name=name)
        try:
            place = self._patiently(call, version, deadline)
        except ApiError as error:
            # What a refusal means is different for those who asked for it and those who did not.
            return error.with_traceback(None)
        if place.is_ready:
            return place
        headers = place.upload_headers
        if not place.upload_url or not isinstance(headers, Mapping):
            raise ProtocolError("The service gave no place to save the file.")
        # These go out as they are: they are part of the signature.
        upload(
            self._http,
            place.upload_url,
            source,
            None,
            None if tell is None else lambda sent, _: tell(sent),
            cancelled,
            deadline,
            headers=_signed_headers(headers),
        )
        return self._patiently(rest.finalize_upload(place.id), version, deadline)

    def _patiently(self, call: Call[T], version: int, deadline: Deadline) -> T:
        """Asks, and asks again while the service is busy with the file."""
        for pause in _PAUSES:
            self._credentials.check(version)
            try:
                return self._http.request(call, deadline)
            except ApiError as error:
                if error.status != _BUSY:
                    raise
            self._http.pause(pause, deadline)
        self._credentials.check(version)
        return self._http.request(call, deadline)


def _refusal(field: str, problem: str, allowed: str) -> ValidationError:
    return ValidationError(problems=[Problem(field, f"{field} {problem}.", allowed=allowed)])


def _signed_headers(headers: Mapping[str, object]) -> dict[str, str]:
    """The headers that the service has signed; what would change the request itself is refused."""
    found = {}
    for name, value in headers.items():
        text = str(value)
        if (
            not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", name)
            or name.lower() in _OURS
            or value is None
            or not re.fullmatch(r"[\x20-\x7e]{0,2000}", text)
        ):
            raise ProtocolError("The service asked for a header with the file that cannot be sent.")
        if name.lower() != "content-length":
            found[name] = text
    return found
