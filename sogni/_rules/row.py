"""The base of every word of the tables: a frozen value with a short `repr`.

attrs would do the same, but generates code for each class, which for sixty of them is 15 ms of a program's start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        """Tells type checkers only; nothing is needed at run time."""
        return lambda cls: cls


R = TypeVar("R", bound="Row")
_NEEDED = object()


def positional(*, kw_only: bool) -> Any:
    """Marks an attribute that is needed and may be given by place."""
    return _NEEDED


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False, field_specifiers=(positional,))
class Row:
    """A frozen value. Its attributes are the annotations of the class, keyword-only unless marked `positional`."""

    _defaults: ClassVar[dict[str, object]] = {}
    _placed: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = {
            name: cls.__dict__.get(name, _NEEDED)
            for name, kind in cls.__annotations__.items()
            if not str(kind).startswith("ClassVar")
        }
        cls._defaults = {**cls._defaults, **own}
        # Marked attributes have no default in the class itself, so none of their values hides behind an instance's.
        placed = tuple(name for name in own if name in cls.__dict__ and own[name] is _NEEDED)
        cls._placed = (*cls._placed, *placed)

    def __init__(self, *values: object, **named: object) -> None:
        mine = self.__dict__
        mine.update(self._defaults)
        mine.update(zip(self._placed, values, strict=False))
        mine.update(named)
        if len(values) > len(self._placed) or len(mine) > len(self._defaults):
            raise TypeError(f"{type(self).__name__} has no such attribute: {[*values, *named]}")
        for name, value in mine.items():
            if value is _NEEDED:
                raise TypeError(f"{type(self).__name__} needs {name}")
        self.settle()

    def settle(self) -> None:
        """Fills in what follows from the other attributes; writes to `__dict__`."""

    def but(self: R, **changes: object) -> R:
        """The same value with other attributes."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, **changes)
        return other

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __repr__(self) -> str:
        placed = [repr(getattr(self, name)) for name in self._placed]
        named = [
            f"{name}={value!r}"
            for name, value in self.__dict__.items()
            if name not in self._placed and name in self._defaults and value != self._defaults[name]
        ]
        return f"{type(self).__name__}({', '.join([*placed, *named])})"
