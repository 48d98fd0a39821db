"""Every exception of `sogni` and `sogni_async`, one tree for both packages::

    SogniError                          code, retryable, hint, project_id
      ConfigError                       the client was set up in a way that cannot work
      ClosedError                       the client was closed while the call waited
      SessionChanged                    another account signed in, or out, meanwhile
      ValidationError (ValueError)      problems: what is wrong with a request; nothing was sent
      TooExpensive                      the estimate is above max_cost; nothing was ordered
      SigningRefused                    the server wanted a signature for something else; nothing was signed
      WaitTimeout (TimeoutError)        the waiting is over, the remote work carries on
      SubmissionUncertain               sent or not is unknown; look the project up by its id
      TransportError                    no usable answer from the network
        ConnectFailed, ConnectionLost, Displaced, ProtocolError, TransferError <- StorageError
      ApiError                          the server said no
        AuthenticationError
        PermissionDenied
          ConsentRequired, PlanLimit
        ModelNotFound, ModelNotAvailable, InsufficientFunds, RateLimited, ServerError
      ProjectFailed                     accepted, then it ended badly
        ContentWithheld, ProjectLost, ProjectCanceled

Two tables at the end, status to class and server code to class, are the only place that chooses an `ApiError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from .types.account import CostEstimate

__all__ = [
    "ApiError",
    "AuthenticationError",
    "ClosedError",
    "ConfigError",
    "ConnectFailed",
    "ConnectionLost",
    "ConsentRequired",
    "ContentWithheld",
    "Displaced",
    "InsufficientFunds",
    "ModelNotAvailable",
    "ModelNotFound",
    "PermissionDenied",
    "PlanLimit",
    "Problem",
    "ProjectCanceled",
    "ProjectFailed",
    "ProjectLost",
    "ProtocolError",
    "RateLimited",
    "ServerError",
    "SessionChanged",
    "SigningRefused",
    "SogniError",
    "StorageError",
    "SubmissionUncertain",
    "TooExpensive",
    "TransferError",
    "TransportError",
    "ValidationError",
    "WaitTimeout",
    "api_error",
]


class SogniError(Exception):
    """Base of every error this library raises.

    Attributes:
        code: Short stable name of the kind of error, such as `"rate_limited"`.
        retryable: True when the same call may succeed later without a change.
        hint: One sentence that says what to do next.
        project_id: The project concerned, if there is one.
    """

    code: ClassVar[str] = "error"
    retryable: bool = False
    hint: str = ""
    project_id: str | None = None

    def __init__(self, message: str, *, hint: str | None = None, project_id: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint
        if project_id is not None:
            self.project_id = project_id

    @property
    def message(self) -> str:
        """The error in one sentence, without the hint."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        # The constructors take keywords, which the default pickling of exceptions loses (process pools, task queues).
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[SogniError], args: tuple[object, ...], state: dict[str, Any]) -> SogniError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(SogniError):
    """The client was set up in a way that cannot work."""

    code = "config"


class ClosedError(SogniError):
    """The client was closed; what had been ordered carries on at the service."""

    code = "closed"
    hint = "Make a new SogniClient; projects can be picked up again with projects.resume(id)."


class SessionChanged(SogniError):
    """Another account signed in, or this one signed out, while the call was under way."""

    code = "session_changed"


class Problem:
    """One thing that is wrong with a request.

    Attributes:
        field: The parameter, as the caller spells it, such as `"width"` or `"keyframes[1].frame_index"`.
        value: What was given.
        allowed: What would have been accepted, in words.
        nearest: The nearest accepted value, where there is one.
        message: The whole problem in one sentence.
    """

    __slots__ = ("allowed", "field", "message", "nearest", "value")

    def __init__(
        self, field: str, message: str, *, value: object = None, allowed: str | None = None, nearest: object = None
    ) -> None:
        self.field = field
        self.message = message
        self.value = value
        self.allowed = allowed
        self.nearest = nearest

    def __repr__(self) -> str:
        return f"Problem(field={self.field!r}, message={self.message!r}, nearest={self.nearest!r})"

    def __str__(self) -> str:
        return self.message


