"""How a client was set up, as the engine needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from .._protocol.auth import Identity
from ..types.settings import Retries, Timeouts

if TYPE_CHECKING:
    from .keeper import Keeper

IDLE_AFTER = 60.0


@frozen(kw_only=True)
class Place:
    """Where a client works.

    Attributes:
        rest_endpoint, socket_endpoint: The two hosts.
        sign_in: Finds the sign-in of a client that was given none: a sandbox's own, or the stored one with its keeper.
        loopback_only: Refuse every address outside this machine.
        close: Ends what was started for this client alone.
    """

    rest_endpoint: str
    socket_endpoint: str
    sign_in: Callable[[], tuple[Identity | None, Keeper | None]] | None = None
    loopback_only: bool = False
    close: Callable[[], None] | None = None


class AppId(Protocol):
    """Finds the app id of a client, and gives it back."""

    def __call__(self) -> str: ...
    def replace(self) -> bool: ...
    def release(self) -> None: ...
    def reset_after_fork(self) -> None: ...


@frozen(kw_only=True)
class Settings:
    """How a client was set up. The functions are called on first use, never at construction.

    Attributes:
        place: Finds the hosts, starting a sandbox where one is asked for.
        app_id: Finds the app id of this process.
        state_folder: Finds where this installation keeps its files; None where nothing is kept.
        verify: False, a CA file or folder, or an `ssl.SSLContext`.
        profile: Name of the stored sign-in; None takes the usual one.
        testnet: Sign for the test network.
        idle_close: Seconds without need after which the connection is closed.
    """

    place: Callable[[], Place]
    app_id: AppId
    state_folder: Callable[[], Path | None] = lambda: None
    api_key: str | None = field(default=None, repr=False)
    app_source: str | None = None
    attribution: Mapping[str, object] | None = None
    network: str = "fast"
    socket_events: Mapping[str, bool] | None = None
    disable_socket: bool = False
    timeouts: Timeouts = Timeouts()
    retries: Retries = Retries()
    proxy: str | None = field(default=None, repr=False)
    verify: Any = True
    client_version: str = "0"
    profile: str | None = None
    testnet: bool = False
    idle_close: float = IDLE_AFTER
