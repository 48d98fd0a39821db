"""Waiting until frames can be sent."""

from __future__ import annotations

from sogni._deadline import Deadline
from sogni._io.engine import Engine
from sogni.errors import WaitTimeout

from .._bridge import Bridge

# The service drops frames that arrive before it has accepted the connection; nobody should wait longer than this.
AT_MOST = 30.0


async def link_ready(engine: Engine, bridge: Bridge, deadline: Deadline) -> None:
    """Wait until the connection is accepted, opening it if need be.

    Raises:
        WaitTimeout: the deadline came first.
        ConnectFailed: 30 seconds passed without a connection.
        AuthenticationError, Displaced: the service refused it.
    """
    inbox = engine.ready_inbox()
    try:
        await bridge.take(inbox, deadline.sooner(AT_MOST), "a connection")
    except WaitTimeout:
        if deadline.expired:
            raise
        raise engine.connect_error() from None
    finally:
        engine.drop_inbox(inbox)
