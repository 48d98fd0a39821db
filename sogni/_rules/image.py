"""What the image models accept. A new model is a row in `FAMILIES`, if it needs one at all."""

from __future__ import annotations

from .amounts import Integer, Inverted, Number
from .checks import Conflict, Needs, NotBoth, OneOf
from .fields import Choice, Dropped, Field, Flag, FromTier, Given, Refused, only_on
from .kinds import BIREFNET, MAKES_3D, SAM_3
from .mask import MaskUrl, decode_mask
from .nested import Record, required
from .rule import EVERYTHING, Family, Layer, Table, contains, ids, starts_with
from .sam3 import PROMPT
from .shared import COMMON
from .sizes import Size
from .slots import Pictures, Slot

_CONTROL_NET = Record(
    "control_net",
    wire="currentControlNetsJob",
    in_list=True,
    constants={"cnImageState": "original"},
    fields=(
        required(Given("name")),
        Slot("image", type="cnImage", flag="hasImage", states_absence=True),
        Number("strength", wire="controlStrength", low=0, high=1),
        Choice(
            "mode",
            wire="controlMode",
            nonempty=True,
            options=("balanced", "prompt_priority", "cn_priority"),
            sends={"balanced": 0, "prompt_priority": 1, "cn_priority": 2},
        ),
        Number("guidance_start", wire="controlGuidanceStart", low=0, high=1),
        Number("guidance_end", wire="controlGuidanceEnd", low=0, high=1),
        Flag("preprocess", only_true_sent=True),
    ),
)


def _view(side: str, place: int) -> Slot:
    return Slot(f"{side}_view_image", type=f"contextImage{place}", flag=f"hasContextImage{place}", all_or_nothing=True)


_VIEWS = (_view("left", 1), _view("back", 2), _view("right", 3))
_MESH = (
    Integer("texture_size", low=1024, high=4096, unit="px"),
    Integer("mesh_target_faces", low=5000, high=700_000),
    Integer("normal_map_size", low=512, high=2048, unit="px"),
    Integer("ambient_occlusion_size", low=256, high=1024, unit="px"),
    Integer("shape_resolution", low=1024, high=1536),
)
_ROPE = (
    Number("moss_rope_scale_x", low=0, high=100, text=False, unless=1, null_counts=True),
    Number("moss_rope_scale_y", low=0, high=100, text=False, unless=1, null_counts=True),
)


def _only(where: str, *rows: Field, null_counts: bool = False) -> tuple[Field, ...]:
    """The rows that refuse these parameters on every other model."""
    return tuple(only_on(row.name, where, null_counts=null_counts) for row in rows)


_BASE = Layer(
    fields=(
        *COMMON,
        Given("negative_prompt", nonempty=True),
        Given("number_of_previews", wire="previews", top=True, nonempty=True),
        Size("size_preset", low=256, high=2048),
        Slot("starting_image", type="startingImage", flag="hasStartingImage"),
        Inverted("starting_image_strength", wire="strength", low=0, high=1, only_with="starting_image"),
        Pictures("context_images", most=3),
        FromTier("sampler", wire="scheduler"),
        FromTier("scheduler", wire="timeStepSpacing"),
        Dropped("vae"),
        _CONTROL_NET,
        Given("output_format", top=True, nonempty=True, usual=("png", "jpg", "webp")),
        Flag("embed_prompt_metadata", top=True, null_counts=True),
        Given("gpt_image_quality"),
        Given("gpt_image_background"),
        Given("gpt_image_output_compression"),
        only_on("gpt_image_mask", "GPT Image models", when="truthy"),
        only_on("gpt_image_mask_url", "GPT Image models", when="truthy", then=Given("gpt_image_mask_url")),
        only_on("sam3_prompt", "SAM 3"),
        only_on("apply_mask", "BiRefNet"),
        only_on("template_variant", "the single-view Pixal3D model"),
        *_only("Pixal3D models", *_MESH),
        *_only("the multi-view Pixal3D model", *_VIEWS),
        *_only("MOSS-Image models", *_ROPE, null_counts=True),
    ),
    defaults={"negativePrompt": "", **{f"hasContextImage{n}": False for n in range(1, 17)}},
    edits="starting_image",
)

# Models that run in ComfyUI name sampler and scheduler in fields of their own and take a VAE.
_COMFY = Layer(
    fields=(
        FromTier("sampler", wire="comfySampler"),
        FromTier("scheduler", wire="comfyScheduler"),
        FromTier("vae"),
    )
)
_NEEDS_STARTING_IMAGE = Layer(
    fields=(Slot("starting_image", type="startingImage", flag="hasStartingImage", required=True),)
)
_SEGMENTATION = Layer(pins={"number_of_media": 1, "number_of_previews": 0, "output_format": "png"})
_EDITS_CONTEXTS = Layer(edits="context_images")
_NO_PREVIEWS = Layer(pins={"number_of_previews": 0})


def _edges(low: int, high: int, *, area: tuple[int, int] | None = None, ratio: int | None = None) -> Layer:
    """Bounds of a custom width and height."""
    return Layer(fields=(Size("size_preset", low=low, high=high, area=area, ratio=ratio),))


def _contexts(most: int) -> Layer:
    """How many context images; an empty entry keeps its number."""
    return Layer(fields=(Pictures("context_images", most=most),), edits="context_images")


def _contexts_without_holes(most: int) -> Layer:
    """How many context images; an empty entry is refused."""
    return Layer(fields=(Pictures("context_images", most=most, holes="refused"),), edits="context_images")