class ValidationError(SogniError, ValueError):
    """The request cannot be sent as it is; nothing was uploaded and nothing was ordered.

    Attributes:
        problems: Everything that is wrong, one `Problem` each.
    """

    code = "validation"

    def __init__(
        self,
        message: str | None = None,
        *,
        problems: Sequence[Problem] = (),
        hint: str | None = None,
        project_id: str | None = None,
    ) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        if message is None:
            message = "\n".join(str(problem) for problem in self.problems) or "The request is not valid."
        super().__init__(message, hint=hint, project_id=project_id)


class TooExpensive(SogniError):
    """It would cost more than `max_cost`; nothing was ordered.

    Attributes:
        cost: The estimate.
        max_cost: The limit, in tokens.
    """

    code = "max_cost"
    hint = "Nothing was ordered: raise max_cost, or order less."

    def __init__(
        self,
        message: str,
        *,
        cost: CostEstimate | None = None,
        max_cost: Decimal | None = None,
        hint: str | None = None,
        project_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, project_id=project_id)
        self.cost = cost
        self.max_cost = max_cost


class SigningRefused(SogniError):
    """What the server wants the wallet to sign is not what was asked for, or the user said no; nothing was signed.

    Attributes:
        problems: Every difference, one `Problem` each; none when the user said no.
    """

    code = "signing_refused"
    hint = "Do not repeat it blindly: somebody may be after the tokens of this wallet."

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), hint: str | None = None) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(message, hint=hint)


class WaitTimeout(SogniError, TimeoutError):
    """The time given for waiting is over. The remote work carries on and can be waited for again.

    Attributes:
        project: The project handle, when a project was waited for.
        state: What it was doing, such as `"queued"` or `"connecting"`.
        waiting_reason: Why it is in the queue, if the server said so.
        seconds: How long was waited.
    """

    code = "wait_timeout"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        project: Any = None,
        state: str | None = None,
        waiting_reason: object = None,
        seconds: float | None = None,
        hint: str | None = None,
        project_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, project_id=project_id)
        self.project = project
        self.state = state
        self.waiting_reason = waiting_reason
        self.seconds = seconds

    def __reduce__(self) -> tuple[Any, ...]:
        # A handle belongs to its client and its process; the id is enough to resume.
        return _rebuild, (type(self), self.args, {**self.__dict__, "project": None})


class SubmissionUncertain(SogniError):
    """The connection broke while the order was being written: it may or may not have arrived.

    `project_id` is what `projects.resolve_missing([id])` and `projects.resume(id)` take.
    """

    code = "submission_uncertain"
    hint = "Ask projects.resolve_missing([project_id]) before ordering again: it may be running."


class TransportError(SogniError):
    """No usable answer came from the network."""

    code = "transport"
    retryable = True


class ConnectFailed(TransportError):
    """No connection could be made: name, address, proxy or TLS."""

    code = "connect_failed"
    hint = "Check the network, the proxy and the address; with sandbox=True everything stays on this computer."


class ConnectionLost(TransportError):
    """The connection broke while something was under way."""

    code = "connection_lost"


class Displaced(TransportError):
    """Another connection took over the app id of this client (close code 4015)."""

    code = "displaced"
    retryable = False
    hint = "Give every process an app_id of its own; the next call connects again and displaces the other one."


class TransferError(TransportError):
    """A file could not be sent to, or fetched from, the media store."""

    code = "transfer"


class StorageError(TransferError):
    """A file could not be written on this computer: a full disk, a folder that may not be written to.

    Attributes:
        errno: The system's number, such as `errno.ENOSPC`.
        path: Which file.
    """

    code = "storage"
    retryable = False
    hint = "Save it somewhere else: the result can be fetched again, for 24 hours."

    def __init__(
        self,
        message: str,
        *,
        errno: int | None = None,
        path: str | None = None,
        hint: str | None = None,
        project_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, project_id=project_id)
        self.errno = errno
        self.path = path


class ProtocolError(TransportError):
    """The server sent something that is not the protocol."""

    code = "protocol"
    retryable = False


