"""The ordered log and the submissions, shared between the server's thread and the threads that watch it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TypeVar

import attrs

from .records import LogEntry, LogKind, Submission

T = TypeVar("T")

#: Entries kept; beyond that the oldest half goes, so that a sandbox may serve for days.
LIMIT = 400_000
#: How far back `latest` looks.
LATEST = 5000

# Seconds after which a condition is looked at again although nothing has happened in the sandbox itself.
_ELSEWHERE = 0.1


class Journal:
    """Everything that happened, with a condition variable to wait on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: list[LogEntry] = []
        self._dropped = 0
        self._revision = 0
        self._submissions: list[Submission] = []

    @property
    def entries(self) -> list[LogEntry]:
        """A copy, oldest first."""
        with self._changed:
            return list(self._entries)

    @property
    def submissions(self) -> list[Submission]:
        """A copy, oldest first."""
        with self._changed:
            return list(self._submissions)

    @property
    def revision(self) -> int:
        """A number that grows with every change."""
        with self._changed:
            return self._revision

    def latest(self, kind: LogKind, count: int) -> list[LogEntry]:
        """The newest entries of a kind, newest first, as far as they are not far back."""
        with self._changed:
            recent = self._entries[-LATEST:]
        return list(itertools.islice((entry for entry in reversed(recent) if entry.kind == kind), count))

    def add(self, kind: LogKind, **fields: object) -> int:
        """Append an entry; the number returned is for `amend`."""
        entry = LogEntry(kind=kind, time=datetime.now(timezone.utc), **fields)  # type: ignore[arg-type]
        with self._changed:
            if len(self._entries) >= LIMIT:
                del self._entries[: LIMIT // 2]
                self._dropped += LIMIT // 2
            self._entries.append(entry)
            self._touch()
            return self._dropped + len(self._entries) - 1

    def amend(self, number: int, **changes: object) -> None:
        """Replace an entry by a copy with changes, such as the status of its answer."""
        with self._changed:
            index = number - self._dropped
            if 0 <= index < len(self._entries):
                self._entries[index] = attrs.evolve(self._entries[index], **changes)  # type: ignore[arg-type]
            self._touch()

    def submit(self, submission: Submission) -> None:
        """Append a submission, and its entry in the log."""
        with self._changed:
            self._submissions.append(submission)
        self.add(
            "submission",
            connection=submission.connection,
            app_id=submission.app_id,
            detail=f"{submission.outcome} {submission.project_id}",
        )

    def touch(self) -> None:
        """Something that is no entry changed: let the waiters look again."""
        with self._changed:
            self._touch()

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._dropped += len(self._entries)
            self._entries.clear()
            self._submissions.clear()
            self._touch()

    def wait_for(self, predicate: Callable[[], T], timeout: float) -> T:
        """Block until the predicate gives something true.

        It runs without the lock, after every change, and now and then for what changes elsewhere, such as in a client.
        """
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                seen = self._revision
            if value := predicate():
                return value
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"not true within {timeout:g} s; the log ends with:\n{self._tail()}")
            with self._changed:
                if self._revision == seen:
                    self._changed.wait(min(left, _ELSEWHERE))

    def _touch(self) -> None:
        self._revision += 1
        self._changed.notify_all()

    def _tail(self, count: int = 8) -> str:
        lines = []
        for entry in self.entries[-count:]:
            shown = attrs.asdict(entry, filter=lambda a, v: v is not None and a.name not in ("time", "headers"))
            lines.append("  " + " ".join(f"{name}={str(value)[:80]}" for name, value in shown.items()))
        return "\n".join(lines) or "  (nothing)"
