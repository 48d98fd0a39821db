"""The blocking engine of one client: everything both packages do that involves threads, sockets or files.

A facade over its parts, called from any thread: REST in the thread of the caller (`http.py`), the live side (`feed.py`,
fed by the connection thread of `link.py`), the engine's own REST on an errand thread, uploads on a few more.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .._deadline import Deadline
from .._protocol import account_calls, auth, frames, recovery, rest, token_calls
from .._protocol.account_state import AccountState, Frames
from .._protocol.call import Call
from .._protocol.entries import ProjectEntry
from .._protocol.ids import recent_since
from .._protocol.messages import ProjectRecord
from .._protocol.outcome import (
    Effect,
    Once,
    Outcome,
)
from .._protocol.session import Session, read_record
from .._protocol.upkeep import KEEP_FINISHED
from ..errors import (
    AuthenticationError,
    ClosedError,
    ConfigError,
    ConnectFailed,
    Problem,
    SessionChanged,
    SogniError,
    SubmissionUncertain,
    ValidationError,
)
from ..types.account import Balance, CurrentAccount, Profile, TokenPair
from ..types.project import ClientState
from ..types.subscription import Subscription
from . import lookups, process
from .callbacks import Run, Subscription as Listener, check_callback
from .catalogue import Catalogue
from .chores import Chores
from .credentials import Credentials
from .feed import Feed, LinkNotReady, StreamEnded
from .http import Http
from .inbox import Inbox
from .link import Address
from .orders import Orders
from .settings import Place, Settings
from .ws import SendFailed

if TYPE_CHECKING:
    from .._store.claims import Claim
    from ..types.recent import RecentProject
    from .keeper import Keeper
    from .saved import SavedFiles
    from .transfer import UploadPool

T = TypeVar("T")

log = logging.getLogger("sogni.engine")


class Engine:
    """See the module's first lines."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.credentials = Credentials(
            settings.api_key, on_tokens=_weakly(self._tokens_renewed), on_change=_weakly(self._session_changed)
        )
        self.keeper: Keeper | None = None
        self._feed = Feed(
            address=_weakly(self._address),
            effect=_weakly(self._do),
            refused=_weakly(self._signed_out),
            renew=_weakly(self._renew_for_link),
            another_id=_weakly(self._another_id),
            idle_close=settings.idle_close,
            network=settings.network,
            socket_events={"projectQueue": True, **(settings.socket_events or {})},
        )
        self.orders = Orders(settings)
        self._opening = threading.Lock()
        self._place: Place | None = None
        self._http: Http | None = None
        self._chores = Chores(
            request=_weakly(self.request),
            subscription=_weakly(self.subscription),
            app_id=settings.app_id,
            feed=self._feed,
            orders=self.orders,
        )
        self.catalogue = Catalogue(_weakly(self.request), self._chores.run)
        self._uploads: UploadPool | None = None
        self._saved: SavedFiles | None = None
        self._linked_as: auth.Identity | None = None
        self._ended = False

    # --- opening and closing ----------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """Where this client works, found on first use."""
        with self._opening:
            self._feed.check_open()
            if self._place is None:
                place = self.settings.place()
                self._begin(place)
                self._place = place
                process.register(self)
            return self._place

    def _begin(self, place: Place) -> None:
        """Sign in with what comes with the place, unless somebody has signed in or out before."""
        if place.sign_in is None or not self.credentials.untouched:
            return
        try:
            identity, keeper = place.sign_in()
        except BaseException:
            if place.close is not None:
                place.close()
            raise
        if identity is not None and self.credentials.begin(identity):
            self.keep(keeper)

    @property
    def http(self) -> Http:
        """REST and media transfer."""
        place = self.place
        with self._opening:
            self._feed.check_open()
            if self._http is None:
                self._http = Http(
                    place.rest_endpoint,
                    place.socket_endpoint,
                    self.credentials,
                    timeouts=self.settings.timeouts,
                    retries=self.settings.retries,
                    proxy=self.settings.proxy,
                    verify=self.settings.verify,
                    loopback_only=place.loopback_only,
                )
            return self._http

    @property
    def uploads(self) -> UploadPool:
        """The threads that upload."""
        from .transfer import UploadPool

        with self._opening:
            self._feed.check_open()
            if self._uploads is None:
                self._uploads = UploadPool()
            return self._uploads

    @property
    def saved(self) -> SavedFiles:
        """The files that the account keeps at the service."""
        from .saved import SavedFiles

        http = self.http
        with self._opening:
            self._feed.check_open()
            if self._saved is None:
                self._saved = SavedFiles(http, self.credentials)
            return self._saved

    @property
    def lock(self) -> threading.Lock:
        """The lock under which entries change; hold it to read several things at one moment."""
        return self._feed.lock

    @property
    def session(self) -> Session:
        """The live state."""
        return self._feed.session

    @property
    def state(self) -> ClientState:
        """What the connection is doing."""
        return self._feed.state

    @property
    def broken_frames(self) -> int:
        """How many frames could not be understood."""
        return self._feed.broken_frames

    def close(self) -> None:
        """End everything within a few seconds; cancels nothing at the service; may be called again."""
        if self._ended:
            return
        # From here on nothing is opened any more. An interrupt may come between the steps: calling again goes on.
        self._feed.closed = True
        _end(self._parts)
        self._ended = True

    def __del__(self) -> None:
        feed = getattr(self, "_feed", None)
        if feed is not None and feed.link is not None and not feed.closed:
            warnings.warn(
                "a SogniClient was left open; use `with`, or close() it", ResourceWarning, stacklevel=2, source=self
            )
        if feed is not None and self._place is not None and not feed.closed:
            feed.closed = True
            # Not here: garbage is collected by any thread at any moment, also by one that holds a lock of ours.
            with suppress(RuntimeError):
                threading.Thread(target=_end, args=(self._parts,), name="sogni-end", daemon=True).start()

    @property
    def _parts(self) -> list[Callable[[], object]]:
        """What closes the parts, in the order in which they use each other."""
        closers: list[Callable[[], object]] = [self.credentials.close]
        if self._saved is not None:
            closers.append(self._saved.close)
        if self._uploads is not None:
            closers.append(self._uploads.close)
        closers.append(partial(self._feed.close, ClosedError("The client was closed.")))
        closers.append(self._chores.close)
        if self._http is not None:
            closers.append(self._http.close)
        closers += [partial(self.orders.close, ClosedError("The client was closed.")), self.settings.app_id.release]
        if self._place is not None and self._place.close is not None:
            closers.append(self._place.close)
        return closers

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a SogniClient cannot be pickled: make one in each process")

    def after_fork(self) -> None:
        """In a forked child: nothing of the parent's threads and connections is used again."""
        self._opening = threading.Lock()
        self._feed.after_fork()
        self._chores.reset_after_fork()
        self._uploads = None
        self._saved = None
        self.catalogue.reset_after_fork()
        self.credentials.reset_after_fork()
        self.settings.app_id.reset_after_fork()
        self.orders.reset_after_fork()
        if self._http is not None:
            self._http.reset_after_fork()

    # --- signing in -------------------------------------------------------------------------------------------------

    def sign_in(self, pair: TokenPair, *, version: int | None = None, fresh: bool = False) -> None:
        """Sign in with a token pair, see `Credentials.set_tokens`; an open link belongs to the account before."""
        self._feed.check_open()
        self.credentials.set_tokens(*pair, version=version, fresh=fresh)

    def keep(self, keeper: Keeper | None) -> None:
        """From now on the sign-in of this client is, or is not, a stored one."""
        self.keeper = keeper
        self.credentials.renew_through = None if keeper is None else keeper.renew

    def _session_changed(self, because: SogniError | None) -> None:
        self.keep(None)
        self._feed.forget_account(because or SessionChanged("Another account signed in, or this one signed out."))

    def _signed_out(self) -> None:
        # An API key stays: it is the user's to keep, and the error says what happened.
        if not self.credentials.uses_api_key:
            self.credentials.clear()

    def _tokens_renewed(self, token: str, refresh_token: str) -> None:
        with self.lock:
            waker = self._feed.callbacks.put("tokens", Once(), TokenPair(token, refresh_token))
        if waker is not None:
            waker()

    # --- REST -------------------------------------------------------------------------------------------------------

    def request(self, call: Call[T], deadline: Deadline | None = None) -> T:
        """Ask, in the thread of the caller."""
        return self.http.request(call, deadline)

    # --- the account ------------------------------------------------------------------------------------------------

    @property
    def current_account(self) -> CurrentAccount:
        """What is known of the account now."""
        with self.lock:
            return self._feed.account()

    def learn(self, call: Call[T], deadline: Deadline | None, act: Callable[[AccountState, T, Frames], object]) -> T:
        """Ask something about the account, and let the answer act on what is known of it.

        Raises:
            SessionChanged: another account signed in meanwhile.
        """
        session = self.session
        before = session.account.frames
        answer = self.request(call, deadline)

        def apply(present: Session) -> Outcome:
            if present is not session:
                raise SessionChanged("The account of this client changed while the call was under way.")
            known = session.account.account
            act(session.account, answer, before)
            return Outcome(news=[("account", None)] if session.account.account != known else [])

        self._feed.apply(apply)
        return answer

    def know(self, username: str, address: str) -> None:
        """Note who signed in."""

        def apply(session: Session) -> Outcome:
            session.account.identity(username, address)
            return Outcome(news=[("account", None)])

        self._feed.apply(apply)

    def profile(self, deadline: Deadline | None = None) -> Profile:
        """Who the account is."""
        return self.learn(account_calls.me(), deadline, lambda account, found, _: account.apply_profile(found))

    def balance(self, deadline: Deadline | None = None) -> Balance:
        """What the account holds."""
        self.learn(account_calls.balance(), deadline, AccountState.apply_balance)
        return self.current_account.balance

    def subscription(self, deadline: Deadline | None = None) -> Subscription:
        """The state of the subscription; what a frame told meanwhile counts more than an older answer."""
        found = self.learn(token_calls.subscription_status(), deadline, AccountState.apply_subscription)
        return self.current_account.subscription or found

    def set_socket_events(self, events: Mapping[str, bool]) -> None:
        """Ask for some frames, and for others no more."""
        self._feed.check_open()
        self._feed.set_socket_events(events)

    def switch_network(self, network: str) -> Inbox:
        """Ask for another network; the inbox gets the one that is used then.

        Raises:
            LinkNotReady: nothing was sent.
        """
        inbox = self._feed.network_inbox()
        with self.lock:
            self.session.switching = True
        try:
            self._feed.send("changeNetwork", network)
        except BaseException:
            self.end_switch(inbox)
            raise
        return inbox

    def end_switch(self, inbox: Inbox) -> None:
        """Wait for the answer no longer."""
        with self.lock:
            self.session.switching = False
        self._feed.drop_inbox(inbox)

    # --- the live side ----------------------------------------------------------------------------------------------

    def start_link(self) -> None:
        """Have the connection opened, if it is not; returns at once."""
        if self.settings.disable_socket:
            raise ConfigError(
                "This client was made with disable_socket=True; ordering and live news need the socket.",
                hint="Make a client without it.",
            )
        self.place  # noqa: B018 - finds the hosts, and raises here, where the caller sees it
        if not self.credentials.signed_in:
            raise AuthenticationError(
                "Nobody is signed in.",
                hint="Set SOGNI_API_KEY, or pass api_key= to SogniClient or configure; sandbox=True needs no account.",
            )
        self._feed.start()

    def ready_inbox(self) -> Inbox:
        """An inbox that gets one item when frames can be sent, or fails when the link ended."""
        return self._linked(self._feed.ready_inbox(), self._feed.drop_inbox)

    def model_inbox(self) -> Inbox:
        """An inbox that gets the worker counts of the models whenever they change, the present ones first."""
        return self._linked(self._feed.model_inbox(), self._feed.drop_inbox)

    def _linked(self, inbox: Inbox, drop: Callable[[Inbox], None]) -> Inbox:
        """An inbox with a link to feed it. In this order: a link that ends at once must find it, to fail it."""
        try:
            self.start_link()
        except BaseException:
            drop(inbox)
            raise
        return inbox

    def drop_inbox(self, inbox: Inbox) -> None:
        """Forget an inbox of `ready_inbox` or `model_inbox`."""
        self._feed.drop_inbox(inbox)

    def connect_error(self) -> ConnectFailed:
        """The error of a caller that waited for the link as long as is reasonable."""
        return ConnectFailed(
            f"No connection to the service: {self._feed.why_not_connected or 'it does not answer'}.",
            hint="The client keeps trying; call again, or look at client.state.",
        )

    def subscribe(
        self,
        kind: str,
        callback: Callable[[Any], object],
        run: Run,
        wrap: Callable[[Any], object | None],
        *,
        connect: bool = True,
    ) -> Callable[[], None]:
        """Have `callback` called for every event of a kind; the answer ends that."""
        feed = self._feed
        feed.check_open()
        check_callback(callback)
        subscription = Listener(kind, callback, run, wrap)

        def unsubscribe() -> None:
            with feed.lock:
                feed.callbacks.remove(subscription)

        waker = None
        with feed.lock:
            feed.callbacks.add(subscription)
            if kind == "available_models" and feed.session.worker_counts:
                waker = feed.callbacks.greet(subscription, feed.session.worker_counts)
        feed.callbacks.start()
        if waker is not None:
            waker()
        if connect:
            try:
                self.start_link()
            except BaseException:
                unsubscribe()
                raise
        return unsubscribe

    # --- projects ---------------------------------------------------------------------------------------------------

    def submit(
        self, entry: ProjectEntry, message: Mapping[str, object], version: int, claim: Claim | None = None
    ) -> None:
        """Order a project: track it, then write its request.

        Args:
            version: The session that ordered; another account must not pay for it.
            claim: One hold on it is given back when this has ended, whatever became of the caller meanwhile.
        Raises:
            LinkNotReady: nothing was written, and nothing is tracked.
            SessionChanged: the same, and somebody else is signed in by now.
            SubmissionUncertain: the write broke off; the project stays tracked and is never sent again by us.
        """
        try:
            self._submit(entry, message, version)
        finally:
            if claim is not None:
                claim.release()

    def _submit(self, entry: ProjectEntry, message: Mapping[str, object], version: int) -> None:
        text = frames.encode("jobRequest", message)
        with self.lock:
            self._feed.writable()
        # Before it is sent, so that a crash at any moment leaves a trace.
        self.orders.sent(entry.id, self.session.account.account.wallet_address)
        with self.lock:
            self.credentials.check(version)
            link, connection = self._feed.writable()
            self.session.submit(entry, text, time.monotonic())
        try:
            connection.send(text)
        except BaseException as problem:
            # An interrupt may come after the last byte left and before anybody could note that.
            started = problem.started if isinstance(problem, SendFailed) else True
            with self.lock:
                if started:
                    self.session.uncertain(entry)
                else:
                    self.session.withdraw(entry)
            # Half a frame makes the rest of the connection unreadable for the server.
            if started or isinstance(problem, SendFailed):
                link.drop()
            if not isinstance(problem, SendFailed):
                log.warning("interrupted while ordering project %s: look it up before ordering again", entry.id)
                raise
        else:
            return
        if started:
            raise SubmissionUncertain("The connection broke while the order was being written.", project_id=entry.id)
        raise LinkNotReady

    def adopt(self, entry: ProjectEntry) -> ProjectEntry:
        """Track a project that was ordered elsewhere or earlier; the one that is tracked already wins."""
        # Without a link nobody else lets finished projects go.
        self._feed.link_tick(time.monotonic())
        with self.lock:
            self._feed.check_open()
            return self.session.track(entry, time.monotonic())

    @staticmethod
    def read_record(record: ProjectRecord) -> ProjectEntry:
        """A project as a record describes it; it is not tracked."""
        return read_record(record, time.monotonic())

    def tracked(self) -> list[ProjectEntry]:
        """The tracked projects."""
        now = time.monotonic()
        with self.lock:
            # The timer that forgets runs on the connection thread, which may sleep or be gone.
            return [
                entry
                for entry in self.session.projects.values()
                if entry.finished_at is None or now - entry.finished_at < KEEP_FINISHED
            ]

    def entry(self, project_id: str) -> ProjectEntry | None:
        """A tracked project."""
        with self.lock:
            return self.session.projects.get(project_id)

    def watch(self, entry: ProjectEntry) -> Inbox:
        """An inbox with all that happened to the project so far, and all that will."""
        inbox = self._feed.watch(entry)
        if entry.settled:
            return inbox
        return self._linked(inbox, partial(self._feed.unwatch, entry))

    def unwatch(self, entry: ProjectEntry, inbox: Inbox) -> None:
        """Forget an inbox of `watch`."""
        self._feed.unwatch(entry, inbox)

    def cancel(self, project_id: str) -> Inbox | None:
        """Ask to cancel; the inbox gets the `CancelOutcome`. None when the project has ended already.

        Raises:
            LinkNotReady: nothing was sent.
        """
        inbox = Inbox(self.lock)
        with self.lock:
            self._feed.check_open()
            cancel, must_send = self.session.request_cancel(project_id, time.monotonic())
            if cancel is None:
                return None
            if must_send:
                try:
                    link, connection = self._feed.writable()
                except LinkNotReady:
                    self.session.abandon_cancel(cancel)
                    raise
            cancel.sinks.add(inbox)
        if not must_send:
            return inbox
        try:
            connection.send(frames.cancel(project_id))
        except SendFailed:
            link.drop()
        else:
            return inbox
        self._feed.abandon_cancel(cancel, inbox)
        raise LinkNotReady

    def resolve(
        self, project_ids: Sequence[str], *, tries: int = lookups.TRIES, pause: float = lookups.PAUSE
    ) -> dict[str, recovery.Verdict]:
        """Ask record, live list and status what became of projects; in the thread of the caller."""
        return self._chores.resolve(project_ids, tries=tries, pause=pause)

    def recent(
        self, since: object, limit: int, app_source: str | None, deadline: Deadline
    ) -> tuple[RecentProject, ...]:
        """Finished projects of the account, from any app."""
        since_ms = recent_since(since, time.time())
        # An unscoped list would be everybody's, so the address of the account is found first.
        address = self.account_address(deadline)
        if not isinstance(limit, int) or isinstance(limit, bool):
            problem = Problem("limit", f"limit must be a whole number from 1 to 100, not {limit!r}.", value=limit)
            raise ValidationError(problems=[problem])
        count = min(100, max(1, limit))
        call = rest.recent_jobs(address=address, since_ms=since_ms, limit=count, app_source=app_source)
        return self.request(call, deadline)

    def account_address(self, deadline: Deadline | None = None) -> str:
        """The wallet address of the account, asked for if need be; empty when the service does not tell."""
        known = self.current_account.wallet_address
        if known is None:
            known = self.profile(deadline).wallet_address
        return known or ""

    def left_behind(self, deadline: Deadline) -> list[str]:
        """Ids of the projects that this installation ordered and that nobody follows any more."""
        return self.orders.left_behind(self.account_address(deadline))

    def sync(self, reason: str = "manual", deadline: Deadline | None = None) -> Outcome:
        """Fetch what the service holds for this app id and bring the tracked projects in line with it."""
        return self._chores.sync(reason, deadline)

    def apply_record(self, project_id: str, record: ProjectRecord | None) -> None:
        """Let a record that was fetched act on its tracked project."""
        self._chores.apply_record(project_id, record)

    # --- for the feed -----------------------------------------------------------------------------------------------

    def _renew_for_link(self) -> bool:
        return self.credentials.refused(self._linked_as, self.http.renew)

    def _another_id(self) -> bool:
        try:
            found = self.settings.app_id.replace()
        except ConfigError:
            return False
        if found:
            log.warning(
                "another program took over the app id of this client, which goes on under another one; "
                "a copied state folder may be the cause: give each copy a SOGNI_STATE_DIR of its own"
            )
        return found

    def _do(self, effect: Effect) -> None:
        self._chores.do(effect)

    def _address(self) -> Address:
        settings, http = self.settings, self.http
        url = auth.socket_url(
            self.place.socket_endpoint,
            app_id=settings.app_id(),
            network=self._feed.network,
            app_source=settings.app_source,
            attribution=settings.attribution,
            subscriptions=self._feed.socket_events(),
            client_version=settings.client_version,
        )
        headers = http.auth_headers()
        self._linked_as = self.credentials.identity_now
        return Address(
            url=url,
            headers=headers,
            tls=http.tls_context if url.startswith("wss:") else None,
            proxy=http.socket_proxy(url),
        )


def _end(closers: Iterable[Callable[[], object]]) -> None:
    """Close the parts of an engine, whatever becomes of one of them."""
    with ExitStack() as stack:
        for close in reversed(tuple(closers)):
            stack.callback(close)


def _weakly(method: Callable[..., T]) -> Callable[..., T]:
    """A method that does not keep its engine alive: the feed's thread must not."""
    reference = weakref.WeakMethod(method)

    def call(*args: Any) -> T:
        bound = reference()
        if bound is None:
            raise ClosedError("The client is gone.")
        return bound(*args)

    return call


__all__ = ["Engine", "LinkNotReady", "StreamEnded", "check_callback"]
