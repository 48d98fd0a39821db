"""The blocking engine of one client: everything both packages do that involves threads, sockets or files.

Callers use it from any thread. One connection thread (`link.py`) feeds frames in; what they mean is decided by the
session (`_protocol/session.py`) under the one lock of the client; events go to inboxes; effects are carried out here. The
lock is never held during I/O, and wakers are called after it is released.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from .._deadline import Deadline
from .._protocol import auth, frames, recovery, rest
from .._protocol.call import Call
from .._protocol.closing import closing, closing_error
from .._protocol.entries import JobEntry, ProjectEntry
from .._protocol.messages import ProjectRecord
from .._protocol.session import (
    READ_KINDS,
    Effect,
    FetchRecord,
    FetchSnapshot,
    Once,
    Outcome,
    ResolveMissing,
    Resubmit,
    Session,
)
from ..errors import (
    ApiError,
    ClosedError,
    ConnectFailed,
    ConnectionLost,
    AuthenticationError,
    ProtocolError,
    SessionChanged,
    SogniError,
    SubmissionUncertain,
)
from ..types.project import CancelOutcome, ClientState, LinkState
from ..types.settings import Retries, Timeouts
from .cache import Flights
from .callbacks import Callbacks, Run, Subscription
from .credentials import Credentials
from .errands import Errands
from .http import Http
from .inbox import Inbox, Waker
from .link import Address, Link
from .ws import SendFailed, proxy_options

if TYPE_CHECKING:
    from ..types.catalog import Model
    from .transfer import UploadPool

T = TypeVar("T")

log = logging.getLogger("sogni.engine")
link_log = logging.getLogger("sogni.link")

CATALOGUE_FOR = 86_400.0  # seconds the models and tiers are kept
PRESETS_FOR = 600.0
IDLE_AFTER = 60.0
MISSING_TRIES = 4
MISSING_PAUSE = 2.5


class LinkNotReady(Exception):
    """Nothing was written: wait for the link and try again."""


@frozen(kw_only=True)
class Place:
    """Where a client works.

    Attributes:
        rest_endpoint, socket_endpoint: The two hosts.
        api_key: Key that comes with the place; a sandbox brings its own.
        loopback_only: Refuse every address outside this machine.
        close: Ends what was started for this client alone.
    """

    rest_endpoint: str
    socket_endpoint: str
    api_key: str | None = None
    loopback_only: bool = False
    close: Callable[[], None] | None = None


@frozen(kw_only=True)
class Settings:
    """How a client was set up. Functions are called on first use, never at construction.

    Attributes:
        place: Finds the hosts, starting a sandbox where one is asked for.
        app_id: Finds the app id of this process.
    """

    place: Callable[[], Place]
    app_id: Callable[[], str]
    api_key: str | None = None
    app_source: str | None = None
    attribution: Mapping[str, object] | None = None
    network: str = "fast"
    socket_events: Mapping[str, bool] | None = None
    disable_socket: bool = False
    timeouts: Timeouts = Timeouts()
    retries: Retries = Retries()
    proxy: str | None = None
    verify: bool | str | object = True
    client_version: str = "0"
    idle_close: float = IDLE_AFTER


class Engine:
    """See the module's first lines."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.Lock()
        self.session = Session()
        self.broken_frames = 0
        self._opening = threading.Lock()
        self._place: Place | None = None
        self._credentials = Credentials(settings.api_key, on_tokens=self._tokens_renewed)
        self._http: Http | None = None
        self._flights = Flights()
        self._link: Link | None = None
        self._errands: Errands | None = None
        self._uploads: UploadPool | None = None
        self._callbacks = Callbacks("sogni-callbacks", self.lock)
        self._ready_inboxes: list[Inbox] = []
        self._model_inboxes: list[Inbox] = []
        self._closed = False
        self._state = ClientState(link=LinkState.IDLE, since=datetime.now(timezone.utc))
        self._reason = ""
        self._used_at = 0.0
        self._subscriptions: dict[str, bool] = {"projectQueue": True, **(settings.socket_events or {})}

    # --- opening and closing ----------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """Where this client works, found on first use."""
        with self._opening:
            self._check_open()
            if self._place is None:
                from . import process

                self._place = self.settings.place()
                if self.settings.api_key is None and self._place.api_key is not None:
                    self._credentials.set_api_key(self._place.api_key)
                process.register(self)
            return self._place

    @property
    def http(self) -> Http:
        """REST and media transfer."""
        place = self.place
        with self._opening:
            self._check_open()
            if self._http is None:
                self._http = Http(
                    place.rest_endpoint,
                    place.socket_endpoint,
                    self._credentials,
                    timeouts=self.settings.timeouts,
                    retries=self.settings.retries,
                    proxy=self.settings.proxy,
                    verify=self.settings.verify,
                    loopback_only=place.loopback_only,
                )
            return self._http

    @property
    def credentials(self) -> Credentials:
        """Who is signed in."""
        return self._credentials

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._closed

    def sign_in(self, token: str, refresh_token: str) -> None:
        """Sign in with a token pair; a link that is open belongs to the account before."""
        self._check_open()
        self._credentials.set_tokens(token, refresh_token)
        self._drop_account()

    def _drop_account(self) -> None:
        """Another account: its predecessor's unfinished projects are over here; nothing is canceled there."""
        with self.lock:
            link, self._link = self._link, None
            wakers = self._fail_everybody(SessionChanged("Another account signed in."))
            self.session = Session()
        _wake(wakers)
        if link is not None:
            link.stop("Client session changed")
            self._set_state(LinkState.IDLE)

    def _tokens_renewed(self, token: str, refresh_token: str) -> None:
        with self.lock:
            waker = self._callbacks.put("tokens", Once(), (token, refresh_token))
        if waker is not None:
            waker()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("The client is closed.")

    def close(self) -> None:
        """End everything within a few seconds; cancels nothing at the service; may be called again."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            wakers = self._fail_everybody(ClosedError("The client was closed."))
            link, self._link = self._link, None
            errands, uploads, http = self._errands, self._uploads, self._http
        _wake(wakers)
        self._credentials.close()
        if uploads is not None:
            uploads.close()
        if link is not None:
            link.stop()
        if errands is not None:
            errands.close(2.0)
        self._callbacks.close(ClosedError("The client was closed."), 2.0)
        if http is not None:
            http.close()
        if self._place is not None and self._place.close is not None:
            self._place.close()
        self._set_state(LinkState.CLOSED)

    def __del__(self) -> None:
        link = getattr(self, "_link", None)
        if link is not None and not self._closed:
            warnings.warn("a SogniClient was left open; use `with`, or close() it", ResourceWarning, source=self)
            self.close()

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a SogniClient cannot be pickled: make one in each process")

    def after_fork(self) -> None:
        """In a forked child: nothing of the parent's threads and connections is used again."""
        self.lock = threading.Lock()
        self._opening = threading.Lock()
        lost = ConnectionLost("The process was forked; its parent has the connection.")
        for inbox in self._everybody():
            inbox.abandon(lost)
        if self._link is not None:
            self._link.abandon()
        self._link = None
        self._errands = None
        self._uploads = None
        self._flights.reset_after_fork()
        self._credentials.reset_after_fork()
        if self._http is not None:
            self._http.reset_after_fork()
        self._callbacks = Callbacks("sogni-callbacks", self.lock)
        self._ready_inboxes = []
        self._model_inboxes = []
        # What the parent ordered is the parent's: it goes on there.
        self.session = Session()
        self._set_state(LinkState.IDLE)

    # --- REST -------------------------------------------------------------------------------------------------------

    def request(self, call: Call[T], deadline: Deadline | None = None) -> T:
        """Ask, in the thread of the caller."""
        return self.http.request(call, deadline)

    def models(self, deadline: Deadline | None = None, *, force: bool = False) -> tuple[Model, ...]:
        """The model catalogue, kept for a day."""
        return self._flights.get(
            "models", CATALOGUE_FOR, lambda: self.request(rest.supported_models()), force=force, deadline=deadline
        )

    def known_models(self) -> tuple[Model, ...] | None:
        """The model catalogue if it is here already."""
        return self._flights.peek("models")  # type: ignore[return-value]

    def tiers(self, deadline: Deadline | None = None) -> Mapping[str, Any]:
        """The tiers of the catalogue, kept for a day."""
        return self._flights.get("tiers", CATALOGUE_FOR, lambda: self.request(rest.tiers()), deadline=deadline)

    def catalogue(self, deadline: Deadline | None = None) -> tuple[tuple[Model, ...], Mapping[str, Any]]:
        """Models and tiers, asked for at the same time."""
        if self._flights.peek("tiers") is None:
            self._run_errand("tiers", self.tiers)
        return self.models(deadline), self.tiers(deadline)

    def size_presets(
        self, network: str, model_id: str, deadline: Deadline | None = None, *, force: bool = False
    ) -> tuple[Any, ...]:
        """The size presets of a model, kept for ten minutes."""
        return self._flights.get(
            ("presets", network, model_id),
            PRESETS_FOR,
            lambda: self.request(rest.size_presets(network, model_id)),
            force=force,
            deadline=deadline,
        )

    @property
    def uploads(self) -> UploadPool:
        """The threads that upload."""
        from .transfer import UploadPool

        with self._opening:
            self._check_open()
            if self._uploads is None:
                self._uploads = UploadPool()
            return self._uploads

    def _run_errand(self, key: object, errand: Callable[[], object]) -> None:
        with self.lock:
            if self._closed:
                return
            if self._errands is None:
                self._errands = Errands("sogni-errands")
            errands = self._errands
        errands.run(key, lambda: _quietly(errand))

    # --- the link, for callers --------------------------------------------------------------------------------------

    @property
    def state(self) -> ClientState:
        """What the connection is doing."""
        return self._state

    @property
    def why_not_connected(self) -> str:
        """What kept the link from connecting, last time it failed."""
        return self._reason

    def start_link(self) -> None:
        """Have the connection opened, if it is not; returns at once."""
        if self.settings.disable_socket:
            from ..errors import ConfigError

            raise ConfigError(
                "This client was made with disable_socket=True; ordering and live news need the socket.",
                hint="Make a client without it.",
            )
        self.place  # noqa: B018 - finds the hosts, and raises here, where the caller sees it
        if not self._credentials.signed_in:
            raise AuthenticationError(
                "Nobody is signed in.",
                hint="Set SOGNI_API_KEY, pass api_key=, or use sandbox=True to try without an account.",
            )
        with self.lock:
            self._check_open()
            self._used_at = time.monotonic()
            if self._link is not None:
                return
            link = self._link = Link(self, "sogni-link")
        self._set_state(LinkState.CONNECTING)
        link.thread.start()

    def ready_inbox(self) -> Inbox:
        """An inbox that gets one item when frames can be sent, or fails when the link ended."""
        self.start_link()
        inbox = Inbox(self.lock)
        with self.lock:
            if self.session.ready:
                inbox.put("ready", True)
            self._ready_inboxes.append(inbox)
        return inbox

    def model_inbox(self) -> Inbox:
        """An inbox that gets the worker counts of the models whenever they change, the present ones first."""
        self.start_link()
        inbox = Inbox(self.lock)
        with self.lock:
            if self.session.worker_counts:
                inbox.put("models", self.session.worker_counts)
            self._model_inboxes.append(inbox)
        return inbox

    def drop_inbox(self, inbox: Inbox) -> None:
        """Forget an inbox of `ready_inbox` or `model_inbox`."""
        with self.lock:
            for inboxes in (self._ready_inboxes, self._model_inboxes):
                if inbox in inboxes:
                    inboxes.remove(inbox)

    # --- projects ---------------------------------------------------------------------------------------------------

    def submit(self, entry: ProjectEntry, message: Mapping[str, object]) -> None:
        """Order a project: track it, then write its request.

        Raises:
            LinkNotReady: nothing was written, and nothing is tracked.
            SubmissionUncertain: the write broke off; the project stays tracked and is never sent again by us.
        """
        text = frames.encode("jobRequest", message)
        with self.lock:
            self._check_open()
            connection = self._link.socket if self._link is not None and self.session.ready else None
            link = self._link
            if connection is None or link is None:
                raise LinkNotReady
            written = connection.written
            self.session.submit(entry, text, time.monotonic())
        try:
            connection.send(text)
        except BaseException as problem:
            started = problem.started if isinstance(problem, SendFailed) else connection.written != written
            with self.lock:
                if started:
                    self.session.uncertain(entry)
                else:
                    self.session.withdraw(entry)
            # Half a frame makes the rest of the connection unreadable for the server.
            if started or isinstance(problem, SendFailed):
                link.drop()
            if not isinstance(problem, SendFailed):
                raise
        else:
            return
        if started:
            raise SubmissionUncertain("The connection broke while the order was being written.", project_id=entry.id)
        raise LinkNotReady

    def adopt(self, entry: ProjectEntry) -> ProjectEntry:
        """Track a project that was ordered elsewhere or earlier; the one that is tracked already wins."""
        with self.lock:
            self._check_open()
            return self.session.projects.setdefault(entry.id, entry)

    def tracked(self) -> list[ProjectEntry]:
        """The tracked projects."""
        with self.lock:
            now = time.monotonic()
            return [
                entry
                for entry in self.session.projects.values()
                # The timer that forgets runs on the connection thread, which may sleep or be gone.
                if entry.finished_at is None or now - entry.finished_at < 30.0
            ]

    def entry(self, project_id: str) -> ProjectEntry | None:
        """A tracked project."""
        with self.lock:
            return self.session.projects.get(project_id)

    def watch(self, entry: ProjectEntry) -> Inbox:
        """An inbox with all that happened to the project so far, and all that will."""
        if not entry.settled:
            self.start_link()
        inbox = Inbox(self.lock)
        with self.lock:
            for event in entry.history.values():
                inbox.put(Once(), event)
            if not entry.settled:
                for job in entry.jobs:
                    if job.body is not None or job.eta_seconds is not None:
                        inbox.put(job.progress_touch, job.progress_touch)
                entry.sinks.append(inbox)
        return inbox

    def unwatch(self, entry: ProjectEntry, inbox: Inbox) -> None:
        """Forget an inbox of `watch`."""
        with self.lock:
            if inbox in entry.sinks:
                entry.sinks.remove(inbox)

    def cancel(self, project_id: str) -> Inbox | None:
        """Ask to cancel; the inbox gets the `CancelOutcome`. None when the project has ended already.

        Raises:
            LinkNotReady: nothing was sent.
        """
        now = time.monotonic()
        with self.lock:
            self._check_open()
            link = self._link
            connection = link.socket if link is not None and self.session.ready else None
            known = project_id in self.session.canceling
            cancel, must_send = self.session.request_cancel(project_id, now)
            if cancel is None:
                return None
            if must_send and connection is None:
                self.session.abandon_cancel(cancel)
                raise LinkNotReady
            inbox = Inbox(self.lock)
            cancel.sinks.append(inbox)
        if known or link is None or connection is None:
            return inbox
        refusal = {
            "jobID": project_id,
            "error": "artistCanceled",
            "error_message": "artistCanceled",
            "isFromWorker": False,
        }
        try:
            connection.send(frames.encode("jobError", refusal))
        except SendFailed:
            link.drop()
        else:
            return inbox
        with self.lock:
            self.session.abandon_cancel(cancel)
            wakers = [
                waker
                for sink in cancel.sinks
                if sink is not inbox
                for waker in sink.fail(ConnectionLost("The cancel request could not be sent."))
            ]
        _wake(wakers)
        raise LinkNotReady

    def resolve(
        self, project_ids: Sequence[str], *, tries: int = MISSING_TRIES, pause: float = MISSING_PAUSE
    ) -> dict[str, recovery.Verdict]:
        """Ask record, live list and status what became of projects; in the thread of the caller."""
        verdicts: dict[str, recovery.Verdict] = {}
        pending = list(dict.fromkeys(project_ids))
        for attempt in range(max(1, tries)):
            if attempt and pending and self._pause(pause):
                break
            for project_id in tuple(pending):
                record, refusal = self._ask(rest.project_record(project_id))
                if record is not None:
                    verdicts[project_id] = recovery.Verdict("finished", record)
                    pending.remove(project_id)
                elif refusal != 404:
                    verdicts[project_id] = recovery.Verdict("unknown")
                    pending.remove(project_id)
            if not pending:
                break
        if pending:
            try:
                live: Iterable[str] | None = self.request(rest.live_projects())
            except SogniError:
                live = None
            known = None if live is None else tuple(live)
            for project_id in pending:
                status, refusal = (None, None)
                if known is None or project_id not in known:
                    status, refusal = self._ask(rest.project_status(project_id))
                verdicts[project_id] = recovery.judge(known, project_id, status, refusal)
        return {project_id: verdicts[project_id] for project_id in dict.fromkeys(project_ids) if project_id in verdicts}

    def _ask(self, call: Call[ProjectRecord]) -> tuple[ProjectRecord | None, int | None]:
        """(record, None), or (None, HTTP status of the refusal; 0 when no answer came)."""
        try:
            return self.request(call), None
        except ApiError as refusal:
            return None, refusal.status or 0
        except ClosedError:
            raise
        except SogniError:
            return None, 0

    def _pause(self, seconds: float) -> bool:
        """Sleep between tries; True when the client closes meanwhile."""
        errands = self._errands
        if errands is None:
            time.sleep(seconds)
            return self._closed
        return errands.stopping.wait(seconds)

    # --- subscriptions ----------------------------------------------------------------------------------------------

    def subscribe(
        self,
        kind: str,
        callback: Callable[[object], object],
        run: Run,
        wrap: Callable[[object], object | None],
        *,
        connect: bool = True,
    ) -> Callable[[], None]:
        """Have `callback` called for every event of a kind; the answer ends that."""
        self._check_open()
        subscription = Subscription(kind, callback, run, wrap)
        with self.lock:
            self._callbacks.add(subscription)
        self._callbacks.start()
        if connect:
            self.start_link()

        def unsubscribe() -> None:
            with self.lock:
                self._callbacks.remove(subscription)

        return unsubscribe

    # --- the link, for its thread -----------------------------------------------------------------------------------

    def link_address(self) -> Address:
        """Where to connect, rebuilt for every connection."""
        place, http, settings = self.place, self.http, self.settings
        network = self.session.network or settings.network
        url = auth.socket_url(
            place.socket_endpoint,
            app_id=settings.app_id(),
            network=network,
            app_source=settings.app_source,
            attribution=settings.attribution,
            subscriptions=self._subscriptions,
            client_version=settings.client_version,
        )
        headers = http.auth_headers()
        return Address(
            url=url,
            headers=headers,
            tls=http.tls_context if url.startswith("wss:") else None,
            proxy=proxy_options(http.proxy_for(url)),
        )

    def link_opened(self, link: Link, now: float) -> None:
        """The socket is open."""
        with self.lock:
            self.session.link_open(now)
        link_log.info("connected")

    def link_authenticated(self) -> bool:
        """True when this connection was accepted by the server."""
        return self._was_ready

    _was_ready = False

    def link_received(self, raw: bytes, now: float) -> None:
        """One message of the socket, on the connection thread."""
        try:
            frame = frames.decode(raw)
            kind = frame.kind
            if kind not in READ_KINDS:
                return
            payload = frames.body(frame)
            if kind == "jobProgress" or kind == "jobETA":
                with self.lock:
                    job = self.session.progress(kind, payload, now)
                    wakers = None if job is None else self._touch(job, payload)
                if wakers is not None:
                    _wake(wakers)
                    return
            with self.lock:
                outcome = self.session.receive(kind, payload, now)
                wakers = self._deliver(outcome)
        except ProtocolError as problem:
            self.broken_frames += 1
            link_log.warning("frame dropped: %s", problem.message)
            return
        except Exception:
            # A frame that we did not foresee is dropped like a broken one; the connection stays.
            self.broken_frames += 1
            link_log.exception("frame dropped")
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
        with self.lock:
            self._was_ready = self.session.ready
            outcome = self.session.link_down(now)
            reconnect = self._is_needed() if what.reconnect is None else what.reconnect
            wakers = self._deliver(outcome)
        link_log.info("connection lost (close code %d)", code)
        self._carry_out(outcome, wakers)
        if reconnect and not self._closed:
            self._set_state(LinkState.RECONNECTING, f"connection lost (close code {code})")
            return True
        if what.sign_out and not self._credentials.uses_api_key:
            self._credentials.clear()
        self._end_link(link, closing_error(code) if what.message else None, what.state)
        return False

    def link_failed(self, link: Link, error: SogniError | None, reason: str) -> None:
        """A connection could not be made; with an error it will not be tried again."""
        self._reason = reason
        if error is not None:
            self._end_link(link, error, LinkState.REFUSED)
        elif self._state.link is not LinkState.CLOSED:
            state = self._state.link if self._state.link is LinkState.RECONNECTING else LinkState.CONNECTING
            self._set_state(state, reason)

    def link_idle(self, link: Link, now: float) -> bool:
        """True when nothing has needed the connection for a while; it is then closed and opened by the next use."""
        with self.lock:
            if self._link is not link or self._is_needed() or now - self._used_at < self.settings.idle_close:
                return False
            self._link = None
            self.session.link_down(now)
        self._set_state(LinkState.IDLE)
        return True

    def _is_needed(self) -> bool:
        return (
            any(not entry.settled or entry.sinks for entry in self.session.projects.values())
            or bool(self.session.canceling)
            or bool(self._ready_inboxes)
            or bool(self._model_inboxes)
            or self._callbacks.any
        )

    def _end_link(self, link: Link, error: SogniError | None, state: LinkState) -> None:
        with self.lock:
            if self._link is link:
                self._link = None
            outcome = self.session.link_ended()
            wakers = self._deliver(outcome)
            if error is not None:
                wakers += self._fail_everybody(error)
        _wake(wakers)
        self._set_state(state, error.message if error is not None else None)

    # --- delivering -------------------------------------------------------------------------------------------------

    def _touch(self, job: JobEntry, payload: dict[str, Any]) -> list[Waker]:
        """Tell those who watch that a job's slot has something newer; with the lock held."""
        wakers: list[Waker] = []
        touch = job.progress_touch
        preview = job.preview_touch if payload.get("hasImage") is True else None
        for sink in job.project.sinks:
            waker = sink.put(touch, touch)
            if waker is not None:
                wakers.append(waker)
            if preview is not None:
                sink.put(preview, preview)
        callbacks = self._callbacks
        if callbacks.by_kind:
            for item in (touch, preview):
                waker = None if item is None else callbacks.put("job", item, item)
                if waker is not None:
                    wakers.append(waker)
        return wakers

    def _deliver(self, outcome: Outcome) -> list[Waker]:
        """Put events into inboxes; with the lock held."""
        wakers: list[Waker | None] = []
        for entry, key, event in outcome.events:
            for sink in entry.sinks:
                wakers.append(sink.put(key, event))
            kind = "project" if type(event).__name__ in _PROJECT_EVENTS else "job"
            wakers.append(self._callbacks.put(kind, key, (entry, event)))
        for cancel, result in outcome.cancels:
            for sink in cancel.sinks:
                wakers.append(sink.put("outcome", result))
        if outcome.became_ready:
            self._used_at = time.monotonic()
            for inbox in self._ready_inboxes:
                wakers.append(inbox.put("ready", True))
        for kind, value in outcome.news:
            wakers.append(self._callbacks.put(kind, kind if kind == "available_models" else Once(), value))
            if kind == "available_models":
                for inbox in self._model_inboxes:
                    wakers.append(inbox.put("models", value))
        return [waker for waker in wakers if waker is not None]

    def _carry_out(self, outcome: Outcome, wakers: list[Waker]) -> None:
        """Wake who waits, then do what the session asks for; without the lock."""
        _wake(wakers)
        if outcome.became_ready:
            self._set_state(LinkState.READY)
        for effect in outcome.effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        if isinstance(effect, Resubmit):
            self._resubmit(effect)
        elif isinstance(effect, FetchSnapshot):
            reason = effect.reason
            self._run_errand("snapshot", lambda: self.sync(reason))
        elif isinstance(effect, FetchRecord):
            project_id = effect.project_id
            self._run_errand(("record", project_id), lambda: self._fetch_record(project_id))
        elif isinstance(effect, ResolveMissing):
            project_ids = effect.project_ids
            self._run_errand(("missing", project_ids), lambda: self._resolve_missing(project_ids))

    def _resubmit(self, effect: Resubmit) -> None:
        link = self._link
        connection = link.socket if link is not None else None
        try:
            if connection is None:
                raise SendFailed(False, "no connection")
            connection.send(effect.text)
        except SendFailed as problem:
            with self.lock:
                if problem.started:
                    self.session.uncertain(effect.entry)
                elif effect.entry.submission is not None:
                    effect.entry.submission.awaiting_link = True
            if link is not None:
                link.drop()
            return
        with self.lock:
            self.session.resubmitted(effect.entry, time.monotonic())

    # --- errands ----------------------------------------------------------------------------------------------------

    def _apply(self, act: Callable[[], Outcome]) -> Outcome:
        with self.lock:
            if self._closed:
                return Outcome()
            outcome = act()
            wakers = self._deliver(outcome)
        self._carry_out(outcome, wakers)
        return outcome

    def sync(self, reason: str = "manual", deadline: Deadline | None = None) -> Outcome:
        """Fetch what the service holds for this app id and bring the tracked projects in line with it."""
        requested_at = time.monotonic()
        snapshot = self.request(rest.sync(self.settings.app_id()), deadline)
        return self._apply(lambda: self.session.apply_snapshot(snapshot, requested_at, reason, time.monotonic()))

    def _fetch_record(self, project_id: str) -> None:
        record, _ = self._ask(rest.project_record(project_id))
        self._apply(lambda: self.session.apply_record(project_id, record, time.monotonic()))

    def apply_record(self, record: ProjectRecord, project_id: str) -> None:
        """Let a record that a caller fetched act on its tracked project."""
        self._apply(lambda: self.session.apply_record(project_id, record, time.monotonic()))

    def _resolve_missing(self, project_ids: tuple[str, ...]) -> None:
        verdicts = self.resolve(project_ids)
        self._apply(lambda: self.session.apply_verdicts(verdicts, time.monotonic()))

    # --- small things -----------------------------------------------------------------------------------------------

    def _set_state(self, link: LinkState, reason: str | None = None) -> None:
        with self.lock:
            if self._state.link is LinkState.CLOSED or (self._closed and link is not LinkState.CLOSED):
                return
            before, self._state = (
                self._state,
                ClientState(link=link, since=datetime.now(timezone.utc), reason=reason),
            )
            wakers = [self._callbacks.put("state", Once(), self._state)] if before.link is not link else []
            name = {LinkState.CONNECTING: "connecting", LinkState.RECONNECTING: "connecting"}.get(link)
            if link in (LinkState.IDLE, LinkState.DISPLACED, LinkState.REFUSED):
                name = "disconnected"
            if name is not None and before.link is not link:
                wakers.append(self._callbacks.put(name, Once(), self._state))
        _wake([waker for waker in wakers if waker is not None])

    def _everybody(self) -> list[Inbox]:
        inboxes: list[Any] = [*self._ready_inboxes, *self._model_inboxes]
        for entry in self.session.projects.values():
            inboxes += entry.sinks
        for cancel in self.session.canceling.values():
            inboxes += cancel.sinks
        return inboxes

    def _fail_everybody(self, error: SogniError) -> list[Waker]:
        """End every inbox; with the lock held. Each gets the one error; a later call makes a new inbox."""
        wakers = [waker for inbox in self._everybody() for waker in inbox.fail(error)]
        for entry in self.session.projects.values():
            entry.sinks.clear()
        self.session.canceling.clear()
        self._ready_inboxes.clear()
        self._model_inboxes.clear()
        return wakers

    def connect_error(self) -> ConnectFailed:
        """The error of a caller that waited for the link as long as is reasonable."""
        return ConnectFailed(
            f"No connection to the service: {self._reason or 'it does not answer'}.",
            hint="The client keeps trying; call again, or look at client.state.",
        )


_PROJECT_EVENTS = frozenset(("Queued", "Completed", "Failed", "Canceled"))


def _wake(wakers: Iterable[Waker]) -> None:
    for wake in wakers:
        wake()


def _quietly(errand: Callable[[], object]) -> None:
    try:
        errand()
    except SogniError as error:
        # Nobody asked for it; who needs the answer finds out, or asks again.
        log.info("an errand ended with %s", type(error).__name__)


__all__ = ["CancelOutcome", "Engine", "LinkNotReady", "Place", "Settings"]
