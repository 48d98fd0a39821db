"""Sending files to signed URLs: large pieces, several at once, again from the start where that helps."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._deadline import Deadline
from ..errors import ClosedError, ConnectionLost, SogniError
from .exchange import PIECE, bare
from .source import Source
from .store import (
    ALREADY_THERE,
    Cancelled,
    ExpiredUrl,
    GivenUp,
    Meter,
    Progress,
    log,
    refusal,
    worth_another_try,
)
from .waiting import wait_for

if TYPE_CHECKING:
    from .http import Answer, Http

T = TypeVar("T")


def send(
    http: Http,
    sign: Callable[[], str],
    source: Source,
    content_type: str | None,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    deadline: Deadline | None = None,
) -> None:
    """Uploads to the URL that `sign` gives, and once more to a new one if the first has run out meanwhile.

    Args:
        http: The client's HTTP.
        sign: Asks for a signed URL.
        source: What to send.
        content_type: The type that was signed, or None when none was.
        progress: Told about real bytes.
        cancelled: Asked before each piece.
        deadline: When to give up.
    """
    failure: SogniError
    for again in (True, False):
        try:
            upload(http, sign(), source, content_type, progress, cancelled, deadline)
            return
        except SogniError as error:
            # The frames below hold the signed address.
            failure = bare(error)
        if not (again and isinstance(failure, ExpiredUrl)):
            break
        log.debug("a signed upload address had run out")
    raise failure


def upload(
    http: Http,
    signed_url: str,
    source: Source,
    content_type: str | None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    deadline: Deadline | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Sends a file to a signed URL; again from its start when the connection breaks or the store is busy.

    Args:
        http: The client's HTTP.
        signed_url: Where to.
        source: What to send.
        content_type: The type that was signed; with None no type is sent.
        progress: Told about real bytes.
        cancelled: Asked before each piece.
        deadline: When to give up.
        headers: Exactly these headers, where the signature covers them, instead of the content type.
    Raises:
        ExpiredUrl: the URL is not good any more.
        ApiError: the store refused.
        TransferError: the file cannot be read any more, or sending was given up.
        TransportError: no connection.
    """
    until = deadline or Deadline(None)
    tell = Meter(progress, source.size)
    fixed = dict(headers) if headers is not None else ({"Content-Type": content_type} if content_type else {})

    def attempt() -> None:
        _put(http, signed_url, _Body(source, tell, cancelled), fixed, until)

    http.retry(attempt, until, again=worth_another_try)
    tell(source.size)


def _put(http: Http, url: str, body: _Body, headers: Mapping[str, str], deadline: Deadline) -> None:
    lost: SogniError | None = None
    answer: Answer | None = None
    try:
        # Never chunked: the signature does not cover it.
        answer = http.signed(
            "PUT", url, headers={**headers, "Content-Length": str(len(body))}, body=body, deadline=deadline
        )
    except SogniError as error:
        lost = error
    if body.failure is not None or answer is None:
        raise body.failure or lost or ConnectionLost("The upload broke.")
    refused = refusal(answer, "upload")
    if refused is not None:
        raise refused
    if answer.status != ALREADY_THERE and not body.is_sent:
        raise ConnectionLost("The media store answered before it had the whole file.")


class _Body:
    """A source as the body of one request: large pieces, whatever amount is asked for, and errors kept for later.

    The library would take an error of the file for one of the network, so it is kept here and raised afterwards.
    """

    def __init__(self, source: Source, tell: Meter, cancelled: Cancelled | None) -> None:
        self._source = source
        self._tell = tell
        self._cancelled = cancelled
        self._offset = 0
        self.failure: Exception | None = None

    def __len__(self) -> int:
        return self._source.size

    def __iter__(self) -> Iterator[bytes | memoryview]:
        return iter(lambda: self.read(PIECE), b"")

    @property
    def is_sent(self) -> bool:
        """True when everything was handed over."""
        return self._offset >= self._source.size

    def read(self, amount: int = -1) -> bytes | memoryview:
        """The next piece; the amount asked for is too small to be worth following."""
        self._tell(self._offset)
        try:
            if self._cancelled is not None and self._cancelled():
                raise GivenUp("The upload was given up.")
            piece = self._source.read_at(self._offset, max(amount, PIECE))
        except Exception as error:
            self.failure = error
            raise
        self._offset += len(piece)
        return piece


