"""The extension that fits what a file really is."""

from __future__ import annotations

import io

import pytest

from sogni._io.content import extension


def box(kind: bytes, content: bytes = b"", *, large: bool = False) -> bytes:
    if large:
        return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8, "big") + content
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def track(kind: bytes) -> bytes:
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + kind + bytes(12))))


def mp4(*kinds: bytes, brand: bytes = b"isom", last: bool = False, large: bool = False) -> bytes:
    start = box(b"ftyp", brand + bytes(4) + b"isomiso2mp41")
    index = box(b"moov", box(b"mvhd", bytes(100)) + b"".join(track(kind) for kind in kinds))
    data = box(b"mdat", bytes(20_000), large=large)
    return start + (data + index if last else index + data)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(20), ".jpg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), ".png"),
        (b"GIF89a" + bytes(20), ".gif"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(20), ".webp"),
        (b"RIFF\0\0\0\0WAVEfmt " + bytes(20), ".wav"),
        (b"ID3\x04" + bytes(20), ".mp3"),
        (b"\xff\xfb\x90" + bytes(20), ".mp3"),
        (b"fLaC" + bytes(20), ".flac"),
        (b"OggS" + bytes(20), ".ogg"),
        (b"OggS" + bytes(24) + b"\x80theora", ".ogv"),
        (b"glTF\2\0\0\0" + bytes(20), ".glb"),
        (mp4(b"vide"), ".mp4"),
        (mp4(b"vide", b"soun"), ".mp4"),
        (mp4(b"soun"), ".m4a"),
        (mp4(b"soun", last=True), ".m4a"),
        (mp4(b"soun", last=True, large=True), ".m4a"),
        (mp4(b"soun", b"vide", last=True, large=True), ".mp4"),
        (mp4(b"vide", brand=b"qt  "), ".mov"),
        (mp4(brand=b"M4A "), ".m4a"),
        (b"\x1a\x45\xdf\xa3" + bytes(10) + b"webm" + b"\x83A_OPUS" + bytes(10), ".weba"),
        (b"\x1a\x45\xdf\xa3\x42\x82\x88webm" + bytes(10) + b"V_VP9A_OPUS", ".webm"),
        (b"\x1a\x45\xdf\xa3\x42\x82\x88matroska" + bytes(10) + b"V_VP9", ".mkv"),
        (b"\x1a\x45\xdf\xa3\x42\x82\x88matroska" + bytes(10) + b"A_AAC", ".mka"),
        (b"plain text", None),
        (b"", None),
    ],
)
def test_extension(content: bytes, found: str | None) -> None:
    assert extension(io.BytesIO(content)) == found


@pytest.mark.parametrize("tail", [b"", b"\0\0\0\3mdat", b"\0\0\0\0mdat" + bytes(50), box(b"free") * 3 + b"\0\0\0"])
def test_broken_containers_do_not_hang(tail: bytes) -> None:
    assert extension(io.BytesIO(box(b"ftyp", b"isom" + bytes(4) + b"isommp41") + tail)) == ".mp4"
