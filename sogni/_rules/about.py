"""What the rows of the tables say about themselves to a reader: the source of the documentation of the models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from .row import Row, positional


class About(Row):
    """What one row says about one parameter.

    Attributes:
        name: The parameter.
        allowed: What is accepted, as a phrase in Markdown; empty when the row asks nothing, and the service decides.
        unit: Of the number: `px`, `s`, ...
        use: A value, a file, refused by the model, or accepted without any effect.
        required: Whether the model refuses to do without.
        fixed: The only value that is accepted, where that differs between models that are alike otherwise.
    """

    name: str = positional(kw_only=False)
    allowed: str = ""
    unit: str = ""
    use: Literal["value", "file", "refused", "unused"] = "value"
    required: bool = False
    fixed: object = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, About) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.name)


def code(values: Iterable[object], joined: str = ", ") -> str:
    """Values as a reader types them: `low`, `high`."""
    return joined.join(f"`{value}`" for value in values)
