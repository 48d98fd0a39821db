"""Estimates: one after another, and 32 at once."""

from __future__ import annotations

import asyncio
import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .common import MODEL, Figures, Meter, Row, against_feeder, ask, awaiting, blocking, main, official

COUNT = 320
AT_ONCE = 32
ASKED: dict[str, Any] = {"model": MODEL, "image_count": 1, "step_count": 4, "preview_count": 0, "token_type": "spark"}
PATH = f"/api/v2/job/estimate/spark/fast/{MODEL}/1/4/0/0/0/0/0"


def run_sogni(port: str, at_once: str) -> Figures:
    with blocking(int(port)) as client, ThreadPoolExecutor(AT_ONCE) as pool:

        def one(_: int = 0) -> None:
            client.projects.estimate_cost(**ASKED)

        each = map if at_once == "1" else pool.map
        list(each(one, range(AT_ONCE)))
        before = ask(int(port), "/seen")["connections"]
        with Meter() as meter:
            list(each(one, range(COUNT)))
        return meter.figures(new=ask(int(port), "/seen")["connections"] - before)


async def _awaited(client: Any, port: str, at_once: str) -> Figures:
    async def some(count: int) -> None:
        if at_once == "1":
            for _ in range(count):
                await client.projects.estimate_cost(**ASKED)
        else:
            for _ in range(count // AT_ONCE):
                await asyncio.gather(*(client.projects.estimate_cost(**ASKED) for _ in range(AT_ONCE)))

    await some(AT_ONCE)
    before = ask(int(port), "/seen")["connections"]
    with Meter() as meter:
        await some(COUNT)
    return meter.figures(new=ask(int(port), "/seen")["connections"] - before)


def run_async(port: str, at_once: str) -> Figures:
    async def run() -> Figures:
        async with awaiting(int(port)) as client:
            return await _awaited(client, port, at_once)

    return asyncio.run(run())


def run_official(port: str, at_once: str) -> Figures:
    async def run() -> Figures:
        async with official(int(port)) as client:
            return await _awaited(client, port, at_once)

    return asyncio.run(run())


def run_floor(port: str, at_once: str) -> Figures:
    connection = http.client.HTTPConnection("127.0.0.1", int(port))
    with Meter() as meter:
        for _ in range(COUNT):
            connection.request("GET", PATH, headers={"api-key": "bench"})
            json.loads(connection.getresponse().read())
    connection.close()
    return meter.figures(new=0)


CLIENTS = {"sogni": run_sogni, "sogni_async": run_async, "official": run_official, "floor": run_floor}


def measure(rounds: int) -> list[Row]:
    """Time per estimate beside the published client and `http.client`; rate of many at once."""
    one = against_feeder("estimates", rounds, [*CLIENTS], 1)
    many = against_feeder("estimates", rounds, ["sogni", "sogni_async", "official"], AT_ONCE)
    ours, peer, floor = (one[name]["wall"] for name in ("sogni", "official", "floor"))
    note = f"{ours / COUNT * 1e3:.2f} ms, official {peer / COUNT * 1e3:.2f}, floor {floor / COUNT * 1e3:.2f}"
    return [
        Row("estimate, wall, sogni / official", ours / peer, 0.7, note),
        Row("estimate, wall, sogni / http.client", ours / floor, 3.0, note),
        Row("estimate, wall, sogni_async / official", one["sogni_async"]["wall"] / peer, None),
        Row("estimates, new connections, sogni", one["sogni"]["new"], 0, unit=""),
        *(
            Row(
                f"{AT_ONCE} estimates at once, rate, {name} / official",
                many["official"]["wall"] / many[name]["wall"],
                goal,
                f"{COUNT / many[name]['wall']:.0f}/s, official {COUNT / many['official']['wall']:.0f}/s",
                at_least=True,
            )
            for name, goal in (("sogni", 1.8), ("sogni_async", 1.4))
        ),
    ]


if __name__ == "__main__":
    main("estimates", CLIENTS, measure)
