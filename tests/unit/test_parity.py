"""Both packages offer the same: names, members, parameters, defaults and annotations; what can be shared is one object.

Names of the protocols differ (`__aenter__`, `aclose`), as the generator renames them, and one package says `await`.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sogni
import sogni_async
from codegen.twin import ALL_RENAMES, blocking_text

PACKAGES = [sogni, sogni_async]
# What every module and class has without saying so, or what says the same in other words.
UNINTERESTING = {"__dict__", "__doc__", "__firstlineno__", "__module__", "__static_attributes__", "__weakref__"}


def renamed(text: str) -> str:
    """Code of the asyncio package with the names of the blocking one."""
    return re.sub(r"\w+", lambda word: ALL_RENAMES.get(word[0], word[0]), text)


def is_own(value: Any, package: ModuleType) -> bool:
    """True for what the package has for itself, because it waits."""
    return str(getattr(value, "__module__", "")).startswith(f"{package.__name__}._core")


# The front pages


def block(tree: ast.Module) -> dict[str, str]:
    """What checkers are told: public name -> module."""
    (branch,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    found = {}
    for node in branch.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname == alias.name, f"line {node.lineno}: `{alias.name} as {alias.name}` makes it public"
            found[alias.name] = "." * node.level + (node.module or "")
    return found


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_block_table_and_list_agree(package: ModuleType) -> None:
    told = block(ast.parse(Path(str(package.__file__)).read_text("utf-8")))
    assert told == package._WHERE
    assert set(told) == set(package.__all__)
    assert package.__all__ == sorted(package.__all__, key=lambda name: (not name.isupper(), name))
    assert len(package.__all__) == len(set(package.__all__))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_name_is_there_and_no_other(package: ModuleType) -> None:
    assert [name for name in package.__all__ if getattr(package, name, None) is None] == []
    assert dir(package) == sorted(package.__all__)
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'SogniCleint'"):
        _ = package.SogniCleint


def test_both_packages_have_the_same_names() -> None:
    assert sogni.__all__ == sogni_async.__all__


@pytest.mark.parametrize("name", sogni_async.__all__)
def test_what_does_not_wait_is_one_object(name: str) -> None:
    blocking, waiting = getattr(sogni, name), getattr(sogni_async, name)
    if is_own(waiting, sogni_async):
        assert waiting is not blocking
        assert blocking.__module__ == renamed(waiting.__module__)
        assert blocking.__qualname__ == waiting.__qualname__
    else:
        assert waiting is blocking


# Classes


def members(owner: type, package: ModuleType) -> dict[str, Any]:
    """What a class and its bases in the package define, private names left out."""
    found: dict[str, Any] = {}
    for base in reversed(owner.__mro__):
        if is_own(base, package):
            found |= vars(base)
    special = re.compile(r"__\w+__")
    return {
        name: value
        for name, value in found.items()
        if name not in UNINTERESTING and (not name.startswith("_") or special.fullmatch(name))
    }


def described(value: Any) -> list[str]:
    """What a caller can see of a member: its kind, parameters, defaults and annotations."""
    if isinstance(value, property):
        parts = {"get": value.fget, "set": value.fset, "delete": value.fdel}
        return [f"property {part}{inspect.signature(code)}" for part, code in parts.items() if code is not None]
    if isinstance(value, staticmethod | classmethod):
        return [f"{type(value).__name__} {line}" for line in described(value.__func__)]
    if inspect.isfunction(value):
        signature = inspect.signature(value)
        lines = [f"parameter {parameter.kind.description} {parameter}" for parameter in signature.parameters.values()]
        return [*lines, f"returns {signature.return_annotation}"]
    return [f"{type(value).__name__} {value!r}"]


def differences(waiting: type, blocking: type, packages: tuple[ModuleType, ModuleType]) -> Iterator[str]:
    """In what a class is not the twin of another."""
    ours = {renamed(name): value for name, value in members(waiting, packages[0]).items()}
    theirs = members(blocking, packages[1])
    yield from (f"{name} is missing on one side" for name in sorted(ours.keys() ^ theirs.keys()))
    for name in sorted(ours.keys() & theirs.keys()):
        one, other = [renamed(line) for line in described(ours[name])], described(theirs[name])
        if one != other:
            yield f"{name}: {one} is not {other}"
        if inspect.iscoroutinefunction(theirs[name]) or inspect.isasyncgenfunction(theirs[name]):
            yield f"{name} waits with await in the blocking package"
        if blocking_text(_first_line(ours[name])) != _first_line(theirs[name]):
            yield f"{name} is documented in other words"


def _first_line(value: Any) -> str:
    text = getattr(value, "__doc__", None) if inspect.isfunction(value) or isinstance(value, property) else None
    return (text or "").partition("\n")[0]


def reachable() -> dict[str, tuple[type, type]]:
    """Every class that a user gets into his hands and that exists twice: those on the front page and the resources."""
    pairs = [(getattr(sogni_async, name), getattr(sogni, name)) for name in sogni_async.__all__]
    client = sogni_async.SogniClient("key", app_id="app")
    twin = sogni.SogniClient("key", app_id="app")
    with twin:
        pairs += [
            (type(value), type(getattr(twin, name, None))) for name, value in vars(client).items() if name[0] != "_"
        ]
    return {
        waiting.__name__: (waiting, blocking)
        for waiting, blocking in pairs
        if isinstance(waiting, type) and is_own(waiting, sogni_async)
    }


REACHABLE = reachable()


def test_the_classes_that_exist_twice_are_found() -> None:
    known = {"SogniClient", "Projects", "Project", "Result", "Picture", "EventStream", "ResultStream", "ByteStream"}
    assert set(REACHABLE) >= known


@pytest.mark.parametrize("name", REACHABLE)
def test_classes_are_twins(name: str) -> None:
    waiting, blocking = REACHABLE[name]
    assert members(waiting, sogni_async), "there is something to compare"
    assert list(differences(waiting, blocking, (sogni_async, sogni))) == []
    assert [renamed(base.__module__) for base in waiting.__mro__] == [base.__module__ for base in blocking.__mro__]


def test_functions_are_twins() -> None:
    for name in sogni_async.__all__:
        waiting, blocking = getattr(sogni_async, name), getattr(sogni, name)
        if inspect.isfunction(waiting) and is_own(waiting, sogni_async):
            assert [renamed(line) for line in described(waiting)] == described(blocking), name
            assert not inspect.iscoroutinefunction(blocking), name


# That it would notice


class Waiting:
    """A class as it is in the asyncio package."""

    @property
    def id(self) -> str:
        """The id."""
        return ""

    async def wait(self, timeout: float | None = None, *, on_event: object = None) -> list[str]:
        """Wait for `aclose`."""
        return []

    async def aclose(self) -> None: ...

    async def __aenter__(self) -> Waiting:
        return self


GOOD = """
    @property
    def id(self) -> str:
        "The id."

    def wait(self, timeout: float | None = None, *, on_event: object = None) -> list[str]:
        "Wait for `close`."

    def close(self) -> None: ...

    def __enter__(self) -> Waiting: ...
