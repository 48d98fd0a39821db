"""Opening inputs: every kind that is accepted, and a clear refusal of every other one."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import ssl
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from PIL import Image

from sogni import errors
from sogni._io.http import Http
from sogni._io.source import Source, content_type, open_source

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100
DATA = bytes(range(256)) * 5000


def whole(source: Source) -> bytes:
    """Everything, read in odd pieces."""
    parts = []
    offset = 0
    while offset < source.size:
        piece = source.read_at(offset, 70_001)
        parts.append(bytes(piece))
        offset += len(piece)
    assert source.read_at(offset, 10) == b""
    return b"".join(parts)


def refused(value: object, text: str, **options: Any) -> errors.Problem:
    with pytest.raises(errors.ValidationError, match=text) as caught:
        open_source(value, "starting_image", **options)
    (problem,) = caught.value.problems
    assert problem.field == "starting_image"
    assert problem.message.startswith("starting_image ")
    return problem


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_bytes(make: Callable[[bytes], Any]) -> None:
    with open_source(make(DATA), "f") as source:
        assert source.size == len(DATA)
        assert source.head == DATA[:64]
        assert whole(source) == whole(source) == DATA
        assert source.sha256() == hashlib.sha256(DATA).hexdigest()
        assert source.filename is None
    assert "1280000 bytes" in repr(source)


def test_bytes_are_not_copied() -> None:
    buffer = bytearray(DATA)
    source = open_source(buffer, "f")
    buffer[100_000] = 7
    assert source.read_at(100_000, 1) == b"\x07"
    source.close()
    buffer.append(1)  # a closed source holds the buffer no more


def test_odd_memoryviews() -> None:
    import array

    assert whole(open_source(memoryview(b"abcdef")[::2], "f")) == b"ace"
    numbers = array.array("I", [1, 2])
    assert whole(open_source(memoryview(numbers), "f")) == numbers.tobytes()


class Pathy:
    def __init__(self, path: bytes) -> None:
        self.path = path

    def __fspath__(self) -> bytes:
        return self.path


@pytest.mark.parametrize("make", [str, Path, os.fsencode])
def test_paths(make: Callable[[Any], Any], tmp_path: Path) -> None:
    file = tmp_path / "a picture.png"
    file.write_bytes(DATA)
    value = make(str(file))
    if isinstance(value, bytes):
        value = Pathy(value)
    with open_source(value, "f") as source:
        assert (source.size, source.filename) == (len(DATA), "a picture.png")
        assert whole(source) == DATA
        assert source.sha256() == hashlib.sha256(DATA).hexdigest()
    source.close()


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "x.bin").write_bytes(b"x")
    with open_source("~/x.bin", "f") as source:
        assert source.size == 1


def test_a_path_is_not_read_whole(tmp_path: Path) -> None:
    import tracemalloc

    file = tmp_path / "big"
    with file.open("wb") as out:
        out.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    with open_source(file, "f") as source:
        source.sha256()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    refused(str(tmp_path / "missing.png"), "does not exist: .*missing.png")
    refused(tmp_path, "is a folder")
    refused("a\0b", "is not a path")
    (tmp_path / "empty").touch()
    problem = refused(tmp_path / "empty", "is empty")
    assert problem.value == tmp_path / "empty"
    refused(tmp_path / "empty" / "below", "cannot be read")
    refused("x" * 5000, "cannot be read")
    refused("", "does not exist")
    closed = tmp_path / "closed"
    closed.write_bytes(b"x")
    closed.chmod(0)
    if not os.access(closed, os.R_OK):
        refused(closed, "Permission denied")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this file system")
def test_a_named_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(DATA), daemon=True)
    writer.start()
    with open_source(pipe, "f") as source:
        assert whole(source) == whole(source) == DATA
    writer.join(5)


def test_a_file_that_becomes_shorter(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(DATA)
    with open_source(file, "f") as source:
        os.truncate(file, 100)
        with pytest.raises(errors.TransferError, match="f became shorter") as caught:
            whole(source)
        assert not caught.value.retryable
    with pytest.raises(errors.TransferError, match="could not be read"):
        source.read_at(0, 10)


def test_hashing_can_be_given_up() -> None:
    with pytest.raises(errors.TransferError, match="given up"):
        open_source(DATA, "f").sha256(lambda: True)


def test_open_files_from_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"skip" + DATA)
    with path.open("rb") as file:
        file.seek(4)
        source = open_source(file, "f")
        assert (source.size, source.filename, file.tell()) == (len(DATA), "photo.jpg", 4)
        assert whole(source) == DATA
        source.close()
        assert not file.closed
        file.seek(0, os.SEEK_END)
        refused(file, "is empty")


def test_one_open_file_for_two_slots() -> None:
    file = io.BytesIO(DATA)
    sources = [open_source(file, "f") for _ in range(4)]
    found: list[str] = []
    threads = [threading.Thread(target=lambda s=s: found.append(s.sha256())) for s in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [hashlib.sha256(DATA).hexdigest()] * 4


def test_files_of_many_kinds(tmp_path: Path) -> None:
    with tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(DATA)
        spooled.seek(0)
        assert whole(open_source(spooled, "f")) == DATA
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("inner.png", DATA)
    with zipfile.ZipFile(archive) as packed, packed.open("inner.png") as inner:
        assert whole(open_source(inner, "f")) == DATA
    (tmp_path / "a.gz").write_bytes(gzip.compress(DATA))
    with gzip.open(tmp_path / "a.gz") as unpacked:
        assert whole(open_source(unpacked, "f")) == DATA


class Stream:
    """What comes from a socket: no seeking."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)

    def read(self, amount: int = -1) -> bytes:
        return self.file.read(min(amount, 1000) if amount > 0 else amount)


