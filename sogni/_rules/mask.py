"""The mask of a GPT Image request: a file, an https URL, or a PNG written out in a `data:` URL."""

from __future__ import annotations

import base64
import binascii
import re

from ..errors import Problem
from .about import About
from .draft import Draft
from .fields import Field
from .values import trim, truthy

_HEAD = "data:image/png;base64,"
_BODY = r"[A-Za-z0-9+/=]+"
# 50 MiB as base64.
_LONGEST = 69_905_067


class MaskUrl(Field):
    """A URL that the service fetches itself; any text that is not blank."""

    def put(self, draft: Draft, value: object) -> None:
        if isinstance(value, str) and trim(value):
            draft.send(self.wire, self.name, value)
        else:
            draft.refuse(self.name, "must be a URL", value=value)

    @property
    def about(self) -> tuple[About, ...]:
        return (About(self.name, allowed="a URL, or a PNG as `data:` URL"),)


def decode_mask(params: dict[str, object], problems: list[Problem]) -> None:
    """Puts the picture of a `data:` URL in the place of the mask file, so that it is uploaded like one."""
    url = params.get("gpt_image_mask_url")
    if not isinstance(url, str) or not url.startswith("data:"):
        return
    picture = _decode(url)
    if picture is None:
        problems.append(
            Problem(
                "gpt_image_mask_url",
                f"gpt_image_mask_url must be an https URL or {_HEAD}... of at most 50 MiB.",
                value=url[:40],
                allowed=f"https URL or {_HEAD}...",
            )
        )
    elif truthy(params.get("gpt_image_mask")):
        message = "gpt_image_mask_url cannot be combined with gpt_image_mask."
        problems.append(Problem("gpt_image_mask_url", message, allowed="one of the two"))
    else:
        params["gpt_image_mask"] = picture
        del params["gpt_image_mask_url"]


def _decode(url: str) -> bytes | None:
    body = url[len(_HEAD) :]
    if not url.startswith(_HEAD) or len(body) >= _LONGEST or not re.fullmatch(_BODY, body):
        return None
    digits = body.rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4)) or None
    except binascii.Error:
        return None
