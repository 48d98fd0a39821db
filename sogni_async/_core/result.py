"""What a finished job gives: a `Result`, and `Picture` for previews. Nothing is fetched before it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sogni._deadline import Deadline
from sogni._io.engine import Engine
from sogni._protocol import results
from sogni._protocol.call import Call
from sogni._protocol.entries import JobEntry
from sogni._rules.kinds import media_kind
from sogni.errors import ApiError, ContentWithheld
from sogni.types.project import JobSnapshot, Provenance

from .._bridge import Bridge

if TYPE_CHECKING:
    from .project import Project


class ByteStream:
    """The bytes of an output in pieces of 256 KiB, as they arrive; close it when leaving early.

    Shape: an iterator of bytes objects, none empty.
    """

    def __init__(self, fetch: Callable[[], object], bridge: Bridge) -> None:
        self._fetch = fetch
        self._bridge = bridge
        self._download: object | None = None

    def __aiter__(self) -> ByteStream:
        return self

    async def __anext__(self) -> bytes:
        if self._download is None:
            self._download = await self._bridge.call(self._fetch)
        piece = await self._bridge.call(self._download.next_chunk)  # type: ignore[attr-defined]
        if piece is None:
            raise StopAsyncIteration
        return bytes(piece)

    async def aclose(self) -> None:
        """Give the connection back."""
        if self._download is not None:
            await self._bridge.call(self._download.close)  # type: ignore[attr-defined]

    async def __aenter__(self) -> ByteStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Fetchable:
    """What `Result` and `Picture` share: a signed URL and the ways to get at the bytes behind it."""

    def __init__(self, job: JobEntry, job_id: str, engine: Engine, bridge: Bridge) -> None:
        self._job = job
        self._engine = engine
        self._bridge = bridge
        self.project_id = job.project.id
        self.job_id = job_id

    def _sign(self, fresh: bool, deadline: Deadline | None = None) -> str:
        """A URL, asked for in the thread that runs this."""
        raise NotImplementedError

    def _stem(self) -> str:
        raise NotImplementedError

    def check(self) -> None:
        """Raise when there is nothing to fetch."""

    # Writes the sidecar of a saved file, where the output has one.
    _record: Callable[[Path, str], object] | None = None

    async def url(self, timeout: float | None = None) -> str:
        """A fresh URL that anybody who has it can fetch for about half an hour.

        Raises:
            ContentWithheld: the filter kept the media back.
            ApiError, TransportError: the URL could not be had.
        Source: `GET /v1/image/downloadUrl`, `GET /v1/media/downloadUrl`.
        """
        self.check()
        return await self._bridge.call(self._sign, True, Deadline(timeout))

    async def save(
        self,
        path: str | PathLike[str] = ".",
        *,
        name: str | None = None,
        overwrite: bool = False,
        sidecar: bool = True,
        progress: Callable[[int, int | None], object] | None = None,
        timeout: float | None = None,
    ) -> Path:
        """Fetch the output into a file and return its path.

        The bytes are streamed to a temporary file beside the target, checked against the announced size, resumed after
        a broken connection and then renamed, so no half file is ever left under the final name.

        Args:
            path: A folder, or a file name. The extension follows the real content.
            name: File name without extension, for a folder; by default made of prompt and seed.
            overwrite: Replace an existing file; otherwise a used name gets `-2`, `-3`, ...
            sidecar: Write `NAME.json` beside it, from which `sogni.load` reads the request again; not for previews.
            progress: Called with bytes so far and bytes in all (None when not known).
            timeout: Seconds for the whole call; None waits without limit.
        Raises:
            ContentWithheld: the filter kept the media back.
            TransferError: the file could not be fetched or written; nothing is left behind.
        """
        from sogni._io import transfer

        self.check()
        deadline = Deadline(timeout)
        return await self._bridge.call(
            transfer.download,
            self._engine.http,
            lambda fresh: self._sign(fresh, deadline),
            path,
            name or self._stem(),
            overwrite=overwrite,
            record=self._record if sidecar else None,
            progress=progress,
            deadline=deadline,
        )

    async def read(self, timeout: float | None = None) -> bytes:
        """The whole output in memory."""
        from sogni._io import transfer

        self.check()
        deadline = Deadline(timeout)
        return await self._bridge.call(
            transfer.fetch_bytes, self._engine.http, lambda fresh: self._sign(fresh, deadline), deadline=deadline
        )

    async def open(self, timeout: float | None = None) -> BinaryIO:
        """The output as a seekable binary file, which Pillow or soundfile can read; close it when done."""
        return await self._bridge.call(self.open_waiting, Deadline(timeout))

    def open_waiting(self, deadline: Deadline | None = None) -> BinaryIO:
        """The same in the thread that calls, which waits; it is how a result becomes an input of another project."""
        from sogni._io import transfer

        self.check()
        return transfer.fetch_file(self._engine.http, lambda fresh: self._sign(fresh, deadline), deadline=deadline)

    def iter_bytes(self, timeout: float | None = None) -> ByteStream:
        """The output in pieces of 256 KiB, as they arrive."""
        from sogni._io import transfer

        self.check()
        deadline = Deadline(timeout)
        return ByteStream(
            lambda: transfer.iter_bytes(
                self._engine.http, lambda fresh: self._sign(fresh, deadline), deadline=deadline
            ),
            self._bridge,
        )


class Picture(_Fetchable):
    """A preview of an unfinished output."""

    def __repr__(self) -> str:
        return f"Picture(project_id={self.project_id!r}, job_id={self.job_id!r})"

    def _sign(self, fresh: bool, deadline: Deadline | None = None) -> str:
        return self._engine.request(results.preview_call(self.project_id, self.job_id), deadline)

    def _stem(self) -> str:
        return f"preview-{self.job_id.lower()}"


class LastFrame(_Fetchable):
    """The last frame of a video, exported beside it as a picture."""

    def __repr__(self) -> str:
        return f"LastFrame(project_id={self.project_id!r}, job_id={self.job_id!r})"

    def _sign(self, fresh: bool, deadline: Deadline | None = None) -> str:
        return self._engine.request(results.last_frame_call(self.project_id, self.job_id), deadline)

    def _stem(self) -> str:
        return f"last-frame-{self.job_id.lower()}"


class Result(_Fetchable):
    """One finished output. It is there when the `Result` is; its bytes are fetched when asked for.

    Attributes:
        project_id, job_id: Where it comes from.
    """

    def __init__(self, job: JobEntry, engine: Engine, bridge: Bridge) -> None:
        super().__init__(job, job.state.id, engine, bridge)
        self._state = job.state

    def __repr__(self) -> str:
        withheld = ", withheld" if self.withheld else ""
        return (
            f"Result({self.kind}, project_id={self.project_id!r}, job_id={self.job_id!r}, seed={self.seed}{withheld})"
        )

    @property
    def job(self) -> JobSnapshot:
        """The job that made it, as it ended."""
        return self._state

    @property
    def index(self) -> int | None:
        """Place in the project, from 0; None when the network never said."""
        return self._state.index

    @property
    def kind(self) -> str:
        """`image`, `video`, `audio` or `model`."""
        project = self._job.project
        model_id = project.params.get("model_id")
        known = media_kind(
            model_id if isinstance(model_id, str) else None,
            self._engine.catalogue.known_models(),
            evidence=self._state.media_kind,
            project_type=project.type,
        )
        return known or project.type

    @property
    def content_type(self) -> str | None:
        """MIME type, as ordered; the real content decides the extension of a saved file."""
        return self._state.artifact_content_type or results.content_type(self.kind, self._format)

    @property
    def seed(self) -> int | None:
        """The seed that was used: give it again for the same picture."""
        return self._state.seed

    @property
    def withheld(self) -> bool:
        """True when the sensitive-content filter kept the media back; there is nothing to fetch then."""
        return self._state.withheld

    @property
    def last_frame(self) -> LastFrame | None:
        """The last frame as a picture of its own, where the order asked for it with `return_last_frame`."""
        return LastFrame(self._job, self.job_id, self._engine, self._bridge) if self._state.last_frame else None

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels as ordered; None when the model chose."""
        width, height = (self._job.project.params.get(name) for name in ("width", "height"))
        return (width, height) if isinstance(width, int) and isinstance(height, int) else None

    @property
    def duration(self) -> float | None:
        """Seconds as ordered; None when the model chose, and for pictures."""
        seconds = self._job.project.params.get("duration")
        return float(seconds) if isinstance(seconds, (int, float)) else None

    @property
    def labels(self) -> tuple[str, ...]:
        """What was found sensitive, though delivered: `prompt`, `image`, or `sensitive` when not said."""
        if not self._state.nsfw_detected:
            return ()
        return self._state.nsfw_sources or ("sensitive",)

    @property
    def provenance(self) -> Provenance | None:
        """The worker's receipt, where it sent one."""
        return self._state.provenance

    async def enhance(
        self,
        strength: str = "medium",
        *,
        positive_prompt: str | None = None,
        style_prompt: str | None = None,
        token_type: str | None = None,
        timeout: float | None = None,
    ) -> Project:
        """Order a better version of this picture: one image of its size and seed; `estimate_enhancement_cost` tells
        what that costs.

        Args:
            strength: How much is painted anew: `light`, `medium` or `heavy`; any other word means `medium`.
            positive_prompt, style_prompt, token_type: By default those of the project that it comes from.
            timeout: Seconds for the whole call, as for `create`.
        Returns:
            Project: ordered; `wait` gives its one result.
        Raises:
            ValidationError: it is no picture, a mask, not completed, or withheld, or the size preset of its project is
                not known any more; nothing was ordered.
            ApiError, TransportError, SubmissionUncertain: as for `create`.
        Source: frame `jobRequest`.
        """
        from .enhance import enhanced

        overrides = {"positive_prompt": positive_prompt, "style_prompt": style_prompt, "token_type": token_type}
        return await enhanced(self, strength, overrides, timeout)

    @property
    def _format(self) -> str | None:
        return self._state.output_format or self._job.project.output_format

    def check(self) -> None:
        """Raise when there is nothing to fetch.

        Raises:
            ContentWithheld: the filter kept the media back.
        """
        if self.withheld:
            raise ContentWithheld(
                "The sensitive-content filter withheld this result.", job_id=self.job_id, project_id=self.project_id
            )

    def _record(self, file: Path, sha256: str) -> object:
        from sogni._store import sidecar

        project = self._job.project
        facts = {
            "sha256": sha256,
            "kind": self.kind,
            "project_id": self.project_id,
            "job_id": self.job_id,
            "index": self.index,
            "seed": self.seed,
            "size": self.size,
            "duration": self.duration,
            "labels": self.labels,
        }
        return sidecar.write(file, facts, {"type": project.type, **project.params})

    def _sign(self, fresh: bool, deadline: Deadline | None = None) -> str:
        if self._state.hosted_url:
            # An outside provider hosts it; there is nothing that could be signed anew.
            return self._state.hosted_url
        kind = self.kind
        try:
            return self._engine.request(self._call(kind), deadline)
        except ApiError as refusal:
            if kind != "image" or not results.is_wrong_endpoint(refusal):
                raise
        return self._engine.request(self._call("video"), deadline)

    def _call(self, kind: str) -> Call[str]:
        return results.result_call(
            kind, self.project_id, self.job_id, self._format, artifact_type=self._state.artifact_content_type
        )

    def _stem(self) -> str:
        from sogni._io.names import slug

        prompt = self._state.positive_prompt or self._job.project.params.get("positive_prompt")
        seed = self.job_id[:8].lower() if self.seed is None else self.seed
        return f"{slug(str(prompt or self.kind))}-{seed}"
