"""What accounts keep at the network: saved uploads and LoRAs of their own."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import attrs

from .catalog import Catalog
from .script import LORA_FAILURES
from .state import Account
from .terms import LORAS_OF_ONES_OWN, PERSONAL, Refused

#: What may be saved: the type, and its size.
SAVED_TYPES = (
    *("image/png", "image/jpeg", "image/webp"),
    *("video/mp4", "video/quicktime", "video/webm"),
    *("audio/mp4", "audio/mpeg", "audio/flac", "audio/wav", "audio/x-wav", "audio/wave"),
)
MOST_BYTES = 100 << 20
MOST_ASSETS, IDLE_DAYS = 100, 30
ASSET_LIMITS = {
    "entries": MOST_ASSETS,
    "bytes": 2 << 30,
    "fileBytes": MOST_BYTES,
    "idleDays": IDLE_DAYS,
    "copyBytesPerDay": 20 << 30,
    "bindingsPerDay": 2000,
}
MOST_LORAS = 20
LORA_LIMITS = {"entries": MOST_LORAS, "fileBytes": 4 << 30, "importsPerDay": 20, "perGeneration": LORAS_OF_ONES_OWN}
LORA_SITES = {"huggingface.co": "huggingface", "civitai.com": "civitai"}
#: An import goes one step further each time somebody looks at it.
IMPORTING = ("queued", "validating", "ready")
FAILURES = dict(
    zip(
        LORA_FAILURES,
        (
            "The file could not be fetched from there.",
            "The subscription ended before the import.",
            "The public catalogue has this LoRA already.",
            "The file is no LoRA for this model.",
        ),
        strict=True,
    )
)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@attrs.define(eq=False)
class Asset:
    """One saved upload."""

    id: str
    sha256: str
    bytes: int
    content_type: str
    name: str
    is_ready: bool = False
    created: datetime = attrs.field(factory=_now)
    used: datetime = attrs.field(factory=_now)

    def view(self) -> dict[str, Any]:
        """As REST tells it."""
        return {
            "id": self.id,
            "name": self.name,
            "bytes": self.bytes,
            "contentType": self.content_type,
            "state": "ready" if self.is_ready else "uploading",
            "createdAt": _text(self.created),
            "expiresAt": _text(self.used + timedelta(days=IDLE_DAYS)),
        }


@attrs.define(eq=False)
class PersonalLora:
    """One LoRA that an account imported."""

    id: str
    name: str
    model_ids: tuple[str, ...]
    url: str
    site: str
    failure: str | None
    status: str = IMPORTING[0]
    created: datetime = attrs.field(factory=_now)
    updated: datetime = attrs.field(factory=_now)

    def look(self) -> None:
        """Somebody asks how the import goes, and it goes one step further."""
        if self.status in IMPORTING[:-1]:
            self.status = IMPORTING[IMPORTING.index(self.status) + 1]
            self.updated = _now()
            if self.failure is not None and self.status == "ready":
                self.status = "rejected"

    def view(self) -> dict[str, Any]:
        """As REST tells it."""
        view: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "modelId": self.model_ids[0],
            "modelIds": list(self.model_ids),
            "source": self.site,
            "status": self.status,
            "createdAt": _text(self.created),
            "updatedAt": _text(self.updated),
            "requirements": [],
        }
        if self.status == "ready":
            view["bytes"] = 48 << 20
        if self.status == "rejected" and self.failure is not None:
            view |= {"failureCode": self.failure, "reason": FAILURES[self.failure]}
        return view

    def row(self) -> dict[str, Any]:
        """As a row of the catalogue."""
        ui = {
            "min": 0,
            "max": 2,
            "default": 1,
            "step": 0.05,
            "recommendedMin": 0.4,
            "recommendedMax": 1.2,
            "category": "personal",
            "nsfw": False,
            "sexual": False,
            "creator": "you",
            "sourceUrl": self.url,
        }
        return {
            "loraId": self.id,
            "slug": self.id,
            "name": self.name,
            "description": "",
            "relatedLoraIds": [],
            "modelIds": list(self.model_ids),
            "ui": ui,
        }


@attrs.define(eq=False)
class Shelf:
    """What one account keeps, newest last."""

    assets: dict[str, Asset] = attrs.field(factory=dict)
    loras: dict[str, PersonalLora] = attrs.field(factory=dict)

    def place(self, body: Mapping[str, Any]) -> tuple[Asset, bool]:
        """A saved upload for a file that is described, and whether the network had it already.

        Raises:
            Refused: nothing like that is saved; its `error` is the HTTP status.
        """
        sha256, size, content_type = body.get("sha256"), body.get("bytes"), body.get("contentType")
        if not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise Refused("sha256 must be 64 hex digits.", 400)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= MOST_BYTES:
            raise Refused(f"bytes must be from 1 to {MOST_BYTES}.", 400)
        if content_type not in SAVED_TYPES:
            raise Refused(f"contentType must be one of {', '.join(SAVED_TYPES)}.", 400)
        for asset in self.assets.values():
            if (asset.sha256, asset.bytes, asset.content_type) == (sha256, size, content_type):
                asset.used = _now()
                return asset, asset.is_ready
        if len(self.assets) >= MOST_ASSETS:
            raise Refused("Your saved upload library is full. Remove something first.", 409)
        asset = Asset(str(uuid.uuid4()), sha256, size, content_type, str(body.get("name") or "Saved upload")[:120])
        self.assets[asset.id] = asset
        return asset, False

    def take_in(self, body: Mapping[str, Any], catalog: Catalog, failure: str | None) -> PersonalLora:
        """Begin an import.

        Raises:
            Refused: that is no LoRA that could be imported; its `error` is the HTTP status.
        """
        url, name, model_id = body.get("url"), body.get("name"), body.get("modelId")
        site = _site(url) if isinstance(url, str) else None
        if site is None:
            raise Refused("url must be an https address of Hugging Face or Civitai.", 400)
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= 80:
            raise Refused("name must have from 1 to 80 characters.", 400)
        if model_id not in catalog.raw["loras"]["models"]:
            raise Refused(f"LoRAs cannot be imported for {model_id!r}.", 400)
        if body.get("rightsConfirmed") is not True:
            raise Refused("rightsConfirmed must be true: you need the right to use it.", 400)
        if len(self.loras) >= MOST_LORAS:
            raise Refused(f"You have {MOST_LORAS} LoRAs already. Remove one first.", 409)
        lora = PersonalLora(
            f"{PERSONAL}{uuid.uuid4().hex[:12]}", name.strip(), (str(model_id),), str(url), site, failure
        )
        self.loras[lora.id] = lora
        return lora

    def ready_rows(self) -> list[dict[str, Any]]:
        """The LoRAs that can be used, as rows of the catalogue."""
        return [lora.row() for lora in self.loras.values() if lora.status == "ready"]


def _site(url: str) -> str | None:
    """Whose address this is; None when it is nobody's that LoRAs come from."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return LORA_SITES.get((parts.hostname or "").removeprefix("www.")) if parts.scheme == "https" else None


class Library:
    """The shelves of all accounts."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._shelves: dict[str, Shelf] = {}

    def of(self, account: Account) -> Shelf:
        """What an account keeps."""
        return self._shelves.setdefault(account.name, Shelf())

    def loras_for(self, account: Account) -> Sequence[Mapping[str, Any]]:
        """Every LoRA that an account may use, as rows of the catalogue."""
        return [*self._catalog.raw["loras"]["loras"], *self.of(account).ready_rows()]

    def clear(self) -> None:
        """Nobody keeps anything."""
        self._shelves.clear()
