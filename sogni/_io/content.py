"""What a saved file really is: the extension that fits its content."""

from __future__ import annotations

import os
from typing import BinaryIO

_HEAD = 8192
_LARGEST_INDEX = 16 * 1024 * 1024
# Extensions of media that the network makes, by the one that `extension` says; any other one says nothing.
_SPELLINGS = {
    **{name: name for name in (".png", ".jpg", ".webp", ".gif", ".mp4", ".mov", ".webm", ".mkv", ".mp3", ".wav")},
    **{name: name for name in (".flac", ".m4a", ".ogg", ".glb")},
    ".jpeg": ".jpg",
    ".jpe": ".jpg",
    ".m4v": ".mp4",
    ".wave": ".wav",
    ".oga": ".ogg",
}


def says_otherwise(suffix: str, real: str) -> bool:
    """True when an extension names another kind of media than the real one."""
    said = _SPELLINGS.get(suffix.lower())
    return said is not None and said != _SPELLINGS.get(real, real)


def extension(file: BinaryIO) -> str | None:
    """The extension, with its dot, of an open file; None when its content is not known.

    Args:
        file: A seekable binary file; its position is moved.
    """
    file.seek(0)
    head = file.read(_HEAD)
    if head[:4] == b"glTF":
        return ".glb"
    if head[4:8] == b"ftyp":
        if head[8:10].lower() == b"qt":
            return ".mov"
        if _mp4_tracks(file) == {b"soun"}:
            return ".m4a"
    if head[:4] == b"OggS" and b"theora" in head:
        return ".ogv"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        only_sound = b"A_" in head and b"V_" not in head
        if b"webm" in head[:64]:
            return ".weba" if only_sound else ".webm"
        return ".mka" if only_sound else ".mkv"

    import filetype

    kind = filetype.guess(head)
    return f".{kind.extension}" if kind is not None else None


def _mp4_tracks(file: BinaryIO) -> set[bytes]:
    """Which kinds of tracks an MP4 has (`soun`, `vide`); its index may stand at its end."""
    size = file.seek(0, os.SEEK_END)
    position = 0
    while position + 8 <= size:
        file.seek(position)
        start = file.read(16)
        length = int.from_bytes(start[:4], "big")
        if length == 1:
            length = int.from_bytes(start[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8:
            break
        if start[4:8] == b"moov":
            file.seek(position)
            return _handlers(file.read(min(length, _LARGEST_INDEX)))
        position += length
    return set()


def _handlers(index: bytes) -> set[bytes]:
    """The types of all handler boxes: version and flags, a reserved word, then the type."""
    found = set()
    at = index.find(b"hdlr")
    while at >= 0:
        found.add(index[at + 12 : at + 16])
        at = index.find(b"hdlr", at + 4)
    return found & {b"soun", b"vide"}
