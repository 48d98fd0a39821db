"""One client that takes a burst of progress frames and prints what it cost.

    python benchmarks/frame_clients.py CLIENT PORT PROJECTS FRAMES READ

CLIENT is `sogni`, `sogni_async`, `official` or `floor`. READ is `newest` (nobody reads while the burst runs) or `each`
(every event is read singly). Prints CPU seconds, wall seconds and peak memory in KiB, as JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import resource
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

MODEL = "flux1-schnell-fp8"
ORDER = {"type": "image", "model_id": MODEL, "positive_prompt": "a fox", "number_of_media": 1}


class Meter:
    """CPU and wall time between two moments."""

    def __init__(self, port: int, frames: int) -> None:
        self._url = f"http://127.0.0.1:{port}/burst?frames={frames}"
        self._asking = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        urllib.request.urlopen(urllib.request.Request(self._url, method="POST"), timeout=120).read()

    def begin(self) -> None:
        self.cpu, self.wall = time.process_time(), time.perf_counter()
        self._asking.start()

    def end(self, **more: object) -> None:
        cpu, wall = time.process_time() - self.cpu, time.perf_counter() - self.wall
        self._asking.join()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"cpu": cpu, "wall": wall, "peak": peak, **more}))


def run_sogni(port: int, projects: int, meter: Meter, read: str) -> None:
    import sogni

    with sogni.SogniClient(
        "bench", app_id="bench", rest_endpoint=f"http://127.0.0.1:{port}", socket_endpoint=f"ws://127.0.0.1:{port}"
    ) as client:
        made = [client.projects.create(**ORDER) for _ in range(projects)]
        for project in made:
            next(event for event in project.events(timeout=30) if isinstance(event, sogni.Started))
        events = 0
        readers = [threading.Thread(target=lambda p=p: [None for _ in p.events()], daemon=True) for p in made[1:]]
        if read == "each":
            for reader in readers:
                reader.start()
        meter.begin()
        for _ in made[0].events(timeout=120):
            events += 1
        meter.end(events=events)


async def run_sogni_async(port: int, projects: int, meter: Meter, read: str) -> None:
    import sogni_async

    async def drain(project: Any) -> None:
        async for _ in project.events():
            pass

    async with sogni_async.SogniClient(
        "bench", app_id="bench", rest_endpoint=f"http://127.0.0.1:{port}", socket_endpoint=f"ws://127.0.0.1:{port}"
    ) as client:
        made = [await client.projects.create(**ORDER) for _ in range(projects)]
        for project in made:
            async for event in project.events(timeout=30):
                if isinstance(event, sogni_async.Started):
                    break
        tasks = [asyncio.create_task(drain(project)) for project in made[1:]] if read == "each" else []
        meter.begin()
        async for _ in made[0].events(timeout=120):
            pass
        meter.end()
        for task in tasks:
            task.cancel()


async def run_official(port: int, projects: int, meter: Meter, read: str) -> None:
    from sogni_client import SogniClient

    client = await SogniClient.create_instance(
        app_id="bench",
        api_key="bench",
        rest_endpoint=f"http://127.0.0.1:{port}",
        socket_endpoint=f"ws://127.0.0.1:{port}",
    )
    done = asyncio.Event()
    first: list[Any] = []

    def on_project(event: Any) -> None:
        if first and event.get("type") == "completed" and event.get("projectId") == first[0].id:
            done.set()

    count = 0

    def on_job(event: Any) -> None:
        nonlocal count
        count += 1

    client.projects.on("project", on_project)
    if read == "each":
        client.projects.on("job", on_job)
    for _ in range(projects):
        first.append(await client.projects.create(**ORDER))
    await asyncio.sleep(0.5)
    meter.begin()
    await done.wait()
    meter.end(events=count)
    closing: Callable[..., Any] | None = getattr(client, "aclose", None) or getattr(client, "dispose", None)
    if closing is not None:
        await closing()


def run_floor(port: int, projects: int, meter: Meter, read: str) -> None:
    import websocket

    class Buffered(websocket.WebSocket):
        buffer, at = b"", 0

        def _recv(self, size: int) -> bytes:
            if self.at >= len(self.buffer):
                self.buffer, self.at = super()._recv(65536), 0
            self.at += size
            return self.buffer[self.at - size : self.at]

    ws = Buffered(skip_utf8_validation=True)
    ws.connect(f"ws://127.0.0.1:{port}/?appId=floor", timeout=60)
    for number in range(projects):
        data = base64.b64encode(json.dumps({"jobID": f"P-{number}"}).encode()).decode()
        ws.send(json.dumps({"type": "jobRequest", "data": data}))
    started = 0
    while started < projects:
        _, raw = ws.recv_data()
        started += json.loads(raw)["type"] == "jobState"
    meter.begin()
    while True:
        _, raw = ws.recv_data()
        envelope = json.loads(raw)
        json.loads(base64.b64decode(envelope["data"]))
        if envelope["type"] == "jobState":
            break
    meter.end()
    ws.close()


def main() -> None:
    """Run one client."""
    name, port, projects, frames, read = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    meter = Meter(port, frames)
    if name == "sogni":
        run_sogni(port, projects, meter, read)
    elif name == "sogni_async":
        asyncio.run(run_sogni_async(port, projects, meter, read))
    elif name == "official":
        asyncio.run(run_official(port, projects, meter, read))
    else:
        run_floor(port, projects, meter, read)


if __name__ == "__main__":
    main()
