"""The ledger of orders survives crashes, full disks, clocks that jump, and whatever stands in its file."""

from __future__ import annotations

import json
import logging
import time
import uuid
from pathlib import Path

import pytest

from sogni._store.ledger import Ledger, Order, account_hash

NOW = time.time()


def order(name: str, at: float = NOW) -> Order:
    return Order(name, at, account_hash("0xABC"), "app-1", "run")


def names(ledger: Ledger, now: float = NOW) -> list[str]:
    return [order.id for order in ledger.open_orders(now)]


def test_what_is_open(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state")
    ledger.note(order("A"), [], NOW)
    ledger.note(order("B"), ["A"], NOW)
    ledger.note(None, ["none"], NOW)
    assert names(Ledger(tmp_path / "state")) == ["B"]
    assert ledger.open_orders(NOW)[0] == order("B")
    assert (ledger.sent_at("B"), ledger.sent_at("C")) == (NOW, None)
    assert names(ledger, NOW + 8 * 86_400) == []
    assert account_hash("0xabc") == account_hash("0xABC") != account_hash("0xabd")
    assert account_hash(None) is None


def test_a_line_that_a_crash_cut_short_swallows_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note(order("A"), [], NOW)
    with (tmp_path / "orders.jsonl").open("a") as file:
        file.write('{"id":"B","at":17')
    ledger.note(order("C"), [], NOW)
    assert names(ledger) == ["A", "C"]


@pytest.mark.parametrize("at", ["1" + "0" * 400, "NaN", "1e999", "-5", "true", '"text"', "[1]"])
def test_what_is_no_moment(tmp_path: Path, at: str) -> None:
    (tmp_path / "orders.jsonl").write_text(f'{{"id":"X","at":{at}}}\n' + "[" * 5000 + "\n[]\n")
    ledger = Ledger(tmp_path)
    assert (names(ledger), ledger.sent_at("X")) == ([], None)
    ledger.note(order("A"), [], NOW)
    assert names(ledger) == ["A"]


def test_a_file_that_has_grown_is_shortened_and_keeps_what_is_open(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for name in ("A", "B"):
        ledger.note(order(name), [], NOW)
    # The clock was ahead for a while.
    ledger.note(order("FUTURE", NOW + 86_400), [], NOW)
    ledger.note(order("NEVER", NOW + 30 * 86_400), [], NOW)
    path = tmp_path / "orders.jsonl"
    with path.open("a") as file:
        file.writelines(json.dumps({"id": str(uuid.uuid4()), "ended": True}) + "\n" for _ in range(12_000))
    ledger.note(order("C"), [], NOW)
    assert names(ledger) == ["A", "B", "FUTURE", "C"]
    assert path.stat().st_size < 10_000
    assert not list(tmp_path.glob("*.part"))


def test_a_disk_that_does_not_take_it_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "orders.jsonl").mkdir()
    ledger = Ledger(tmp_path)
    with caplog.at_level(logging.WARNING, "sogni"):
        ledger.note(order("A"), [], NOW)
        ledger.note(order("B"), [], NOW)
    assert len([record for record in caplog.records if "orders.jsonl cannot be written" in record.message]) == 1
    assert names(ledger) == []
