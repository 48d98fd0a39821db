"""CPU of an order without files: checked, built, encoded, sent, and its first frame taken."""

from __future__ import annotations

import asyncio

from .common import ORDER, Figures, Meter, Row, against_feeder, awaiting, blocking, main, official

ORDERS = 300
WARM = 20


def run_sogni(port: str) -> Figures:
    with blocking(int(port)) as client:
        for _ in range(WARM):
            client.projects.create(**ORDER)
        with Meter() as meter:
            for _ in range(ORDERS):
                client.projects.create(**ORDER)
    return meter.figures()


async def _awaited(client: object) -> Figures:
    projects = client.projects  # type: ignore[attr-defined]
    for _ in range(WARM):
        await projects.create(**ORDER)
    with Meter() as meter:
        for _ in range(ORDERS):
            await projects.create(**ORDER)
    return meter.figures()


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
    """CPU per order, beside the published client."""
    found = against_feeder("create", rounds, [*CLIENTS])
    peer = found["official"]["cpu"]
    return [
        Row(
            f"create, CPU, {name} / official",
            found[name]["cpu"] / peer,
            1.0,
            f"{found[name]['cpu'] / ORDERS * 1e6:.0f} us, official {peer / ORDERS * 1e6:.0f} us",
        )
        for name in ("sogni", "sogni_async")
    ]


if __name__ == "__main__":
    main("create", CLIENTS, measure)
