"""The server of the benchmarks: accepts orders, then sends as many progress frames as it is told, as fast as it can.

    python benchmarks/feeder.py CATALOGUE.json     prints the port it listens on

It renders nothing. `POST /burst?frames=N` sends N prepared `jobProgress` frames over all projects, then finishes the
first project of each connection, which is how a client knows that the burst is over.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web


def frame(kind: str, **payload: object) -> str:
    """One text frame as the network writes it."""
    data = base64.b64encode(json.dumps(payload).encode()).decode()
    return json.dumps({"type": kind, "data": data})


class Feeder:
    """One network without workers."""

    def __init__(self, catalogue: dict[str, Any]) -> None:
        self.catalogue = catalogue
        self.sockets: dict[web.WebSocketResponse, list[str]] = {}

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
                project = json.loads(base64.b64decode(envelope["data"]))["jobID"]
                projects.append(project)
                await ws.send_str(frame("jobState", type="jobStarted", jobID=project, imgID=f"R-{project}", jobIndex=0))
        del self.sockets[ws]
        return ws

    async def burst(self, request: web.Request) -> web.Response:
        count = int(request.query["frames"])
        for ws, projects in tuple(self.sockets.items()):
            frames = [
                frame(
                    "jobProgress",
                    jobID=project,
                    imgID=f"R-{project}",
                    jobIndex=0,
                    step=number,
                    stepCount=100,
                    progress=number / 100,
                    etaSeconds=12.5,
                    workerName="bench-worker-01",
                )
                for number in range(1, 100)
                for project in projects
            ]
            for number in range(count):
                await ws.send_str(frames[number % len(frames)])
                if number % 512 == 0:
                    await asyncio.sleep(0)
            first = projects[0]
            await ws.send_str(frame("jobResult", jobID=first, imgID=f"R-{first}", jobIndex=0, lastSeed="1"))
            await ws.send_str(frame("jobState", type="jobCompleted", jobID=first))
        return web.Response()

    def app(self) -> web.Application:
        def reply(value: object) -> Any:
            async def handle(_: web.Request) -> web.Response:
                return web.json_response(value)

            return handle

        app = web.Application()
        app.add_routes(
            [
                web.get("/", self.socket),
                web.post("/burst", self.burst),
                web.get("/api/v1/models/list", reply(self.catalogue["models"])),
                web.get("/api/v2/models/tiers", reply(self.catalogue["tiers"])),
                web.get("/v1/account/me", reply({"status": "success", "data": {"username": "bench"}})),
                web.get(
                    "/v1/image/downloadUrl",
                    reply({"status": "success", "data": {"downloadUrl": "http://127.0.0.1:9/nothing"}}),
                ),
            ]
        )
        return app


async def main() -> None:
    """Serve until standard input closes."""
    feeder = Feeder(json.loads(Path(sys.argv[1]).read_text("utf-8")))
    runner = web.AppRunner(feeder.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
