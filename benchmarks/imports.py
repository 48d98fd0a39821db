"""What importing costs: the package, a client made of it, and everything that a long program ends up with."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from .common import ROOT, Row, environment, in_turn, main, spawn

# Everything of ours, and the libraries that are imported inside functions; the outer ring is for other programs.
EVERYTHING = """
import pkgutil, importlib, sogni
# Not walk_packages: it imports a package in order to look into it, the outer ring among them.
waiting = [("sogni.", sogni.__path__)]
while waiting:
    prefix, path = waiting.pop()
    for module in pkgutil.iter_modules(path, prefix):
        if module.name not in ("sogni.sandbox", "sogni.cli"):
            found = importlib.import_module(module.name)
            if module.ispkg:
                waiting.append((module.name + ".", found.__path__))
import sys
assert not {"aiohttp", "sogni.sandbox", "sogni.cli"} & set(sys.modules)
for name in sogni.__all__:
    getattr(sogni, name)
import requests, websocket, cattrs, eth_account
"""
OFFICIAL = """
import pkgutil, importlib, sogni_client
for module in pkgutil.walk_packages(sogni_client.__path__, sogni_client.__name__ + "."):
    importlib.import_module(module.name)
import eth_account
"""
PROGRAMS = {
    "bare": "pass",
    "sogni": "import sogni",
    "sogni client": "import sogni; sogni.SogniClient('bench', app_id='bench')",
    "sogni everything": EVERYTHING,
    "libraries": "import requests, websocket, cattrs, eth_account",
    "official": "import sogni_client; sogni_client.SogniClient",
    "official everything": OFFICIAL,
}
HEAVY = ("requests", "websocket", "cattrs", "eth_account", "asyncio")
# Processes are short and machines noisy.
TIMES = 3


def measure(rounds: int) -> list[Row]:
    """CPU over a bare interpreter, beside the published client."""
    # Byte code is written first, so that nobody compiles.
    for program in PROGRAMS.values():
        spawn(program)
    runs = {name: partial(spawn, program) for name, program in PROGRAMS.items()}
    found = in_turn(rounds * TIMES, runs)
    over = {name: figures["cpu"] - found["bare"]["cpu"] for name, figures in found.items()}
    heavy = subprocess.run(
        [sys.executable, "-c", f"import sys, sogni; print(sum(name in sys.modules for name in {HEAVY}))"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    def row(metric: str, name: str, goal: float | None, peer: str = "official") -> Row:
        note = f"{over[name] * 1e3:.0f} ms, {peer} {over[peer] * 1e3:.0f} ms"
        return Row(f"{metric} / {peer}", over[name] / over[peer], goal, note)

    return [
        row("import sogni, CPU", "sogni", 0.5),
        row("import and construction, CPU", "sogni client", None),
        row("everything loaded, CPU", "sogni everything", 1.4, "official everything"),
        row("the four libraries alone, CPU", "libraries", None, "official everything"),
        Row("heavy libraries loaded by `import sogni`", float(heavy.stdout), 0, unit=""),
    ]


if __name__ == "__main__":
    main("imports", {}, measure)
