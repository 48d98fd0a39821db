"""Project ids: minted by us, upper case, because native workers depend on it."""

from __future__ import annotations

import re
import uuid

from ..errors import Problem, ValidationError

# Ids of other clients need not be UUIDs; what has no place in a URL or frame is refused.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def new_id() -> str:
    """A fresh project, or image, id."""
    return str(uuid.uuid4()).upper()


def check_project_id(project_id: object) -> str:
    """A project id as we compare it; raises ValidationError for what is none."""
    if not isinstance(project_id, str) or not _PLAIN.fullmatch(project_id.strip()):
        problem = Problem(
            "project_id",
            f"project_id must be the id of a project, such as {'0F8FAD5B-D9CB-469F-A165-70867728950E'!r}.",
            value=project_id,
            allowed="letters, digits, dots, colons and dashes",
        )
        raise ValidationError(problems=[problem])
    return project_id.strip().upper()
