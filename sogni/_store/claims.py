"""One order at a time under one key: locks between the threads, and where it can be the processes, of a machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

# Locks are shared by the ids that begin alike, so that their number is bounded.
_DIGITS = 2

_locks: dict[str, threading.Lock] = {}


class Claim:
    """The right to order under an id, until it is released; a claim that is dropped releases itself."""

    def __init__(self, release: Callable[[], object]) -> None:
        self._release: Callable[[], object] | None = release

    def release(self) -> None:
        """Give it back; may be called again."""
        release, self._release = self._release, None
        if release is not None:
            release()

    __del__ = release


def claim(project_id: str, folder: Path | None, timeout: float | None) -> Claim | None:
    """Wait for the claim; None when the time was up.

    Args:
        folder: Where other processes look, too; None claims within this process only.
        timeout: Seconds; None waits without limit.
    Raises:
        OSError: the folder cannot be used.
    """
    place = project_id[:_DIGITS]
    if folder is None:
        lock = _locks.setdefault(place, threading.Lock())
        return Claim(lock.release) if lock.acquire(timeout=-1 if timeout is None else timeout) else None
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = FileLock(folder / f"{place}.lock", timeout=-1 if timeout is None else timeout, thread_local=False)
    try:
        file.acquire(poll_interval=0.05)
    except Timeout:
        return None
    return Claim(file.release)


def reset_after_fork() -> None:
    """In a forked child: a thread of the parent may have held any of them."""
    _locks.clear()