class LyingStream(Stream):
    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        raise OSError("not really")


class UnseekableStream(Stream):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("make", [Stream, LyingStream, UnseekableStream])
def test_streams_are_spooled(make: type[Stream]) -> None:
    with open_source(make(DATA), "f") as source:
        assert whole(source) == whole(source) == DATA


class BreakingStream(Stream):
    def read(self, amount: int = -1) -> bytes:
        if amount > 0:
            raise OSError("broken")
        return b""


def test_a_stream_that_breaks() -> None:
    refused(BreakingStream(b""), "cannot be read: OSError")


class Coroutine:
    def close(self) -> None:
        pass


class Strange:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def read(self, amount: int = -1) -> Any:
        return self.answer


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    refused(io.StringIO("text"), "text mode")
    (tmp_path / "t").write_text("text")
    with (tmp_path / "t").open() as text:
        assert "'rb'" in str(refused(text, "text mode"))
    with (tmp_path / "t").open("wb") as out:
        refused(out, "cannot be read: UnsupportedOperation")
    refused(out, "it is closed")
    refused(Strange(None), "read\\(\\) gives NoneType")
    refused(Strange(Coroutine()), "read\\(\\) gives Coroutine")
    refused(Strange("text"), "read\\(\\) gives str")


@pytest.mark.parametrize(
    ("mode", "back"),
    [
        ("RGB", "RGB"),
        ("RGBA", "RGBA"),
        ("L", "L"),
        ("P", "P"),
        ("CMYK", "RGB"),
        ("La", "LA"),
        ("PA", "RGBA"),
        ("HSV", "RGB"),
    ],
)
def test_pictures(mode: str, back: str) -> None:
    first = {"La": "LA", "RGBA": "RGBA", "PA": "P"}.get(mode, "RGB")
    picture = Image.new(first, (8, 5)).convert(mode)
    with open_source(picture, "f") as source:
        assert source.head.startswith(b"\x89PNG")
        with Image.open(io.BytesIO(whole(source))) as again:
            assert (again.size, again.mode) == ((8, 5), back)


def test_a_turned_picture_stays_turned() -> None:
    picture = Image.new("RGB", (8, 5))
    picture.getexif()[274] = 6
    with open_source(picture, "f") as source, Image.open(io.BytesIO(whole(source))) as again:
        assert again.size == (8, 5)


def test_a_picture_whose_file_is_gone(tmp_path: Path) -> None:
    Image.new("RGB", (8, 5)).save(tmp_path / "x.png")
    picture = Image.open(tmp_path / "x.png")
    picture.close()
    refused(picture, "cannot be encoded")


class Opens:
    def __init__(self, value: Any) -> None:
        self.value = value

    def open(self) -> Any:
        return self.value


def test_whatever_opens() -> None:
    file = io.BytesIO(DATA)
    with open_source(Opens(file), "f") as source:
        assert whole(source) == DATA
    assert file.closed
    with open_source(Opens(Stream(DATA)), "f") as source:
        assert whole(source) == DATA
    refused(Opens(Coroutine()), "opens as a Coroutine")
    refused(Opens(5), "opens as a int")


Opens.close = Stream.close = lambda self: None  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [None, True, 5, 1.5, [b"x"], {"a": 1}, object()])
def test_no_inputs(value: object) -> None:
    assert "a path, bytes" in str(refused(value, f"cannot be a {type(value).__name__}"))


def test_nothing_is_empty() -> None:
    for value in (b"", bytearray(), io.BytesIO(), Stream(b"")):
        refused(value, "is empty")


