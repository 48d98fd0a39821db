"""What type checkers make of programs that use the packages: nothing of a good one, every mistake of a bad one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# The first run of a checker reads the whole standard library.
PATIENCE = 240
pytestmark = pytest.mark.timeout(PATIENCE)


def run(*arguments: str) -> str:
    """The standard output of a module of Python."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def by_pyright() -> dict[str, set[int]]:
    """What pyright finds in strict mode: the lines of each file here."""
    pytest.importorskip("basedpyright", reason="only the development tools have it")
    answer = run("basedpyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(HERE))
    found: dict[str, set[int]] = {}
    report = json.loads(answer)
    assert report["summary"]["filesAnalyzed"] == 2
    for entry in report["generalDiagnostics"]:
        found.setdefault(Path(entry["file"]).name, set()).add(entry["range"]["start"]["line"] + 1)
    return found


@pytest.fixture(scope="module")
def by_mypy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[int]]:
    """What mypy finds in strict mode, without the exceptions that tests have."""
    settings = tmp_path_factory.mktemp("mypy") / "mypy.ini"
    settings.write_text("[mypy]\nstrict = true\nfollow_imports = silent\nignore_missing_imports = true\n")
    files = [str(HERE / "accepted.py"), str(HERE / "mistakes.py")]
    answer = run("mypy", "--config-file", str(settings), "--cache-dir", str(settings.parent), *files)
    found: dict[str, set[int]] = {}
    for file, line in re.findall(r"^(.+?):(\d+): error:", answer, re.MULTILINE):
        found.setdefault(Path(file).name, set()).add(int(line))
    return found


def marked() -> set[int]:
    lines = (HERE / "mistakes.py").read_text("utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if "# WRONG" in line}


def test_there_are_mistakes() -> None:
    assert len(marked()) > 30


def test_pyright(by_pyright: dict[str, set[int]]) -> None:
    assert by_pyright.get("accepted.py", set()) == set()
    assert by_pyright["mistakes.py"] == marked()


def test_mypy(by_mypy: dict[str, set[int]]) -> None:
    assert by_mypy.get("accepted.py", set()) == set()
    assert by_mypy["mistakes.py"] == marked()
