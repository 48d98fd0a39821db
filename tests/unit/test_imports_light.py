"""What importing and using the packages loads, each time in a fresh interpreter.

A script that makes one picture should not pay for a wallet library, and a blocking program should not get a loop.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Nothing of these before it is used; the names stand for all that is in them.
HEAVY = {
    "PIL",
    "aiohttp",
    "asyncio",
    "av",
    "cattrs",
    "cyclopts",
    "eth_account",
    "requests",
    "rich",
    "stamina",
    "websocket",
}
WALLET = {"eth_account", "eth_keys", "eth_utils", "web3"}
# Seconds; a busy computer compiles the packages first.
PATIENCE = 60

REPORT = """
import json, sys, threading
for thread in threading.enumerate():
    if thread.name.startswith("sogni"):
        thread.join(2)  # what was told to end may take a moment
tops = sorted({name.partition(".")[0] for name in sys.modules})
names = [thread.name for thread in threading.enumerate()]
print(json.dumps({"loaded": tops, "threads": names, "found": globals().get("found")}))
"""


def run(program: str, **variables: str) -> dict[str, Any]:
    """Run a program in an interpreter of its own; what was loaded and which threads ran at its end, and its `found`."""
    # The coverage tool and friends come in by such variables.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTHON", "SOGNI_"))
    }
    environment |= {"PYTHONWARNINGS": "error", "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program) + REPORT],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(report, dict)
    return report


def loaded(report: dict[str, Any], names: set[str]) -> set[str]:
    return names & set(report["loaded"])


# Importing


def test_importing_sogni_loads_nothing_heavy_and_starts_nothing() -> None:
    report = run("import sogni\nassert sogni.__all__ and dir(sogni)")
    assert loaded(report, HEAVY) == set()
    assert report["threads"] == ["MainThread"]


def test_importing_sogni_async_needs_no_loop_yet() -> None:
    report = run("import sogni_async")
    assert loaded(report, HEAVY) == set()
    assert report["threads"] == ["MainThread"]


def test_errors_events_and_parameters_need_no_transport() -> None:
    report = run("from sogni import WaitTimeout, Progress, ImageParams, ProjectStatus, CostEstimate, Model")
    assert loaded(report, HEAVY) == set()


def test_the_pure_helpers_need_no_transport() -> None:
    report = run("from sogni import calculate_video_frames, frames_for_audio")
    assert loaded(report, HEAVY - {"cattrs"}) == set()


def test_every_public_name_of_sogni_without_asyncio() -> None:
    report = run("import sogni\nfor name in sogni.__all__:\n    getattr(sogni, name)")
    assert loaded(report, {"asyncio", *WALLET, "PIL", "aiohttp", "av", "cyclopts", "rich"}) == set()
    assert report["threads"] == ["MainThread"]


@pytest.mark.parametrize("layer", ["_protocol", "_rules"])
def test_the_layers_without_io_load_no_transport(layer: str) -> None:
    report = run(f"""
        import importlib, pkgutil, sogni
        package = importlib.import_module("sogni.{layer}")
        for module in pkgutil.walk_packages(package.__path__, "sogni.{layer}."):
            importlib.import_module(module.name)
    """)
    assert loaded(report, {"asyncio", "requests", "websocket", "stamina", *WALLET}) == set()


def test_the_sandbox_can_be_imported_without_its_extra() -> None:
    report = run("from sogni.sandbox import Sandbox\nSandbox()")
    assert loaded(report, {"aiohttp", "PIL", "av", "requests", "websocket"}) == set()
    assert report["threads"] == ["MainThread"]


# Making a client


@pytest.mark.parametrize("package", ["sogni", "sogni_async"])
def test_making_a_client_starts_nothing(package: str, tmp_path: Path) -> None:
    report = run(
        f"""
        from {package} import SogniClient
        client = SogniClient("key")
        assert client.projects.tracked_projects == []
        """,
        HOME=str(tmp_path),
    )
    assert report["threads"] == ["MainThread"]
    assert loaded(report, WALLET) == set()
    assert ("asyncio" in report["loaded"]) is (package == "sogni_async")


# Using a client against a sandbox in another process


@pytest.fixture(scope="module")
def network() -> Iterator[str]:
    """Address of a sandbox that runs elsewhere, so that what it loads does not count."""
    pytest.importorskip("aiohttp", reason="the sandbox needs it")
    program = """
        import sys
        from sogni.sandbox import Sandbox
        with Sandbox() as network:
            print(network.url, flush=True)
            sys.stdin.read()  # until this test closes it, or dies
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url, "the sandbox did not start"
        yield url
    finally:
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        process.stdout.close()


