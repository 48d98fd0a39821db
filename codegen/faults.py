"""The tables of the page about the sandbox: what can be scripted and what can be made to fail."""

from __future__ import annotations

from sogni.sandbox.faults import FAULTS, Fault
from sogni.sandbox.script import KNOBS, Script

from .pages import table

# What a knob changes, in the words of a reader.
SUBJECTS = {
    "project": "the next project",
    "cancel": "the next cancel",
    "connection": "the next connection",
    "request": "the next HTTP request",
    "upload": "the next upload of a file",
    "download": "the next download of a file",
    "url": "the next signed URL",
    "import": "the next import of a LoRA",
    "account": "the account",
}
PLACES = {
    "request": "the next HTTP request",
    "submission": "the next order",
    "job": "the next output, half way through its render",
}


def knobs() -> str:
    """Every knob of `Sandbox.script`, by what spends it."""
    parts = []
    for subject, words in SUBJECTS.items():
        rows = [
            (f"`{name}`", _default(name), str(knob.metadata["doc"]))
            for name, knob in KNOBS.items()
            if knob.metadata["subject"] == subject
        ]
        parts.append(f"**{words[0].upper()}{words[1:]}**\n\n{table(('Knob', 'Unset', 'What happens'), rows)}")
    return "\n\n".join(parts)


def faults() -> str:
    """Every fault of `Sandbox.fail_next`, by where it strikes."""
    parts = []
    for place, words in PLACES.items():
        rows = [
            (f"`{name}`", fault.summary, _sent(fault), fault.message)
            for name, fault in FAULTS.items()
            if fault.place == place
        ]
        head = ("Fault", "What it stands for", "Code", "The server's sentence")
        parts.append(f"**{words[0].upper()}{words[1:]}**\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def _default(name: str) -> str:
    return f"`{getattr(Script(), name)!r}`"


def _sent(fault: Fault) -> str:
    return f"`{fault.error}`" if fault.error else ""
