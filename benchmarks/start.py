"""From the start of the process to the first order that the server reads."""

from __future__ import annotations

import time
from functools import partial

from .common import ORDER, Figures, Row, ask, feeder, in_turn, main, spawn

# Starting is short: more rounds than usual.
TIMES = 2


# Whole programs, so that what the benchmarks import themselves does not count.
SETTINGS = """app_id="bench", rest_endpoint="http://127.0.0.1:PORT", socket_endpoint="ws://127.0.0.1:PORT\""""
PROGRAMS = {
    "sogni": f"""
import sogni
with sogni.SogniClient("bench", {SETTINGS}) as client:
    client.projects.create(**{ORDER})
""",
    "sogni_async": f"""
import asyncio, sogni_async
async def main():
    async with sogni_async.SogniClient("bench", {SETTINGS}) as client:
        await client.projects.create(**{ORDER})
asyncio.run(main())
""",
    "official": f"""
import asyncio
from sogni_client import SogniClient
async def main():
    client = await SogniClient.create_instance(api_key="bench", {SETTINGS})
    await client.projects.create(**{ORDER})
    await client.aclose()
asyncio.run(main())
""",
    # The same with the libraries alone: both catalogues, the greeting, one frame.
    "floor": """
import base64, json, requests, websocket
with requests.Session() as session:
    for path in ("/api/v1/models/list", "/api/v2/models/tiers"):
        session.get("http://127.0.0.1:PORT" + path, timeout=10).json()
ws = websocket.WebSocket(skip_utf8_validation=True)
ws.connect("ws://127.0.0.1:PORT/?appId=floor", timeout=60)
while json.loads(ws.recv())["type"] != "authenticated":
    pass
data = base64.b64encode(json.dumps({"jobID": "P-1"}).encode()).decode()
ws.send(json.dumps({"type": "jobRequest", "data": data}))
ws.recv()
ws.close()
""",
}


def start(program: str) -> Figures:
    """One start; CPU is that of the whole process, its end included."""
    with feeder() as port:
        began = time.monotonic()
        cpu = spawn(program.replace("PORT", str(port)))["cpu"]
        return {"cpu": cpu, "wall": ask(port, "/seen")["orders"][0] - began}


def measure(rounds: int) -> list[Row]:
    """Wall until the order is read, and CPU, beside the published client and the libraries alone."""
    found = in_turn(rounds * TIMES, {name: partial(start, program) for name, program in PROGRAMS.items()})
    rows = []
    for key in ("wall", "cpu"):
        ours, peer, floor = (found[name][key] for name in ("sogni", "official", "floor"))
        note = f"{ours * 1e3:.0f} ms, official {peer * 1e3:.0f}, floor {floor * 1e3:.0f}"
        rows.append(Row(f"start to first order, {key}, sogni / official", ours / peer, 0.8, note))
        rows.append(Row(f"start to first order, {key}, sogni / floor with requests", ours / floor, 1.5, note))
        waited = found["sogni_async"][key]
        note = f"{waited * 1e3:.0f} ms"
        rows.append(Row(f"start to first order, {key}, sogni_async / official", waited / peer, None, note))
    return rows


if __name__ == "__main__":
    main("start", {}, measure)