@pytest.fixture
def place(network: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a program that uses the sandbox, and keeps its files away from the user's own."""
    return {
        "SOGNI_SANDBOX_URL": network,
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
    }


def test_a_blocking_program_never_loads_asyncio(place: dict[str, str]) -> None:
    report = run(
        """
        import sogni

        with sogni.SogniClient() as client:
            models = client.projects.get_supported_models()
            model = next(model for model in models if model.media == "image")
            project = client.projects.create(
                type="image", model_id=model.id, positive_prompt="a lighthouse", number_of_media=1
            )
            kinds = [type(event).__name__ for event in project.events(timeout=30)]
            (result,) = project.wait(timeout=30)
            found = [kinds[-1], len(result.read()) > 100]
        """,
        **place,
    )
    assert report["found"] == ["Completed", True]
    assert loaded(report, {"asyncio", "aiohttp", "PIL", "av", *WALLET}) == set()
    assert report["threads"] == ["MainThread"], "closing ends every thread"


def test_a_program_of_rest_calls_opens_no_socket(place: dict[str, str]) -> None:
    report = run(
        """
        import sogni, threading

        with sogni.SogniClient() as client:
            client.projects.get_supported_models()
            found = [client.state.link.value, [thread.name for thread in threading.enumerate()]]
        """,
        **place,
    )
    assert report["found"] == ["idle", ["MainThread"]]
    assert loaded(report, {"asyncio", *WALLET}) == set()


def test_an_asyncio_program_with_a_key_never_loads_the_wallet(place: dict[str, str]) -> None:
    report = run(
        """
        import asyncio
        import sogni_async

        async def main():
            async with sogni_async.SogniClient() as client:
                models = await client.projects.get_supported_models()
                model = next(model for model in models if model.media == "image")
                project = await client.projects.create(
                    type="image", model_id=model.id, positive_prompt="a lighthouse", number_of_media=1
                )
                return [len(await result.read()) > 100 for result in await project.wait(timeout=30)]

        found = asyncio.run(main())
        """,
        **place,
    )
    assert report["found"] == [True]
    assert loaded(report, {*WALLET, "aiohttp", "PIL", "av"}) == set()
    assert report["threads"] == ["MainThread"]


def test_a_program_with_a_key_that_asks_about_its_account_never_loads_the_wallet(place: dict[str, str]) -> None:
    report = run(
        """
        import sogni

        with sogni.SogniClient() as client:
            heard = []
            client.on("account", heard.append)
            name = client.account.me().username
            client.account.refresh_balance()
            client.account.get_subscription_status()
            pages = list(client.account.transaction_history())
            client.projects.wait_for_models()
            found = [name, client.current_account.username, len(pages) > 0]
            client.account.logout()
        """,
        **place,
    )
    assert report["found"] == ["sandbox", "sandbox", True]
    assert loaded(report, {"asyncio", "filelock", "keyring", *WALLET}) == set()


def test_signing_in_loads_the_wallet(place: dict[str, str]) -> None:
    report = run(
        """
        import sogni

        with sogni.SogniClient() as client:
            import sys
            before = sys.getrecursionlimit()
            found = [client.account.login("sandbox", "sandbox").username, sys.getrecursionlimit() == before]
        """,
        **place,
    )
    assert report["found"] == ["sandbox", True]
    assert loaded(report, WALLET) >= {"eth_account"}


def test_what_is_looked_for_would_be_found() -> None:
    report = run(
        "import asyncio, threading\nthreading.Thread(target=threading.Event().wait, name='left', daemon=True).start()"
    )
    assert loaded(report, HEAVY) == {"asyncio"}
    assert report["threads"] == ["MainThread", "left"]
