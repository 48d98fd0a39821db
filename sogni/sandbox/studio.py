"""Where rendering happens: a few threads beside the event loop, told to stop when the sandbox closes."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .order import Order
from .render import Made, preview, render

THREADS = 2


class Studio:
    """The render threads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sogni-sandbox-render")
        self._stop = threading.Event()

    async def render(self, order: Order, path: Path) -> Made:
        """Render an order into a file."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, render, order, path, self._stop.is_set)

    async def preview(self, order: Order, done: float, path: Path) -> bool:
        """Draw how it looks while it is not finished; `done` runs from 0 to 1. False when a library is missing."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, preview, order, done, path)

    async def close(self, seconds: float) -> None:
        """Stop what runs and wait for the threads, for so long at most."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + seconds
        for thread in list(self._pool._threads):
            while thread.is_alive() and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
