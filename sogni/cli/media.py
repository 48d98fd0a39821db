"""Files that are given to a command: what they really are, looked at before anything is ordered."""

from __future__ import annotations

import os
import re
from pathlib import Path

from attrs import frozen

from .exits import CommandError

_HEAD = 8192
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]+://")
_ORIENTATION = 0x0112
# Orientations of EXIF that show a picture on its side.
_ON_ITS_SIDE = (5, 6, 7, 8)


@frozen
class Photo:
    """A picture that is given.

    Attributes:
        given: The path or address, for `create`.
        size: Width and height as it is looked at; None of an address, or where nothing here can read the format.
    """

    given: str
    size: tuple[int, int] | None = None


def photo(given: str, option: str, *, local: bool = False) -> Photo:
    """A picture: a file of any picture format, or an https address.

    Args:
        given: What was given.
        option: For which option.
        local: An address will not do.
    Raises:
        CommandError: it is none.
    """
    if _is_address(given, option, local=local):
        return Photo(given)
    path, mime = _file(given, option)
    if not mime.startswith("image/"):
        raise _not(option, "a picture", given, mime)
    return Photo(str(path), _size(path, option, mime))


def sound(given: str, option: str) -> str:
    """A recording: a file of sound, or of a video whose sound is meant, or an https address.

    Raises:
        CommandError: it is none.
    """
    if _is_address(given, option):
        return given
    path, mime = _file(given, option)
    if not mime.startswith(("audio/", "video/")):
        raise _not(option, "a recording", given, mime)
    return str(path)


def clip(given: str, option: str) -> str:
    """A video: a file, or an https address.

    Raises:
        CommandError: it is none.
    """
    if _is_address(given, option):
        return given
    path, mime = _file(given, option)
    if not mime.startswith("video/"):
        raise _not(option, "a video", given, mime)
    return str(path)


def is_clip(given: str, option: str) -> bool:
    """True for a video, False for a picture; an address is judged by its ending.

    Raises:
        CommandError: it is neither.
    """
    if _is_address(given, option):
        return given.partition("?")[0].lower().endswith((".mp4", ".mov", ".webm"))
    mime = _file(given, option)[1]
    if not mime.startswith(("video/", "image/")):
        raise _not(option, "a picture or a video", given, mime)
    return mime.startswith("video/")


def _is_address(given: str, option: str, *, local: bool = False) -> bool:
    if not _ADDRESS.match(given):
        return False
    if local:
        raise CommandError(f"{option} takes a file of this computer here, not an address.", hint="Download it first.")
    if not given.lower().startswith("https://"):
        raise CommandError(f"{option} takes a file or an https address, not {given.partition('://')[0]}://.")
    return True


def _file(given: str, option: str) -> tuple[Path, str]:
    """A file and its type by its content; an empty type when that is not known."""
    import filetype

    path = Path(os.path.expanduser(given))
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            # What is read from a pipe to look at it would be missing later.
            raise CommandError(f"{option}: {given} is a pipe or a device.", hint="Save it to a file first.")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        problem = f"there is no file {given}"
    except IsADirectoryError:
        problem = f"{given} is a folder"
    except (OSError, ValueError) as error:
        # Opening a folder is denied on Windows.
        reason = getattr(error, "strerror", None) or str(error)
        problem = f"{given} is a folder" if path.is_dir() else f"{given} cannot be read: {reason}"
    else:
        if head:
            return path, filetype.guess_mime(head) or ("audio/mpeg" if _is_mpeg_sound(head) else "")
        problem = f"{given} is empty"
    raise CommandError(f"{option}: {problem}.")


def _is_mpeg_sound(head: bytes) -> bool:
    """A frame of MPEG sound starts with eleven set bits; a layer of 0 there is none."""
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0


def _not(option: str, what: str, given: str, mime: str) -> CommandError:
    found = f" but {mime}" if mime else ""
    return CommandError(f"{option}: {given} is not {what}{found}.")


def _size(path: Path, option: str, mime: str) -> tuple[int, int] | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            width, height = picture.size
            turned = picture.getexif().get(_ORIENTATION) in _ON_ITS_SIDE
            picture.load()
    except UnidentifiedImageError:
        Image.init()
        if mime in Image.MIME.values():
            raise CommandError(f"{option}: {path} is damaged: it begins like a picture, and is none.") from None
        return None  # such as HEIC, which the network may know
    except Image.DecompressionBombError as problem:
        raise CommandError(f"{option}: {path} is too large a picture: {problem}") from None
    except (OSError, SyntaxError, ValueError) as problem:
        raise CommandError(f"{option}: {path} is damaged: {str(problem).rstrip('.')}.") from None
    return (height, width) if turned else (width, height)
