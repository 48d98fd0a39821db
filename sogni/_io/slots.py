"""The files of one order, brought into the project's upload slots side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from .._deadline import Deadline
from .._protocol import rest
from .._protocol.call import Call
from .._protocol.ids import new_id
from .transfer import Source, content_type, open_source, send

if TYPE_CHECKING:
    from .._rules.draft import Upload
    from .engine import Engine


def upload_all(engine: Engine, uploads: Sequence[Upload], project_id: str, deadline: Deadline) -> list[str | None]:
    """Upload every file; their content types, in the order of `uploads`, None for one that was not recognised.

    All files are opened before the first byte is sent, so that a missing one costs nothing. The first failure stops
    the others.

    Raises:
        ValidationError: a file that cannot be read, named by its parameter.
        ApiError, TransportError: a file could not be brought up; nothing was ordered.
    """
    with ExitStack() as stack:
        sources: list[Source] = []
        for upload in uploads:
            source = open_source(upload.media, upload.parameter, http=engine.http, deadline=deadline)
            sources.append(stack.enter_context(source))
        types = [content_type(source, upload.slot) for source, upload in zip(sources, uploads, strict=True)]
        jobs = [
            partial(_bring, engine, upload, project_id, source, kind, deadline)
            for upload, source, kind in zip(uploads, sources, types, strict=True)
        ]
        engine.uploads.run(jobs, deadline)
    return types


def _bring(
    engine: Engine,
    upload: Upload,
    project_id: str,
    source: Source,
    kind: str | None,
    deadline: Deadline,
    cancelled: Callable[[], bool],
) -> None:
    def sign() -> str:
        return engine.request(_slot(upload, project_id, kind), deadline)

    send(engine.http, sign, source, kind, cancelled=cancelled, deadline=deadline)


def _slot(upload: Upload, project_id: str, kind: str | None) -> Call[str]:
    if upload.at == "image":
        return rest.upload_url(image_id=new_id(), job_id=project_id, type=upload.type, content_type=kind)
    return rest.media_upload_url(job_id=project_id, type=upload.type, id=upload.id, content_type=kind)
