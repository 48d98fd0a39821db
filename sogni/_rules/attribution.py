"""Who ordered a job and as part of what: checked, completed, and written flat into the message."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .._protocol.wire import camel
from .values import trim

_VERSION = re.compile(r"[0-9][0-9A-Za-z.+_-]{0,31}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


def _words(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words))


# What each field has to look like as a whole. A value that does not is left out, never an error.
_FORMS: dict[str, re.Pattern[str]] = {
    "workload_kind": _words("direct", "agent_mediated", "service", "unknown"),
    "agent_framework": _NAME,
    "agent_framework_version": _VERSION,
    "agent_surface": _words(
        "native_web",
        "native_mobile",
        "native_desktop",
        "plugin",
        "personal_skill",
        "mcp",
        "cli",
        "sdk",
        "openai_compatible",
        "direct_api",
        "unknown",
    ),
    "agent_surface_version": _VERSION,
    "execution_mode": _words("browser", "durable", "server", "unknown"),
    "operation_scope": _words("top_level", "child", "unknown"),
    "operation_id": _ID,
    "root_operation_id": _ID,
    "parent_operation_id": _ID,
}
_IDS = frozenset(("operation_id", "root_operation_id", "parent_operation_id"))
# A version belongs to the thing that is named next to it: a new name without a version has none.
_VERSIONED = (("agent_framework", "agent_framework_version"), ("agent_surface", "agent_surface_version"))


def resolve(defaults: object, given: object, project_id: str) -> dict[str, str]:
    """The fields to send, by their names on the wire.

    Args:
        defaults: What the client was set up with.
        given: What this one request says.
        project_id: The operation, unless one is named.
    """
    merged = _set_fields(defaults)
    for name, value in _set_fields(given).items():
        for thing, version in _VERSIONED:
            if name == thing and merged.get(thing) != value:
                merged.pop(version, None)
        merged[name] = value
    # The request's own versions again: they may have been dropped above when they came before the name.
    merged.update(_set_fields(given))
    fields = {name: kept for name, value in merged.items() if (kept := _kept(name, value)) is not None}
    if fields.get("workload_kind", "agent_mediated") != "agent_mediated":
        fields.pop("agent_framework", None)
        fields.pop("agent_framework_version", None)
    if not fields:
        return {}
    _complete(fields, project_id)
    return {camel(name): value for name, value in fields.items()}


def _set_fields(record: object) -> dict[str, object]:
    if not isinstance(record, Mapping):
        return {}
    return {name: record[name] for name in _FORMS if record.get(name) is not None}


def _kept(name: str, value: object) -> str | None:
    if not isinstance(value, str):
        return None
    text = str.__str__(value) if name in _IDS else trim(value)
    return text if _FORMS[name].fullmatch(text) else None


def _complete(fields: dict[str, str], project_id: str) -> None:
    """Fills in the lineage: which operation, under which root and parent."""
    operation = fields.setdefault("operation_id", project_id)
    root, parent = fields.get("root_operation_id"), fields.get("parent_operation_id")
    nested = parent is not None or root not in (None, operation)
    scope = fields.setdefault("operation_scope", "child" if nested else "top_level")
    if scope == "top_level":
        fields["root_operation_id"] = operation
        fields.pop("parent_operation_id", None)
    elif scope == "child" and root is not None and parent is None:
        fields["parent_operation_id"] = root
