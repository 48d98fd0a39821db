"""Which files a video model takes, by what it makes a video from."""

from __future__ import annotations

from .checks import AnyOf, Check
from .fields import Field, Refused
from .rule import Layer
from .slots import OnlyWhen, Slot

_SLOTS: dict[str, Slot] = {
    slot.name: slot
    for slot in (
        Slot(
            "reference_image",
            type="referenceImage",
            flag="hasReferenceImage",
            content_types=("referenceImageContentType",),
        ),
        Slot(
            "reference_image_end",
            type="referenceImageEnd",
            flag="hasReferenceImageEnd",
            content_types=("referenceImageEndContentType",),
        ),
        Slot(
            "reference_audio",
            at="media",
            slot="audio",
            type="referenceAudio",
            flag="hasReferenceAudio",
            content_types=("referenceAudioContentType",),
        ),
        # The voice rides in the slot of the audio: no model takes both.
        Slot(
            "reference_audio_identity",
            at="media",
            slot="audio",
            type="referenceAudio",
            flag="hasReferenceAudioIdentity",
            content_types=("referenceAudioIdentityContentType", "referenceAudioContentType"),
        ),
        Slot(
            "reference_video",
            at="media",
            slot="video",
            type="referenceVideo",
            flag="hasReferenceVideo",
            content_types=("referenceVideoContentType",),
        ),
        Slot(
            "reference_mask",
            type="referenceMask",
            flag="hasReferenceMask",
            content_types=("referenceMaskContentType",),
        ),
    )
}
REFERENCE_AUDIO = _SLOTS["reference_audio"]

_USES = {"R": "required", "O": "optional", "-": "forbidden"}
# One letter per file, in the order of `_SLOTS`: image, last image, audio, voice, video, mask.
_MATRIX: dict[str, str] = {
    "t2v": "---O--",
    "t2v that extends a video": "---OO-",
    "i2v": "OO-O--",
    "i2v without a voice": "OO----",
    "flf2v": "RR----",
    "flfa2v": "RRR---",
    "ia2v": "R-R---",
    "a2v": "--R---",
    "s2v": "R-R---",
    "v2v": "O--ORO",
    "animate-move": "R---R-",
    "animate-replace": "R---R-",
    "r2v": "O-----",
    "r2v of all kinds": "O-O-O-",
    "upscale": "----R-",
}
_ANY_FRAME = AnyOf(("reference_image", "reference_image_end"), "this model needs a first or a last picture")
_CHECKS: dict[str, tuple[Check, ...]] = {"i2v": (_ANY_FRAME,)}


def optional(name: str) -> Field:
    """The row of a file that may be given."""
    slot = _SLOTS[name]
    if name == "reference_mask":
        return OnlyWhen(name, parameter="control_net", key="name", value="inpaint", then=slot)
    return slot


def required(name: str) -> Slot:
    """The row of a file that has to be given."""
    return _SLOTS[name].but(required=True)


ALL_OPTIONAL: tuple[Field, ...] = tuple(optional(name) for name in _SLOTS)


def named(row: str) -> Layer:
    """What a model of this row of the matrix is called and says about its files, without any check of them."""
    uses = zip(_SLOTS, _MATRIX[row], strict=True)
    return Layer(workflow=row.split()[0], assets={name: _USES[use] for name, use in uses})


def workflow(row: str) -> Layer:
    """The layer of a row of the matrix: files that are required, may be given, or are refused."""
    name = row.split()[0]
    rows: list[Field] = []
    for slot, use in zip(_SLOTS, _MATRIX[row], strict=True):
        if use == "R":
            rows.append(required(slot))
        elif use == "O":
            rows.append(optional(slot))
        else:
            rows.append(Refused(slot, must=f"cannot be used: this is a {name} model", when="truthy"))
    layer = named(row)
    return Layer(fields=tuple(rows), checks=_CHECKS.get(name, ()), workflow=layer.workflow, assets=layer.assets)
