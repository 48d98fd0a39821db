"""The live side of a client: one link, one session, one lock, and the inboxes that its news go to.

    link thread -> `link_received` -> session (under the lock) -> inboxes -> wakers (after the lock) -> effects

Whoever waits has an inbox of its own. The lock is never held during I/O. Effects that need REST are handed to the
engine, which runs them on its errand thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from typing import Any

from attrs import evolve

from .._protocol import frames
from .._protocol.account_state import without_the_past
from .._protocol.closing import BROKEN, closing, closing_error
from .._protocol.entries import JobEntry, PreviewTouch, ProjectEntry, Sink, Sinks
from .._protocol.outcome import Cancel, Effect, Once, Outcome, Resubmit, SendCancel
from .._protocol.session import READ_KINDS, Session
from ..errors import AuthenticationError, ClosedError, ConnectionLost, ProtocolError, SogniError
from ..events import Canceled, Completed, Failed, Queued
from ..types.account import CurrentAccount, NetworkStatus
from ..types.project import ClientState, LinkState
from . import threads
from .callbacks import Callbacks
from .inbox import Inbox, Waker
from .link import Address, Link
from .ws import SendFailed, Socket

log = logging.getLogger("sogni.link")

_PROJECT_EVENTS = (Queued, Completed, Failed, Canceled)
# Link states that subscribers of the client hear of, and under which name.
_ANNOUNCED = {
    LinkState.READY: "connected",
    LinkState.CONNECTING: "connecting",
    LinkState.RECONNECTING: "connecting",
    LinkState.IDLE: "disconnected",
    LinkState.DISPLACED: "disconnected",
    LinkState.REFUSED: "disconnected",
}


class LinkNotReady(Exception):
    """Nothing was written: wait for the link and try again."""


class StreamEnded(Exception):
    """Nothing more comes from this inbox."""


class Feed:
    """See the module's first lines.

    Args:
        address: Finds where and as whom to connect; called for every connection, on its thread.
        effect: Carries out what the session asks for; called without the lock, must return soon.
        refused: Called when the service ended the sign-in.
        renew: Called when the service did not take the tokens for a connection; True when there are others now.
        another_id: Finds another app id after somebody took over this one; False when there is none.
        idle_close: Seconds without need after which the link is closed.
        network: The network to begin with, `fast` or `relaxed`.
        socket_events: Which frames to ask for, by name.
    """

    def __init__(
        self,
        *,
        address: Callable[[], Address],
        effect: Callable[[Effect], None],
        refused: Callable[[], None],
        renew: Callable[[], bool],
        another_id: Callable[[], bool],
        idle_close: float,
        network: str,
        socket_events: Mapping[str, bool],
    ) -> None:
        self.lock = threading.Lock()
        self.session = Session()
        self.callbacks = Callbacks("sogni-callbacks", self.lock)
        self.broken_frames = 0
        self.closed = False
        self._address = address
        self._effect = effect
        self._refused = refused
        self._renew = renew
        self._another_id = another_id
        self._idle_close = idle_close
        self._link: Link | None = None
        self._network = network
        self._socket_events = dict(socket_events)
        self._events_asked_for: dict[str, bool] = {}
        self._ready_inboxes = Sinks()
        self._model_inboxes = Sinks()
        self._network_inboxes = Sinks()
        self._used_at = 0.0
        self._was_ready = False
        self._state = ClientState(link=LinkState.IDLE, since=datetime.now(timezone.utc))
        self.why_not_connected = ""

    # --- opening and closing ----------------------------------------------------------------------------------------

    @property
    def state(self) -> ClientState:
        """What the connection is doing."""
        return self._state

    @property
    def link(self) -> Link | None:
        """The connection thread, if it runs."""
        return self._link

    def start(self) -> None:
        """Have the connection opened, if it is not; returns at once."""
        with self.lock:
            self.check_open()
            self._used_at = time.monotonic()
            if self._link is not None:
                return
            link = self._link = Link(self, "sogni-link")
        self._set_state(LinkState.CONNECTING)
        threads.start(link.thread, partial(self._forget_link, link))

    def _forget_link(self, link: Link) -> None:
        with self.lock:
            if self._link is link:
                self._link = None

    def check_open(self) -> None:
        """Raises ClosedError after `close`."""
        if self.closed:
            raise ClosedError("The client is closed.")

    def close(self, error: SogniError) -> None:
        """End the link and every wait."""
        with self.lock:
            self.closed = True
            wakers = self._fail_everybody(error)
            link, self._link = self._link, None
        wake(wakers)
        if link is not None:
            link.stop()
        self.callbacks.close(error, 2.0)
        self._set_state(LinkState.CLOSED)

    def forget_account(self, error: SogniError) -> None:
        """Another account: its predecessor's unfinished projects are over here; nothing is canceled there."""
        with self.lock:
            link, self._link = self._link, None
            wakers = self._deliver(self.session.fail_unfinished(error, time.monotonic()))
            wakers += self._fail_everybody(error)
            self.session = Session()
            wakers += self._account_news()
        if link is not None:
            refused = isinstance(error, AuthenticationError)
            self._set_state(LinkState.REFUSED if refused else LinkState.IDLE, error.message)
        wake(wakers)
        if link is not None:
            link.stop("Client session changed")

    def after_fork(self) -> None:
        """In a forked child: the connection is the parent's, and so is what it ordered."""
        self.lock = threading.Lock()
        lost = ConnectionLost("The process was forked; its parent has the connection.")
        for inbox in self._everybody():
            inbox.abandon(lost)
        if self._link is not None:
            self._link.abandon()
        self._link = None
        self._ready_inboxes = Sinks()
        self._model_inboxes = Sinks()
        self._network_inboxes = Sinks()
        self.callbacks = Callbacks("sogni-callbacks", self.lock)
        self.session = Session()
        self._state = ClientState(link=LinkState.IDLE, since=datetime.now(timezone.utc))

    # --- inboxes ----------------------------------------------------------------------------------------------------

    def ready_inbox(self) -> Inbox:
        """An inbox that gets one item when frames can be sent, or fails when the link ended."""
        inbox = Inbox(self.lock)
        with self.lock:
            if self.session.ready:
                inbox.put("ready", True)
            self._ready_inboxes.add(inbox)
        return inbox

    def model_inbox(self) -> Inbox:
        """An inbox that gets the worker counts of the models whenever they change, the present ones first."""
        inbox = Inbox(self.lock)
        with self.lock:
            if self.session.worker_counts:
                inbox.put("models", self.session.worker_counts)
            self._model_inboxes.add(inbox)
        return inbox

    def network_inbox(self) -> Inbox:
        """An inbox that gets the network whenever it was switched."""
        inbox = Inbox(self.lock)
        with self.lock:
            self._network_inboxes.add(inbox)
        return inbox

    def drop_inbox(self, inbox: Inbox) -> None:
        """Forget an inbox of `ready_inbox`, `model_inbox` or `network_inbox`."""
        with self.lock:
            for inboxes in (self._ready_inboxes, self._model_inboxes, self._network_inboxes):
                inboxes.remove(inbox)

    def watch(self, entry: ProjectEntry) -> Inbox:
        """An inbox with all that happened to the project so far, and all that will."""
        inbox = Inbox(self.lock)
        with self.lock:
            for event in entry.history.values():
                inbox.put(Once(), event)
            if not entry.settled and self.session.projects.get(entry.id) is not entry:
                # Left behind by a fork: its frames go to the process that ordered it.
                inbox.fail(
                    ConnectionLost(
                        f"This process does not follow project {entry.id}.",
                        hint="Call projects.resume(id) here.",
                        project_id=entry.id,
                    )
                )
            elif not entry.settled:
                for job in entry.jobs:
                    if job.body is not None or job.eta_seconds is not None:
                        inbox.put(job.progress_touch, job.progress_touch)
                entry.sinks.add(inbox)
        return inbox

    def unwatch(self, entry: ProjectEntry, inbox: Inbox) -> None:
        """Forget an inbox of `watch`; whoever waits at it is told that nothing more comes."""
        with self.lock:
            entry.sinks.remove(inbox)
            wakers = inbox.fail(StreamEnded())
        wake(wakers)

    # --- the account ------------------------------------------------------------------------------------------------

    @property
    def network(self) -> str:
        """The network in use, or the one to connect to."""
        return self.session.network or self._network

    def account(self) -> CurrentAccount:
        """The account as it is known now; with the lock held."""
        session = self.session
        known = without_the_past(session.account.account, datetime.now(timezone.utc))
        if session.switching:
            return evolve(known, network=None, network_status=NetworkStatus.SWITCHING)
        if session.ready:
            return evolve(known, network=self.network, network_status=NetworkStatus.CONNECTED)
        connecting = self._link is not None
        return evolve(known, network_status=NetworkStatus.CONNECTING if connecting else NetworkStatus.DISCONNECTED)

    def _account_news(self) -> list[Waker]:
        """Tell subscribers what the account is now; with the lock held."""
        if not self.callbacks.by_kind.get("account"):
            return []
        waker = self.callbacks.put("account", "account", self.account())
        return [] if waker is None else [waker]

    def socket_events(self) -> dict[str, bool]:
        """Which frames to ask for with a connection that is about to be made."""
        with self.lock:
            self._events_asked_for = dict(self._socket_events)
            return self._events_asked_for

    def set_socket_events(self, events: Mapping[str, bool]) -> None:
        """Ask for some frames, and for others no more; a connection that is open is told at once."""
        with self.lock:
            self._socket_events.update(events)
        self._renew_events()

    def _renew_events(self) -> None:
        """Tell the open connection what it does not know yet."""
        with self.lock:
            if not self.session.ready or self._events_asked_for == self._socket_events:
                return
            changed = {
                name: on for name, on in self._socket_events.items() if self._events_asked_for.get(name) is not on
            }
            self._events_asked_for = dict(self._socket_events)
        # If it cannot be written, the next connection asks for all of them.
        with suppress(LinkNotReady):
            self.send("setSocketEventSubscriptions", {"subscriptions": changed})

    # --- writing ----------------------------------------------------------------------------------------------------

    def writable(self) -> tuple[Link, Socket]:
        """The link and its socket when frames can be sent; with the lock held. Raises LinkNotReady."""
        self.check_open()
        link = self._link
        connection = link.socket if link is not None and self.session.ready else None
        if link is None or connection is None:
            raise LinkNotReady
        return link, connection

    def send(self, kind: str, body: object) -> None:
        """Write a frame. Raises LinkNotReady when it was not, or not wholly, written."""
        with self.lock:
            link, connection = self.writable()
        try:
            connection.send(frames.encode(kind, body))
        except SendFailed:
            link.drop()
        else:
            return
        raise LinkNotReady

    def abandon_cancel(self, cancel: Cancel, own: Sink) -> None:
        """A cancel could not be sent: tell the others who wait for it."""
        with self.lock:
            self.session.abandon_cancel(cancel)
            error = ConnectionLost("The cancel request could not be sent.")
            wakers = [waker for sink in cancel.sinks if sink is not own for waker in sink.fail(error)]
        wake(wakers)

    def _resubmit(self, effect: Resubmit) -> None:
        with self.lock:
            if not self.session.may_resubmit(effect.entry):
                return
            # Before it is written: the answer may be here sooner than this thread.
            self.session.resubmitted(effect.entry, time.monotonic())
            link = self._link
        connection = link.socket if link is not None else None
        try:
            if connection is None:
                raise SendFailed(False, "no connection")
            connection.send(effect.text)
        except SendFailed as problem:
            with self.lock:
                self.session.resubmit_failed(effect.entry, problem.started, time.monotonic())
            if link is not None:
                link.drop()

    def _send_cancel(self, project_id: str) -> None:
        with self.lock:
            link = self._link
        connection = link.socket if link is not None else None
        if link is None or connection is None:
            return
        try:
            connection.send(frames.cancel(project_id))
        except SendFailed:
            # The next link tries again.
            link.drop()

    # --- called by the link's thread --------------------------------------------------------------------------------

    def link_address(self) -> Address:
        """Where to connect, found anew for every connection."""
        return self._address()

    def link_opened(self, link: Link, now: float) -> None:
        """The socket is open."""
        with self.lock:
            if self._link is not link:
                return
            self.session.link_open(now)
        log.info("connected")

    def link_unauthorized(self) -> bool:
        """The service did not take the credentials; True when there are others now.

        Raises:
            SogniError: whether there are could not be found out.
        """
        return self._renew()

    def link_accepted(self) -> bool:
        """True when the connection that just ended had been accepted by the server."""
        return self._was_ready

    def link_received(self, link: Link, raw: bytes, now: float) -> None:
        """One message of the socket. What cannot be understood is dropped and counted; the connection stays.

        So is what a connection still brings that was given up: another account may be at work by now.
        """
        try:
            frame = frames.decode(raw)
            kind = frame.kind
            if kind not in READ_KINDS:
                return
            payload = frames.body(frame)
            if kind == "jobProgress" or kind == "jobETA":
                with self.lock:
                    if self._link is not link:
                        return
                    job = self.session.progress(kind, payload, now)
                    touched = None if job is None else self._touch(job, payload)
                if touched is not None:
                    wake(touched)
                    return
            with self.lock:
                if self._link is not link:
                    return
                outcome = self.session.receive(kind, payload, now)
                wakers = self._deliver(outcome)
        except ProtocolError as problem:
            self.broken_frames += 1
            log.warning("frame dropped: %s", problem.message)
            return
        except Exception:
            self.broken_frames += 1
            log.exception("frame dropped")
            return
        self._carry_out(outcome, wakers)

    def link_tick(self, now: float) -> float | None:
        """Do what is due; answers when to call again."""
        with self.lock:
            outcome = self.session.tick(now)
            wakers = self._deliver(outcome)
            due = self.session.next_due
        self._carry_out(outcome, wakers)
        return due

    def link_lost(self, link: Link, code: int, now: float) -> bool:
        """The connection is over; True when the thread shall make a new one."""
        what = closing(code)
        moved = what.state is LinkState.DISPLACED and self._link is link and self._another_id()
        if moved:
            what = closing(BROKEN)
        with self.lock:
            if self._link is not link:
                return False
            self._was_ready = self.session.ready
            outcome = self.session.link_down(now)
            if moved:
                self.session.follow_by_asking(now)
            reconnect = self._is_needed() if what.reconnect is None else what.reconnect
            if not reconnect:
                # In the same breath as the decision: who comes now starts a link of its own.
                self._link = None
            wakers = self._deliver(outcome)
        log.info("connection lost (close code %d)", code)
        self._carry_out(outcome, wakers)
        if reconnect and not self.closed:
            self._set_state(LinkState.RECONNECTING, f"connection lost (close code {code})")
            return True
        # In this order: whoever waits is to hear why, not that the account changed.
        self._end(closing_error(code) if what.message else None, what.state)
        if what.sign_out:
            self._refused()
        return False

    def link_failed(self, link: Link, error: SogniError | None, reason: str) -> None:
        """A connection could not be made; with an error it will not be tried again."""
        self.why_not_connected = reason
        if error is not None:
            with self.lock:
                if self._link is not link:
                    return
                self._link = None
            self._end(error, LinkState.REFUSED)
            return
        reconnecting = self._state.link is LinkState.RECONNECTING
        self._set_state(LinkState.RECONNECTING if reconnecting else LinkState.CONNECTING, reason)

    def link_idle(self, link: Link, now: float) -> bool:
        """True when nothing has needed the connection for a while; it is then closed, and opened by the next use."""
        with self.lock:
            if self._link is not link or self._is_needed() or now - self._used_at < self._idle_close:
                return False
            self._link = None
            self.session.link_down(now)
        self._set_state(LinkState.IDLE)
        return True

    def _is_needed(self) -> bool:
        return (
            any(not entry.settled or bool(entry.sinks) for entry in self.session.projects.values())
            or bool(self.session.canceling)
            or bool(self._ready_inboxes)
            or bool(self._model_inboxes)
            or bool(self._network_inboxes)
            or self.callbacks.any
        )

    def _end(self, error: SogniError | None, state: LinkState) -> None:
        """The link is over for good, and no longer ours."""
        with self.lock:
            outcome = self.session.link_ended()
            wakers = self._deliver(outcome)
            if error is not None:
                wakers += self._fail_everybody(error)
        # First the state, so that whoever is woken sees it.
        self._set_state(state, error.message if error is not None else None)
        wake(wakers)

    # --- delivering -------------------------------------------------------------------------------------------------

    def apply(self, act: Callable[[Session], Outcome]) -> Outcome:
        """Let an answer act on the session, from any thread."""
        with self.lock:
            if self.closed:
                return Outcome()
            outcome = act(self.session)
            wakers = self._deliver(outcome)
        self._carry_out(outcome, wakers)
        return outcome

    def _touch(self, job: JobEntry, payload: dict[str, Any]) -> list[Waker]:
        """Tell those who watch that a job's slot has something newer; with the lock held."""
        wakers: list[Waker] = []
        touch = job.progress_touch
        preview = PreviewTouch(job) if payload.get("hasImage") is True else None
        for sink in job.project.sinks:
            waker = sink.put(touch, touch)
            if waker is not None:
                wakers.append(waker)
            if preview is not None:
                sink.put((touch, "preview"), preview)
        callbacks = self.callbacks
        if callbacks.by_kind:
            waker = callbacks.put("job", touch, touch)
            if waker is not None:
                wakers.append(waker)
            if preview is not None:
                callbacks.put("job", (touch, "preview"), preview)
        return wakers

    def _deliver(self, outcome: Outcome) -> list[Waker]:
        """Put events into inboxes; with the lock held."""
        wakers: list[Waker | None] = []
        for entry, key, event in outcome.events:
            wakers += [sink.put(key, event) for sink in entry.sinks]
            kind = "project" if isinstance(event, _PROJECT_EVENTS) else "job"
            wakers.append(self.callbacks.put(kind, key, (entry, event)))
        for cancel, result in outcome.cancels:
            wakers += [sink.put("outcome", result) for sink in cancel.sinks]
        if outcome.became_ready:
            self._used_at = time.monotonic()
            wakers += [inbox.put("ready", True) for inbox in self._ready_inboxes]
        for kind, value in outcome.news:
            if kind == "account":
                wakers += self._account_news()
            elif kind == "network":
                wakers += [inbox.put("network", value) for inbox in self._network_inboxes]
            elif kind == "socket_events":
                assert isinstance(value, dict)
                self._socket_events.update(value)
                self._events_asked_for = dict(self._socket_events)
            elif kind == "available_models":
                wakers.append(self.callbacks.put(kind, kind, value))
                wakers += [inbox.put("models", value) for inbox in self._model_inboxes]
            else:
                wakers.append(self.callbacks.put(kind, Once(), value))
        return [waker for waker in wakers if waker is not None]

    def _carry_out(self, outcome: Outcome, wakers: list[Waker]) -> None:
        """Wake who waits, then do what the session asks for; without the lock."""
        if outcome.became_ready:
            self._set_state(LinkState.READY)
            self._renew_events()
        wake(wakers)
        for effect in outcome.effects:
            if isinstance(effect, Resubmit):
                self._resubmit(effect)
            elif isinstance(effect, SendCancel):
                self._send_cancel(effect.project_id)
            else:
                self._effect(effect)

    def _set_state(self, link: LinkState, reason: str | None = None) -> None:
        with self.lock:
            before = self._state.link
            if before is LinkState.CLOSED or (self.closed and link is not LinkState.CLOSED):
                return
            self._state = ClientState(link=link, since=datetime.now(timezone.utc), reason=reason)
            wakers: list[Waker | None] = []
            if before is not link:
                wakers.append(self.callbacks.put("state", Once(), self._state))
            if before is not link and link in _ANNOUNCED:
                wakers.append(self.callbacks.put(_ANNOUNCED[link], Once(), self._state))
            if before is not link:
                wakers += self._account_news()
        wake([waker for waker in wakers if waker is not None])

    def _everybody(self) -> list[Sink]:
        """Every inbox that somebody may wait for; with the lock held."""
        inboxes = [*self._ready_inboxes, *self._model_inboxes, *self._network_inboxes]
        for entry in self.session.projects.values():
            inboxes += entry.sinks
        for cancel in self.session.canceling.values():
            inboxes += cancel.sinks
        return inboxes

    def _fail_everybody(self, error: SogniError) -> list[Waker]:
        """End every wait; with the lock held. A later call makes a new inbox, and opens the link again."""
        wakers = [waker for inbox in self._everybody() for waker in inbox.fail(error)]
        for entry in self.session.projects.values():
            entry.sinks.clear()
        self.session.canceling.clear()
        self._ready_inboxes.clear()
        self._model_inboxes.clear()
        self._network_inboxes.clear()
        return wakers


def wake(wakers: Iterable[Waker]) -> None:
    """Call the wakers; without the lock."""
    for waker in wakers:
        waker()
