"""Runs the fuzzer for a while and prints how many inputs each part got. Every part has its own promise."""

from __future__ import annotations

import argparse
import inspect
import json
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from sogni._io.feed import Feed
from sogni._io.link import Link
from sogni._protocol import account_calls, frames, rest, token_calls
from sogni._protocol.answers import read_answer
from sogni._protocol.call import Call, Host
from sogni._protocol.entries import ProjectEntry
from sogni._protocol.messages import read_message
from sogni.errors import ProtocolError, SogniError
from tests.fuzz.inputs import KINDS, PROJECT, Inputs

_MODULES = (rest, account_calls, token_calls)
# Something for every argument that a call must have, by its annotation.
_ARGUMENTS: dict[str, Any] = {"str": "x", "int": 1, "float": 1.0, "bool": True, "str | None": None}


def _calls() -> Iterator[Call[Any]]:
    """Every endpoint whose arguments are plain values."""
    for module in _MODULES:
        for function in vars(module).values():
            if not inspect.isfunction(function) or not str(function.__annotations__.get("return")).startswith("Call["):
                continue
            needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
            if any(one.annotation not in _ARGUMENTS for one in needed):
                continue
            try:
                yield function(**{one.name: _ARGUMENTS[one.annotation] for one in needed})
            except (TypeError, SogniError):
                continue


CALLS = tuple(_calls())


def decoder(inputs: Inputs) -> None:
    """A message of the socket is a frame, or a ProtocolError."""
    try:
        frame = frames.decode(inputs.message())
        frames.body(frame)
    except ProtocolError:
        pass


def messages(inputs: Inputs) -> None:
    """The body of a frame is a message, nothing, or a ProtocolError."""
    try:
        read_message(inputs.dice.choice(KINDS), inputs.payload())
    except ProtocolError:
        pass


class Whole:
    """A feed with one project: nothing raises in it, and the state stays one that can be."""

    def __init__(self) -> None:
        self.feed = Feed(
            address=_never,  # type: ignore[arg-type]
            effect=lambda effect: None,
            refused=lambda: None,
            renew=lambda: False,
            another_id=lambda: False,
            idle_close=60.0,
            network="fast",
            socket_events={},
        )
        self.link = Link(self.feed, "sogni-link")
        self.feed._link = self.link
        self.now = 0.0
        self.count = 0
        self.entry = self._begin()

    def _begin(self) -> ProjectEntry:
        self.feed.session.projects.clear()
        self.feed.session.recently_finished.clear()
        entry = ProjectEntry(PROJECT, number_of_media=1 + self.count % 3, now=self.now)
        self.feed.session.submit(entry, "the request", self.now)
        return entry

    def __call__(self, inputs: Inputs) -> None:
        self.now += inputs.dice.choice((0.0, 0.1, 1.0, 30.0))
        self.count += 1
        if self.count % 40 == 0:
            self.entry = self._begin()
        before = self.feed.broken_frames
        self.feed.link_received(self.link, inputs.message(), self.now)
        assert self.feed.broken_frames - before in (0, 1)
        self.feed.link_tick(self.now)
        entry = self.entry
        snapshot = entry.snapshot(self.now)
        assert 0 <= snapshot.progress <= 100
        assert len(snapshot.jobs) <= entry.number_of_media
        assert all(0 <= job.progress <= 100 and job.id != "" for job in snapshot.jobs)
        assert len({job.id for job in snapshot.jobs}) == len(snapshot.jobs)
        assert snapshot.finished or entry.error is None
        json.dumps([job.status.value for job in snapshot.jobs])


def answers(inputs: Inputs) -> None:
    """An HTTP answer is a value or a SogniError whose text can be printed and whose wait is a number."""
    status, reason, headers, body = inputs.answer()
    host = inputs.dice.choice((Host.REST, Host.SOCKET))
    try:
        value = read_answer(status, reason, headers, body, host=host, now=1.7e9, secrets=("a-secret-key",))
    except SogniError as error:
        text = f"{error}{error!r}"
        assert len(text) < 5000, len(text)
        wait = getattr(error, "retry_after", None)
        assert wait is None or 0 <= wait < float("inf")
        return
    _read(inputs.dice.choice(CALLS), value)


def readers(inputs: Inputs) -> None:
    """Whatever an endpoint answers, its reader gives a value, or an error that becomes a ProtocolError."""
    _read(inputs.dice.choice(CALLS), inputs.value(5))


def _read(call: Call[Any], value: object) -> None:
    try:
        call.read(value)
    except (SogniError, ValueError, TypeError, KeyError, AttributeError):
        # What `Http` turns into a ProtocolError.
        pass


def _never() -> None:
    raise AssertionError("nobody connects here")


def main() -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="in all")
    parser.add_argument("--seed", type=int, default=4)
    arguments = parser.parse_args()
    parts: dict[str, Callable[[Inputs], None]] = {
        "frames decoded": decoder,
        "messages read": messages,
        "frames through a whole feed": Whole(),
        "HTTP answers read": answers,
        "endpoints read": readers,
    }
    print(f"{len(CALLS):9,} endpoints")
    broken = 0
    for name, part in parts.items():
        inputs = Inputs(arguments.seed)
        tried, wrong = 0, 0
        seen: set[str] = set()
        end = time.monotonic() + arguments.seconds / len(parts)
        while time.monotonic() < end:
            for _ in range(50):
                tried += 1
                try:
                    part(inputs)
                except Exception as problem:
                    wrong += 1
                    where = traceback.format_exc().splitlines()[-3:]
                    if str(where) not in seen:
                        seen.add(str(where))
                        print(f"  BROKEN by input {tried} of seed {arguments.seed}: {type(problem).__name__}")
                        print("".join(f"    {line}\n" for line in traceback.format_exc().splitlines()[-9:]))
        print(f"{tried:9,} {name}, {wrong} promises broken", flush=True)
        broken += wrong
    return 1 if broken else 0


if __name__ == "__main__":
    import logging

    # Frames that are dropped on purpose are logged, each with its reason.
    logging.disable(logging.CRITICAL)
    raise SystemExit(main())
