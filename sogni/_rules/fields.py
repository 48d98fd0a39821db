"""The vocabulary of the tables: one small frozen class per way in which a parameter is checked, converted and written.

A table lists fields; each knows its parameter, its name on the wire and what to do with a value. `None` never reaches
`put`, unless a field says otherwise: it is the same as not given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from .._protocol.wire import camel
from .draft import Draft
from .row import Row, positional
from .values import integer, is_list, number, scalar, short, truthy


def near(value: object, options: Sequence[object]) -> object:
    """The option that a misspelt value most likely means, None if there is none like it."""
    from difflib import get_close_matches  # needed for errors only

    if not isinstance(value, str):
        return None
    by_case = {str(option).lower(): option for option in options}
    found = get_close_matches(value[:100].lower(), list(by_case), n=1, cutoff=0.6)
    return by_case[found[0]] if found else None


def clamp(value: float, low: float | None, high: float | None) -> float:
    """The value, or the bound that it is beyond."""
    if low is not None and value < low:
        return low
    return high if high is not None and value > high else value


def bounds(low: float | None, high: float | None, unit: str = "") -> str:
    """`0 to 1`, `at least 480 px`."""
    tail = f" {unit}" if unit else ""
    if low is None or high is None:
        return "any number" if low is None else f"at least {low:.10g}{tail}"
    return f"{low:.10g} to {high:.10g}{tail}"


class Field(Row):
    """One parameter. Subclasses write it in `put`.

    Attributes:
        name: The parameter.
        wire: Its name in the message; the camelCase of the parameter unless said otherwise.
        null_counts: None is a value like any other, instead of the same as not given.
    """

    name: str = positional(kw_only=False)
    wire: str = ""
    null_counts: bool = False

    def settle(self) -> None:
        self.__dict__["wire"] = self.wire or camel(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that this row stands for."""
        return (self.name,)

    @property
    def always(self) -> bool:
        """True when `write` has something to do even without a value."""
        return False

    def write(self, draft: Draft) -> None:
        """Checks what was given and writes it."""
        value = draft.given.get(self.name)
        if value is not None or (self.null_counts and self.name in draft.given):
            self.put(draft, value)

    def put(self, draft: Draft, value: object) -> None:
        """Checks and writes one value."""


class Ignored(Field):
    """Known, read by someone else or by nobody, and never written from here."""


class Dropped(Field):
    """Known to the service, but not of this model: left out, with a warning."""

    def put(self, draft: Draft, value: object) -> None:
        if truthy(value):
            draft.warn(self.name, "is not used by this model and was left out")


class Given(Field):
    """Sent as it was given, whatever it is; the service decides.

    Attributes:
        top: Written beside the key frame instead of into it.
        nonempty: Left out when it is empty, zero or False.
        usual: Values that are known to work; others get a warning. None: there is no such list.
    """

    top: bool = False
    nonempty: bool = False
    usual: tuple[str, ...] | None = None

    def put(self, draft: Draft, value: object) -> None:
        if self.nonempty and not truthy(value):
            return
        draft.send(self.wire, self.name, value, top=self.top)
        if self.usual is not None and not (isinstance(value, str) and value in self.usual):
            draft.warn(self.name, f"{short(value)} may be refused by the service: it makes {', '.join(self.usual)}")


class Truth(Field):
    """Sent as True when the value is true in any way, else not at all."""

    top: bool = False

    def put(self, draft: Draft, value: object) -> None:
        if truthy(value):
            (draft.top if self.top else draft.key)[self.wire] = True


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


class Choice(Field):
    """One of a few words.

    Attributes:
        options: All that is accepted.
        silent: Those that are accepted and not sent.
        sends: What stands for an option on the wire, where that differs.
        nonempty: An empty value is the same as none.
    """

    options: tuple[str, ...]
    silent: tuple[str, ...] = ()
    sends: Mapping[str, object] | None = None
    nonempty: bool = False
    top: bool = False

    def put(self, draft: Draft, value: object) -> None:
        if self.nonempty and not truthy(value):
            return
        if not isinstance(value, str) or value not in self.options:
            draft.refuse(
                self.name,
                f"must be {' or '.join(self.options)}",
                value=value,
                allowed=", ".join(self.options),
                nearest=near(value, self.options),
            )
            return
        word = str.__str__(value)
        draft.values[self.name] = word
        if word not in self.silent:
            (draft.top if self.top else draft.key)[self.wire] = self.sends[word] if self.sends else word


class Flag(Field):
    """True or False and nothing else.

    Attributes:
        only: Which of the two is accepted here; None for both.
        only_true_sent: False is accepted and not sent.
    """

    only: bool | None = None
    only_true_sent: bool = False
    top: bool = False

    def put(self, draft: Draft, value: object) -> None:
        value = scalar(value)
        if not isinstance(value, bool):
            draft.refuse(self.name, "must be True or False", value="None" if value is None else value)
        elif self.only is not None and value is not self.only:
            draft.refuse(self.name, f"cannot be {value} on this model", allowed=str(self.only), nearest=self.only)
        else:
            draft.values[self.name] = value
            if value or not self.only_true_sent:
                (draft.top if self.top else draft.key)[self.wire] = value


class Not(Given):
    """Sent as given, but one value is refused.

    Attributes:
        value: That value.
        why: The reason, after "cannot be ...".
    """

    value: object
    why: str

    def put(self, draft: Draft, value: object) -> None:
        if scalar(value) is self.value:
            draft.refuse(self.name, f"cannot be {short(value)} {self.why}")
        else:
            Given.put(self, draft, value)


class Refused(Field):
    """A parameter that this model does not take.

    Attributes:
        must: The reason, after the name of the parameter.
        when: What counts as using it: any value (`set`), one that is not empty, or anything but an empty list.
        then: What happens with a value that is let through.
    """

    must: str
    when: Literal["set", "truthy", "entries"] = "set"
    then: Field | None = None

    def put(self, draft: Draft, value: object) -> None:
        harmless = self.when != "set" and not truthy(value) and (self.when == "truthy" or is_list(value))
        if not harmless:
            draft.refuse(self.name, self.must, allowed="left out")
        elif self.then is not None:
            self.then.put(draft, value)


def only_on(
    name: str,
    models: str,
    *,
    when: Literal["set", "truthy", "entries"] = "set",
    then: Field | None = None,
    null_counts: bool = False,
) -> Refused:
    """The row of a parameter that only some other models know."""
    return Refused(name, must=f"is for {models} only", when=when, then=then, null_counts=null_counts)


class FromTier(Field):
    """One of the names that the catalogue lists for the model; always written, null without a valid choice."""

    @property
    def always(self) -> bool:
        return True

    def write(self, draft: Draft) -> None:
        value = draft.given.get(self.name)
        offered = getattr(draft.options, self.name)
        draft.key[self.wire] = None
        if not truthy(value):
            return
        if offered is None or not offered.allowed:
            draft.warn(self.name, "is not offered by this model and was left out")
        elif not isinstance(value, str) or value not in offered.allowed:
            draft.refuse(
                self.name,
                f"must be one of {', '.join(map(str, offered.allowed))}",
                value=value,
                allowed=", ".join(map(str, offered.allowed)),
                nearest=near(value, offered.allowed),
            )
        else:
            draft.key[self.wire] = draft.values[self.name] = str.__str__(value)


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
