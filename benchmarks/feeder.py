"""The server of the benchmarks: accepts orders and files, and sends as many frames as it is told, when it is told.

    python -m benchmarks.feeder     prints the port it listens on, and serves until its standard input closes

It renders nothing. `POST /burst?frames=N` sends N progress frames over all projects as fast as it can, then finishes
the first project of each connection, which is how a client knows that the burst is over. `POST /steady?frames=N&rate=R`
sends N frames at R a second and answers with the time of each. `GET /seen` tells when orders came in, and how many
connections were used for answers, and how large the last file was; `POST /set?size=N` is the size of files after that.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

CATALOGUE = Path(__file__).resolve().parent.parent / "tests" / "data" / "catalog.json"
PIECE = b"\x89PNG\r\n\x1a\n" + bytes(256 * 1024 - 8)

AMOUNTS = {
    "costInRenderSec": "1.5",
    "costInUSD": "0.001",
    "costInToken": "0.2",
    "costInSpark": "0.2",
    "costInSogni": "3",
}
ESTIMATE = {"quote": {"project": AMOUNTS, "job": AMOUNTS}, "benchmark": {"estimatedRenderTimeSec": 1.5}}


def frame(kind: str, **payload: object) -> str:
    """One text frame as the network writes it."""
    data = base64.b64encode(json.dumps(payload).encode()).decode()
    return json.dumps({"type": kind, "data": data})


def progress(project: str, step: int, steps: int) -> str:
    """One progress frame of the size that the network sends."""
    return frame(
        "jobProgress",
        jobID=project,
        imgID=f"R-{project}",
        jobIndex=0,
        step=step,
        stepCount=steps,
        progress=step / steps,
        etaSeconds=12.5,
        workerName="bench-worker-01",
    )


class Feeder:
    """One network without workers."""

    def __init__(self) -> None:
        self.catalogue: dict[str, Any] = json.loads(CATALOGUE.read_text("utf-8"))
        self.sockets: dict[web.WebSocketResponse, list[str]] = {}
        self.orders: list[float] = []
        self.size = len(PIECE)
        self.connections: set[int] = set()
        self.taken = 0

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=404)
        ws = web.WebSocketResponse(max_msg_size=0)
        await ws.prepare(request)
        projects = self.sockets[ws] = []
        await ws.send_str(
            frame(
                "authenticated", clientType="artist", username="bench", activeProjects=[], unclaimedCompletedProjects=[]
            )
        )
        await ws.send_str(frame("swarmModels", **{model["id"]: 1 for model in self.catalogue["models"]}))
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                continue
            envelope = json.loads(message.data)
            if envelope["type"] == "jobRequest":
                self.orders.append(time.monotonic())
                project = json.loads(base64.b64decode(envelope["data"]))["jobID"]
                projects.append(project)
                await ws.send_str(frame("jobState", type="jobStarted", jobID=project, imgID=f"R-{project}", jobIndex=0))
        del self.sockets[ws]
        return ws

    async def burst(self, request: web.Request) -> web.Response:
        count = int(request.query["frames"])
        for ws, projects in tuple(self.sockets.items()):
            prepared = min(count, 99 * len(projects))
            frames = [
                progress(projects[number % len(projects)], 1 + number // len(projects), 100)
                for number in range(prepared)
            ]
            for number in range(count):
                await ws.send_str(frames[number % prepared])
                if number % 512 == 0:
                    await asyncio.sleep(0)
            first = projects[0]
            await ws.send_str(frame("jobResult", jobID=first, imgID=f"R-{first}", jobIndex=0, lastSeed="1"))
            await ws.send_str(frame("jobState", type="jobCompleted", jobID=first))
        return web.Response()

    async def steady(self, request: web.Request) -> web.Response:
        """Frames at a fixed rate; frame n says step n, so that who gets it knows when it was sent."""
        count, rate = int(request.query["frames"]), float(request.query["rate"])
        ((ws, projects),) = self.sockets.items()
        frames = [progress(projects[number % len(projects)], number + 1, count) for number in range(count)]
        sent: list[float] = []
        began = time.monotonic()
        for number, text in enumerate(frames):
            ahead = began + number / rate - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
            sent.append(time.monotonic())
            await ws.send_str(text)
        return web.json_response(sent)

    async def take(self, request: web.Request) -> web.Response:
        """A file that is thrown away."""
        size = 0
        async for piece in request.content.iter_any():
            size += len(piece)
        self.taken = size
        return web.Response(text=str(size))

    async def give(self, request: web.Request) -> web.StreamResponse:
        """A file of `size` bytes."""
        answer = web.StreamResponse(headers={"Content-Type": "image/png", "Content-Length": str(self.size)})
        await answer.prepare(request)
        for _ in range(self.size // len(PIECE)):
            await answer.write(PIECE)
        return answer

    async def set(self, request: web.Request) -> web.Response:
        """The size of files from now on, rounded to whole pieces."""
        self.size = int(request.query["size"]) // len(PIECE) * len(PIECE)
        return web.Response()

    def reply(self, value: object) -> Any:
        async def handle(request: web.Request) -> web.Response:
            self.connections.add(id(request.transport))
            return web.json_response(value)

        return handle

    async def url(self, request: web.Request) -> web.Response:
        here = f"http://{request.host}/file"
        return web.json_response({"status": "success", "data": {"downloadUrl": here, "uploadUrl": here}})

    async def seen(self, request: web.Request) -> web.Response:
        return web.json_response({"orders": self.orders, "connections": len(self.connections), "taken": self.taken})

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 40)
        app.add_routes(
            [
                web.get("/", self.socket),
                web.post("/burst", self.burst),
                web.post("/steady", self.steady),
                web.post("/set", self.set),
                web.get("/seen", self.seen),
                web.put("/file", self.take),
                web.get("/file", self.give),
                web.get("/api/v1/models/list", self.reply(self.catalogue["models"])),
                web.get("/api/v2/models/tiers", self.reply(self.catalogue["tiers"])),
                web.get("/api/{version}/job/estimate/{rest:.*}", self.reply(ESTIMATE)),
                web.get("/v1/account/me", self.reply({"status": "success", "data": {"username": "bench"}})),
                web.get("/v1/{kind:image|media}/{what:downloadUrl|uploadUrl}", self.url),
            ]
        )
        return app


async def main() -> None:
    """Serve until standard input closes."""
    feeder = Feeder()
    runner = web.AppRunner(feeder.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
