"""Memory of a project that is followed, with one running job; and of a client that has connected."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from .common import ORDER, Figures, Row, against_feeder, awaiting, blocking, main, official, resident, until

# The first ones fill what the allocator holds back anyway.
WARM = 300
PROJECTS = 2000


def _weighed() -> int:
    gc.collect()
    return resident()


def _figures(connected: int, before: int, after: int) -> Figures:
    return {"connected": connected, "project": (after - before) / PROJECTS}


def run_sogni(port: str) -> Figures:
    with blocking(int(port)) as client:
        kept = [client.projects.create(**ORDER)]
        connected = _weighed()

        def more(count: int) -> int:
            for _ in range(count):
                kept.append(client.projects.create(**ORDER))
            kept[-1].events(timeout=30).__next__()
            return _weighed()

        return _figures(connected, more(WARM), more(PROJECTS))


async def _awaited(client: Any) -> Figures:
    kept = [await client.projects.create(**ORDER)]
    connected = _weighed()

    async def more(count: int) -> int:
        for _ in range(count):
            kept.append(await client.projects.create(**ORDER))
        await until(lambda: len(kept[-1].jobs) == 1)
        return _weighed()

    return _figures(connected, await more(WARM), await more(PROJECTS))


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
    """Resident memory beside the published client."""
    found = against_feeder("memory", max(1, rounds // 2), [*CLIENTS])
    project = {name: figures["project"] / 1024 for name, figures in found.items()}
    whole = {name: figures["connected"] / 2**20 for name, figures in found.items()}
    note = f"{project['sogni']:.1f} KiB, official {project['official']:.1f} KiB"
    rows = [Row("memory per project, sogni / official", project["sogni"] / project["official"], 0.5, note)]
    for name in ("sogni", "sogni_async"):
        note = f"{whole[name]:.0f} MiB, official {whole['official']:.0f} MiB"
        rows.append(Row(f"memory after connecting, {name} / official", whole[name] / whole["official"], 1.1, note))
    return rows


if __name__ == "__main__":
    main("memory", CLIENTS, measure)
