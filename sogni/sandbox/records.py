"""What a test reads back: submissions, uploads and the entries of the log, all frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import attrs

LogKind = Literal[
    "request",
    "leak",
    "refused",
    "open",
    "close",
    "frame_in",
    "frame_out",
    "bad_frame",
    "submission",
    "fault",
    "error",
]
Outcome = Literal["accepted", "duplicate", "refused", "lost"]


@attrs.frozen(kw_only=True)
class Upload:
    """A file that a client put into a slot of a project.

    Attributes:
        project_id: The project, upper case.
        slot: What the file is for: `startingImage`, `contextImage1`, `referenceAudio2`, ...
        content_type: The signed content type; None when none was declared.
        size: Bytes.
        path: The stored file; it goes away with the sandbox.
        time: When the last byte arrived.
        asset_id: The saved upload that it is a copy of; None when it was sent for this project.
    """

    project_id: str
    slot: str
    content_type: str | None
    size: int
    path: Path
    time: datetime
    asset_id: str | None = None

    def read(self) -> bytes:
        """The stored bytes."""
        return self.path.read_bytes()

    @property
    def sha256(self) -> str:
        """Hex digest of the stored bytes."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()


@attrs.frozen(kw_only=True)
class Submission:
    """One `jobRequest` frame that arrived.

    Attributes:
        project_id: The `jobID`, upper case.
        outcome: `accepted`; `duplicate` (the id was there already, nothing is rendered again); `refused` (answered
            with an error); `lost` (the link was dropped and the request forgotten, as a script asked).
        request: The whole decoded request.
        uploads: What was in the project's slots at that moment, in order of arrival.
        missing_slots: Slots that the request declares and nobody filled.
        app_id: App id of the connection.
        account: User name of the account.
        connection: Number of the connection.
        time: When it arrived.
    """

    project_id: str
    outcome: Outcome
    request: Mapping[str, object]
    uploads: Sequence[Upload]
    missing_slots: Sequence[str]
    app_id: str
    account: str
    connection: int
    time: datetime

    @property
    def keyframe(self) -> Mapping[str, object]:
        """The first key frame, where nearly every parameter stands."""
        frames = self.request.get("keyFrames")
        first = frames[0] if isinstance(frames, list) and frames else {}
        return first if isinstance(first, dict) else {}

    @property
    def prompt(self) -> str:
        """The positive prompt."""
        return str(self.keyframe.get("positivePrompt", ""))

    @property
    def model_id(self) -> str:
        """The model asked for."""
        return str(self.keyframe.get("modelID", ""))

    @property
    def number_of_media(self) -> int:
        """How many outputs."""
        count = self.request.get("numberOfImages", 1)
        return int(count) if isinstance(count, (int, float)) else 1


@attrs.frozen(kw_only=True)
class LogEntry:
    """One thing that happened, in order; fields that do not apply are None.

    Attributes:
        kind: `request` (HTTP; `status` is filled in with the answer), `leak` (credentials sent to a signed URL),
            `refused` (socket upgrade turned down), `open` and `close` (sockets), `frame_in`, `frame_out`,
            `bad_frame` (from a client, not decodable), `submission`, `fault` (a scripted one was served),
            `error` (a defect of the sandbox itself).
        time: When.
        connection: Number of the socket connection, counted from 1.
        method, path, query, headers, status: Of the HTTP request; credentials are masked.
        credential: Who it came from, without the secret: `api-key sandbox`, `token 2 of sandbox`, `unknown`, None.
        frame_kind, data: Of the frame; `data` is decoded.
        code: Close code; None after an abort.
        app_id: Of the connection.
        detail: Anything else worth reading.
    """

    kind: LogKind
    time: datetime
    connection: int | None = None
    method: str | None = None
    path: str | None = None
    query: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    status: int | None = None
    credential: str | None = None
    frame_kind: str | None = None
    data: object = None
    code: int | None = None
    app_id: str | None = None
    detail: str | None = None
