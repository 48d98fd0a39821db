"""The open sockets: one live connection for each account and app, and the ordered way out to each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import attrs
from aiohttp import web

from . import frames
from .journal import Journal
from .state import Account, Project

#: Opt-in events; every other one is on unless it is switched off.
OPT_IN = ("projectQueue", "subscriptionLimitNotice", "appAlert")
MODEL_EVENTS = ("swarmModels", "swarmLLMModels")

#: Seconds after which a connection is dropped whose client does not read what was sent before.
GRACE = 0.3


@attrs.frozen
class _End:
    """The connection ends here: with a close code, or without a word."""

    code: int | None


@attrs.define(eq=False)
class Connection:
    """One socket connection.

    Attributes:
        number: Counted from 1.
        is_live: It was told `authenticated`, so that frames count.
    """

    number: int
    account: Account
    app_id: str
    app_source: str | None
    network: str
    wanted: dict[str, bool]
    ws: web.WebSocketResponse
    transport: asyncio.Transport
    is_live: bool = False
    is_ending: bool = False
    code: int | None = None
    outbox: asyncio.Queue[tuple[str, object, str | bytes] | _End] = attrs.field(factory=asyncio.Queue)

    def wants(self, kind: str) -> bool:
        """The client wants this kind of frame."""
        if kind in MODEL_EVENTS and self.wanted.get("modelAvailability") is False:
            return False
        return self.wanted.get(kind, kind not in OPT_IN)

    def end(self, code: int | None) -> None:
        """Close after everything sent before; None drops the connection without a close frame."""
        if self.is_ending:
            return
        self.is_ending = True
        self.outbox.put_nowait(_End(code))
        asyncio.get_running_loop().call_later(GRACE if code is None else 3 * GRACE, self.transport.abort)

    async def write(self, journal: Journal) -> None:
        """Send what is in the outbox, in order, until the connection ends."""
        while True:
            item = await self.outbox.get()
            if isinstance(item, _End):
                self.code = item.code
                if item.code is None:
                    self.transport.abort()
                else:
                    await self.ws.close(code=item.code, drain=False)
                return
            kind, data, raw = item
            journal.add(
                "frame_out",
                connection=self.number,
                app_id=self.app_id,
                frame_kind=kind,
                data=data,
                detail=_rough(kind, raw),
            )
            try:
                if isinstance(raw, bytes):
                    await self.ws.send_bytes(raw)
                else:
                    await self.ws.send_str(raw)
            except (ConnectionError, RuntimeError):
                return


class Hub:
    """All connections."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._open: set[Connection] = set()
        self._live: dict[tuple[str, str], Connection] = {}
        self._numbers = 0

    @property
    def count(self) -> int:
        """How many connections are open."""
        return len(self._open)

    @property
    def connections(self) -> list[Connection]:
        """The open connections, oldest first."""
        return sorted(self._open, key=lambda connection: connection.number)

    def number(self) -> int:
        """Number of a new connection."""
        self._numbers += 1
        return self._numbers

    def add(self, connection: Connection) -> None:
        """Take a connection in; an older one of the same account and app is displaced."""
        key = (connection.account.name, connection.app_id)
        older = self._live.get(key)
        self._open.add(connection)
        self._live[key] = connection
        self._journal.add("open", connection=connection.number, app_id=connection.app_id)
        if older is not None:
            older.end(4015)

    def end(self, connection: Connection, code: int | None) -> None:
        """End a connection; from now on its app counts as absent."""
        self._forget(connection)
        connection.end(code)

    def remove(self, connection: Connection) -> None:
        """The connection has ended."""
        self._forget(connection)
        if connection in self._open:
            self._open.discard(connection)
            self._journal.add("close", connection=connection.number, app_id=connection.app_id, code=connection.code)

    def of(self, project: Project) -> Connection | None:
        """The live connection of the app that a project belongs to."""
        found = self._live.get((project.account.name, project.app_id))
        return found if found is not None and found.is_live and not found.is_ending else None

    def live(self) -> Iterator[Connection]:
        """Every live connection."""
        return (found for found in list(self._live.values()) if found.is_live)

    def of_account(self, account: Account) -> Iterator[Connection]:
        """Live connections of an account."""
        return (found for found in list(self._live.values()) if found.account is account and found.is_live)

    def send(self, connection: Connection, kind: str, data: object) -> None:
        """Send a frame, unless the client does not want that kind."""
        if connection.wants(kind) and not connection.is_ending:
            connection.outbox.put_nowait((kind, data, frames.encode(kind, data)))

    def send_raw(self, connection: Connection, message: str | bytes) -> None:
        """Send a message as it is."""
        if not connection.is_ending:
            connection.outbox.put_nowait(("(raw)", None, message))

    def send_all(self, kind: str, data: object) -> None:
        """Send a frame on every connection, wanted or not."""
        raw = frames.encode(kind, data)
        for connection in self._open:
            if not connection.is_ending:
                connection.outbox.put_nowait((kind, data, raw))

    def send_raw_all(self, message: str | bytes) -> None:
        """Send a message as it is on every connection."""
        for connection in self._open:
            self.send_raw(connection, message)

    def drop_all(self, code: int | None) -> None:
        """End every connection."""
        for connection in list(self._open):
            self.end(connection, code)

    def _forget(self, connection: Connection) -> None:
        key = (connection.account.name, connection.app_id)
        if self._live.get(key) is connection:
            del self._live[key]


def _rough(kind: str, raw: str | bytes) -> str | None:
    return repr(raw[:80]) if kind == "(raw)" else None
