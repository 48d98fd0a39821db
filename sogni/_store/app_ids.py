"""App ids of this installation, one per client that is connected: the network allows one live socket per id.

Each installation owns `NAME-1 ... NAME-16`, NAME being random and made once. A client takes the lowest number that no
other one holds and keeps its lock until it is closed; the operating system frees the lock of a process that crashed,
and the next holder finds the work of the old one under the same id.
"""

from __future__ import annotations

import os
import re
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from ..errors import ConfigError

if TYPE_CHECKING:
    from filelock import FileLock

SLOTS = 16

_taking = threading.Lock()


@frozen
class Lease:
    """An app id that nobody else uses until it is given back, or this process ends."""

    app_id: str
    _lock: FileLock

    def release(self) -> None:
        """Give it back."""
        self._lock.release()


def state_folder() -> Path:
    """Where the files of this installation live: `SOGNI_STATE_DIR`, else the platform's place for state."""
    given = os.environ.get("SOGNI_STATE_DIR")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_state_path

    return user_state_path("sogni", appauthor=False)


def lease() -> Lease:
    """The lowest free app id of this installation.

    Raises:
        ConfigError: the folder cannot be written to, or every slot is taken.
    """
    from filelock import FileLock, Timeout

    folder = state_folder() / "app-ids"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _taking:
            name = _installation(folder)
            for number in range(1, SLOTS + 1):
                lock = FileLock(folder / f"slot-{number}.lock", timeout=0, thread_local=False)
                try:
                    lock.acquire()
                except Timeout:
                    continue
                return Lease(f"{name}-{number}", lock)
    except OSError as problem:
        raise ConfigError(
            f"The folder {folder} for app ids cannot be used: {problem.strerror or type(problem).__name__}.",
            hint="Set SOGNI_STATE_DIR to a folder that can be written to, or give every process an app_id of its own.",
        ) from problem
    raise ConfigError(
        f"All {SLOTS} app ids of this installation are in use by running clients.",
        hint="Give this process an app_id of its own, or set SOGNI_APP_ID.",
    )


def is_free(app_id: str) -> bool:
    """Whether an app id is one of this installation that no running client holds."""
    from filelock import FileLock, Timeout

    folder = state_folder() / "app-ids"
    name, _, number = app_id.rpartition("-")
    path = folder / f"slot-{number}.lock"
    if not re.fullmatch("[0-9]{1,3}", number) or not path.exists() or name != _installation(folder):
        return False
    try:
        with FileLock(path, timeout=0, thread_local=False):
            return True
    except (Timeout, RuntimeError):
        # The library tells a lock of this very thread by the latter.
        return False


def reset_after_fork() -> None:
    """In a forked child: a thread of the parent may have held this."""
    global _taking
    _taking = threading.Lock()


def _installation(folder: Path) -> str:
    """The name of this installation, made by whoever comes first."""
    from filelock import FileLock

    path = folder / "name"
    with FileLock(folder / "name.lock", thread_local=False):
        name = path.read_text("ascii").strip() if path.exists() else ""
        if not name:
            name = f"sogni-py-{uuid.uuid4().hex[:16]}"
            part = path.with_suffix(".part")
            part.write_text(name, "ascii")
            os.replace(part, path)
    return name
