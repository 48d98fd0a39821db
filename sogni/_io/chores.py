"""What the engine asks the service for itself: snapshots, records, projects that went missing or are silent for long.

The session says what it wants to know (`Effect`), and the answers act on it. None of it runs on the connection thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from .._deadline import Deadline
from .._protocol import recovery, rest
from .._protocol.call import Call
from .._protocol.messages import ProjectRecord
from .._protocol.outcome import (
    CheckAlive,
    CheckRuntime,
    Effect,
    FetchRecord,
    FetchSnapshot,
    FetchSubscription,
    NoteEnd,
    Outcome,
    ResolveMissing,
)
from ..errors import ClosedError, SogniError
from . import lookups
from .errands import Errands
from .feed import Feed
from .orders import Orders

T = TypeVar("T")

log = logging.getLogger("sogni.engine")


class Request(Protocol):
    """Asks the service, in the thread of the caller."""

    def __call__(self, call: Call[T], deadline: Deadline | None = None) -> T: ...


class Chores:
    """See the module's first lines.

    Args:
        request: Asks the service; must not keep the engine alive.
        subscription: Brings the plan of the account up to date, the same.
        app_id: Finds the app id.
        feed: The live side, which the answers act on.
        orders: Is told of ends.
    """

    def __init__(
        self,
        *,
        request: Callable[..., Any],
        subscription: Callable[[], object],
        app_id: Callable[[], str],
        feed: Feed,
        orders: Orders,
    ) -> None:
        self._request: Request = request
        self._subscription = subscription
        self._app_id = app_id
        self._feed = feed
        self._orders = orders
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """In a forked child: the threads, and what they were about, are the parent's."""
        self._lock = threading.Lock()
        self._errands = Errands("sogni-errands")
        # Looking for missing projects takes its time, which must hold up no other errand.
        self._search = Errands("sogni-search")
        self._missing: dict[str, None] = {}

    def close(self) -> None:
        """Drop what waits, and give what runs a moment to end."""
        for errands in (self._errands, self._search):
            errands.close(2.0)

    def run(self, key: object, errand: Callable[[], object]) -> None:
        """Run something soon that nobody waits for."""
        if not self._feed.closed:
            self._errands.run(key, partial(_quietly, errand))

    def do(self, effect: Effect) -> None:
        """Carry out what the session asks for; returns at once."""
        if isinstance(effect, NoteEnd):
            self._orders.ended(effect.project_id)
        elif isinstance(effect, FetchSnapshot):
            self.run("snapshot", partial(self._fetch_snapshot, effect.reason))
        elif isinstance(effect, FetchRecord):
            self.run(("record", effect.project_id), partial(self._fetch_record, effect.project_id))
        elif isinstance(effect, CheckAlive):
            self.run(("alive", effect.project_id), partial(self._check_alive, effect.project_id))
        elif isinstance(effect, CheckRuntime):
            self.run(("runtime", effect.project_id), partial(self._check_runtime, effect.project_id))
        elif isinstance(effect, FetchSubscription):
            self.run("subscription", self._subscription)
        elif isinstance(effect, ResolveMissing):
            self._search_for(effect.project_ids)

    # --- what callers ask for, too ----------------------------------------------------------------------------------

    def sync(self, reason: str, deadline: Deadline | None = None) -> Outcome:
        """Fetch what the service holds for this app id and bring the tracked projects in line with it."""
        requested_at = time.monotonic()
        snapshot = self._request(rest.sync(self._app_id()), deadline)
        return self._feed.apply(
            lambda session: session.apply_snapshot(snapshot, requested_at, reason, time.monotonic())
        )

    def resolve(self, project_ids: Sequence[str], *, tries: int, pause: float) -> dict[str, recovery.Verdict]:
        """Ask record, live list and status what became of projects; in the thread of the caller."""
        return lookups.resolve(
            self._request,
            lambda: self._request(rest.live_projects()),
            project_ids,
            tries=tries,
            pause=lambda: self._errands.stopping.wait(pause),
        )

    def apply_record(self, project_id: str, record: ProjectRecord | None) -> None:
        """Let a record that was fetched act on its tracked project."""
        self._feed.apply(lambda session: session.apply_record(project_id, record, time.monotonic()))

    # --- one method for each effect ---------------------------------------------------------------------------------

    def _fetch_snapshot(self, reason: str) -> None:
        try:
            self.sync(reason)
        except ClosedError:
            raise
        except SogniError:
            self._feed.apply(lambda session: session.look_again(time.monotonic()))
            raise

    def _fetch_record(self, project_id: str) -> None:
        record, refusal = lookups.ask(self._request, rest.project_record(project_id))
        answered = record is not None or refusal == 404
        self._feed.apply(lambda session: session.apply_look(project_id, record, answered, time.monotonic()))

    def _search_for(self, project_ids: Iterable[str]) -> None:
        """Find out what became of projects: one search for all that are missing when it begins."""
        with self._lock:
            self._missing.update(dict.fromkeys(project_ids))
        if not self._feed.closed:
            self._search.run("missing", partial(_quietly, self._resolve_missing))

    def _resolve_missing(self) -> None:
        with self._lock:
            project_ids, self._missing = tuple(self._missing), {}
        asked_at = time.monotonic()
        verdicts = self.resolve(project_ids, tries=lookups.TRIES, pause=lookups.PAUSE)
        self._feed.apply(lambda session: session.apply_verdicts(verdicts, asked_at, time.monotonic()))

    def _check_alive(self, project_id: str) -> None:
        asked_at = time.monotonic()
        verdict = self._look_once(project_id)
        self._feed.apply(lambda session: session.apply_check(project_id, verdict, asked_at, time.monotonic()))

    def _check_runtime(self, project_id: str) -> None:
        verdict = self._look_once(project_id)
        self._feed.apply(lambda session: session.apply_runtime_check(project_id, verdict, time.monotonic()))

    def _look_once(self, project_id: str) -> recovery.Verdict:
        return self.resolve([project_id], tries=1, pause=0)[project_id]


def _quietly(errand: Callable[[], object]) -> None:
    try:
        errand()
    except SogniError as error:
        # Nobody asked for it: who needs the answer finds out, or asks again.
        log.info("an errand ended with %s", type(error).__name__)
