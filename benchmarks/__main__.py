"""All benchmarks, or some, and one table: `python -m benchmarks [SUBJECT ...] [--rounds 5]`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from .common import Row, show

SUBJECTS = ("imports", "start", "create", "estimates", "frames", "latency", "memory", "idle", "transfers", "closing")


def main() -> None:
    """Run them one after another."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    unknown = set(options.subjects) - set(SUBJECTS)
    if unknown:
        parser.error(f"no subject {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    rows: list[Row] = []
    for subject in options.subjects or SUBJECTS:
        print(f"{subject} ...", file=sys.stderr, flush=True)
        rows += import_module(f"benchmarks.{subject}").measure(options.rounds)
    show(rows)


if __name__ == "__main__":
    main()
