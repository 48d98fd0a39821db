"""One deadline per public call, handed down; no layer restarts the clock."""

from __future__ import annotations

import time

from .errors import Problem, ValidationError, WaitTimeout

time_now = time.monotonic
"""The clock of deadlines, snapshots and the session: monotonic seconds."""


# Six weeks, which is what a lock can wait for on every platform.
LONGEST = 3_600_000.0


def _checked(seconds: object) -> float:
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds != seconds:
        problem = Problem(
            "timeout",
            f"timeout must be seconds as a number, or None for no limit; not {str(seconds)[:40]!r}.",
            value=seconds,
            allowed="int, float or None",
        )
        raise ValidationError(problems=[problem])
    return float(min(max(seconds, 0), LONGEST))


class Deadline:
    """The moment at which a call gives up. `None` seconds means never."""

    __slots__ = ("at", "seconds")

    def __init__(self, seconds: float | None) -> None:
        if seconds is not None:
            seconds = _checked(seconds)
        self.seconds = seconds
        self.at = None if seconds is None else time.monotonic() + seconds

    def remaining(self, at_most: float | None = None) -> float | None:
        """Seconds left, never negative; None without limit. `at_most` caps it."""
        if self.at is None:
            return at_most
        left = max(0.0, self.at - time.monotonic())
        return left if at_most is None else min(left, at_most)

    @property
    def expired(self) -> bool:
        """True when the time is up."""
        return self.at is not None and time.monotonic() >= self.at

    def sooner(self, seconds: float | None) -> Deadline:
        """This deadline, or one in `seconds` from now if that comes first."""
        if seconds is None:
            return self
        other = Deadline(seconds)
        return self if self.at is not None and other.at is not None and self.at <= other.at else other

    def error(self, what: str) -> WaitTimeout:
        """The error for a wait that used up this deadline."""
        spent = "" if self.seconds is None else f" after {self.seconds:.3g} s"
        return WaitTimeout(f"Timed out{spent} waiting for {what}.", seconds=self.seconds)
