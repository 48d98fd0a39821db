"""The callbacks of `on(...)`: one thread for all of them, so that user code never runs on the connection thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from inspect import iscoroutinefunction

from ..errors import Problem, ValidationError
from . import threads
from .inbox import Inbox

log = logging.getLogger("sogni.callbacks")

Run = Callable[[Callable[[object], object], object], None]


def check_callback(callback: object, name: str = "callback", takes: str = "one argument") -> None:
    """Refuses what cannot be called back.

    Raises:
        ValidationError: it is no function, or one whose answer somebody would have to await.
    """
    if not callable(callback) or iscoroutinefunction(callback):
        message = f"{name} must be a plain function, not {type(callback).__name__}; nobody would await it."
        raise ValidationError(problems=[Problem(name, message, allowed=f"a function with {takes}")])


class Subscription:
    """One callback and how it is run: as it is, or handed to an event loop.

    Attributes:
        kind: What it is for, such as `"project"`.
        wrap: Turns what the engine delivers into what the user gets; None leaves an item out.
    """

    __slots__ = ("active", "callback", "kind", "run", "wrap")

    def __init__(
        self,
        kind: str,
        callback: Callable[[object], object],
        run: Run,
        wrap: Callable[[object], object | None],
    ) -> None:
        self.kind = kind
        self.callback = callback
        self.run = run
        self.wrap = wrap
        self.active = True

    def __call__(self, value: object) -> None:
        """Call back, unless it was ended while the value was on its way."""
        if self.active:
            self.callback(value)


class Callbacks:
    """Delivers to subscriptions in order; a callback that raises is logged and goes on getting the next event."""

    def __init__(self, name: str, lock: threading.Lock) -> None:
        self._name = name
        self._inbox = Inbox(lock)
        self._thread: threading.Thread | None = None
        self.by_kind: dict[str, list[Subscription]] = {}

    @property
    def any(self) -> bool:
        """True while somebody is subscribed."""
        return any(self.by_kind.values())

    def add(self, subscription: Subscription) -> None:
        """Subscribe; with the lock held."""
        self.by_kind.setdefault(subscription.kind, []).append(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Unsubscribe; with the lock held."""
        subscription.active = False
        known = self.by_kind.get(subscription.kind, [])
        if subscription in known:
            known.remove(subscription)

    def start(self) -> None:
        """Start the thread if it is not running; without the lock."""
        with self._inbox.lock:
            if self._thread is not None:
                return
            thread = self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        threads.start(thread, self._forget_thread)

    def _forget_thread(self) -> None:
        self._thread = None

    def put(self, kind: str, key: object, item: object) -> Callable[[], None] | None:
        """Deliver to the subscribers of a kind; with the lock held."""
        subscriptions = self.by_kind.get(kind)
        if not subscriptions:
            return None
        return self._inbox.put((kind, key), (subscriptions, item))

    def greet(self, subscription: Subscription, item: object) -> Callable[[], None] | None:
        """Deliver to one subscription, which missed what the others had heard before it came; with the lock held."""
        return self._inbox.put((subscription.kind, subscription), ((subscription,), item))

    def close(self, error: BaseException, timeout: float) -> None:
        """End the thread after what was delivered before; without the lock."""
        with self._inbox.lock:
            wakers = self._inbox.fail(error)
        for wake in wakers:
            wake()
        threads.join(self._thread, timeout)

    def _work(self) -> None:
        while True:
            try:
                found, delivered = self._inbox.get()
            except Exception:
                return
            if not found:
                continue
            assert isinstance(delivered, tuple)
            subscriptions, item = delivered
            for subscription in tuple(subscriptions):
                if subscription.active:
                    self._run(subscription, item)

    @staticmethod
    def _run(subscription: Subscription, item: object) -> None:
        try:
            value = subscription.wrap(item)
            if value is not None:
                subscription.run(subscription, value)
        except BaseException:
            # Also sys.exit() and cancellation: nobody is above who could heed them, and others wait for their turn.
            log.exception("a callback of on(%r) raised", subscription.kind)
