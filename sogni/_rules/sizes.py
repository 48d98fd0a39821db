"""The fields of which two make one: width and height."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import Problem
from .about import About
from .amounts import Integer, Number
from .draft import Draft
from .fields import Field, bounds, near
from .values import short, truthy

if TYPE_CHECKING:
    from ..types.catalog import SizePreset


class Pair(Field):
    """Width and height of a video: sent when both are there, each at least `low` pixels."""

    low: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return ("width", "height")

    def write(self, draft: Draft) -> None:
        given = {name: draft.get(name) for name in self.names}
        there = [name for name in self.names if truthy(given[name])]
        if len(there) == 2:
            for name in there:
                Number(name, low=self.low, unit="px").put(draft, given[name])
        for name in there[:1] if len(there) == 1 else ():
            draft.warn(name, "has no effect without the other dimension")

    @property
    def about(self) -> tuple[About, ...]:
        allowed = f"{bounds(self.low, None)}; both or neither"
        return tuple(About(name, allowed=allowed, unit="px") for name in self.names)


class Canvas(Field):
    """Width and height on a grid, with a limit to the number of pixels; both or neither.

    Attributes:
        edge: The row of one edge.
        pixels: The largest width times height.
    """

    edge: Integer
    pixels: int

    @property
    def names(self) -> tuple[str, ...]:
        return ("width", "height")

    def write(self, draft: Draft) -> None:
        given = {name: draft.get(name) for name in self.names if draft.get(name) is not None}
        edges = {name: self.edge.but(name=name, wire=name).check(draft, value) for name, value in given.items()}
        if len(given) == 1:
            (name,) = given
            draft.refuse(name, "has to be given together with the other dimension", allowed="both or neither")
        width, height = edges.get("width"), edges.get("height")
        if not width or not height:
            return
        draft.key["width"], draft.key["height"] = width, height
        if width * height > self.pixels:
            draft.refuse(
                "width",
                f"times height must be {self.pixels} pixels at most",
                value=f"{width} x {height}",
                nearest=self._fitting(width, height),
            )

    def _fitting(self, width: int, height: int) -> str:
        """The same shape, small enough and on the grid."""
        factor = math.sqrt(self.pixels / (width * height))
        across, down = (int(edge * factor) // self.edge.every * self.edge.every for edge in (width, height))
        return f"{max(across, self.edge.low)} x {max(down, self.edge.low)}"

    @property
    def about(self) -> tuple[About, ...]:
        (edge,) = self.edge.about
        allowed = f"{edge.allowed}; both or neither, {self.pixels} pixels in all at most"
        return tuple(About(name, allowed=allowed, unit="px") for name in self.names)


class Size(Field):
    """The output size of an image: a named preset, or a width and a height of one's own.

    Attributes:
        low, high: Bounds of each edge in pixels.
        area: Bounds of width times height; None for none.
        ratio: How many times longer than the short edge the long one may be.
    """

    low: int
    high: int
    area: tuple[int, int] | None = None
    ratio: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return ("size_preset", "width", "height")

    def write(self, draft: Draft) -> None:
        preset = draft.get("size_preset")
        width, height = draft.get("width"), draft.get("height")
        both = truthy(width) and truthy(height)
        if both and not truthy(preset):
            preset = "custom"
        if preset is None:
            self._warn(draft, width, height, "has no effect without the other dimension")
            return
        draft.send("sizePreset", "size_preset", preset)
        if draft.values.get("size_preset") != "custom":
            self._warn(draft, width, height, f"has no effect with size_preset {short(preset)}")
        elif both:
            self._edges(draft, width, height)

    def _warn(self, draft: Draft, width: object, height: object, what: str) -> None:
        for name, value in (("width", width), ("height", height)):
            if truthy(value):
                draft.warn(name, what)

    def _edges(self, draft: Draft, width: object, height: object) -> None:
        edge = Number("width", low=self.low, high=self.high, unit="px")
        across = edge.check(draft, width)
        down = edge.but(name="height").check(draft, height)
        if across is None or down is None:
            return
        draft.key["width"], draft.key["height"] = across, down
        if self.area and not self.area[0] <= across * down <= self.area[1]:
            bound = self.area[0] if across * down < self.area[0] else self.area[1]
            draft.refuse(
                "width",
                f"times height must be {bounds(*self.area)} pixels",
                value=f"{across} x {down}",
                nearest=scaled(across, down, bound),
            )
        if self.ratio and max(across, down) > self.ratio * min(across, down):
            draft.refuse("width", f"to height must be {self.ratio} to 1 at most", value=f"{across} x {down}")

    @property
    def about(self) -> tuple[About, ...]:
        allowed = bounds(self.low, self.high)
        if self.area:
            allowed += f"; width times height {bounds(*self.area)}"
        if self.ratio:
            allowed += f"; {self.ratio} to 1 at most"
        preset = About("size_preset", allowed="a preset of the model, or `custom` with width and height")
        return (preset, *(About(name, allowed=allowed, unit="px") for name in ("width", "height")))


def scaled(width: float, height: float, area: float) -> str:
    """The same shape with another area, in whole pixels on the right side of it."""
    factor = math.sqrt(area / (width * height))
    fit = math.ceil if factor > 1 else math.floor
    return f"{fit(width * factor)} x {fit(height * factor)}"


def needs_presets(size_preset: object) -> bool:
    """True when a size is the name of a preset, which only the list of the model explains."""
    return truthy(size_preset) and size_preset != "custom"


def find_preset(name: object, presets: Sequence[SizePreset], problems: list[Problem]) -> SizePreset | None:
    """The preset of that name; None after noting a problem."""
    found = next((preset for preset in presets if preset.id == name), None)
    if found is None:
        ids = [preset.id for preset in presets]
        must = f"must be one of {', '.join(ids) or 'the presets of the model'}"
        message = f"size_preset {must}, not {short(name)}."
        problems.append(Problem("size_preset", message, value=name, allowed=must, nearest=near(name, ids)))
    return found
