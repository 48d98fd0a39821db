"""What the process does to clients: fork, and exit with some left open."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from .._store import app_ids, claims

T = TypeVar("T")


class Living(Protocol):
    """An engine, as far as this module cares."""

    def close(self) -> None: ...
    def after_fork(self) -> None: ...


_living: weakref.WeakSet[Living] = weakref.WeakSet()
_hooked = False


def register(engine: Living) -> None:
    """Look after an engine from now on; called when it is first used and has found its place."""
    global _hooked
    _living.add(engine)
    # Last come, first served: what a client has started, such as a sandbox with its folder, must not go before it.
    atexit.unregister(_close_all)
    atexit.register(_close_all)
    if not _hooked:
        _hooked = True
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_after_fork)


class Shared(Generic[T]):
    """One object for the whole process, made when it is first needed, whichever thread needs it.

    Args:
        make: Makes it; must not wait.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._value: T | None = None

    def get(self) -> T:
        """The object."""
        if self._value is None:
            register(self)
        with self._lock:
            if self._value is None:
                self._value = self._make()
            return self._value

    def replace(self, value: T | None) -> T | None:
        """Puts another one in its place, or none until one is needed; returns the one so far, if there was any."""
        register(self)
        with self._lock:
            former, self._value = self._value, value
            return former

    def close(self) -> None:
        """At exit: what it holds looks after itself."""

    def after_fork(self) -> None:
        """In a forked child: a thread of the parent may have held the lock."""
        self._lock = threading.Lock()


def _close_all() -> None:
    for engine in tuple(_living):
        engine.close()


def _after_fork() -> None:
    app_ids.reset_after_fork()
    claims.reset_after_fork()
    for engine in tuple(_living):
        engine.after_fork()
