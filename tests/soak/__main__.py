"""Runs the soak: serves the sandbox, strikes by plan, starts the workers, prints, and lets the judge speak."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

from sogni.sandbox import Sandbox
from tests.soak.judge import judge
from tests.soak.plan import Strike, plan

WORKERS = {"sogni": "tests.soak.blocking", "sogni_async": "tests.soak.tasks"}
CALM_AFTER = 1 / 4  # of the samples: memory that is still taken after that counts as growth
GROWTH = 24 << 20  # bytes
LIMIT = 1500.0  # seconds until a worker that does not end is ended


class Run:
    """One package's soak."""

    def __init__(self, package: str, strikes: list[Strike], arguments: argparse.Namespace) -> None:
        self.package = package
        self.strikes = strikes
        self.arguments = arguments
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.began = time.monotonic()

    def go(self) -> list[str]:
        """Everything that is wrong."""
        with Sandbox() as sandbox:
            here = self.arguments
            command = [sys.executable, "-m", WORKERS[self.package], sandbox.url]
            command += map(str, (here.seed, here.projects, here.side_by_side))
            worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            watchdog = threading.Timer(LIMIT, worker.kill)
            watchdog.start()
            striking = threading.Thread(target=self._strike, args=(sandbox, worker), daemon=True)
            striking.start()
            assert worker.stdout is not None
            for line in worker.stdout:
                self._hear(line)
            status = worker.wait()
            watchdog.cancel()
            striking.join(5)
            wrong = judge(
                sandbox, self.lines.get("project", []), {line["id"] for line in self.lines.get("uncertain", [])}
            )
            wrong += [f"the sandbox: {entry.detail}" for entry in sandbox.log if entry.kind in ("error", "leak")]
            sent, accepted = len(sandbox.submissions), sum(one.outcome == "accepted" for one in sandbox.submissions)
        if status != 0:
            wrong.append(f"the worker ended with {status}")
        wrong += [f"number {line['number']}: {line['problem']}" for line in self.lines.get("broken", [])]
        if len(self.lines.get("project", [])) != self.arguments.projects:
            wrong.append(f"{len(self.lines.get('project', []))} of {self.arguments.projects} projects ended")
        wrong += self._measured()
        self._sum_up(sent, accepted)
        return wrong

    def _strike(self, sandbox: Sandbox, worker: subprocess.Popen[str]) -> None:
        for strike in self.strikes:
            while len(sandbox.submissions) < strike.at:
                if worker.poll() is not None:
                    return
                time.sleep(0.02)
            if self.arguments.verbose:
                print(f"  {time.monotonic() - self.began:6.1f} s  after {strike.at:5} orders: {strike.name}")
            try:
                strike.act(sandbox)
            except RuntimeError:
                return
            time.sleep(0.05)
        print(f"  all {len(self.strikes)} faults have struck after {time.monotonic() - self.began:.0f} s", flush=True)

    def _hear(self, text: str) -> None:
        line = json.loads(text)
        self.lines.setdefault(line["kind"], []).append(line)
        if line["kind"] == "sample":
            done = "closed" if line["done"] < 0 else f"{line['done']:5} projects"
            print(
                f"  {time.monotonic() - self.began:6.1f} s  {done:>14}: {line['rss'] / 2**20:6.1f} MiB,"
                f" {line['threads']:3} threads, {line['files']:3} files",
                flush=True,
            )

    def _measured(self) -> list[str]:
        """What grew or was left."""
        samples = self.lines.get("sample", [])
        wrong = []
        steady = [one for one in samples if one["done"] >= self.arguments.projects * CALM_AFTER]
        if steady and steady[-1]["rss"] - steady[0]["rss"] > GROWTH:
            wrong.append(f"memory grew from {steady[0]['rss'] >> 20} to {steady[-1]['rss'] >> 20} MiB")
        if samples and samples[-1]["done"] < 0 and samples[-1]["threads"] > 1:
            wrong.append(f"{samples[-1]['threads']} threads are left after closing")
        if samples and samples[-1]["done"] < 0 and samples[-1]["files"] > samples[0]["files"] + 1:
            wrong.append(f"{samples[-1]['files']} files are open after closing, {samples[0]['files']} at the start")
        return wrong

    def _sum_up(self, sent: int, accepted: int) -> None:
        projects = self.lines.get("project", [])
        slow = sorted((line["seconds"] for line in projects), reverse=True)
        ends = Counter(f"{line['status']} {line['error'] or ''}".strip() for line in projects)
        again = Counter(line["error"] for line in self.lines.get("again", []))
        print(f"  {len(projects)} projects: " + ", ".join(f"{count} {end}" for end, count in ends.most_common()))
        print(f"  the slowest took {', '.join(f'{seconds:.0f}' for seconds in slow[:8])} s")
        print(f"  {sent} requests arrived, {accepted} were accepted; {len(self.lines.get('uncertain', []))} uncertain;")
        print("  told that nothing was ordered: " + (", ".join(f"{n} {e}" for e, n in again.most_common()) or "never"))
        print(f"  broken frames dropped: {sum(line['count'] for line in self.lines.get('broken_frames', []))}")


def main() -> int:
    """0 when nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--projects", type=int, default=2000, help="for each package")
    parser.add_argument("--faults", type=int, default=200, help="for each package")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--side-by-side", type=int, default=32, help="threads, or tasks, on the one client")
    parser.add_argument("--package", choices=[*WORKERS], action="append")
    parser.add_argument("--verbose", action="store_true", help="name every fault as it strikes")
    arguments = parser.parse_args()
    failures = 0
    for package in arguments.package or WORKERS:
        print(f"{package}: {arguments.projects} projects, {arguments.faults} faults, seed {arguments.seed}", flush=True)
        run = Run(package, plan(arguments.seed, arguments.faults, arguments.projects), arguments)
        wrong = run.go()
        for sentence in wrong[:40]:
            print(f"  WRONG {sentence}")
        print(f"  {'all is well' if not wrong else f'{len(wrong)} things are wrong'}", flush=True)
        failures += len(wrong)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
