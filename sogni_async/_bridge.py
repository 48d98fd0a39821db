"""How asyncio code waits for the blocking engine. The counterpart for blocking code is `sogni._bridge`.

Nothing here remembers a loop: it is looked up for each wait, so one client works from several loops, one after another
or at the same time.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from sogni._deadline import Deadline
from sogni._io.callbacks import Run
from sogni._io.inbox import Inbox
from sogni._io.workers import Workers
from sogni.errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")

WORKERS = 16
# A stream that is never empty must still let other tasks run.
YIELD_EVERY = 256

# Whoever waits is held here. Loops hold their tasks weakly: one that nobody keeps would be collected in the middle of
# its wait, by any thread at any moment, also by one that holds the lock which the end of a wait asks for.
_armed: set[_Waker] = set()


class Bridge:
    """The five ways in which a client waits."""

    def __init__(self) -> None:
        self._workers = Workers(WORKERS, "sogni-worker")
        self._taken = 0

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work that ends by itself (REST, files) on a worker thread.

        Cancelling the task lets the thread finish and drops its answer.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def work() -> None:
            try:
                result = context.run(function, *args, **kwargs)
            except BaseException as error:
                _hand_over(loop, future, _fail, error)
            else:
                _hand_over(loop, future, _finish, result)

        self._workers.run(work)
        return await future

    async def take(self, inbox: Inbox, deadline: Deadline, what: str) -> object:
        """The next item of an inbox; raises WaitTimeout when the deadline comes first.

        A cancelled take is clean: the item stays where it is.
        """
        self._taken += 1
        if self._taken % YIELD_EVERY == 0:
            await asyncio.sleep(0)
        while True:
            waker = _Waker()
            found, item = inbox.poll(waker)
            if found:
                return item
            _armed.add(waker)
            try:
                # Not wait_for: before Python 3.12 it swallows a cancel that comes together with the item.
                done, _ = await asyncio.wait((waker.woken,), timeout=deadline.remaining())
            finally:
                _armed.discard(waker)
                inbox.forget(waker)
            if not done:
                found, item = inbox.poll(None)
                if found:
                    return item
                raise deadline.error(what)

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    def runner(self) -> Run:
        """How a callback that is registered now will be run: on the loop that runs now."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigError(
                "on(...) was called where no event loop runs, and callbacks are called on the loop that calls it.",
                hint="Call it within a coroutine, or use the blocking client of `sogni`.",
            ) from None

        def run(callback: Callable[[object], object], event: object) -> None:
            # The loop may be closed by the time the event comes; there is nobody left to tell then.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(callback, event)

        return run

    async def close(self) -> None:
        """Let the worker threads end."""
        self._workers.close()


class _Waker:
    """Sets a future from another thread; tolerates a loop that is closed by then."""

    __slots__ = ("_loop", "woken")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.woken: asyncio.Future[None] = self._loop.create_future()

    def __call__(self) -> None:
        try:
            self._loop.call_soon_threadsafe(_finish, self.woken, None)
        except RuntimeError:
            # The loop was closed around a task that still waits.
            _armed.discard(self)


def _hand_over(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[T],
    act: Callable[[asyncio.Future[T], object], None],
    value: object,
) -> None:
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(act, future, value)


def _finish(future: asyncio.Future[T], value: object) -> None:
    if not future.done():
        future.set_result(value)  # type: ignore[arg-type]


def _fail(future: asyncio.Future[T], error: object) -> None:
    if not future.done():
        future.set_exception(error)  # type: ignore[arg-type]
