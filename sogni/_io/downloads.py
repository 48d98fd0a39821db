"""Fetching media: resumed where it broke, checked, and published under its name only when it is complete."""

from __future__ import annotations

import contextlib
import errno as errnos
import hashlib
import io
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urljoin

from .._deadline import Deadline
from .._protocol.answers import header, phrase
from ..errors import ConnectionLost, Problem, SogniError, StorageError, TransferError, ValidationError
from .exchange import PIECE, bare
from .store import Cancelled, ExpiredUrl, GivenUp, Meter, Progress, log, refusal, worth_another_try

if TYPE_CHECKING:
    from .http import Answer, Http

READ_LIMIT = 1024 * 1024 * 1024
"""Largest result that is read into memory."""

# A connection that brought less than this before it broke counts as one that brought nothing.
_SOME = 64 * 1024
_IN_MEMORY = 8 * 1024 * 1024
_REDIRECTS = 3
_ELSEWHERE = frozenset((301, 302, 303, 307, 308))


class Fetch:
    """A result that is being fetched, piece by piece; broken connections are resumed, stale URLs renewed.

    Args:
        http: The client's HTTP.
        url_supplier: Gives the URL; called with True when the one it gave last has run out.
        progress: Told about real bytes.
        cancelled: Asked before each piece.
        deadline: When to give up.
    """

    def __init__(
        self,
        http: Http,
        url_supplier: Callable[[bool], str],
        *,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        self._http = http
        self._url_supplier = url_supplier
        self._cancelled = cancelled
        self._deadline = deadline or Deadline(None)
        self._tell = Meter(progress, None)
        self._answer: Answer | None = None
        self._url: str | None = None
        self._supplier_failed: SogniError | None = None
        self._offset = 0
        self._opened_at = 0
        self._breaks = 0
        self._started = self._ended = self._renewed = self._encoded = False
        self._tag: str | None = None
        self._validator: str | None = None
        self.total: int | None = None
        self.content_type: str | None = None

    def __enter__(self) -> Fetch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next_chunk(self) -> bytes | None:
        """The next piece, up to 256 KiB; None at the end.

        Raises:
            ApiError: the service or the store refused.
            TransportError: it broke too often.
            TransferError: the content changed meanwhile, or nobody needs it any more.
            WaitTimeout: the deadline passed.
        """
        failure: SogniError
        try:
            return self._next_chunk()
        except SogniError as error:
            # The frames below hold the signed address.
            failure = bare(error)
        raise failure

    def _next_chunk(self) -> bytes | None:
        while not self._ended:
            if self._cancelled is not None and self._cancelled():
                self.close()
                raise GivenUp("The download was given up.")
            try:
                answer = self._answer or self._open()
                piece = answer.read(PIECE)
                if not piece and self.total is not None and self._offset < self.total:
                    raise ConnectionLost(f"The media store sent {self._offset} of {self.total} bytes.")
            except ConnectionLost as error:
                if self._answer is None:  # opening has made its own tries
                    self.close()
                    raise
                self._after_break(error)
                continue
            except BaseException:
                self.close()
                raise
            if not piece:
                break
            self._offset += len(piece)
            self._tell(self._offset)
            return piece
        self.close()
        return None

    def close(self) -> None:
        """Ends the transfer; may be called at any time and again."""
        self._ended = True
        self._drop()

    def _drop(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()

    def _after_break(self, error: SogniError) -> None:
        """Goes on where it broke; gives up when several connections in a row brought next to nothing."""
        self._drop()
        self._breaks = 1 if self._offset - self._opened_at >= _SOME else self._breaks + 1
        if self._breaks >= self._http.retries.tries:
            self.close()
            raise error
        log.debug("a download broke at byte %d, going on", self._offset)
        if self._breaks > 1:
            self._http.pause(0.5 * self._breaks, self._deadline)

    def _open(self) -> Answer:
        def again(error: SogniError) -> bool:
            # Whoever supplies the URL makes tries of its own.
            return error is not self._supplier_failed and worth_another_try(error)

        self._answer = answer = self._http.retry(self._open_once, self._deadline, again=again)
        self._opened_at = self._offset
        return answer

    def _open_once(self) -> Answer:
        if self._url is None:
            self._url = self._ask_for_url(fresh=False)
        while (answer := self._ask(self._url)) is None:
            self._renewed = True
            log.debug("a signed download address had run out")
            self._url = self._ask_for_url(fresh=True)
        self._renewed = False
        try:
            self._look_at(answer)
        except BaseException:
            answer.close()
            raise
        return answer

    def _ask_for_url(self, *, fresh: bool) -> str:
        try:
            return self._url_supplier(fresh)
        except SogniError as error:
            self._supplier_failed = error
            raise

    def _ask(self, url: str) -> Answer | None:
        """The answer; None when the URL has run out and may be renewed."""
        headers = {}
        if self._offset and not self._encoded:
            headers["Range"] = f"bytes={self._offset}-"
            if self._validator is not None:
                headers["If-Range"] = self._validator
        answer = self._http.signed("GET", url, headers=headers, deadline=self._deadline)
        for _ in range(_REDIRECTS):
            # Hosts of other providers may point elsewhere; nothing of ours goes along.
            target = header(answer.headers, "location")
            if answer.status not in _ELSEWHERE or not target:
                break
            answer.close()
            url = urljoin(url, target)
            answer = self._http.signed("GET", url, headers=headers, deadline=self._deadline)
        if answer.status in (200, 206):
            return answer
        refused = refusal(answer, "download")
        if not self._renewed and (isinstance(refused, ExpiredUrl) or answer.status == 404):
            return None
        raise refused or ConnectionLost(f"The media store answered {phrase(answer.status)} without content.")

    def _look_at(self, answer: Answer) -> None:
        """Checks that the answer goes on where we are; reads up to there when it begins at the start again."""
        encoding = header(answer.headers, "content-encoding")
        self._encoded = encoding is not None and encoding.lower() != "identity"
        tag = header(answer.headers, "etag")
        if answer.status == 206:
            first, total = _content_range(header(answer.headers, "content-range"))
            begins = first
        else:
            begins = 0
            total = None if self._encoded else _length(header(answer.headers, "content-length"))
        if begins not in (0, self._offset):
            raise TransferError("The media store sent another part than it was asked for.")
        if self._started and ((total, tag) != (self.total, self._tag)):
            changed = TransferError("The media changed while they were being fetched.")
            changed.retryable = True
            raise changed
        if not self._started:
            self._started = True
            self.total = self._tell.total = total
            self.content_type = header(answer.headers, "content-type")
            self._tag = tag
            self._validator = tag if tag is not None and not tag.startswith("W/") else None
        skip = self._offset - begins
        while skip > 0:
            piece = answer.read(min(PIECE, skip))
            if not piece:
                raise ConnectionLost("The media store sent less than before.")
            skip -= len(piece)


def iter_bytes(
    http: Http,
    url_supplier: Callable[[bool], str],
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    deadline: Deadline | None = None,
) -> Fetch:
    """A result as pieces: `next_chunk()` until it gives None, then or at any time `close()`."""
    return Fetch(http, url_supplier, progress=progress, cancelled=cancelled, deadline=deadline)


def fetch_bytes(
    http: Http,
    url_supplier: Callable[[bool], str],
    *,
    limit: int = READ_LIMIT,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    deadline: Deadline | None = None,
) -> bytes:
    """A whole result in memory.

    Args:
        http: The client's HTTP.
        url_supplier: Gives the URL; called with True when the one it gave last has run out.
        limit: Largest result, in bytes.
        progress: Told about real bytes.
        cancelled: Asked before each piece.
        deadline: When to give up.
    Raises:
        TransferError: it is larger than `limit`.
    """
    content = bytearray()
    with Fetch(http, url_supplier, progress=progress, cancelled=cancelled, deadline=deadline) as fetch:
        while (piece := fetch.next_chunk()) is not None:
            if max(len(content) + len(piece), fetch.total or 0) > limit:
                error = TransferError(f"The media are larger than {limit} bytes; save them to a file instead.")
                error.retryable = False
                raise error
            content += piece
    return bytes(content)


def fetch_file(
    http: Http,
    url_supplier: Callable[[bool], str],
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    deadline: Deadline | None = None,
) -> BinaryIO:
    """A whole result as a seekable binary file at its beginning; large ones are on disk and vanish when closed."""
    with Fetch(http, url_supplier, progress=progress, cancelled=cancelled, deadline=deadline) as fetch:
        piece = fetch.next_chunk()
        # A spooled file of the library would do both, but is no complete file object before Python 3.11.
        is_small = fetch.total is not None and fetch.total <= _IN_MEMORY
        file: Any = io.BytesIO() if is_small else tempfile.TemporaryFile()  # noqa: SIM115 - handed out
        try:
            while piece is not None:
                with _disk(tempfile.gettempdir()):
                    file.write(piece)
                piece = fetch.next_chunk()
            file.seek(0)
        except BaseException:
            file.close()
            raise
    opened: BinaryIO = file
    return opened


def download(
    http: Http,
    url_supplier: Callable[[bool], str],
    target: str | os.PathLike[str],
    stem: str,
    *,
    overwrite: bool = False,
    fallback: str = ".bin",
    record: Callable[[Path, str], object] | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    deadline: Deadline | None = None,
) -> Path:
    """Saves a result and returns where. A failure leaves nothing behind, and a name that is taken is left alone.

    Args:
        http: The client's HTTP.
        url_supplier: Gives the URL; called with True when the one it gave last has run out.
        target: A folder (made if need be), or a file; a file name without an extension gets the right one.
        stem: File name within a folder, without its extension.
        overwrite: Replace a file of that name; otherwise the new one gets `-2`, `-3`, ...
        fallback: Extension for content that nothing recognises.
        record: Called with the finished file and the SHA-256 of its content, in hexadecimal.
        progress: Told about real bytes.
        cancelled: Asked before each piece.
        deadline: When to give up.
    Raises:
        StorageError: the disk is full or read-only, or the place cannot be written to.
        TransferError: the content is empty or changed meanwhile.
        ApiError, TransportError, WaitTimeout: it could not be fetched.
    """
    digest = hashlib.sha256() if record is not None else None
    with _disk(str(target)):
        folder, name, suffix = _destination(target, stem)
    with Fetch(http, url_supplier, progress=progress, cancelled=cancelled, deadline=deadline) as fetch:
        # The first piece comes before the file, so that a refused download does not touch the disk at all.
        piece = fetch.next_chunk()
        if piece is None:
            raise TransferError("The media store sent an empty file.")
        with _disk(str(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            part, file = _part(folder)
        try:
            with _disk(str(folder / name)), file:
                while piece is not None:
                    file.write(piece)
                    if digest is not None:
                        digest.update(piece)
                    piece = fetch.next_chunk()
                file.flush()
                suffix = _suffix(folder / name, suffix, file, fallback)
            with _disk(str(folder / f"{name}{suffix}")):
                saved = _publish(part, folder, name, suffix, overwrite=overwrite)
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
    if record is not None and digest is not None:
        record(saved, digest.hexdigest())
    return saved


def _destination(target: str | os.PathLike[str], stem: str) -> tuple[Path, str, str]:
    """Folder, name and extension; the extension is empty when the content is to decide it."""
    name = os.fspath(target) if isinstance(target, (str, os.PathLike)) else None
    if not isinstance(name, str) or "\0" in name:
        problem = Problem("path", "path must be the name of a folder or a file.", value=target, allowed="str or Path")
        raise ValidationError(problems=[problem])
    text = os.path.expanduser(name)
    path = Path(text)
    ends_like_folder = text.endswith(("/", os.sep)) or not path.name
    if ends_like_folder or path.is_dir():
        return path, safe_name(stem), ""
    return path.parent, path.name[: len(path.name) - len(path.suffix)], path.suffix


def safe_name(stem: str) -> str:
    """A file name that every system takes and that stays in its folder."""
    name = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', "-", stem).strip(" .")[:120]
    if not name or re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", name):
        name = f"media-{name}".rstrip("-")
    return name


def _part(folder: Path) -> tuple[Path, BinaryIO]:
    """A new file beside the target; unlike a temporary file of the library it has the usual permissions."""
    path = folder / f".sogni-{secrets.token_hex(8)}.part"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return path, os.fdopen(os.open(path, flags, 0o666), "w+b")


def _suffix(path: Path, wished: str, file: BinaryIO, fallback: str) -> str:
    """The wished extension, unless it names another kind of media than the content is."""
    from .content import extension, says_otherwise

    real = extension(file)
    if not wished or (real is not None and says_otherwise(wished, real)):
        if wished:
            log.warning("%s%s was saved as %s: order output_format=%r for that", path, wished, real, wished.lstrip("."))
        return real or fallback
    return wished


def _publish(part: Path, folder: Path, name: str, suffix: str, *, overwrite: bool) -> Path:
    """Gives the finished file its name, in one step that cannot replace another file unless that is wanted."""
    if overwrite:
        final = folder / f"{name}{suffix}"
        os.replace(part, final)
        return final
    number = 1
    while True:
        final = folder / (f"{name}{suffix}" if number == 1 else f"{name}-{number}{suffix}")
        number += 1
        try:
            os.link(part, final)
            return final
        except FileExistsError:
            continue
        except OSError:
            pass  # a file system without links
        try:
            # The empty file is the reservation; the rename then replaces nothing but that.
            os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        try:
            os.replace(part, final)
        except BaseException:
            with contextlib.suppress(OSError):
                final.unlink()
            raise
        return final


@contextlib.contextmanager
def _disk(place: str) -> Iterator[None]:
    """Errors of the disk as ours. Errors of the network within are ours already and pass."""
    try:
        yield
    except SogniError:
        raise
    except OSError as error:
        cause = error.with_traceback(None)
    else:
        return
    reason = cause.strerror or os.strerror(cause.errno or errnos.EIO)
    raise StorageError(f"{place} could not be written: {reason}.", errno=cause.errno, path=place) from cause


def _length(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None


def _content_range(text: str | None) -> tuple[int, int | None]:
    """First byte and size of the whole; -1 when the header makes no sense."""
    match = re.fullmatch(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)", (text or "").strip())
    if match is None:
        return -1, None
    return int(match[1]), None if match[2] == "*" else int(match[2])
