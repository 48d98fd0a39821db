"""A few daemon threads that run functions: started on demand, gone when idle for a while."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable

IDLE = 5.0  # seconds a thread waits for more work before it ends


class Workers:
    """At most `limit` threads; work beyond that waits its turn.

    The threads are daemons, so that a process can end while a slow answer is still awaited.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = 0
        self._busy = 0
        self._closed = False

    def run(self, work: Callable[[], None]) -> None:
        """Run `work`, which must not raise, on one of the threads; after `close` on a thread of its own."""
        if self._pid != os.getpid():
            # The threads that are counted here stayed with the parent of a fork.
            self._begin()
        with self._lock:
            if self._closed:
                threading.Thread(target=work, name=self._name, daemon=True).start()
                return
            self._waiting.put(work)
            self._busy += 1
            if self._threads >= min(self._busy, self._limit):
                return
            self._threads += 1
            number = self._threads
        threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()

    def close(self) -> None:
        """Let the threads end after what waits already; does not wait for them."""
        with self._lock:
            self._closed = True
            for _ in range(self._threads):
                self._waiting.put(None)

    def _work(self) -> None:
        while True:
            try:
                work = self._waiting.get(timeout=IDLE)
            except queue.Empty:
                work = None
            if work is None:
                with self._lock:
                    # Work that came in at the last moment counts on this thread.
                    if self._waiting.empty() or self._closed:
                        self._threads -= 1
                        return
                continue
            work()
            # The closure may hold a client, which must be free to go while this thread sleeps.
            del work
            with self._lock:
                self._busy -= 1
