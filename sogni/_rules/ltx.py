"""LTX 2, 2.3 and 2.5: frames come in steps of eight, and one."""

from __future__ import annotations

from .clip import Length
from .frames import FrameRule
from .native import NATIVE
from .rule import Family, Layer, ids
from .workflows import workflow

_LTX = Layer(fields=(Length("duration", low=1, high=20),), frames=FrameRule(snap=8))

_PATTERNS = (
    "ltx2-19b-fp8_{}",
    "ltx2-19b-fp8_{}_distilled",
    "ltx23-22b-fp8_{}_distilled",
    "ltx23-22b-fp8_{}_dev",
    "ltx25-22b-int8_{}_distilled",
    "ltx25-22b-int8_{}_dev",
)
_OTHERS: dict[str, tuple[str, ...]] = {"i2v": ("ltx23-22b-10eros-v1.4-fp8mixed_i2v",)}
FAMILIES = tuple(
    Family(
        f"LTX {kind}",
        ids(*(pattern.format(kind) for pattern in _PATTERNS), *_OTHERS.get(kind, ())),
        NATIVE,
        _LTX,
        workflow(kind),
    )
    for kind in ("t2v", "i2v", "a2v", "ia2v", "v2v")
)
