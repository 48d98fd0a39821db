"""The stored sign-in of each profile: a private file, or an entry in the keyring of the system with the rest in a file.

Nothing of it ever comes from, or goes to, a command line. A sign-in belongs to the REST host that it was made for.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..errors import ConfigError, Problem, ValidationError
from .app_ids import state_folder

DEFAULT = "default"
PATIENCE = 30.0  # seconds to wait for another process that renews the same tokens

_SERVICE = "sogni"
_PROFILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_SECRETS = ("api_key", "token", "refresh_token")


@frozen(kw_only=True)
class SignIn:
    """A stored sign-in: an API key, or a token pair.

    Attributes:
        rest_endpoint: The host that it was made for; it must go nowhere else.
        api_key: The key; None with tokens.
        token, refresh_token: The tokens; None with a key.
        username, address: Whose it is, as far as known.
        keyring: Whether the secrets are in the keyring of the system.
    """

    rest_endpoint: str
    api_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    username: str | None = None
    address: str | None = None
    keyring: bool = False


def profile_name(given: str | None) -> str:
    """The profile in use: the given one, else `SOGNI_PROFILE`, else `default`.

    Raises:
        ValidationError: no name of a profile.
    """
    name = given if given is not None else os.environ.get("SOGNI_PROFILE") or DEFAULT
    if not isinstance(name, str) or not _PROFILE.fullmatch(name):
        allowed = "1 to 64 letters, digits, dots, dashes and underscores"
        raise ValidationError(
            problems=[Problem("profile", f"profile must be {allowed}, not {name!r}.", value=name, allowed=allowed)]
        )
    return name


def path_of(profile: str) -> Path:
    """The file of a profile."""
    return state_folder() / "sign-in" / f"{profile}.json"


def read(profile: str) -> SignIn | None:
    """What is stored; None when nothing is.

    Raises:
        ConfigError: it cannot be read, others may read it, or it is no sign-in.
    """
    path = path_of(profile)
    try:
        with path.open(encoding="utf-8") as file:
            _check_private(path, os.fstat(file.fileno()))
            found = _understood(file.read(), profile)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise _unusable(path, problem) from None
    except UnicodeDecodeError:
        found = None
    if found is None:
        raise ConfigError(f"The stored sign-in {path} is damaged.", hint="Sign in again: `sogni login`.")
    return found


def _understood(text: str, profile: str) -> SignIn | None:
    """The sign-in in a file; None when there is none. Raises nothing while it holds secrets."""
    entry = _parse(text)
    in_keyring = entry is not None and entry.get("keyring") is True
    if in_keyring:
        entry = {**(entry or {}), **_from_keyring(profile)}
    fields = {name: value for name, value in (entry or {}).items() if isinstance(value, str) and value}
    if "rest_endpoint" not in fields or not ("api_key" in fields or "refresh_token" in fields):
        return None
    return SignIn(
        rest_endpoint=fields["rest_endpoint"],
        username=fields.get("username"),
        address=fields.get("address"),
        keyring=in_keyring,
        api_key=fields.get("api_key"),
        token=fields.get("token"),
        refresh_token=fields.get("refresh_token"),
    )


def write(profile: str, sign_in: SignIn) -> None:
    """Store a sign-in, replacing what was there in one step.

    Raises:
        ConfigError: the folder or the keyring cannot be used.
    """
    path = path_of(profile)
    error: ConfigError
    try:
        if sign_in.keyring:
            _into_keyring(profile, sign_in)
        _private_folder(path.parent)
        _replace(path, _content(sign_in))
    except OSError as problem:
        error = _unusable(path, problem)
    else:
        return
    # Out here, where no frame holds what was to be written.
    raise error


def _content(sign_in: SignIn) -> bytes:
    entry: dict[str, object] = {"rest_endpoint": sign_in.rest_endpoint, "keyring": sign_in.keyring}
    names = ("username", "address") if sign_in.keyring else ("username", "address", *_SECRETS)
    entry |= {name: value for name in names if (value := getattr(sign_in, name)) is not None}
    return json.dumps(entry, indent=1).encode()


def remove(profile: str) -> bool:
    """Forget what is stored; False when nothing was."""
    path = path_of(profile)
    in_keyring = False
    with suppress(OSError, ValueError):
        in_keyring = (_parse(path.read_text("utf-8")) or {}).get("keyring") is True
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as problem:
        raise _unusable(path, problem) from None
    if in_keyring:
        with suppress(Exception):  # it may be gone already, each keyring says so in its own way
            _keyring().delete_password(_SERVICE, profile)
    return True


@contextmanager
def held(profile: str) -> Iterator[None]:
    """Keep other processes from changing a profile meanwhile.

    Raises:
        ConfigError: it cannot be locked, or another process does not let go of it.
    """
    from filelock import FileLock, Timeout

    path = path_of(profile).with_suffix(".lock")
    try:
        _private_folder(path.parent)
        lock = FileLock(path, timeout=PATIENCE, thread_local=False)
        lock.acquire()
    except Timeout:
        raise ConfigError(f"Another process keeps the sign-in of profile {profile} locked.") from None
    except OSError as problem:
        raise _unusable(path, problem) from None
    try:
        yield
    finally:
        lock.release()


def _private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)


def _replace(path: Path, content: bytes) -> None:
    # The file is private from its first moment on.
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _check_private(path: Path, status: os.stat_result) -> None:
    if os.name != "posix":
        return
    if status.st_mode & 0o077 or status.st_uid not in (os.geteuid(), 0):
        raise ConfigError(
            f"The stored sign-in {path} can be read or was made by others; it is not used.",
            hint=f"If it is yours: chmod 600 '{path}'. Else sign in again: `sogni login`.",
        )


def _parse(text: str) -> Mapping[str, Any] | None:
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        return found if isinstance(found, dict) else None
    return None


def _keyring() -> Any:
    missing = False
    try:
        import keyring
    except ImportError:
        missing = True
    if missing:
        raise ConfigError("The keyring of the system needs its extra.", hint='python -m pip install "sogni[keyring]"')
    return keyring


def _into_keyring(profile: str, sign_in: SignIn) -> None:
    library, failure = _keyring(), ""
    try:
        secrets = {name: value for name in _SECRETS if (value := getattr(sign_in, name)) is not None}
        library.set_password(_SERVICE, profile, json.dumps(secrets))
    except Exception as problem:  # each keyring has errors of its own
        failure = type(problem).__name__
    secrets = {}
    if failure:
        raise _refusing(failure)


def _from_keyring(profile: str) -> Mapping[str, Any]:
    library, failure, text = _keyring(), "", None
    try:
        text = library.get_password(_SERVICE, profile)
    except Exception as problem:  # each keyring has errors of its own
        failure = type(problem).__name__
    if failure:
        raise _refusing(failure)
    return _parse(text or "{}") or {}


def _refusing(failure: str) -> ConfigError:
    return ConfigError(
        f"The keyring of the system cannot be used ({failure}).",
        hint="Unlock it, or sign in again without --keyring: `sogni login`.",
    )


def _unusable(path: Path, problem: OSError) -> ConfigError:
    return ConfigError(
        f"The stored sign-in {path} cannot be used: {problem.strerror or type(problem).__name__}.",
        hint="Set SOGNI_STATE_DIR to a folder that can be written to, or set SOGNI_API_KEY.",
    )
