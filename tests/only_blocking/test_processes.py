"""What only blocking programs do: threads, forks, Ctrl-C, forgetting to close, ending with work under way."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path

import pytest

import sogni
from sogni import ClosedError, ConnectionLost, InsufficientFunds, SogniClient, ValidationError
from sogni.sandbox import Sandbox
from tests.orders import ORDER

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")


def run(code: str, sandbox: Sandbox, **options: object) -> subprocess.Popen[str]:
    """A script in a process of its own, pointed at the sandbox."""
    script = "import sys, sogni\nORDER = " + repr(ORDER) + "\n" + textwrap.dedent(code)
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
