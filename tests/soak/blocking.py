"""The blocking package at work: one client, many threads; `python -m tests.soak.blocking URL SEED PROJECTS THREADS`."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from sogni import Project, ProjectLost, SogniClient, SogniError, SubmissionUncertain
from tests.soak.orders import PATIENCE, SAMPLE_EVERY, TRIES, cancels, hurry, order, sample, small_picture, tell, told


class Work:
    """What the threads share."""

    def __init__(self, client: SogniClient, seed: int, projects: int) -> None:
        self.client = client
        self.seed = seed
        self.projects = projects
        self.picture = small_picture()
        self.numbers = itertools.count()
        self.done = 0
        self.lock = threading.Lock()

    def run(self) -> None:
        """Take numbers until there are none left."""
        while (number := next(self.numbers)) < self.projects:
            try:
                self.one(number)
            except Exception as problem:
                tell("broken", number=number, problem=f"{type(problem).__name__}: {problem}")
            with self.lock:
                self.done += 1
                done = self.done
            if done % SAMPLE_EVERY == 0:
                sample(done)

    def one(self, number: int) -> None:
        """Order, wait, fetch, tell."""
        began = time.monotonic()
        project = self.ordered(number)
        if cancels(self.seed, number):
            with suppress(SogniError):
                project.cancel(timeout=5)
        end, problem = time.monotonic() + PATIENCE, None
        while True:
            try:
                project.wait(timeout=max(0.1, end - time.monotonic()))
                break
            except SogniError as error:
                problem = error
            if project.error is problem or time.monotonic() >= end:
                break
            # The connection ended for good: waiting again connects again.
            time.sleep(0.05)
            problem = None
        ended = time.monotonic()
        results = [(result, None if result.withheld else self.fetched(result)) for result in project.delivered()]
        told(project, number, problem, results, ended - began)

    def ordered(self, number: int) -> Project:
        """Order until it is sure that the order was written."""
        for _ in range(TRIES):
            try:
                return self.client.projects.create(**order(self.seed, number, self.picture), timeout=60)
            except SubmissionUncertain as uncertain:
                tell("uncertain", id=uncertain.project_id)
                found = self.looked_up(str(uncertain.project_id))
                if found is not None:
                    return found
            except SogniError as error:
                tell("again", number=number, error=error.code, hint=str(error)[:80])
                time.sleep(0.05)
        raise RuntimeError("it could not be ordered")

    def looked_up(self, project_id: str) -> Project | None:
        """What became of an order that may have been written; None when nobody has it."""
        for _ in range(TRIES):
            time.sleep(0.3)
            try:
                return self.client.projects.resume(project_id)
            except ProjectLost:
                return None
            except SogniError:
                continue
        raise RuntimeError("nobody says what became of it")

    def fetched(self, result: Any) -> bytes:
        """The bytes; a service that breaks on purpose may need several requests."""
        for _ in range(TRIES - 1):
            try:
                data: bytes = result.read(timeout=30)
                return data
            except SogniError:
                time.sleep(0.05)
        return bytes(result.read(timeout=30))


def main(url: str, seed: int, projects: int, threads: int) -> None:
    """Work through the orders, then say what is left of threads and files."""
    hurry()
    with SogniClient(
        "sandbox-soak", rest_endpoint=url, socket_endpoint=url.replace("http", "ws"), app_id="soak"
    ) as client:
        work = Work(client, seed, projects)
        team = [threading.Thread(target=work.run) for _ in range(threads)]
        for thread in team:
            thread.start()
        sample(0)
        for thread in team:
            thread.join()
        sample(projects)
        tell("broken_frames", count=client._engine.broken_frames)
    sample(-1)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
