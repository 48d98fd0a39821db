"""The files of one order, brought into the project's upload slots side by side."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from .._deadline import Deadline
from .._protocol import rest
from .._protocol.call import Call
from .._protocol.ids import new_id
from ..types.library import SavedUpload
from .callbacks import Run
from .store import Meter
from .transfer import Source, content_type, open_source, send

if TYPE_CHECKING:
    from .._rules.draft import Upload
    from .engine import Engine

log = logging.getLogger("sogni.media")

OnUpload = Callable[[str, int, int], object]
"""Called with the parameter, the bytes sent and the bytes in all."""


@frozen
class Brought:
    """One file in its slot: its content type, None when it was not recognised, and its size, None when not known."""

    content_type: str | None
    size: int | None


class Teller:
    """Tells one user's function about all files of an order, one call at a time.

    Args:
        callback: The function; what it raises is logged, and it is not called again.
        run: Calls it where the user's code belongs.
    """

    def __init__(self, callback: OnUpload, run: Run) -> None:
        self._callback: OnUpload | None = callback
        self._run = run
        self._lock = threading.Lock()

    def meter(self, parameter: str, size: int | None) -> Meter:
        """What is told about one file."""
        return Meter(lambda sent, total: self._tell(parameter, sent, sent if total is None else total), size)

    def end(self) -> None:
        """Nothing is told any more: nobody waits for the order."""
        self._callback = None

    def _tell(self, parameter: str, sent: int, total: int) -> None:
        with self._lock:
            if self._callback is not None:
                self._run(self._call, (parameter, sent, total))

    def _call(self, news: object) -> None:
        callback = self._callback
        if callback is None:
            return
        try:
            callback(*news)  # type: ignore[misc]
        except Exception:
            log.exception("on_upload raised; it is not called again for this order")
            self._callback = None


def upload_all(
    engine: Engine,
    uploads: Sequence[Upload],
    project_id: str,
    deadline: Deadline,
    teller: Teller | None = None,
) -> list[Brought]:
    """Bring every file to its slot; what they are, in the order of `uploads`.

    All files are opened before the first byte is sent, so that a missing one costs nothing. The first failure stops
    the others.

    Raises:
        ValidationError: a file that cannot be read, named by its parameter.
        ApiError, TransportError: a file could not be brought up; nothing was ordered.
        SessionChanged: another account signed in meanwhile.
    """
    with ExitStack() as stack:
        jobs, brought = [], []
        for upload in uploads:
            saved = upload.media
            if isinstance(saved, SavedUpload):
                found = Brought(saved.content_type, saved.bytes)
                meter = _meter(teller, upload, saved.bytes)
                jobs.append(partial(_copy, engine, upload, project_id, saved.id, meter, deadline))
            else:
                opened = open_source(saved, upload.parameter, http=engine.http, deadline=deadline)
                source = stack.enter_context(opened)
                found = Brought(content_type(source, upload.type), source.size)
                meter = _meter(teller, upload, source.size)
                jobs.append(partial(_bring, engine, upload, project_id, source, found.content_type, meter, deadline))
            brought.append(found)
        version = engine.credentials.version
        engine.uploads.run(jobs, deadline)
        engine.credentials.check(version)
    return brought


def _meter(teller: Teller | None, upload: Upload, size: int | None) -> Meter:
    return Meter(None, size) if teller is None else teller.meter(upload.parameter, size)


def _copy(
    engine: Engine,
    upload: Upload,
    project_id: str,
    asset_id: str,
    meter: Meter,
    deadline: Deadline,
    _: Callable[[], bool],
) -> None:
    engine.saved.bind(asset_id, project_id, upload.type, upload.id, deadline=deadline)
    meter(meter.total or 0)


def _bring(
    engine: Engine,
    upload: Upload,
    project_id: str,
    source: Source,
    kind: str | None,
    meter: Meter,
    deadline: Deadline,
    cancelled: Callable[[], bool],
) -> None:
    def bind(asset_id: str) -> None:
        engine.saved.bind(asset_id, project_id, upload.type, upload.id, deadline=deadline)

    def sign() -> str:
        return engine.request(_slot(upload, project_id, kind), deadline)

    meter(0)
    if not engine.saved.reuse(source, kind, bind, tell=meter, cancelled=cancelled, deadline=deadline):
        send(
            engine.http,
            sign,
            source,
            kind,
            progress=lambda sent, _: meter(sent),
            cancelled=cancelled,
            deadline=deadline,
        )
    meter(source.size)


def _slot(upload: Upload, project_id: str, kind: str | None) -> Call[str]:
    if upload.at == "image":
        return rest.upload_url(image_id=new_id(), job_id=project_id, type=upload.type, content_type=kind)
    return rest.media_upload_url(job_id=project_id, type=upload.type, id=upload.id, content_type=kind)
