"""What things would cost, before they are ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sogni._deadline import Deadline
from sogni._io.engine import Engine
from sogni.types.account import CostEstimate

from .._bridge import Bridge


class Estimates:
    """The part of `client.projects` about costs. Asking is free and needs no connection.

    Everything here raises ValidationError for what is missing or misspelt, before it asks; ApiError when the service
    refuses (a model on hold says why); TransportError when it does not answer.
    """

    _engine: Engine
    _bridge: Bridge

    async def estimate_cost(
        self,
        model: str | None = None,
        image_count: int | None = None,
        step_count: int | None = None,
        preview_count: int | None = None,
        *,
        token_type: str | None = None,
        network: str | None = None,
        cn_enabled: bool | None = None,
        starting_image_strength: float | None = None,
        width: float | None = None,
        height: float | None = None,
        size_preset: str | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        context_images: int | None = None,
        gpt_image_quality: str | None = None,
        output_format: str | None = None,
        billing_mode: str | None = None,
        timeout: float | None = None,
        **unknown: object,
    ) -> CostEstimate:
        """What images would cost.

        Args:
            model, image_count, step_count, preview_count: Needed.
            token_type: `spark` (default) or `sogni`.
            network: `fast` (default) or `relaxed`.
            cn_enabled: Whether a ControlNet is used.
            starting_image_strength: Influence of a starting image, 0 to 1.
            width, height: Pixels, both or none; a `size_preset` wins.
            context_images: How many context images.
            timeout: Seconds for the whole call.
        Returns:
            CostEstimate: cost in tokens and in US dollars (Decimal), expected seconds.
        Raises:
            ModelNotFound: the catalogue has no such model.
        Source: `GET /api/v2/job/estimate/...`, `GET /api/v3/job/estimate/...`.
        """
        from sogni._rules import estimate
        from sogni._rules.options import model_options
        from sogni._rules.sizes import needs_presets

        deadline = Deadline(timeout)
        presets = None

        def call() -> object:
            return estimate.estimate_cost(
                model,
                image_count,
                step_count,
                preview_count,
                token_type=token_type,
                network=network,
                cn_enabled=cn_enabled,
                starting_image_strength=starting_image_strength,
                width=width,
                height=height,
                size_preset=size_preset,
                guidance=guidance,
                sampler=sampler,
                context_images=context_images,
                gpt_image_quality=gpt_image_quality,
                output_format=output_format,
                billing_mode=billing_mode,
                presets=presets,
                **unknown,
            )

        asks_presets = needs_presets(size_preset) and model is not None
        request = None if asks_presets else call()
        models, tiers = await self._bridge.call(self._engine.catalogue.both, deadline)
        model_options(str(model), models, tiers)
        if asks_presets:
            presets = await self._bridge.call(
                self._engine.catalogue.size_presets, network or "fast", str(model), deadline
            )
            request = call()
        return await self._bridge.call(self._engine.request, request, deadline)  # type: ignore[arg-type]

    async def estimate_video_cost(
        self,
        token_type: str | None = None,
        model: str | None = None,
        width: float | None = None,
        height: float | None = None,
        *,
        fps: float | None = None,
        duration: float | None = None,
        frames: int | None = None,
        steps: int | None = None,
        number_of_media: int | None = None,
        source_width: float | None = None,
        source_height: float | None = None,
        has_video_input: bool | None = None,
        reference_video: object = None,
        reference_video_urls: Sequence[str] | None = None,
        reference_image_count: float | None = None,
        reference_video_count: float | None = None,
        reference_video_duration_seconds: float | None = None,
        keyframe_count: int | None = None,
        keyframes: Sequence[object] | None = None,
        network: str | None = None,
        billing_mode: str | None = None,
        timeout: float | None = None,
        **unknown: object,
    ) -> CostEstimate:
        """What videos would cost; the service answers for model ids that the catalogue does not list, too.

        Args:
            token_type, model, width, height, fps: Needed; also `frames`, or `duration` in seconds.
            source_width, source_height: Pixels of the video to upscale.
            network: By default the one that the connection is on.
            timeout: Seconds for the whole call.
        Source: `GET /api/v1/job-video/estimate/...`.
        """
        from sogni._rules import estimate

        call = estimate.estimate_video_cost(
            token_type,
            model,
            width,
            height,
            fps=fps,
            duration=duration,
            frames=frames,
            steps=steps,
            number_of_media=number_of_media,
            source_width=source_width,
            source_height=source_height,
            has_video_input=has_video_input,
            reference_video=reference_video,
            reference_video_urls=reference_video_urls,
            reference_image_count=reference_image_count,
            reference_video_count=reference_video_count,
            reference_video_duration_seconds=reference_video_duration_seconds,
            keyframe_count=keyframe_count,
            keyframes=keyframes,
            network=network,
            billing_mode=billing_mode,
            announced_network=self._engine.session.network,
            **unknown,
        )
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def estimate_audio_cost(
        self,
        token_type: str | None = None,
        model: str | None = None,
        duration: float | None = None,
        steps: int | None = None,
        number_of_media: int | None = None,
        *,
        network: str | None = None,
        billing_mode: str | None = None,
        timeout: float | None = None,
        **unknown: object,
    ) -> CostEstimate:
        """What music or speech would cost.

        Args:
            token_type, model, duration, steps, number_of_media: Needed; `duration` in seconds.
            network: By default the one that the connection is on.
            timeout: Seconds for the whole call.
        Source: `GET /api/v1/job-audio/estimate/...`.
        """
        from sogni._rules import estimate

        call = estimate.estimate_audio_cost(
            token_type,
            model,
            duration,
            steps,
            number_of_media,
            network=network,
            billing_mode=billing_mode,
            announced_network=self._engine.session.network,
            **unknown,
        )
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def estimate_enhancement_cost(
        self,
        strength: str,
        token_type: str = "spark",
        size: Mapping[str, int] | Sequence[int] | None = None,
        timeout: float | None = None,
    ) -> CostEstimate:
        """What enhancing a finished picture would cost.

        Args:
            strength: `light`, `medium` or `heavy`.
            token_type: `spark` or `sogni`.
            size: Width and height in pixels.
            timeout: Seconds for the whole call.
        Source: `GET /api/v2/job/estimate/...`.
        """
        from sogni._rules import estimate

        call = estimate.estimate_enhancement_cost(strength, token_type, size)
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))
