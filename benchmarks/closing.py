"""How long `close()` takes when the server is healthy, and what it leaves."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time

from .common import ORDER, Figures, Row, against_feeder, awaiting, blocking, main, official

TIMES = 10


def _left(before: int) -> int:
    """Threads that are still there after a tenth of a second: those that were told to end may take a moment."""
    time.sleep(0.1)
    return threading.active_count() - before


def run_sogni(port: str) -> Figures:
    took = []
    before = threading.active_count()
    for _ in range(TIMES):
        client = blocking(int(port))
        client.projects.create(**ORDER)
        began = time.perf_counter()
        client.close()
        took.append(time.perf_counter() - began)
    return {"wall": statistics.median(took), "worst": max(took), "left": _left(before)}


def run_async(port: str) -> Figures:
    async def run() -> Figures:
        took = []
        before = threading.active_count()
        for _ in range(TIMES):
            client = awaiting(int(port))
            await client.projects.create(**ORDER)
            began = time.perf_counter()
            await client.aclose()
            took.append(time.perf_counter() - began)
        return {"wall": statistics.median(took), "worst": max(took), "left": _left(before)}

    return asyncio.run(run())


def run_official(port: str) -> Figures:
    async def run() -> Figures:
        took = []
        for _ in range(TIMES):
            async with official(int(port)) as client:
                await client.projects.create(**ORDER)
                began = time.perf_counter()
            took.append(time.perf_counter() - began)
        return {"wall": statistics.median(took), "worst": max(took), "left": 0}

    return asyncio.run(run())


CLIENTS = {"sogni": run_sogni, "sogni_async": run_async, "official": run_official}


def measure(rounds: int) -> list[Row]:
    """Milliseconds, and threads left."""
    found = against_feeder("closing", rounds, [*CLIENTS])
    rows = []
    for name in ("sogni", "sogni_async"):
        note = f"worst {found[name]['worst'] * 1e3:.1f} ms, official {found['official']['wall'] * 1e3:.1f} ms"
        rows.append(Row(f"close, {name}", found[name]["wall"] * 1e3, 50, note, "ms"))
        rows.append(Row(f"close, threads left, {name}", found[name]["left"], 0, unit=""))
    return rows


if __name__ == "__main__":
    main("closing", CLIENTS, measure)
