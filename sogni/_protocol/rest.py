"""The REST endpoints of projects and of what they need, one function each; the four estimates are in `_rules`.

Result classes are imported where an answer is read: most programs call three of these endpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..errors import Problem, ProtocolError, ValidationError
from .call import Call, Host, an_object, nothing, segment

if TYPE_CHECKING:
    from datetime import datetime

    from ..types.catalog import Model, SizePreset, Tier
    from ..types.library import Lora, LoraCatalog, PersonalLora, PersonalLoras, SavedUpload, SavedUploads
    from ..types.project import JobStatus
    from ..types.recent import RecentProject
    from .messages import ProjectRecord, Snapshot


# --- catalogue ------------------------------------------------------------------------------------------------------


def supported_models() -> Call[tuple[Model, ...]]:
    """Every model the service knows."""

    def read(data: object) -> tuple[Model, ...]:
        from ..types.catalog import Model
        from .wire import structure_list

        return structure_list(data, Model)

    return Call(method="GET", path="/api/v1/models/list", read=read, host=Host.SOCKET)


def tiers() -> Call[dict[str, Tier]]:
    """The option ranges of every tier, by its name."""

    def read(data: object) -> dict[str, Tier]:
        return {name: tier for name, tier in an_object(data).items() if isinstance(tier, Mapping)}

    return Call(method="GET", path="/api/v2/models/tiers", read=read, host=Host.SOCKET)


def network_models(network: str) -> Call[dict[str, int]]:
    """How many workers offer each model right now; the keys are the network's numbers of models, as text."""

    def read(data: object) -> dict[str, int]:
        counts = {sid: _whole(count) for sid, count in an_object(data).items()}
        return {sid: count for sid, count in counts.items() if count is not None}

    path = f"/api/v1/status/network/{_part('network', network)}/models"
    return Call(method="GET", path=path, read=read, host=Host.SOCKET)


def size_presets(network: str, model_id: str) -> Call[tuple[SizePreset, ...]]:
    """The named sizes of a model."""

    def read(data: object) -> tuple[SizePreset, ...]:
        from ..types.catalog import SizePreset
        from .wire import structure_list

        return structure_list(data, SizePreset)

    path = f"/api/v1/size-presets/network/{_part('network', network)}/model/{_part('model_id', model_id)}"
    return Call(method="GET", path=path, read=read, host=Host.SOCKET)


# --- signed URLs ----------------------------------------------------------------------------------------------------


def upload_url(
    *,
    image_id: str | None = None,
    job_id: str | None = None,
    type: str | None = None,
    content_type: str | None = None,
    start_content_type: str | None = None,
) -> Call[str]:
    """Where to send a picture. Every argument goes out unchanged; None leaves it out."""
    query = {
        "imageId": image_id,
        "jobId": job_id,
        "type": type,
        "contentType": content_type,
        "startContentType": start_content_type,
    }
    return Call(method="GET", path="/v1/image/uploadUrl", read=_url_reader("uploadUrl"), query=query)


def download_url(
    *,
    image_id: str | None = None,
    job_id: str | None = None,
    type: str | None = None,
    content_type: str | None = None,
    start_content_type: str | None = None,
) -> Call[str]:
    """Where to fetch a picture. Every argument goes out unchanged; None leaves it out."""
    query = {
        "imageId": image_id,
        "jobId": job_id,
        "type": type,
        "contentType": content_type,
        "startContentType": start_content_type,
    }
    return Call(method="GET", path="/v1/image/downloadUrl", read=_url_reader("downloadUrl"), query=query)


def media_upload_url(
    *,
    job_id: str | None = None,
    type: str | None = None,
    id: str | None = None,
    content_type: str | None = None,
) -> Call[str]:
    """Where to send sound or video. Every argument goes out unchanged; None leaves it out."""
    query = {"id": id, "jobId": job_id, "type": type, "contentType": content_type}
    return Call(method="GET", path="/v1/media/uploadUrl", read=_url_reader("uploadUrl"), query=query)


