"""From an error to the exit code of the command, and to the sentence that is printed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum

from attrs import frozen

from sogni.errors import (
    AuthenticationError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    ContentWithheld,
    InsufficientFunds,
    ModelNotFound,
    PermissionDenied,
    PlanLimit,
    RateLimited,
    SogniError,
    SubmissionUncertain,
    TooExpensive,
    TransportError,
    ValidationError,
    WaitTimeout,
)


class Exit(IntEnum):
    """Exit codes; scripts rely on them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SIGN_IN = 3
    FUNDS = 4
    STILL_RUNNING = 5
    WITHHELD = 6
    INTERRUPTED = 130


class CommandError(SogniError):
    """The command itself says no.

    Attributes:
        exit: The exit code.
    """

    code = "usage"

    def __init__(self, message: str, *, hint: str = "", exit: Exit = Exit.USAGE) -> None:
        super().__init__(message, hint=hint)
        self.exit = exit


class Interrupted(CommandError):
    """Ctrl-C came; what was ordered carries on."""

    code = "interrupted"

    def __init__(self, message: str, *, hint: str = "", project_id: str | None = None) -> None:
        super().__init__(message, hint=hint, exit=Exit.INTERRUPTED)
        self.project_id = project_id


NEEDS_SANDBOX = 'The sandbox needs its extra: python -m pip install "sogni[sandbox]"'

# The first class that fits decides.
_EXITS: tuple[tuple[type[SogniError], Exit], ...] = (
    (ValidationError, Exit.USAGE),
    (ConfigError, Exit.USAGE),
    (ModelNotFound, Exit.USAGE),
    (AuthenticationError, Exit.SIGN_IN),
    (InsufficientFunds, Exit.FUNDS),
    (TooExpensive, Exit.FUNDS),
    (PlanLimit, Exit.FUNDS),
    (PermissionDenied, Exit.SIGN_IN),
    (ContentWithheld, Exit.WITHHELD),
)
# "No active plan covers this": a matter of the plan, though its class is the general one.
_NOT_ENTITLED = 4078

