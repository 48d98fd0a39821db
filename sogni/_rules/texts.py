"""The fields that are texts: limited, blank, hashes, URLs, or data written out as text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from .about import About
from .draft import Draft
from .fields import Field
from .values import UnsendableError, is_list, plain, short, trim, truthy

_SHA256 = r"[0-9a-fA-F]{64}"


class JsonText(Field):
    """Any data, sent as a text of compact JSON."""

    def put(self, draft: Draft, value: object) -> None:
        try:
            draft.key[self.wire] = json.dumps(plain(value), separators=(",", ":"))
        except UnsendableError as error:
            draft.refuse(self.name, str(error), value=value)

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed="lists and objects"),)


class Text(Field):
    """A text of limited length, sent without the white space around it."""

    shortest: int = 1
    longest: int

    def put(self, draft: Draft, value: object) -> None:
        text = trim(value) if isinstance(value, str) else None
        if text is None or not self.shortest <= len(text) <= self.longest:
            draft.refuse(self.name, f"must be a text of {self.shortest} to {self.longest} characters", value=value)
        else:
            draft.key[self.wire] = draft.values[self.name] = text

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed=f"{self.shortest} to {self.longest} characters"),)


class Hash(Field):
    """A SHA-256 in hexadecimal digits, sent in lower case."""

    def put(self, draft: Draft, value: object) -> None:
        if isinstance(value, str) and re.fullmatch(_SHA256, value):
            draft.key[self.wire] = value.lower()
        else:
            draft.refuse(self.name, "must be 64 hexadecimal digits", value=value)

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed="64 hexadecimal digits"),)


class Blank(Field):
    """A text that this model has no use for: only blank is accepted.

    Attributes:
        sent: Whether a blank one that is not empty goes out as it is.
    """

    sent: bool = False

    def put(self, draft: Draft, value: object) -> None:
        if truthy(value) and not (isinstance(value, str) and not trim(value)):
            draft.refuse(self.name, "must be left out: this model takes none", value=value, allowed="blank")
        elif self.sent and truthy(value):
            draft.send(self.wire, self.name, value)

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed="this model takes none", use="refused"),)


class Urls(Field):
    """A list of URLs that the service fetches itself; left out when empty."""

    def put(self, draft: Draft, value: object) -> None:
        urls = self.check(draft, value)
        if urls:
            draft.key[self.wire] = urls

    def check(self, draft: Draft, value: object) -> list[str]:
        """The accepted URLs; empty after noting a problem."""
        if not is_list(value):
            draft.refuse(self.name, "must be a list of URLs", value=value)
            return []
        entries: Sequence[object] = value  # type: ignore[assignment]
        for place, url in enumerate(entries):
            if not isinstance(url, str) or not trim(url):
                draft.refuse(f"{self.name}[{place}]", "must be a URL", value=short(url))
                return []
        return [str.__str__(url) for url in entries]

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed="a list of URLs"),)


class HttpsUrl(Field):
    """One https URL that the service fetches itself; sent as given."""

    def put(self, draft: Draft, value: object) -> None:
        if isinstance(value, str) and trim(value).startswith("https://"):
            draft.send(self.wire, self.name, value)
        else:
            draft.refuse(self.name, "must be a URL that starts with https://", value=value)

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed="a URL that starts with `https://`"),)
