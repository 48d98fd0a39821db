"""From the server's `send` to the user's callback, and CPU per frame, at 2,000 frames a second over 100 projects."""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .common import ORDER, Figures, Row, against_feeder, ask, awaiting, blocking, main, official, until

PROJECTS = 100
RATE = 2000
FRAMES = 8000
# The first ones find caches cold.
SKIPPED = 500


class Arrivals:
    """When each frame came to the callback, by the step that it told."""

    def __init__(self, port: str) -> None:
        self.port = int(port)
        self.at: dict[int, float] = {}

    def note(self, step: int) -> None:
        self.at[step] = time.monotonic()

    def send(self) -> list[float]:
        """Have the frames sent; the time of each."""
        self.cpu = time.process_time()
        sent: list[float] = ask(self.port, f"/steady?frames={FRAMES}&rate={RATE}", "POST")
        return sent

    @property
    def over(self) -> bool:
        return FRAMES in self.at

    def figures(self, sent: list[float]) -> Figures:
        late = sorted(at - sent[step - 1] for step, at in self.at.items() if step > SKIPPED)
        cpu = time.process_time() - self.cpu
        parts = statistics.quantiles(late, n=100)
        return {"p50": parts[49], "p99": parts[98], "cpu": cpu / FRAMES, "seen": len(self.at) / FRAMES}


def run_sogni(port: str) -> Figures:
    import sogni

    arrivals = Arrivals(port)

    def on_job(event: Any) -> None:
        if isinstance(event, sogni.Progress):
            arrivals.note(event.step)

    with blocking(int(port)) as client:
        client.projects.on("job", on_job)
        kept = [client.projects.create(**ORDER) for _ in range(PROJECTS)]
        for project in kept:
            next(event for event in project.events(timeout=30) if isinstance(event, sogni.Started))
        sent = arrivals.send()
        while not arrivals.over:
            time.sleep(0.01)
        return arrivals.figures(sent)


def run_async(port: str) -> Figures:
    import sogni_async

    arrivals = Arrivals(port)

    def on_job(event: Any) -> None:
        if isinstance(event, sogni_async.Progress):
            arrivals.note(event.step)

    async def run() -> Figures:
        async with awaiting(int(port)) as client:
            client.projects.on("job", on_job)
            kept = [await client.projects.create(**ORDER) for _ in range(PROJECTS)]
            await until(lambda: all(project.jobs for project in kept))
            sent = await asyncio.get_running_loop().run_in_executor(None, arrivals.send)
            await until(lambda: arrivals.over)
            return arrivals.figures(sent)

    return asyncio.run(run())


def run_official(port: str) -> Figures:
    arrivals = Arrivals(port)

    def on_job(event: Any) -> None:
        if event.get("step"):
            arrivals.note(event["step"])

    async def run() -> Figures:
        async with official(int(port)) as client:
            client.projects.on("job", on_job)
            kept = [await client.projects.create(**ORDER) for _ in range(PROJECTS)]
            await until(lambda: all(project.jobs for project in kept))
            sent = await asyncio.get_running_loop().run_in_executor(None, arrivals.send)
            await until(lambda: arrivals.over)
            return arrivals.figures(sent)

    return asyncio.run(run())


def run_floor(port: str) -> Figures:
    import websocket

    arrivals = Arrivals(port)
    ws = websocket.WebSocket(skip_utf8_validation=True)
    ws.connect(f"ws://127.0.0.1:{port}/?appId=floor", timeout=60)
    for number in range(PROJECTS):
        data = base64.b64encode(json.dumps({"jobID": f"P-{number}"}).encode()).decode()
        ws.send(json.dumps({"type": "jobRequest", "data": data}))
    with ThreadPoolExecutor(1) as pool:
        asked = None
        started = 0
        while not arrivals.over:
            envelope = json.loads(ws.recv_data()[1])
            body = json.loads(base64.b64decode(envelope["data"]))
            if envelope["type"] == "jobProgress":
                arrivals.note(body["step"])
            elif envelope["type"] == "jobState":
                started += 1
                if started == PROJECTS:
                    asked = pool.submit(arrivals.send)
        assert asked is not None
        figures = arrivals.figures(asked.result())
    ws.close()
    return figures


CLIENTS = {"floor": run_floor, "sogni": run_sogni, "sogni_async": run_async, "official": run_official}


def measure(rounds: int) -> list[Row]:
    """Latency and CPU beside the published client and the bare libraries."""
    found = against_feeder("latency", rounds, [*CLIENTS])

    def row(name: str, key: str, to: str, goal: float | None) -> Row:
        figures = ", ".join(f"{who} {found[who][key] * 1e6:.0f}" for who in (name, "official", "floor"))
        note = f"us: {figures}; {found[name]['seen']:.0%} seen"
        return Row(f"at {RATE} frames/s, {key}, {name} / {to}", found[name][key] / found[to][key], goal, note)

    return [
        row("sogni", "p50", "floor", 1.6),
        row("sogni", "p50", "official", 1.2),
        row("sogni_async", "p50", "official", 1.35),
        row("sogni", "p99", "official", 2),
        row("sogni_async", "p99", "official", 2),
        row("sogni", "cpu", "official", 0.8),
        row("sogni_async", "cpu", "official", 0.95),
    ]


if __name__ == "__main__":
    main("latency", CLIENTS, measure)
