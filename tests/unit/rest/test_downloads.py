"""Downloads over real sockets: complete or not there at all, resumed, renewed, named by content, never overwriting."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sogni import errors
from sogni._deadline import Deadline
from sogni._io import downloads
from sogni._io.http import Http
from sogni._io.transfer import (
    Fetch,
    GivenUp,
    download,
    fetch_bytes,
    fetch_file,
    iter_bytes,
    safe_name,
)
from sogni.errors import StorageError
from sogni.types.settings import Retries

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(range(256)) * 8000

Make = Callable[..., Http]


def at(site: Any, path: str = "/m") -> Callable[[bool], str]:
    return lambda fresh: f"{site.url}{path}?sig=geheim"


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


class Store:
    """A media store that knows ranges, breaks on demand and can change its mind."""

    def __init__(self, content: bytes, tools: Any, *, ranges: bool = True, tag: str | None = '"v1"') -> None:
        self.content, self.tools, self.ranges, self.tag = content, tools, ranges, tag
        self.breaks: list[int | None] = []
        self.requests: list[str] = []

    def __call__(self, connection: socket.socket, number: int) -> None:
        head = self.tools.read_head(connection).decode()
        self.requests.append(head)
        match = re.search(r"(?i)^range: bytes=(\d+)-", head, re.MULTILINE)
        start = int(match[1]) if match and self.ranges else 0
        stop = self.breaks.pop(0) if self.breaks else None
        lines = [f"HTTP/1.1 {'206 Partial Content' if match and self.ranges else '200 OK'}"]
        if match and self.ranges:
            lines.append(f"Content-Range: bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        lines.append("Connection: close")
        if self.tag is not None:
            lines.append(f"ETag: {self.tag}")
        lines.append(f"Content-Length: {len(self.content) - start}")
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + self.content[start:stop])


# --- saving ---------------------------------------------------------------------------------------------------------


def test_into_a_folder(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    assert download(make_http(site.url), at(site), tmp_path, "a-cat-7") == tmp_path / "a-cat-7.png"


def test_a_folder_by_its_slash(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    told: list[tuple[int, int | None]] = []
    http = make_http(site.url)
    path = download(http, at(site), f"{tmp_path}/out/", "a-cat-7", progress=lambda d, t: told.append((d, t)))
    assert path == tmp_path / "out" / "a-cat-7.png"
    assert path.read_bytes() == PNG
    assert files(tmp_path / "out") == ["a-cat-7.png"]
    assert told == sorted(told)
    assert told[-1] == (len(PNG), len(PNG))
    (seen,) = site.seen
    assert set(seen.headers) == {"host", "accept-encoding", "user-agent"}
    assert seen.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("", "stem.png"),
        ("x.webp", "x.png"),
        ("x.JPEG", "x.png"),
        ("x.PNG", "x.PNG"),
        ("x", "x.png"),
        ("sub/x.y.z", "sub/x.y.z"),
        ("archive.tar", "archive.tar"),
    ],
)
def test_file_names(site: Any, make_http: Make, tools: Any, tmp_path: Path, target: str, name: str) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    assert download(make_http(site.url), at(site), tmp_path / target, "stem") == tmp_path / name


def test_home(site: Any, make_http: Make, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    site.routes["/m"] = tools.Reply(PNG)
    assert download(make_http(site.url), at(site), "~/x.png", "stem") == tmp_path / "x.png"


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_usual_permissions(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    (tmp_path / "mine").touch()
    path = download(make_http(site.url), at(site), tmp_path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "mine").stat().st_mode)


@pytest.mark.parametrize("links", [True, False])
def test_taken_names(
    site: Any, make_http: Make, tools: Any, tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:

        def no_links(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr(os, "link", no_links)
    site.routes["/m"] = tools.Reply(PNG)
    http = make_http(site.url)
    (tmp_path / "x.png").write_bytes(b"old")
    (tmp_path / "x-2.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "x-3.png").mkdir()
    assert download(http, at(site), tmp_path, "x").name == "x-4.png"
    assert download(http, at(site), tmp_path / "x.png", "-").name == "x-5.png"
    assert (tmp_path / "x.png").read_bytes() == b"old"
    assert not (tmp_path / "nowhere").exists()
    assert download(http, at(site), tmp_path, "x", overwrite=True).name == "x.png"
    assert (tmp_path / "x.png").read_bytes() == PNG
    assert not [name for name in files(tmp_path) if name.startswith(".")]


def test_many_at_once_under_one_name(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    http = make_http(site.url)
    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(download(http, at(site), tmp_path, "x"))) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(path.name for path in paths) == sorted(["x.png", *(f"x-{n}.png" for n in range(2, 13))])
    assert all(path.read_bytes() == PNG for path in paths)
    assert len(files(tmp_path)) == 12


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("a/b\\c", "a-b-c"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ("..", "media"),
        ("", "media"),
        ("CON", "media-CON"),
        ("a:b*?\n\x00c", "a-b-c"),
        ("x" * 500, "x" * 120),
        ("caf\u00e9", "caf\u00e9"),
    ],
)
def test_safe_names(stem: str, name: str) -> None:
    assert safe_name(stem) == name


def test_unknown_content(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(b"what is this")
    http = make_http(site.url)
    assert download(http, at(site), tmp_path, "x").name == "x.bin"
    assert download(http, at(site), tmp_path, "x", fallback=".mp3").name == "x.mp3"


# --- failures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 410, 500])
def test_a_refusal_touches_nothing(site: Any, make_http: Make, tools: Any, tmp_path: Path, status: int) -> None:
    site.routes["/m"] = tools.Reply(b"<Error><Code>NoSuchKey</Code><Url>?sig=geheim</Url></Error>", status)
    with pytest.raises(errors.ApiError, match="NoSuchKey") as caught:
        download(make_http(site.url), at(site), tmp_path / "new", "x")
    assert caught.value.status == status
    assert "geheim" not in str(caught.value)
    assert files(tmp_path) == []


def test_an_empty_answer(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(b"")
    with pytest.raises(errors.TransferError, match="empty"):
        download(make_http(site.url), at(site), tmp_path, "x")
    assert files(tmp_path) == []


def test_a_store_that_always_breaks(make_http: Make, rude: Any, tools: Any, tmp_path: Path) -> None:
    store = Store(PNG, tools)
    store.breaks = [10] * 99
    server = rude(store)
    with pytest.raises(errors.ConnectionLost):
        download(make_http(server.url), at(server), tmp_path, "x")
    assert files(tmp_path) == []
    assert server.count <= 8


def test_giving_up_leaves_nothing(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    answers = iter([False, False, True])
    with pytest.raises(GivenUp):
        download(make_http(site.url), at(site), tmp_path, "x", cancelled=lambda: next(answers))
    assert files(tmp_path) == []


def test_ctrl_c_leaves_nothing(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(PNG)

    def stop(done: int, _: int | None) -> None:
        if done > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(make_http(site.url), at(site), tmp_path, "x", progress=stop)
    assert files(tmp_path) == []


def test_a_deadline_leaves_nothing(make_http: Make, rude: Any, tools: Any, tmp_path: Path) -> None:
    release = threading.Event()

    def script(connection: socket.socket, _: int) -> None:
        tools.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + PNG)
        release.wait(10)

    server = rude(script)
    try:
        with pytest.raises(errors.WaitTimeout):
            download(make_http(server.url), at(server), tmp_path, "x", deadline=Deadline(0.2))
    finally:
        release.set()
    assert files(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk(site: Any, make_http: Make, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.routes["/m"] = tools.Reply(PNG)

    def full(folder: Path) -> Any:
        path = folder / ".sogni-test.part"
        path.symlink_to("/dev/full")
        return path, path.open("r+b", buffering=0)

    monkeypatch.setattr(downloads, "_part", full)
    with pytest.raises(StorageError, match="x could not be written: No space left") as caught:
        download(make_http(site.url), at(site), tmp_path, "x")
    assert caught.value.errno == errno.ENOSPC
    assert isinstance(caught.value, errors.TransferError)
    assert isinstance(caught.value.__cause__, OSError)
    assert str(tmp_path) in str(caught.value)
    assert not caught.value.retryable
    assert files(tmp_path) == []


FULL = """
import resource, signal, sys, pathlib
sys.path.insert(0, sys.argv[3])
from sogni import errors
from sogni._io.credentials import Credentials
from sogni._io.http import Http
from sogni._io.transfer import download
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
http = Http(sys.argv[1], "ws://127.0.0.1:1", Credentials("a-test-key"))
try:
    download(http, lambda fresh: sys.argv[1] + "/m", sys.argv[2], "x")
