"""What each way of losing the connection means: one table."""

from __future__ import annotations

from attrs import frozen

from ..errors import AuthenticationError, ConnectionLost, Displaced, SogniError
from ..types.project import LinkState


@frozen(kw_only=True)
class Closing:
    """The consequence of a close code.

    Attributes:
        state: What the link is in afterwards.
        reconnect: Whether it comes back by itself: `True`, `False`, or `None` for "if something still needs it".
        sign_out: Whether a token sign-in is over. An API key is kept in any case.
        message: What is said to those who wait; None when nobody has to be told.
    """

    state: LinkState
    reconnect: bool | None
    sign_out: bool = False
    message: str | None = None


BROKEN = 1006
"""What stands for a connection that broke without a close code."""

_RECOVERABLE = Closing(state=LinkState.RECONNECTING, reconnect=True)
_REFUSED = Closing(
    state=LinkState.REFUSED,
    reconnect=False,
    sign_out=True,
    message="The service ended the connection for good (close code {code}).",
)

_CODES: dict[int, Closing] = {
    # A normal close: nobody is lost as long as nobody waits. Whoever waits would wait for ever, so then it comes back.
    1000: Closing(state=LinkState.IDLE, reconnect=None),
    4010: Closing(
        state=LinkState.REFUSED, reconnect=False, sign_out=True, message="The service has blocked this app id (4010)."
    ),
    4015: Closing(
        state=LinkState.DISPLACED,
        reconnect=False,
        message="Another connection with the same app id took over (4015).",
    ),
    4021: Closing(
        state=LinkState.REFUSED, reconnect=False, sign_out=True, message="The service refused the credentials (4021)."
    ),
}


def closing(code: int) -> Closing:
    """The consequence of a close code; 1006 stands for a connection that broke without one."""
    known = _CODES.get(code)
    if known is not None:
        return known
    return _REFUSED if 4000 <= code <= 4999 else _RECOVERABLE


def closing_error(code: int) -> SogniError:
    """The error for those who wait when the connection does not come back."""
    what = closing(code)
    message = (what.message or "The connection ended.").format(code=code)
    if what.state is LinkState.DISPLACED:
        return Displaced(message)
    if what.state is LinkState.REFUSED:
        return AuthenticationError(message, error_code=code)
    return ConnectionLost(message)
