"""`sogni sandbox serve`: a local network for programs in any language."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Annotated, Literal

from cyclopts import App, Parameter

from .context import Context
from .exits import CommandError, Exit

app = App(name="sandbox", help="A network on this computer: no account, nothing leaves it.")


@app.command
def serve(
    *,
    port: int = 0,
    speed: Literal["instant", "fast", "realistic"] = "instant",
    fault: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)] = (),
    context: Annotated[Context, Parameter(parse=False)],
) -> None:
    """Run a network until Ctrl-C, and print its address.

    Args:
        port: Port on the loopback interface; 0 takes a free one.
        speed: How long renders take: no time, about a second, or as long as real ones.
        fault: Let something go wrong once, such as insufficient_funds; may be given several times.
    """
    from sogni.sandbox import Sandbox

    show = context.show
    sandbox = Sandbox(port=port, speed=speed)
    try:
        sandbox.start()
    except (OSError, OverflowError) as problem:
        reason = str(getattr(problem, "strerror", None) or problem).rstrip(".")
        raise CommandError(
            f"Port {port} cannot be used: {reason}.", hint="Leave --port out to take a free one.", exit=Exit.FAILED
        ) from problem
    with sandbox:
        for kind in fault:
            try:
                sandbox.fail_next(kind)
            except ValueError as problem:
                raise CommandError(f"--fault: {problem}.") from None
        # A service manager ends programs with SIGTERM: the temporary files go away then, too.
        signal.signal(signal.SIGTERM, _stop)
        show.result(sandbox.url, "serving", url=sandbox.url, api_key=sandbox.api_key, speed=speed)
        name = "set" if os.name == "nt" else "export"
        show.note(f"For clients in other terminals: {name} SOGNI_SANDBOX_URL={sandbox.url}")
        show.note("Ctrl-C stops it.")
        with suppress(KeyboardInterrupt):
            sandbox.serve_forever()


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
