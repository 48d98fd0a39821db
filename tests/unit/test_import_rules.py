"""Who may import whom: the layers of the project as a table, and the proof that the code keeps to it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sogni", "sogni_async")

WAITING = {"asyncio", "concurrent", "multiprocessing", "queue", "selectors", "threading", "time"}
NETWORK = {"http.client", "http.server", "socket", "socketserver", "ssl", "subprocess", "urllib.request"}


class Layer(NamedTuple):
    """One row of the table."""

    files: tuple[str, ...]
    """Files, or folders when they end with a slash."""
    project: tuple[str, ...]
    """What of the project it may import besides itself: rows above, or single modules."""
    libraries: set[str]
    """Which installed libraries, at the top or inside a function."""
    never: set[str]
    """Which modules of the standard library it must not import, not even for type checkers if asyncio is among them."""


LAYERS = {
    "shapes": Layer(
        files=("sogni/types/", "sogni/events.py", "sogni/errors.py"),
        project=(),
        libraries={"attrs"},
        never=WAITING | NETWORK,
    ),
    "base": Layer(
        files=("sogni/_deadline.py", "sogni/_version.py"),
        project=("shapes",),
        libraries=set(),
        never=WAITING - {"time"} | NETWORK,
    ),
    "protocol": Layer(
        files=("sogni/_protocol/",),
        project=("shapes",),
        libraries={"attrs", "cattrs", "eth_account", "jwt"},
        never=WAITING | NETWORK,
    ),
    "rules": Layer(
        files=("sogni/_rules/",),
        project=("shapes", "protocol"),
        libraries={"attrs", "cattrs"},
        never=WAITING | NETWORK,
    ),
    "store": Layer(
        files=("sogni/_store/",),
        project=("shapes", "base"),
        libraries={"attrs", "filelock", "platformdirs"},
        never={"asyncio"} | NETWORK,
    ),
    "io": Layer(
        files=("sogni/_io/",),
        project=("shapes", "base", "protocol", "rules", "store"),
        libraries={"attrs", "filetype", "requests", "stamina", "urllib3", "websocket"},
        never={"asyncio"},
    ),
    "bridge": Layer(
        files=("sogni/_bridge.py", "sogni_async/_bridge.py"),
        project=("shapes", "base", "io"),
        libraries=set(),
        never=NETWORK,
    ),
    "core": Layer(
        files=("sogni/_core/", "sogni_async/_core/"),
        project=(
            "shapes",
            "base",
            "rules",
            "store",
            "bridge",
            # Values of the wire that a handle reads or a call is made of; no state machine among them.
            "sogni._protocol.call",
            "sogni._protocol.entries",
            "sogni._protocol.ids",
            "sogni._protocol.messages",
            "sogni._protocol.recovery",
            "sogni._protocol.rest",
            "sogni._protocol.results",
            # The engine, and what only uses the engine.
            "sogni._io.engine",
            "sogni._io.meter",
            "sogni._io.names",
            "sogni._io.process",
            "sogni._io.setup",
            "sogni._io.slots",
            "sogni._io.transfer",
        ),
        libraries={"attrs"},
        never=WAITING | NETWORK,
    ),
    "front": Layer(
        files=("sogni/__init__.py", "sogni_async/__init__.py"),
        project=("shapes", "base", "rules", "store", "core"),
        libraries=set(),
        never=WAITING | NETWORK,
    ),
    "outer ring": Layer(
        files=("sogni/sandbox/", "sogni/cli/", "sogni/__main__.py", "sogni/testing/", "sogni/contrib/"),
        project=("shapes", "front"),
        libraries={"aiohttp", "attrs", "av", "cyclopts", "eth_account", "filetype", "numpy", "PIL", "pytest", "rich"},
        never=set(),
    ),
}

# The client starts the sandbox that it is asked for.
EXCEPTIONS = {("sogni/_core/client.py", "sogni.sandbox"), ("sogni_async/_core/client.py", "sogni.sandbox")}
# In `sogni` only the sandbox, which is a server, knows asyncio.
MAY_KNOW_ASYNCIO = ("sogni/sandbox/", "sogni_async/")
SAME_IN_BOTH = ("sogni/_core/", "sogni_async/_core/")


class Import(NamedTuple):
    """One imported module, by its full name."""

    line: int
    module: str
    relative: bool
    for_checkers: bool
    at_load: bool


def layer_of(path: str) -> str | None:
    """The row that a file belongs to."""
    for name, layer in LAYERS.items():
        if any(path == entry or (entry.endswith("/") and path.startswith(entry)) for entry in layer.files):
            return name
    return None


def is_module(name: str) -> bool:
    """True for modules and packages of the project."""
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def path_of(module: str) -> str:
    """Where a module of the project is."""
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def imports(path: str, code: str) -> Iterator[Import]:
    """Every import of a file, also those inside functions, for type checkers, and by a literal name."""
    package = path.split("/")[:-1]

    def visit(node: ast.AST, for_checkers: bool, at_load: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for statement in node.body:
                yield from visit(statement, True, False)
            for statement in node.orelse:
                yield from visit(statement, for_checkers, at_load)
            return
        for module, relative in _modules(node, package):
            yield Import(getattr(node, "lineno", 0), module, relative, for_checkers, at_load)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for part in ast.iter_child_nodes(node):
            yield from visit(part, for_checkers, at_load and not inside)

    return visit(ast.parse(code), False, True)


def _modules(node: ast.AST, package: list[str]) -> Iterator[tuple[str, bool]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, False) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parts = package[: len(package) - node.level + 1] if node.level else []
        base = ".".join([*parts, *([node.module] if node.module else [])])
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            yield (whole if base.partition(".")[0] in PACKAGES and is_module(whole) else base), node.level > 0
    elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__"):
        name = node.args[0] if node.args else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value.lstrip("."), False


def violations(path: str, code: str) -> list[str]:
    """Each import of a file that the table does not allow."""
    name = layer_of(path)
    if name is None:
        return ["belongs to no layer"]
    found = []
    for item in imports(path, code):
        top = item.module.partition(".")[0]
        if top in PACKAGES:
            problem = _project_problem(path, name, item)
        elif top in sys.stdlib_module_names:
            problem = _stdlib_problem(path, name, item)
        elif top in LAYERS[name].libraries or (item.for_checkers and top == "typing_extensions"):
            problem = None
        else:
            problem = f"{name} must not use the library {top}"
        if problem:
            found.append(f"line {item.line}: {problem}")
    return found


def _stdlib_problem(path: str, name: str, item: Import) -> str | None:
    if item.module.partition(".")[0] == "asyncio" and not path.startswith(MAY_KNOW_ASYNCIO):
        return "only the sandbox knows asyncio"
    # For checkers, a module is just the place of a type.
    forbidden = {"asyncio"} & LAYERS[name].never if item.for_checkers else LAYERS[name].never
    if any(item.module == module or item.module.startswith(f"{module}.") for module in forbidden):
        return f"{name} must not import {item.module}"
    return None


def _project_problem(path: str, name: str, item: Import) -> str | None:
    module = item.module
    if (path, module) in EXCEPTIONS:
        return None
    outer = name == "outer ring"
    if path.startswith("sogni/") and module.partition(".")[0] == "sogni_async" and not outer:
        return "sogni must not import sogni_async"
    if path.startswith(SAME_IN_BOTH):
        own = module.startswith(tuple(f"{package}.{part}" for package in PACKAGES for part in ("_core", "_bridge")))
        if own != item.relative:
            return f"{module} is imported {'relatively' if item.relative else 'absolutely'}: wrong in the other package"
    if outer:
        home = ".".join(path.split("/")[:2])
        private = any(part.startswith("_") for part in module.split("."))
        return f"{module} is private" if private and not f"{module}.".startswith(f"{home}.") else None
    target = layer_of(path_of(module))
    if target == name or target in LAYERS[name].project or module in LAYERS[name].project:
        same_side = name != "core" or module.partition(".")[0] == path.partition("/")[0]
        return None if same_side or target != name else f"{module} is the core of the other package"
    if name == "front" and not item.for_checkers:
        return f"{module} is loaded at import"
    return f"{name} must not import {module}"


def sources() -> list[str]:
    """Every module of both packages, as a path."""
    return [
        path.relative_to(ROOT).as_posix() for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))
    ]


@pytest.mark.parametrize("path", sources())
def test_layers_are_kept(path: str) -> None:
    assert violations(path, (ROOT / path).read_text("utf-8")) == []


def test_table_has_no_circle() -> None:
    above: list[str] = []
    for name, layer in LAYERS.items():
        for allowed in layer.project:
            assert allowed in above or is_module(allowed), f"{name} names {allowed}, which is no row above it"
            assert allowed in above or layer_of(path_of(allowed)) in above
        above.append(name)


def test_front_loads_nothing_of_the_project() -> None:
    for path in LAYERS["front"].files:
        loaded = [item.module for item in imports(path, (ROOT / path).read_text("utf-8")) if not item.for_checkers]
        assert [module for module in loaded if module.partition(".")[0] in PACKAGES] == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle of imports, or nothing."""
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for imported in sorted(graph.get(module, ())):
            if found := walk(imported, [*trail, module]):
                return found
        done.add(module)
        return []

    for module in sorted(graph):
        if found := walk(module, []):
            return found
    return []


