"""What this installation ordered and has not seen the end of: one line per order, kept across processes and crashes.

A line is written before its order is sent. Nothing in it tells what was ordered: an id, a moment, which account (as a
hash) and app id, and which run of which process.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger("sogni")

# Seconds. The service remembers projects for seven days.
REMEMBERED = 7 * 86_400.0
_LARGEST = 512 * 1024


@frozen
class Order:
    """One order that nobody here has seen the end of."""

    id: str
    at: float
    account: str | None
    app_id: str
    run: str


def account_hash(address: str | None) -> str | None:
    """What stands for an account in the ledger."""
    return hashlib.sha256(address.lower().encode()).hexdigest()[:16] if address else None


class Ledger:
    """See the module's first lines. A disk that does not take it is told of once, and costs no order."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "orders.jsonl"
        self._told = False
        self._limit = _LARGEST

    def note(self, sent: Order | None, ended: Iterable[str], now: float) -> None:
        """An order is about to be sent, and the ends of others were seen."""
        lines: list[dict[str, object]] = [{"id": project_id, "ended": True} for project_id in ended]
        if sent is not None:
            lines.append(_line(sent))
        if lines:
            self._append(lines, now)

    def open_orders(self, now: float) -> list[Order]:
        """The orders of the last days without an end, the oldest first."""
        orders: dict[str, Order] = {}
        for line in self._lines():
            if line.get("ended"):
                orders.pop(line["id"], None)
                continue
            order = _order(line)
            if order is not None and abs(now - order.at) < REMEMBERED:
                orders[order.id] = order
        return list(orders.values())

    def sent_at(self, project_id: str) -> float | None:
        """When an order of that id was last sent by this installation, in seconds since the epoch."""
        found = None
        for line in self._lines():
            order = _order(line)
            if order is not None and order.id == project_id:
                found = order.at
        return found

    def _append(self, lines: Iterable[dict[str, object]], now: float) -> None:
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._lock():
                self._shorten(now)
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(descriptor, "r+b") as file:
                    # A line that a crash, or a full disk, has cut short must not swallow the next one.
                    size = file.seek(0, os.SEEK_END)
                    file.seek(max(0, size - 1))
                    fresh = not size or file.read(1) == b"\n"
                    file.write((text if fresh else f"\n{text}").encode())
        except OSError as error:
            if not self._told:
                self._told = True
                log.warning(
                    "%s cannot be written (%s): projects.recover() will not find what is ordered now",
                    self._path,
                    error.strerror or type(error).__name__,
                )

    def _shorten(self, now: float) -> None:
        """Leave only what is open, once the file has grown."""
        try:
            if self._path.stat().st_size < self._limit:
                return
        except FileNotFoundError:
            return
        part = self._path.with_suffix(".part")
        with part.open("w", encoding="ascii") as file:
            for order in self.open_orders(now):
                file.write(json.dumps(_line(order), separators=(",", ":")) + "\n")
        os.replace(part, self._path)
        # Many open orders must not be written again for each new one.
        self._limit = max(_LARGEST, 2 * self._path.stat().st_size)

    def _lock(self) -> FileLock:
        from filelock import FileLock

        return FileLock(self._path.with_suffix(".lock"), timeout=10, thread_local=False)

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            text = self._path.read_text("utf-8", "replace")
        except OSError:
            return
        for row in text.splitlines():
            try:
                line = json.loads(row)
            except (ValueError, RecursionError):
                continue  # cut short by a crash
            if isinstance(line, dict) and isinstance(line.get("id"), str):
                yield line


def _line(order: Order) -> dict[str, object]:
    return {"id": order.id, "at": order.at, "account": order.account, "app": order.app_id, "run": order.run}


def _order(line: dict[str, Any]) -> Order | None:
    at, account = line.get("at"), line.get("account")
    # JSON carries numbers that are no moment.
    if not isinstance(at, (int, float)) or isinstance(at, bool) or not 0 <= at < 2**40:
        return None
    return Order(
        id=line["id"],
        at=float(at),
        account=account if isinstance(account, str) else None,
        app_id=str(line.get("app", "")),
        run=str(line.get("run", "")),
    )
