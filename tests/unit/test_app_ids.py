"""App ids are leased: one for each process, the lowest free one, freed by the operating system."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sogni._store import app_ids
from sogni.errors import ConfigError

LEASE = "from sogni._store.app_ids import lease; held = lease(); print(held.app_id, flush=True); input()"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("SOGNI_STATE_DIR", str(folder))
    return folder


def process() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LEASE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def read(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def test_processes_get_ids_of_their_own_and_a_crash_frees_one() -> None:
    running = [process() for _ in range(3)]
    ids = [read(one) for one in running]
    assert len(set(ids)) == 3
    assert {name.rpartition("-")[2] for name in ids} == {"1", "2", "3"}
    assert len({name.rpartition("-")[0] for name in ids}) == 1
    first = next(one for one, name in zip(running, ids, strict=True) if name.endswith("-1"))
    first.kill()
    first.wait()
    again = process()
    assert read(again).endswith("-1")
    for one in [*running, again]:
        one.kill()
        one.communicate()


def test_each_client_has_its_own_and_gives_it_back() -> None:
    first, second = app_ids.lease(), app_ids.lease()
    assert (first.app_id[-2:], second.app_id[-2:]) == ("-1", "-2")
    first.release()
    again = app_ids.lease()
    assert again.app_id == first.app_id
    again.release()
    second.release()


def test_threads_never_share_one() -> None:
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda _: app_ids.lease(), range(8)))
    assert len({lease.app_id for lease in leases}) == 8
    for lease in leases:
        lease.release()


def test_a_place_that_cannot_be_written_to_says_what_to_set(state: Path) -> None:
    state.parent.joinpath("state").write_text("a file in the way")
    with pytest.raises(ConfigError, match="SOGNI_STATE_DIR"):
        app_ids.lease()


def test_all_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_ids, "SLOTS", 1)
    other = process()
    assert read(other).endswith("-1")
    with pytest.raises(ConfigError, match="SOGNI_APP_ID"):
        app_ids.lease()
    other.kill()
    other.communicate()


def test_an_unfinished_name_is_mended(state: Path) -> None:
    folder = state / "app-ids"
    folder.mkdir(parents=True)
    (folder / "name").write_text("")
    held = app_ids.lease()
    assert held.app_id.startswith("sogni-py-")
    held.release()
    assert (folder / "name").read_text().startswith("sogni-py-")
