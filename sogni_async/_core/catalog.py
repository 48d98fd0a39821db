"""What the network can do right now: models, their options, size presets, who is online."""

from __future__ import annotations

from typing import Any

from sogni._deadline import Deadline
from sogni._io.engine import Engine
from sogni._protocol import rest
from sogni._rules import kinds
from sogni.types.catalog import AvailableModel, Model, ModelOptions, SizePreset, VideoAssetConfig

from .._bridge import Bridge


class Catalog:
    """The part of `client.projects` about models.

    Everything here that asks raises ApiError when the service refuses, and TransportError when it does not answer.
    """

    _engine: Engine
    _bridge: Bridge

    @property
    def available_models(self) -> list[AvailableModel]:
        """The models that have workers now, as the connection last told; empty without one. A copy."""
        return self._models_of(self._engine.session.worker_counts)

    async def wait_for_models(self, timeout: float | None = 10.0) -> list[AvailableModel]:
        """The models that have workers now, waiting for the first news of them.

        Args:
            timeout: Seconds to wait; None waits without limit.
        Raises:
            WaitTimeout: no news came.
        Source: frame `swarmModels`.
        """
        deadline = Deadline(timeout)
        inbox = self._engine.model_inbox()
        try:
            while True:
                counts = await self._bridge.take(inbox, deadline, "the list of available models")
                if counts:
                    break
        finally:
            self._engine.drop_inbox(inbox)
        await self._bridge.call(self._engine.catalogue.models, deadline)
        return self._models_of(counts)

    async def get_available_models(self, network: str, timeout: float | None = None) -> list[AvailableModel]:
        """The models that have workers on a network; needs no connection.

        Args:
            network: `fast` or `relaxed`.
        Source: `GET /api/v1/status/network/{network}/models`.
        """
        deadline = Deadline(timeout)
        models = await self._bridge.call(self._engine.catalogue.models, deadline)
        counts = await self._bridge.call(self._engine.request, rest.network_models(network), deadline)
        by_sid = {str(model.sid): model for model in models if model.sid is not None}
        return [_available(by_sid.get(sid), sid, count, models) for sid, count in counts.items()]

    async def get_supported_models(self, force_refresh: bool = False, timeout: float | None = None) -> list[Model]:
        """Every model of the catalogue, kept for a day.

        Args:
            force_refresh: Ask again.
        Source: `GET /api/v1/models/list`.
        """
        return list(await self._bridge.call(self._engine.catalogue.models, Deadline(timeout), force=force_refresh))

    async def get_model_options(self, model_id: str, timeout: float | None = None) -> ModelOptions:
        """What a model takes, as the catalogue advertises it: ranges, samplers, schedulers.

        Raises:
            ModelNotFound: the catalogue has no such model.
        Source: `GET /api/v1/models/list`, `GET /api/v2/models/tiers`.
        """
        return await self._bridge.call(self._engine.catalogue.options, model_id, Deadline(timeout))

    async def get_size_presets(
        self, network: str, model_id: str, force_refresh: bool = False, timeout: float | None = None
    ) -> list[SizePreset]:
        """The named sizes of a model, kept for ten minutes.

        Args:
            network: `fast` or `relaxed`.
            force_refresh: Ask again.
        Source: `GET /api/v1/size-presets/network/{network}/model/{model_id}`.
        """
        presets = await self._bridge.call(
            self._engine.catalogue.size_presets, network, model_id, Deadline(timeout), force=force_refresh
        )
        return list(presets)

    async def get_video_asset_config(self, model_id: str) -> VideoAssetConfig:
        """Which media a video model requires, takes or refuses; asks nobody.

        Raises:
            ValidationError: the id is no video model.
        """
        from sogni._rules.assets import video_asset_config

        return video_asset_config(model_id, self._engine.catalogue.known_models())

    def is_video_model_id(self, model_id: str) -> bool:
        """Whether a model makes videos, by the catalogue if it is loaded, else by its id."""
        return kinds.is_video_model_id(model_id, self._engine.catalogue.known_models())

    def is_audio_model_id(self, model_id: str) -> bool:
        """Whether a model makes music or speech, by the catalogue if it is loaded, else by its id."""
        return kinds.is_audio_model_id(model_id, self._engine.catalogue.known_models())

    def is_model_artifact_model_id(self, model_id: str) -> bool:
        """Whether a model makes 3D models, by its id or the catalogue."""
        return kinds.is_model_artifact_model_id(model_id, self._engine.catalogue.known_models())

    def _models_of(self, counts: Any) -> list[AvailableModel]:
        models = self._engine.catalogue.known_models() or ()
        by_id = {model.id: model for model in models}
        return [_available(by_id.get(model_id), model_id, count, models) for model_id, count in counts.items()]


def _available(model: Model | None, model_id: str, count: int, models: tuple[Model, ...]) -> AvailableModel:
    name = model.name if model is not None and model.name else model_id.replace("-", " ")
    known_id = model.id if model is not None else model_id
    media = kinds.media_kind(known_id, models) or "image"
    return AvailableModel(id=known_id, name=name, worker_count=count, media=media)
