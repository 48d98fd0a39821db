"""Fields that are objects or lists of objects: the same vocabulary, one level down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from .about import About
from .checks import Check
from .draft import Draft
from .fields import Field, near
from .rule import NOTHING, Rows
from .values import is_list, short, truthy


class Record(Field):
    """An object with fields of its own.

    Attributes:
        fields: What it may hold.
        checks: What has to hold between those.
        constants: What is always in it.
        closed: Refuses keys that are no field; otherwise they are left out with a warning.
        known: Keys that other models read, left out without a warning.
        in_list: Sent as a list of one.
        empty_is_none: An empty object is the same as none.
        required: Refused without.
    """

    rows: ClassVar[Rows]
    fields: tuple[Field, ...]
    checks: tuple[Check, ...] = ()
    constants: Mapping[str, object] = NOTHING
    closed: bool = False
    known: tuple[str, ...] = ()
    in_list: bool = False
    empty_is_none: bool = True
    required: bool = False

    def settle(self) -> None:
        Field.settle(self)
        self.__dict__["rows"] = Rows(self.fields)

    @property
    def always(self) -> bool:
        return self.required

    def write(self, draft: Draft) -> None:
        value = draft.given.get(self.name)
        if value is None:
            if self.required:
                draft.refuse(self.name, "is required by this model")
        else:
            self.put(draft, value)

    def put(self, draft: Draft, value: object) -> None:
        if self.empty_is_none and not truthy(value):
            return
        found = self.read(draft, self.name, value)
        if found is not None:
            draft.key[self.wire] = [found] if self.in_list else found

    def read(self, draft: Draft, path: str, value: object) -> dict[str, object] | None:
        """The object as it is sent; None after noting a problem."""
        if not isinstance(value, Mapping):
            draft.refuse(path, f"must be an object with {', '.join(self.rows.place)}", value=value)
            return None
        before = len(draft.problems)
        inner = draft.inside(path, value)
        for key in value:
            if key not in self.rows.place and key not in self.known:
                self._unknown(inner, key)
        inner.key.update(self.constants)
        self.rows.walk(inner)
        for check in self.checks:
            check(inner)
        return inner.key if len(draft.problems) == before else None

    def _unknown(self, inner: Draft, key: object) -> None:
        nearest = near(key, [*self.rows.place])
        name = key if isinstance(key, str) and len(key) < 60 else short(key)
        if self.closed:
            inner.refuse(name, "is not known here", allowed=", ".join(self.rows.place), nearest=nearest)
        else:
            hint = f"; did you mean {nearest}?" if nearest else ""
            inner.warn(name, f"is not known and was left out{hint}")

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=f"an object: {self.inside}", required=self.required),)

    @property
    def inside(self) -> str:
        """What the object holds, as a phrase."""
        return "; ".join(_phrase(about) for row in self.fields for about in row.about)


class Items(Field):
    """A list of objects of one kind, always written."""

    of: Record
    most: int

    @property
    def always(self) -> bool:
        return True

    def write(self, draft: Draft) -> None:
        value = draft.given.get(self.name)
        draft.key[self.wire] = found = []
        if value is None:
            return
        if not is_list(value):
            draft.refuse(self.name, "must be a list", value=value)
            return
        entries: Sequence[object] = value  # type: ignore[assignment]
        if len(entries) > self.most:
            draft.refuse(
                self.name, f"has {len(entries)} entries, at most {self.most} are taken", allowed=f"at most {self.most}"
            )
            return
        for place, entry in enumerate(entries):
            item = self.of.read(draft, f"{self.name}[{place}]", entry)
            if item is not None:
                found.append(item)
        draft.values[self.name] = found

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=f"a list of at most {self.most} objects ({self.of.inside})"),)


class Required(Field):
    """A field that may not be missing."""

    then: Field

    @property
    def always(self) -> bool:
        return True

    def write(self, draft: Draft) -> None:
        if draft.given.get(self.name) is None:
            draft.refuse(self.name, "is missing")
        else:
            self.then.write(draft)

    @property
    def about(self) -> tuple[About, ...]:
        return tuple(about.but(required=True) for about in self.then.about)


def required(row: Field) -> Required:
    """The same field, but not to be left out."""
    return Required(row.name, then=row)


class Tagged(Field):
    """An object of one of several kinds; one of its fields says which.

    Attributes:
        tag: That field.
        kinds: What the object holds, by the value of the tag.
    """

    tag: str
    kinds: Mapping[str, Record]

    def put(self, draft: Draft, value: object) -> None:
        if not isinstance(value, Mapping):
            draft.refuse(self.name, f"must be an object with {self.tag}", value=value)
            return
        tag = value.get(self.tag)
        record = self.kinds.get(tag) if isinstance(tag, str) else None
        if record is None:
            words = list(self.kinds)
            draft.refuse(
                f"{self.name}.{self.tag}", f"must be {' or '.join(words)}", value=tag, nearest=near(tag, words)
            )
            return
        found = record.read(draft, self.name, value)
        if found is not None:
            draft.key[self.wire] = found

    @property
    def about(self) -> tuple[About, ...]:
        kinds = " or ".join(f"for `{self.tag}={kind!r}`: {record.inside}" for kind, record in self.kinds.items())
        return (About(self.name, allowed=f"an object, {kinds}"),)


def _phrase(about: About) -> str:
    """One field of an object, for readers."""
    need = " (required)" if about.required else ""
    return f"`{about.name}`{need} {about.allowed}".rstrip()
