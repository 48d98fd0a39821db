"""What a client costs that has 100 running projects and nothing to do."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .common import ORDER, Figures, Row, against_feeder, awaiting, blocking, main, official, until

PROJECTS = 100
SETTLE = 2.0
SECONDS = 20.0


@contextmanager
def _watched() -> Iterator[Callable[[], Figures]]:
    cpu, woken = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw

    def figures() -> Figures:
        # One wake-up is that of this watch itself.
        switches = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - woken - 1
        return {"cpu": (time.process_time() - cpu) / SECONDS, "woken": switches / SECONDS}

    yield figures


def run_sogni(port: str) -> Figures:
    with blocking(int(port)) as client:
        projects = [client.projects.create(**ORDER) for _ in range(PROJECTS)]
        next(projects[-1].events(timeout=30))
        time.sleep(SETTLE)
        with _watched() as figures:
            time.sleep(SECONDS)
            return figures()


async def _awaited(client: Any) -> Figures:
    projects = [await client.projects.create(**ORDER) for _ in range(PROJECTS)]
    await until(lambda: len(projects[-1].jobs) == 1)
    await asyncio.sleep(SETTLE)
    with _watched() as figures:
        await asyncio.sleep(SECONDS)
        return figures()


def run_async(port: str) -> Figures:
    async def run() -> Figures:
        async with awaiting(int(port)) as client:
            return await _awaited(client)

    return asyncio.run(run())


def run_official(port: str) -> Figures:
    async def run() -> Figures:
        async with official(int(port)) as client:
            return await _awaited(client)

    return asyncio.run(run())


CLIENTS = {"sogni": run_sogni, "sogni_async": run_async, "official": run_official}


def measure(rounds: int) -> list[Row]:
    """CPU and wake-ups a second."""
    found = against_feeder("idle", max(1, rounds // 3), [*CLIENTS])
    rows = []
    for name in ("sogni", "sogni_async"):
        note = f"official {found['official']['cpu'] * 1e3:.2f} ms/s, {found['official']['woken']:.1f}/s"
        rows.append(Row(f"idle with {PROJECTS} projects, CPU, {name}", found[name]["cpu"] * 1e3, 0.5, note, "ms/s"))
        rows.append(Row(f"idle with {PROJECTS} projects, wake-ups, {name}", found[name]["woken"], 2, note, "/s"))
    return rows


if __name__ == "__main__":
    main("idle", CLIENTS, measure)
