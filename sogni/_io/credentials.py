"""The credentials of one client, shared by its threads: renewed by one of them at a time, and versioned by sign-in."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from .._deadline import Deadline
from .._protocol import auth
from ..errors import (
    ApiError,
    AuthenticationError,
    ClosedError,
    ConfigError,
    ProtocolError,
    SessionChanged,
    SogniError,
    WaitTimeout,
)
from ..types.account import TokenPair
from .cache import Flights

_log = logging.getLogger("sogni.auth")

Renew = Callable[[str], tuple[str, str]]
"""Sends a refresh token and brings the new pair: access token, refresh token."""

# What says that a refresh token is worth nothing any more. A busy or broken server does not.
_REFUSED = frozenset((400, 401, 403))
_SIGN_IN_AGAIN = "Sign in again: the session has ended."


class Credentials:
    """An API key, a token pair, or nothing; safe to use from many threads.

    The session version rises with every sign-in, sign-out and close, but not with a renewal: work that notes it at its
    start and checks it at its end never acts for another account.

    Args:
        api_key: API key to begin with.
        on_tokens: Called with the new pair after each renewal, so that it can be stored: the old one is worthless then.
        on_change: Called after every change of the session version, with the error that ended the session if one did.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        on_tokens: Callable[[str, str], object] | None = None,
        on_change: Callable[[SogniError | None], object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.on_tokens = on_tokens
        self.on_change = on_change
        self.renew_through: Callable[[str, Renew], tuple[str, str]] | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._flights = Flights()
        self._version = 0
        self._closed = False
        self._identity: auth.Identity | None = None if api_key is None else auth.api_key(api_key)

    def __repr__(self) -> str:
        kind = {auth.ApiKey: "API key", auth.Tokens: "tokens"}.get(type(self._identity), "signed out")
        return f"Credentials({'closed' if self._closed else kind})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("Credentials cannot be pickled")

    # --- who is signed in ---

    @property
    def signed_in(self) -> bool:
        """True with an API key, or with a refresh token that has not run out."""
        identity = self._identity
        return isinstance(identity, auth.ApiKey) or (
            isinstance(identity, auth.Tokens) and auth.can_renew(identity, self._clock())
        )

    @property
    def uses_api_key(self) -> bool:
        """True when signed in by API key."""
        return isinstance(self._identity, auth.ApiKey)

    @property
    def tokens(self) -> TokenPair | None:
        """Access and refresh token, which is all that is needed to sign in again; None without tokens."""
        identity = self._identity
        return TokenPair(identity.token, identity.refresh_token) if isinstance(identity, auth.Tokens) else None

    @property
    def api_key(self) -> str | None:
        """The API key in use."""
        identity = self._identity
        return identity.value if isinstance(identity, auth.ApiKey) else None

    @property
    def version(self) -> int:
        """The session version."""
        return self._version

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._closed

    @property
    def identity_now(self) -> auth.Identity | None:
        """As whom the client asks right now."""
        return self._identity

    def check(self, version: int) -> None:
        """Raises when the session is not the one of `version` any more.

        Raises:
            ClosedError: the client was closed.
            SessionChanged: another sign-in, or a sign-out.
        """
        if self._closed:
            raise ClosedError("The client is closed.")
        if version != self._version:
            raise SessionChanged("The account of this client changed while the call was under way.")

    def secrets(self) -> tuple[str, ...]:
        """The texts that must not appear anywhere."""
        return auth.secrets(self._identity)

    # --- sign in and out ---

    def set_api_key(self, api_key: str) -> None:
        """Signs in by API key; another key is another session."""
        self._become(auth.api_key(api_key))

    def set_tokens(self, token: str, refresh_token: str, *, version: int | None = None, fresh: bool = False) -> None:
        """Signs in by token pair; a pair other than the present one is another session.

        Args:
            version: The session that it follows; if another one began meanwhile, SessionChanged is raised.
            fresh: It was issued just now.
        """
        pair = TokenPair(token, refresh_token)
        del token, refresh_token  # a traceback must not show them
        self._become(auth.tokens(*pair, received=self._clock() if fresh else None), version=version)

    @property
    def untouched(self) -> bool:
        """True as long as nobody has signed in or out."""
        return not self._version and self._identity is None

    def begin(self, identity: auth.Identity) -> bool:
        """Signs in with what was found on first use; False when somebody has signed in or out before."""
        with self._lock:
            if self._closed or self._version or self._identity is not None:
                return False
            self._identity = identity
        return True

    def clear(self) -> None:
        """Signs out."""
        self._become(None)

    def close(self) -> None:
        """Forgets everything for good. A renewal under way can no longer bring anything back."""
        with self._lock:
            self._closed = True
            self._identity = None
            self._version += 1

    def _become(
        self,
        identity: auth.Identity | None,
        *,
        instead_of: auth.Identity | None = None,
        version: int | None = None,
        because: SogniError | None = None,
    ) -> bool:
        """Takes on an identity; with `instead_of` only if that one is still the present one."""
        with self._lock:
            if self._closed:
                raise ClosedError("The client is closed.")
            if version is not None and version != self._version:
                raise SessionChanged("The account of this client changed while the call was under way.")
            if identity == self._identity or (instead_of is not None and self._identity is not instead_of):
                return False
            self._identity = identity
            self._version += 1
        callback = self.on_change
        if callback is not None:
            self._tell(lambda: callback(because))
        return True

    # --- headers ---

    def headers(self, renew: Renew, *, deadline: Deadline | None = None) -> dict[str, str]:
        """The credential headers of a request, from a token that is good for a while; empty when signed out.

        Args:
            renew: Asks for a new pair; called by one thread at a time, the others wait for what it brings.
            deadline: How long to wait for a renewal.
        Raises:
            AuthenticationError: the session has ended; the tokens are forgotten.
            RateLimited, ServerError, TransportError: not renewed just now; the tokens are kept.
        """
        return auth.headers(self.identity(renew, deadline=deadline))

    def identity(self, renew: Renew, *, deadline: Deadline | None = None) -> auth.Identity | None:
        """What `headers` makes the headers of."""
        identity = self._identity
        if isinstance(identity, auth.Tokens) and auth.needs_renewal(identity, self._clock()):
            return self._renewed(identity, renew, deadline)
        return identity

    def refused(self, used: auth.Identity | None, renew: Renew, *, deadline: Deadline | None = None) -> bool:
        """What to do about an HTTP 401: True when there are other tokens now and the request may be tried again.

        An API key is kept: the server also answers 401 to what a key may not do. Tokens are renewed once.

        Args:
            used: The identity that was refused.
            renew: Asks for a new pair.
            deadline: How long to wait for a renewal.
        Raises:
            ApiError, TransportError: the renewal was neither granted nor refused; the tokens are kept.
        """
        identity = self._identity
        if not isinstance(identity, auth.Tokens):
            return False
        if identity != used:
            return True  # renewed by another thread meanwhile
        try:
            self._renewed(identity, renew, deadline, even_if_good=True)
        except AuthenticationError:
            return False
        return True

    def give_up(self, used: auth.Identity | None) -> None:
        """Signs out after tokens that had just been renewed were refused as well; an API key is kept."""
        identity = self._identity
        if isinstance(identity, auth.Tokens) and identity == used:
            ended = AuthenticationError("The service refuses the tokens of this client.", hint=_SIGN_IN_AGAIN)
            self._become(None, instead_of=identity, because=ended)

    def _renewed(
        self, old: auth.Tokens, renew: Renew, deadline: Deadline | None, *, even_if_good: bool = False
    ) -> auth.Identity | None:
        failure: SogniError | None = None
        try:
            # Detached: a renewal that is cut short may have used up the old pair without bringing the new one.
            return self._flights.get(
                old.refresh_token, 0, lambda: self._renew(old, renew, even_if_good), deadline=deadline, detach=True
            )
        except SogniError as error:
            # Frames below hold the tokens; an error reporter would print them.
            failure = error.with_traceback(None)
        still_good = not even_if_good and old.token and old.expires > self._clock()
        if still_good and self._identity is old and not isinstance(failure, WaitTimeout):
            _log.debug("renewal failed, the present token is good for a while")
            return old
        raise failure

    def _renew(self, old: auth.Tokens, renew: Renew, even_if_good: bool) -> auth.Identity | None:
        """Asks for a new pair, unless another thread did between our look and our turn."""
        version = self._version
        if self._identity is not old:
            self.check(version)
            return self._identity
        if not auth.can_renew(old, self._clock()):
            if not even_if_good and old.token and old.expires > self._clock():
                return old
            self._become(None, instead_of=old, because=_run_out())
            raise _run_out()
        refusal: ApiError | None = None
        try:
            pair: auth.Tokens | None = self._ask(old, renew)
        except ConfigError:
            pair = None
        except ApiError as error:
            refusal, pair = error.with_traceback(None), None
        if refusal is not None:
            if refusal.status not in _REFUSED:
                raise refusal
            if not self._become(None, instead_of=old, because=_ended(refusal)):
                self.check(version)
            raise _ended(refusal)
        if pair is None:
            raise ProtocolError("The server answered a token renewal without a usable token pair.")
        with self._lock:
            current = self._identity is old and not self._closed
            if current:
                self._identity = pair
        if not current:
            # Signed out, closed or another account meanwhile: the new pair belongs to nobody here.
            self.check(version)
            return self._identity
        callback = self.on_tokens
        if callback is not None:
            self._tell(lambda: callback(pair.token, pair.refresh_token))
        return pair

    def _ask(self, old: auth.Tokens, renew: Renew) -> auth.Tokens:
        """A new pair: from the service, or what another process has got from there."""
        through = self.renew_through
        asked: list[float] = []

        def ask(refresh_token: str) -> tuple[str, str]:
            found = renew(refresh_token)
            asked.append(self._clock())
            return found

        new = ask(old.refresh_token) if through is None else through(old.refresh_token, ask)
        return auth.tokens(*new, received=asked[0] if asked else None)

    @staticmethod
    def _tell(callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception as error:
            # Neither text nor traceback: both may hold the tokens it was given.
            _log.error("a credentials callback raised %s", type(error).__name__)

    def reset_after_fork(self) -> None:
        """In a forked child: fresh locks; who is signed in stays."""
        self._lock = threading.Lock()
        self._flights.reset_after_fork()


def _run_out() -> AuthenticationError:
    return AuthenticationError("The refresh token has run out.", hint=_SIGN_IN_AGAIN)


def _ended(refusal: ApiError) -> AuthenticationError:
    return AuthenticationError(
        f"The session could not be renewed: {refusal.message}",
        status=refusal.status,
        error_code=refusal.error_code,
        server_message=refusal.server_message,
        retry_after=refusal.retry_after,
        details=refusal.details,
        hint=_SIGN_IN_AGAIN,
    )
