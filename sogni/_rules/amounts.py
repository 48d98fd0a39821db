"""The fields that are numbers: between bounds, whole, fixed, or counted the other way round."""

from __future__ import annotations

import math

from .about import About, code
from .draft import Draft
from .fields import Field, bounds, clamp
from .values import integer, number, truthy


class Number(Field):
    """A number between two bounds, both inclusive; sent converted.

    Attributes:
        low, high: The bounds; None for no bound.
        text: Whether a numeric text is converted.
        unless: The value that is not sent, because it is what the service takes anyway.
    """

    low: float | None = None
    high: float | None = None
    unit: str = ""
    text: bool = True
    unless: float | None = None

    def put(self, draft: Draft, value: object) -> None:
        found = self.check(draft, value)
        if found is not None and found != self.unless:
            draft.key[self.wire] = found

    def check(self, draft: Draft, value: object) -> int | float | None:
        """The accepted number; None after noting a problem."""
        found = number(value, text=self.text)
        if found is None or found != clamp(found, self.low, self.high):
            nearest = None if found is None else clamp(found, self.low, self.high)
            allowed = bounds(self.low, self.high, self.unit)
            draft.refuse(self.name, f"must be a number, {allowed}", value=value, allowed=allowed, nearest=nearest)
            return None
        draft.values[self.name] = found
        return found

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=bounds(self.low, self.high), unit=self.unit),)


class Inverted(Number):
    """A strength of the caller's that the service counts the other way round: `1 - value`.

    Attributes:
        only_with: The parameter without which it is not even looked at.
    """

    only_with: str

    def put(self, draft: Draft, value: object) -> None:
        if not truthy(draft.get(self.only_with)):
            draft.warn(self.name, f"has no effect without {self.only_with}")
            return
        found = self.check(draft, value)
        if found is not None:
            draft.key[self.wire] = 1 - found


class Integer(Field):
    """A whole number between two bounds; text, booleans and fractions never are one.

    Attributes:
        low, high: The bounds, both inclusive; None for no bound.
        whole_float: Whether 5.0 counts as 5.
        every: Distance between accepted values, counted from `low`.
    """

    low: int = 0
    high: int | None = None
    whole_float: bool = True
    every: int = 1
    unit: str = ""

    def put(self, draft: Draft, value: object) -> None:
        found = self.check(draft, value)
        if found is not None:
            draft.key[self.wire] = found

    def check(self, draft: Draft, value: object) -> int | None:
        """The accepted number; None after noting a problem."""
        found = integer(value, whole_float=self.whole_float)
        if found is None or found != self.nearest(found):
            near_to = number(value)
            allowed = bounds(self.low, self.high, self.unit)
            if self.every > 1:
                allowed += f" in steps of {self.every}"
            draft.refuse(
                self.name,
                f"must be a whole number, {allowed}",
                value=value,
                allowed=allowed,
                nearest=None if near_to is None else self.nearest(near_to),
            )
            return None
        draft.values[self.name] = found
        return found

    def nearest(self, value: float) -> int:
        """The accepted number nearest to a value."""
        inside = clamp(value, self.low, self.high)
        if not isinstance(inside, int):
            inside = math.floor(inside + 0.5)
        steps = (inside - self.low + self.every // 2) // self.every
        if self.high is not None:
            steps = min(steps, (self.high - self.low) // self.every)
        return self.low + steps * self.every

    @property
    def about(self) -> tuple[About, ...]:
        allowed = f"whole, {bounds(self.low, self.high)}"
        if self.every > 1:
            allowed += f" in steps of {self.every}"
        return (About(self.name, allowed=allowed, unit=self.unit),)


class Exactly(Field):
    """The one number that the model knows: may be left out, must not be anything else."""

    value: int

    def put(self, draft: Draft, value: object) -> None:
        if number(value, text=False) == self.value:
            draft.send(self.wire, self.name, value)
        else:
            draft.refuse(
                self.name,
                f"must be {self.value} on this model",
                value=value,
                allowed=str(self.value),
                nearest=self.value,
            )

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=code((self.value,)), fixed=self.value),)


class MediaCount(Field):
    """How many outputs; none, zero or nothing counts as one.

    Attributes:
        only: The one number that this model makes; None for any.
    """

    only: int | None = None

    def put(self, draft: Draft, value: object) -> None:
        if self.only is not None and number(value, text=False) != self.only:
            draft.refuse(self.name, f"must be {self.only} on this model", value=value, nearest=self.only)
        elif truthy(value):
            draft.send(self.wire, self.name, value, top=True)

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed="from 1" if self.only is None else code((self.only,))),)
