"""What the benchmarks share: the feeder, the clients that connect to it, rounds in turn, and the table.

A subject is a module with `measure(rounds)`, which gives its rows, and `CLIENTS`, functions by name that each run in a
process of their own (`python -m benchmarks.SUBJECT CLIENT ...`) and return figures. Compare ratios, never seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
MODEL = "flux1-schnell-fp8"
ORDER = {"type": "image", "model_id": MODEL, "positive_prompt": "a fox", "number_of_media": 1}

# A spread above this hides what is measured.
DISTURBED = 2.0

Figures: TypeAlias = dict[str, float]
Client: TypeAlias = Callable[..., Figures]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        measured: A ratio, or a figure in `unit`.
        goal: What it should be at most; `at_least`: at least. None: for information.
        note: The figures behind it.
        spread: How much one and the same client differed between rounds, dearest over cheapest.
    """

    metric: str
    measured: float
    goal: float | None
    note: str = ""
    unit: str = "x"
    at_least: bool = False
    spread: float = 1.0

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.goal is None or (self.measured >= self.goal if self.at_least else self.measured <= self.goal)


# --- the server -------------------------------------------------------------------------------------------------


@contextmanager
def feeder() -> Iterator[int]:
    """A server in a process of its own; its port."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.feeder"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        yield int(server.stdout.readline())
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


def ask(port: int, path: str, method: str = "GET") -> Any:
    """Ask the feeder something; the JSON of its answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    with urllib.request.urlopen(request, timeout=300) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def environment() -> dict[str, str]:
    """What children see: this project, and nothing of the user's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOGNI_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


# --- the clients ------------------------------------------------------------------------------------------------


def _where(port: int) -> dict[str, Any]:
    return {
        "app_id": "bench",
        "rest_endpoint": f"http://127.0.0.1:{port}",
        "socket_endpoint": f"ws://127.0.0.1:{port}",
    }


def blocking(port: int) -> Any:
    """Our blocking client."""
    import sogni

    return sogni.SogniClient("bench", **_where(port))


def awaiting(port: int) -> Any:
    """Our asyncio client."""
    import sogni_async

    return sogni_async.SogniClient("bench", **_where(port))


@asynccontextmanager
async def official(port: int) -> AsyncIterator[Any]:
    """The published Python client."""
    from sogni_client import SogniClient

    client = await SogniClient.create_instance(api_key="bench", **_where(port))
    try:
        yield client
    finally:
        await client.aclose()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what a client of somebody else's tells only when asked."""
    while not condition():
        await asyncio.sleep(0.01)


class Meter:
    """CPU seconds of this process, and seconds on the wall."""

    def __enter__(self) -> Meter:
        self.cpu, self.wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu, self.wall = time.process_time() - self.cpu, time.perf_counter() - self.wall

    def figures(self, **more: float) -> Figures:
        """What was measured."""
        return {"cpu": self.cpu, "wall": self.wall, **more}


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@contextmanager
def peak() -> Iterator[Callable[[], int]]:
    """Bytes of memory that were needed meanwhile, on top of what was there before."""
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins again
    before = resident()

    def extra() -> int:
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 - before

    yield extra


# --- rounds -----------------------------------------------------------------------------------------------------


def child(subject: str, client: str, *arguments: object) -> Figures:
    """Run one client of a subject in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{subject}", client, *map(str, arguments)]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=600)
    if ended.returncode:
        raise SystemExit(f"{subject} {client} failed:\n{ended.stderr}")
    figures: Figures = json.loads(ended.stdout.splitlines()[-1])
    return figures


def spawn(program: str) -> Figures:
    """CPU and wall of a Python process."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment())
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {program}")
    return {"cpu": used.ru_utime + used.ru_stime, "wall": time.monotonic() - began}


def in_turn(rounds: int, runs: Mapping[str, Callable[[], Figures]]) -> dict[str, Figures]:
    """Every run once a round, in turn, so that a busy machine disturbs all alike; the medians.

    `spread` is the dearest round's CPU over the cheapest one's: a ratio that is not well above it says nothing.
    """
    found: dict[str, list[Figures]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
    medians = {}
    for name, each in found.items():
        medians[name] = {key: statistics.median(figures[key] for figures in each) for key in each[0]}
        cpu = sorted(figures["cpu"] for figures in each if figures.get("cpu"))
        if cpu:
            medians[name]["spread"] = cpu[-1] / cpu[0]
    return medians


def against_feeder(subject: str, rounds: int, clients: Sequence[str], *arguments: object) -> dict[str, Figures]:
    """Each client against a feeder of its own, in turn; the medians."""

    def run(client: str) -> Figures:
        with feeder() as port:
            return child(subject, client, port, *arguments)

    return in_turn(rounds, {client: partial(run, client) for client in clients})


# --- the table --------------------------------------------------------------------------------------------------


def show(rows: Sequence[Row]) -> None:
    """Print goal, measured, met."""
    wide = max(len(row.metric) for row in rows)
    print(f"{'':{wide}}  {'goal':>10} {'measured':>10}  met  figures")
    for row in rows:
        sign = ">=" if row.at_least else "<="
        goal = "" if row.goal is None else f"{sign} {row.goal:g} {row.unit}"
        met = "" if row.goal is None else "yes" if row.met else "NO"
        # The machine disturbed this more than any goal allows for: neither met nor missed was shown.
        if met and row.spread > DISTURBED:
            met = "?"
        print(f"{row.metric:{wide}}  {goal:>10} {row.measured:>7.2f} {row.unit:<3} {met:>3}  {row.note}")


def main(subject: str, clients: Mapping[str, Client], measure: Callable[[int], list[Row]]) -> None:
    """The command line of a subject: its table, or one of its clients."""
    if len(sys.argv) > 1 and sys.argv[1] in clients:
        print(json.dumps(clients[sys.argv[1]](*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{subject}")
    parser.add_argument("--rounds", type=int, default=5)
    show(measure(parser.parse_args().rounds))
