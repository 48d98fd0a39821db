"""What this client ordered, as its installation remembers it: the ledger of orders, and claims on keys."""

from __future__ import annotations

import threading
import time
import uuid
import weakref
from collections import deque

from .._protocol.ids import is_project_id
from .._store import app_ids
from .._store.claims import Claim
from .._store.ledger import Ledger, Order, account_hash
from ..errors import ConfigError
from .inbox import Inbox
from .settings import Settings

# Ends are written along with the next order, or at the close; more than these are not kept in memory meanwhile.
_MOST_ENDS = 10_000
# Seconds. The service shows an order within moments; a day is for whatever may keep it from that.
_LISTED_BY_THEN = 86_400.0


class Orders:
    """See the module's first line. A client without files of its own remembers nothing here."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """In a forked child: a run of its own."""
        self._run = uuid.uuid4().hex[:12]
        self._ended: deque[str] = deque(maxlen=_MOST_ENDS)
        self._known: Ledger | None = None
        self._queueing: weakref.WeakSet[Inbox] = weakref.WeakSet()

    @property
    def _ledger(self) -> Ledger | None:
        if self._known is None:
            folder = self._settings.state_folder()
            self._known = None if folder is None else Ledger(folder)
        return self._known

    def sent(self, project_id: str, address: str | None) -> None:
        """An order is about to be sent."""
        ledger = self._ledger
        if ledger is not None:
            order = Order(project_id, time.time(), account_hash(address), self._settings.app_id(), self._run)
            ledger.note(order, self._take_ended(), order.at)

    def ended(self, project_id: str) -> None:
        """The end of a project was seen."""
        if self._ledger is not None:
            self._ended.append(project_id)

    def lost(self, project_id: str) -> None:
        """The service does not know a project; one that was ordered a day ago will not turn up any more."""
        sent_at = None if self._ledger is None else self._ledger.sent_at(project_id)
        if sent_at is not None and time.time() - sent_at > _LISTED_BY_THEN:
            self.ended(project_id)

    def flush(self) -> None:
        """Write what was not written yet."""
        ended = self._take_ended()
        if ended and self._ledger is not None:
            self._ledger.note(None, ended, time.time())

    def _take_ended(self) -> list[str]:
        taken = []
        while self._ended:
            taken.append(self._ended.popleft())
        return taken

    def sent_recently(self, project_id: str, seconds: float) -> bool:
        """Whether this installation sent an order of that id so lately that the service may not list it yet."""
        sent_at = None if self._ledger is None else self._ledger.sent_at(project_id)
        return sent_at is not None and -seconds < time.time() - sent_at < seconds

    def left_behind(self, address: str | None) -> list[str]:
        """Ids of orders of this account that no running client of this installation follows."""
        if self._ledger is None:
            return []
        self.flush()
        account, own = account_hash(address), self._settings.app_id()
        return [
            order.id
            for order in self._ledger.open_orders(time.time())
            if is_project_id(order.id)
            and order.account in (None, account)
            and order.run != self._run
            and (order.app_id == own or app_ids.is_free(order.app_id))
        ]

    def queue_up(self, project_id: str) -> tuple[Claim, Inbox]:
        """A place in the queue for the right to order under an id; the inbox gets one item when the turn has come."""
        inbox = Inbox(threading.Lock())

        def granted() -> None:
            with inbox.lock:
                waker = inbox.put("turn", True)
            if waker is not None:
                waker()

        self._queueing.add(inbox)
        folder = self._settings.state_folder()
        return Claim(project_id, None if folder is None else folder / "keys", granted), inbox

    @staticmethod
    def lock_out(claim: Claim) -> bool:
        """Lock out other processes; False when one of them has the lock now.

        Raises:
            ConfigError: the folder of the locks cannot be used.
        """
        try:
            return claim.lock_file()
        except OSError as problem:
            raise ConfigError(
                f"The folder for keys cannot be used: {problem.strerror or type(problem).__name__}.",
                hint="Set SOGNI_STATE_DIR to a folder that can be written to.",
            ) from None

    def close(self, error: BaseException) -> None:
        """End every wait for a turn, and write what was not written yet."""
        for inbox in tuple(self._queueing):
            with inbox.lock:
                wakers = inbox.fail(error)
            for wake in wakers:
                wake()
        self.flush()
