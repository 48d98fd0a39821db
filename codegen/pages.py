"""What the pages of the documentation that are made from tables have in common: Markdown, and writing or checking."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; columns that no row fills are left out."""
    lines = [[*row] for row in rows]
    kept = [n for n in range(len(head)) if n == 0 or any(row[n] for row in lines)]
    shown = [[_cell(row[n]) for n in kept] for row in ([*head], ["---"] * len(head), *lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in shown)


def merged(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """Rows that stand one after another and say the same of different things, as one."""
    found: list[list[str]] = []
    for name, *rest in rows:
        if found and found[-1][1:] == rest:
            found[-1][0] += f", {name}"
        else:
            found.append([name, *rest])
    return found


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ") or " "


def attributes(cls: type) -> dict[str, str]:
    """What the docstring of a class says about its attributes, by name."""
    doc = inspect.cleandoc(cls.__doc__ or "")
    found = re.search(r"^Attributes:\n(.*?)(?:^\S|\Z)", doc, re.DOTALL | re.MULTILINE)
    entries: dict[str, str] = {}
    for entry in re.split(r"\n(?=    \w)", found[1]) if found else ():
        names, _, text = entry.strip().partition(": ")
        for name in names.split(", "):
            entries[name] = " ".join(text.split())
    return entries


def write_or_check(path: Path, text: str, command: str, arguments: Sequence[str] | None) -> int:
    """The command line of a generated page: writes it, or with `--check` fails when it is not what would be written."""
    parser = argparse.ArgumentParser(prog=command, description=f"Write {path.name}, or check it.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the page is not fresh")
    fresh = path.exists() and path.read_bytes() == text.encode()
    if parser.parse_args(arguments).check:
        if not fresh:
            print(f"{path.name} is not fresh: run `{command}` and commit what it writes")
        return 0 if fresh else 1
    if not fresh:
        path.write_text(text, "utf-8", newline="\n")
    print(f"{path.name}: {'unchanged' if fresh else 'written'}")
    return 0
