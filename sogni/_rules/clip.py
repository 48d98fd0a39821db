"""The fields of a clip's length, its upscaling and its keyframes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .about import About, code
from .amounts import Integer
from .checks import Check
from .draft import Draft
from .fields import Field, Given, bounds, clamp
from .frames import ANY_OTHER
from .slots import Slot
from .values import integer, is_finite, is_list, number


class Length(Field):
    """Seconds and frames of a clip; seconds become frames and win.

    Attributes:
        low, high: Bounds of the seconds, both inclusive; None for no bound.
        frames: The row of the frames.
    """

    low: float | None = None
    high: float | None = None
    frames: Field = Given("frames")

    @property
    def names(self) -> tuple[str, ...]:
        return ("duration", "frames")

    def write(self, draft: Draft) -> None:
        self.frames.write(draft)
        value = draft.get("duration")
        if value is None:
            return
        seconds = number(value)
        if seconds is None or seconds != clamp(seconds, self.low, self.high):
            allowed = "seconds" if self.low is None else bounds(self.low, self.high, "s")
            nearest = None if seconds is None else clamp(seconds, self.low, self.high)
            draft.refuse("duration", f"must be a number, {allowed}", value=value, allowed=allowed, nearest=nearest)
            return
        rule = draft.frames or ANY_OTHER
        fps = number(draft.get("fps"))
        if fps is None and draft.get("fps") is not None and rule.rate is None:
            if not draft.is_refused("fps"):
                draft.refuse("fps", "must be a number to turn seconds into frames", value=draft.get("fps"))
            return
        if not is_finite(float(seconds) * rule.per_second(fps)):
            draft.refuse("duration" if fps is None else "fps", "must be smaller", value=fps or seconds)
            return
        draft.key["frames"] = rule.frames(seconds, fps)

    @property
    def about(self) -> tuple[About, ...]:
        allowed = "" if self.low is None or self.high is None else f"{self.low:.4g} to {self.high:.4g}"
        return (About("duration", allowed=f"{allowed}; wins over `frames`".lstrip("; "), unit="s"), *self.frames.about)


class SourceLength(Field):
    """Frames, or seconds together with a rate, of a clip that exists already; frames win."""

    @property
    def names(self) -> tuple[str, ...]:
        return ("duration", "frames")

    def write(self, draft: Draft) -> None:
        if draft.get("frames") is not None:
            Integer("frames", low=1).write(draft)
            return
        value = draft.get("duration")
        if value is None:
            return
        seconds = number(value)
        if seconds is None:
            draft.refuse("duration", "must be a number of seconds", value=value)
            return
        if draft.get("fps") is None:
            draft.refuse("fps", "is needed to turn seconds into frames", allowed="1 to 60")
            return
        fps = draft.values.get("fps")
        if not isinstance(fps, (int, float)):
            return  # refused by its own row
        rule = draft.frames or ANY_OTHER
        if seconds < 1 / fps or not is_finite(float(seconds) * fps):
            draft.refuse("duration", f"must be at least one frame, {1 / fps:g} s", value=value, nearest=1 / fps)
        else:
            draft.key["frames"] = max(1, rule.frames(seconds, fps))

    @property
    def about(self) -> tuple[About, ...]:
        return (
            About("duration", allowed="one frame or more, together with `fps`", unit="s"),
            About("frames", allowed="whole, at least 1; wins over `duration`"),
        )


class Resolution(Field):
    """The short edge of an upscaled clip: said outright, or the shorter one of width and height."""

    options: tuple[int, ...]

    @property
    def always(self) -> bool:
        return True

    def write(self, draft: Draft) -> None:
        value = draft.get(self.name)
        words = " or ".join(map(str, self.options))
        found: float | None
        if value is not None:
            found = integer(value, whole_float=True)
        else:
            edges = number(draft.get("width")), number(draft.get("height"))
            if edges[0] is None or edges[1] is None:
                draft.refuse(self.name, f"is missing: give {words}, or width and height", allowed=words)
                return
            found = value = min(edges[0], edges[1])
        if found in self.options:
            draft.key[self.wire] = found
        else:
            near_to = number(value)
            nearest = None if near_to is None else min(self.options, key=lambda option: abs(option - near_to))
            draft.refuse(self.name, f"must be {words}", value=value, allowed=words, nearest=nearest)

    @property
    def about(self) -> tuple[About, ...]:
        return (
            About(
                self.name,
                allowed=f"{code(self.options)}, or else the shorter of width and height",
                unit="px",
                required=True,
            ),
        )


class Keyframes(Field):
    """Pictures at places inside the clip."""

    most: int

    def put(self, draft: Draft, value: object) -> None:
        if not is_list(value):
            draft.refuse(self.name, "must be a list of objects with image and frame_index", value=value)
            return
        entries: Sequence[object] = value  # type: ignore[assignment]
        if len(entries) > self.most:
            allowed = f"at most {self.most}"
            draft.refuse(self.name, f"has {len(entries)} entries, {allowed} are taken", allowed=allowed)
            return
        places = [self._place(draft, n, entry) for n, entry in enumerate(entries, 1)]
        if places:
            draft.key["keyframeFrameIndices"] = places
            draft.values[self.name] = places

    def _place(self, draft: Draft, n: int, entry: object) -> int | None:
        path = f"{self.name}[{n - 1}]"
        if not isinstance(entry, Mapping):
            draft.refuse(path, "must be an object with image and frame_index", value=entry)
            return None
        inner = draft.inside(path, entry)
        Slot("image", type=f"keyframeImage{n}", flag=f"hasKeyframeImage{n}", required=True).write(inner)
        draft.key.update(inner.key)
        place = integer(entry.get("frame_index"))
        if place is None:
            inner.refuse("frame_index", "must be a whole number", value=entry.get("frame_index"))
        return place

    @property
    def about(self) -> tuple[About, ...]:
        return (
            About(self.name, allowed=f"a list of at most {self.most} objects of `image` and `frame_index`", use="file"),
        )


class KeyframesInside(Check):
    """Keyframes stand inside the clip, each at a frame of its own."""

    name: str = "keyframes"

    def __call__(self, draft: Draft) -> None:
        places = draft.values.get(self.name)
        if not isinstance(places, list):
            return
        frames = draft.key.get("frames")
        if not isinstance(frames, int):
            if not draft.is_refused("duration") and not draft.is_refused("frames"):
                draft.refuse(self.name, "need a clip of known length: give frames or duration")
            return
        for n, place in enumerate(places):
            path = f"{self.name}[{n}].frame_index"
            if not isinstance(place, int):
                continue
            if not 1 <= place <= frames - 2:
                draft.refuse(
                    path,
                    f"must be 1 to {frames - 2}: the first and the last frame belong to reference_image and "
                    "reference_image_end",
                    value=place,
                    allowed=f"1 to {frames - 2}",
                    nearest=min(max(place, 1), frames - 2),
                )
            elif place in places[:n]:
                draft.refuse(path, "is taken by another keyframe", value=place)

    @property
    def about(self) -> str:
        return f"`{self.name}` stand inside the clip, each at a frame of its own."


class Hints(Field):
    """The length of each reference video in seconds, in their order.

    Attributes:
        of: The parameters that hold the videos.
        low, high: Bounds of each; `high` is the bound of their sum, too.
    """

    of: tuple[str, ...]
    low: float
    high: float

    def put(self, draft: Draft, value: object) -> None:
        if not is_list(value):
            draft.refuse(self.name, "must be a list of seconds, one for each reference video", value=value)
            return
        entries: Sequence[object] = value  # type: ignore[assignment]
        videos = draft.count(*self.of)
        if len(entries) != videos:
            draft.refuse(
                self.name, f"has {len(entries)} entries for {videos} reference videos", allowed=f"{videos} entries"
            )
            return
        total: float = 0
        for n, entry in enumerate(entries, 1):
            seconds = number(entry, text=False)
            if seconds is None or not self.low <= seconds <= self.high:
                allowed = bounds(self.low, self.high, "s")
                draft.refuse(f"{self.name}[{n - 1}]", f"must be {allowed}", value=entry, allowed=allowed)
                return
            draft.key[f"referenceVideo{n}DurationSeconds"] = seconds
            total += seconds
        if total > self.high:
            draft.refuse(self.name, f"must be {self.high:g} s together at most", value=total)

    @property
    def about(self) -> tuple[About, ...]:
        allowed = f"a list, each {bounds(self.low, self.high)}, {self.high:g} together at most; one for each video"
        return (About(self.name, allowed=allowed, unit="s"),)
