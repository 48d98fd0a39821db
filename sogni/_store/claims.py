"""One order at a time under one key: turns between the callers of a process, and a lock between the processes.

Nobody waits in here: who has to wait is called when its turn comes, and asks for the lock again after a while.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

# Turns and locks are shared by the ids that begin alike, so that the number of files is bounded.
_DIGITS = 2

_lock = threading.RLock()
_queues: dict[str, deque[Claim]] = {}
# One object for each file, because the library takes a second one in the same thread for a mistake.
_files: dict[Path, BaseFileLock] = {}


class Claim:
    """A place in the queue for the right to order under an id; whoever is first has its turn.

    Args:
        project_id: The id.
        folder: Where other processes look, too; None claims within this process only.
        granted: Called once, from any thread, when the turn has come.
    """

    def __init__(self, project_id: str, folder: Path | None, granted: Callable[[], object]) -> None:
        self._place = project_id[:_DIGITS]
        self._folder = folder
        self._granted = granted
        self._file: BaseFileLock | None = None
        self._holders = 1
        with _lock:
            queue = _queues.setdefault(self._place, deque())
            queue.append(self)
            is_first = queue[0] is self
        if is_first:
            granted()

    def lock_file(self) -> bool:
        """Lock out the other processes; False when one of them has the lock now. Only for whoever has its turn.

        Raises:
            OSError: the folder cannot be used.
        """
        if self._folder is None:
            return True
        from filelock import FileLock, Timeout

        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{self._place}.lock"
        with _lock:
            file = _files.get(path) or _files.setdefault(path, FileLock(path, thread_local=False))
        try:
            file.acquire(blocking=False)
        except Timeout:
            return False
        with _lock:
            if self._holders:
                self._file = file
                return True
        # Given up while this went on.
        file.release()
        return False

    def keep(self) -> None:
        """One more holder: what goes on in another thread outlasts whoever began it."""
        with _lock:
            self._holders += 1

    def release(self) -> None:
        """One holder less; the last one gives the turn to the next in the queue."""
        with _lock:
            self._holders = max(0, self._holders - 1)
            if self._holders:
                return
            queue = _queues.get(self._place, deque())
            was_first = bool(queue) and queue[0] is self
            if self in queue:
                queue.remove(self)
            following = queue[0] if was_first and queue else None
            if not queue:
                _queues.pop(self._place, None)
            file, self._file = self._file, None
        if file is not None:
            file.release()
        if following is not None:
            following._granted()


def reset_after_fork() -> None:
    """In a forked child: turns and locks are the parent's."""
    global _lock
    _lock = threading.RLock()
    _queues.clear()
    _files.clear()