"""

CHANGES = {
    "name of a parameter": ("timeout:", "seconds:", "wait:"),
    "kind of a parameter": ("*, on", "on", "wait:"),
    "default": ("float | None = None", "float | None = 5", "wait:"),
    "annotation": ("timeout: float | None", "timeout: int | None", "wait:"),
    "what it returns": ("list[str]", "tuple[str]", "wait:"),
    "name of a method": ("def close", "def shut", "close is missing"),
    "one more method": ("def close", "def more(self): ...\n\n    def close", "more is missing"),
    "no property": ("@property", "", "id:"),
    "still waits": ("    def wait", "    async def wait", "wait waits with await"),
    "other words": ("Wait for", "Look at", "wait is documented"),
}


def made(code: str) -> type:
    """A class from source, which counts as part of this module's package."""
    space: dict[str, Any] = {"__name__": f"{__name__}._core"}
    exec("from __future__ import annotations\n\nclass Waiting:\n" + code, space)
    kind = space["Waiting"]
    assert isinstance(kind, type)
    return kind


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """Two packages that the sample classes belong to."""
    monkeypatch.setattr(Waiting, "__module__", f"{__name__}._core")
    return ModuleType(__name__), ModuleType(__name__)


def test_a_twin_is_a_twin(sample: tuple[ModuleType, ModuleType]) -> None:
    assert list(differences(Waiting, made(GOOD), sample)) == []


@pytest.mark.parametrize(("before", "after", "problem"), CHANGES.values(), ids=CHANGES)
def test_a_difference_is_found(before: str, after: str, problem: str, sample: tuple[ModuleType, ModuleType]) -> None:
    assert before in GOOD
    found = list(differences(Waiting, made(GOOD.replace(before, after)), sample))
    assert any(line.startswith(problem) for line in found), found
