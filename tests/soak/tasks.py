"""The asyncio package at work: one client, many tasks; `python -m tests.soak.tasks URL SEED PROJECTS TASKS`."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from contextlib import suppress
from typing import Any

from sogni_async import Project, ProjectLost, SogniClient, SogniError, SubmissionUncertain
from tests.soak.orders import PATIENCE, SAMPLE_EVERY, TRIES, cancels, hurry, order, sample, small_picture, tell, told


class Work:
    """What the tasks share."""

    def __init__(self, client: SogniClient, seed: int, projects: int) -> None:
        self.client = client
        self.seed = seed
        self.projects = projects
        self.picture = small_picture()
        self.numbers = itertools.count()
        self.done = 0

    async def run(self) -> None:
        """Take numbers until there are none left."""
        while (number := next(self.numbers)) < self.projects:
            try:
                await self.one(number)
            except Exception as problem:
                tell("broken", number=number, problem=f"{type(problem).__name__}: {problem}")
            self.done += 1
            if self.done % SAMPLE_EVERY == 0:
                sample(self.done)

    async def one(self, number: int) -> None:
        """Order, wait, fetch, tell."""
        began = time.monotonic()
        project = await self.ordered(number)
        if cancels(self.seed, number):
            with suppress(SogniError):
                await project.cancel(timeout=5)
        if number % 7 == 0:
            # The wait is also given up and taken up again, which must lose nothing.
            with suppress(asyncio.TimeoutError, SogniError):
                await asyncio.wait_for(project.wait(), 0.05)
        end, problem = time.monotonic() + PATIENCE, None
        while True:
            try:
                await project.wait(timeout=max(0.1, end - time.monotonic()))
                break
            except SogniError as error:
                problem = error
            if project.error is problem or time.monotonic() >= end:
                break
            await asyncio.sleep(0.05)
            problem = None
        ended = time.monotonic()
        results = [(one, None if one.withheld else await self.fetched(one)) for one in project.delivered()]
        told(project, number, problem, results, ended - began)

    async def ordered(self, number: int) -> Project:
        """Order until it is sure that the order was written."""
        for _ in range(TRIES):
            try:
                return await self.client.projects.create(**order(self.seed, number, self.picture), timeout=60)
            except SubmissionUncertain as uncertain:
                tell("uncertain", id=uncertain.project_id)
                found = await self.looked_up(str(uncertain.project_id))
                if found is not None:
                    return found
            except SogniError as error:
                tell("again", number=number, error=error.code, hint=str(error)[:80])
                await asyncio.sleep(0.05)
        raise RuntimeError("it could not be ordered")

    async def looked_up(self, project_id: str) -> Project | None:
        """What became of an order that may have been written; None when nobody has it."""
        for _ in range(TRIES):
            await asyncio.sleep(0.3)
            try:
                return await self.client.projects.resume(project_id)
            except ProjectLost:
                return None
            except SogniError:
                continue
        raise RuntimeError("nobody says what became of it")

    async def fetched(self, result: Any) -> bytes:
        """The bytes; a service that breaks on purpose may need several requests."""
        for _ in range(TRIES - 1):
            try:
                data: bytes = await result.read(timeout=30)
                return data
            except SogniError:
                await asyncio.sleep(0.05)
        return bytes(await result.read(timeout=30))


async def main(url: str, seed: int, projects: int, tasks: int) -> None:
    """Work through the orders, then say what is left of threads and files."""
    hurry()
    async with SogniClient(
        "sandbox-soak", rest_endpoint=url, socket_endpoint=url.replace("http", "ws"), app_id="soak"
    ) as client:
        work = Work(client, seed, projects)
        sample(0)
        await asyncio.gather(*(work.run() for _ in range(tasks)))
        sample(projects)
        tell("broken_frames", count=client._engine.broken_frames)
    sample(-1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
