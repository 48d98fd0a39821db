"""The verbs as a table: what each orders, from which parameters, and with which models it does so.

A row is one way of a verb: making a video from a text is another one than from a picture. Only models of the network's
own workers stand here; those of outside vendors cost more, or need a consent, and are chosen by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import ModelNotAvailable
from ..types.catalog import Range
from .row import Row
from .rule import NOTHING
from .values import number

if TYPE_CHECKING:
    from ..types.catalog import Model, ModelOptions

QUALITIES = ("fast", "balanced", "best")


class Way(Row):
    """One way of a verb.

    Attributes:
        type: The project type.
        needs: The way is taken when of each group one parameter is given; the first row that fits is taken.
        media: The parameter for the file that the verb takes; None when the rule of the model says it.
        text: The parameter for the text; a dot leads into an object.
        cutout: The parameter for `cutout`, the same way.
        fast, balanced, best: Models, the preferred one first.
        extra: Parameters that a quality brings, by quality, unless they are given.
    """

    type: str
    needs: tuple[tuple[str, ...], ...] = ()
    media: str | None = None
    text: str = "positive_prompt"
    cutout: str | None = None
    fast: tuple[str, ...] = ()
    balanced: tuple[str, ...] = ()
    best: tuple[str, ...] = ()
    extra: Mapping[str, Mapping[str, object]] = {}

    def candidates(self, quality: str) -> tuple[str, ...]:
        """The models of a quality, then those of the others, which are better than none."""
        order = (quality, *(name for name in ("balanced", "best", "fast") if name != quality))
        return tuple(dict.fromkeys(model for name in order for model in getattr(self, name)))

    def fits(self, given: Collection[str]) -> bool:
        """Whether it can be made from what is given."""
        return all(any(name in given for name in group) for group in self.needs)


_PICTURE = ("reference_image", "reference_image_end")
_SOUND = ("reference_audio",)
_SPEECH = "qwen3_tts_1.7b_{}_bf16"
_VIEWS = ("left_view_image", "back_view_image", "right_view_image")


def _ltx(workflow: str, *others: str, needs: tuple[tuple[str, ...], ...] = ()) -> Way:
    """LTX for a workflow: quick, as the published clients prefer it, and with all steps."""
    distilled, newest = f"ltx23-22b-fp8_{workflow}_distilled", f"ltx25-22b-int8_{workflow}_distilled"
    return Way(
        type="video",
        needs=needs,
        fast=(*others, distilled, newest),
        balanced=(distilled, newest, *others),
        best=(f"ltx25-22b-int8_{workflow}_dev", f"ltx23-22b-fp8_{workflow}_dev"),
    )


_EDITS = ("qwen_image_edit_2511_fp8_lightning", "flux3_image_klein_sd_int8_convrot", "krea2_identity_edit_v1_2")

VERBS: Mapping[str, tuple[Way, ...]] = {
    "image": (
        Way(
            type="image",
            fast=("z_image_turbo_bf16", "krea2_turbo_fp8_scaled", "flux1-schnell-fp8"),
            balanced=("krea2_turbo_fp8_scaled", "z_image_turbo_bf16", "qwen_image_2512_fp8_lightning"),
            best=("qwen_image_2512_fp8", "z_image_bf16", "krea2_turbo_fp8_scaled"),
        ),
    ),
    "edit": (Way(type="image", fast=_EDITS, balanced=_EDITS, best=("qwen_image_edit_2511_fp8", *_EDITS)),),
    "video": (
        Way(
            type="video",
            needs=(("context_images", "reference_videos", "reference_audios"),),
            fast=("minimax-h3-ref2va-fp8_r2v_turbo", "minimax-h3-fastvideo-omni-int8_r2v_turbo"),
            balanced=("minimax-h3-ref2va-fp8_r2v_balanced", "minimax-h3-ref2va-fp8_r2v_turbo"),
            best=("minimax-h3-ref2va-fp8_r2v",),
        ),
        _ltx("v2v", needs=(("reference_video",),)),
        _ltx("ia2v", "wan_v2.2-14b-fp8_s2v_lightx2v", needs=(_PICTURE, _SOUND)),
        _ltx("a2v", needs=(_SOUND,)),
        _ltx("i2v", "wan_v2.2-14b-fp8_i2v_lightx2v", needs=(_PICTURE,)),
        _ltx("t2v", "wan_v2.2-14b-fp8_t2v_lightx2v"),
    ),
    "music": (
        Way(
            type="audio",
            fast=("ace_step_1.5_turbo", "ace_step_1.5_xl_turbo"),
            balanced=("ace_step_1.5_xl_turbo", "ace_step_1.5_turbo", "minimax_music3"),
            best=("minimax_music3", "ace_step_1.5_xl_sft", "ace_step_1.5_sft"),
        ),
    ),
    "speech": (
        Way(type="audio", needs=(_SOUND,), balanced=(_SPEECH.format("voice_clone"),)),
        Way(type="audio", balanced=(_SPEECH.format("custom_voice"),)),
    ),
    "upscale": (
        Way(
            type="video",
            needs=(("a video",),),
            media="reference_video",
            balanced=("flashvsr_v1.1_tiny_long_bf16",),
            extra={
                "fast": {"upscale_resolution": 1080, "processing_speed": "faster"},
                "balanced": {"upscale_resolution": 1080},
                "best": {"upscale_resolution": 1440},
            },
        ),
        Way(type="image", media="starting_image", balanced=("rtx_vsr_pro",)),
    ),
    "segment": (
        Way(
            type="image",
            needs=(("a text", "sam3_prompt"),),
            media="starting_image",
            text="sam3_prompt.text",
            cutout="sam3_prompt.apply_mask",
            balanced=("sam3_image_segment_bf16",),
        ),
        Way(
            type="image",
            media="starting_image",
            cutout="apply_mask",
            balanced=("birefnet_image_background_removal_fp16",),
        ),
    ),
    "model3d": (
        Way(type="image", needs=(_VIEWS,), media="starting_image", balanced=("pixal3d_multiview_int8_i23d",)),
        Way(type="image", media="starting_image", balanced=("pixal3d_int8_i23d",)),
    ),
}


def way(verb: str, given: Collection[str], model: str | None = None) -> Way:
    """The way that a verb takes: the one of the model if it stands in the table, else the first that fits."""
    ways = VERBS[verb]
    by_model = (row for row in ways if model is not None and model in row.candidates("balanced"))
    return next(by_model, None) or next(row for row in ways if row.fits(given))


def choose(
    verb: str,
    row: Way,
    quality: str,
    models: Sequence[Model],
    tiers: Mapping[str, object],
    *,
    asked: Mapping[str, object] = NOTHING,
    workers: Mapping[str, int] | None = None,
) -> str:
    """The model for a verb: of those that the catalogue lists, the first one that suits best.

    One that has workers suits better than one that has none, where the counts are known; then one that advertises what
    is asked for: a piece of eight minutes is not for a model that ends at five.

    Args:
        asked: Parameters that were given.
        workers: How many there are, by model; empty when nobody said.
    Raises:
        ModelNotAvailable: the catalogue lists none of them.
    """
    from .options import model_options

    listed = {model.id: model for model in models}
    found = [name for name in row.candidates(quality) if name in listed and listed[name].tier in tiers]
    if not found:
        raise ModelNotAvailable(
            f"The catalogue lists no model that {verb} would choose.",
            hint="Name one with model=; projects.get_supported_models() lists what there is.",
        )

    def unsuited(name: str) -> tuple[bool, bool]:
        idle = not workers.get(name) if workers else False
        return idle, not suits(model_options(name, models, tiers), asked)

    return min(found, key=unsuited)


def suits(options: ModelOptions, asked: Mapping[str, object]) -> bool:
    """Whether a model advertises all that is asked for, as far as the service lists it."""
    for name, value in asked.items():
        span = getattr(options, name, None)
        wanted = number(value)
        if isinstance(span, Range) and wanted is not None:
            low, high = span.min, span.max
            if (low is not None and wanted < low) or (high is not None and wanted > high):
                return False
    return True
