"""What can be read about a project and its jobs: statuses, queue reasons, frozen snapshots."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from attrs import field, frozen

from ..errors import SogniError

__all__ = [
    "CancelOutcome",
    "ClientState",
    "JobSnapshot",
    "JobStatus",
    "LinkState",
    "Preparation",
    "ProjectSnapshot",
    "ProjectStatus",
    "Provenance",
    "WaitingReason",
]


class ProjectStatus(str, Enum):
    """Where a project is. `UNKNOWN` stands for a word this version does not know; it never counts as success."""

    PENDING = "pending"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> ProjectStatus:
        return cls.UNKNOWN

    @property
    def is_final(self) -> bool:
        """True when nothing more will happen."""
        return self in _FINAL_PROJECT


_FINAL_PROJECT = frozenset((ProjectStatus.COMPLETED, ProjectStatus.FAILED, ProjectStatus.CANCELED))


class JobStatus(str, Enum):
    """Where one job (one output of a project) is."""

    PENDING = "pending"
    INITIATING = "initiating"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> JobStatus:
        return cls.UNKNOWN

    @property
    def is_final(self) -> bool:
        """True when nothing more will happen."""
        return self in _FINAL_JOB


_FINAL_JOB = frozenset((JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED))


class CancelOutcome(str, Enum):
    """What became of a request to cancel.

    `CANCELED` is confirmed by the service. `TOO_LATE`: the project had ended, or ended meanwhile. `UNCONFIRMED`: the
    service refused or said nothing for 120 seconds; the project may still run, and cost.
    """

    CANCELED = "canceled"
    TOO_LATE = "too_late"
    UNCONFIRMED = "unconfirmed"


class LinkState(str, Enum):
    """What the client's connection is doing."""

    IDLE = "idle"
    CONNECTING = "connecting"
    READY = "ready"
    RECONNECTING = "reconnecting"
    DISPLACED = "displaced"
    REFUSED = "refused"
    CLOSED = "closed"


@frozen(kw_only=True)
class ClientState:
    """The connection of a client at one moment.

    Attributes:
        link: What the connection is doing.
        since: When that began.
        reason: Why, in words, where there is something to say.
    """

    link: LinkState
    since: datetime
    reason: str | None = None


@frozen(kw_only=True)
class WaitingReason:
    """Why something waits in the queue, in the network's words.

    Attributes:
        reason: `concurrency_limit`, `model_concurrency_limit`, `payment_pending`, `no_workers` or `queued`.
        message: One sentence for people.
        media_type, payment_model, subscription_tier, model_family: Which limit it is, where known.
    """

    reason: str
    message: str
    media_type: str | None = None
    payment_model: str | None = None
    subscription_tier: str | None = None
    model_family: str | None = None


@frozen(kw_only=True)
class Preparation:
    """What a worker does before it renders: fetching LoRAs, unloading or loading a model.

    Attributes:
        phase: `downloadingAssets`, `unloadingModel` or `loadingModel`.
        extra: The other fields, as sent.
    """

    phase: str
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Provenance:
    """The worker's receipt for a result: hashes, and the masks it found. Only well-formed values are kept."""

    sha256: str | None = None
    source_image_sha256: str | None = None
    sam_prompt_sha256: str | None = None
    mask_rle_sha256: str | None = None
    selection_hash: str | None = None
    first_frame_sha256: str | None = None
    last_frame_sha256: str | None = None
    mask_width: int | None = None
    mask_height: int | None = None
    sam_version: str | None = None
    mask_box: tuple[float, ...] | None = None
    mask_coverage: float | None = None
    mask_detected_count: int | None = None
    mask_returned_count: int | None = None
    mask_selections: tuple[dict[str, object], ...] = ()


@frozen(kw_only=True)
class JobSnapshot:
    """One job, that is one output of a project, at one moment.

    Attributes:
        id: Render id given by the worker, upper case; a new one after the job moved to another worker.
        index: Place of the output in the project, from 0, once the network said it.
        status: Where it is.
        progress: 0 to 100.
        step, step_count: Sampling steps done and in all.
        eta: Seconds left by the network's last estimate; None when it has none.
        worker: Name of the worker that renders it.
        seed: The seed that was used, once finished.
        withheld: The sensitive-content filter kept the media back.
        nsfw_detected, nsfw_sources: Labelled as sensitive, and by what (`prompt`, `image`).
        user_canceled: It ended because somebody canceled it.
        error: Why it failed.
    """

    id: str
    project_id: str
    index: int | None = None
    status: JobStatus = JobStatus.PENDING
    progress: int = 0
    step: int = 0
    step_count: int = 0
    eta: float | None = None
    worker: str | None = None
    seed: int | None = None
    withheld: bool = False
    nsfw_detected: bool = False
    nsfw_sources: tuple[str, ...] = ()
    user_canceled: bool = False
    output_format: str | None = None
    media_kind: str | None = None
    artifact_content_type: str | None = None
    hosted_url: str | None = field(default=None, repr=False)
    last_frame: bool = False
    provenance: Provenance | None = None
    positive_prompt: str | None = field(default=None, repr=False)
    negative_prompt: str | None = field(default=None, repr=False)
    waiting_reason: WaitingReason | None = None
    error: SogniError | None = None

    @property
    def finished(self) -> bool:
        """True when nothing more will happen to this job."""
        return self.status.is_final


@frozen(kw_only=True)
class ProjectSnapshot:
    """A project at one moment.

    Attributes:
        id: Project id, upper case.
        type: `image`, `video` or `audio`.
        status: Where it is.
        progress: 0 to 100 over all jobs.
        number_of_media: How many outputs were ordered.
        queue_position: Place in the queue, 0 being next; None when not known.
        estimated_start: When the network expects to begin; None when not known.
        queue_status: `waiting` or `no-workers`.
        waiting_reason: Why it waits.
        jobs: The jobs seen so far, by index where known.
        error: What `wait` raises.
        recovered: True when rebuilt from what the service remembered.
    """

    id: str
    type: str = "image"
    status: ProjectStatus = ProjectStatus.PENDING
    progress: int = 0
    number_of_media: int = 1
    queue_position: int | None = None
    estimated_start: datetime | None = None
    queue_status: str | None = None
    waiting_reason: WaitingReason | None = None
    jobs: tuple[JobSnapshot, ...] = ()
    error: SogniError | None = None
    recovered: bool = False

    @property
    def finished(self) -> bool:
        """True when nothing more will happen to this project."""
        return self.status.is_final
