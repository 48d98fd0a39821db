"""First bytes and slot to content type: exactly the table that the service and the published clients agree on."""

from __future__ import annotations

# Tried from top to bottom: where the bytes stand, the bytes, and the type by what the file is used for.
_BY_SLOT = {
    "ogg": {"video": "video/ogg", "": "audio/ogg"},
    "webm": {"audio": "audio/webm", "": "video/webm"},
}
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF....WEBP", "image/webp"),
    (b"RIFF....WAVE", "audio/wav"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "ogg"),
    (b"\x1aE\xdf\xa3", "webm"),
)
_BRANDS: tuple[tuple[bytes, str], ...] = ((b"m4a", "audio/mp4"), (b"m4b", "audio/mp4"), (b"qt", "video/quicktime"))
NEEDED = 12
"""How many first bytes are enough."""


def content_type(head: bytes | bytearray | memoryview, slot: str = "image") -> str | None:
    """The content type that the first bytes of a file stand for; None when they are not known.

    The type is part of what the service signs, so known mislabels (a HEIC picture reads as `video/mp4`) are kept.

    Args:
        head: The first bytes; 12 are enough.
        slot: What the file is used for: `image`, `audio` or `video`.
    """
    data = bytes(head[:NEEDED])
    for signature, found in _SIGNATURES:
        if _matches(data, signature):
            return _BY_SLOT[found].get(slot, _BY_SLOT[found][""]) if found in _BY_SLOT else found
    # An MPEG audio frame starts with eleven set bits.
    if len(data) >= 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        return "audio/mpeg"
    if len(data) >= NEEDED and data[4:8] == b"ftyp":
        brand = data[8:12].lower()
        return next((found for part, found in _BRANDS if part in brand), "video/mp4")
    return None


def _matches(data: bytes, signature: bytes) -> bool:
    """A dot stands for any byte."""
    head, _, tail = signature.partition(b"....")
    return data.startswith(head) and (not tail or data[8:12] == tail)
