"""The open sockets: who is connected, and how frames reach them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from aiohttp import WSCloseCode, web

from . import frames
from .journal import Journal
from .state import Account

DISPLACED = 4015


class Connection:
    """One socket of one app."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        request: web.Request,
        number: int,
        account: Account,
        app_id: str,
        app_source: str | None,
        network: str,
        subscriptions: dict[str, bool],
        journal: Journal,
    ) -> None:
        self.ws = ws
        self.number = number
        self.account = account
        self.app_id = app_id
        self.app_source = app_source
        self.network = network
        self.subscriptions = subscriptions
        self.close_code: int | None = None
        self._request = request
        self._journal = journal

    async def send(self, kind: str, data: object) -> None:
        """Write one frame; a socket that is gone is no error."""
        await self.send_raw(frames.encode(kind, data), kind=kind, data=data)

    async def send_raw(self, raw: str | bytes, *, kind: str | None = None, data: object = None) -> None:
        """Write anything as one message."""
        if self.ws.closed:
            return
        self._journal.add("frame_out", connection=self.number, app_id=self.app_id, frame_kind=kind, data=data)
        with contextlib.suppress(ConnectionError, RuntimeError):
            if isinstance(raw, bytes):
                await self.ws.send_bytes(raw)
            else:
                await self.ws.send_str(raw)

    async def close(self, code: int) -> None:
        """End it in an orderly way."""
        self.close_code = code
        with contextlib.suppress(ConnectionError, RuntimeError, asyncio.TimeoutError):
            await self.ws.close(code=WSCloseCode(code) if code in set(WSCloseCode) else code)

    def abort(self) -> None:
        """Cut the wire, without a close frame."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()


class Connections:
    """All open sockets, at most one for each app of an account."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Connection] = {}
        self.count = 0

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def of(self, account: Account, app_id: str) -> Connection | None:
        """The socket of an app."""
        return self._open.get((account.name, app_id))

    def add(self, connection: Connection) -> Connection | None:
        """Let it in; the one that it displaces, if there is one."""
        key = (connection.account.name, connection.app_id)
        before = self._open.get(key)
        self._open[key] = connection
        return before

    def remove(self, connection: Connection) -> bool:
        """It is gone; False when another one had taken its place."""
        key = (connection.account.name, connection.app_id)
        if self._open.get(key) is not connection:
            return False
        del self._open[key]
        return True
