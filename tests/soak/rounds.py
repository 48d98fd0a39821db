"""Opening and closing a client again and again; `python -m tests.soak.rounds URL PACKAGE ROUNDS`."""

from __future__ import annotations

import asyncio
import sys

import sogni
import sogni_async
from tests.orders import ORDER
from tests.soak.orders import sample

ORDER_EVERY = 10


def address(url: str) -> dict[str, str]:
    """Where the client goes."""
    return {"rest_endpoint": url, "socket_endpoint": url.replace("http", "ws"), "app_id": "rounds"}


def blocking(url: str, rounds: int) -> None:
    """The blocking package; every few rounds are closed in the middle of a project."""
    for number in range(rounds):
        with sogni.SogniClient("sandbox-rounds", **address(url)) as client:
            client.projects.wait_for_models(timeout=20)
            if number % ORDER_EVERY == 0:
                project = client.projects.create(**ORDER)
                if number % (2 * ORDER_EVERY) == 0:
                    project.wait(timeout=20)[0].read()
        if (number + 1) % (rounds // 10) == 0:
            sample(number + 1)


async def tasks(url: str, rounds: int) -> None:
    """The asyncio package."""
    for number in range(rounds):
        async with sogni_async.SogniClient("sandbox-rounds", **address(url)) as client:
            await client.projects.wait_for_models(timeout=20)
            if number % ORDER_EVERY == 0:
                project = await client.projects.create(**ORDER)
                if number % (2 * ORDER_EVERY) == 0:
                    await (await project.wait(timeout=20))[0].read()
        if (number + 1) % (rounds // 10) == 0:
            sample(number + 1)


def main(url: str, package: str, rounds: int) -> None:
    """The rounds, then what is left."""
    sample(0)
    if package == "sogni":
        blocking(url, rounds)
    else:
        asyncio.run(tasks(url, rounds))
    sample(-1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
