"""One request at a time for the same thing, shared by every thread that asks for it, and remembered for a while."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar, cast

from .._deadline import Deadline
from ..errors import SogniError, WaitTimeout
from .waiting import copy_error, wait_for

T = TypeVar("T")

# Keys are ids that callers choose; what has run out is thrown away before the table grows beyond this.
_MANY = 256


class _Flight(Generic[T]):
    """A fetch under way: one thread leads, the others wait for `landed`."""

    __slots__ = ("arrived", "error", "landed", "value")

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.arrived = False
        self.value: T | None = None
        self.error: Exception | None = None


class Flights:
    """Values by key: fetched once for all who ask at the same time, kept for as long as the caller allows.

    A failed fetch is never kept. Its error is raised in every thread that waited for it; a leader that merely ran out
    of its own time, or was interrupted, hands over to the next waiter instead.

    Args:
        clock: Seconds.
        own: Errors that say something about the leader only.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, own: tuple[type[SogniError], ...] = (WaitTimeout,)
    ) -> None:
        self._clock = clock
        self._own = own
        self._lock = threading.Lock()
        self._values: dict[Hashable, tuple[float, object]] = {}
        self._flights: dict[Hashable, _Flight[object]] = {}

    def get(
        self,
        key: Hashable,
        ttl: float,
        fetch: Callable[[], T],
        *,
        force: bool = False,
        deadline: Deadline | None = None,
        detach: bool = False,
    ) -> T:
        """The value of `key`: remembered, or what the fetch that is under way brings, or fetched now.

        Args:
            key: What is asked for.
            ttl: Seconds that a fetched value stays good; 0 shares a fetch without keeping its value.
            fetch: Brings the value; runs in one of the threads that ask, outside of any lock.
            force: Ignore what is remembered. A fetch that is under way is fresh enough.
            deadline: How long this caller waits for another thread's fetch.
            detach: The fetch must not end with the caller's deadline; where there is one, it gets a thread of its own.
        Raises:
            WaitTimeout: the deadline passed while another thread was fetching.
        """
        while True:
            with self._lock:
                if not force and (kept := self._values.get(key)) is not None and kept[0] > self._clock():
                    return cast("T", kept[1])
                flight = cast("_Flight[T] | None", self._flights.get(key))
                leads = flight is None
                if flight is None:
                    flight = _Flight()
                    self._flights[key] = cast("_Flight[object]", flight)
            if leads:
                if not detach or deadline is None or deadline.at is None:
                    return self._lead(key, ttl, fetch, flight)
                self._lead_elsewhere(key, ttl, fetch, flight)
            if not wait_for(flight.landed, deadline):
                raise (deadline or Deadline(None)).error("an answer that another thread asked for")
            if flight.arrived:
                return cast("T", flight.value)
            if isinstance(flight.error, SogniError):
                raise copy_error(flight.error)
            if flight.error is not None:
                raise flight.error
            # The leader ran out of its own time or was interrupted, which says nothing about us: try again.

    def _lead(self, key: Hashable, ttl: float, fetch: Callable[[], T], flight: _Flight[T]) -> T:
        try:
            value = flight.value = fetch()
            flight.arrived = True
            return value
        except SogniError as error:
            if not isinstance(error, self._own):
                # Without a traceback, which would keep the leader's frames alive.
                flight.error = copy_error(error)
            raise
        except Exception as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                # Cleared meanwhile: whoever waited still gets the value, but nobody later does.
                if self._flights.get(key) is flight:
                    del self._flights[key]
                    if flight.arrived and ttl > 0:
                        self._keep(key, ttl, flight.value)
            flight.landed.set()

    def _lead_elsewhere(self, key: Hashable, ttl: float, fetch: Callable[[], T], flight: _Flight[T]) -> None:
        def run() -> None:
            # Whoever waits raises the error.
            with contextlib.suppress(Exception):
                self._lead(key, ttl, fetch, flight)

        threading.Thread(target=run, name="sogni-flight", daemon=True).start()

    def _keep(self, key: Hashable, ttl: float, value: object) -> None:
        now = self._clock()
        if len(self._values) >= _MANY:
            self._values = {name: kept for name, kept in self._values.items() if kept[0] > now}
        if len(self._values) < _MANY * 4:
            self._values[key] = (now + ttl, value)

    def peek(self, key: Hashable) -> object | None:
        """The remembered value, or None; never fetches."""
        with self._lock:
            kept = self._values.get(key)
            return kept[1] if kept is not None and kept[0] > self._clock() else None

    def clear(self) -> None:
        """Forgets everything; what is under way still reaches those who wait for it, and is not kept."""
        with self._lock:
            self._values.clear()
            self._flights.clear()

    def reset_after_fork(self) -> None:
        """In a forked child: the values stay good, the threads that were fetching are gone."""
        self._lock = threading.Lock()
        self._flights = {}
