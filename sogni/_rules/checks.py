"""What has to hold between parameters: one small frozen class per kind of condition, named in the tables."""

from __future__ import annotations

from collections.abc import Mapping

from .about import code
from .draft import Draft
from .row import Row, positional
from .values import trim, truthy


class Check(Row):
    """A condition. Subclasses look at the draft and complain."""

    def __call__(self, draft: Draft) -> None:
        """Complains when the condition does not hold."""

    @property
    def about(self) -> str:
        """The condition as a sentence in Markdown, for the documentation."""
        return ""

    @property
    def never(self) -> tuple[str, ...]:
        """Parameters that this condition leaves no room for."""
        return ()


class NotBoth(Check):
    """Two parameters that exclude each other."""

    first: str = positional(kw_only=False)
    second: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        if truthy(draft.get(self.first)) and truthy(draft.get(self.second)):
            draft.refuse(self.second, f"cannot be combined with {self.first}", allowed="one of the two")

    @property
    def about(self) -> str:
        return f"`{self.first}` or `{self.second}`, not both."


class Needs(Check):
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

    @property
    def about(self) -> str:
        given = self.name if self.equal_to is None else f"{self.name}={self.equal_to!r}"
        return f"`{given}` only together with {code(self.others, ' or ')}."


class OneOf(Check):
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

    @property
    def about(self) -> str:
        return f"`{self.needed_by}` only with `{self.name}` {code(self.values, ' or ')}."


class Conflict(Check):
    """Two values that exclude each other."""

    name: str = positional(kw_only=False)
    value: str = positional(kw_only=False)
    other: str = positional(kw_only=False)
    other_value: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        if draft.values.get(self.name) == self.value and draft.values.get(self.other) == self.other_value:
            draft.refuse(self.name, f"cannot be {self.value} when {self.other} is {self.other_value}")

    @property
    def about(self) -> str:
        return f"`{self.name}={self.value!r}` not with `{self.other}={self.other_value!r}`."


class Ordered(Check):
    """Two numbers of which the first has to be the smaller one."""

    low: str = positional(kw_only=False)
    high: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        low, high = draft.values.get(self.low), draft.values.get(self.high)
        if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low >= high:
            draft.refuse(self.high, f"must be greater than {self.low}", value=high)

    @property
    def about(self) -> str:
        return f"`{self.low}` is smaller than `{self.high}`."


class AnyOf(Check):
    """At least one of these has to be there."""

    names: tuple[str, ...] = positional(kw_only=False)
    what: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        if not draft.count(*self.names):
            draft.refuse(self.names[0], f"is missing: {self.what}", allowed=" or ".join(self.names))

    @property
    def about(self) -> str:
        return f"At least one of {code(self.names)}: {self.what}."


class Total(Check):
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

    @property
    def never(self) -> tuple[str, ...]:
        return self.of if self.high == 0 else ()

    @property
    def about(self) -> str:
        counted = code((*self.of, *self.together))
        if self.high == 0:
            return f"No {self.what}: {counted}."
        low = "" if self.low is None else f"at least {self.low}"
        high = "" if self.high is None else f"at most {self.high}"
        both = " and ".join(filter(None, (low, high))).capitalize()
        as_one = f"; {code(self.together, ' and ')} count as one" if self.together else ""
        return f"{both} {self.what} in all, counting {counted}{as_one}."


class Apart(Check):
    """Two groups of parameters that exclude each other."""

    first: tuple[str, ...] = positional(kw_only=False)
    second: tuple[str, ...] = positional(kw_only=False)
    why: str = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        one = next((name for name in self.first if draft.count(name)), None)
        other = next((name for name in self.second if draft.count(name)), None)
        if one and other:
            draft.refuse(other, f"cannot be combined with {one}: {self.why}", allowed="one of the two")

    @property
    def about(self) -> str:
        return f"{code(self.first, ' or ')} not together with {code(self.second, ' or ')}: {self.why}."


class Accompanied(Check):
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

    @property
    def about(self) -> str:
        return f"{code(self.names, ' or ')} needs {self.what}: {code(self.by, ' or ')}."


class PromptOr(Check):
    """A blank prompt needs a reference to go by."""

    names: tuple[str, ...] = positional(kw_only=False)

    def __call__(self, draft: Draft) -> None:
        prompt = draft.get("positive_prompt")
        blank = not truthy(prompt) or (isinstance(prompt, str) and not trim(prompt))
        if blank and not draft.count(*self.names):
            draft.refuse("positive_prompt", "is needed when there is no reference", value=prompt)

    @property
    def about(self) -> str:
        return f"`positive_prompt` may be blank only with one of {code(self.names)}."


class Task(Check):
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

    @property
    def about(self) -> str:
        needs = "; ".join(f"`{task}` needs {code(names, ' or ')}" for task, names in self.needs.items())
        loose, anchors = code(self.loose, " or "), code(self.anchors, " and ")
        return f"`{self.name}` is required with {loose}, and excludes {anchors}; {needs}."
