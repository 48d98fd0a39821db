"""What must never appear in `sogni_async/_core`, because its twin would be broken, different or dishonest.

The same traps are looked for in `tests/aio`. There the rules about concurrency end at asyncio: a test may use threads.
"""

from __future__ import annotations

import ast
import io
import itertools
import re
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen import twin

CORE = sorted((twin.ROOT / "sogni_async/_core").rglob("*.py"))
TESTS = sorted((twin.ROOT / "tests/aio").rglob("*.py"))

# Waiting is the bridge's business and running is the engine's.
NO_IMPORT = {"asyncio", "concurrent", "queue", "requests", "threading", "time", "websocket"}
LOCKS = {"Barrier", "BoundedSemaphore", "Condition", "Lock", "RLock", "Semaphore"}
TASKS = {"TaskGroup", "as_completed", "create_task", "ensure_future", "gather", "run_coroutine_threadsafe", "to_thread"}
NO_NAME = LOCKS | TASKS | {"wait_for"}
# Nothing of this kind is left in the twin, so no signature may speak of it.
NO_ANNOTATION = {"AsyncGenerator", "Awaitable", "Coroutine"}
NO_DOCSTRING = ("coroutine", "event loop")

# `AsyncSomething` becomes `SyncSomething`, whether such a thing exists or not.
SURPRISING = re.compile(r"Async[A-Z]\w*")
# In prose "await " and "async " go away; any other form of the words stays.
LEFT_IN_PROSE = re.compile(r"\b(?:await|async)\b(?! )")
LEFT_IN_STRING = re.compile(r"\b(?:await|async) ")


def problems(code: str, *, core: bool = True) -> list[str]:
    """Every trap in a source file, with its line."""
    tree = ast.parse(code)
    found = {*_tokens(code), *_prose(code), *_strings(tree), *_names(tree), *_functions(tree)}
    found |= set(_imports(tree, NO_IMPORT if core else {"asyncio"}))
    if core:
        found |= set(_concurrency(tree))
    return [f"line {line}: {text}" for line, text in sorted(found)]


Found = Iterator[tuple[int, str]]


def _tokens(code: str) -> Found:
    """The tool removes the token after `await` and `async`, taking it for a space."""
    tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    for word, after in itertools.pairwise(tokens):
        if word.type == tokenize.NAME and word.string in ("async", "await"):
            if after.type in (tokenize.NL, tokenize.NEWLINE) or after.start[0] != word.end[0]:
                yield word.start[0], f"a line break right after `{word.string}`"
            elif after.start == word.end:
                yield word.start[0], f"no space after `{word.string}`"
        if word.type == tokenize.STRING and word.string.lower().startswith(("r", "b", "u", '"""', "'''")):
            text = ast.literal_eval(word.string)
            if text in twin.ALL_RENAMES or text in {name.encode() for name in twin.ALL_RENAMES}:
                yield word.start[0], f"{text!r} with a prefix or three quotes is not renamed"


def _prose(code: str) -> Found:
    for token in twin.prose(code):
        if LEFT_IN_PROSE.search(token.string):
            yield token.start[0], "`await` or `async` not followed by a space stays in docstrings and comments"
        lines = token.string.lower()
        if token.type == tokenize.STRING:
            yield from ((token.start[0], f"a docstring says {word!r}") for word in NO_DOCSTRING if word in lines)