def media_download_url(
    *,
    job_id: str | None = None,
    type: str | None = None,
    id: str | None = None,
    content_type: str | None = None,
    artifact: str | None = None,
) -> Call[str]:
    """Where to fetch sound, video, 3D or a last frame. Every argument goes out unchanged; None leaves it out."""
    query = {"id": id, "jobId": job_id, "type": type, "contentType": content_type, "artifact": artifact}
    return Call(method="GET", path="/v1/media/downloadUrl", read=_url_reader("downloadUrl"), query=query)


def _url_reader(member: str) -> Callable[[object], str]:
    def read(data: object) -> str:
        url = data.get(member) if isinstance(data, Mapping) else None
        if not isinstance(url, str) or not url:
            raise ProtocolError(f"The server's answer has no {member}.")
        return url

    return read


# --- projects -------------------------------------------------------------------------------------------------------


def project_record(project_id: str) -> Call[ProjectRecord]:
    """The stored record. It exists only once the project has finished: a 404 says nothing about a running one."""
    return Call(method="GET", path=f"/v1/projects/{_part('project_id', project_id)}", read=_read_record)


def project_status(project_id: str) -> Call[ProjectRecord]:
    """The live state of a project of this account, finished or not."""
    return Call(method="GET", path=f"/v2/projects/{_part('project_id', project_id)}", read=_read_record)


def _read_record(data: object) -> ProjectRecord:
    from .messages import read_record

    return read_record(data)


def live_projects() -> Call[frozenset[str]]:
    """Ids of all projects that wait or run, in upper case. A failed call is no answer: nothing may be read as gone."""

    def read(data: object) -> frozenset[str]:
        from .wire import fold_id

        entries = an_object(data).get("projects")
        if not isinstance(entries, list):
            raise ValueError("projects is not a list")
        ids = (entry.get("id") for entry in entries if isinstance(entry, Mapping))
        return frozenset(fold_id(id) for id in ids if isinstance(id, str))

    return Call(method="GET", path="/api/v1/artist/projects/active", read=read, host=Host.SOCKET)


def sync(app_id: str | None) -> Call[Snapshot]:
    """What the service holds for one app id, or, with None, for the whole account (20 calls in 10 seconds at most)."""

    def read(data: object) -> Snapshot:
        from .messages import read_snapshot

        return read_snapshot(data)

    path = "/api/v1/artist/projects/sync"
    return Call(method="GET", path=path, read=read, query={"appId": app_id}, host=Host.SOCKET)


def recent_jobs(
    *, address: str, since_ms: int, limit: int = 50, app_source: str | None = None
) -> Call[tuple[RecentProject, ...]]:
    """Finished renders since a moment, grouped by project, the newest first.

    Args:
        address: Wallet address of the account; without one the server would list everybody's.
        since_ms: Milliseconds since the epoch; the server refuses more than seven days ago.
        limit: Renders, 1 to 100.
        app_source: Only those of this product.
    """
    if not address:
        raise ValidationError(problems=[Problem("address", "address is empty: the list would not be limited to it.")])
    query = {
        "role": "artist",
        "address": address,
        "state": "completed",
        "mediaOnly": True,
        "since": since_ms,
        "limit": limit,
        "appSource": app_source or None,
    }
    return Call(method="GET", path="/v1/jobs/list", read=_read_recent, query=query)


