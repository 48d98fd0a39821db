"""The vocabulary of the tables: one small frozen class per way in which a parameter is checked, converted and written.

A table lists fields; each knows its parameter, its name on the wire and what to do with a value. `None` never reaches
`put`, unless a field says otherwise: it is the same as not given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from .._protocol.wire import camel
from .about import About, code
from .draft import Draft
from .row import Row, positional
from .values import is_list, scalar, short, truthy


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

    @property
    def about(self) -> tuple[About, ...]:
        """What there is to say about each of `names`, for the documentation."""
        return tuple(About(name) for name in self.names)


class Ignored(Field):
    """Known, read by someone else or by nobody, and never written from here."""


class Dropped(Field):
    """Known to the service, but not of this model: left out, with a warning."""

    def put(self, draft: Draft, value: object) -> None:
        if truthy(value):
            draft.warn(self.name, "is not used by this model and was left out")

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, use="unused"),)


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

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=code(self.usual or ())),)


class Truth(Field):
    """Sent as True when the value is true in any way, else not at all."""

    top: bool = False

    def put(self, draft: Draft, value: object) -> None:
        if truthy(value):
            (draft.top if self.top else draft.key)[self.wire] = True

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=code((True,))),)


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

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=code(self.options)),)


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

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=code((True, False) if self.only is None else (self.only,))),)


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

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=f"not {code((self.value,))}"),)


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

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=self.must, use="refused"),)


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

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed="a name that the catalogue lists for the model"),)
