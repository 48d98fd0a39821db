"""One fetch for all who ask: sharing, time limits, failures, deadlines, forks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from sogni._deadline import Deadline
from sogni._io.cache import Flights
from sogni.errors import ConnectFailed, TransferError, WaitTimeout


class Slow:
    """A fetch that waits until it is let go."""

    def __init__(self, value: Any = "value") -> None:
        self.value = value
        self.calls = 0
        self.started = threading.Event()
        self.go = threading.Event()

    def __call__(self) -> Any:
        self.calls += 1
        self.started.set()
        assert self.go.wait(10)
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


def in_threads(count: int, work: Callable[[], object]) -> tuple[list[threading.Thread], list[object]]:
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # the test looks at it
            results.append(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def waiting(flights: Flights, key: object, count: int) -> None:
    """Returns once `count` threads wait for the flight of `key`."""
    flight = flights._flights[key]
    condition = flight.landed._cond  # type: ignore[attr-defined]
    for _ in range(10_000):
        with condition:
            if len(condition._waiters) >= count:
                return
        threading.Event().wait(0.001)
    raise AssertionError("nobody waits")


def test_kept_for_its_time() -> None:
    now = [0.0]
    flights = Flights(lambda: now[0])
    values = iter(range(10))
    assert flights.get("k", 5, lambda: next(values)) == 0
    now[0] = 4.9
    assert flights.get("k", 5, lambda: next(values)) == 0
    assert flights.peek("k") == 0
    assert flights.get("k", 5, lambda: next(values), force=True) == 1
    now[0] = 9.9
    assert flights.peek("k") is None
    assert flights.get("k", 5, lambda: next(values)) == 2
    assert flights.get("other", 0, lambda: next(values)) == 3
    assert flights.get("other", 0, lambda: next(values)) == 4
    assert flights.peek("unknown") is None


def test_one_fetch_for_all() -> None:
    flights, fetch = Flights(), Slow()
    threads, results = in_threads(20, lambda: flights.get("k", 60, fetch))
    assert fetch.started.wait(5)
    waiting(flights, "k", 19)
    fetch.go.set()
    join(threads)
    assert results == ["value"] * 20
    assert fetch.calls == 1


def test_a_failure_is_everybodys_and_not_kept() -> None:
    flights, fetch = Flights(), Slow(ConnectFailed("nobody there"))
    threads, results = in_threads(5, lambda: flights.get("k", 60, fetch))
    assert fetch.started.wait(5)
    waiting(flights, "k", 4)
    fetch.go.set()
    join(threads)
    assert fetch.calls == 1
    assert all(isinstance(error, ConnectFailed) for error in results)
    assert len({id(error) for error in results}) == 5
    assert flights.get("k", 60, lambda: "now") == "now"


@pytest.mark.parametrize("error", [KeyError("bug"), ZeroDivisionError()])
def test_a_bug_is_everybodys(error: Exception) -> None:
    flights, fetch = Flights(), Slow(error)
    threads, results = in_threads(2, lambda: flights.get("k", 60, fetch))
    assert fetch.started.wait(5)
    waiting(flights, "k", 1)
    fetch.go.set()
    join(threads)
    assert results == [error, error]


@pytest.mark.parametrize("error", [WaitTimeout("the leader's"), KeyboardInterrupt(), TransferError("its own file")])
def test_a_leader_without_time_hands_over(error: BaseException) -> None:
    flights, first, second = Flights(own=(WaitTimeout, TransferError)), Slow(error), Slow("mine")
    fetches = iter([first, second])
    threads, results = in_threads(1, lambda: flights.get("k", 60, next(fetches)))
    assert first.started.wait(5)
    more, others = in_threads(3, lambda: flights.get("k", 60, second))
    waiting(flights, "k", 3)
    first.go.set()
    second.go.set()
    join(threads + more)
    assert results == [error]
    assert others == ["mine"] * 3
    assert second.calls == 1


def test_waiters_have_deadlines_of_their_own() -> None:
    flights, fetch = Flights(), Slow()
    threads, _ = in_threads(1, lambda: flights.get("k", 60, fetch))
    assert fetch.started.wait(5)
    with pytest.raises(WaitTimeout):
        flights.get("k", 60, fetch, deadline=Deadline(0.01))
    fetch.go.set()
    join(threads)


def test_force_joins_what_is_under_way() -> None:
    flights, fetch = Flights(), Slow()
    threads, results = in_threads(2, lambda: flights.get("k", 60, fetch, force=True))
    assert fetch.started.wait(5)
    waiting(flights, "k", 1)
    fetch.go.set()
    join(threads)
    assert results == ["value"] * 2
    assert fetch.calls == 1


def test_clear_during_a_flight() -> None:
    flights, fetch = Flights(), Slow("old")
    threads, results = in_threads(1, lambda: flights.get("k", 60, fetch))
    assert fetch.started.wait(5)
    flights.clear()
    assert flights.get("k", 60, lambda: "new") == "new"
    fetch.go.set()
    join(threads)
    assert results == ["old"]
    assert flights.peek("k") == "new"


def test_after_a_fork_nobody_waits_for_a_thread_that_is_gone() -> None:
    flights, fetch = Flights(), Slow()
    flights.get("kept", 60, lambda: 1)
    threads, _ = in_threads(1, lambda: flights.get("k", 60, fetch))
    assert fetch.started.wait(5)
    flights.reset_after_fork()
    assert flights.get("k", 60, lambda: 2) == 2
    assert flights.peek("kept") == 1
    fetch.go.set()
    join(threads)
    assert flights.peek("k") == 2


def test_detached_fetches_outlive_the_callers_deadline() -> None:
    flights, fetch = Flights(), Slow()
    with pytest.raises(WaitTimeout):
        flights.get("k", 60, fetch, deadline=Deadline(0.01), detach=True)
    threads, results = in_threads(2, lambda: flights.get("k", 60, fetch, deadline=Deadline(10), detach=True))
    waiting(flights, "k", 2)
    fetch.go.set()
    join(threads)
    assert results == ["value"] * 2
    assert fetch.calls == 1
    assert flights.get("x", 0, lambda: 3, detach=True) == 3


def test_detached_failures_reach_the_caller() -> None:
    flights = Flights()

    def fail() -> object:
        raise ConnectFailed("no")

    with pytest.raises(ConnectFailed):
        flights.get("k", 60, fail, deadline=Deadline(10), detach=True)


def test_the_table_does_not_grow_for_ever() -> None:
    now = [0.0]
    flights = Flights(lambda: now[0])
    for key in range(300):
        flights.get(key, 5, lambda: 1)
        now[0] += 1
    assert len(flights._values) < 270
    for key in range(2000):
        flights.get(key, 1e9, lambda: 1)
    assert len(flights._values) <= 1100