def test_no_modules_load_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for path in sources():
        loaded = {item.module for item in imports(path, (ROOT / path).read_text("utf-8")) if item.at_load}
        graph[path] = {path_of(module) for module in loaded if module.partition(".")[0] in PACKAGES} - {path}
    assert circle(graph) == []


BAD = {
    "shapes know nothing below": ("sogni/types/params.py", "from .._protocol import wire", "shapes must not import"),
    "shapes use attrs only": ("sogni/events.py", "import cattrs", "must not use the library cattrs"),
    "errors without a clock": ("sogni/errors.py", "import time", "must not import time"),
    "protocol without a clock": ("sogni/_protocol/session.py", "from time import monotonic", "must not import time"),
    "inside a function too": ("sogni/_protocol/rest.py", "def f():\n    import socket", "line 2: protocol must not"),
    "protocol without rules": (
        "sogni/_protocol/rest.py",
        "from sogni._rules import build",
        "must not import sogni._rules.build",
    ),
    "rules without network": ("sogni/_rules/build.py", "import requests", "must not use the library requests"),
    "by a literal name": ("sogni/_rules/build.py", "importlib.import_module('threading')", "must not import threading"),
    "store without the engine": ("sogni/_store/app_ids.py", "from .._io.engine import Engine", "store must not import"),
    "io without the core": ("sogni/_io/engine.py", "from .._core.client import SogniClient", "io must not import"),
    "for checkers as well": (
        "sogni/_io/link.py",
        "if TYPE_CHECKING:\n    from .._core.project import Project",
        "io must not import sogni._core.project",
    ),
    "bridge without network": ("sogni/_bridge.py", "import requests", "must not use the library requests"),
    "no asyncio": ("sogni/_bridge.py", "import asyncio", "only the sandbox knows asyncio"),
    "no asyncio for checkers": ("sogni/_io/inbox.py", "if TYPE_CHECKING:\n    import asyncio", "only the sandbox"),
    "no asyncio in the command": ("sogni/cli/main.py", "from asyncio import run", "only the sandbox knows asyncio"),
    "core without threads": ("sogni_async/_core/project.py", "import threading", "core must not import threading"),
    "core without asyncio": ("sogni_async/_core/project.py", "import asyncio", "core must not import asyncio"),
    "core without the state": (
        "sogni_async/_core/project.py",
        "from sogni._protocol.session import Session",
        "core must not import sogni._protocol.session",
    ),
    "core without the link": (
        "sogni_async/_core/link.py",
        "from sogni._io import link",
        "must not import sogni._io.link",
    ),
    "core from the root": ("sogni_async/_core/link.py", "from sogni import Model", "core must not import sogni"),
    "shared code absolutely": (
        "sogni/_core/project.py",
        "from .._io.engine import Engine",
        "wrong in the other package",
    ),
    "siblings relatively": (
        "sogni_async/_core/project.py",
        "from sogni_async._core.result import Result",
        "wrong in the other package",
    ),
    "one exception only": ("sogni/_core/project.py", "from sogni.sandbox import Sandbox", "core must not import"),
    "never the reverse": ("sogni/_io/engine.py", "import sogni_async", "sogni must not import sogni_async"),
    "front on demand": ("sogni/__init__.py", "from ._io.engine import Engine", "sogni._io.engine is loaded at import"),
    "public names outside": ("sogni/cli/main.py", "from sogni._io.engine import Engine", "sogni._io.engine is private"),
    "private module as a name": ("sogni/sandbox/rest.py", "from sogni import _rules", "sogni._rules is private"),
    "private module of another": ("sogni/testing/plugin.py", "from ..sandbox._x import y", "sandbox._x is private"),
    "a file of no layer": ("sogni/_helpers.py", "", "belongs to no layer"),
}


