"""The JSON file beside a saved output: what was asked for, what came back, and how to ask for the same again.

Never in it: keys, tokens, signed URLs, file contents. An input is named by its path, or described where it had none.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import VERSION
from ..errors import Problem, StorageError, ValidationError

if TYPE_CHECKING:
    from ..types.params import AudioParams, ImageParams, VideoParams

log = logging.getLogger("sogni")

FORMAT = 1
_LARGEST = 4 * 1024 * 1024
_PLAIN = (str, int, float, bool, type(None))
_LEFT_OUT = "left_out"
# What the user wrote, whatever it looks like.
_TEXTS = frozenset(("positive_prompt", "negative_prompt", "style_prompt", "lyrics", "instruct", "reference_text"))


def write(file: Path, facts: Mapping[str, object], request: Mapping[str, object]) -> Path | None:
    """Write the sidecar of a saved file, `NAME.json` beside it; None, and a warning, when that cannot be done.

    Args:
        file: The saved output.
        facts: What is known about it: ids, seed, size, hash, ...
        request: The parameters of the order, as given.
    """
    document = {
        "sogni": VERSION,
        "format": FORMAT,
        "file": file.name,
        **{name: value for name, value in facts.items() if value is not None},
        "request": {name: str(value) if name in _TEXTS else _plain(value) for name, value in request.items()},
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"
    try:
        return _put(beside(file), text)
    except OSError as error:
        # The output itself is saved; that must not look like a failure.
        log.warning("%s.json could not be written: %s", file.name, error.strerror or error)
        return None


def beside(file: Path) -> Path:
    """Where the sidecar of a file is."""
    return file.with_name(f"{file.name}.json")


def load(path: str | os.PathLike[str]) -> ImageParams | VideoParams | AudioParams:
    """The request that a saved output was made with, from the JSON file beside it.

    Use `attrs.evolve(request, seed=5)` for the same again with another seed. Inputs that were no files (bytes, open
    files, addresses with a signature) are not in it: a warning names them.

    Args:
        path: The `.json` file, or the output beside it.
    Raises:
        ValidationError: it is no such file.
        StorageError: it cannot be read.
    """
    from ..types.params import AudioParams, ImageParams, VideoParams

    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
    if not isinstance(name, str) or not name or "\0" in name:
        problem = Problem("path", "path must be the name of a file.", value=path, allowed="str or Path")
        raise ValidationError(problems=[problem])
    file = Path(name)
    if file.suffix.lower() != ".json":
        file = beside(file)
    try:
        with file.open("rb") as opened:
            text = opened.read(_LARGEST + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"{file} could not be read: {reason}.",
            errno=error.errno,
            path=str(file),
            hint="`save` writes it beside each output, unless sidecar=False.",
        ) from None
    try:
        document: Any = json.loads(text) if len(text) <= _LARGEST else None
        request: dict[str, Any] = dict(document["request"])
        kinds: dict[str, type[Any]] = {"image": ImageParams, "video": VideoParams, "audio": AudioParams}
        kind = kinds[request.pop("type")]
        if request.get("number_of_media", 1) == 1 and isinstance(document.get("seed"), int):
            # What the network chose, so that ordering it again gives the same output.
            request.setdefault("seed", document["seed"])
        missing = sorted(name for name, value in request.items() if _is_left_out(value))
        for name in missing:
            del request[name]
        params: ImageParams | VideoParams | AudioParams = kind(**request)
    except (ValueError, TypeError, KeyError, RecursionError):
        message = f"{file} is no record of a saved output."
        problem = Problem("path", message, value=str(file), allowed="a .json file that `save` wrote")
        raise ValidationError(problems=[problem]) from None
    if missing:
        log.warning("%s does not hold %s: give it again", file.name, ", ".join(missing))
    return params


def _put(path: Path, text: str) -> Path:
    """Write a sidecar in one step; one of an output that is gone may be replaced, any other file may not."""
    if path.exists() and not _is_ours(path):
        raise FileExistsError("there is another file of that name")
    part = path.with_name(f".sogni-{secrets.token_hex(8)}.part")
    try:
        part.write_text(text, "utf-8", "replace")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(20).split()[:2] == [b"{", b'"sogni":']


def _plain(value: Any) -> object:
    """A parameter as JSON: what can be read again, else a description of what was left out."""
    if isinstance(value, str):
        if "://" in value and any(mark in value for mark in "?#@"):
            # Signatures and passwords stand in these parts.
            place = re.sub(r"[?#].*", "", value, flags=re.DOTALL)
            return {_LEFT_OUT: "address", "address": re.sub(r"://[^/]*@", "://", place)}
        if value.startswith("data:"):
            return {_LEFT_OUT: "data", "size": len(value)}
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {_LEFT_OUT: "bytes", "size": len(value)}
    ids = {name: getattr(value, name, None) for name in ("project_id", "job_id")}
    if all(isinstance(found, str) for found in ids.values()):
        return {_LEFT_OUT: "result", **ids}
    return {_LEFT_OUT: type(value).__name__}


def _is_left_out(value: object) -> bool:
    if isinstance(value, dict):
        return _LEFT_OUT in value or any(map(_is_left_out, value.values()))
    return isinstance(value, list) and any(map(_is_left_out, value))
