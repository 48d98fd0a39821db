"""Runs the soak: serves the sandbox, strikes by plan, starts the workers, prints, and lets the judge speak."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from sogni.sandbox import Sandbox
from tests.soak.judge import judge
from tests.soak.plan import Strike, plan

WORKERS = {"sogni": "tests.soak.blocking", "sogni_async": "tests.soak.tasks"}
CALM_AFTER = 1 / 4  # of the samples: memory that is still taken after that counts as growth
GROWTH = 24 << 20  # bytes
LIMIT = 1500.0  # seconds until a worker that does not end is ended


class Worker:
    """A process at work, what it says, and what may be wrong with how it ended."""

    def __init__(self, module: str, sandbox: Sandbox, *arguments: object) -> None:
        command = [sys.executable, "-m", module, sandbox.url, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.began = time.monotonic()

    def listen(self) -> None:
        """Hear it out, to its end."""
        watchdog = threading.Timer(LIMIT, self.process.kill)
        watchdog.start()
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            self.lines.setdefault(line["kind"], []).append(line)
            if line["kind"] == "sample":
                self._show(line)
        self.process.wait()
        watchdog.cancel()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Its lines of one kind."""
        return self.lines.get(kind, [])

    def measured(self, most: int) -> list[str]:
        """What grew or was left after `most` things were done."""
        samples = self.of("sample")
        wrong = [f"the worker ended with {self.process.returncode}"] if self.process.returncode else []
        steady = [one["rss"] for one in samples if one["done"] >= most * CALM_AFTER]
        if steady and steady[-1] - steady[0] > GROWTH:
            wrong.append(f"memory grew from {steady[0] >> 20} to {steady[-1] >> 20} MiB")
        last = samples[-1]
        if last["done"] >= 0 or last["threads"] > 1:
            wrong.append(f"{last['threads']} threads are left after closing")
        if last["files"] > samples[0]["files"]:
            wrong.append(f"{last['files']} files are open after closing, {samples[0]['files']} at the start")
        return wrong

    def _show(self, line: dict[str, Any]) -> None:
        done = "closed" if line["done"] < 0 else f"{line['done']:5} done"
        print(
            f"  {time.monotonic() - self.began:6.1f} s  {done:>10}: {line['rss'] / 2**20:6.1f} MiB,"
            f" {line['threads']:3} threads, {line['files']:3} files",
            flush=True,
        )


def storm(package: str, arguments: argparse.Namespace) -> list[str]:
    """Projects through faults; everything that is wrong."""
    with Sandbox() as sandbox:
        worker = Worker(WORKERS[package], sandbox, arguments.seed, arguments.projects, arguments.side_by_side)
        strikes = plan(arguments.seed, arguments.faults, arguments.projects)
        striking = threading.Thread(target=strike_all, args=(strikes, sandbox, worker, arguments.verbose), daemon=True)
        striking.start()
        worker.listen()
        striking.join(5)
        ended = worker.of("project")
        wrong = judge(sandbox, ended, {line["id"] for line in worker.of("uncertain")})
        wrong += [f"the sandbox: {entry.detail}" for entry in sandbox.log if entry.kind in ("error", "leak")]
        sent, accepted = len(sandbox.submissions), sum(one.outcome == "accepted" for one in sandbox.submissions)
    wrong += [f"number {line['number']}: {line['problem']}" for line in worker.of("broken")]
    if len(ended) != arguments.projects:
        wrong.append(f"{len(ended)} of {arguments.projects} projects ended")
    wrong += worker.measured(arguments.projects)
    ends = Counter(f"{line['status']} {line['error'] or ''}".strip() for line in ended)
    again = Counter(line["error"] for line in worker.of("again"))
    slow = sorted((line["seconds"] for line in ended), reverse=True)
    print(f"  {len(ended)} projects: " + ", ".join(f"{count} {end}" for end, count in ends.most_common()))
    print(f"  the slowest took {', '.join(f'{seconds:.0f}' for seconds in slow[:8])} s")
    print(f"  {sent} requests arrived, {accepted} were accepted; {len(worker.of('uncertain'))} uncertain;")
    print("  told that nothing was ordered: " + (", ".join(f"{n} {e}" for e, n in again.most_common()) or "never"))
    print(f"  broken frames dropped: {sum(line['count'] for line in worker.of('broken_frames'))}")
    return wrong


def strike_all(strikes: list[Strike], sandbox: Sandbox, worker: Worker, verbose: bool) -> None:
    """Every fault of the plan when its time has come."""
    for strike in strikes:
        while len(sandbox.submissions) < strike.at:
            if worker.process.poll() is not None:
                return
            time.sleep(0.02)
        if verbose:
            print(f"  {time.monotonic() - worker.began:6.1f} s  after {strike.at:5} orders: {strike.name}")
        try:
            strike.act(sandbox)
        except RuntimeError:
            return
        time.sleep(0.05)
    print(f"  all {len(strikes)} faults have struck after {time.monotonic() - worker.began:.0f} s", flush=True)


def rounds(package: str, arguments: argparse.Namespace) -> list[str]:
    """Opening and closing; everything that is wrong."""
    with Sandbox() as sandbox:
        worker = Worker("tests.soak.rounds", sandbox, package, arguments.rounds)
        worker.listen()
        wrong = worker.measured(arguments.rounds)
        sandbox.wait_for(lambda: sandbox.open_sockets == 0)
        opened = sum(entry.kind == "open" for entry in sandbox.log)
    if opened != arguments.rounds:
        wrong.append(f"{opened} connections for {arguments.rounds} rounds")
    return wrong


def main() -> int:
    """0 when nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--projects", type=int, default=2000, help="for each package")
    parser.add_argument("--faults", type=int, default=200, help="for each package")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--side-by-side", type=int, default=32, help="threads, or tasks, on the one client")
    parser.add_argument("--rounds", type=int, default=1000, help="of opening and closing, for each package; 0 for none")
    parser.add_argument("--package", choices=[*WORKERS], action="append")
    parser.add_argument("--verbose", action="store_true", help="name every fault as it strikes")
    arguments = parser.parse_args()
    failures = 0
    for package in arguments.package or WORKERS:
        if arguments.projects:
            about = f"{arguments.projects} projects, {arguments.faults} faults, seed {arguments.seed}"
            failures += verdict(f"{package}: {about}", partial(storm, package, arguments))
        if arguments.rounds:
            about = f"opened and closed {arguments.rounds} times"
            failures += verdict(f"{package}: {about}", partial(rounds, package, arguments))
    return 1 if failures else 0


def verdict(title: str, work: Callable[[], list[str]]) -> int:
    """Run one part, and print what is wrong with it; how many things that are."""
    print(title, flush=True)
    wrong = work()
    for sentence in wrong[:40]:
        print(f"  WRONG {sentence}")
    print(f"  {'all is well' if not wrong else f'{len(wrong)} things are wrong'}", flush=True)
    return len(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
