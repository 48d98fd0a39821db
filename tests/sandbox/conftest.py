"""The fixtures of the sandbox's own tests; the peers themselves stand in `peers.py`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sogni.sandbox import Sandbox

from .peers import Rest, Talk, order


@pytest.fixture
def net(sandbox: Sandbox) -> Iterator[Sandbox]:
    """A network for one test, which must not show a defect of its own."""
    yield sandbox
    defects = [str(entry.detail) for entry in sandbox.log if entry.kind == "error"]
    assert not defects, "\n".join(defects)


@pytest.fixture
def talk(net: Sandbox) -> Iterator[Callable[..., Talk]]:
    """Opens connections; they are shut at the end of the test."""
    opened: list[Talk] = []

    def connect(*arguments: Any, greeted: bool = True, **options: Any) -> Talk:
        opened.append(Talk(net, *arguments, **options))
        return opened[-1].greeted() if greeted else opened[-1]

    yield connect
    for one in opened:
        one.ws.shutdown()


@pytest.fixture
def dial() -> type[Talk]:
    """Opens a connection to any network."""
    return Talk


@pytest.fixture
def rest(net: Sandbox) -> Iterator[Rest]:
    """HTTP."""
    one = Rest(net)
    yield one
    one.session.close()


@pytest.fixture
def build() -> Callable[..., dict[str, Any]]:
    """Builds a `jobRequest`, as short as it may be."""
    return order


@pytest.fixture
def stopwatch() -> Callable[[], float]:
    """Seconds since the test began."""
    start = time.monotonic()
    return lambda: time.monotonic() - start
