"""Saving files at the service: what goes over the wire, how often, and what is remembered."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sogni import errors
from sogni._deadline import Deadline
from sogni._io import saved as module
from sogni._io.credentials import Credentials
from sogni._io.saved import SavedFiles
from sogni._io.source import open_source
from sogni._io.store import GivenUp, Meter

Make = Callable[..., Any]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
NEVER = Deadline(None)
HEADERS = {"Content-Type": "image/png", "If-None-Match": "*", "x-amz-checksum-sha256": "abc"}


class Service:
    """The API of saved uploads, and how many of its transfers run at once."""

    def __init__(self, site: Any, tools: Any) -> None:
        self.site, self.ok, self.reply = site, tools.ok, tools.Reply
        self.answers: dict[str, list[Any]] = {}
        self.gate: threading.Event | None = None
        self.arrived = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.running = self.most = 0
        site.routes["/v1/assets/capabilities"] = lambda seen: self.next("capabilities", self.ok({"enabled": True}))
        site.routes["/v1/assets/prepare"] = self.prepare
        site.routes["/put"] = self.put
        for action in ("finalize", "bind"):
            site.routes[f"/v1/assets/a/{action}"] = lambda seen, action=action: self.next(
                action, self.ok({"id": "a", "state": "ready", "bytes": 1, "contentType": "image/png"})
            )
        site.routes["/v1/assets/a"] = tools.ok()

    def next(self, step: str, otherwise: Any) -> Any:
        waiting = self.answers.get(step)
        return waiting.pop(0) if waiting else otherwise

    def refuse(self, step: str, *statuses: int, message: str = "No.") -> None:
        replies = [self.reply({"status": "error", "message": message, "errorCode": 1}, status) for status in statuses]
        self.answers.setdefault(step, []).extend(replies)

    def prepare(self, seen: Any) -> Any:
        place = {"id": "a", "state": "uploading", "uploadUrl": self.site.url + "/put", "uploadHeaders": HEADERS}
        return self.next("prepare", self.ok(place))

    def put(self, seen: Any) -> Any:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.arrived.release()
        if self.gate is not None:
            self.gate.wait(10)
        with self.lock:
            self.running -= 1
        return self.next("put", self.reply(b""))

    def count(self, path: str) -> int:
        paths: list[str] = self.site.paths()
        return paths.count(path)


@pytest.fixture
def service(site: Any, tools: Any) -> Service:
    return Service(site, tools)


@pytest.fixture
def make(service: Service, make_http: Make) -> Any:
    """Makes `SavedFiles` that are closed afterwards; the clock is a list with one number."""
    made: list[SavedFiles] = []

    def one(now: list[float] | None = None, credentials: Credentials | None = None, **options: Any) -> SavedFiles:
        http = make_http(service.site.url, credentials, **options)
        clock = (lambda: now[0]) if now else (lambda: 0.0)
        made.append(SavedFiles(http, http._credentials, clock))
        return made[-1]

    yield one
    for files in made:
        files.close()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSES", (0, 0, 0, 0))


def reuse(files: SavedFiles, body: bytes = PNG, kind: str | None = "image/png", **more: Any) -> bool:
    options: dict[str, Any] = {"cancelled": lambda: False, "deadline": NEVER, **more}
    with open_source(body, "f") as source:
        meter = Meter(None, source.size)
        return files.reuse(source, kind, lambda id: files.bind(id, "P", "startingImage"), tell=meter, **options)


def together(*jobs: Callable[[], object]) -> list[object]:
    """What the jobs return, or raise, side by side."""
    results: list[object] = [None] * len(jobs)

    def run(index: int) -> None:
        try:
            results[index] = jobs[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def test_what_goes_over_the_wire(service: Service, make: Any) -> None:
    saved = make().save(PNG, "Mine", None, NEVER)
    assert (saved.id, saved.is_ready) == ("a", True)
    prepare, put, finalize = service.site.seen
    digest = hashlib.sha256(PNG).hexdigest()
    assert json.loads(prepare.body) == {
        "sha256": digest,
        "bytes": len(PNG),
        "contentType": "image/png",
        "name": "Mine",
    }
    assert (put.method, put.body) == ("PUT", PNG)
    assert {name: put.headers[name.lower()] for name in HEADERS} == HEADERS
    assert put.headers["content-length"] == str(len(PNG))
    assert not {"api-key", "authorization", "cookie", "transfer-encoding"} & set(put.headers)
    assert (finalize.method, json.loads(finalize.body)) == ("POST", {})


def test_a_file_that_is_there_is_not_sent(service: Service, make: Any) -> None:
    service.answers["prepare"] = [service.ok({"id": "b", "state": "ready", "reused": True})]
    assert make().save(PNG, "Mine", "image/png", NEVER).id == "b"
    assert service.site.paths() == ["/v1/assets/prepare"]
    service.refuse("put", 412)
    assert make().save(PNG, "Mine", "image/png", NEVER).id == "a"


def test_no_place_to_send_it_to(service: Service, make: Any) -> None:
    for place in ({"uploadUrl": "x"}, {"uploadHeaders": HEADERS}):
        service.answers["prepare"] = [service.ok({"id": "a", "state": "uploading", **place})]
        with pytest.raises(errors.ProtocolError, match="no place"):
            make().save(PNG, "Mine", "image/png", NEVER)
    assert service.count("/put") == 0


@pytest.mark.parametrize(
    "url", ["http://[::1", "ftp://127.0.0.1/x", "//127.0.0.1/x", "http://127.0.0.1:0/x", "x", "http:///"]
)
def test_a_place_that_is_none(service: Service, make: Any, url: str) -> None:
    place = {"id": "a", "state": "uploading", "uploadUrl": url, "uploadHeaders": HEADERS}
    service.answers["prepare"] = [service.ok(place)]
    with pytest.raises(errors.ProtocolError, match="address for media that is none"):
        make().save(PNG, "Mine", "image/png", NEVER)


@pytest.mark.parametrize(
    "header",
    [
        {"Transfer-Encoding": "chunked"},
        {"host": "elsewhere"},
        {"Authorization": "x"},
        {"Cookie": "x"},
        {"a b": "1"},
        {"": "1"},
        {"x": "1\r\nhost: y"},
        {"x": None},
        {"x": "\u20ac"},
    ],
)
def test_headers_that_change_the_request_are_not_sent(service: Service, make: Any, header: dict[str, Any]) -> None:
    place = {
        "id": "a",
        "state": "uploading",
        "uploadUrl": service.site.url + "/put",
        "uploadHeaders": {**HEADERS, **header},
    }
    service.answers["prepare"] = [service.ok(place)]
    with pytest.raises(errors.ProtocolError, match="header"):
        make().save(PNG, "Mine", "image/png", NEVER)
    assert service.count("/put") == 0


@pytest.mark.parametrize("step", ["prepare", "finalize", "bind"])
def test_a_busy_file_is_asked_for_five_times(service: Service, make: Any, step: str) -> None:
    files = make()
    service.refuse(step, 423, 423, 423, 423)
    assert reuse(files)
    service.refuse(step, 423, 423, 423, 423, 423)
    with pytest.raises(errors.ApiError) as caught:
        reuse(files)
    assert caught.value.status == 423


def test_the_pauses_end_with_the_deadline(service: Service, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSES", (30.0,))
    service.refuse("prepare", 423)
    with pytest.raises(errors.WaitTimeout):
        make().save(PNG, "Mine", "image/png", Deadline(0.1))


def test_two_at_once(service: Service, make: Any) -> None:
    service.gate = threading.Event()
    files = make()

    def open_later() -> None:
        for _ in range(2):
            assert service.arrived.acquire(timeout=10)
        service.gate.set()  # type: ignore[union-attr]

    jobs = [lambda number=number: files.save(PNG + bytes([number]), "x", None, NEVER) for number in range(6)]
    results = together(open_later, *jobs)
    assert not [result for result in results if isinstance(result, Exception)]
    assert (service.most, service.count("/put")) == (2, 6)


def test_the_same_file_is_sent_once_at_a_time(service: Service, make: Any) -> None:
    service.gate = threading.Event()
    files = make()

    def open_later() -> None:
        assert service.arrived.acquire(timeout=10)
        service.gate.set()  # type: ignore[union-attr]

    jobs = [lambda: files.save(PNG, "x", None, NEVER), lambda: files.save(PNG, "x", None, NEVER)]
    _, *found = together(open_later, *jobs)
    assert [getattr(saved, "id", saved) for saved in found] == ["a", "a"]
    assert service.most == 1


def test_who_gives_up_does_not_take_others_along(service: Service, make: Any) -> None:
    service.gate = threading.Event()
    files, stopped, big = make(), threading.Event(), PNG * 3000

    def first() -> object:
        return reuse(files, big, cancelled=stopped.is_set)

    def second() -> object:
        while not any(len(key) == 3 for key in list(files._flights._flights)):
            stopped.wait(0.01)  # until the first one leads
        return reuse(files, big)

    def give_up() -> None:
        assert service.arrived.acquire(timeout=10)
        (flight,) = (flight for key, flight in files._flights._flights.items() if len(key) == 3)
        while not flight.landed._cond._waiters:
            stopped.wait(0.01)  # until the second one waits for the first
        stopped.set()
        service.refuse("put", 503)  # whereupon it would be sent again
        service.gate.set()  # type: ignore[union-attr]

    gone, there, _ = together(first, second, give_up)
    assert isinstance(gone, GivenUp)
    assert there is True
    assert service.count("/v1/assets/prepare") == 2


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 503])
def test_refusals_before_anything_was_sent(service: Service, make: Any, status: int) -> None:
    files = make()
    service.refuse("prepare", status)
    assert not reuse(files)
    assert service.count("/put") == 0
    service.refuse("prepare", status)
    with pytest.raises(errors.ApiError) as caught:
        files.save(PNG, "x", None, NEVER)
    assert caught.value.status == status
    assert reuse(files)


@pytest.mark.parametrize(
    ("step", "status"), [("prepare", 402), ("prepare", 500), ("prepare", 429), ("put", 400), ("finalize", 409)]
)
def test_what_must_surface(service: Service, make: Any, step: str, status: int) -> None:
    service.refuse(step, status)
    with pytest.raises(errors.ApiError) as caught:
        reuse(make())
    assert caught.value.status == status
    assert service.count("/v1/assets/a/bind") == 0


def test_what_is_not_even_tried(service: Service, make: Any) -> None:
    files = make()
    assert not reuse(files, kind="image/gif")
    assert not reuse(files, kind=None)
    assert service.site.seen == []


def test_a_large_file_is_not_even_tried(service: Service, make: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with path.open("wb") as file:
        file.truncate(module.LARGEST + 1)
    assert not reuse(make(), path)  # type: ignore[arg-type]
    assert service.site.seen == []


@pytest.mark.parametrize(("status", "asked"), [(403, 1), (404, 1), (503, 4), (429, 8), (500, 2), (502, 2)])
def test_the_capability_probe(service: Service, make: Any, status: int, asked: int) -> None:
    """403, 404 and 503 are answers, and kept; the rest is none, and the next file asks again (four times at most)."""
    files = make()
    service.refuse("capabilities", *(status,) * 8)
    assert not reuse(files)
    assert not reuse(files)
    assert service.count("/v1/assets/capabilities") == asked


def test_a_probe_that_fails_otherwise_is_an_error_and_not_kept(service: Service, make: Any) -> None:
    files = make()
    service.refuse("capabilities", 401)
    with pytest.raises(errors.AuthenticationError):
        reuse(files)
    assert reuse(files)


def test_the_probe_is_kept_for_a_minute(service: Service, make: Any) -> None:
    now = [1000.0]
    files = make(now)
    service.answers["capabilities"] = [service.ok({"enabled": "yes"})]
    for moment, found in ((0.0, False), (59.0, False), (61.0, True), (100.0, True)):
        now[0] = 1000 + moment
        assert reuse(files) is found
    assert service.count("/v1/assets/capabilities") == 2


def test_a_probe_that_takes_long_holds_nobody_up(service: Service, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PROBE", 0.2)
    hold = threading.Event()
    service.site.routes["/v1/assets/capabilities"] = lambda seen: (hold.wait(10), service.ok({"enabled": True}))[1]
    files = make()
    assert not reuse(files)
    hold.set()
    assert reuse(files)


def test_a_probe_that_nobody_waited_for_is_not_kept(service: Service, make: Any) -> None:
    files = make()
    with pytest.raises(errors.WaitTimeout):
        reuse(files, deadline=Deadline(0))
    assert reuse(files)


def test_a_full_library_is_left_alone_for_a_while(service: Service, make: Any) -> None:
    now = [1000.0]
    credentials = Credentials("key-1234567890-secret")
    files = make(now, credentials)
    full = "Your saved upload library is full. Remove something."
    service.refuse("prepare", 409, message=full)
    assert not reuse(files)
    assert not reuse(files)
    assert service.count("/v1/assets/prepare") == 1
    now[0] += 901
    assert reuse(files)
    for end in (lambda: files.remove("a", NEVER), lambda: credentials.set_api_key("key-of-another-account")):
        service.refuse("prepare", 409, message=full)
        assert not reuse(files)
        end()
        assert reuse(files)
    service.refuse("prepare", 409, message="Something else.")
    assert not reuse(files)
    assert reuse(files)


def test_a_file_that_waited_for_its_turn_looks_again(service: Service, make: Any) -> None:
    files = make()
    service.gate = threading.Event()
    queued = threading.Event()

    def busy(number: int) -> object:
        return files.save(PNG + bytes([number]), "x", None, NEVER)

    def late() -> object:
        for _ in range(2):
            assert service.arrived.acquire(timeout=10)
        threading.Thread(target=lambda: (queued.wait(10), service.gate.set())).start()  # type: ignore[union-attr]
        return reuse(files)

    def full() -> None:
        while not files._lanes._queue:
            queued.wait(0.01)
        files._full = (files._credentials.version, 1e9)
        queued.set()

    *_, found, _ = together(lambda: busy(1), lambda: busy(2), late, full)
    assert found is False
    assert service.count("/put") == 2


def test_another_account_gets_nothing_of_it(service: Service, make: Any) -> None:
    credentials = Credentials("key-1234567890-secret")
    files = make(None, credentials)
    service.gate = threading.Event()

    def change() -> None:
        assert service.arrived.acquire(timeout=10)
        credentials.set_api_key("key-of-another-account")
        service.gate.set()  # type: ignore[union-attr]

    found, _ = together(lambda: reuse(files), change)
    assert isinstance(found, errors.SessionChanged)
    assert service.count("/v1/assets/a/finalize") == service.count("/v1/assets/a/bind") == 0


def test_closing(service: Service, make: Any) -> None:
    service.gate = threading.Event()
    files = make()

    def close() -> None:
        assert service.arrived.acquire(timeout=10)
        threading.Timer(0.2, service.gate.set).start()  # type: ignore[union-attr]
        files.close()

    found, _ = together(lambda: reuse(files), close)
    assert isinstance(found, errors.ClosedError)
    with pytest.raises(errors.ClosedError):
        files.save(PNG, "x", None, NEVER)


def test_memory_stays_small(make_http: Make, service: Service, rude: Any, tools: Any, tmp_path: Path) -> None:
    import tracemalloc

    size = 64 * 1024 * 1024

    def script(connection: socket.socket, _: int) -> None:
        left = size - len(tools.read_head(connection).partition(b"\r\n\r\n")[2])
        buffer = bytearray(65536)
        while left > 0:
            left -= connection.recv_into(buffer)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    place = {"id": "a", "state": "uploading", "uploadUrl": rude(script).url + "/put", "uploadHeaders": HEADERS}
    service.answers["prepare"] = [service.ok(place)]
    file = tmp_path / "big.png"
    with file.open("wb") as out:
        out.write(PNG)
        out.truncate(size)
    http = make_http(service.site.url)
    files = SavedFiles(http, http._credentials)
    tracemalloc.start()
    with open_source(file, "f") as source:
        assert files.reuse(
            source,
            "image/png",
            lambda id: files.bind(id, "P", "startingImage"),
            tell=Meter(None, size),
            cancelled=lambda: False,
            deadline=NEVER,
        )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    files.close()
    assert peak < 4 * 1024 * 1024
    assert service.count("/v1/assets/a/bind") == 1
