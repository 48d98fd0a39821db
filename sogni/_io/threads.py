"""Starting and joining threads so that an interrupt at an awkward moment leaves nothing half-made."""

from __future__ import annotations

import threading
from collections.abc import Callable


def start(thread: threading.Thread, forget: Callable[[], None]) -> None:
    """Start a thread; if it cannot be, or Ctrl-C came first, `forget` undoes what counted on it."""
    try:
        thread.start()
    except BaseException:
        if thread.ident is None:
            forget()
        raise


def join(thread: threading.Thread | None, timeout: float) -> None:
    """Wait for a thread to end, unless it never began or is the one that asks."""
    if thread is not None and thread is not threading.current_thread() and thread.is_alive():
        thread.join(timeout)