@pytest.mark.parametrize(("path", "code", "expected"), BAD.values(), ids=BAD)
def test_bad_import_is_found(path: str, code: str, expected: str) -> None:
    found = violations(path, code)
    assert len(found) == 1
    assert expected in found[0]


GOOD = [
    (
        "sogni/types/media.py",
        "import os, enum\nfrom decimal import Decimal\nfrom attrs import frozen\nfrom ..errors import X",
    ),
    (
        "sogni/_rules/build.py",
        "import attrs, re\nfrom sogni._protocol import wire\nfrom ..types.params import ImageParams",
    ),
    ("sogni/_protocol/jobs.py", "if TYPE_CHECKING:\n    import threading"),
    ("sogni/_io/link.py", "import threading, time, queue\nimport websocket\nfrom .ws import Socket"),
    ("sogni_async/_bridge.py", "import asyncio\nfrom sogni._io.inbox import Inbox"),
    (
        "sogni_async/_core/client.py",
        "from .._bridge import Bridge\nfrom .project import P\nfrom sogni.sandbox import Sandbox",
    ),
    (
        "sogni/cli/main.py",
        "import sogni\nfrom sogni import SogniClient\nfrom sogni.errors import X\nfrom ._line import y",
    ),
    ("sogni/sandbox/server.py", "import asyncio\nfrom aiohttp import web"),
]


@pytest.mark.parametrize(("path", "code"), GOOD, ids=[path for path, _ in GOOD])
def test_good_imports_pass(path: str, code: str) -> None:
    assert violations(path, code) == []


def test_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
