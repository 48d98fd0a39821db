"""What kind of media a finished job is, told from what the worker said about its files."""

from __future__ import annotations

from collections.abc import Iterable

# Output formats and the kind and content type they stand for.
FORMATS: dict[str, tuple[str, str]] = {
    "png": ("image", "image/png"),
    "jpg": ("image", "image/jpeg"),
    "jpeg": ("image", "image/jpeg"),
    "webp": ("image", "image/webp"),
    "mp4": ("video", "video/mp4"),
    "mov": ("video", "video/quicktime"),
    "mp3": ("audio", "audio/mpeg"),
    "wav": ("audio", "audio/wav"),
    "flac": ("audio", "audio/flac"),
    "glb": ("model", "model/gltf-binary"),
}

_STRONGEST_FIRST = ("model", "video", "audio", "image")


def artifact_kind(
    artifacts: Iterable[tuple[str | None, bool | None]], output_format: str | None
) -> tuple[str | None, str | None]:
    """(kind, content type) by the files of a result, else by its output format, else (None, None).

    Args:
        artifacts: Content type and success of each file; a file that failed does not count.
    """
    found: dict[str, str] = {}
    for content_type, success in artifacts:
        if content_type and success is not False:
            found.setdefault(content_type.split("/", 1)[0].lower(), content_type)
    for kind in _STRONGEST_FIRST:
        if kind in found:
            return kind, found[kind]
    return FORMATS.get((output_format or "").lower(), (None, None))
