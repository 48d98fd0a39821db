"""From the arguments of a client and the environment to the engine's settings. Nothing is opened here."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from .._protocol import auth
from .._store.sign_in import profile_name
from ..errors import ConfigError
from ..types.settings import Retries, Timeouts
from .settings import Place, Settings

if TYPE_CHECKING:
    from .._store.app_ids import Lease
    from .keeper import Keeper

NETWORKS = ("fast", "relaxed")

G = TypeVar("G")


class RunningSandbox(Protocol):
    """What a client needs of a sandbox."""

    rest_endpoint: str
    socket_endpoint: str
    api_key: str

    def close(self) -> None: ...


def settings(
    *,
    api_key: str | None,
    app_id: str | None,
    app_source: str | None,
    network: str,
    rest_endpoint: str | None,
    socket_endpoint: str | None,
    sandbox: bool | str | RunningSandbox,
    start_sandbox: Callable[[], RunningSandbox],
    attribution: Mapping[str, object] | None,
    socket_events: Mapping[str, bool] | None,
    disable_socket: bool,
    timeouts: Timeouts | float | None,
    retries: Retries | int | None,
    proxy: str | None,
    verify: Any,
    client_version: str,
    profile: str | None,
    testnet: bool,
) -> Settings:
    """The settings of a client; unset values come from the environment, then from the service's defaults.

    Raises:
        ConfigError: a value that cannot work, named.
    """
    if network not in NETWORKS:
        raise ConfigError(f"network is {network!r}; it must be one of {', '.join(map(repr, NETWORKS))}.")
    for name, text in {
        "api_key": api_key,
        "app_id": app_id,
        "app_source": app_source,
        "rest_endpoint": rest_endpoint,
        "socket_endpoint": socket_endpoint,
        "proxy": proxy,
    }.items():
        if text is not None and not isinstance(text, str):
            raise ConfigError(f"{name} must be a text, not {type(text).__name__}.")
    if app_id is not None and not app_id.strip():
        raise ConfigError("app_id must not be empty.", hint="Leave it out to have one managed for you.")
    # An explicit place beats the environment, so that a test never goes where a variable points.
    explicit = rest_endpoint is not None or socket_endpoint is not None
    given_url = sandbox if isinstance(sandbox, str) else None
    from_environment = isinstance(sandbox, bool) and not explicit
    sandbox_url = given_url or (os.environ.get("SOGNI_SANDBOX_URL") or None if from_environment else None)
    if sandbox_url is not None:
        sandbox_url = _local(sandbox_url, "sandbox" if given_url else "SOGNI_SANDBOX_URL")
    elif not isinstance(sandbox, bool) and not hasattr(sandbox, "socket_endpoint"):
        raise ConfigError(
            f"sandbox must be True, a running Sandbox or the URL of one, not {type(sandbox).__name__}.",
            hint="sandbox=True starts one for this client alone.",
        )
    in_sandbox = bool(sandbox) or sandbox_url is not None
    if not in_sandbox:
        api_key = api_key if api_key is not None else os.environ.get("SOGNI_API_KEY") or None
    profile = profile_name(profile)
    given_app_id = app_id or os.environ.get("SOGNI_APP_ID") or None
    return Settings(
        place=_finder(
            sandbox,
            sandbox_url,
            start_sandbox,
            rest_endpoint,
            socket_endpoint,
            None if api_key is not None else profile,
        ),
        app_id=AppId(given_app_id, in_sandbox),
        state_folder=_nowhere if in_sandbox else _state_folder,
        api_key=api_key,
        app_source=app_source.strip() or None if app_source else None,
        attribution=attribution,
        network=network,
        socket_events=socket_events,
        disable_socket=disable_socket,
        timeouts=_given(timeouts, Timeouts, "timeout", lambda seconds: Timeouts(read=seconds)),
        retries=_given(retries, Retries, "retries", lambda tries: Retries(tries=tries)),
        proxy=proxy,
        verify=verify,
        client_version=client_version,
        profile=profile,
        testnet=testnet,
    )


def _given(value: Any, kind: type[G], name: str, from_number: Callable[[Any], G]) -> G:
    """A value of that kind, made of a number or of nothing where needed."""
    if value is None:
        return kind()
    if isinstance(value, kind):
        return value
    if isinstance(value, (int, float)):
        return from_number(value)
    raise ConfigError(f"{name} must be a number or {kind.__name__}(...), not {type(value).__name__}.")


def _local(url: str, name: str) -> str:
    """The URL of a sandbox, which is always on this computer.

    Raises:
        ConfigError: it is somewhere else, or no URL.
    """
    try:
        parts = urlsplit(url)
        ok = parts.scheme == "http" and auth.is_loopback(parts.hostname) and parts.port != 0
    except ValueError:
        ok = False
    if not ok:
        raise ConfigError(
            f"{name} is {url!r}; it must be the URL of a sandbox on this computer, such as http://127.0.0.1:8700.",
            hint="`sogni sandbox serve` starts one and prints its URL.",
        )
    return url.rstrip("/")


def _nowhere() -> None:
    return None


def _state_folder() -> Path:
    from .._store.app_ids import state_folder

    return state_folder()


def _finder(
    sandbox: bool | str | RunningSandbox,
    sandbox_url: str | None,
    start_sandbox: Callable[[], RunningSandbox],
    rest_endpoint: str | None,
    socket_endpoint: str | None,
    profile: str | None,
) -> Callable[[], Place]:
    def find() -> Place:
        if not isinstance(sandbox, (bool, str)):
            return _in_sandbox(sandbox)
        if sandbox is True and sandbox_url is None:
            own = start_sandbox()
            return _in_sandbox(own, close=own.close)
        if sandbox_url is not None:
            return Place(
                rest_endpoint=sandbox_url,
                socket_endpoint="ws" + sandbox_url.removeprefix("http"),
                sign_in=lambda: (auth.api_key("sandbox-key"), None),
                loopback_only=True,
            )
        rest = rest_endpoint or os.environ.get("SOGNI_REST_ENDPOINT") or auth.REST_ENDPOINT
        socket = socket_endpoint or os.environ.get("SOGNI_SOCKET_ENDPOINT") or auth.SOCKET_ENDPOINT
        sign_in = None if profile is None else partial(_stored, profile, rest)
        return Place(rest_endpoint=rest, socket_endpoint=socket, sign_in=sign_in)

    return find


def _stored(profile: str, rest_endpoint: str) -> tuple[auth.Identity | None, Keeper | None]:
    """The sign-in that is stored for a host."""
    from .keeper import Keeper, find

    sign_in = find(profile, rest_endpoint)
    if sign_in is None:
        return None, None
    keeper = Keeper(profile, sign_in)
    if sign_in.api_key is not None:
        return auth.api_key(sign_in.api_key), keeper
    return auth.tokens(sign_in.token or "", sign_in.refresh_token or ""), keeper


def _in_sandbox(sandbox: RunningSandbox, close: Callable[[], None] | None = None) -> Place:
    return Place(
        rest_endpoint=sandbox.rest_endpoint,
        socket_endpoint=sandbox.socket_endpoint,
        sign_in=lambda: (auth.api_key(sandbox.api_key), None),
        loopback_only=True,
        close=close,
    )


class AppId:
    """Finds the app id when the socket opens: the given one, a throw-away one for a sandbox, else one of this
    installation's own. A forked child needs one for itself: two connections of one id throw each other out."""

    def __init__(self, given: str | None, in_sandbox: bool) -> None:
        self._given = given.strip() if given is not None else None
        self._in_sandbox = in_sandbox
        self._lock = threading.Lock()
        self._pid = 0
        self._found = ""
        self._lease: Lease | None = None
        # The id that somebody else uses against the rules; it stays ours, so that no other process here runs into that.
        self._contested: Lease | None = None

    def __call__(self) -> str:
        if self._given is not None:
            return self._given
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                # The lease of the parent is the parent's; only the name of the lock is dropped here.
                self._lease = self._contested = None
                self._found = self._find()
            return self._found

    def replace(self) -> bool:
        """Lease another id, because somebody took over this one; False when that is not ours to do, or was done before.

        Raises:
            ConfigError: there is none.
        """
        from .._store.app_ids import lease

        with self._lock:
            if self._lease is None or self._contested is not None:
                return False
            another = lease()
            self._contested, self._lease, self._found = self._lease, another, another.app_id
            return True

    def _find(self) -> str:
        if self._in_sandbox:
            import uuid

            return f"sandbox-{uuid.uuid4()}"
        from .._store.app_ids import lease

        self._lease = lease()
        return self._lease.app_id

    def release(self) -> None:
        """Give back what was leased."""
        with self._lock:
            leases = (self._lease, self._contested)
            self._lease = self._contested = None
            self._pid = 0
        for lease in leases:
            if lease is not None:
                lease.release()

    def reset_after_fork(self) -> None:
        """In a forked child."""
        self._lock = threading.Lock()
