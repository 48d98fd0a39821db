"""The bodies of the frames and records we read, one class each, named after their frame.

Field names are ours; `wire.py` knows how the network spells them. Everything is optional: a field that is missing or of
the wrong type is None, and whoever acts on a message checks what it needs.
"""

from __future__ import annotations

from typing import Union

from attrs import field, frozen

from ..errors import ProtocolError
from . import wire

# --- frames about a project -----------------------------------------------------------------------------------------


@frozen(kw_only=True)
class ProjectQueued:
    """`jobState` of type `queued`."""

    job_id: str | None = None
    queue_position: int | None = None
    estimated_start_seconds: float | None = None
    queue_status: str | None = None
    waiting_reason: object = None
    job_waiting_reasons: object = None


@frozen(kw_only=True)
class ProjectQueue:
    """`projectQueue`: why a project waits."""

    job_id: str | None = None
    waiting_reason: object = None
    job_waiting_reasons: object = None


@frozen(kw_only=True)
class ProjectAssigned:
    """`jobState` of type `assigned`: proof that the request arrived, nothing more."""

    job_id: str | None = None


@frozen(kw_only=True)
class ProjectCompleted:
    """`jobState` of type `jobCompleted`."""

    job_id: str | None = None


@frozen(kw_only=True)
class CancelConfirmation:
    """`artistCancelConfirmation`: the answer to a cancel."""

    job_id: str | None = None
    did_cancel: bool | None = None
    error_message: str | None = None


# --- frames about one job -------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class JobInitiating:
    """`jobState` of type `initiatingModel`."""

    job_id: str | None = None
    img_id: str | None = None
    job_index: int | None = None
    worker_name: str | None = None
    positive_prompt: str | None = None
    negative_prompt: str | None = None
    preparation: dict[str, object] | None = None


@frozen(kw_only=True)
class JobStarted:
    """`jobState` of type `jobStarted`."""

    job_id: str | None = None
    img_id: str | None = None
    job_index: int | None = None
    worker_name: str | None = None
    positive_prompt: str | None = None
    negative_prompt: str | None = None


@frozen(kw_only=True)
class JobProgress:
    """`jobProgress`. Only the first of an attempt becomes a message; the others go into the job's slot."""

    job_id: str | None = None
    img_id: str | None = None
    job_index: int | None = None


@frozen(kw_only=True)
class JobRetry:
    """`jobRetry`: the render moves to another worker; nothing failed and nothing is charged."""

    job_id: str | None = None
    img_id: str | None = None
    job_index: int | None = None
    attempt: int | None = None
    max_attempts: int | None = None
    error: object = None
    error_message: str | None = None


@frozen(kw_only=True)
class Artifact:
    """One file of a result."""

    content_type: str | None = None
    success: bool | None = None


@frozen(kw_only=True)
class JobResult:
    """`jobResult`: one render finished."""

    job_id: str | None = None
    img_id: str | None = None
    job_index: int | None = None
    performed_step_count: int | None = None
    last_seed: int | None = None
    user_canceled: bool | None = None
    triggered_nsfw_filter: bool | None = None
    nsfw_detected: bool | None = None
    nsfw_sources: tuple[str, ...] | None = None
    result_url: str | None = None
    image_url: str | None = None
    image_file: str | None = None
    video_url: str | None = None
    video_file: str | None = None
    last_frame_url: str | None = None
    last_frame_key: str | None = None
    output_format: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    result: dict[str, object] | None = None
    extra: dict[str, object] = field(factory=dict)

    @property
    def hosted_url(self) -> str | None:
        """The URL the frame itself carries, by precedence; outside providers send one, GPU workers do not."""
        return self.result_url or self.image_url or self.image_file or self.video_url or self.video_file or None


@frozen(kw_only=True)
class JobError:
    """`jobError`: without an `img_id` it concerns the whole project."""

    job_id: str | None = None
    img_id: str | None = None
    job_index: int | None = None
    error: object = None
    error_message: str | None = None
    is_from_worker: bool | None = None
    vendor_failure_category: str | None = None
    consent_required: dict[str, object] | None = None
    subscription_limit: bool | None = None
    required_plans: tuple[str, ...] | None = None
    feature: str | None = None
    limitation: str | None = None


# --- stored records and snapshots -----------------------------------------------------------------------------------


@frozen(kw_only=True)
class ModelRef:
    """The model as a record names it."""

    id: str | None = None
    name: str | None = None
    type: str | None = None


@frozen(kw_only=True)
class Worker:
    """The worker as a record names it."""

    username: str | None = None
    name: str | None = None


