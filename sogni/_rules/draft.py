"""A job request while it is being built: what was given, what is written, what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from ..errors import Problem
from .values import UnsendableError, is_list, plain, short, truthy

if TYPE_CHECKING:
    from ..types.catalog import ModelOptions
    from .frames import FrameRule

_URL = r"([a-z][a-z0-9+.-]*)://|(data):"
# What no file can be; anything else is left to whoever opens it.
_NO_MEDIA = (int, float, list, tuple, dict, set, frozenset)


@frozen(kw_only=True)
class Upload:
    """One file to bring to the service before the job request goes out.

    Attributes:
        parameter: The caller's name of it, such as `context_images[2]`.
        at: Which upload endpoint: `image` or `media`.
        type, id: What that endpoint is asked for.
        media: The caller's value.
        slot: What the file is used for (`image`, `audio` or `video`): some first bytes mean different types.
        content_type_keys: Where its content type is written in the message; the first name is its own.
        largest: Bytes that the service is known to take at most; more is a warning.
    """

    parameter: str
    at: str
    type: str
    id: str | None = None
    media: object = field(default=None, repr=False)
    slot: str = "image"
    content_type_keys: tuple[str, ...] = ()
    largest: int | None = None


class Draft:
    """The request so far. A field writes into `key` (the key frame) or `top`, and complains with `refuse`.

    Attributes:
        given: Parameters by name. None is the same as not given.
        values: What the fields made of them: converted, and only what was accepted.
        frames: How seconds become frames on this model.
    """

    __slots__ = ("frames", "given", "key", "options", "prefix", "problems", "top", "uploads", "values", "warnings")

    def __init__(self, given: Mapping[str, object], options: ModelOptions, frames: FrameRule | None = None) -> None:
        self.given = given
        self.options = options
        self.frames = frames
        self.prefix = ""
        self.key: dict[str, object] = {}
        self.top: dict[str, object] = {}
        self.values: dict[str, object] = {}
        self.uploads: list[Upload] = []
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def inside(self, path: str, given: Mapping[str, object]) -> Draft:
        """A draft of a nested object: its own fields, the same problems and uploads."""
        inner = Draft(given, self.options, self.frames)
        inner.prefix = f"{self.prefix}{path}."
        inner.uploads, inner.problems, inner.warnings = self.uploads, self.problems, self.warnings
        return inner

    def refuse(
        self, name: str, must: str, *, value: object = None, allowed: str | None = None, nearest: object = None
    ) -> None:
        """Notes a problem; `must` goes on after the name, such as "must be 256 to 2048"."""
        field = f"{self.prefix}{name}"
        got = "" if value is None else f", not {short(value)}"
        hint = "" if nearest is None else f"; nearest: {short(nearest)}"
        self.problems.append(
            Problem(field, f"{field} {must}{got}{hint}.", value=value, allowed=allowed or must, nearest=nearest)
        )

    def warn(self, name: str, what: str) -> None:
        """Notes something odd that is sent, or left out, all the same."""
        self.warnings.append(f"{self.prefix}{name} {what}{'' if what.endswith('?') else '.'}")

    def send(self, wire: str, name: str, value: object, *, top: bool = False) -> None:
        """Writes a value as it was given."""
        try:
            (self.top if top else self.key)[wire] = self.values[name] = plain(value)
        except UnsendableError as error:
            self.refuse(name, str(error), value=value)

    def get(self, name: str) -> object:
        """What was given, None if nothing."""
        return self.given.get(name)

    def is_refused(self, name: str) -> bool:
        """True when something is wrong with the parameter already."""
        return any(problem.field == self.prefix + name for problem in self.problems)

    def is_media(self, name: str, value: object) -> bool:
        """True when the value is a file or stands for one; refuses what can be neither."""
        if value is True:
            return True
        if not truthy(value):
            return False
        if isinstance(value, _NO_MEDIA):
            must = "must be a path, bytes, an open file, a picture, a Result, a SavedUpload or an https URL"
            self.refuse(name, must, value=value)
            return False
        if isinstance(value, str):
            url = re.match(_URL, value, re.IGNORECASE)
            scheme = url[1] or url[2] if url else "https"
            if scheme.lower() != "https":
                # The scheme alone: a signed URL must not end up in a log.
                must = "must be a path or an https URL; open any other URL yourself and give the bytes"
                self.refuse(name, must, value=f"{scheme}:...")
                return False
        return True

    def count(self, *names: str) -> int:
        """How many files or references the parameters hold: entries of lists, one for anything else that is there."""
        total = 0
        for name in names:
            value = self.given.get(name)
            if is_list(value):
                total += len(value)  # type: ignore[arg-type]
            else:
                total += truthy(value)
        return total
