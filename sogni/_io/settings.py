"""How a client was set up, as the engine needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from attrs import field, frozen

from ..types.settings import Retries, Timeouts

IDLE_AFTER = 60.0


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
    api_key: str | None = field(default=None, repr=False)
    loopback_only: bool = False
    close: Callable[[], None] | None = None


class AppId(Protocol):
    """Finds the app id of a client, and gives it back."""

    def __call__(self) -> str: ...
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
    idle_close: float = IDLE_AFTER
