"""The queue between the connection thread and whoever waits: items stay until taken, a newer one may replace an unread.

Putting never blocks. Waiting is either a thread that sleeps in `get`, or anything that arms a waker with `poll`; at
most one waker is called per burst. All inboxes of a client share its one lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

Waker = Callable[[], None]


class Inbox:
    """Unread items in order, with wakers.

    Args:
        lock: The lock of the client. `put` and `fail` are called with it held, everything else without.
    """

    __slots__ = ("__weakref__", "_error", "_items", "lock", "_wakers")

    def __init__(self, lock: threading.Lock) -> None:
        self.lock = lock
        self._items: dict[Hashable, object] = {}
        self._wakers: list[Waker] | None = None
        self._error: BaseException | None = None

    def __len__(self) -> int:
        return len(self._items)

    # --- with the lock held -----------------------------------------------------------------------------------------

    def put(self, key: Hashable, item: object) -> Waker | None:
        """Add an item, or replace the unread one of the same key; the answer, if any, is to be called after the lock
        is released."""
        self._items[key] = item
        if self._wakers:
            return self._wakers.pop()
        return None

    def fail(self, error: BaseException) -> list[Waker]:
        """End the inbox: what is unread can still be taken, then every take raises `error`."""
        if self._error is None:
            self._error = error
        wakers, self._wakers = self._wakers or [], None
        return wakers

    # --- in a forked child, where the lock may be held for ever -------------------------------------------------------

    def abandon(self, error: BaseException) -> None:
        """End the inbox without asking for the lock."""
        self.lock = threading.Lock()
        self._error = error
        self._wakers = None

    # --- without it -------------------------------------------------------------------------------------------------

    def poll(self, waker: Waker | None) -> tuple[bool, object]:
        """(True, item), or (False, None) after arming `waker`, which is called once when there is something."""
        follower: Waker | None = None
        try:
            with self.lock:
                if self._items:
                    key = next(iter(self._items))
                    item = self._items.pop(key)
                    if self._items and self._wakers:
                        follower = self._wakers.pop()
                    return True, item
                if self._error is not None:
                    raise self._error
                if waker is not None:
                    if self._wakers is None:
                        self._wakers = []
                    self._wakers.append(waker)
                return False, None
        finally:
            if follower is not None:
                follower()

    def forget(self, waker: Waker) -> None:
        """Disarm a waker. If it was called already and its item is still here, the next waiter is told instead."""
        follower: Waker | None = None
        with self.lock:
            if self._wakers and waker in self._wakers:
                self._wakers.remove(waker)
            elif self._items and self._wakers:
                follower = self._wakers.pop()
        if follower is not None:
            follower()

    def get(self, timeout: float | None = None, slice_seconds: float | None = None) -> tuple[bool, object]:
        """(True, item) as soon as there is one, (False, None) when `timeout` seconds are over.

        Args:
            slice_seconds: Wake up this often while waiting, so that a signal is noticed.
        """
        gate = threading.Lock()
        gate.acquire()
        waker = gate.release
        found, item = self.poll(waker)
        if found:
            return True, item
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                self.forget(waker)
                return self.poll(None)
            pause = left if slice_seconds is None else slice_seconds if left is None else min(slice_seconds, left)
            try:
                woken = gate.acquire(timeout=-1 if pause is None else pause)
            except BaseException:
                self.forget(waker)
                raise
            if woken:
                # Another thread may have been quicker; then the wait goes on.
                found, item = self.poll(waker)
                if found:
                    return True, item
