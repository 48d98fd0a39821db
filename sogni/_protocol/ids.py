"""Project ids, minted by us in upper case because native workers depend on it; and how far back one may look."""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from datetime import datetime

from ..errors import Problem, ValidationError

# Ids of other clients need not be UUIDs; what has no place in a URL or frame is refused.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def new_id() -> str:
    """A fresh project, or image, id."""
    return str(uuid.uuid4()).upper()


def keyed_id(account: str, key: object) -> str:
    """The project id that a key of the caller always gives, in the form of any other one.

    Args:
        account: Address of the wallet, so that two accounts never share an id.

    Raises:
        ValidationError: the key is no text of 1 to 255 characters.
    """
    if not isinstance(key, str) or not 1 <= len(key) <= 255:
        allowed = "a text of 1 to 255 characters"
        shown = repr(key)[:40]
        raise ValidationError(
            problems=[Problem("key", f"key must be {allowed}, not {shown}.", value=key, allowed=allowed)]
        )
    digest = hashlib.sha256(f"sogni key\0{account.lower()}\0{key}".encode("utf-8", "surrogatepass")).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4)).upper()


def is_project_id(text: str) -> bool:
    """Whether a text may be the id of a project."""
    return _PLAIN.fullmatch(text) is not None


def check_project_id(project_id: object) -> str:
    """A project id as we compare it; raises ValidationError for what is none."""
    if not isinstance(project_id, str) or not is_project_id(project_id.strip()):
        problem = Problem(
            "project_id",
            f"project_id must be the id of a project, such as {'0F8FAD5B-D9CB-469F-A165-70867728950E'!r}.",
            value=project_id,
            allowed="letters, digits, dots, colons and dashes",
        )
        raise ValidationError(problems=[problem])
    return project_id.strip().upper()


# The server refuses to look back further than this; the minute is for clocks that differ.
FURTHEST_BACK = 7 * 86_400 - 60
USUALLY_BACK = 86_400


def recent_since(since: object, now: float) -> int:
    """A moment in milliseconds since the epoch, no further back than the server allows.

    Args:
        now: Seconds since the epoch.

    Raises:
        ValidationError: it is no moment.
    """
    if since is None:
        seconds = now - USUALLY_BACK
    elif isinstance(since, datetime):
        seconds = since.timestamp()
    elif isinstance(since, (int, float)) and not isinstance(since, bool) and math.isfinite(since):
        seconds = float(since)
    else:
        problem = Problem(
            "since",
            f"since must be an aware datetime or seconds since the epoch, not {type(since).__name__}.",
            value=since,
            allowed="datetime, int, float",
        )
        raise ValidationError(problems=[problem])
    return round(max(seconds, now - FURTHEST_BACK) * 1000)
