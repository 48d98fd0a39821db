"""What uploads and downloads share: how the media store says no, and how progress is told."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable

from .._protocol.answers import header, phrase, wait_hint
from ..errors import ApiError, ConnectFailed, ConnectionLost, RateLimited, ServerError, SogniError, TransferError
from .exchange import Answer

log = logging.getLogger("sogni.media")

Progress = Callable[[int, "int | None"], object]
"""Called with the bytes done and the bytes in all (None when not known)."""
Cancelled = Callable[[], bool]
"""Asked before each piece; True stops the transfer."""

ALREADY_THERE = 412

_EXPIRED = frozenset((401, 403, 410))
_BUSY = frozenset((408, 425, 429, 500, 502, 503, 504))
_ERROR_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9_.-]{1,64})\s*</Code>")
_LARGEST_REFUSAL = 64 * 1024


class GivenUp(TransferError):
    """The transfer was stopped because nobody needs it any more."""

    retryable = False


class ExpiredUrl(ApiError):
    """A signed URL is not good any more. Whoever signed it may do so once more; if it comes again, it is the error."""


class Meter:
    """Tells about progress, never backwards, and survives what it tells."""

    def __init__(self, progress: Progress | None, total: int | None) -> None:
        self._progress = progress
        self._best = -1
        self.total = total

    def __call__(self, done: int) -> None:
        if self._progress is None or done <= self._best:
            return
        self._best = done
        try:
            self._progress(done, self.total)
        except Exception:
            log.exception("a progress callback raised; it is not called again for this file")
            self._progress = None


def refusal(answer: Answer, verb: str) -> ApiError | None:
    """Reads the answer to its end and closes it; the error for a refusal.

    The store's own text is not shown: it repeats signatures.
    """
    body = b""
    with contextlib.closing(answer), contextlib.suppress(SogniError):
        body = answer.read_all(_LARGEST_REFUSAL)
    status = answer.status
    if 200 <= status < 300 or (status == ALREADY_THERE and verb == "upload"):
        return None
    found = _ERROR_CODE.search(body)
    word = found.group(1).decode("ascii") if found else None
    message = f"The media store refused the {verb}: {phrase(status, answer.reason)}{f' ({word})' if word else ''}."
    if status in _EXPIRED or (status == 400 and word == "ExpiredToken"):
        return ExpiredUrl(message, status=status, error_code=word, hint="The address has run out; ask for a new one.")
    if status == 404:
        return ApiError(message, status=404, error_code=word, hint="Media are deleted 24 hours after they were made.")
    kind = RateLimited if status == 429 else ServerError if status >= 500 else ApiError
    wait = wait_hint(None, header(answer.headers, "retry-after"), now=time.time())
    return kind(message, status=status, error_code=word, retry_after=wait)


def worth_another_try(error: SogniError) -> bool:
    """Whether a transfer may succeed if it is tried again; sending or fetching the same file twice does no harm."""
    if isinstance(error, ApiError):
        return error.status in _BUSY
    return isinstance(error, (ConnectFailed, ConnectionLost)) and error.retryable
