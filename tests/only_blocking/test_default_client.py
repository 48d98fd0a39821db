"""The client behind the verbs of the package, in whole programs: threads, forks, Ctrl-C, and the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from sogni._io.process import Shared
from sogni.sandbox import Sandbox

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")


def run(code: str, sandbox: Sandbox) -> subprocess.Popen[str]:
    """A program of its own, whose environment names the sandbox; every warning is an error."""
    listen = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    environment = {name: value for name, value in os.environ.items() if name != "SOGNI_API_KEY"}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", listen + textwrap.dedent(code)],
        env={**environment, "SOGNI_SANDBOX_URL": sandbox.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_three_lines_and_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    script = run(f'import sogni\nprint(sogni.image("a fox", size="256x256").save({str(tmp_path)!r}))', sandbox)
    out, err = script.communicate(timeout=40)
    assert (script.returncode, err) == (0, "")
    assert Path(out.strip()).read_bytes().startswith(b"\x89PNG")
    sandbox.wait_for(lambda: sandbox.open_sockets == 0)


def test_the_same_with_asyncio(sandbox: Sandbox) -> None:
    script = run(
        """
        import asyncio, sogni_async

        async def main():
            pictures = await asyncio.gather(*(sogni_async.image(f"fox {n}", size="256x256") for n in range(3)))
            print(len({picture.project_id for picture in pictures}))

        asyncio.run(main())
        asyncio.run(main())
        """,
        sandbox,
    )
    out, err = script.communicate(timeout=40)
    assert (script.returncode, err, out.split()) == (0, "", ["3", "3"])
    assert len([entry for entry in sandbox.log if entry.kind == "open"]) == 1


def test_many_threads_share_it(sandbox: Sandbox) -> None:
    script = run(
        """
        import sogni, threading

        start = threading.Barrier(8)

        def work(n):
            start.wait()
            sogni.image(f"fox {n}", size="256x256")

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """,
        sandbox,
    )
    _, err = script.communicate(timeout=40)
    assert (script.returncode, err) == (0, "")
    assert len(sandbox.submissions) == 8
    assert len([entry for entry in sandbox.log if entry.kind == "open"]) == 1


@needs_fork
def test_a_forked_child_has_one_of_its_own(sandbox: Sandbox) -> None:
    script = run(
        """
        import os, sogni, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons dislike a fork beside threads

        sogni.image("parent", size="256x256")
        child = os.fork()
        if child == 0:
            sogni.image("child", size="256x256")
            os._exit(0)
        sogni.image("parent again", size="256x256")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """,
        sandbox,
    )
    _, err = script.communicate(timeout=40)
    assert (script.returncode, err) == (0, "")
    apps = {order.prompt: order.app_id for order in sandbox.submissions}
    assert apps["parent"] == apps["parent again"] != apps["child"]


def test_ctrl_c_says_how_to_take_it_up_again(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    script = run('import sogni\nsogni.image("a fox", size="256x256", progress=True)', sandbox)
    assert script.stderr is not None
    # It tells how far it is only where it waits; before that, it is still ordering.
    assert any("%" in line for line in iter(script.stderr.readline, ""))
    script.send_signal(signal.SIGINT)
    _, err = script.communicate(timeout=40)
    assert "KeyboardInterrupt" in err
    project_id = sandbox.submissions[-1].project_id
    assert f"interrupted; project {project_id} carries on, projects.resume('{project_id}') picks it up" in err
    assert sandbox.project(project_id)["status"] != "canceled"
    sandbox.release()


def test_a_cancelled_task_says_it_too(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    script = run(
        """
        import asyncio, sogni_async

        async def main():
            rendering = asyncio.Event()
            task = asyncio.create_task(
                sogni_async.image("a fox", size="256x256", progress=lambda percent: rendering.set())
            )
            await rendering.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            print(task.cancelled())

        asyncio.run(main())
        """,
        sandbox,
    )
    out, err = script.communicate(timeout=40)
    assert (script.returncode, out.strip()) == (0, "True")
    assert f"given up; project {sandbox.submissions[-1].project_id} carries on" in err
    sandbox.release()


# The holder of it


def test_it_is_made_once_and_when_needed() -> None:
    made: list[int] = []
    start = threading.Barrier(8)
    shared = Shared(lambda: made.append(1) or object())  # type: ignore[func-returns-value]
    found: list[object] = []

    def work() -> None:
        start.wait()
        found.append(shared.get())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert len(set(map(id, found))) == 1
    former = shared.replace(None)
    assert former is found[0]
    assert shared.get() is not former


@needs_fork
def test_a_fork_while_a_thread_makes_it_leaves_no_lock(sandbox: Sandbox) -> None:
    script = run(
        """
        import os, threading, warnings
        from sogni._io.process import Shared
        warnings.simplefilter("ignore", DeprecationWarning)

        making, go_on = threading.Event(), threading.Event()

        def make():
            if os.getpid() == parent:
                making.set()
                go_on.wait()
            return os.getpid()

        parent = os.getpid()
        shared = Shared(make)
        thread = threading.Thread(target=shared.get)
        thread.start()
        making.wait()
        child = os.fork()
        if child == 0:
            os._exit(0 if shared.get() == os.getpid() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        go_on.set()
        thread.join()
        assert shared.get() == parent
        """,
        sandbox,
    )
    _, err = script.communicate(timeout=40)
    assert (script.returncode, err) == (0, "")
