"""The queue between the connection thread and whoever waits."""

from __future__ import annotations

import threading

import pytest

from sogni._io.inbox import Inbox


def put(inbox: Inbox, lock: threading.Lock, key: object, item: object) -> bool:
    """Put as the feed does; True when somebody was woken."""
    with lock:
        waker = inbox.put(key, item)
    if waker is not None:
        waker()
    return waker is not None


@pytest.fixture
def lock() -> threading.Lock:
    return threading.Lock()


def test_items_come_in_order_and_a_newer_one_replaces_an_unread_one(lock: threading.Lock) -> None:
    inbox = Inbox(lock)
    for key, item in ((1, "a"), (2, "b"), (1, "A")):
        put(inbox, lock, key, item)
    assert [inbox.poll(None)[1] for _ in range(2)] == ["A", "b"]
    assert inbox.poll(None) == (False, None)


def test_a_timed_out_wait_takes_nothing(lock: threading.Lock) -> None:
    inbox = Inbox(lock)
    assert inbox.get(0.01) == (False, None)
    put(inbox, lock, 1, "a")
    assert inbox.get(0.01) == (True, "a")


def test_a_wait_in_slices_ends_too(lock: threading.Lock) -> None:
    inbox = Inbox(lock)
    assert inbox.get(0.03, slice_seconds=0.01) == (False, None)


def test_one_wake_per_burst(lock: threading.Lock) -> None:
    inbox = Inbox(lock)
    woken: list[None] = []
    assert inbox.poll(lambda: woken.append(None)) == (False, None)
    assert [put(inbox, lock, n, n) for n in range(100)] == [True] + [False] * 99
    assert len(woken) == 1


def test_a_forgotten_waker_is_not_called(lock: threading.Lock) -> None:
    inbox = Inbox(lock)
    woken: list[None] = []
    waker = lambda: woken.append(None)  # noqa: E731
    inbox.poll(waker)
    inbox.forget(waker)
    assert not put(inbox, lock, 1, "a")
    assert woken == []


def test_a_wake_that_its_waiter_no_longer_wants_goes_to_the_next_one(lock: threading.Lock) -> None:
    inbox = Inbox(lock)
    calls: list[str] = []
    first, second = (lambda: calls.append("first")), (lambda: calls.append("second"))
    inbox.poll(second)
    inbox.poll(first)
    put(inbox, lock, 1, "a")
    assert calls == ["first"]
    inbox.forget(first)
    assert calls == ["first", "second"]


def test_failing_gives_out_what_is_unread_first(lock: threading.Lock) -> None:
    inbox = Inbox(lock)
    put(inbox, lock, 1, "a")
    with lock:
        inbox.fail(ValueError("over"))
    assert inbox.get(0) == (True, "a")
    for _ in range(2):
        with pytest.raises(ValueError, match="over"):
            inbox.get(0)


def test_failing_wakes_a_sleeping_thread(lock: threading.Lock) -> None:
    inbox = Inbox(lock)
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            inbox.get()
        except ValueError as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not inbox._wakers:
        pass
    with lock:
        wakers = inbox.fail(ValueError("over"))
    for waker in wakers:
        waker()
    thread.join(5)
    assert len(caught) == 1


def test_many_threads_take_every_item_exactly_once(lock: threading.Lock) -> None:
    inbox = Inbox(lock)
    taken: list[object] = []

    def work() -> None:
        while True:
            found, item = inbox.get(5)
            assert found
            if item is None:
                return
            taken.append(item)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for n in range(2_000):
        put(inbox, lock, n, n)
    for n in range(8):
        put(inbox, lock, ("end", n), None)
    for thread in threads:
        thread.join(10)
    assert sorted(taken) == list(range(2_000))  # type: ignore[type-var]
