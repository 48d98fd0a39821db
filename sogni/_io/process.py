"""What the process does to clients: fork, and exit with some left open."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol

from .._store import app_ids, claims


class Living(Protocol):
    """An engine, as far as this module cares."""

    def close(self) -> None: ...
    def after_fork(self) -> None: ...


_living: weakref.WeakSet[Living] = weakref.WeakSet()
_hooked = False


def register(engine: Living) -> None:
    """Look after an engine from now on; called when it is first used."""
    global _hooked
    _living.add(engine)
    if not _hooked:
        _hooked = True
        atexit.register(_close_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_after_fork)


def _close_all() -> None:
    for engine in tuple(_living):
        engine.close()


def _after_fork() -> None:
    app_ids.reset_after_fork()
    claims.reset_after_fork()
    for engine in tuple(_living):
        engine.after_fork()