@pytest.mark.parametrize(
    "url",
    [
        "http://h/x.png",
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        "ftp://h/x",
        "s3://b/k",
        " HTTP://h/x?sig=1",
    ],
)
def test_other_addresses_are_refused(url: str, make_http: Callable[..., Http]) -> None:
    problem = refused(url, "cannot be this address", http=make_http("http://127.0.0.1:1"))
    assert "sig=1" not in problem.message
    refused("https://h/x.png", "cannot be this address")


@pytest.mark.parametrize(
    ("data", "name", "slot", "found"),
    [
        (PNG, None, "startingImage", "image/png"),
        (PNG, "wrong.jpg", "startingImage", "image/png"),
        (b"unknown", "song.mp3", "referenceAudio", "audio/mpeg"),
        (b"unknown", "x.txt", "startingImage", None),
        (b"unknown", "x.png.gz", "startingImage", None),
        (b"unknown", None, "startingImage", None),
        (b"OggS" + b"\0" * 20, None, "referenceVideo2", "video/ogg"),
        (b"OggS" + b"\0" * 20, None, "referenceAudio3", "audio/ogg"),
        (b"\x1aE\xdf\xa3" + b"\0" * 20, None, "referenceAudio", "audio/webm"),
        (b"\x1aE\xdf\xa3" + b"\0" * 20, None, "cnImage", "video/webm"),
    ],
)
def test_content_types(data: bytes, name: str | None, slot: str, found: str | None, tmp_path: Path) -> None:
    if name is not None:
        (tmp_path / name).write_bytes(data)
    with open_source(data if name is None else tmp_path / name, "f") as source:
        assert content_type(source, slot) == found


# --- https ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def secure(site: Any, make_http: Callable[..., Http]) -> tuple[str, Http]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    url = site.url.replace("http", "https")
    return url, make_http(url, verify=trusting)


def test_an_address_is_fetched_without_credentials(secure: tuple[str, Http], site: Any, tools: Any) -> None:
    url, http = secure
    site.routes["/pictures/a%20b.png"] = tools.Reply(DATA)
    with open_source(f"{url}/pictures/a b.png?size=1", "f", http=http) as source:
        assert whole(source) == DATA
        assert source.filename in {"a%20b.png", "a b.png"}
    (seen,) = site.seen
    assert seen.query == {"size": "1"}
    assert not {"api-key", "authorization", "cookie"} & set(seen.headers)


def test_redirects_between_encrypted_places(secure: tuple[str, Http], site: Any, tools: Any) -> None:
    url, http = secure
    site.routes["/old"] = tools.Reply(b"", 302, {"Location": "/new"})
    site.routes["/new"] = tools.Reply(DATA)
    site.routes["/plain"] = tools.Reply(b"", 302, {"Location": "http://127.0.0.1:1/x"})
    site.routes["/loop"] = tools.Reply(b"", 302, {"Location": "/loop"})
    site.routes["/nowhere"] = tools.Reply(b"", 302)
    site.routes["/bad"] = tools.Reply(b"", 302, {"Location": "https://[bad/"})
    with open_source(f"{url}/old", "f", http=http) as source:
        assert source.size == len(DATA)
    refused(f"{url}/plain", "cannot be fetched from 127.0.0.1:1/x", http=http)
    refused(f"{url}/loop", "points elsewhere too often", http=http)
    refused(f"{url}/nowhere", "HTTP 302", http=http)
    refused(f"{url}/bad", "points elsewhere", http=http)


def test_an_address_that_answers_no(secure: tuple[str, Http], site: Any, tools: Any) -> None:
    url, http = secure
    problem = refused(f"{url}/missing?token=abc", "could not be fetched from .*HTTP 404", http=http)
    assert "abc" not in problem.message
    refused(f"https://user:pw@{url[8:]}/x", "cannot be fetched", http=http)
    refused("https://[bad/x", "cannot be fetched|is not an address", http=http)


@pytest.mark.parametrize("declared", [True, False])
def test_an_address_that_is_too_large(secure: tuple[str, Http], site: Any, tools: Any, declared: bool) -> None:
    url, http = secure
    headers = {} if declared else {"Transfer-Encoding": "chunked"}
    body = DATA if declared else b"%x\r\n%s\r\n0\r\n\r\n" % (len(DATA), DATA)
    site.routes["/x"] = tools.Reply(body, headers=headers)
    refused(f"{url}/x", "is larger than 1 MiB", http=http, limit=1024 * 1024)
    with open_source(f"{url}/x", "f", http=http) as source:
        assert source.size == len(DATA)


def test_an_address_that_is_not_there(make_http: Callable[..., Http]) -> None:
    with pytest.raises(errors.ConnectFailed):
        open_source("https://127.0.0.1:1/x", "f", http=make_http("https://127.0.0.1:1"))
    with pytest.raises(errors.ConfigError, match="sandbox"):
        open_source("https://pictures.example/x", "f", http=make_http("http://127.0.0.1:1", loopback_only=True))
