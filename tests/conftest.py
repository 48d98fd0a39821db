"""What holds for every test: no network but this computer's, no thread left behind; and the sandbox as a fixture."""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sogni.sandbox import Sandbox

# All threads of the SDK and of its sandbox have names that begin so.
OUR_THREADS = "sogni"
# Seconds that a thread which was told to end may take; a test that closes what it opened needs none.
GRACE = 2.0

_contacts: list[str] = []


class OutsideNetwork(Exception):
    """A test tried to reach another computer."""


def _is_here(host: object) -> bool:
    if not isinstance(host, str | bytes):
        return True  # no internet address
    name = host.decode() if isinstance(host, bytes) else host
    if name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse names and addresses of other computers, whoever asks. The interpreter has no way to remove this again."""
    if not event.startswith("socket."):
        return
    host: object = None
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    if isinstance(host, str) and host.endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")  # there is none, without asking anybody
    if not _is_here(host):
        _contacts.append(f"{event} {host!r}")
        raise OutsideNetwork(f"A test must not leave this computer: {event} {host!r}.")


sys.addaudithook(_guard)


@pytest.fixture
def outside_contacts() -> list[str]:
    """The refused attempts of this test so far; a test that means them empties the list."""
    return _contacts


@pytest.fixture(autouse=True)
def stay_here() -> Iterator[None]:
    """Fail a test whose code tried to leave this computer, even if it swallowed the error."""
    _contacts.clear()
    yield
    tried = list(_contacts)
    _contacts.clear()
    if tried:
        pytest.fail(f"This test tried to leave the computer: {', '.join(tried)}.", pytrace=False)


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail a test that leaves a thread of ours running. Threads of longer-lived fixtures were there before."""
    before = set(threading.enumerate())
    yield
    ours = [thread for thread in threading.enumerate() if thread.name.startswith(OUR_THREADS) and thread not in before]
    for thread in ours:
        thread.join(GRACE)
    left = sorted(thread.name for thread in ours if thread.is_alive())
    if left:
        pytest.fail(f"This test left threads running: {', '.join(left)}.", pytrace=False)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A network of its own for one test; its renders take no time."""
    from sogni.sandbox import Sandbox

    with Sandbox() as network:
        yield network
