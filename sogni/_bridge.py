"""How blocking code waits for the engine: it simply does. The counterpart for asyncio is `sogni_async._bridge`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ._deadline import Deadline
from ._io.callbacks import Run
from ._io.inbox import Inbox

P = ParamSpec("P")
T = TypeVar("T")

# How often the main thread looks up from a wait. Ctrl-C that comes in the instant before it falls asleep would
# otherwise go unnoticed for as long as the wait takes (on Windows any Ctrl-C would). Other threads get no signals.
_SLICE = 0.5


class Bridge:
    """The five ways in which a client waits."""

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work that ends by itself: REST, files."""
        return function(*args, **kwargs)

    def take(self, inbox: Inbox, deadline: Deadline, what: str) -> object:
        """The next item of an inbox; raises WaitTimeout when the deadline comes first."""
        is_main = threading.current_thread() is threading.main_thread()
        found, item = inbox.get(deadline.remaining(), _SLICE if is_main else None)
        if not found:
            raise deadline.error(what)
        return item

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def runner(self) -> Run:
        """How a callback that is registered now will be run: as it is, on the callback thread."""
        return _run

    def close(self) -> None:
        """Nothing to give back."""


def _run(callback: Callable[[object], object], event: object) -> None:
    callback(event)