class UploadPool:
    """A few threads that run jobs side by side; they start with the first job and end with the last one."""

    def __init__(self, size: int = 4, name: str = "sogni-upload") -> None:
        self._size = size
        self._name = name
        self._closed = False
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """In a forked child: the threads are the parent's."""
        self._lock = threading.Lock()
        self._queue: deque[tuple[_Batch[Any], int, Callable[[Cancelled], Any]]] = deque()
        self._batches: set[_Batch[Any]] = set()
        self._threads: dict[int, threading.Thread] = {}

    def run(self, jobs: Sequence[Callable[[Cancelled], T]], deadline: Deadline | None = None) -> list[T]:
        """Runs the jobs and returns what they return, in their order. The first failure stops the others.

        Args:
            jobs: Each is given a function that tells whether it shall stop.
            deadline: When to give up.
        Raises:
            WaitTimeout: the deadline came first; jobs under way stop at their next piece.
            ClosedError: the pool was closed.
        """
        if not jobs:
            return []
        batch: _Batch[T] = _Batch(len(jobs))
        with self._lock:
            if self._closed:
                raise ClosedError("The client is closed.")
            self._batches.add(batch)
            self._queue.extend((batch, index, job) for index, job in enumerate(jobs))
            self._start_threads()
        try:
            if not wait_for(batch.decided, deadline):
                raise (deadline or Deadline(None)).error("uploads")
            if batch.failure is not None:
                raise batch.failure
            return batch.results()
        except BaseException:
            self._drop(batch)
            # So that the inputs can be closed: each job looks up before its next piece.
            batch.finished.wait(1.0)
            raise
        finally:
            with self._lock:
                self._batches.discard(batch)

    def _start_threads(self) -> None:
        free = [number for number in range(1, self._size + 1) if number not in self._threads]
        for number in free[: len(self._queue)]:
            thread = threading.Thread(target=self._work, args=(number,), name=f"{self._name}-{number}", daemon=True)
            self._threads[number] = thread
            thread.start()

    def _work(self, number: int) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._threads.pop(number, None)
                    return
                batch, index, job = self._queue.popleft()
            batch.do(index, job)
            del batch, job  # an idle thread keeps nobody's files

    def _drop(self, batch: _Batch[Any]) -> None:
        batch.stopped = True
        with self._lock:
            kept = [entry for entry in self._queue if entry[0] is not batch]
            dropped = len(self._queue) - len(kept)
            self._queue = deque(kept)
        batch.count_down(dropped)

    def close(self, timeout: float = 2.0) -> None:
        """Stops everything: whoever waits gets a ClosedError, threads end at their next piece."""
        with self._lock:
            self._closed = True
            batches, threads = list(self._batches), list(self._threads.values())
        for batch in batches:
            batch.fail(ClosedError("The client was closed."))
            self._drop(batch)
        end = Deadline(timeout)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(end.remaining())


class _Batch(Generic[T]):
    """The jobs of one `run`: `decided` once its outcome is known, `finished` once none is under way."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._left = count
        self._results: dict[int, T] = {}
        self.failure: BaseException | None = None
        self.stopped = False
        self.decided = threading.Event()
        self.finished = threading.Event()

    def results(self) -> list[T]:
        return [self._results[index] for index in sorted(self._results)]

    def do(self, index: int, job: Callable[[Cancelled], T]) -> None:
        try:
            if not self.stopped:
                self._results[index] = job(lambda: self.stopped)
        except BaseException as error:
            self.fail(error)
        finally:
            self.count_down(1)

    def fail(self, error: BaseException) -> None:
        with self._lock:
            if self.failure is None:
                self.failure = error
        self.stopped = True
        self.decided.set()

    def count_down(self, count: int) -> None:
        with self._lock:
            self._left -= count
            if self._left > 0:
                return
        self.finished.set()
        self.decided.set()
