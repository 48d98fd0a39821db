"""Which files a video model takes, for whoever asks before ordering."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from ..errors import Problem, ValidationError
from ..types.catalog import Model, VideoAssetConfig
from .kinds import is_video_model_id
from .rule import rule_for
from .values import short


def video_asset_config(model_id: str, models: Sequence[Model] | None = None) -> VideoAssetConfig:
    """What a video model makes a video from, and which files it requires, takes or refuses.

    Args:
        models: The catalogue, if it is loaded.
    Raises:
        ValidationError: the id is no video model.
    """
    if not is_video_model_id(model_id, models):
        message = f"model_id must be a video model, not {short(model_id)}."
        raise ValidationError(problems=[Problem("model_id", message, value=model_id, allowed="a video model")])
    rule = rule_for("video", model_id)
    return VideoAssetConfig(
        workflow_type=rule.workflow, assets=None if rule.assets is None else MappingProxyType(dict(rule.assets))
    )
