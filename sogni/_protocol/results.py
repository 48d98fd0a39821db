"""Where a finished output can be fetched: the one table of result kinds and their download calls."""

from __future__ import annotations

from ..errors import ApiError
from . import rest
from .call import Call
from .media_kinds import FORMATS

# Kind of media -> the endpoint that signs its URL. Audio and images name their content type, video never does.
_MEDIA_ENDPOINT = frozenset(("video", "audio", "model"))
_AUDIO_DEFAULT = "audio/mpeg"
_MODEL_TYPE = "model/gltf-binary"

# The image endpoint says so when the output is none of its own; a plain "not found" has the same error code.
_WRONG_ENDPOINT = "/v1/media/downloadUrl"


def result_call(
    kind: str, project_id: str, job_id: str, output_format: str | None, *, artifact_type: str | None = None
) -> Call[str]:
    """The call that signs the URL of a finished output."""
    if kind not in _MEDIA_ENDPOINT:
        return rest.download_url(
            job_id=project_id, image_id=job_id, type="complete", content_type=_image_type(output_format)
        )
    return rest.media_download_url(
        job_id=project_id, id=job_id, type="complete", content_type=_media_type(kind, output_format, artifact_type)
    )


def preview_call(project_id: str, job_id: str) -> Call[str]:
    """The call that signs the URL of a preview; previews are images whatever the output will be."""
    return rest.download_url(job_id=project_id, image_id=job_id, type="preview")


def last_frame_call(project_id: str, job_id: str) -> Call[str]:
    """The call that signs the URL of the exported last frame of a video."""
    return rest.media_download_url(job_id=project_id, id=job_id, type="complete", artifact="lastFrame")


def is_wrong_endpoint(error: ApiError) -> bool:
    """True when the image endpoint says that the output is at the media endpoint."""
    return error.status == 404 and _WRONG_ENDPOINT in (error.server_message or "")


def content_type(kind: str, output_format: str | None) -> str | None:
    """What the output will be served as, where that is known."""
    known = FORMATS.get((output_format or "").lower())
    if known is not None:
        return known[1]
    return {"image": "image/png", "video": "video/mp4", "audio": _AUDIO_DEFAULT, "model": _MODEL_TYPE}.get(kind)


def _image_type(output_format: str | None) -> str | None:
    known = FORMATS.get((output_format or "").lower())
    return known[1] if known is not None and known[0] == "image" else None


def _media_type(kind: str, output_format: str | None, artifact_type: str | None) -> str | None:
    if kind == "video":
        return None
    if kind == "model":
        return _MODEL_TYPE
    known = FORMATS.get((output_format or "").lower())
    if known is not None and known[0] == "audio":
        return known[1]
    return artifact_type or _AUDIO_DEFAULT
