"""Whether a test that a table names exists."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]


@cache
def tests_in(path: str) -> frozenset[str]:
    """The tests of a file, as `test` or `Class::test`."""
    found = set()
    for node in ast.parse((TESTS / path).read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{name}" for name in _functions(node.body)}
    return frozenset(found | _functions(ast.parse((TESTS / path).read_text("utf-8")).body))


def _functions(body: list[ast.stmt]) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in body if isinstance(node, kinds) and node.name.startswith("test_")}


def missing(names: tuple[str, ...]) -> list[str]:
    """Those of `file::test` that do not exist."""
    return [name for name in names if name.partition("::")[2] not in tests_in(name.partition("::")[0])]
