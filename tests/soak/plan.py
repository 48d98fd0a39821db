"""The faults of a soak: a table of kinds, and a random plan made of it that a seed repeats."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from attrs import frozen

from sogni.sandbox import Sandbox

# Every way to end a connection that comes back; None breaks it without a word.
CODES = (None, 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 3999)
# Codes that end it for good: waits end with an error, and the next call connects again.
FINAL_CODES = (4000, 4010, 4015, 4021, 4999)
MOMENTS = ("accepted", "queued", "assigned", "initiating", "started", "progress", "progress:3", "result", "completed")
RENDERING = ("initiating", "started", "progress", "progress:2")
BUSY = ("rate_limit", "unavailable", "bad_gateway", "server_error", "empty", "abort", "not_json", "busy")
ASKED = ("/v1/projects/*", "/v2/projects/*", "/api/v1/artist/*", "/v1/image/*")
REFUSALS = ("insufficient_funds", "queue_cap", "billing_grace", "plan_limit", "invalid_request", "model_unavailable")
BAD_RENDERS = ("genfailure", "sensitive_content", "server_restarting", "worker_disconnected", "vendor_transient")


@frozen
class Strike:
    """One fault of the plan.

    Attributes:
        at: How many orders must have arrived before it strikes.
        name: Its kind.
        act: Does it.
    """

    at: int
    name: str
    act: Callable[[Sandbox], object]


def _script(times: int, **knobs: object) -> Callable[[Sandbox], object]:
    return lambda sandbox: sandbox.script(times=times, **knobs)


def _fails(kind: str, times: int, path: str = "*") -> Callable[[Sandbox], object]:
    return lambda sandbox: sandbox.fail_next(kind, times, path)


Make = Callable[[random.Random], tuple[str, Callable[[Sandbox], object]]]


def _drop(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    code = dice.choice(CODES)
    return f"drop {code}", lambda sandbox: sandbox.drop_sockets(code)


def _final_drop(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    code = dice.choice(FINAL_CODES)
    return f"drop {code}", lambda sandbox: sandbox.drop_sockets(code)


def _drop_at(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    moment, code = dice.choice(MOMENTS), dice.choice((*CODES, *FINAL_CODES))
    knobs: dict[str, object] = {"drop_socket_after": moment}
    if code is not None:
        knobs["close_socket"] = code
    if dice.random() < 0.3:
        knobs["pause_offline"] = True
    return f"drop at {moment} {code}", _script(1, **knobs)


def _moment(knob: str, moments: tuple[str, ...]) -> Make:
    def make(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
        moment = dice.choice(moments)
        return f"{knob} at {moment}", _script(dice.randint(1, 3), **{knob: moment})

    return make


def _knob(knob: str, *values: object) -> Make:
    def make(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
        value = dice.choice(values)
        return f"{knob} {value}", _script(dice.randint(1, 3), **{knob: value})

    return make


def _frames(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    """Several kinds of bad frames for the same projects."""
    knobs: dict[str, object] = {}
    for knob in dice.sample(_FRAME_KNOBS, dice.randint(2, 4)):
        knobs[knob] = True
    if dice.random() < 0.4:
        knobs["progress_style"] = dice.choice(("fraction", "percent", "eta"))
    if dice.random() < 0.4:
        knobs[dice.choice(("reassign_worker", "silent_reassign"))] = dice.choice(RENDERING)
    return "frames " + " ".join(knobs), _script(dice.randint(2, 6), **knobs)


_FRAME_KNOBS = (
    "duplicate_frames",
    "reorder",
    "omit_job_index",
    "completed_before_result",
    "late_frames",
    "phantom_eta",
    "lowercase_ids",
    "ghost_frames",
    "lose_completed",
)


def _http(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    kind, path, times = dice.choice(BUSY), dice.choice(ASKED), dice.randint(1, 8)
    return f"{kind} x{times} {path}", _fails(kind, times, path)


def _outage(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    """The connection breaks and the look-ups that follow fail too."""
    code, kind = dice.choice(CODES), dice.choice(BUSY)

    def act(sandbox: Sandbox) -> None:
        for path in ("/v1/projects/*", "/v2/projects/*", "/api/v1/artist/*"):
            sandbox.fail_next(kind, 6, path)
        sandbox.drop_sockets(code)

    return f"outage {code} {kind}", act


def _refusal(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    kind = dice.choice(REFUSALS)
    return f"refused {kind}", _fails(kind, 1)


def _restart(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    """A few orders are refused because the server goes down, then it does."""
    times = dice.randint(1, 5)

    def act(sandbox: Sandbox) -> None:
        sandbox.fail_next("restarting", times)
        seen = len(sandbox.submissions)
        try:
            sandbox.wait_for(lambda: len(sandbox.submissions) >= seen + times, 1)
        except TimeoutError:
            pass
        sandbox.drop_sockets(1001)

    return f"restarting x{times}", act


def _bad_render(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    kind = dice.choice(BAD_RENDERS)
    return f"render {kind}", _fails(kind, dice.randint(1, 3))


def _connecting(dice: random.Random) -> tuple[str, Callable[[Sandbox], object]]:
    """The next connections are no good, and there will be one."""
    knobs: Mapping[str, object] = dice.choice(
        (
            {"refuse_upgrade": 503},
            {"refuse_upgrade": 429},
            {"late_authenticated": 1.0},
            {"bare_authenticated": True},
            {"close_on_connect": 0},
            {"close_on_connect": 1011},
            {"close_on_connect": 1001},
            {"close_on_connect": 4015},
        )
    )

    def act(sandbox: Sandbox) -> None:
        sandbox.script(times=1, **knobs)
        sandbox.drop_sockets()

    return f"connecting {dict(knobs)}", act


KINDS: Mapping[str, tuple[int, Make]] = {
    # name: (weight, maker)
    "drop": (4, _drop),
    "final drop": (1, _final_drop),
    "drop at": (5, _drop_at),
    "restart": (1, _moment("restart", MOMENTS)),
    "displace": (1, _moment("displace", MOMENTS)),
    "restarting": (2, _restart),
    "lost request": (2, _knob("lose_before_accept", True)),
    "refusal": (2, _refusal),
    "connecting": (3, _connecting),
    "outage": (2, _outage),
    "http": (4, _http),
    "frames": (6, _frames),
    "reassigned": (2, _moment("reassign_worker", RENDERING)),
    "silently reassigned": (2, _moment("silent_reassign", RENDERING)),
    "late record": (1, _knob("late_record", 1, 3)),
    "lost result": (2, _knob("lose_results", (0,), (0, 1))),
    "lost completion": (1, _knob("lose_completed", True)),
    "withheld": (1, _knob("withhold", (0,), (1,))),
    "labelled": (1, _knob("label", (0,))),
    "failed output": (2, _knob("fail_jobs", (0,), (1,), (0, 1, 2))),
    "bad render": (2, _bad_render),
    "garbage": (2, _moment("garbage", MOMENTS)),
    "slow frames": (1, _knob("delay", 0.05)),
    "queue": (1, _knob("waiting", "concurrency_limit", "queued", "no_workers")),
    "cancel": (2, _knob("cancel_unconfirmed", True)),
    "silent cancel": (1, _knob("cancel_silent", True)),
    "cancel with an error": (1, _knob("cancel_error_first", True)),
    "download": (3, _knob("cut_download", 50, 150)),
    "refused download": (2, _knob("fail_download", 503, 500, 403)),
    "expired": (3, _knob("expire_urls", True)),
    "upload": (2, _knob("cut_upload", 50)),
    "refused upload": (2, _knob("fail_upload", 503, 403)),
}


def plan(seed: int, faults: int, projects: int) -> list[Strike]:
    """`faults` strikes spread over `projects` orders; the same for the same seed. Every kind comes up."""
    dice = random.Random(seed)
    names = list(KINDS)
    chosen = names[:faults]
    chosen += dice.choices(names, weights=[weight for weight, _ in KINDS.values()], k=max(0, faults - len(chosen)))
    dice.shuffle(chosen)
    strikes = []
    for number, kind in enumerate(chosen):
        name, act = KINDS[kind][1](dice)
        strikes.append(Strike(int(number * projects * 0.95 / faults), name, act))
    return strikes