def _strings(tree: ast.AST) -> Found:
    elsewhere = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    elsewhere |= {id(part) for node in _annotations(tree) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield from _fields(node)
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in elsewhere:
            continue
        words = re.findall(r"\w+", node.value)
        if node.value not in twin.ALL_RENAMES and any(word in twin.ALL_RENAMES for word in words):
            yield node.lineno, f"only a string that is one name is renamed: {node.value!r}"
        if LEFT_IN_STRING.search(node.value):
            yield node.lineno, f"`await` or `async` stays in a string: {node.value!r}"


def _fields(template: ast.JoinedStr) -> Found:
    """Python before 3.12 sees an f-string as one token, so nothing in its braces is converted there."""
    for node in ast.walk(template):
        if isinstance(node, ast.Await) or (isinstance(node, ast.comprehension) and node.is_async):
            yield template.lineno, "`await` or `async` inside an f-string"
        name = getattr(node, "attr", None) or getattr(node, "id", None)
        if name in twin.ALL_RENAMES or SURPRISING.fullmatch(str(name)):
            yield template.lineno, f"{name} inside an f-string"


def _names(tree: ast.AST) -> Found:
    for node in ast.walk(tree):
        spelt = (getattr(node, part, None) for part in ("id", "attr", "name", "arg", "asname"))
        for name in (name for name in spelt if isinstance(name, str)):
            if SURPRISING.fullmatch(name) and name not in twin.ALL_RENAMES:
                yield getattr(node, "lineno", 0), f"{name} would become Sync{name[5:]}"
    for node in _annotations(tree):
        text = ast.unparse(node)
        words = NO_ANNOTATION.intersection(re.findall(r"\w+", text))
        yield from ((node.lineno, f"{name} in an annotation") for name in words)


def _annotations(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        for part in ("annotation", "returns"):
            if isinstance(found := getattr(node, part, None), ast.expr):
                yield found


def _functions(tree: ast.AST) -> Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef) and any(isinstance(part, ast.Yield) for part in _own_nodes(node)):
            yield node.lineno, f"{node.name} is an async generator: an early break leaves it open"
        if isinstance(node, ast.GeneratorExp) and any(part.is_async for part in node.generators):
            yield node.lineno, "an async generator expression"
        if isinstance(node, ast.ClassDef | ast.Module):
            names = [part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
            for name in names:
                if (new := twin.ALL_RENAMES.get(name)) in names:
                    yield node.body[0].lineno, f"{name} and {new} would be one name"


def _own_nodes(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _imports(tree: ast.AST, forbidden: set[str]) -> Found:
    for node in ast.walk(tree):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or ""]
        for module in modules:
            if module.partition(".")[0] in forbidden:
                yield getattr(node, "lineno", 0), f"imports {module}"


def _concurrency(tree: ast.AST) -> Found:
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(node, "id", None)
        if name in NO_NAME:
            yield getattr(node, "lineno", 0), f"uses {name}"


def test_there_is_something_to_look_at() -> None:
    assert CORE
    assert TESTS


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_core_is_free_of_traps(path: Path) -> None:
    assert problems(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_tests_are_free_of_traps(path: Path) -> None:
    assert problems(path.read_text("utf-8"), core=False) == []


BAD = {
    "import of asyncio": ("import asyncio", "imports asyncio"),
    "import inside a function": ("def f(): from time import sleep", "imports time"),
    "import for checkers": ("if TYPE_CHECKING:\n    import threading", "imports threading"),
    "import of a submodule": ("import concurrent.futures", "imports concurrent.futures"),
    "gather": ("async def f(): return await gather(a, b)", "uses gather"),
    "task": ("async def f(): loop.create_task(g())", "uses create_task"),
    "lock": ("lock = Lock()", "uses Lock"),
    "wait_for": ("async def f(): await x.wait_for(y)", "uses wait_for"),
    "await(": ("async def f(): await(g())", "no space after `await`"),
    "break after await": ("async def f():\n    return (await\n        g())", "a line break right after `await`"),
    "break after async": ("async \\\ndef f(): ...", "a line break right after `async`"),
    "await in an f-string": ("async def f(): return f'{await g()}'", "`await` or `async` inside an f-string"),
    "name in an f-string": ("text = f'{client.aclose}'", "aclose inside an f-string"),
    "async generator": ("async def f():\n    if x:\n        yield 1", "f is an async generator"),
    "async generator expression": ("async def f(): return (x async for x in y)", "an async generator expression"),
    "dotted name in a string": ("name = 'sogni_async._core.project'", "only a string that is one name is renamed"),
    "message with a name": ("raise E('call aclose first')", "only a string that is one name is renamed"),
    "message with await": ("raise E('write await here')", "`await` or `async` stays in a string"),
    "raw string": ("name = r'aclose'", "with a prefix or three quotes is not renamed"),
    "Awaitable": ("def f(x: Awaitable[int]) -> None: ...", "Awaitable in an annotation"),
    "Coroutine in quotes": ("def f() -> 'Coroutine[int]': ...", "Coroutine in an annotation"),
    "AsyncGenerator": ("x: AsyncGenerator[int, None]", "AsyncGenerator in an annotation"),
    "coroutine in a docstring": ('"""Makes a Coroutine."""', "a docstring says 'coroutine'"),
    "event loop in a docstring": ('def f():\n    """Needs an event loop."""', "a docstring says 'event loop'"),
    "await at the end of a line": ('"""Do not await\n\nit."""', "not followed by a space"),
    "async in a comment": ("x = 1  # when async: one", "not followed by a space"),
    "a name of our own": ("class AsyncThing: ...", "AsyncThing would become SyncThing"),
    "two names that meet": (
        "class A:\n    async def aclose(self): ...\n    def close(self): ...",
        "aclose and close would be one name",
    ),
}


@pytest.mark.parametrize(("code", "expected"), BAD.values(), ids=BAD)
def test_trap_is_found(code: str, expected: str) -> None:
    assert any(expected in problem for problem in problems(code)), problems(code)


def test_good_code_passes() -> None:
    code = '''
        """How to `await client.wait()`, and async with it."""

        from collections.abc import AsyncIterator
        from contextlib import asynccontextmanager

        class Stream:
            """Use `async for` and await what it gives."""

            def __aiter__(self) -> "AsyncIterator[int]":
                return self

            async def __anext__(self) -> int:
                values = [value async for value in self._parts()]
                raise StopAsyncIteration if not values else Error(f"{values[0]} of {self.total}")

            async def aclose(self) -> None:
                # await the answer
                await self.bridge.call(getattr(self, "aclose"))

            def plain(self):
                yield 1
    '''
    assert problems(textwrap.dedent(code)) == []


def test_the_core_may_do_what_a_test_may_not_and_the_reverse() -> None:
    assert problems("import threading", core=False) == []
    assert problems("import asyncio", core=False) == ["line 1: imports asyncio"]