except errors.TransferError as error:
    print(type(error).__name__, error.errno, sorted(p.name for p in pathlib.Path(sys.argv[2]).iterdir()))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_disk_that_fills_on_the_way(site: Any, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", FULL, site.url, str(tmp_path), root], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == f"StorageError {errno.EFBIG} []", done.stderr


def test_places_that_cannot_be_written(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    http = make_http(site.url)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(StorageError, match="file"):
        download(http, at(site), tmp_path / "file" / "below.png", "x")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(StorageError):
        download(http, at(site), f"{tmp_path}/{'y' * 300}.png", "x")
    assert files(tmp_path) == ["file", "folder.png"]
    if sys.platform == "linux":
        with pytest.raises(StorageError, match="/proc"):
            download(http, at(site), "/proc/x.png", "x")


def test_overwriting_a_folder_fails_cleanly(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    (tmp_path / "x.png").mkdir()
    (tmp_path / "x.png" / "kept").touch()
    with pytest.raises(StorageError, match=r"x\.png"):
        download(make_http(site.url), at(site), tmp_path, "x", overwrite=True)
    assert files(tmp_path) == ["x.png"]


def test_a_publication_that_fails_leaves_no_reservation(
    site: Any, make_http: Make, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    site.routes["/m"] = tools.Reply(PNG)
    with pytest.raises(StorageError, match="Read-only"):
        download(make_http(site.url), at(site), tmp_path, "x")
    assert files(tmp_path) == []


# --- resuming -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranges", [True, False])
def test_it_goes_on_where_it_broke(make_http: Make, rude: Any, tools: Any, tmp_path: Path, ranges: bool) -> None:
    store = Store(PNG, tools, ranges=ranges)
    store.breaks = [300_000, 700_000, 1_500_000]
    server = rude(store)
    told: list[int] = []
    path = download(make_http(server.url), at(server), tmp_path, "x", progress=lambda done, _: told.append(done))
    assert path.read_bytes() == PNG
    assert server.count == 4
    assert told == sorted(set(told))
    assert "range" not in store.requests[0].lower()
    assert all('If-Range: "v1"' in request for request in store.requests[1:])


def test_weak_tags_are_no_proof(make_http: Make, rude: Any, tools: Any) -> None:
    store = Store(PNG, tools, tag='W/"v1"')
    store.breaks = [300_000]
    server = rude(store)
    assert fetch_bytes(make_http(server.url), at(server)) == PNG
    assert "if-range" not in store.requests[1].lower()


@pytest.mark.parametrize("change", ["tag", "size"])
def test_other_content_is_not_glued_on(make_http: Make, rude: Any, tools: Any, tmp_path: Path, change: str) -> None:
    store = Store(PNG, tools, ranges=False)
    store.breaks = [300_000]

    def script(connection: socket.socket, number: int) -> None:
        if number == 2:
            store.tag = '"v2"' if change == "tag" else store.tag
            store.content = PNG + b"x" if change == "size" else PNG
        store(connection, number)

    server = rude(script)
    with pytest.raises(errors.TransferError, match="changed"):
        download(make_http(server.url), at(server), tmp_path, "x")
    assert files(tmp_path) == []


def test_less_than_before(make_http: Make, rude: Any, tools: Any) -> None:
    body = b"%x\r\n%s\r\n" % (len(PNG), PNG)

    def script(connection: socket.socket, number: int) -> None:
        tools.read_head(connection)
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + (body[:300_000] if number == 1 else b"3\r\nabc\r\n0\r\n\r\n"))

    server = rude(script)
    with pytest.raises(errors.ConnectionLost, match="less than before"):
        fetch_bytes(make_http(server.url), at(server))


def test_a_connection_that_is_refused_later(make_http: Make, rude: Any, tools: Any) -> None:
    store = Store(PNG, tools)
    store.breaks = [300_000]
    server = rude(lambda connection, number: store(connection, number) if number == 1 else None)
    with pytest.raises(errors.ConnectionLost):
        fetch_bytes(make_http(server.url), at(server))
    assert server.count == 5


@pytest.mark.parametrize("header", ["Content-Range: bytes 5-9/10", "Content-Range: nonsense", "X: y"])
def test_another_part_than_asked_for(make_http: Make, rude: Any, tools: Any, header: str) -> None:
    store = Store(PNG, tools)
    store.breaks = [300_000]

    def script(connection: socket.socket, number: int) -> None:
        if number == 1:
            return store(connection, number)
        tools.read_head(connection)
        connection.sendall(f"HTTP/1.1 206 Partial Content\r\n{header}\r\nContent-Length: 5\r\n\r\nabcde".encode())
        return None

    server = rude(script)
    with pytest.raises(errors.TransferError, match="another part"):
        fetch_bytes(make_http(server.url), at(server))


def test_a_busy_store_is_asked_again(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/m"] = [tools.Reply(b"", 503), tools.Reply(b"", 429), tools.Reply(PNG)]
    assert fetch_bytes(make_http(site.url), at(site)) == PNG
    assert len(site.seen) == 3


def test_a_busy_service_is_not_asked_sixteen_times(site: Any, make_http: Make, tools: Any) -> None:
    asked: list[bool] = []

    def supply(fresh: bool) -> str:
        asked.append(fresh)
        raise errors.ServerError("busy", status=503)

    with pytest.raises(errors.ServerError):
        fetch_bytes(make_http(site.url), supply)
    assert asked == [False]


# --- URLs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_stale_address_is_renewed_once(site: Any, make_http: Make, tools: Any, status: int) -> None:
    site.routes["/old"] = tools.Reply(b"", status)
    site.routes["/new"] = tools.Reply(PNG)
    asked: list[bool] = []

    def supply(fresh: bool) -> str:
        asked.append(fresh)
        path: str = site.url + ("/new" if fresh else "/old")
        return path

    assert fetch_bytes(make_http(site.url), supply) == PNG
    assert asked == [False, True]
    asked.clear()
    with pytest.raises(errors.ApiError):
        fetch_bytes(make_http(site.url), lambda fresh: asked.append(fresh) or f"{site.url}/old")  # type: ignore[func-returns-value]
    assert asked == [False, True]


def test_an_address_that_runs_out_on_the_way(make_http: Make, rude: Any, tools: Any) -> None:
    store = Store(PNG, tools)
    store.breaks = [300_000, None]

    def script(connection: socket.socket, number: int) -> None:
        if number == 2:
            tools.read_head(connection)
            return connection.sendall(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        return store(connection, number)

    server = rude(script)
    asked: list[bool] = []
    found = fetch_bytes(make_http(server.url), lambda fresh: asked.append(fresh) or f"{server.url}/m")  # type: ignore[func-returns-value]
    assert found == PNG
    assert asked == [False, True]


def test_hosts_that_point_elsewhere(site: Any, other_site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/m"] = tools.Reply(b"", 302, {"Location": f"{other_site.url}/there"})
    site.routes["/loop"] = tools.Reply(b"", 302, {"Location": "/loop"})
    other_site.routes["/there"] = tools.Reply(PNG)
    http = make_http(site.url)
    assert fetch_bytes(http, at(site)) == PNG
    assert not {"api-key", "authorization"} & set(other_site.seen[0].headers)
    with pytest.raises(errors.ApiError, match="302"):
        fetch_bytes(http, at(site, "/loop"))


# --- other ways to read ---------------------------------------------------------------------------------------------


def test_pieces(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/m"] = tools.Reply(PNG, headers={"Content-Type": "image/png"})
    pieces = iter_bytes(make_http(site.url), at(site))
    assert isinstance(pieces, Fetch)
    found = []
    while (piece := pieces.next_chunk()) is not None:
        found.append(piece)
    assert b"".join(found) == PNG
    assert {len(piece) for piece in found[:-1]} == {256 * 1024}
    assert pieces.next_chunk() is None
    assert (pieces.total, pieces.content_type) == (len(PNG), "image/png")
    pieces.close()


def test_leaving_early(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    with iter_bytes(make_http(site.url), at(site)) as pieces:
        assert pieces.next_chunk()
    assert pieces.next_chunk() is None


def test_without_a_length(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PNG), PNG)
    site.routes["/m"] = tools.Reply(body, headers={"Transfer-Encoding": "chunked"})
    told: list[int | None] = []
    path = download(make_http(site.url), at(site), tmp_path, "x", progress=lambda _, total: told.append(total))
    assert path.read_bytes() == PNG
    assert set(told) == {None}


def test_compressed_all_the_same(site: Any, make_http: Make, tools: Any) -> None:
    import gzip

    site.routes["/m"] = tools.Reply(gzip.compress(PNG), headers={"Content-Encoding": "gzip"})
    assert fetch_bytes(make_http(site.url), at(site)) == PNG


def test_in_memory_within_a_limit(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/m"] = tools.Reply(PNG)
    http = make_http(site.url)
    assert fetch_bytes(http, at(site), limit=len(PNG)) == PNG
    with pytest.raises(errors.TransferError, match="larger"):
        fetch_bytes(http, at(site), limit=len(PNG) - 1)


@pytest.mark.parametrize("size", [100, 9_000_000])
def test_as_a_file(site: Any, make_http: Make, tools: Any, size: int) -> None:
    site.routes["/m"] = tools.Reply(bytes(size))
    with fetch_file(make_http(site.url), at(site)) as file:
        assert file.tell() == 0
        assert len(file.read()) == size
        file.seek(-1, os.SEEK_END)
        assert file.read() == b"\0"


def test_as_a_file_that_fails(site: Any, make_http: Make) -> None:
    with pytest.raises(errors.ApiError):
        fetch_file(make_http(site.url, retries=Retries(tries=1)), at(site))


def test_memory_stays_small(make_http: Make, rude: Any, tools: Any, tmp_path: Path) -> None:
    import tracemalloc

    size = 64 * 1024 * 1024

    def script(connection: socket.socket, _: int) -> None:
        tools.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        piece = bytes(65536)
        for _ in range(size // len(piece)):
            connection.sendall(piece)

    server = rude(script)
    http = make_http(server.url)
    tracemalloc.start()
    path = download(http, at(server), tmp_path, "x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size == size
    assert peak < 4 * 1024 * 1024
