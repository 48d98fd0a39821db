"""What the session wants to do later, by name; the clock is whoever asks."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any


class Timers:
    """Things to do, each at its time. Nothing is ever taken back: whoever is called looks whether it still matters."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str, Any]] = []
        self._count = 0

    def add(self, when: float, name: str, argument: Any) -> None:
        """Do `name` with `argument` at `when`."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, name, argument))

    @property
    def next_due(self) -> float | None:
        """When there is something to do next."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> Iterator[tuple[str, Any]]:
        """What has become due, in order, things added meanwhile included."""
        while self._heap and self._heap[0][0] <= now:
            _, _, name, argument = heapq.heappop(self._heap)
            yield name, argument
