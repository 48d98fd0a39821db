"""The engine's own REST, one errand after another on a thread that lives while there is something to do."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from . import threads

log = logging.getLogger("sogni.errands")


class Errands:
    """Runs functions in order, never on the thread that asks.

    Equal keys that wait are run once: a newer request for the same thing changes nothing.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._waiting: deque[tuple[object, Callable[[], None]]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.stopping = threading.Event()

    def run(self, key: object, errand: Callable[[], None]) -> None:
        """Run `errand` soon."""
        with self._lock:
            if self._closed or any(known == key for known, _ in self._waiting):
                return
            self._waiting.append((key, errand))
            if self._thread is not None:
                return
            thread = self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        # At the end of the interpreter no threads are started any more, and nobody is left to run errands for.
        with suppress(RuntimeError):
            threads.start(thread, self._forget_all)

    def _forget_all(self) -> None:
        with self._lock:
            self._thread = None
            self._waiting.clear()

    def close(self, timeout: float) -> None:
        """Drop what waits and give the errand that runs a moment to end."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            thread = self._thread
        self.stopping.set()
        threads.join(thread, timeout)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                _, errand = self._waiting.popleft()
            try:
                errand()
            except Exception:
                log.exception("an errand failed")
            # The closure holds the engine; it must not while this thread ends.
            del errand
