"""WAN 2.2: renders at 16 frames per second, whatever rate is asked for."""

from __future__ import annotations

from .clip import Length
from .frames import FrameRule
from .native import NATIVE
from .rule import Family, Layer, ids
from .texts import JsonText
from .workflows import workflow

_WAN = Layer(fields=(Length("duration", low=1, high=10),), frames=FrameRule(rate=16))
_ANIMATE = Layer(fields=(Length("duration", low=1, high=20),))
_SELECTION = Layer(fields=(JsonText("sam2_coordinates"),))

# Ending of the ids, workflow, what else is special.
_MODELS: tuple[tuple[tuple[str, ...], str, tuple[Layer, ...]], ...] = (
    (("t2v", "t2v_lightx2v"), "t2v", ()),
    (("i2v", "i2v_lightx2v"), "i2v", ()),
    (("s2v", "s2v_lightx2v"), "s2v", ()),
    (("animate-move_lightx2v",), "animate-move", (_ANIMATE,)),
    (("animate-replace_lightx2v",), "animate-replace", (_ANIMATE, _SELECTION)),
)
FAMILIES = tuple(
    Family(
        f"WAN 2.2 {kind}",
        ids(*(f"wan_v2.2-14b-fp8_{ending}" for ending in endings)),
        NATIVE,
        _WAN,
        workflow(kind),
        *special,
    )
    for endings, kind, special in _MODELS
)
