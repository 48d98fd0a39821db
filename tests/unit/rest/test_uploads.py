"""Uploads over real sockets: exact headers, large pieces, tries from the start, and the pool of threads."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sogni import errors
from sogni._deadline import Deadline
from sogni._io.http import Http
from sogni._io.transfer import ExpiredUrl, GivenUp, UploadPool, open_source, send, upload
from sogni.types.settings import Timeouts

DATA = bytes(range(256)) * 8000  # eight pieces
SIGNED = "/put?X-Amz-Signature=geheim"

Make = Callable[..., Http]


@pytest.mark.parametrize("kind", ["image/png", None])
def test_what_goes_out(site: Any, make_http: Make, tools: Any, kind: str | None) -> None:
    site.routes["/put"] = tools.Reply(b"")
    told: list[tuple[int, int | None]] = []
    with open_source(DATA, "f") as source:
        upload(make_http(site.url), site.url + SIGNED, source, kind, lambda done, total: told.append((done, total)))
    (seen,) = site.seen
    assert seen.method == "PUT"
    assert seen.raw_path == SIGNED
    assert seen.body == DATA
    assert seen.headers["content-length"] == str(len(DATA))
    assert seen.headers.get("content-type") == kind
    assert set(seen.headers) <= {"host", "content-length", "content-type", "accept-encoding", "user-agent"}
    assert told[0] == (0, len(DATA))
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)
    assert len(told) <= 10


def test_exact_headers(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/put"] = tools.Reply(b"")
    headers = {"Content-Type": "image/png", "x-amz-checksum-sha256": "abc", "if-none-match": "*"}
    with open_source(DATA, "f") as source:
        upload(make_http(site.url), site.url + "/put", source, None, headers=headers)
    assert {name.lower(): value for name, value in headers.items()}.items() <= site.seen[0].headers.items()


@pytest.mark.parametrize("status", [200, 201, 204, 412])
def test_good_answers(site: Any, make_http: Make, tools: Any, status: int) -> None:
    site.routes["/put"] = tools.Reply(b"", status)
    http = make_http(site.url)
    with open_source(DATA, "f") as source:
        for _ in range(3):
            upload(http, site.url + "/put", source, None)
    assert site.connections == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_store_is_asked_again(site: Any, make_http: Make, tools: Any, status: int) -> None:
    site.routes["/put"] = [tools.Reply(b"<Error/>", status), tools.Reply(b"")]
    with open_source(io.BytesIO(DATA), "f") as source:
        upload(make_http(site.url), site.url + "/put", source, None)
    assert [seen.body == DATA for seen in site.seen] == [True, True]


@pytest.mark.parametrize(
    ("status", "kind", "tries"),
    [
        (400, errors.ApiError, 1),
        (404, errors.ApiError, 1),
        (413, errors.ApiError, 1),
        (503, errors.ServerError, 4),
        (429, errors.RateLimited, 4),
        (302, errors.ApiError, 1),
    ],
)
def test_refusals(site: Any, make_http: Make, tools: Any, status: int, kind: type[errors.ApiError], tries: int) -> None:
    body = b"<Error><Code>SomeWord</Code><StringToSign>geheim</StringToSign></Error>"
    site.routes["/put"] = tools.Reply(body, status, {"Location": "http://127.0.0.1:1/"})
    with open_source(DATA, "f") as source, pytest.raises(kind, match=f"HTTP {status} .*SomeWord") as caught:
        upload(make_http(site.url), site.url + SIGNED, source, None)
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.error_code) == (status, "SomeWord")
    assert "geheim" not in str(caught.value)
    assert len(site.seen) == tries


@pytest.mark.parametrize(("status", "body"), [(403, b""), (401, b""), (410, b""), (400, b"<Code>ExpiredToken</Code>")])
def test_an_expired_address(site: Any, make_http: Make, tools: Any, status: int, body: bytes) -> None:
    site.routes["/old"] = tools.Reply(body, status)
    site.routes["/new"] = tools.Reply(b"")
    http = make_http(site.url)
    with open_source(DATA, "f") as source:
        with pytest.raises(ExpiredUrl):
            upload(http, site.url + "/old", source, None)
        urls = iter([site.url + "/old", site.url + "/new"])
        send(http, lambda: next(urls), source, None)
        with pytest.raises(errors.ApiError) as caught:
            send(http, lambda: site.url + "/old", source, None)
    assert caught.value.status == status
    assert site.paths() == ["/old", "/old", "/new", "/old", "/old"]


def test_a_connection_that_breaks(make_http: Make, rude: Any, tools: Any) -> None:
    got: list[int] = []

    def script(connection: socket.socket, number: int) -> None:
        data = tools.read_head(connection)
        _, _, body = data.partition(b"\r\n\r\n")
        size = len(body)
        if number == 1:
            connection.recv(1000)
            return
        while size < len(DATA):
            size += len(connection.recv(65536))
        got.append(size)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = rude(script)
    told: list[int] = []
    with open_source(DATA, "f") as source:
        upload(make_http(server.url), server.url + "/put", source, None, lambda done, _: told.append(done))
    assert server.count == 2
    assert got == [len(DATA)]
    assert told == sorted(set(told))


def test_success_before_the_end_is_none(make_http: Make, rude: Any, tools: Any) -> None:
    def script(connection: socket.socket, number: int) -> None:
        tools.read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_RD)

    server = rude(script)
    with open_source(bytes(50_000_000), "f") as source, pytest.raises(errors.ConnectionLost):
        upload(make_http(server.url), server.url + "/put", source, None)
    assert server.count == 4


def test_a_store_that_does_not_read(make_http: Make, rude: Any, tools: Any) -> None:
    release = threading.Event()

    def script(connection: socket.socket, _: int) -> None:
        tools.read_head(connection)
        release.wait(10)

    server = rude(script)
    http = make_http(server.url, timeouts=Timeouts(connect=1, read=1, transfer=0.2))
    with open_source(bytes(50_000_000), "f") as source:
        try:
            with pytest.raises(errors.WaitTimeout):
                upload(http, server.url + "/put", source, None, deadline=Deadline(0.1))
            with pytest.raises(errors.ConnectionLost):
                upload(http, server.url + "/put", source, None)
        finally:
            release.set()


def test_a_file_that_fails_on_the_way(site: Any, make_http: Make, tools: Any, tmp_path: Path) -> None:
    site.routes["/put"] = tools.Reply(b"")
    file = tmp_path / "x"
    file.write_bytes(DATA)
    http = make_http(site.url)
    with open_source(file, "f") as source:
        file.write_bytes(DATA[:300_000])
        with pytest.raises(errors.TransferError, match="f became shorter"):
            upload(http, site.url + "/put", source, None)
    source = open_source(file, "g")
    source.close()
    with pytest.raises(errors.TransferError, match="g could not be read"):
        upload(http, site.url + "/put", source, None)


def test_giving_up(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/put"] = tools.Reply(b"")
    answers = iter([False, False, True])
    with open_source(DATA, "f") as source, pytest.raises(GivenUp):
        upload(make_http(site.url), site.url + "/put", source, None, cancelled=lambda: next(answers))


def test_a_progress_callback_that_raises(
    site: Any, make_http: Make, tools: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site.routes["/put"] = tools.Reply(b"")
    calls: list[int] = []

    def progress(done: int, _: int | None) -> None:
        calls.append(done)
        raise ZeroDivisionError

    with open_source(DATA, "f") as source:
        upload(make_http(site.url), site.url + "/put", source, None, progress)
    assert calls == [0]
    assert "progress callback raised" in caplog.text


def test_memory_stays_small(make_http: Make, rude: Any, tools: Any, tmp_path: Path) -> None:
    import tracemalloc

    size = 64 * 1024 * 1024

    def script(connection: socket.socket, _: int) -> None:
        left = size - len(tools.read_head(connection).partition(b"\r\n\r\n")[2])
        buffer = bytearray(65536)
        while left > 0:
            left -= connection.recv_into(buffer)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = rude(script)
    file = tmp_path / "big"
    with file.open("wb") as out:
        out.truncate(size)
    http = make_http(server.url)
    tracemalloc.start()
    with open_source(file, "f") as source:
        source.sha256()
        upload(http, server.url + "/put", source, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


# --- the pool -------------------------------------------------------------------------------------------------------


def upload_threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("sogni-upload-"))


def test_the_pool_runs_side_by_side() -> None:
    pool = UploadPool()
    barrier = threading.Barrier(4)
    names: set[str] = set()

    def job(index: int) -> int:
        names.add(threading.current_thread().name)
        barrier.wait(10)
        return index

    assert pool.run([lambda _, index=index: job(index) for index in range(8)]) == list(range(8))  # type: ignore[misc]
    assert names == {f"sogni-upload-{number}" for number in range(1, 5)}
    assert pool.run([]) == []
    pool.close()
    assert not upload_threads()
    with pytest.raises(errors.ClosedError):
        pool.run([lambda _: 1])


def test_one_job_one_thread() -> None:
    pool = UploadPool()
    assert pool.run([lambda _: threading.current_thread().name]) == ["sogni-upload-1"]
    pool.close()


def test_the_first_failure_stops_the_others() -> None:
    pool = UploadPool(2)
    running, seen = threading.Event(), []

    def long_job(cancelled: Callable[[], bool]) -> None:
        running.set()
        while not cancelled():
            threading.Event().wait(0.001)
        seen.append("stopped")
        raise GivenUp("stopped")

    def bad_job(_: Callable[[], bool]) -> None:
        assert running.wait(10)
        raise errors.TransferError("broken")

    def late_job(_: Callable[[], bool]) -> None:
        seen.append("late")

    with pytest.raises(errors.TransferError, match="broken"):
        pool.run([long_job, bad_job, late_job, late_job])
    assert seen == ["stopped"]
    assert pool.run([lambda _: 5]) == [5]
    pool.close()
    assert not upload_threads()


def test_a_deadline_for_all() -> None:
    pool = UploadPool()

    def job(cancelled: Callable[[], bool]) -> None:
        while not cancelled():
            threading.Event().wait(0.001)

    with pytest.raises(errors.WaitTimeout, match="uploads"):
        pool.run([job] * 6, Deadline(0.05))
    pool.close()
    assert not upload_threads()


def test_closing_ends_the_waiting() -> None:
    pool = UploadPool()
    running = threading.Event()
    outcome: list[object] = []

    def job(cancelled: Callable[[], bool]) -> None:
        running.set()
        while not cancelled():
            threading.Event().wait(0.001)

    def ask() -> None:
        try:
            outcome.append(pool.run([job] * 9))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    assert running.wait(10)
    pool.close()
    thread.join(5)
    assert isinstance(outcome[0], errors.ClosedError)
    assert not upload_threads()


def test_many_callers_share_the_threads() -> None:
    pool = UploadPool()
    most = [0]
    lock = threading.Lock()
    now = [0]

    def job(index: int) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.002)
        with lock:
            now[0] -= 1
        return index

    found: list[list[int]] = []

    def ask(start: int) -> None:
        found.append(pool.run([lambda _, i=i: job(i) for i in range(start, start + 10)]))  # type: ignore[misc]

    threads = [threading.Thread(target=ask, args=(100 * number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(found) == [list(range(100 * number, 100 * number + 10)) for number in range(6)]
    assert most[0] <= 4
    pool.close()


def test_after_a_fork_the_pool_is_empty() -> None:
    pool = UploadPool()
    pool.run([lambda _: 1])
    pool.reset_after_fork()
    assert pool.run([lambda _: 2]) == [2]
    pool.close()


def test_the_pool_with_real_uploads(site: Any, make_http: Make, tools: Any) -> None:
    site.routes["/put"] = tools.Reply(b"")
    http, pool = make_http(site.url), UploadPool()
    sources = [open_source(DATA[: 1000 * (n + 1)], f"image_{n}") for n in range(12)]
    pool.run([lambda stop, s=s: send(http, lambda: site.url + "/put", s, None, cancelled=stop) for s in sources])  # type: ignore[misc]
    assert sorted(len(seen.body) for seen in site.seen) == [1000 * (n + 1) for n in range(12)]
    pool.close()