def _read_recent(data: object) -> tuple[RecentProject, ...]:
    from datetime import datetime, timezone

    from ..types.recent import RecentJob, RecentProject
    from .wire import fold_id

    never = datetime.min.replace(tzinfo=timezone.utc)
    groups: dict[str, list[tuple[RecentJob, Mapping[str, object]]]] = {}
    entries = an_object(data).get("jobs")
    for entry in entries if isinstance(entries, list) else ():
        parent = entry.get("parentRequest") if isinstance(entry, Mapping) else None
        project_id = parent.get("id") if isinstance(parent, Mapping) else None
        job_id = (_text(entry, "imgID") or _text(entry, "id")) if isinstance(entry, Mapping) else None
        if not isinstance(parent, Mapping) or not isinstance(project_id, str) or not project_id or job_id is None:
            continue
        withheld = entry.get("triggeredNSFWFilter") is True and entry.get("nsfwDetected") is not True
        job = RecentJob(
            id=fold_id(job_id),
            status=_job_status(entry.get("status"), entry.get("reason")),
            sensitive_content_withheld=withheld,
            finished_at=_moment(entry.get("endTime")),
        )
        groups.setdefault(fold_id(project_id), []).append((job, parent))
    projects = []
    for project_id, members in groups.items():
        parent = members[0][1]
        model = parent.get("model")
        moments = [job.finished_at for job, _ in members if job.finished_at is not None]
        projects.append(
            RecentProject(
                id=project_id,
                model_id=_text(model, "id"),
                model_name=_text(model, "name"),
                app_source=_text(parent, "appSource"),
                finished_at=max(moments, default=None),
                jobs=tuple(job for job, _ in members),
            )
        )
    return tuple(sorted(projects, key=lambda project: project.finished_at or never, reverse=True))


def _job_status(status: object, reason: object) -> JobStatus:
    from ..types.project import JobStatus

    if status == "jobCompleted":
        return JobStatus.COMPLETED
    if status == "jobError":
        return JobStatus.CANCELED if reason == "artistCanceled" else JobStatus.FAILED
    return JobStatus(status) if isinstance(status, str) else JobStatus.UNKNOWN


# --- LoRAs ----------------------------------------------------------------------------------------------------------


def loras(model_id: str | None = None) -> Call[LoraCatalog]:
    """The public LoRA catalogue, of one model or of all."""
    if model_id is not None and not isinstance(model_id, str):
        message = f"model_id must be a text, not {type(model_id).__name__}."
        raise ValidationError(problems=[Problem("model_id", message, value=model_id)])

    def read(data: object) -> LoraCatalog:
        from attrs import evolve

        from ..types.library import LoraCatalog
        from .wire import frozen, structure

        catalog = structure(data, LoraCatalog)
        # Old servers ignore the parameter.
        rows = tuple(_frozen_row(row) for row in catalog.loras if not model_id or model_id in row.model_ids)
        models = catalog.models or tuple(sorted({model for row in rows for model in row.model_ids}))
        last_updated, extra = frozen(catalog.last_updated), frozen(catalog.extra)
        return evolve(catalog, loras=rows, models=models, last_updated=last_updated, extra=extra)

    return Call(method="GET", path="/v1/loras/comfy", read=read, query={"modelId": model_id or None}, auth=False)


def _frozen_row(row: Lora) -> Lora:
    from attrs import evolve

    from .wire import frozen

    return evolve(row, ui=frozen(row.ui), extra=frozen(row.extra))


def personal_loras() -> Call[PersonalLoras]:
    """The account's own LoRAs, in any status."""

    def read(data: object) -> PersonalLoras:
        from ..types.library import PersonalLoras
        from .wire import structure

        return structure(data, PersonalLoras)

    return Call(method="GET", path="/v1/loras/personal", read=read)


def personal_lora(lora_id: str) -> Call[PersonalLora]:
    """One LoRA of the account."""
    return Call(method="GET", path=f"/v1/loras/personal/{_part('lora_id', lora_id)}", read=_read_personal_lora)


def import_lora(*, url: str, name: str, model_id: str, rights_confirmed: bool) -> Call[PersonalLora]:
    """Has the service fetch a LoRA; it is looked at for minutes before it can be used."""
    body = {"url": url, "name": name, "modelId": model_id, "rightsConfirmed": rights_confirmed}
    return Call(method="POST", path="/v1/loras/personal", read=_read_personal_lora, body=body, repeatable=False)


