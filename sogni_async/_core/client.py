"""The client: opening, closing, and the way to its resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sogni._deadline import Deadline
from sogni._io.engine import Engine
from sogni._io.setup import settings
from sogni._version import VERSION
from sogni.errors import Problem, ValidationError
from sogni.types.project import ClientState
from sogni.types.settings import Retries, Timeouts

from .._bridge import Bridge
from .projects import Projects
from .verbs import Verbs


class SogniClient(Verbs):
    """A client of the Sogni Supernet.

    Making one opens nothing: REST begins with the first call, the socket with the first one that needs live frames. Use
    it from any number of threads; close it when done, best with `with`.

    Args:
        api_key: API key; by default `SOGNI_API_KEY`.
        app_id: Id of one running application: the network allows one live socket for each. By default one is leased
            for this process; `SOGNI_APP_ID` sets it for all.
        app_source: Product label that goes along with orders.
        network: `fast` or `relaxed`.
        rest_endpoint, socket_endpoint: Other hosts; by default `SOGNI_REST_ENDPOINT`, `SOGNI_SOCKET_ENDPOINT`, then
            the service's own.
        sandbox: True for a local network of its own, started on first use; or a running `Sandbox`, or its URL.
        attribution: Who works on whose behalf, for the service's statistics.
        socket_events: Which live frames to ask for, by name.
        disable_socket: Refuse everything that needs the socket.
        timeout: `Timeouts`, or seconds of silence after which an answer is given up.
        retries: `Retries`, or how often a repeatable request is tried.
        proxy: URL of a proxy for everything; by default the usual environment variables.
        verify: False, a CA file or folder, or an `ssl.SSLContext`; by default the usual CA bundle.
    Attributes:
        projects: `Projects`: ordering, following, canceling, estimates, models, signed URLs.
        testnet: Whether wallet signatures are for the test network.
    Raises:
        ConfigError: a value that cannot work.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        app_id: str | None = None,
        app_source: str | None = None,
        network: str = "fast",
        rest_endpoint: str | None = None,
        socket_endpoint: str | None = None,
        sandbox: Any = False,
        attribution: Mapping[str, object] | None = None,
        socket_events: Mapping[str, bool] | None = None,
        disable_socket: bool = False,
        testnet: bool = False,
        timeout: Timeouts | float | None = None,
        retries: Retries | int | None = None,
        proxy: str | None = None,
        verify: Any = True,
    ) -> None:
        self.testnet = testnet
        self._bridge = Bridge()
        self._engine = Engine(
            settings(
                api_key=api_key,
                app_id=app_id,
                app_source=app_source,
                network=network,
                rest_endpoint=rest_endpoint,
                socket_endpoint=socket_endpoint,
                sandbox=sandbox,
                start_sandbox=_start_sandbox,
                attribution=attribution,
                socket_events=socket_events,
                disable_socket=disable_socket,
                timeouts=timeout,
                retries=retries,
                proxy=proxy,
                verify=verify,
                client_version=VERSION,
            )
        )
        self.projects = Projects(self._engine, self._bridge)

    def _resource(self) -> Projects:
        return self.projects

    def __repr__(self) -> str:
        return f"SogniClient({self.state.link.value})"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a SogniClient cannot be pickled: make one in each process")

    async def __aenter__(self) -> SogniClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End everything within a few seconds. Cancels nothing: what was ordered carries on at the service.

        Every wait ends with ClosedError. May be called again.
        """
        await self._bridge.call(self._engine.close)
        await self._bridge.close()

    @property
    def state(self) -> ClientState:
        """What the connection is doing, since when, and why."""
        return self._engine.state

    @property
    def tokens(self) -> tuple[str, str] | None:
        """Access and refresh token, which is what to store to sign in again; None with an API key."""
        return self._engine.credentials.tokens

    def set_tokens(self, token: str, refresh_token: str) -> None:
        """Sign in with a token pair; it is renewed when it runs out, see `on("tokens")`.

        Args:
            token: Access token; an empty one is renewed at once.
            refresh_token: Refresh token.
        Raises:
            ConfigError: one of them is no token.
        """
        self._engine.sign_in(token, refresh_token)

    def on(self, kind: str, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Have a plain function called for news of the client; returns a function that ends it.

        Args:
            kind: `connecting`, `connected`, `disconnected` (a `ClientState`), `account` (balance and entitlement as
                sent), `notice` (limit notices, toasts, announcements) or `tokens` (the renewed pair, to be stored).
            callback: Runs with one argument, never on the connection thread; what it raises is logged.
        """
        if kind not in ("connecting", "connected", "disconnected", "account", "notice", "tokens"):
            allowed = "connecting, connected, disconnected, account, notice, tokens"
            raise ValidationError(
                problems=[
                    Problem("kind", f"kind is {kind!r}; it must be one of {allowed}.", value=kind, allowed=allowed)
                ]
            )
        return self._engine.subscribe(kind, callback, self._bridge.runner(), _as_it_is, connect=False)

    def on_state(self, callback: Callable[[ClientState], object]) -> Callable[[], None]:
        """Have a plain function called whenever `state` changes; returns a function that ends it."""
        return self._engine.subscribe("state", callback, self._bridge.runner(), _as_it_is, connect=False)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Ask the REST host for something that has no method here yet.

        Args:
            method: HTTP method.
            path: Path from the root, such as `/v1/account/me`; never a whole URL.
            query, body: Parameters, and the JSON body.
            timeout: Seconds for the whole call.
        Returns:
            The `data` of the answer, as JSON values.
        """
        from sogni._protocol.call import Call

        for name, value in (("method", method), ("path", path)):
            if not isinstance(value, str):
                message = f"{name} must be a text, not {type(value).__name__}."
                raise ValidationError(problems=[Problem(name, message, value=value, allowed="str")])
        verb = method.upper()
        call: Call[Any] = Call(
            method=verb, path=path, query=query or {}, body=body, read=_as_it_is, repeatable=verb == "GET"
        )
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))


def _as_it_is(value: Any) -> Any:
    return value


def _start_sandbox() -> Any:
    # The one place where the library loads its outer ring: a client that was asked for a sandbox of its own.
    from sogni.sandbox import Sandbox

    return Sandbox().start()
