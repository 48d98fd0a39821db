"""Opening what a user gives as an input: known size, first bytes at hand, readable again from the start."""

from __future__ import annotations

import contextlib
import hashlib
import io
import mimetypes
import os
import re
import stat
import tempfile
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from .._deadline import Deadline
from .._protocol import auth
from .._protocol.answers import header, phrase
from ..errors import Problem, TransferError, ValidationError
from .exchange import PIECE

if TYPE_CHECKING:
    from .http import Answer, Http

FETCH_LIMIT = 100 * 1024 * 1024
"""Largest file that is fetched from an https address before it is sent on."""

_HEAD = 64
_SPOOL = 1024 * 1024  # kept in memory up to this size, on disk above it
_REDIRECTS = 5
_ADDRESS = re.compile(r"(?i)\s*(?:[a-z][a-z0-9+.-]+://|data:|blob:|about:|javascript:)")
# What PNG can hold; the other modes of Pillow are converted.
_PNG_MODES = frozenset(("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"))
_CONVERTED = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}
# The library's own table, so that a type does not depend on the files of the computer.
_TYPES = mimetypes.MimeTypes()
_USES = (("referenceAudio", "audio"), ("referenceVideo", "video"))
_MEDIA = ("image/", "audio/", "video/", "model/")

# One file object may be given for several slots, whose uploads run side by side and would move each other's position.
_users_files = threading.Lock()

Read = Callable[[int, int], "bytes | memoryview"]


class Source:
    """An input that is open: `size` bytes that can be read from any position, any number of times.

    Attributes:
        field: The parameter it was given for, as the caller spells it.
        size: Bytes.
        head: Its first bytes, enough to tell its type.
        filename: Its name, where it has one.
    """

    def __init__(
        self,
        field: str,
        size: int,
        read: Read,
        *,
        filename: str | None = None,
        close: Callable[[], object] | None = None,
    ) -> None:
        self.field = field
        self.size = size
        self.filename = filename
        self._read = read
        self._close = close
        self.head = b""
        if size:
            self.head = bytes(self.read_at(0, min(_HEAD, size)))

    def __repr__(self) -> str:
        return f"Source({self.field!r}, {self.size} bytes)"

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_at(self, offset: int, amount: int) -> bytes | memoryview:
        """Up to `amount` bytes from `offset`; fewer only at the end.

        Raises:
            TransferError: it cannot be read any more, or is shorter than it was.
        """
        amount = min(amount, self.size - offset)
        if amount <= 0:
            return b""
        try:
            piece = self._read(offset, amount)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            failure = TransferError(f"{self.field} could not be read: {reason}.")
            failure.retryable = False
            raise failure from None
        if len(piece) < amount:
            failure = TransferError(f"{self.field} became shorter while it was being read.")
            failure.retryable = False
            raise failure
        return piece

    def sha256(self, cancelled: Callable[[], bool] | None = None) -> str:
        """The SHA-256 of the content in hex, read in pieces."""
        digest = hashlib.sha256()
        offset = 0
        while offset < self.size:
            if cancelled is not None and cancelled():
                raise TransferError(f"Reading {self.field} was given up.")
            piece = self.read_at(offset, PIECE)
            digest.update(piece)
            offset += len(piece)
        return digest.hexdigest()

    def close(self) -> None:
        """Closes what was opened here; a file that the user opened stays open."""
        close, self._close = self._close, None
        if close is not None:
            with contextlib.suppress(OSError):
                close()


def content_type(source: Source, slot: str) -> str | None:
    """The type to declare for an input: by its first bytes, else by its file name, else None (unknown).

    Args:
        source: The input.
        slot: Upload slot, such as `startingImage`; some containers hold sound or video, and the slot decides.
    """
    from .._rules import sniff

    use = next((use for start, use in _USES if slot.startswith(start)), "image")
    found = sniff.content_type(source.head, use)
    if found is not None or source.filename is None:
        return found
    guess, encoding = _TYPES.guess_type(source.filename)
    return guess if guess is not None and encoding is None and guess.startswith(_MEDIA) else None


def open_source(
    value: object,
    field: str,
    *,
    http: Http | None = None,
    deadline: Deadline | None = None,
    limit: int = FETCH_LIMIT,
) -> Source:
    """Opens an input of any kind that `MediaInput` lists, `True` excepted.

    Args:
        value: What the user gave.
        field: For which parameter; it is named in errors.
        http: Fetches https addresses; without it they are refused.
        deadline: For such a fetch.
        limit: Largest fetch, in bytes.
    Raises:
        ValidationError: it cannot be read, is empty, or is no input at all.
        TransportError: an https address could not be fetched.
    """
    source = _open(value, field, http, deadline or Deadline(None), limit)
    if source.size == 0:
        source.close()
        raise _refusal(field, "is empty", value if isinstance(value, (str, os.PathLike)) else None)
    return source


