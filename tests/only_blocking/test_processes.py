"""What only blocking programs do: threads, forks, Ctrl-C, forgetting to close, ending with work under way."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import sogni
from sogni import ClosedError, ConnectionLost, InsufficientFunds, SogniClient, ValidationError
from sogni.sandbox import Sandbox
from tests.orders import ORDER

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")


def run(code: str, sandbox: Sandbox, **options: object) -> subprocess.Popen[str]:
    """A script in a process of its own, pointed at the sandbox."""
    # Whoever runs the tests in the background of a shell has Ctrl-C ignored, and would hand that on.
    listen = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    script = f"{listen}import sys, sogni\nORDER = {ORDER!r}\n{textwrap.dedent(code)}"
    process: subprocess.Popen[str] = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "SOGNI_SANDBOX_URL": sandbox.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    return process


def test_one_client_shared_by_many_threads(sandbox: Sandbox, tmp_path: Path) -> None:
    saved: list[Path] = []
    with SogniClient(sandbox=sandbox) as client:

        def work() -> None:
            project = client.projects.create(**ORDER)
            saved.extend(result.save(tmp_path) for result in project.wait(timeout=60))

        threads = [threading.Thread(target=work) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(saved)) == 32
        assert len({submission.project_id for submission in sandbox.submissions}) == 32
        assert len([entry for entry in sandbox.log if entry.kind == "open"]) == 1
        assert len([entry for entry in sandbox.log if entry.path == "/api/v1/models/list"]) == 1


def test_many_threads_wait_for_one_project(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    counts: list[int] = []
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        threads = [threading.Thread(target=lambda: counts.append(len(project.wait(timeout=30)))) for _ in range(16)]
        for thread in threads:
            thread.start()
        sandbox.wait_for(lambda: [e for e in sandbox.log if e.frame_kind == "jobProgress"])
        sandbox.release()
        for thread in threads:
            thread.join()
    assert counts == [1] * 16


def test_ctrl_c_ends_the_wait_and_not_the_render(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    script = run(
        """
        client = sogni.SogniClient(app_id="app")
        project = client.projects.create(**ORDER)
        print(project.id, flush=True)
        try:
            project.wait()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        client.close()
        """,
        sandbox,
    )
    assert script.stdout is not None
    project_id = script.stdout.readline().strip()
    sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])
    script.send_signal(signal.SIGINT)
    out, err = script.communicate(timeout=20)
    assert out.strip() == "interrupted", err
    assert script.returncode == 0
    sandbox.release()
    with SogniClient(sandbox=sandbox, app_id="app") as client:
        assert len(client.projects.resume(project_id).wait(timeout=20)) == 1


def test_a_program_that_forgets_to_close_ends_by_itself(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    script = run("client = sogni.SogniClient()\nclient.projects.create(**ORDER)\nprint('done')", sandbox)
    out, _ = script.communicate(timeout=20)
    assert out.strip() == "done"
    sandbox.wait_for(lambda: sandbox.open_sockets == 0)


def test_a_client_that_is_dropped_is_collected_with_a_warning(sandbox: Sandbox) -> None:
    client = SogniClient(sandbox=sandbox)
    client.projects.wait_for_models()
    with pytest.warns(ResourceWarning, match="left open"):
        del client
    sandbox.wait_for(lambda: sandbox.open_sockets == 0)


def test_a_client_that_was_only_made_is_dropped_silently() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SogniClient("key", app_id="app")


def test_opening_and_closing_a_hundred_times_leaves_nothing(sandbox: Sandbox) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    def once() -> None:
        with SogniClient(sandbox=sandbox) as client:
            client.projects.wait_for_models()

    once()
    sandbox.wait_for(lambda: sandbox.open_sockets == 0)
    threads, files = threading.active_count(), open_files()
    for _ in range(100):
        once()
    sandbox.wait_for(lambda: sandbox.open_sockets == 0)
    assert threading.active_count() <= threads
    assert open_files() <= files + 2


def test_closing_wakes_every_wait(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1", times=None)
    client = SogniClient(sandbox=sandbox)
    project = client.projects.create(**ORDER)
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            project.wait()
        except ClosedError as error:
            errors.append(error)

    threads = [threading.Thread(target=wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])
    client.close()
    for thread in threads:
        thread.join(5)
    assert len(errors) == 5
    assert sandbox.project(project.id)["status"] not in ("cancelled", "errored")


@needs_fork
def test_a_client_made_before_the_fork_works_on_both_sides(sandbox: Sandbox) -> None:
    # In a process of its own: this one has threads of the sandbox, with which a fork is no fair test.
    script = run(
        """
        import os
        client = sogni.SogniClient()
        project = client.projects.create(**ORDER)
        child = os.fork()
        if child == 0:
            mine = client.projects.create(**ORDER)
            assert len(mine.wait(timeout=30)) == 1
            assert client.projects.tracked_projects == [mine]
            try:
                project.wait(timeout=10)
            except sogni.ConnectionLost as lost:
                assert "resume" in str(lost)
            else:
                assert project.finished
            client.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, "the child failed"
        assert len(project.wait(timeout=30)) == 1
        assert len(client.projects.create(**ORDER).wait(timeout=30)) == 1
        client.close()
        print("fine")
        """,
        sandbox,
    )
    out, err = script.communicate(timeout=60)
    assert out.strip() == "fine", err


@needs_fork
def test_a_wait_that_the_fork_took_along_fails_in_the_child(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    script = run(
        """
        import os
        client = sogni.SogniClient(app_id="app")
        project = client.projects.create(**ORDER)
        stream = project.events()
        next(stream)
        child = os.fork()
        if child == 0:
            try:
                for _ in stream:
                    pass
            except sogni.ConnectionLost:
                os._exit(7)
            os._exit(1)
        print(os.waitpid(child, 0)[1] >> 8)
        client.close()
        """,
        sandbox,
    )
    out, err = script.communicate(timeout=60)
    assert out.strip() == "7", err


def _in_pool(url: str) -> str:
    os.environ["SOGNI_SANDBOX_URL"] = url
    with sogni.SogniClient() as client:
        return client.projects.create(**ORDER).wait(timeout=30)[0].kind


def test_a_pool_of_processes(sandbox: Sandbox) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_in_pool, [sandbox.url] * 4) == ["image"] * 4


def test_errors_survive_pickling_and_clients_refuse_it(sandbox: Sandbox) -> None:
    problem = sogni.Problem("width", "width must be smaller.", value=9000, allowed="256 to 2560", nearest=2560)
    for error in (
        InsufficientFunds("no", status=402, error_code=123, retry_after=2.0, project_id="P"),
        ValidationError(problems=[problem]),
        ConnectionLost("gone", hint="try again"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.project_id == error.project_id
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        for thing in (client, project):
            with pytest.raises(TypeError, match="cannot be pickled"):
                pickle.dumps(thing)
        project.wait(timeout=20)


def test_a_stream_closed_by_another_thread_ends(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])
        stream = project.events()
        reader = threading.Thread(target=lambda: list(stream))
        reader.start()
        threading.Timer(0.2, stream.close).start()
        reader.join(10)
        assert not reader.is_alive()


def test_two_threads_may_read_one_stream(sandbox: Sandbox) -> None:
    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        stream = project.events(timeout=20)
        seen: list[object] = []
        readers = [threading.Thread(target=lambda: seen.extend(stream)) for _ in range(3)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(20)
        assert [event for event in seen if isinstance(event, sogni.Completed)] != []
        assert not any(reader.is_alive() for reader in readers)


def test_streams_that_are_garbage_disturb_nobody(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")

    class Circle:
        pass

    with SogniClient(sandbox=sandbox) as client:
        project = client.projects.create(**ORDER)
        for _ in range(3_000):
            circle: Any = Circle()
            circle.stream, circle.itself = project.events(timeout=5), circle
        sandbox.release()
        assert len(project.wait(timeout=20)) == 1


@needs_fork
def test_an_asyncio_client_made_before_the_fork_works_in_the_child(sandbox: Sandbox) -> None:
    script = run(
        """
        import asyncio, os, sogni_async
        client = sogni_async.SogniClient()

        async def order():
            project = await client.projects.create(**ORDER)
            return len(await project.wait(timeout=30))

        assert asyncio.run(order()) == 1
        child = os.fork()
        if child == 0:
            assert asyncio.run(order()) == 1
            asyncio.run(client.aclose())
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, "the child failed"
        asyncio.run(client.aclose())
        print("fine")
        """,
        sandbox,
    )
    out, err = script.communicate(timeout=60)
    assert out.strip() == "fine", err


def test_looking_up_finished_projects_for_days_keeps_nothing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sogni._protocol.session.KEEP_FINISHED", 0.0)
    with SogniClient(sandbox=sandbox) as client:
        ids = [client.projects.create(**ORDER).id for _ in range(5)]
        for project_id in ids:
            client.projects.resume(project_id).wait(timeout=20)
    with SogniClient(sandbox=sandbox) as client:
        for project_id in ids * 4:
            client.projects.resume(project_id)
        assert len(client._engine.session.projects) <= 2


def test_closing_does_not_wait_for_a_peer_that_dawdles() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    here = f"127.0.0.1:{listener.getsockname()[1]}"
    with SogniClient("key", rest_endpoint=f"http://{here}", socket_endpoint=f"ws://{here}", app_id="a") as client:
        client.projects.on("job", print)
        peer, _ = listener.accept()  # and then nothing
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    peer.close()
    listener.close()
