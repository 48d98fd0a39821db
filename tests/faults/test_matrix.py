"""The fault matrix names tests that exist, and its page is fresh."""

from __future__ import annotations

from .matrix import MATRIX, PAGE, page
from .named import missing


def test_every_row_has_tests_that_exist() -> None:
    rows = [row for part in MATRIX for row in part.rows]
    assert len(rows) >= 40
    assert len({row.fault for row in rows}) == len(rows)
    assert all(row.tests for row in rows)
    assert [name for row in rows for name in missing(row.tests)] == []


def test_nothing_is_ordered_twice() -> None:
    assert {row.twice for part in MATRIX for row in part.rows} == {"nothing"}


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python -m tests.faults.matrix`"