def _gpt_image(qualities: tuple[str, ...], backgrounds: tuple[str, ...]) -> Layer:
    return Layer(
        fields=(
            Choice("gpt_image_quality", options=qualities),
            Choice("gpt_image_background", options=backgrounds),
            Integer("gpt_image_output_compression", low=0, high=100, whole_float=False),
            Slot(
                "gpt_image_mask",
                type="referenceMask",
                flag="hasReferenceMask",
                constant=("referenceMaskContentType", "image/png"),
            ),
            MaskUrl("gpt_image_mask_url"),
        ),
        checks=(
            NotBoth("gpt_image_mask", "gpt_image_mask_url"),
            Needs("gpt_image_mask", ("context_images",)),
            Needs("gpt_image_mask_url", ("context_images",)),
            Conflict("gpt_image_background", "transparent", "output_format", "jpg"),
            OneOf("output_format", ("jpg", "webp"), needed_by="gpt_image_output_compression"),
        ),
        prepare=(decode_mask,),
    )


_GPT_QUALITIES = ("low", "medium", "high", "standard", "hd")
_GPT_BACKGROUNDS = ("opaque", "auto")
_GPT_2 = _gpt_image(_GPT_QUALITIES, _GPT_BACKGROUNDS)
_GPT_2_5 = _gpt_image((*_GPT_QUALITIES, "xhigh", "max"), (*_GPT_BACKGROUNDS, "transparent"))

_SEEDREAM = Layer(fields=(Dropped("negative_prompt"),), without=("negativePrompt",))
_MOSS = Layer(
    fields=(
        *_ROPE,
        Refused("starting_image", must="cannot be used: this model starts from text only", when="truthy"),
        Pictures("context_images", most=0),
    )
)
_SAM_3 = Layer(fields=(PROMPT,))
_BIREFNET = Layer(fields=(Flag("apply_mask"),), defaults={"applyMask": False})
_PIXAL3D = Layer(fields=(*_MESH, Pictures("context_images", most=0, holes="free")), output_format="glb")
_SINGLE_VIEW = Layer(fields=(Choice("template_variant", options=("i23d-birefnet",)),))
_MULTI_VIEW = Layer(fields=_VIEWS)

TABLE = Table(
    output_format="png",
    base=_BASE,
    families=(
        Family(
            "MOSS-Image",
            ids("moss_image_sft_int8_convrot", "moss_image_sft_dmd8_int8_convrot"),
            _edges(512, 2048),
            _MOSS,
        ),
        Family("RTX VSR", ids("rtx_vsr_pro"), _edges(512, 15_360)),
        Family(
            "Krea identity edit",
            ids("krea2_identity_edit_v1_2", "dark_beast_krea2_identity_edit_v1_2"),
            _edges(512, 2048),
            _contexts(2),
        ),
        Family("GPT Image 2", ids("gpt-image-2"), _edges(256, 3840), _contexts_without_holes(16), _GPT_2),
        Family(
            "GPT Image 2.5",
            ids("gpt-image-2.5-sunburst", "gpt-image-2.5-flare"),
            _edges(256, 3840),
            _contexts_without_holes(16),
            _GPT_2_5,
        ),
        Family(
            "Seedream",
            ids("seedream-5-0-pro-uncensored"),
            _edges(240, 8192, area=(921_600, 4_194_304), ratio=16),
            _contexts_without_holes(10),
            _SEEDREAM,
        ),
        Family("FLUX 3 Klein", ids("flux3_image_klein_sd_int8_convrot"), _edges(256, 4096), _contexts(10)),
        Family(
            "Z-Image, Krea 2, Qwen Image",
            ids(
                "z_image_bf16",
                "z_image_turbo_bf16",
                "krea2_turbo_fp8_scaled",
                "qwen_image_edit_2511_fp8",
                "qwen_image_edit_2511_fp8_lightning",
                "qwen_image_2512_fp8",
                "qwen_image_2512_fp8_lightning",
            ),
            _edges(256, 2560),
        ),
        Family("SAM 3", ids(SAM_3), _SEGMENTATION, _NEEDS_STARTING_IMAGE, _SAM_3),
        Family("BiRefNet", ids(BIREFNET), _SEGMENTATION, _NEEDS_STARTING_IMAGE, _BIREFNET),
        Family("Pixal3D", ids("pixal3d_int8_i23d"), _NEEDS_STARTING_IMAGE, _PIXAL3D, _SINGLE_VIEW),
        Family("Pixal3D multi-view", ids("pixal3d_multiview_int8_i23d"), _NEEDS_STARTING_IMAGE, _PIXAL3D, _MULTI_VIEW),
        Family("Kontext and other identity edits", contains("kontext", "identity_edit"), _contexts(2)),
        Family("other images", EVERYTHING),
    ),
    patterns=(
        (
            starts_with(
                "z_image_",
                "dark_beast_z_image_",
                "krea2_",
                "dark_beast_krea2_",
                "qwen_image_",
                "rtx_vsr_",
                "flashvsr_",
                "wan_",
                "ace_step",
                "minimax_music3",
                "flux3_",
                "moss_image_",
                "qwen3_tts_",
            ),
            _COMFY,
        ),
        (starts_with("qwen_image_edit_"), _EDITS_CONTEXTS),
        (MAKES_3D, _NO_PREVIEWS),
    ),
)
