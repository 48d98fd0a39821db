"""Every Python block of the pages does what it says, on its own, in an empty folder; the tables on them are fresh."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codegen import faults, models, pages
from sogni.sandbox.faults import FAULTS
from sogni.sandbox.script import KNOBS

from .test_readme import ROOT, blocks, check_block, name

PAGES = sorted((ROOT / "docs").glob("*.md"))
CODE = [(page.stem, code) for page in PAGES for code in blocks(page.read_text("utf-8"), "python")]


@pytest.mark.parametrize(("page", "code"), CODE, ids=[f"{page}-{name(code)}" for page, code in CODE])
def test_python(offline, folder: Path, page: str, code: str) -> None:
    check_block(offline, folder, code)


def test_there_are_blocks_on_the_pages_for_users() -> None:
    assert {"index", "guide", "sandbox"} <= {page for page, _ in CODE}


def test_no_page_names_a_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(home|root|work|tmp|Users)/", page.read_text("utf-8")), page


def test_the_page_of_the_models_is_fresh() -> None:
    assert models.main(["--check"]) == 0


def test_a_stale_page_is_noticed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "models.md"
    assert pages.write_or_check(page, "new\n", "the command", ["--check"]) == 1
    assert "models.md is not fresh: run `the command`" in capsys.readouterr().out
    assert not page.exists()
    assert pages.write_or_check(page, "new\n", "the command", []) == 0
    assert page.read_text("utf-8") == "new\n"
    assert pages.write_or_check(page, "new\n", "the command", ["--check"]) == 0


def test_every_knob_and_fault_is_in_the_tables() -> None:
    knobs = faults.knobs()
    assert [knob for knob in KNOBS if f"| `{knob}` |" not in knobs] == []
    table = faults.faults()
    assert [fault for fault in FAULTS if f"| `{fault}` |" not in table] == []
