"""Processes that are killed without a word: the server in the middle of a job, the client while it uploads or waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import sogni
from sogni import LinkState, ProjectLost, SogniClient
from sogni.sandbox import Sandbox
from tests.orders import ORDER

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")

SERVER = """
import json, sys
from sogni.sandbox import Sandbox
sandbox = Sandbox(int(sys.argv[1]))
sandbox.script(times=None, **json.loads(sys.argv[2]))
sandbox.start()
print(sandbox.port, flush=True)
sys.stdin.readline()
print(len(sandbox.submissions), flush=True)
sandbox.close()
"""


class Server:
    """A sandbox in a process of its own, which can be killed."""

    def __init__(self, port: int = 0, knobs: str = "{}") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(port), knobs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        """SIGKILL: nothing is closed, nothing is said."""
        self.process.kill()
        self.process.communicate()

    def submissions(self) -> int:
        """How many orders arrived; it ends by that."""
        out, _ = self.process.communicate("\n", timeout=20)
        return int(out)

    def client(self) -> SogniClient:
        """A client of it."""
        here = f"127.0.0.1:{self.port}"
        return SogniClient("sandbox-key", rest_endpoint=f"http://{here}", socket_endpoint=f"ws://{here}", app_id="app")


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        if server.process.poll() is None:
            server.kill()


def program(code: str, sandbox: Sandbox) -> subprocess.Popen[str]:
    """A program of a user, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", f"import sogni, sys\nORDER = {ORDER!r}\n{textwrap.dedent(code)}"],
        env={**os.environ, "SOGNI_SANDBOX_URL": sandbox.url},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_server_in_the_middle_of_a_job(servers: list[Server]) -> None:
    first = Server(knobs='{"hold_at": "progress:2"}')
    servers.append(first)
    with first.client() as client:
        project = client.projects.create(**ORDER)
        assert any(isinstance(event, sogni.Progress) for event in project.events(timeout=20))
        gone = threading.Event()
        client.on_state(lambda state: gone.set() if state.link is LinkState.RECONNECTING else None)
        first.kill()
        assert gone.wait(20)
        assert not project.finished, "a server that is gone ends no project"
        # The one that takes its place has forgotten everything, which is the worst that can be.
        second = Server(first.port)
        servers.append(second)
        with pytest.raises(ProjectLost) as lost:
            project.wait(timeout=60)
        assert lost.value.project_id == project.id
        assert len(client.projects.create(**ORDER).wait(timeout=20)) == 1
    assert second.submissions() == 1, "what a worker had begun is never ordered again"


def test_the_server_before_it_read_the_order(servers: list[Server]) -> None:
    first = Server(knobs='{"hold_at": "accepted"}')
    servers.append(first)
    with first.client() as client:
        project = client.projects.create(**ORDER)
        first.kill()
        second = Server(first.port)
        servers.append(second)
        assert len(project.wait(timeout=60)) == 1
    assert second.submissions() == 1, "nobody had it, so it was sent again, under the same id"


def test_the_client_in_the_middle_of_an_upload(sandbox: Sandbox, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.effect_noise((256, 256), 64).save(photo)
    sandbox.fail_next("hang", path="/storage/*")
    killed = program(f"sogni.SogniClient().projects.create(**ORDER, starting_image={str(photo)!r})", sandbox)
    sandbox.wait_for(lambda: [one for one in sandbox.log if (one.path or "").startswith("/storage/")], 20)
    killed.kill()
    killed.communicate()
    sandbox.wait_for(lambda: sandbox.open_sockets == 0)
    assert sandbox.submissions == []
    assert sandbox.uploads == []
    with SogniClient(sandbox=sandbox) as client:
        assert len(client.projects.create(**ORDER, starting_image=photo).wait(timeout=20)) == 1
    assert len(sandbox.submissions) == 1


def test_a_worker_in_the_middle_of_a_wait(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The app id is leased; the system takes it from the killed process, and the next one finds its work under it.
    monkeypatch.setenv("SOGNI_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("SOGNI_APP_ID", raising=False)
    sandbox.script(hold_at="progress:1")
    here = f"'sandbox-key', rest_endpoint={sandbox.rest_endpoint!r}, socket_endpoint={sandbox.socket_endpoint!r}"
    killed = program(
        f"""
        project = sogni.SogniClient({here}).projects.create(**ORDER)
        print(project.id, flush=True)
        project.wait()
        """,
        sandbox,
    )
    assert killed.stdout is not None
    project_id = killed.stdout.readline().strip()
    sandbox.wait_for(lambda: [one for one in sandbox.log if one.frame_kind == "jobProgress"], 20)
    killed.kill()
    killed.communicate()
    sandbox.wait_for(lambda: sandbox.open_sockets == 0)
    heir = program(
        f"""
        client = sogni.SogniClient({here})
        project = client.projects.resume({project_id!r})
        print("resumed", flush=True)
        print(len(project.wait(timeout=20)), flush=True)
        client.close()
        """,
        sandbox,
    )
    assert heir.stdout is not None
    assert heir.stdout.readline().strip() == "resumed"
    sandbox.release()
    out, _ = heir.communicate(timeout=30)
    assert out.strip() == "1"
    assert [one.project_id for one in sandbox.submissions] == [project_id]
    assert len({one.app_id for one in sandbox.log if one.kind == "open"}) == 1


def test_terminating_a_program_leaves_its_project_running(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    ended = program(
        """
        project = sogni.SogniClient(app_id="app").projects.create(**ORDER)
        print(project.id, flush=True)
        project.wait()
        """,
        sandbox,
    )
    assert ended.stdout is not None
    project_id = ended.stdout.readline().strip()
    sandbox.wait_for(lambda: [one for one in sandbox.log if one.frame_kind == "jobProgress"], 20)
    ended.terminate()
    ended.communicate(timeout=20)
    sandbox.release()
    with SogniClient(sandbox=sandbox, app_id="app") as client:
        assert len(client.projects.resume(project_id).wait(timeout=20)) == 1
    assert len(sandbox.submissions) == 1


def test_a_full_disk_under_a_whole_order(sandbox: Sandbox, tmp_path: Path) -> None:
    script = program(
        f"""
        import pathlib, resource, signal
        folder = pathlib.Path({str(tmp_path)!r})
        with sogni.SogniClient() as client:
            (result,) = client.projects.create(**ORDER).wait(timeout=20)
            whole = len(result.read())
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (whole // 2, hard))
            try:
                result.save(folder)
            except sogni.TransferError as error:
                print(sorted(path.name for path in folder.iterdir()), flush=True)
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            print(result.save(folder).stat().st_size == whole, flush=True)
        """,
        sandbox,
    )
    out, _ = script.communicate(timeout=60)
    assert out.split() == ["[]", "True"]
    assert len(sandbox.submissions) == 1
