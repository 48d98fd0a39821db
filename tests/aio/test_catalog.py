"""Models, costs, sizes and signed URLs: what is asked, and what is kept."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sogni.sandbox import Sandbox
from sogni_async import (
    ApiError,
    AvailableModel,
    CostEstimate,
    ModelNotFound,
    SogniClient,
    ValidationError,
    VideoAssetConfig,
    WaitTimeout,
)
from tests.orders import MODEL


def asked(sandbox: Sandbox, part: str) -> int:
    return len([entry for entry in sandbox.log if entry.kind == "request" and part in (entry.path or "")])


async def test_rest_alone_opens_no_socket(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, disable_socket=True) as client:
        await client.projects.get_supported_models()
        await client.projects.estimate_cost(MODEL, 1, 8, 0)
        assert not [entry for entry in sandbox.log if entry.kind == "open"]


async def test_the_catalogue_is_asked_for_once(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        models = await client.projects.get_supported_models()
        assert any(model.id == MODEL and model.media == "image" for model in models)
        await client.projects.get_supported_models()
        options = await client.projects.get_model_options(MODEL)
        assert options.type == "image"
        assert options.steps is not None
        assert options.steps.default == 8
        await client.projects.get_model_options("wan_v2.2-14b-fp8_t2v")
        assert (asked(sandbox, "models/list"), asked(sandbox, "models/tiers")) == (1, 1)
        models.clear()
        assert await client.projects.get_supported_models()
        await client.projects.get_supported_models(force_refresh=True)
        assert asked(sandbox, "models/list") == 2
        with pytest.raises(ModelNotFound):
            await client.projects.get_model_options("no-such-model")


async def test_size_presets_are_kept_for_each_model_and_network(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        presets = await client.projects.get_size_presets("fast", MODEL)
        assert {preset.id for preset in presets} >= {"square", "landscape_16_9"}
        await client.projects.get_size_presets("fast", MODEL)
        assert asked(sandbox, "size-presets") == 1
        await client.projects.get_size_presets("relaxed", MODEL)
        await client.projects.get_size_presets("fast", MODEL, force_refresh=True)
        assert asked(sandbox, "size-presets") == 3


async def test_costs(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        cost = await client.projects.estimate_cost(model=MODEL, image_count=2, step_count=8, preview_count=0)
        assert isinstance(cost, CostEstimate)
        assert isinstance(cost.token, Decimal)
        assert cost.spark > 0
        by_preset = await client.projects.estimate_cost(MODEL, 1, 8, 0, size_preset="square_hd")
        assert by_preset.usd > 0
        assert asked(sandbox, "/2048/2048") == 1
        assert (
            await client.projects.estimate_video_cost(
                token_type="spark", model="wan_v2.2-14b-fp8_t2v", width=640, height=480, fps=16, duration=5
            )
        ).usd > 0
        assert (await client.projects.estimate_audio_cost("spark", "ace_step_1.5_turbo", 30, 8, 1)).usd > 0
        assert (await client.projects.estimate_enhancement_cost("light")).usd > 0
        before = asked(sandbox, "estimate")
        with pytest.raises(ValidationError, match="step_count"):
            await client.projects.estimate_cost(model=MODEL, image_count=1, preview_count=0)
        with pytest.raises(ValidationError, match="did you mean"):
            await client.projects.estimate_cost(MODEL, 1, 8, 0, netwrok="fast")
        with pytest.raises(ValidationError, match="size_preset"):
            await client.projects.estimate_cost(MODEL, 1, 8, 0, size_preset="huge")
        with pytest.raises(ModelNotFound):
            await client.projects.estimate_cost("no-such-model", 1, 8, 0)
        assert asked(sandbox, "estimate") == before


async def test_who_is_online(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        assert client.projects.available_models == []
        online = await client.projects.wait_for_models()
        assert all(isinstance(model, AvailableModel) for model in online)
        assert next(model for model in online if model.id == MODEL).media == "image"
        assert {model.id for model in client.projects.available_models} == {model.id for model in online}
        relaxed = await client.projects.get_available_models("relaxed")
        assert {model.id for model in relaxed} < {model.id for model in online}


async def test_no_news_of_models_is_a_timeout(sandbox: Sandbox) -> None:
    sandbox.script(no_authenticated=True)
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        with pytest.raises(WaitTimeout):
            await client.projects.wait_for_models(timeout=0.2)


async def test_kinds_and_assets_without_asking_anybody(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        assert client.projects.is_video_model_id("wan_v2.2-14b-fp8_t2v")
        assert client.projects.is_audio_model_id("qwen3_tts_1.7b_custom_voice_bf16")
        assert client.projects.is_model_artifact_model_id("pixal3d_anything")
        config = await client.projects.get_video_asset_config("wan_v2.2-14b-fp8_t2v")
        assert isinstance(config, VideoAssetConfig)
        assert config.workflow_type == "t2v"
        assert asked(sandbox, "/") == 0
        with pytest.raises(ValidationError):
            await client.projects.get_video_asset_config(MODEL)


async def test_signed_urls_are_passed_through(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        url = await client.projects.upload_url(
            image_id="IMG", job_id="Pro-ject", type="startingImage", content_type="image/png"
        )
        assert url.startswith(sandbox.url)
        (entry,) = [entry for entry in sandbox.log if entry.path == "/v1/image/uploadUrl"]
        assert entry.query == {
            "imageId": "IMG",
            "jobId": "Pro-ject",
            "type": "startingImage",
            "contentType": "image/png",
        }
        await client.projects.media_upload_url(job_id="P", type="referenceAudio")
        with pytest.raises(ApiError) as caught:
            await client.projects.download_url(job_id="P", image_id="I", type="complete")
        assert caught.value.status == 404
        with pytest.raises(ApiError):
            await client.projects.media_download_url(job_id="P", id="I", type="complete")


async def test_anything_else_of_the_api(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        assert (await client.request("get", "/v1/account/me"))["username"] == "sandbox"
        for path in ("https://elsewhere.example/v1", "//elsewhere.example/v1"):
            with pytest.raises((ValidationError, ValueError)):
                await client.request("GET", path)
