"""The verbs of the package itself, on one client for the whole process, made when the first of them is called."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sogni._io.process import Shared
from sogni.errors import ConfigError

from .client import SogniClient
from .projects import Projects
from .verbs import Verbs

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sogni.types.keywords import ClientArguments

_shared: Shared[SogniClient] = Shared(SogniClient)


class _Default(Verbs):
    """The verbs on whichever client is the default one now."""

    def _resource(self) -> Projects:
        return _shared.get().projects


async def configure(**arguments: Unpack[ClientArguments]) -> None:
    """Set up the client of the package's own verbs, such as `image`; without it, the environment does.

    The one so far is closed: its waits end with ClosedError, what was ordered through it carries on.

    Args:
        **arguments: Those of `SogniClient`; none at all for what the environment will say when a verb is called.
    Raises:
        ConfigError: a value that cannot work; the client so far stays.
    """
    known = inspect.signature(SogniClient.__init__).parameters
    for name in arguments:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"It takes {', '.join(list(known)[1:])}."
            raise ConfigError(f"{name} is no argument of SogniClient.", hint=hint)
    former = _shared.replace(SogniClient(**arguments) if arguments else None)
    if former is not None:
        await former.aclose()


_verbs = _Default()
image = _verbs.image
edit = _verbs.edit
video = _verbs.video
music = _verbs.music
speech = _verbs.speech
upscale = _verbs.upscale
segment = _verbs.segment
model3d = _verbs.model3d