def _open(value: object, field: str, http: Http | None, deadline: Deadline, limit: int) -> Source:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _from_memory(value, field)
    if isinstance(value, str):
        if _ADDRESS.match(value):
            return _from_address(value.strip(), field, http, deadline, limit)
        return _from_path(value, field)
    if isinstance(value, os.PathLike):
        return _from_path(value, field)
    if callable(getattr(value, "open_waiting", None)):
        # A result of ours. Its `read` and `open` may be awaitables; here we are on a thread that may wait.
        return _from_file(value.open_waiting(), field, owned=True)  # type: ignore[attr-defined]
    if callable(getattr(value, "read", None)):
        return _from_file(value, field, owned=False)
    if all(hasattr(value, name) for name in ("save", "mode", "size")):
        return _from_picture(value, field)
    if callable(getattr(value, "open", None)):
        return _from_openable(value, field)
    raise _refusal(
        field,
        f"cannot be a {type(value).__name__}",
        allowed="a path, bytes, a binary file, a Pillow image, a Result or an https address",
    )


def _from_memory(value: bytes | bytearray | memoryview, field: str) -> Source:
    view = memoryview(value)
    try:
        view = view.cast("B")
    except TypeError:  # not contiguous: the only case that needs a copy
        view = memoryview(view.tobytes())
    return Source(field, view.nbytes, lambda offset, amount: view[offset : offset + amount], close=view.release)


def _from_path(value: str | os.PathLike[Any], field: str) -> Source:
    shown: object = value
    path: str | bytes = ""
    try:
        path = os.path.expanduser(os.fspath(value))
        # Unbuffered: pieces are large, and a buffer would only copy them.
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - the Source closes it
    except FileNotFoundError:
        problem = f"does not exist: {shown}"
    except OSError as error:
        # What the system says about opening a folder differs.
        reason = error.strerror or type(error).__name__
        problem = f"is a folder: {shown}" if os.path.isdir(path) else f"cannot be read ({reason}): {shown}"
    except ValueError:
        problem = "is not a path"
    else:
        name = os.path.basename(os.fsdecode(path))
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return _from_seekable(file, field, start=0, filename=name, owned=True)
        with file:  # a pipe or a device
            return _spooled(file.read, field, filename=name)
    raise _refusal(field, problem, shown)


def _from_file(file: Any, field: str, *, owned: bool) -> Source:
    name = getattr(file, "name", None)
    filename = os.path.basename(name) if isinstance(name, str) else None
    if isinstance(file, io.TextIOBase) or _first(file, field, 0) == "":
        raise _refusal(field, "is a file in text mode", allowed="a file opened with 'rb'")
    try:
        start = file.tell() if _is_seekable(file) else None
    except (OSError, ValueError, AttributeError):
        start = None
    if start is not None:
        return _from_seekable(file, field, start=start, filename=filename, owned=owned)
    try:
        return _spooled(lambda amount: _first(file, field, amount), field, filename=filename)
    finally:
        if owned:
            file.close()


def _from_seekable(file: Any, field: str, *, start: int, filename: str | None, owned: bool) -> Source:
    lock = threading.Lock() if owned else _users_files

    def read(offset: int, amount: int) -> bytes:
        pieces = []
        with lock:
            file.seek(start + offset)
            while amount > 0 and (piece := file.read(amount)):
                pieces.append(piece)
                amount -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    with lock:
        file.seek(0, os.SEEK_END)  # what it returns differs between wrappers
        size = max(0, file.tell() - start)
        file.seek(start)
    source = Source(field, size, read, filename=filename, close=file.close if owned else None)
    if not owned:
        with lock:
            file.seek(start)
    return source


def _from_picture(image: Any, field: str) -> Source:
    spool = _spool()
    try:
        if image.mode not in _PNG_MODES:
            image = image.convert(_CONVERTED.get(image.mode, "RGB"))
        image.save(spool, format="PNG")
    except (OSError, ValueError, AttributeError, KeyError) as error:
        spool.close()
        problem = f"is a picture that cannot be encoded ({type(error).__name__})"
    else:
        return _from_seekable(spool, field, start=0, filename=None, owned=True)
    raise _refusal(field, problem)


