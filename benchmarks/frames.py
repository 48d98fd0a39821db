"""CPU per progress frame, ours beside the official Python client and the bare libraries, in one run.

    python benchmarks/frames.py [--projects 100] [--frames 40000] [--rounds 5] [--read newest|each]

Every round runs each client once, in turn, in a process of its own; the medians and their ratios are printed. Shared
machines are noisy: compare the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CATALOGUE = HERE.parent / "tests" / "data" / "catalog.json"
CLIENTS = ("floor", "sogni", "sogni_async", "official")


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=100)
    parser.add_argument("--frames", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--read", choices=["newest", "each"], default="newest")
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=list(CLIENTS))
    options = parser.parse_args()
    figures: dict[str, list[dict[str, float]]] = {client: [] for client in options.clients}
    for number in range(options.rounds):
        for client in options.clients:
            figures[client].append(measure(client, options.projects, options.frames, options.read))
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
    peer = median(figures["official"], "cpu") if "official" in figures else None
    floor = median(figures["floor"], "cpu") if "floor" in figures else None
    print(f"{options.projects} projects, {options.frames} frames, read: {options.read}, median of {options.rounds}")
    print(f"{'client':12} {'CPU us/frame':>13} {'of official':>12} {'of floor':>9} {'wall s':>7} {'peak MiB':>9}")
    for client, rounds in figures.items():
        cpu = median(rounds, "cpu")
        of_peer = f"{cpu / peer:12.2f}" if peer else " " * 12
        of_floor = f"{cpu / floor:9.2f}" if floor else " " * 9
        wall, peak = median(rounds, "wall"), median(rounds, "peak") / 1024
        print(f"{client:12} {cpu / options.frames * 1e6:13.1f} {of_peer} {of_floor} {wall:7.2f} {peak:9.1f}")


def median(rounds: list[dict[str, float]], key: str) -> float:
    """The median of one figure."""
    return statistics.median(entry[key] for entry in rounds)


def measure(client: str, projects: int, frames: int, read: str) -> dict[str, float]:
    """One run of one client against a server of its own."""
    server = subprocess.Popen(
        [sys.executable, str(HERE / "feeder.py"), str(CATALOGUE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        port = server.stdout.readline().strip()
        arguments = [client, port, str(projects), str(frames), read]
        answer = subprocess.run(
            [sys.executable, str(HERE / "frame_clients.py"), *arguments], capture_output=True, text=True, timeout=300
        )
        if answer.returncode:
            raise SystemExit(f"{client} failed:\n{answer.stderr}")
        figures: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
        return figures
    finally:
        server.stdin.close()
        server.wait(10)


if __name__ == "__main__":
    main()
