"""Seconds to frames, as each family counts them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..errors import Problem, ValidationError
from .row import Row
from .rule import ModelRule, rule_for
from .values import number, short

if TYPE_CHECKING:
    from ..types.catalog import ModelOptions


def js_round(value: float) -> int:
    """The nearest whole number, halves upwards as JavaScript does it; Python's `round` gives other frame counts."""
    return math.floor(value + 0.5)


class Grid(Row):
    """Frame counts that go up in fixed steps."""

    base: int
    step: int
    last: int

    def __contains__(self, frames: int) -> bool:
        return self.base <= frames <= self.last and (frames - self.base) % self.step == 0

    def nearest(self, frames: float, low: int | None = None, high: int | None = None) -> int | None:
        """The grid's value nearest to a number, at or between two bounds; None when there is none between them."""
        first = math.ceil((max(self.base, low or self.base) - self.base) / self.step)
        last = math.floor((min(self.last, high or self.last) - self.base) / self.step)
        if first > last:
            return None
        return self.base + self.step * min(max(js_round((frames - self.base) / self.step), first), last)


class FrameRule(Row):
    """How a family turns seconds into frames.

    Attributes:
        rate: Frames per second that it always renders at; None: as many as asked for.
        default_fps: What is assumed when nobody says.
        extra: Frames on top, the one that stands at the end.
        snap: Frames between the last and the first come in steps of this.
        grid: The only counts that exist.
    """

    rate: int | None = None
    default_fps: float = 24
    extra: int = 1
    snap: int = 1
    grid: Grid | None = None

    def per_second(self, fps: float | None) -> float:
        """The rate that counts when that one is asked for."""
        return self.rate or (self.default_fps if fps is None else fps)

    def frames(self, seconds: float, fps: float | None = None) -> int:
        """The frame count of a clip of that length."""
        found = js_round(seconds * self.per_second(fps))
        if self.grid is not None:
            found = self.grid.nearest(found) or found
        if self.snap > 1:
            found = js_round(found / self.snap) * self.snap
        return found + self.extra

    @property
    def about(self) -> str:
        """How seconds become frames, as a sentence in Markdown, for the documentation."""
        if self.grid is not None:
            first, second = self.grid.base, self.grid.base + self.grid.step
            return f"{self.rate} frames per second; a clip has {first}, {second}, ... or {self.grid.last} of them."
        rate = f"{self.rate} frames per second, whatever `fps` says" if self.rate else "As many frames as `fps` says"
        if not self.rate:
            rate += f" ({self.default_fps:g} when not given)"
        steps = f", in steps of {self.snap}" if self.snap > 1 else ""
        last = f", and {self.extra} more at the end" if self.extra else ""
        return f"{rate}{steps}{last}."


ANY_OTHER = FrameRule()


def frames_of(rule: ModelRule, options: ModelOptions) -> FrameRule:
    """The frame rule of a request; a model that no table knows runs at the rate that the catalogue names."""
    if rule.frames is not None or rule.known or not options.fps:
        return rule.frames or ANY_OTHER
    fps = number(options.fps.get("default"), text=False)
    return ANY_OTHER.but(default_fps=fps) if fps else ANY_OTHER


def frame_rule(model_id: str) -> FrameRule:
    """The frame rule of a model; the one of most families for an id that no rule knows."""
    return rule_for("video", model_id).frames or ANY_OTHER


def calculate_video_frames(
    model_id: str,
    duration: float,
    fps: float | None = 24,
    min_frames: int | None = None,
    max_frames: int | None = None,
) -> int:
    """How many frames a clip has.

    Pure arithmetic: nothing is asked, any model id is taken, no range is checked.

    Args:
        model_id: The model: families count differently.
        duration: Seconds.
        fps: Frames per second; families with a fixed rate ignore it.
        min_frames, max_frames: Bounds of the result; the upper one wins.
    Raises:
        ValidationError: a value that is no number, or no frame count of the model lies between the bounds.
    """
    seconds = _number("duration", duration)
    rate = None if fps is None else _number("fps", fps)
    low = None if min_frames is None else int(_number("min_frames", min_frames))
    high = None if max_frames is None else int(_number("max_frames", max_frames))
    rule = frame_rule(model_id)
    found = rule.frames(seconds, rate)
    if rule.grid is not None:
        inside = rule.grid.nearest(js_round(seconds * rule.per_second(rate)), low, high)
        if inside is None:
            raise _refusal("min_frames", f"leaves no frame count of this model up to {high or rule.grid.last}", low)
        return inside
    if low is not None and found < low:
        found = low
    return high if high is not None and found > high else found


def frames_for_audio(model_id: str, seconds: float) -> int:
    """The shortest clip of a model that holds a recording of that length, in frames.

    Args:
        model_id: The model, such as one of the audio-guided MiniMax H3 ids.
        seconds: Length of the recording.
    Raises:
        ValidationError: the length is no number above zero.
    Shape: never more frames than the model has: a longer recording is cut.
    """
    length = _number("seconds", seconds, text=False)
    if length <= 0:
        raise _refusal("seconds", "must be more than 0", seconds)
    rule = frame_rule(model_id)
    # A little less than the exact length, so that a recording of exactly n frames takes n and not n + 1.
    needed = math.ceil(length * (rule.rate or rule.default_fps) - 1e-6)
    if rule.grid is not None:
        steps = max(0, math.ceil((needed - rule.grid.base) / rule.grid.step))
        return min(rule.grid.last, rule.grid.base + rule.grid.step * steps)
    return math.ceil(needed / rule.snap) * rule.snap + rule.extra


def _number(name: str, value: object, *, text: bool = True) -> float:
    found = number(value, text=text)
    # Beyond this the frames themselves would no longer be a number.
    if found is None or abs(found) > 1e12:
        raise _refusal(name, "must be a number", value)
    return found


def _refusal(name: str, must: str, value: object) -> ValidationError:
    got = "" if value is None else f", not {short(value)}"
    return ValidationError(problems=[Problem(name, f"{name} {must}{got}.", value=value, allowed=must)])