@frozen(kw_only=True)
class JobRecord:
    """One render of a record. `img_id` is its identity; `id` may be the project's id and never is."""

    img_id: str | None = None
    job_index: int | None = None
    status: str | None = None
    reason: str | None = None
    worker: Worker | None = None
    performed_steps: int | None = None
    seed_used: int | None = None
    triggered_nsfw_filter: bool | None = None
    nsfw_detected: bool | None = None
    nsfw_sources: tuple[str, ...] | None = None
    result_url: str | None = None
    image_url: str | None = None
    image_file: str | None = None
    video_url: str | None = None
    video_file: str | None = None
    last_frame_url: str | None = None
    last_frame_key: str | None = None
    output_format: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    result: dict[str, object] | None = None
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class ProjectRecord:
    """A project as the service remembers it: stored record, live lookup or snapshot entry."""

    id: str | None = None
    status: str | None = None
    finished: bool | None = None
    reason: str | None = None
    app_id: str | None = None
    app_source: str | None = None
    job_type: str | None = None
    model: ModelRef | None = None
    model_type: str | None = None
    image_count: int | None = None
    step_count: int | None = None
    preview_count: int | None = None
    size_preset: str | None = None
    width: float | None = None
    height: float | None = None
    network: str | None = None
    token_type: str | None = None
    billing_mode: str | None = None
    create_time: float | None = None
    update_time: float | None = None
    end_time: float | None = None
    cost_estimate: dict[str, object] | None = None
    cost_actual: dict[str, object] | None = None
    client_request_data: str | None = field(default=None, repr=False)
    waiting_reason: object = None
    job_waiting_reasons: object = None
    worker_jobs: tuple[JobRecord, ...] = ()
    completed_worker_jobs: tuple[JobRecord, ...] = ()
    extra: dict[str, object] = field(factory=dict)

    @property
    def is_llm(self) -> bool:
        """True for a language-model request, which is no project."""
        return self.job_type == "llm" or (self.model is not None and self.model.type == "llm")


@frozen(kw_only=True)
class Snapshot:
    """What the service holds for this app id. A list it does not carry (None) is no information."""

    active_projects: tuple[ProjectRecord, ...] | None = None
    unclaimed_completed_projects: tuple[ProjectRecord, ...] | None = None


@frozen(kw_only=True)
class Authenticated:
    """`authenticated`: the connection is accepted; the snapshot rides along."""

    client_type: str | None = None
    active_projects: tuple[ProjectRecord, ...] | None = None
    unclaimed_completed_projects: tuple[ProjectRecord, ...] | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot, or None when the frame says nothing about projects."""
        if self.active_projects is None and self.unclaimed_completed_projects is None:
            return None
        return Snapshot(
            active_projects=self.active_projects, unclaimed_completed_projects=self.unclaimed_completed_projects
        )


JobMessage = Union[JobInitiating, JobStarted, JobProgress, JobRetry, JobResult, JobError]
ProjectMessage = Union[ProjectQueued, ProjectQueue, ProjectAssigned, ProjectCompleted, CancelConfirmation]
Message = Union[JobMessage, ProjectMessage, Authenticated]

# Frame kind to message class; `jobState` is told apart by its `type`.
BY_KIND: dict[str, type[Message]] = {
    "authenticated": Authenticated,
    "projectQueue": ProjectQueue,
    "jobProgress": JobProgress,
    "jobRetry": JobRetry,
    "jobResult": JobResult,
    "jobError": JobError,
    "artistCancelConfirmation": CancelConfirmation,
}
BY_STATE: dict[str, type[Message]] = {
    "queued": ProjectQueued,
    "assigned": ProjectAssigned,
    "initiatingModel": JobInitiating,
    "jobStarted": JobStarted,
    "jobCompleted": ProjectCompleted,
}


def read_message(kind: str, payload: object) -> Message | None:
    """The message of a frame, or None for a kind or state that has none; raises ProtocolError for a non-object."""
    cls = BY_KIND.get(kind)
    if cls is None:
        if kind != "jobState":
            return None
        state = payload.get("type") if isinstance(payload, dict) else None
        cls = BY_STATE.get(state) if isinstance(state, str) else None
        if cls is None:
            return None
    try:
        return wire.structure(payload, cls)
    except ValueError:
        raise ProtocolError(f"A {kind!r} frame carries no object.") from None


def read_record(data: object) -> ProjectRecord:
    """A stored record or live lookup: the `project` of the answer, or the answer itself."""
    if isinstance(data, dict) and isinstance(data.get("project"), dict):
        data = data["project"]
    return wire.structure(data, ProjectRecord)


def read_snapshot(data: object) -> Snapshot:
    """The answer of the sync endpoint."""
    return wire.structure(data, Snapshot)
