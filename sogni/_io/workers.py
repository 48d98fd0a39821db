"""A few daemon threads that run functions, started on demand."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Workers:
    """At most `limit` threads; work beyond that waits its turn.

    The threads are daemons, so that a process can end while a slow answer is still awaited.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def run(self, work: Callable[[], None]) -> None:
        """Run `work`, which must not raise, on one of the threads."""
        with self._lock:
            self._waiting.put(work)
            if self._closed or self._idle > 0:
                self._idle -= not self._closed
                return
            if len(self._threads) >= self._limit:
                return
            thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads) + 1}", daemon=True)
            self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """End the threads after what waits already; does not wait for them."""
        with self._lock:
            self._closed = True
            for _ in self._threads:
                self._waiting.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the threads to end, at most `timeout` seconds for each."""
        for thread in tuple(self._threads):
            if thread is not threading.current_thread():
                thread.join(timeout)

    def _work(self) -> None:
        while True:
            work = self._waiting.get()
            if work is None:
                return
            work()
            # The closure may hold a client, which must be free to go while this thread sleeps.
            del work
            with self._lock:
                if self._waiting.empty():
                    self._idle += 1