class ApiError(SogniError):
    """The server answered, and the answer is no.

    Attributes:
        status: HTTP status, or None when the refusal came over the socket.
        error_code: The server's own number or word.
        server_message: The server's own sentence.
        retry_after: Seconds to wait before trying again, if the server said so.
        details: More from the server, as it came.
    """

    code = "api"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        error_code: int | str | None = None,
        server_message: str | None = None,
        retry_after: float | None = None,
        details: Mapping[str, object] | None = None,
        hint: str | None = None,
        project_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, project_id=project_id)
        self.status = status
        self.error_code = error_code
        self.server_message = server_message
        self.retry_after = retry_after
        self.details = details


class AuthenticationError(ApiError):
    """The credentials were refused."""

    code = "authentication"
    hint = "Check the API key (SOGNI_API_KEY or api_key=)."


class PermissionDenied(ApiError):
    """The account may not do this."""

    code = "permission_denied"


class ConsentRequired(PermissionDenied):
    """The model needs an agreement of the account first (4103). `details` names it."""

    code = "consent_required"
    hint = "Accept the model's agreement in the Sogni web application, then order again."


class PlanLimit(PermissionDenied):
    """The subscription plan does not cover this (4078 to 4081)."""

    code = "plan_limit"
    hint = "Wait for running projects to end, or change the plan."


class ModelNotFound(ApiError):
    """The catalogue lists no model of this id."""

    code = "model_not_found"
    hint = "projects.get_supported_models() lists what there is."


class ModelNotAvailable(ApiError):
    """The model exists but is not offered on this network yet (4104)."""

    code = "model_not_available"


class InsufficientFunds(ApiError):
    """The balance does not cover the cost (123)."""

    code = "insufficient_funds"
    hint = "Top up the balance, choose the other token type, or order less."


class RateLimited(ApiError):
    """Too many requests; `retry_after` says how long to wait."""

    code = "rate_limited"
    retryable = True


class ServerError(ApiError):
    """The server failed (5xx)."""

    code = "server_error"
    retryable = True


class ProjectFailed(SogniError):
    """The project, or one job of it, was accepted and then ended badly.

    Attributes:
        job_id: The job concerned; None for the whole project.
        error_code: The network's number, such as 5002 for a worker that disconnected.
        original_code: The network's own word where it sent one, such as `"genfailure"`.
        vendor_category: Why an outside provider refused, such as `"content_policy"`.
    """

    code = "project_failed"

    def __init__(
        self,
        message: str,
        *,
        job_id: str | None = None,
        error_code: int | None = None,
        original_code: str | None = None,
        vendor_category: str | None = None,
        hint: str | None = None,
        project_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, project_id=project_id)
        self.job_id = job_id
        self.error_code = error_code
        self.original_code = original_code
        self.vendor_category = vendor_category


class ContentWithheld(ProjectFailed):
    """The result exists but the sensitive-content filter withheld it: there are no media to fetch."""

    code = "content_withheld"
    hint = "Change the prompt, or order with disable_nsfw_filter=True where that is permitted."


class ProjectLost(ProjectFailed):
    """Record, status and live list all say that nobody has this project."""

    code = "project_lost"
    hint = "Nothing is running and nothing was charged for it: it can be ordered again."


class ProjectCanceled(ProjectFailed):
    """The project was canceled."""

    code = "project_canceled"


_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    402: InsufficientFunds,
    403: PermissionDenied,
    429: RateLimited,
}

_BY_CODE: dict[int, type[ApiError]] = {
    123: InsufficientFunds,
    4078: PermissionDenied,
    4079: PlanLimit,
    4080: PlanLimit,
    4081: PlanLimit,
    4103: ConsentRequired,
    4104: ModelNotAvailable,
}


def api_error(
    message: str,
    *,
    status: int | None = None,
    error_code: int | str | None = None,
    server_message: str | None = None,
    retry_after: float | None = None,
    details: Mapping[str, object] | None = None,
    project_id: str | None = None,
) -> ApiError:
    """The `ApiError` class that fits a refusal; the server's own code decides before the HTTP status."""
    cls: type[ApiError] | None = _BY_CODE.get(error_code) if isinstance(error_code, int) else None
    if cls is None and status is not None:
        cls = _BY_STATUS.get(status) or (ServerError if status >= 500 else None)
    return (cls or ApiError)(
        message,
        status=status,
        error_code=error_code,
        server_message=server_message,
        retry_after=retry_after,
        details=details,
        project_id=project_id,
    )
