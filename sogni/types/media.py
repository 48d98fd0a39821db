"""What may be given where a request takes a picture, a sound or a video."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, Literal, Protocol, Union

from .library import SavedUpload

__all__ = ["MediaInput", "Openable", "PictureLike"]


class Openable(Protocol):
    """Anything that opens as a binary file, such as a `Result`."""

    def open(self) -> Any:
        """A binary file at its beginning; it is closed after use."""


class PictureLike(Protocol):
    """A Pillow image, or what looks like one."""

    @property
    def mode(self) -> str:
        """Such as `RGB` or `RGBA`."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def save(self, fp: Any, format: str | None = None) -> None:
        """Writes the picture into a binary file."""


MediaInput = Union[
    bytes, bytearray, memoryview, str, os.PathLike[str], BinaryIO, PictureLike, Openable, SavedUpload, Literal[True]
]
"""One input of a request:

* a path (`str` or `pathlib.Path`, `~` is expanded): streamed from disk, never read whole;
* `bytes`, `bytearray`, `memoryview`: used without a copy, so leave them alone until the request is sent;
* a binary file that is open for reading: from its present position to its end;
* a Pillow image: encoded as PNG, alpha included; pixels go out as they are, whatever EXIF says about turning them;
* a `Result` of this library, or any object whose `open()` gives a binary file;
* a `SavedUpload`: copied at the service, nothing is sent;
* an `https://` address as `str`: fetched by this computer first, without credentials, up to 100 MiB. Any other address
  is refused;
* `True`: the slot is declared but nothing is sent, because the file is there already.
"""