def remove_lora(lora_id: str) -> Call[None]:
    """Deletes a LoRA of the account."""
    path = f"/v1/loras/personal/{_part('lora_id', lora_id)}"
    return Call(method="DELETE", path=path, read=nothing, repeatable=False)


def personal_catalog() -> Call[tuple[Lora, ...]]:
    """The account's LoRAs that are ready, in the form of the public catalogue."""

    def read(data: object) -> tuple[Lora, ...]:
        from ..types.library import Lora
        from .wire import structure_list

        return tuple(map(_frozen_row, structure_list(an_object(data).get("loras", []), Lora)))

    return Call(method="GET", path="/v1/loras/personal/catalog", read=read)


def _read_personal_lora(data: object) -> PersonalLora:
    from ..types.library import PersonalLora
    from .wire import structure

    return structure(data, PersonalLora)


# --- saved uploads --------------------------------------------------------------------------------------------------


def saved_uploads() -> Call[SavedUploads]:
    """The files the account keeps at the service."""

    def read(data: object) -> SavedUploads:
        from ..types.library import SavedUploads
        from .wire import structure

        return structure(data, SavedUploads)

    return Call(method="GET", path="/v1/assets", read=read)


def saved_uploads_enabled() -> Call[bool]:
    """Whether the account may keep files at the service."""
    path = "/v1/assets/capabilities"
    return Call(method="GET", path=path, read=lambda data: isinstance(data, Mapping) and data.get("enabled") is True)


def prepare_upload(*, sha256: str, size: int, content_type: str, name: str = "Saved upload") -> Call[SavedUpload]:
    """Asks for a place for a file, or finds the same file there."""
    body = {"sha256": sha256, "bytes": size, "contentType": content_type, "name": name}
    return Call(method="POST", path="/v1/assets/prepare", read=_read_saved_upload, body=body, repeatable=False)


def finalize_upload(asset_id: str) -> Call[SavedUpload]:
    """Tells the service that the file has arrived."""
    path = f"/v1/assets/{_part('asset_id', asset_id)}/finalize"
    return Call(method="POST", path=path, read=_read_saved_upload, body={}, repeatable=False)


def bind_upload(asset_id: str, *, project_id: str, type: str, id: str | None = None) -> Call[None]:
    """Copies a saved file into a slot of a project."""
    body = {"projectId": project_id, "type": type, **({"id": id} if id is not None else {})}
    path = f"/v1/assets/{_part('asset_id', asset_id)}/bind"
    return Call(method="POST", path=path, read=nothing, body=body, repeatable=False)


def remove_upload(asset_id: str) -> Call[None]:
    """Deletes a saved file; projects it was bound to keep their copy."""
    path = f"/v1/assets/{_part('asset_id', asset_id)}"
    return Call(method="DELETE", path=path, read=nothing, repeatable=False)


def _read_saved_upload(data: object) -> SavedUpload:
    from ..types.library import SavedUpload
    from .wire import structure

    upload = structure(data, SavedUpload)
    if not upload.id:
        raise ValueError("no id")
    return upload


# --- helpers --------------------------------------------------------------------------------------------------------


def _part(name: str, value: str) -> str:
    """A caller's value as a path segment; what would climb out of its place, or vanish from the path, is refused."""
    if not isinstance(value, str) or value.strip() in ("", ".", ".."):
        message = f"{name} must be a non-empty text, not {value!r}."
        raise ValidationError(problems=[Problem(name, message, value=value)])
    return segment(value)


def _text(data: object, key: str) -> str | None:
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, str) and value else None


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if abs(value) < 2**53 else None


def _moment(value: object) -> datetime | None:
    from datetime import datetime, timezone

    whole = _whole(value)
    if whole is None or whole <= 0:
        return None
    try:
        return datetime.fromtimestamp(whole / 1000, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
