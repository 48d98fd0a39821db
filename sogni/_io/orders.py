"""What this client ordered, as its installation remembers it: the ledger of orders, and claims on keys."""

from __future__ import annotations

import time
import uuid
from collections import deque

from .._deadline import Deadline
from .._store import app_ids, claims
from .._store.claims import Claim
from .._store.ledger import Ledger, Order, account_hash
from ..errors import ConfigError
from .settings import Settings

# Ends are written along with the next order, or at the close; more than these are not kept in memory meanwhile.
_MOST_ENDS = 10_000


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
            ledger.note(order, self._take_ended())

    def ended(self, project_id: str) -> None:
        """The end of a project was seen."""
        if self._ledger is not None:
            self._ended.append(project_id)

    def flush(self) -> None:
        """Write what was not written yet."""
        ended = self._take_ended()
        if ended and self._ledger is not None:
            self._ledger.note(None, ended)

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
            if order.account in (None, account)
            and order.run != self._run
            and (order.app_id == own or not app_ids.in_use(order.app_id))
        ]

    def claim(self, project_id: str, deadline: Deadline) -> Claim:
        """The right to order under an id; waits for whoever has it.

        Raises:
            WaitTimeout: the deadline came first.
            ConfigError: the folder of claims cannot be used.
        """
        folder = self._settings.state_folder()
        try:
            found = claims.claim(project_id, None if folder is None else folder / "keys", deadline.remaining())
        except OSError as problem:
            raise ConfigError(
                f"The folder {folder} cannot be used: {problem.strerror or type(problem).__name__}.",
                hint="Set SOGNI_STATE_DIR to a folder that can be written to.",
            ) from None
        if found is None:
            raise deadline.error("another order under the same key")
        return found
