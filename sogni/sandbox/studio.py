"""Where rendering happens: a few threads beside the event loop, told to stop when nobody waits for the result."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from .order import Order
from .render import Made, flaw, preview, render, thumbnail

T = TypeVar("T")

THREADS = 2


class Studio:
    """The render threads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sogni-sandbox-render")
        # What takes a moment does not queue up behind videos.
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="sogni-sandbox-quick")
        self._stop = threading.Event()
        #: How many orders are waiting for a thread or in one.
        self.rendering = 0

    async def render(self, order: Order, path: Path) -> Made:
        """Render an order into a file; the thread stops when nobody waits for it any more."""
        unwanted = threading.Event()
        self.rendering += 1
        try:
            return await self._run(self._pool, render, order, path, lambda: self._stop.is_set() or unwanted.is_set())
        finally:
            unwanted.set()
            self.rendering -= 1

    async def flaw(self, order: Order) -> str:
        """Why the files that came in cannot be used; empty when they can."""
        return await self._run(self._quick, flaw, order) if order.inputs else ""

    async def preview(self, order: Order, done: float, path: Path) -> bool:
        """Draw how it looks while it is not finished; `done` runs from 0 to 1. False when a library is missing."""
        return await self._run(self._quick, preview, order, done, path)

    async def thumbnail(self, path: Path, kind: str) -> tuple[bytes, str] | None:
        """A small picture of a stored image or video with its type; None when a library is missing."""
        return await self._run(self._quick, thumbnail, path, kind)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work, *arguments)

    async def close(self, seconds: float) -> None:
        """Stop what runs and wait for the threads, for so long at most."""
        self._stop.set()
        for pool in (self._pool, self._quick):
            pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + seconds
        for thread in (*self._pool._threads, *self._quick._threads):
            while thread.is_alive() and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