# How the command spells the parameters that the library names in its messages.
_OPTIONS = {
    "positive_prompt": "PROMPT",
    "negative_prompt": "--negative",
    "number_of_media": "--count",
    "image_count": "--count",
    "number_of_previews": "--previews",
    "model_id": "--model",
    "model": "--model",
    "size_preset": "--size",
    "width": "the width of --size",
    "height": "the height of --size",
    "starting_image": "--photo",
    "starting_image_strength": "--strength",
    "context_images": "--photo",
    "reference_image": "--photo",
    "reference_image_end": "--end-photo",
    "reference_audio": "--audio",
    "reference_text": "--audio-text",
    "reference_video": "--video",
    "generate_audio": "--sound",
    "output_format": "--format",
    "token_type": "--token",
    "step_count": "--steps",
    "steps": "--steps",
    "seed": "--seed",
    "duration": "--duration",
    "frames": "--frames",
    "fps": "--fps",
    "lyrics": "--lyrics",
    "bpm": "--bpm",
    "keyscale": "--key",
    "timesignature": "--time-signature",
    "language": "--language",
    "speaker": "--voice",
    "instruct": "--manner",
    "creativity": "--creativity",
    "upscale_resolution": "--resolution",
    "detail_preference": "--detail",
    "processing_speed": "--speed",
    "limit": "--limit",
}
# A parameter begins a message, or is known by its underscore; not so within quotes, where it is a value.
_PARAMETER = re.compile(r"^[a-z]+\b|(?<!['\"\w.-])[a-z]+(?:_[a-z]+)+(?![\w'\"])")
_TYPE = re.compile(r"type='(image|video|audio)'")
# What moves the cursor or changes colours has no place in a message, whoever wrote it.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@frozen
class Told:
    """An error as it is told: to people in one line, to programs as an object.

    Attributes:
        exit: The exit code.
        code: Short stable name of the kind of error.
        message: What happened.
        hint: What to do next; may be empty.
        retryable: The same command may succeed later.
        project_id: The project concerned, if there is one.
    """

    exit: Exit
    code: str
    message: str
    hint: str = ""
    retryable: bool = False
    project_id: str | None = None

    @property
    def line(self) -> str:
        """Everything in one line."""
        return f"{self.message} {self.hint}".strip()

    def as_json(self) -> dict[str, object]:
        """The `error` of a JSON line."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "retryable": self.retryable}


def tell(error: BaseException, resume: str | None = None, place: str | None = None) -> Told:
    """What to print for an error, and the exit code that goes with it.

    Args:
        error: Anything that was raised.
        resume: The command that takes a project up again, where one is concerned.
        place: What to do when nobody answers, see `Context.when_nobody_answers`.
    """
    if isinstance(error, SogniError):
        return Told(
            exit=_exit(error),
            code=error.code,
            message=one_line(_message(error)),
            hint=one_line(_hint(error, resume, place)),
            retryable=error.retryable,
            project_id=error.project_id,
        )
    if isinstance(error, ImportError) and "sogni[sandbox]" in str(error):
        return Told(Exit.FAILED, "missing_extra", NEEDS_SANDBOX)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return Told(Exit.FAILED, "os", one_line(f"{place}{error.strerror or error}."))
    return Told(
        Exit.FAILED,
        "unexpected",
        one_line(f"Something unexpected happened ({type(error).__name__}: {error})."),
        "Set SOGNI_LOG=debug to see where, and please report it.",
    )


def one_line(text: str) -> str:
    """A text without line ends and control characters."""
    return _CONTROL.sub("", " ".join(text.split()))


def suggest(name: str, known: Iterable[str]) -> str:
    """`Did you mean ...?`, or nothing when nothing is like it."""
    by_letters = {entry.lower(): entry for entry in known}
    close = get_close_matches(name.lower(), by_letters, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(by_letters[entry] for entry in close)}?" if close else ""


def in_options(message: str) -> str:
    """A message of the library with the options of the command in place of its parameters."""
    message = _TYPE.sub(r"`sogni \1`", message)
    return _PARAMETER.sub(lambda found: _OPTIONS.get(found[0], found[0]), message)


def _exit(error: SogniError) -> Exit:
    if isinstance(error, CommandError):
        return error.exit
    if isinstance(error, WaitTimeout):
        # Without an id the time was up before anything was ordered.
        return Exit.STILL_RUNNING if error.project_id else Exit.FAILED
    if getattr(error, "error_code", None) == _NOT_ENTITLED:
        return Exit.FUNDS
    return next((code for kind, code in _EXITS if isinstance(error, kind)), Exit.FAILED)


def _message(error: SogniError) -> str:
    if isinstance(error, ValidationError) and error.problems:
        return " ".join(in_options(problem.message) for problem in error.problems)
    return error.message


def _hint(error: SogniError, resume: str | None, place: str | None) -> str:
    if isinstance(error, CommandError):
        return error.hint
    if isinstance(error, (WaitTimeout, SubmissionUncertain)) and error.project_id and resume:
        carries_on = "It carries on" if isinstance(error, WaitTimeout) else "It may be running"
        return f"{carries_on}; to take it up again: {resume}"
    if isinstance(error, WaitTimeout) and not error.project_id:
        return "Nothing was ordered."
    if isinstance(error, TransportError) and error.project_id and resume:
        return f"What was ordered carries on; to take it up again: {resume}"
    if isinstance(error, (ConnectFailed, ConnectionLost)) and place and not error.project_id:
        return place
    if isinstance(error, AuthenticationError):
        return "Sign in with `sogni login`, set SOGNI_API_KEY to a valid key, or try without an account: --sandbox."
    if isinstance(error, ModelNotFound):
        near = error.hint if error.hint != ModelNotFound.hint else ""
        return f"{near} `sogni models` lists what there is.".strip()
    if isinstance(error, InsufficientFunds):
        return "Top up the balance, choose the other token type (--token), or order less."
    if isinstance(error, RateLimited) and error.retry_after:
        return f"Try again in {error.retry_after:g} s."
    return error.hint
