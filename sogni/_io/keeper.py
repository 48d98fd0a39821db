"""The stored sign-in of a client: kept up to date, and renewed by one process at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress

from attrs import evolve

from .._protocol import auth
from .._store import sign_in as store
from .._store.sign_in import SignIn
from ..errors import ConfigError

_log = logging.getLogger("sogni.auth")


class Keeper:
    """Looks after one profile.

    A renewal makes the old tokens worthless, also for other processes that use them: so it happens under a lock, and
    what another process has renewed meanwhile is taken instead.

    Args:
        profile: Its name.
        sign_in: What is stored there.
    """

    def __init__(self, profile: str, sign_in: SignIn) -> None:
        self.profile = profile
        self._last = sign_in

    def renew(self, refresh_token: str, renew: Callable[[str], tuple[str, str]]) -> tuple[str, str]:
        """A new pair for a refresh token: from the file if it is newer, else from the service."""
        with ExitStack() as stack:
            # Without a lock, and without a file: the session itself must go on.
            with suppress(ConfigError):
                stack.enter_context(store.held(self.profile))
            stored = self._stored()
            if stored is not None and stored.token and stored.refresh_token not in (None, refresh_token):
                self._last = stored
                return stored.token, stored.refresh_token or ""
            pair = renew(refresh_token)
            # Otherwise somebody signed out, or in as somebody else; this client goes on for itself.
            if stored is not None:
                self._last = evolve(self._last, token=pair[0], refresh_token=pair[1])
                try:
                    store.write(self.profile, self._last)
                except ConfigError as error:
                    _log.error("the renewed tokens could not be stored: %s", error.message)
        return pair

    def forget(self) -> None:
        """Remove what is stored, unless it is somebody else's by now."""
        with store.held(self.profile):
            if self._stored() is not None:
                store.remove(self.profile)

    def _stored(self) -> SignIn | None:
        """What the file holds, if it is this client's own."""
        try:
            stored = store.read(self.profile)
        except ConfigError:
            return None
        if stored is None or stored.rest_endpoint != self._last.rest_endpoint:
            return None
        same_key = stored.api_key == self._last.api_key
        return stored if same_key and _owner(stored) == _owner(self._last) else None


def find(profile: str, rest_endpoint: str) -> SignIn | None:
    """The stored sign-in for a host; None when there is none, or only one for another host."""
    stored = store.read(profile)
    if stored is None or stored.rest_endpoint != auth.rest_base(rest_endpoint):
        return None
    return stored


def _owner(sign_in: SignIn) -> str | None:
    return sign_in.address.lower() if sign_in.address else None
