"""File names made of prompts."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 60
# Names that Windows reserves, whatever their extension.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def slug(text: str) -> str:
    """`A lighthouse in winter!` as `a-lighthouse-in-winter`: letters and digits of any script, whole words, no dots."""
    plain = unicodedata.normalize("NFC", text[:500]).lower()
    words = re.findall(r"\w+", plain.replace("_", " "))
    name = ""
    for word in words:
        if name and len(name) + 1 + len(word) > LONGEST:
            break
        name = f"{name}-{word}" if name else word[:LONGEST]
    # A file system counts bytes, and a letter may take four.
    while len(name.encode()) > 2 * LONGEST:
        name = name[:-1]
    if not name or _RESERVED.fullmatch(name):
        return f"sogni-{name}" if name else "sogni"
    return name
