"""CPU per progress frame in a burst over 100 projects: nobody reads meanwhile, or every event is read singly."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import Any

from .common import ORDER, Figures, Meter, Row, against_feeder, ask, awaiting, blocking, main, official, until

PROJECTS = 100
FRAMES = 40_000


def _burst(port: str) -> threading.Thread:
    asking = threading.Thread(target=ask, args=(int(port), f"/burst?frames={FRAMES}", "POST"))
    asking.start()
    return asking


def run_sogni(port: str, read: str) -> Figures:
    import sogni

    with blocking(int(port)) as client:
        made = [client.projects.create(**ORDER) for _ in range(PROJECTS)]
        for project in made:
            next(event for event in project.events(timeout=30) if isinstance(event, sogni.Started))
        readers = [threading.Thread(target=lambda p=p: [None for _ in p.events()], daemon=True) for p in made[1:]]
        for reader in readers if read == "each" else ():
            reader.start()
        with Meter() as meter:
            asking = _burst(port)
            for _ in made[0].events(timeout=120):
                pass
        asking.join()
    return meter.figures()


def run_async(port: str, read: str) -> Figures:
    import sogni_async

    async def drain(project: Any) -> None:
        async for _ in project.events():
            pass

    async def run() -> Figures:
        async with awaiting(int(port)) as client:
            made = [await client.projects.create(**ORDER) for _ in range(PROJECTS)]
            for project in made:
                async for event in project.events(timeout=30):
                    if isinstance(event, sogni_async.Started):
                        break
            tasks = [asyncio.create_task(drain(project)) for project in made[1:]] if read == "each" else []
            with Meter() as meter:
                asking = _burst(port)
                async for _ in made[0].events(timeout=120):
                    pass
            asking.join()
            for task in tasks:
                task.cancel()
        return meter.figures()

    return asyncio.run(run())


def run_official(port: str, read: str) -> Figures:
    async def run() -> Figures:
        async with official(int(port)) as client:
            done = asyncio.Event()
            made: list[Any] = []

            def on_project(event: Any) -> None:
                if made and event.get("type") == "completed" and event.get("projectId") == made[0].id:
                    done.set()

            client.projects.on("project", on_project)
            if read == "each":
                client.projects.on("job", lambda event: None)
            for _ in range(PROJECTS):
                made.append(await client.projects.create(**ORDER))
            await until(lambda: all(project.jobs for project in made))
            with Meter() as meter:
                asking = _burst(port)
                await done.wait()
            asking.join()
        return meter.figures()

    return asyncio.run(run())


def run_floor(port: str, read: str) -> Figures:
    """websocket-client with a reading buffer, `json`, base64, `json`."""
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
    for number in range(PROJECTS):
        data = base64.b64encode(json.dumps({"jobID": f"P-{number}"}).encode()).decode()
        ws.send(json.dumps({"type": "jobRequest", "data": data}))
    started = 0
    while started < PROJECTS:
        started += json.loads(ws.recv_data()[1])["type"] == "jobState"
    with Meter() as meter:
        asking = _burst(port)
        kind = ""
        while kind != "jobState":
            envelope = json.loads(ws.recv_data()[1])
            json.loads(base64.b64decode(envelope["data"]))
            kind = envelope["type"]
    asking.join()
    ws.close()
    return meter.figures()


CLIENTS = {"floor": run_floor, "sogni": run_sogni, "sogni_async": run_async, "official": run_official}


def measure(rounds: int) -> list[Row]:
    """CPU beside the published client and the bare libraries."""
    rows = []
    for read, words, to_peer in (("newest", "newest only", 0.55), ("each", "every event read singly", 0.75)):
        found = {name: figures["cpu"] for name, figures in against_feeder("frames", rounds, [*CLIENTS], read).items()}
        each = {name: f"{cpu / FRAMES * 1e6:.1f}" for name, cpu in found.items()}
        for name, to_floor in (("sogni", 1.5), ("sogni_async", 1.8)):
            note = f"{each[name]} us, official {each['official']}, floor {each['floor']}"
            rows.append(Row(f"frame, {words}, {name} / official", found[name] / found["official"], to_peer, note))
            if read == "newest":
                rows.append(Row(f"frame, {words}, {name} / floor", found[name] / found["floor"], to_floor, note))
    return rows


if __name__ == "__main__":
    main("frames", CLIENTS, measure)
