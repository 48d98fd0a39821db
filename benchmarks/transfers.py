"""Upload and download of a large file by path: wall, CPU, and memory on top of what was there."""

from __future__ import annotations

import asyncio
import http.client
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .common import ORDER, Figures, Meter, Row, against_feeder, ask, awaiting, blocking, main, official, peak, until

MIB = 2**20
SIZE = 256
PIECE = 256 * 1024
# A transfer takes a tenth of a second of CPU, which a busy machine may well triple.
TIMES = 3


@contextmanager
def _file() -> Iterator[Path]:
    """A picture by its first bytes, and nothing but zeros after them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.png")
        with path.open("wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
            file.truncate(SIZE * MIB)
        yield path


def _ready(port: str) -> None:
    ask(int(port), f"/set?size={SIZE * MIB}", "POST")


def _check(port: str, what: str) -> None:
    """A figure counts only when the whole file arrived."""
    if what == "upload":
        arrived = ask(int(port), "/seen")["taken"]
        assert arrived == SIZE * MIB, f"{arrived} bytes arrived"


def _finish(port: str) -> None:
    ask(int(port), "/burst?frames=0", "POST")


def run_sogni(port: str, what: str) -> Figures:
    _ready(port)
    with _file() as path, blocking(int(port)) as client:
        project = client.projects.create(**ORDER, starting_image=b"\x89PNG\r\n\x1a\n")
        _finish(port)
        (result,) = project.wait(timeout=60)
        with peak() as extra, Meter() as meter:
            if what == "upload":
                client.projects.create(**ORDER, starting_image=path)
            else:
                saved = result.save(path.parent / "saved.png")
                assert saved.stat().st_size == SIZE * MIB
        _check(port, what)
        return meter.figures(extra=extra())


def run_async(port: str, what: str) -> Figures:
    async def run() -> Figures:
        _ready(port)
        with _file() as path:
            async with awaiting(int(port)) as client:
                project = await client.projects.create(**ORDER, starting_image=b"\x89PNG\r\n\x1a\n")
                _finish(port)
                (result,) = await project.wait(timeout=60)
                with peak() as extra, Meter() as meter:
                    if what == "upload":
                        await client.projects.create(**ORDER, starting_image=path)
                    else:
                        await result.save(path.parent / "saved.png")
                _check(port, what)
                return meter.figures(extra=extra())

    return asyncio.run(run())


def run_official(port: str, what: str) -> Figures:
    async def run() -> Figures:
        _ready(port)
        with _file() as path:
            async with official(int(port)) as client:
                small = path.parent / "small.png"
                small.write_bytes(b"\x89PNG\r\n\x1a\n")
                project = await client.projects.create(**ORDER, starting_image=str(small))
                await until(lambda: bool(project.jobs))
                _finish(port)
                await until(lambda: project.status == "completed")
                with peak() as extra, Meter() as meter:
                    if what == "upload":
                        await client.projects.create(**ORDER, starting_image=str(path))
                    else:
                        data = await project.jobs[0].get_result_data()
                        (path.parent / "saved.png").write_bytes(_bytes(data))
                _check(port, what)
                return meter.figures(extra=extra())

    return asyncio.run(run())


def _bytes(data: Any) -> bytes:
    found = data if isinstance(data, bytes) else data["data"] if isinstance(data, dict) else data.data
    assert len(found) == SIZE * MIB
    return bytes(found)


def run_floor(port: str, what: str) -> Figures:
    """`http.client` at its best: a connection that is open already, and one buffer for all pieces, as ours has."""
    _ready(port)
    buffer = memoryview(bytearray(PIECE))
    with _file() as path:
        connection = http.client.HTTPConnection("127.0.0.1", int(port))
        connection.request("PUT", "/file", body=b"warm")
        connection.getresponse().read()
        with peak() as extra, Meter() as meter:
            if what == "upload":
                connection.putrequest("PUT", "/file")
                connection.putheader("Content-Length", str(SIZE * MIB))
                connection.endheaders()
                with path.open("rb", buffering=0) as source:
                    while size := source.readinto(buffer):
                        connection.send(buffer[:size])
                taken = int(connection.getresponse().read())
                assert taken == SIZE * MIB
            else:
                connection.request("GET", "/file")
                answer = connection.getresponse()
                with (path.parent / "saved.png").open("wb", buffering=0) as target:
                    while size := answer.readinto(buffer):
                        target.write(buffer[:size])
                assert (path.parent / "saved.png").stat().st_size == SIZE * MIB
        connection.close()
        return meter.figures(extra=extra())


CLIENTS = {"floor": run_floor, "sogni": run_sogni, "sogni_async": run_async, "official": run_official}


def measure(rounds: int) -> list[Row]:
    """Beside the published client and `http.client`."""
    rows = []
    for what, to_floor in (("upload", 1.5), ("download", 2.0)):
        found = against_feeder("transfers", rounds * TIMES, [*CLIENTS], what)
        for key in ("wall", "cpu"):
            ours, peer, floor = (found[name][key] for name in ("sogni", "official", "floor"))
            spreads = "/".join(f"{found[name]['spread']:.1f}" for name in ("sogni", "official", "floor"))
            note = f"{ours:.2f} s, official {peer:.2f} s, floor {floor:.2f} s, {SIZE} MiB; spread of CPU {spreads}"
            # Of downloads the goal is about the wall only.
            goal = to_floor if what == "upload" or key == "wall" else None
            spread = max(found[name]["spread"] for name in ("sogni", "floor"))
            rows.append(Row(f"{what}, {key}, sogni / http.client", ours / floor, goal, note, spread=spread))
            goal = 0.25 if what == "upload" else None
            spread = max(found[name]["spread"] for name in ("sogni", "official"))
            rows.append(Row(f"{what}, {key}, sogni / official", ours / peer, goal, note, spread=spread))
        for name in ("sogni", "sogni_async"):
            note = f"official {found['official']['extra'] / MIB:.0f} MiB, floor {found['floor']['extra'] / MIB:.1f} MiB"
            rows.append(Row(f"{what}, extra memory, {name}", found[name]["extra"] / MIB, 4, note, "MiB"))
    return rows


if __name__ == "__main__":
    main("transfers", CLIENTS, measure)
