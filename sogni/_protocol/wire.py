"""The one converter between the network's JSON and our attrs classes; camelCase is spelled here and nowhere else.

The server is not trusted to be sane: a field of the wrong type becomes that field's default instead of an error, and
what a class does not declare stays readable in its `extra`, if it has one.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, TypeVar

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

C = TypeVar("C")

# Names whose wire spelling is not the camelCase of ours.
_WIRE_NAMES = {
    "job_id": "jobID",
    "img_id": "imgID",
    "sid": "SID",
    "error_message": "error_message",
    "triggered_nsfw_filter": "triggeredNSFWFilter",
    "discord_2fa": "discord2FA",
    "sticky_id": "stickyID",
}

_NOTHING = object()
_WHOLE = re.compile(r"-?[0-9]{1,19}")

# JSON carries whole numbers of any length; as a float or an epoch they would overflow.
_LARGEST = 2**53


def camel(name: str) -> str:
    """`positive_prompt` as the wire spells it: `positivePrompt`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def wire_name(name: str) -> str:
    """The key under which the network sends the field `name`."""
    return _WIRE_NAMES.get(name) or camel(name)


def fold_id(value: str) -> str:
    """An id as the whole library compares it: upper case."""
    return value.upper()


def structure(data: object, cls: type[C]) -> C:
    """An instance of `cls` from a JSON object; raises ValueError when `data` is not an object at all."""
    if not isinstance(data, Mapping):
        raise ValueError(f"expected an object for {cls.__name__}, got {type(data).__name__}")
    return _converter.structure(data, cls)


def structure_list(data: object, cls: type[C]) -> tuple[C, ...]:
    """The objects of a JSON list; entries that are no objects are left out."""
    if not isinstance(data, list):
        raise ValueError(f"expected a list of {cls.__name__}, got {type(data).__name__}")
    return tuple(_converter.structure(entry, cls) for entry in data if isinstance(entry, Mapping))


def update(instance: C, data: object) -> C:
    """The instance with the fields that a JSON object brings anew; what is missing or does not fit stays as it was."""
    if not isinstance(data, Mapping):
        return instance
    cls: Any = type(instance)
    attrs.resolve_types(cls)
    changes = {}
    for field in attrs.fields(cls):
        if wire_name(field.name) in data and field.name != "extra":
            found = _reader(field.type)(data[wire_name(field.name)])
            if found is not _NOTHING:
                changes[field.name] = found
    return attrs.evolve(instance, **changes) if changes else instance  # type: ignore[misc]


def frozen(value: Any) -> Any:
    """A JSON value that nobody can change: for what is shared by all who ask for it."""
    if isinstance(value, Mapping):
        return types.MappingProxyType({key: frozen(member) for key, member in value.items()})
    return tuple(map(frozen, value)) if isinstance(value, (list, tuple)) else value


def _text(value: object) -> object:
    return value if isinstance(value, str) else _NOTHING


def _flag(value: object) -> object:
    return value if isinstance(value, bool) else _NOTHING


def _number(value: object) -> object:
    if type(value) is int:
        return value if abs(value) < _LARGEST else _NOTHING
    return value if type(value) is float and math.isfinite(value) else _NOTHING


def _integer(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else _NOTHING


def _money(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return _NOTHING
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return _NOTHING
    return amount if amount.is_finite() else _NOTHING


def _time(value: object) -> object:
    """Epoch milliseconds or ISO text as an aware datetime; 0 means "never"."""
    try:
        if _number(value) is not _NOTHING and value > 0:  # type: ignore[operator]
            return datetime.fromtimestamp(value / 1000, tz=timezone.utc)  # type: ignore[operator]
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
            return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError, OSError):
        pass
    return _NOTHING


_SCALARS: dict[object, Callable[[object], object]] = {
    str: _text,
    bool: _flag,
    int: _integer,
    float: _number,
    Decimal: _money,
    datetime: _time,
    object: lambda value: value,
    Any: lambda value: value,
}


def _reader(kind: Any) -> Callable[[object], object]:
    """How one declared type is read; the reader answers `_NOTHING` for a value that does not fit."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    origin = typing.get_origin(kind)
    args = typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        readers = [_reader(arg) for arg in args if arg is not type(None)]

        def read_union(value: object) -> object:
            for read in readers:
                found = read(value)
                if found is not _NOTHING:
                    return found
            return _NOTHING

        return read_union
    if origin in (tuple, list):
        read_item = _reader(args[0])

        def read_list(value: object) -> object:
            if not isinstance(value, list):
                return _NOTHING
            return tuple(item for item in map(read_item, value) if item is not _NOTHING)

        return read_list
    if origin in (dict, Mapping) or kind in (dict, Mapping) or origin is typing.get_origin(Mapping[str, object]):
        return lambda value: value if isinstance(value, dict) else _NOTHING
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda value: kind(value) if isinstance(value, str) else _NOTHING
    if attrs.has(kind):
        return lambda value: _converter.structure(value, kind) if isinstance(value, Mapping) else _NOTHING
    raise TypeError(f"no reader for {kind!r}")


def _structure_hook(cls: type[Any]) -> Callable[[Any, Any], Any]:
    attrs.resolve_types(cls)
    fields = attrs.fields(cls)
    known = {wire_name(field.name) for field in fields}
    overrides: dict[str, Any] = {}
    for field in fields:
        if field.name == "extra":
            overrides["extra"] = override(omit=True)
            continue
        read = _reader(field.type)
        overrides[field.name] = override(rename=wire_name(field.name), struct_hook=_lenient(read, field))
    build = make_dict_structure_fn(cls, _converter, _cattrs_detailed_validation=False, **overrides)
    if "extra" not in {field.name for field in fields}:
        return build

    def with_extra(data: Mapping[str, Any], kind: Any) -> Any:
        instance = build(data, kind)
        unknown = {key: value for key, value in data.items() if key not in known}
        if unknown:
            object.__setattr__(instance, "extra", unknown)
        return instance

    return with_extra


def _lenient(read: Callable[[object], object], field: attrs.Attribute[Any]) -> Callable[[Any, Any], Any]:
    def hook(value: Any, _: Any) -> Any:
        found = read(value)
        if found is not _NOTHING:
            return found
        default = field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            return default.factory()  # type: ignore[union-attr]
        return None if default is attrs.NOTHING else default

    return hook


_converter = Converter(detailed_validation=False)
_converter.register_structure_hook_factory(attrs.has, _structure_hook)
