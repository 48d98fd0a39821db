"""What has to hold between parameters: one small frozen class per kind of condition, named in the tables."""

from __future__ import annotations

from collections.abc import Mapping

from .draft import Draft
from .row import Row, positional
from .values import trim, truthy


class NotBoth(Row):
    """Two parameters that exclude each other."""

    first: str = positional(kw_only=False)
    second: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        if truthy(draft.get(self.first)) and truthy(draft.get(self.second)):
            draft.refuse(self.second, f"cannot be combined with {self.first}", allowed="one of the two")


class Needs(Row):
    """A parameter that makes sense only together with one of some others.

    Attributes:
        equal_to: It needs them only when it has this value.
    """

    name: str = positional(kw_only=False)
    others: tuple[str, ...] = positional(kw_only=False)
    equal_to: str | None = None

    def __call__(self, draft: Draft) -> None:
        if not truthy(draft.get(self.name)) or draft.count(*self.others):
            return
        if self.equal_to is None or draft.values.get(self.name) == self.equal_to:
            words = " or ".join(self.others)
            draft.refuse(self.name, f"needs {words}", allowed=f"together with {words}")


class OneOf(Row):
    """Another parameter needs this one to have one of a few values.

    Attributes:
        needed_by: That other parameter, whatever its value.
    """

    name: str = positional(kw_only=False)
    values: tuple[str, ...] = positional(kw_only=False)
    needed_by: str

    def __call__(self, draft: Draft) -> None:
        if draft.get(self.needed_by) is not None and draft.values.get(self.name) not in self.values:
            words = " or ".join(self.values)
            draft.refuse(self.needed_by, f"needs {self.name} to be {words}", allowed=f"{self.name}: {words}")


class Conflict(Row):
    """Two values that exclude each other."""

    name: str = positional(kw_only=False)
    value: str = positional(kw_only=False)
    other: str = positional(kw_only=False)
    other_value: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        if draft.values.get(self.name) == self.value and draft.values.get(self.other) == self.other_value:
            draft.refuse(self.name, f"cannot be {self.value} when {self.other} is {self.other_value}")


class Ordered(Row):
    """Two numbers of which the first has to be the smaller one."""

    low: str = positional(kw_only=False)
    high: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        low, high = draft.values.get(self.low), draft.values.get(self.high)
        if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low >= high:
            draft.refuse(self.high, f"must be greater than {self.low}", value=high)


class AnyOf(Row):
    """At least one of these has to be there."""

    names: tuple[str, ...] = positional(kw_only=False)
    what: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        if not draft.count(*self.names):
            draft.refuse(self.names[0], f"is missing: {self.what}", allowed=" or ".join(self.names))


class Total(Row):
    """How many references there may be in all.

    Attributes:
        what: What is counted, for the message.
        of: The parameters that hold them.
        low, high: The bounds; None for no bound.
        together: Groups of parameters that count as one, however many of them are given.
    """

    what: str = positional(kw_only=False)
    of: tuple[str, ...] = positional(kw_only=False)
    low: int | None = None
    high: int | None = None
    together: tuple[str, ...] = ()

    def __call__(self, draft: Draft) -> None:
        found = draft.count(*self.of) + (draft.count(*self.together) > 0)
        if self.low is not None and found < self.low:
            draft.refuse(self.of[0], f"is missing: this model needs at least {self.low} {self.what}")
        if self.high is not None and found > self.high:
            # The parameter that holds most of them is the one to shorten.
            fullest = max(reversed(self.of), key=draft.count)
            allowed = f"at most {self.high} {self.what}" if self.high else f"no {self.what}"
            draft.refuse(fullest, f"is too much: this model takes {allowed}, not {found}", allowed=allowed)


class Apart(Row):
    """Two groups of parameters that exclude each other."""

    first: tuple[str, ...] = positional(kw_only=False)
    second: tuple[str, ...] = positional(kw_only=False)
    why: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        one = next((name for name in self.first if draft.count(name)), None)
        other = next((name for name in self.second if draft.count(name)), None)
        if one and other:
            draft.refuse(other, f"cannot be combined with {one}: {self.why}", allowed="one of the two")


class Accompanied(Row):
    """References that are never enough by themselves.

    Attributes:
        by: What has to be there, too.
    """

    names: tuple[str, ...] = positional(kw_only=False)
    by: tuple[str, ...] = positional(kw_only=False)
    what: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        found = next((name for name in self.names if draft.count(name)), None)
        if found and not draft.count(*self.by):
            draft.refuse(found, f"needs {self.what}", allowed=" or ".join(self.by))


class PromptOr(Row):
    """A blank prompt needs a reference to go by."""

    names: tuple[str, ...] = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        prompt = draft.get("positive_prompt")
        blank = not truthy(prompt) or (isinstance(prompt, str) and not trim(prompt))
        if blank and not draft.count(*self.names):
            draft.refuse("positive_prompt", "is needed when there is no reference", value=prompt)


class Task(Row):
    """A task that says what loose references are for, and what each task needs.

    Attributes:
        loose: The references that call for a task.
        anchors: What is a place in the clip by itself and takes no task.
        needs: By task, the references of which one has to be there.
    """

    name: str = positional(kw_only=False)
    loose: tuple[str, ...]
    anchors: tuple[str, ...]
    needs: Mapping[str, tuple[str, ...]]

    def __call__(self, draft: Draft) -> None:
        if draft.get(self.name) is None:
            if draft.count(*self.loose):
                words = ", ".join(self.needs)
                draft.refuse(self.name, f"is missing: say what the references are for ({words})", allowed=words)
            return
        task = draft.values.get(self.name)
        if not isinstance(task, str):
            return
        if draft.count(*self.anchors):
            draft.refuse(self.name, f"cannot be combined with {' or '.join(self.anchors)}", value=task)
        needed = self.needs[task]
        if not draft.count(*needed):
            draft.refuse(needed[0], f"is missing: {self.name} {task!r} needs {' or '.join(needed)}")
