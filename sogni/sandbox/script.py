"""The table of knobs: how `Sandbox.script` changes the next project, connection, request or transfer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import attrs

from .faults import FAULTS, Fault, find, unknown_name

#: What spends a knob: one `times` of it is used up by the next thing of this kind.
Subject: TypeAlias = Literal[
    "project", "cancel", "connection", "request", "import", "upload", "download", "url", "account"
]

MOMENTS = ("accepted", "queued", "assigned", "initiating", "started", "progress", "preview", "result", "completed")
RENDERING = ("initiating", "started", "progress", "preview")
WAITING_REASONS = ("concurrency_limit", "model_concurrency_limit", "payment_pending", "no_workers", "queued")
#: What stands in `next` on the last page of transactions, and how typed data that is to be signed may lie.
LAST_PAGES = ("zero", "missing", "null", "same", "beyond")
LIES = ("chain", "name", "type", "owner", "spender", "amount", "deadline")
LORA_FAILURES = ("source_access", "subscription_required", "catalog_duplicate", "invalid_artifact")
PROGRESS_STYLES = ("steps", "fraction", "percent", "eta")


@attrs.frozen
class Moment:
    """A point in the life of a project: the `count`-th frame of a kind, over all its jobs."""

    name: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.name}:{self.count}"


def moment(value: object) -> Moment | None:
    """Read `"progress:2"`; True is the first progress frame, None and False are no moment."""
    if value is None or value is False or isinstance(value, Moment):
        return value or None
    if value is True:
        return Moment("progress")
    found = re.fullmatch(r"([a-z]+)(?::([1-9]\d*))?", value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"a moment is written like 'progress:2', not {value!r}")
    if found[1] not in MOMENTS:
        raise ValueError(unknown_name("moment", found[1], MOMENTS))
    return Moment(found[1], int(found[2] or 1))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"takes True or False, not {value!r}")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 86_400:
        raise ValueError(f"takes seconds, not {value!r}")
    return float(value)


def _whole(low: int, high: int, what: str) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"takes {what} from {low} to {high}, not {value!r}")
        return value

    return check


def _indices(value: object) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"takes a list of job indices (counted from 0), not {value!r}")
    return tuple(_whole(0, 10_000, "a job index")(index) for index in value)


def _choice(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(unknown_name("value", str(value), allowed))
        return value

    return check


def _paths(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"takes a mapping of path patterns to fault names, not {value!r}")
    for kind in value.values():
        if find(kind).place != "request":
            usable = (name for name, fault in FAULTS.items() if fault.place == "request")
            raise ValueError(unknown_name("HTTP fault", kind, usable))
    return dict(value)


def _offset(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -86_400 <= value <= 86_400:
        raise ValueError(f"takes seconds, up to a day in either direction, not {value!r}")
    return float(value)


_status = _whole(300, 599, "an HTTP status")
_size = _whole(0, 1 << 40, "bytes")


def _optional(check: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else check(value)


def _knob(subject: Subject, check: Callable[[object], Any], default: Any, doc: str) -> Any:
    return attrs.field(default=default, converter=check, metadata={"subject": subject, "doc": doc})


def _on(subject: Subject, doc: str) -> Any:
    return _knob(subject, _flag, False, doc)


def _at(doc: str) -> Any:
    return _knob("project", moment, None, doc)


def _in_a_render(value: object) -> Moment | None:
    """A moment at which a job is on a worker."""
    at = moment(value)
    if at is not None and at.name not in RENDERING:
        raise ValueError(unknown_name("moment of a render", at.name, RENDERING))
    return at


def _at_render(doc: str) -> Any:
    return _knob("project", _in_a_render, None, doc)


@attrs.frozen(kw_only=True)
class Script:
    """What may be scripted; an unset knob changes nothing."""

    # the link, while a project runs
    drop_socket_after: Moment | None = _at("abort the connection after this moment")
    restart: Moment | None = _at("close every connection with 1001 at this moment; projects go on")
    displace: Moment | None = _at("close the connection with 4015 at this moment")
    close_socket: int | None = _knob(
        "project", _optional(_whole(1000, 4999, "a close code")), None, "code for drop_socket_after, for an abort"
    )
    pause_offline: bool = _on("project", "rendering waits while the app has no connection")
    hold_at: Moment | None = _at("stop at this moment until `Sandbox.release()`")
    lose_before_accept: bool = _on("project", "abort the connection when the request arrives, and forget the request")
    # workers
    reassign_worker: Moment | None = _at_render("another worker takes over: jobRetry, new imgID, steps from 0")
    silent_reassign: Moment | None = _at_render("the same without a jobRetry frame")
    ghost_frames: bool = _on("project", "the first worker's frames still trickle in after a reassignment")
    waiting: str | None = _knob("project", _optional(_choice(*WAITING_REASONS)), None, "why the project queues")
    queue_position: int = _knob("project", _whole(0, 1000, "a position"), 0, "start this far back in the queue")
    no_workers: bool = _on("project", "the queue says `no-workers` first")
    # results
    withhold: tuple[int, ...] = _knob("project", _indices, (), "jobs withheld by the filter (triggeredNSFWFilter)")
    label: tuple[int, ...] = _knob("project", _indices, (), "jobs delivered but labelled (nsfwDetected)")
    fail_jobs: tuple[int, ...] = _knob("project", _indices, (), "jobs that end with genfailure")
    lose_results: tuple[int, ...] = _knob("project", _indices, (), "jobs whose jobResult frame never arrives")
    lose_completed: bool = _on("project", "the jobCompleted frame never arrives")
    hosted_results: bool = _on("project", "jobResult carries a direct resultUrl, as outside providers do")
    late_record: int = _knob("project", _whole(0, 1000, "look-ups"), 0, "the stored record is a 404 this many times")
    # frames
    duplicate_frames: bool = _on("project", "every frame arrives twice")
    reorder: bool = _on("project", "neighbouring frames of a project swap places")
    delay: float = _knob("project", _seconds, 0.0, "seconds before every frame of a project")
    omit_job_index: bool = _on("project", "frames carry no jobIndex")
    completed_before_result: bool = _on("project", "jobCompleted overtakes the last jobResult")
    late_frames: bool = _on("project", "progress, queue and error frames after the end")
    phantom_eta: bool = _on("project", "jobETA frames without imgID")
    progress_style: str = _knob("project", _choice(*PROGRESS_STYLES), "steps", "how jobProgress tells progress")
    lowercase_ids: bool = _on("project", "frames spell the ids in lower case")
    garbage: Moment | None = _at("undecodable, unknown and hostile frames at this moment")
    # cancelling
    cancel_unconfirmed: bool = _on("cancel", "didCancel false; the project goes on")
    cancel_silent: bool = _on("cancel", "no answer at all; the project goes on")
    cancel_error_first: bool = _on("cancel", "a jobError artistCanceled before the confirmation")
    # connecting
    refuse_upgrade: int | None = _knob("connection", _optional(_status), None, "HTTP status instead of a socket")
    no_authenticated: bool = _on("connection", "the authenticated frame never comes")
    late_authenticated: float = _knob("connection", _seconds, 0.0, "seconds before the authenticated frame")
    bare_authenticated: bool = _on("connection", "authenticated without the two project arrays")
    close_on_connect: int | None = _knob(
        "connection", _optional(_whole(0, 4999, "a close code")), None, "close right after the upgrade; 0 aborts"
    )
    no_entitlement: bool = _on("connection", "authenticated without subscriptionEntitlement, as old servers")
    deaf: bool = _on("connection", "the connection is accepted and then never read: no pong, no answer")
    # HTTP
    http: Mapping[str, str] = _knob("request", _paths, attrs.Factory(dict), "path pattern -> HTTP fault")
    rate_limit: float | None = _knob("request", _optional(_seconds), None, "429 asking for this many seconds")
    saved_uploads: bool = _on("request", "the account may save uploads: the capabilities say so once")
    reject_lora: str | None = _knob("import", _optional(_choice(*LORA_FAILURES)), None, "an import ends `rejected`")
    fail_upload: int | None = _knob("upload", _optional(_status), None, "status of a PUT of media")
    cut_upload: int | None = _knob("upload", _optional(_size), None, "abort a PUT after this many bytes")
    fail_download: int | None = _knob("download", _optional(_status), None, "status of a GET of media")
    cut_download: int | None = _knob("download", _optional(_size), None, "abort a GET after this many bytes")
    expire_urls: bool = _on("url", "a signed URL that has expired when it arrives")
    # accounts; the first two count for everything, until `Sandbox.reset()`
    testnet: bool = _on("account", "this is the test network: other domains and chains are signed for")
    clock_offset: float = _knob("account", _offset, 0.0, "seconds that the clock of tokens and of Date is ahead")
    token_life: float | None = _knob("account", _optional(_seconds), None, "seconds that an access token lives")
    refresh_life: float | None = _knob("account", _optional(_seconds), None, "seconds that a refresh token lives")
    expire_on_upload: bool = _on("account", "every access token expires while a file arrives")
    slow_renewal: float = _knob("account", _seconds, 0.0, "seconds before a renewal is answered")
    broken_pair: bool = _on("account", "a renewal answers 200 without a refresh token")
    bare_answers: bool = _on("account", "an account endpoint answers without the envelope")
    partial_balance: bool = _on("account", "balanceUpdate tells only of the token that changed")
    numeric_amounts: bool = _on("account", "amounts of transactions are numbers, not texts")
    null_times: bool = _on("account", "transactions have null for times")
    last_page: str = _knob("account", _choice(*LAST_PAGES), "zero", "what `next` is on the last page of transactions")
    versioned_status: bool = _on("account", "the subscription status carries a version")
    slow_status: float = _knob("account", _seconds, 0.0, "seconds that a subscription status is old when it arrives")
    hostile_permit: str | None = _knob(
        "account", _optional(_choice(*LIES)), None, "in what the data lies that a wallet is asked to sign"
    )
    approval_lag: int = _knob("account", _whole(0, 100, "deposits"), 0, "deposits still refused after an approval")
    first_page: int = _knob("account", _whole(0, 1, "a page"), 0, "number of the first page of the leaderboard")


#: The same table as data: name -> field with its subject and sentence.
KNOBS: Mapping[str, attrs.Attribute[Any]] = {knob.name: knob for knob in attrs.fields(Script)}


@attrs.define
class _Armed:
    value: Any
    left: int | None


def _script(knobs: Mapping[str, Any]) -> Script:
    return Script(**knobs)


class Rig:
    """The knobs and faults that are armed, each spent in the order it was set."""

    def __init__(self) -> None:
        self._knobs: dict[str, list[_Armed]] = {}
        self._faults: list[tuple[str, Fault, str, _Armed]] = []

    def arm(self, knobs: Mapping[str, object], times: int | None) -> None:
        """Set knobs, each for the next `times` things they apply to (None: for all)."""
        _check_times(times)
        for name in knobs:
            if name not in KNOBS:
                raise ValueError(unknown_name("knob", name, KNOBS))
        checked = {}
        for name, value in knobs.items():
            try:
                checked[name] = getattr(_script({name: value}), name)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        for pattern, kind in checked.pop("http", {}).items():
            self.arm_fault(kind, times, pattern)
        for name, value in checked.items():
            self._knobs.setdefault(name, []).append(_Armed(value, times))

    def arm_fault(self, kind: str, times: int | None, path: str) -> None:
        """Set a fault for the next `times` things at its place, and for matching paths only."""
        _check_times(times)
        fault = find(kind)
        if path != "*" and fault.place != "request":
            raise ValueError(f"{kind} strikes a {fault.place}; path= is for HTTP faults only")
        self._faults.append((kind, fault, path, _Armed(fault, times)))

    def take(self, name: str) -> Any:
        """Value of one knob, spending one time of it; its default when it is not armed."""
        waiting = self._knobs.get(name)
        if not waiting:
            return getattr(Script(), name)
        value = waiting[0].value
        if _spend(waiting[0]):
            waiting.pop(0)
        return value

    def peek(self, name: str) -> Any:
        """Value of one knob without spending it."""
        waiting = self._knobs.get(name)
        return waiting[0].value if waiting else getattr(Script(), name)

    def take_script(self, subject: Subject) -> Script:
        """All knobs of one subject, spending one time of each."""
        names = [name for name, knob in KNOBS.items() if knob.metadata["subject"] == subject and name in self._knobs]
        return Script(**{name: self.take(name) for name in names})

    def take_fault(self, matches: Callable[[Fault, str], bool]) -> tuple[str, Fault] | None:
        """The first armed fault that matches (fault, path pattern), spending one time of it."""
        for number, (kind, fault, path, armed) in enumerate(self._faults):
            if matches(fault, path):
                if _spend(armed):
                    del self._faults[number]
                return kind, fault
        return None

    def armed(self) -> list[tuple[str, str, int | None]]:
        """What is armed: its name, its value as text, and how many it is still for (None: for all)."""
        knobs = [(name, _shown(one.value), one.left) for name, waiting in self._knobs.items() for one in waiting]
        return knobs + [(kind, "" if path == "*" else path, one.left) for kind, _, path, one in self._faults]

    def clear(self) -> None:
        """Nothing is armed any more."""
        self._knobs.clear()
        self._faults.clear()


def _shown(value: object) -> str:
    return "" if value is True else str(list(value) if isinstance(value, tuple) else value)


def _check_times(times: int | None) -> None:
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ValueError(f"times is a number from 1 on, or None for always; not {times!r}")


def _spend(armed: _Armed) -> bool:
    if armed.left is None:
        return False
    armed.left -= 1
    return armed.left <= 0
