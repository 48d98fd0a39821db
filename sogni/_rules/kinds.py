"""What kind of media a model makes, by the catalogue and by the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .rule import ids, starts_with, table

if TYPE_CHECKING:
    from ..types.catalog import Model

KINDS = ("image", "video", "audio", "model")
# Models whose ids follow this scheme make 3D objects, whatever the catalogue calls them: a GLB file cannot come from
# the endpoint of pictures.
MAKES_3D = starts_with("pixal3d_")
# These make masks and cut-outs, which count as images everywhere else.
SAM_3 = "sam3_image_segment_bf16"
BIREFNET = "birefnet_image_background_removal_fp16"
SEGMENTS = ids(SAM_3, BIREFNET)
# Media whose families the tables name by their ids.
_NAMED = ("video", "audio")


def is_video_model_id(model_id: str, models: Sequence[Model] | None = None) -> bool:
    """Whether a model makes videos, by the catalogue if there is one that says so, else by its id."""
    return isinstance(model_id, str) and (_listed(model_id, models) or _by_id(model_id)) == "video"


def is_audio_model_id(model_id: str, models: Sequence[Model] | None = None) -> bool:
    """Whether a model makes music or speech, by the catalogue if there is one that says so, else by its id."""
    return isinstance(model_id, str) and (_listed(model_id, models) or _by_id(model_id)) == "audio"


def is_model_artifact_model_id(model_id: str, models: Sequence[Model] | None = None) -> bool:
    """Whether a model makes 3D objects, by its id or by the catalogue."""
    return isinstance(model_id, str) and (MAKES_3D(model_id) or _listed(model_id, models) == "model")


def media_kind(
    model_id: str | None,
    models: Sequence[Model] | None = None,
    *,
    evidence: str | None = None,
    project_type: str | None = None,
) -> str | None:
    """What a result is: `image`, `video`, `audio` or `model`; None when nothing tells.

    Args:
        model_id: The model that made it.
        models: The catalogue, if it is loaded.
        evidence: What the files of the result say.
        project_type: The type of the project, or of the model in a stored record.
    """
    by_model = None
    if model_id:
        by_model = "model" if MAKES_3D(model_id) else _listed(model_id, models) or _by_id(model_id)
    return next((kind for kind in (by_model, evidence, project_type) if kind in KINDS), None)


def _listed(model_id: str, models: Sequence[Model] | None) -> str | None:
    """The kind by the catalogue; a word that is no kind of ours says nothing."""
    media = next((model.media for model in models or () if model.id == model_id), None)
    return media if media in KINDS else None


def _by_id(model_id: str) -> str | None:
    return next((media for media in _NAMED if not table(media).family(model_id).match.everything), None)