def _from_openable(value: Any, field: str) -> Source:
    file = value.open()
    if not callable(getattr(file, "read", None)):
        if callable(getattr(file, "close", None)):
            file.close()  # an awaitable that nobody will await
        raise _refusal(field, f"opens as a {type(file).__name__}", allowed="an object whose open() gives a binary file")
    return _from_file(file, field, owned=True)


# --- https addresses ------------------------------------------------------------------------------------------------


def _from_address(url: str, field: str, http: Http | None, deadline: Deadline, limit: int) -> Source:
    if http is None or not url.lower().startswith("https://"):
        raise _refusal(
            field, f"cannot be this address: {auth.redact(url[:100])}", allowed="a path, or an https address"
        )
    client = http
    spool, name = client.retry(lambda: _fetch(client, url, field, deadline, limit), deadline)
    return _from_seekable(spool, field, start=0, filename=name, owned=True)


def _fetch(http: Http, url: str, field: str, deadline: Deadline, limit: int) -> tuple[Any, str]:
    answer = _follow(http, url, field, deadline)
    spool = _spool()
    try:
        length = header(answer.headers, "content-length") or ""
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
        while size <= limit and (piece := answer.read(PIECE)):
            spool.write(piece)
            size = max(size, spool.tell())
        if size > limit:
            raise _refusal(field, f"is larger than {limit // 2**20} MiB: {auth.place(url)}")
    except BaseException:
        spool.close()
        raise
    finally:
        answer.close()
    return spool, os.path.basename(urlsplit(url).path)


def _follow(http: Http, url: str, field: str, deadline: Deadline) -> Answer:
    """The answer behind a few redirects, each of which has to be encrypted as well; nothing of ours goes along."""
    for _ in range(_REDIRECTS + 1):
        answer = http.signed("GET", _encoded(url, field), deadline=deadline)
        if answer.status == 200:
            return answer
        answer.close()
        target = header(answer.headers, "location")
        if answer.status not in (301, 302, 303, 307, 308) or not target:
            raise _refusal(
                field, f"could not be fetched from {auth.place(url)}: {phrase(answer.status, answer.reason)}"
            )
        try:
            url = urljoin(url, target)
        except ValueError:
            break
    raise _refusal(field, f"could not be fetched from {auth.place(url)}: it points elsewhere too often")


def _encoded(url: str, field: str) -> str:
    """The address as it goes over the network: international names and spaces encoded."""
    from requests import PreparedRequest, RequestException

    request = PreparedRequest()
    problem = "is not an address"
    try:
        parts = urlsplit(url)
        if parts.scheme.lower() == "https" and "@" not in parts.netloc:
            request.prepare_url(url, None)
            return request.url or url
        problem = f"cannot be fetched from {auth.place(url)}"
    except (RequestException, ValueError):
        pass
    raise _refusal(field, problem, allowed="an https address without a password")


# --- helpers --------------------------------------------------------------------------------------------------------


def _spool() -> Any:
    return tempfile.SpooledTemporaryFile(max_size=_SPOOL)


def _spooled(read: Callable[[int], Any], field: str, *, filename: str | None) -> Source:
    """What cannot be rewound, copied to a temporary file."""
    spool = _spool()
    try:
        while piece := read(PIECE):
            spool.write(piece)
    except BaseException:
        spool.close()
        raise
    return _from_seekable(spool, field, start=0, filename=filename, owned=True)


def _first(file: Any, field: str, amount: int) -> Any:
    """A read of a user's file that answers in our errors."""
    try:
        piece = file.read(amount)
    except (OSError, ValueError) as error:
        reason = "it is closed" if getattr(file, "closed", False) else type(error).__name__
    else:
        if isinstance(piece, (bytes, bytearray, memoryview)) or (piece == "" and amount == 0):
            return piece
        if callable(getattr(piece, "close", None)):
            piece.close()  # an awaitable that nobody will await
        reason = f"read() gives {type(piece).__name__}"
    raise _refusal(field, f"is a file that cannot be read: {reason}", allowed="a binary file open for reading")


def _is_seekable(file: Any) -> bool:
    seekable = getattr(file, "seekable", None)
    # Some wrappers of temporary files have no `seekable` before Python 3.11, but can seek.
    return bool(seekable()) if callable(seekable) else hasattr(file, "seek")


def _refusal(field: str, problem: str, value: object = None, *, allowed: str | None = None) -> ValidationError:
    message = f"{field} {problem}." + (f" It takes {allowed}." if allowed else "")
    return ValidationError(problems=[Problem(field, message, value=value, allowed=allowed)])
