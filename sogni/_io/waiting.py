"""How a thread waits for another one, and how an error crosses from one to the other."""

from __future__ import annotations

import copy
import os
import threading

from .._deadline import Deadline
from ..errors import SogniError

# A lock wait cannot be interrupted by Ctrl-C on Windows; everywhere else slices would only wake the processor.
_SLICE = 0.5 if os.name == "nt" else None


def wait_for(event: threading.Event, deadline: Deadline | None = None) -> bool:
    """Waits until `event` is set; False when the deadline came first."""
    while True:
        left = None if deadline is None else deadline.remaining()
        if _SLICE is None or (left is not None and left <= _SLICE):
            return event.wait(left)
        if event.wait(_SLICE):  # pragma: no cover - Windows
            return True


def copy_error(error: SogniError) -> SogniError:
    """The same error for another thread: raising one object in two threads would mix their tracebacks."""
    twin = copy.copy(error)
    twin.__cause__ = error.__cause__
    return twin
