"""What every command gets: how to show things, and a client that tells how to resume when Ctrl-C comes."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import define

from .exits import Interrupted
from .show import Show

if TYPE_CHECKING:
    from sogni import SogniClient
    from sogni.sandbox import Sandbox


@define
class Context:
    """The options that all commands share, put to use.

    Attributes:
        show: Where output goes.
        sandbox: Whether a local network is used; or the one that is.
        out: Where outputs go, for the command that resumes.
    """

    show: Show
    sandbox: bool | Sandbox = False
    out: str = "."

    @property
    def sandbox_is_ours(self) -> bool:
        """True when the local network ends with this command."""
        return not isinstance(self.sandbox, bool) or (self.sandbox and not os.environ.get("SOGNI_SANDBOX_URL"))

    @contextmanager
    def client(self, out: str = ".") -> Iterator[SogniClient]:
        """A client for one command that saves into `out`.

        Raises:
            Interrupted: Ctrl-C; the message says how to go on.
        """
        from sogni import SogniClient

        self.out = out
        if self.sandbox is True and self.sandbox_is_ours:
            # Whatever it lacks is said before anything has begun.
            import sogni.sandbox  # noqa: F401
        with SogniClient(sandbox=self.sandbox) as client:
            try:
                yield client
            except KeyboardInterrupt:
                raise self._interrupted(client) from None

    def resume_command(self, project_id: str) -> str | None:
        """The command that waits for a project again; None when it ends with this one."""
        if self.sandbox_is_ours:
            return None
        where = "" if self.out == "." else f" -o {shlex.quote(self.out)}"
        return f"sogni wait {project_id}{where}"

    @property
    def when_nobody_answers(self) -> str | None:
        """What to do when no connection can be made."""
        url = os.environ.get("SOGNI_SANDBOX_URL")
        if self.sandbox_is_ours:
            return None
        if not url:
            return "Check the network, or try it on this computer: --sandbox."
        port = re.search(r":(\d+)/*$", url)
        start = f"sogni sandbox serve --port {port[1]}" if port else "sogni sandbox serve"
        return f"No sandbox runs at SOGNI_SANDBOX_URL, {url}. To start one: {start}"

    def _interrupted(self, client: SogniClient) -> Interrupted:
        # A project is tracked before its order is written: nothing tracked, nothing ordered.
        tracked = client.projects.tracked_projects
        if not tracked:
            return Interrupted("Interrupted; nothing was ordered.")
        project = tracked[-1]
        resume = self.resume_command(project.id)
        if resume is None:
            return Interrupted("Interrupted; the sandbox of this command ended with it.", project_id=project.id)
        state = "is finished" if project.finished else "carries on"
        return Interrupted(
            f"Interrupted; project {project.id} {state}.", hint=f"To take it up again: {resume}", project_id=project.id
        )
