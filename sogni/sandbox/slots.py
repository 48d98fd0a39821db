"""Which files a request says it has, by the names of the slots that they are uploaded to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The voice sample shares the slot of the audio guide.
SHARED = {"referenceAudioIdentity": "referenceAudio"}


def declared(keyframe: Mapping[str, Any]) -> list[str]:
    """Slots that a request declares, in its order."""
    found = []
    for name, value in keyframe.items():
        if name.startswith("has") and value is True and len(name) > 3:
            slot = name[3].lower() + name[4:]
            found.append(SHARED.get(slot, slot))
    control = keyframe.get("currentControlNetsJob")
    if isinstance(control, list) and control and isinstance(control[0], dict) and control[0].get("hasImage") is True:
        found.append("cnImage")
    return list(dict.fromkeys(found))


def slot_of(kind: str, number: str | None) -> str:
    """Slot of an upload: numbered ones carry their name in `id`, next to the bare `type`."""
    return number if number and number.startswith(kind) and number[len(kind) :].isdigit() else kind
