"""What a `jobError` means: the network's numbers and words turned into our errors."""

from __future__ import annotations

import re

from ..errors import ApiError, ProjectCanceled, ProjectFailed, ProjectLost, SogniError, api_error
from .messages import JobError

_WHOLE = re.compile(r"-?[0-9]{1,19}")

RESTARTING = 1001
CANCELED = 5004

# Words of the network that have a number.
_SYMBOLS = {
    "serverRestarting": 5001,
    "workerDisconnected": 5002,
    "jobTimedOut": 5003,
    "artistCanceled": CANCELED,
    "workerCancelled": 5005,
}
_OTHER = 5000

# Numbers that are the server's refusal of the request, not a render that went wrong.
_REFUSALS = frozenset((RESTARTING, 4078, 4079, 4080, 4081, 4103, 4104))


def read_code(error: object) -> tuple[int, str | None]:
    """The number of an error and, where the network sent a word, that word."""
    if isinstance(error, int) and not isinstance(error, bool):
        return error, None
    if not isinstance(error, str) or not error:
        return _OTHER, None
    text = error.strip()
    if _WHOLE.fullmatch(text):
        return int(text), None
    return _SYMBOLS.get(text, _OTHER), text


def failure(message: JobError, *, project_id: str, started: bool) -> SogniError:
    """The error for a `jobError`.

    Args:
        started: Whether any job of the project had begun; before that the frame is the server's refusal.
    """
    code, word = read_code(message.error)
    said = (message.error_message or "").strip()[:500]
    if code == CANCELED:
        return ProjectCanceled(
            "The project was canceled.",
            job_id=message.img_id,
            error_code=code,
            original_code=word,
            project_id=project_id,
        )
    text = said or f"The network reported error {word or code}."
    if code in _REFUSALS or (not started and message.img_id is None and message.is_from_worker is not True):
        return _refusal(message, text, code, word, said, project_id)
    return ProjectFailed(
        text,
        job_id=message.img_id,
        error_code=code,
        original_code=word,
        vendor_category=message.vendor_failure_category,
        project_id=project_id,
    )


def _refusal(message: JobError, text: str, code: int, word: str | None, said: str, project_id: str) -> ApiError:
    details: dict[str, object] = {}
    for name, value in (
        ("consent_required", message.consent_required),
        ("subscription_limit", message.subscription_limit),
        ("required_plans", message.required_plans),
        ("feature", message.feature),
        ("limitation", message.limitation),
        ("vendor_failure_category", message.vendor_failure_category),
    ):
        if value is not None:
            details[name] = value
    error = api_error(
        text,
        error_code=word if word is not None and code == _OTHER else code,
        server_message=said or None,
        details=details or None,
        project_id=project_id,
    )
    if code == RESTARTING:
        error.retryable = True
    return error


def canceled(project_id: str) -> ProjectCanceled:
    """The error of a project that was canceled."""
    return ProjectCanceled("The project was canceled.", error_code=CANCELED, project_id=project_id)


def lost(project_id: str) -> ProjectLost:
    """The error of a project that nobody has."""
    return ProjectLost("The project is unknown to the service.", original_code="projectLost", project_id=project_id)
