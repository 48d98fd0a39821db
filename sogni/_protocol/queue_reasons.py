"""Why something waits: the network's queue explanations, validated."""

from __future__ import annotations

from collections.abc import Mapping

from ..types.project import WaitingReason

_REASONS = frozenset(("concurrency_limit", "model_concurrency_limit", "payment_pending", "no_workers", "queued"))
_OPTIONAL: dict[str, tuple[str, frozenset[str]]] = {
    "media_type": ("mediaType", frozenset(("video", "media"))),
    "payment_model": ("paymentModel", frozenset(("subscription", "paid_spark", "free_spark", "sogni"))),
    "subscription_tier": ("subscriptionTier", frozenset(("unlimited", "unlimited_pro"))),
    "model_family": ("modelFamily", frozenset(("minimax_h3",))),
}
_LONGEST_MESSAGE = 600
_LONGEST_ID = 128


def read_reason(value: object) -> WaitingReason | None:
    """One explanation; None when it is missing, malformed or unknown."""
    if not isinstance(value, Mapping):
        return None
    reason, message = value.get("reason"), value.get("message")
    if reason not in _REASONS or not isinstance(message, str):
        return None
    if not message.strip() or len(message) > _LONGEST_MESSAGE:
        return None
    known = {
        name: value[wire]
        for name, (wire, allowed) in _OPTIONAL.items()
        if isinstance(value.get(wire), str) and value[wire] in allowed
    }
    return WaitingReason(reason=reason, message=message, **known)


def read_job_reasons(value: object, number_of_media: int) -> list[tuple[int, str | None, WaitingReason]]:
    """Explanations per job as (index, render id in upper case or None, reason); malformed entries are left out."""
    found: dict[int, tuple[int, str | None, WaitingReason]] = {}
    if not isinstance(value, list):
        return []
    for entry in value[:number_of_media]:
        if not isinstance(entry, Mapping):
            continue
        index, img_id, reason = entry.get("jobIndex"), entry.get("imgID"), read_reason(entry.get("waitingReason"))
        if isinstance(index, float) and index.is_integer():
            index = int(index)
        if type(index) is not int or not 0 <= index < number_of_media or index in found or reason is None:
            continue
        known_id = img_id.upper() if isinstance(img_id, str) and 1 <= len(img_id) <= _LONGEST_ID else None
        found[index] = (index, known_id, reason)
    return list(found.values())
