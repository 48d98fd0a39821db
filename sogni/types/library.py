"""What an account keeps at the service: LoRAs of its own, saved uploads; and the public LoRA catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

__all__ = [
    "Lora",
    "LoraCatalog",
    "LoraConstraints",
    "PersonalLora",
    "PersonalLoras",
    "SavedUpload",
    "SavedUploads",
]


@frozen(kw_only=True)
class Lora:
    """One LoRA of the public catalogue, or a ready one of the account.

    Attributes:
        lora_id: What `loras` takes.
        slug, name, description: For people.
        model_ids: Models it works with.
        related_lora_ids: Others of the same kind.
        ui: Advice for its strength (`min`, `max`, `default`, ...), as sent. A request without strengths uses 1.0.
        extra: Fields this version does not know.

    Rows are shared by all who ask: nothing in them can be changed.
    """

    lora_id: str = ""
    slug: str = ""
    name: str = ""
    description: str = ""
    model_ids: tuple[str, ...] = ()
    related_lora_ids: tuple[str, ...] = ()
    ui: Mapping[str, object] = field(factory=dict)
    extra: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class LoraConstraints:
    """What a request may do with LoRAs.

    Attributes:
        max_per_request: How many at once.
        min_strength, max_strength: Range of every strength.
    """

    max_per_request: int = 8
    min_strength: float = -100
    max_strength: float = 100


@frozen(kw_only=True)
class LoraCatalog:
    """The LoRA catalogue.

    Attributes:
        loras: Its rows; with a model, those that work with it.
        models: Every model that takes LoRAs at all.
        constraints: Limits of a request.
        last_updated: When the service last changed it.
        extra: Fields this version does not know.
    Source: GET /v1/loras/comfy.
    """

    loras: tuple[Lora, ...] = ()
    models: tuple[str, ...] = ()
    constraints: LoraConstraints = field(factory=LoraConstraints)
    last_updated: object = None
    extra: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class PersonalLora:
    """A LoRA that the account imported.

    Attributes:
        id: What `loras` takes; begins with `personal-`.
        name: As given at the import.
        model_id: The model it was imported for.
        model_ids: Models it works with.
        source: Where it came from.
        status: `queued`, `validating`, `review`, `ready`, `rejected` or `revoked`; an import takes minutes.
        reason: Why it is not ready, for people.
        failure_code: The same as one word.
        bytes: Size of the file.
        requirements: What is left to do.
        created_at, updated_at: When.
        extra: Fields this version does not know.
    """

    id: str = ""
    name: str = ""
    model_id: str | None = None
    model_ids: tuple[str, ...] = ()
    source: object = None
    status: str = ""
    reason: str | None = None
    failure_code: str | None = None
    bytes: int | None = None
    requirements: tuple[object, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    extra: dict[str, object] = field(factory=dict)

    @property
    def is_ready(self) -> bool:
        """True when orders may name it."""
        return self.status == "ready"

    @property
    def is_final(self) -> bool:
        """True when the import has ended, well or badly."""
        return self.status in ("ready", "rejected", "revoked")


@frozen(kw_only=True)
class PersonalLoras:
    """The account's own LoRAs and what it may still import.

    Attributes:
        loras: All of them, in any status.
        models: Models that take personal LoRAs.
        limits: As sent: `entries`, `fileBytes`, `importsPerDay`, `perGeneration`.
        extra: Fields this version does not know.
    Source: GET /v1/loras/personal.
    """

    loras: tuple[PersonalLora, ...] = ()
    models: tuple[str, ...] = ()
    limits: Mapping[str, object] = field(factory=dict)
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class SavedUpload:
    """A file that the account keeps at the service, so that it need not be sent again.

    Give it wherever a request takes a file: it is copied there, and nothing is uploaded.

    Attributes:
        id: Its id.
        name: For people.
        bytes: Size.
        content_type: Type it was uploaded with.
        state: `uploading` or `ready`.
        created_at, expires_at: When.
        reused: True when the service had the file already.
        upload_url, upload_headers: Where to send it and with which headers; only while `uploading`.
    Source: GET /v1/assets, POST /v1/assets/prepare.
    """

    id: str = ""
    name: str = ""
    bytes: int | None = None
    content_type: str | None = None
    state: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    reused: bool | None = None
    upload_url: str | None = field(default=None, repr=False)
    upload_headers: Mapping[str, object] | None = field(default=None, repr=False)

    @property
    def is_ready(self) -> bool:
        """True when the file is complete at the service."""
        return self.state == "ready"


@frozen(kw_only=True)
class SavedUploads:
    """The saved uploads of the account.

    Attributes:
        assets: All of them.
        limits: As sent: `entries`, `bytes`, `fileBytes`, `idleDays`, ...
        extra: Fields this version does not know.
    """

    assets: tuple[SavedUpload, ...] = ()
    limits: Mapping[str, object] = field(factory=dict)
    extra: dict[str, object] = field(factory=dict)
