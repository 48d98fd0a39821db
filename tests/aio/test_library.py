"""What the account keeps at the service: saved uploads, LoRAs of its own, the LoRA catalogue; enhancing a picture."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sogni.sandbox import Sandbox
from sogni_async import (
    ApiError,
    ClosedError,
    SavedUpload,
    ServerError,
    SessionChanged,
    SogniClient,
    ValidationError,
    WaitTimeout,
)
from tests.orders import MODEL, order

LORA = "krea2-warm-light"
IMPORT: dict[str, Any] = {
    "url": "https://huggingface.co/example/mine",
    "name": "Mine",
    "model_id": MODEL,
    "rights_confirmed": True,
}


def picture(colour: str = "red") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(stream, "PNG")
    return stream.getvalue()


def asked(sandbox: Sandbox, part: str, method: str = "") -> int:
    return len(
        [
            entry
            for entry in sandbox.log
            if entry.kind == "request" and part in (entry.path or "") and method in ("", entry.method)
        ]
    )


# LoRAs


async def test_the_lora_catalogue_is_asked_for_once(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, disable_socket=True) as client:
        projects = client.projects
        everything = await projects.available_loras()
        assert len(everything.loras) > 1
        assert await projects.get_lora(LORA) in everything.loras
        assert await projects.get_lora("nothing") is None
        assert await projects.supports_loras(MODEL)
        assert not await projects.supports_loras("gpt-image-2")
        assert (await projects.lora_constraints()).max_per_request == 8
        assert asked(sandbox, "/v1/loras/comfy") == 1

        with pytest.raises(ValidationError, match="model_id must be a text"):
            await projects.available_loras([MODEL])  # type: ignore[arg-type]
        some = await projects.available_loras(MODEL)
        assert some.loras
        assert all(MODEL in row.model_ids for row in some.loras)
        assert some.models == everything.models
        assert (await projects.available_loras("unknown")).loras == ()
        await projects.available_loras(MODEL)
        assert asked(sandbox, "/v1/loras/comfy") == 3
        await projects.available_loras(MODEL, force_refresh=True)
        assert asked(sandbox, "/v1/loras/comfy") == 4


async def test_nobody_can_change_what_is_shared(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        row: Any = await client.projects.get_lora(LORA)
        with pytest.raises(TypeError):
            row.ui["min"] = 5
        with pytest.raises(TypeError):
            row.ui["rangeLabels"]["min"] = "Hot"
        with pytest.raises(AttributeError):
            row.name = "Mine"
        assert isinstance(row.model_ids, tuple)


async def test_an_imported_lora(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        own = client.projects.personal_loras
        begun = await own.import_lora(**IMPORT)
        assert (begun.status, begun.is_final, begun.name) == ("queued", False, "Mine")
        assert await own.catalog() == ()
        ready = await own.wait(begun.id, every=0)
        assert (ready.is_ready, ready.model_ids) == (True, (MODEL,))
        assert [lora.id for lora in (await own.list()).loras] == [begun.id]

        (row,) = await own.catalog(MODEL)
        assert row.lora_id == begun.id
        assert await own.catalog("other") == ()
        assert await client.projects.get_lora(begun.id) == row
        together = await client.projects.available_loras(MODEL, include_personal=True)
        assert together.loras[-1] == row
        assert begun.id not in [public.lora_id for public in (await client.projects.available_loras(MODEL)).loras]
        (result,) = await (await client.projects.create(**order(loras=[LORA, begun.id]))).wait(timeout=20)
        assert not result.withheld

        await own.remove(begun.id)
        assert (await own.list()).loras == ()
        with pytest.raises(ApiError) as caught:
            await own.get(begun.id)
        assert caught.value.status == 404
        with pytest.raises(ApiError, match="rightsConfirmed"):
            await own.import_lora(**{**IMPORT, "rights_confirmed": False})


async def test_waiting_for_an_import(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox, retries=1) as client:
        own = client.projects.personal_loras
        sandbox.script(reject_lora="invalid_artifact")
        begun = await own.import_lora(**IMPORT)
        # Seconds of the service win over those between two looks, which would take an hour here.
        sandbox.script(rate_limit=0.01)
        with pytest.raises(WaitTimeout, match=begun.id):
            await own.wait(begun.id, 0.3, every=3600)
        assert asked(sandbox, f"/v1/loras/personal/{begun.id}") == 2
        sandbox.fail_next("bad_gateway")
        rejected = await own.wait(begun.id, every=0)
        assert (rejected.status, rejected.failure_code) == ("rejected", "invalid_artifact")
        assert rejected.reason
        with pytest.raises(ApiError):
            await own.wait("personal-none")
        with pytest.raises(ValidationError, match="every"):
            await own.wait(begun.id, every=-1)


def by_tokens(sandbox: Sandbox) -> SogniClient:
    return SogniClient(rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint)


async def test_a_renewed_token_is_no_other_account(sandbox: Sandbox) -> None:
    async with by_tokens(sandbox) as client:
        client.set_tokens(*sandbox.mint_tokens(expires_in=-10))
        assert (await client.projects.assets.upload(picture())).is_ready
        assert sandbox.renewals == 1
        begun = await client.projects.personal_loras.import_lora(**IMPORT)
        sandbox.fail_next("unauthorized", path="/v1/loras/personal/*")
        assert (await client.projects.personal_loras.wait(begun.id, every=0)).is_ready
        assert sandbox.renewals == 2


async def test_waiting_ends_with_the_account(sandbox: Sandbox) -> None:
    async with by_tokens(sandbox) as client:
        client.set_tokens(*sandbox.mint_tokens())
        begun = await client.projects.personal_loras.import_lora(**IMPORT)

        def sign_in_anew() -> None:
            sandbox.wait_for(lambda: asked(sandbox, begun.id))
            client.set_tokens(*sandbox.mint_tokens())

        thread = threading.Thread(target=sign_in_anew)
        thread.start()
        with pytest.raises(SessionChanged):
            await client.projects.personal_loras.wait(begun.id, 20, every=3600)
        thread.join()


async def test_advice_about_loras_comes_from_what_is_here(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        fields = order(loras=[LORA], lora_strengths=[5])
        assert (await client.projects.create(**fields)).warnings == ()
        assert asked(sandbox, "/v1/loras/comfy") == 0
        await client.projects.available_loras(MODEL)
        project = await client.projects.create(**fields)
        assert project.warnings == (
            "lora_strengths[0] is 5; krea2-warm-light takes -3 to 3, which is what the service makes of it.",
        )
        await project.wait(timeout=20)
        assert sandbox.submissions[-1].project_id == project.id
        assert asked(sandbox, "/v1/loras/comfy") == 1


# Saved uploads


async def test_a_file_is_saved_once(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(picture())
    async with SogniClient(sandbox=sandbox, disable_socket=True) as client:
        assets = client.projects.assets
        saved = await assets.upload(path, name="My photo")
        assert (saved.is_ready, saved.name, saved.bytes, saved.content_type) == (
            True,
            "My photo",
            path.stat().st_size,
            "image/png",
        )
        again = await assets.upload(picture())
        assert (again.id, again.reused) == (saved.id, True)
        assert asked(sandbox, "", "PUT") == 1
        other = await assets.upload(picture(), content_type="image/webp")
        assert other.id != saved.id
        listed = await assets.list()
        assert [asset.id for asset in listed.assets] == [saved.id, other.id]
        assert listed.limits["fileBytes"] == 100 * 2**20
        await assets.remove(saved.id)
        assert [asset.id for asset in (await assets.list()).assets] == [other.id]
        assert not [entry for entry in sandbox.log if entry.kind in ("leak", "error")]


async def test_what_cannot_be_saved(sandbox: Sandbox, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(100 * 2**20 + 1)
    async with SogniClient(sandbox=sandbox) as client:
        upload: Any = client.projects.assets.upload
        for media, problem in (
            (b"", "empty"),
            (large, "100 MiB"),
            (b"what is this", "content_type"),
            (tmp_path / "none.png", "exist"),
            (SavedUpload(id="x"), "SavedUpload"),
        ):
            with pytest.raises(ValidationError, match=problem):
                await upload(media)
        assert asked(sandbox, "/v1/assets") == 0
        with pytest.raises(ApiError, match="contentType must be"):
            await upload(b"GIF89a......", content_type="image/gif")


async def test_a_saved_upload_as_an_input(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        saved = await client.projects.assets.upload(picture())
        project = await client.projects.create(**order(starting_image=saved, context_images=[picture("blue"), saved]))
        await project.wait(timeout=20)
        slots = {upload.slot: upload for upload in sandbox.uploads if upload.project_id == project.id}
        assert {slot: upload.asset_id for slot, upload in slots.items()} == {
            "startingImage": saved.id,
            "contextImage1": None,
            "contextImage2": saved.id,
        }
        assert slots["startingImage"].read() == picture()
        assert sandbox.submissions[-1].missing_slots == ()
        assert project.warnings == ()
        with pytest.raises(ApiError):
            await client.projects.create(**order(starting_image=SavedUpload(id="gone")))
        assert len(sandbox.submissions) == 1


async def test_binding_by_hand(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        saved = await client.projects.assets.upload(picture())
        sandbox.fail_next("busy", times=2, path="/v1/assets/*/bind")
        await client.projects.assets.bind(saved.id, project_id="AB", type="referenceAudio", id="referenceAudio2")
        (upload,) = sandbox.uploads
        assert (upload.project_id, upload.slot, upload.asset_id) == ("AB", "referenceAudio2", saved.id)


async def test_inputs_are_reused_where_that_is_enabled(sandbox: Sandbox) -> None:
    sandbox.script(times=None, saved_uploads=True)
    async with SogniClient(sandbox=sandbox) as client:
        for _ in range(2):
            project = await client.projects.create(**order(starting_image=picture()))
            await project.wait(timeout=20)
        assert asked(sandbox, "", "PUT") == 1
        assert asked(sandbox, "/v1/assets/capabilities") == 1
        assert asked(sandbox, "uploadUrl") == 0
        first, second = sandbox.uploads
        assert first.asset_id is not None
        assert (first.asset_id, first.content_type) == (second.asset_id, second.content_type)
        # The service does not save this type.
        gif = io.BytesIO()
        Image.new("P", (64, 64)).save(gif, "GIF")
        await client.projects.create(**order(starting_image=gif.getvalue()))
        assert sandbox.uploads[-1].asset_id is None


async def test_one_picture_in_several_slots_is_sent_once(sandbox: Sandbox) -> None:
    sandbox.script(times=None, saved_uploads=True)
    async with SogniClient(sandbox=sandbox) as client:
        await client.projects.create(**order(starting_image=picture(), context_images=[picture()] * 3))
        assert asked(sandbox, "", "PUT") == 1
        assert len({upload.asset_id for upload in sandbox.uploads}) == 1
        assert len(sandbox.uploads) == 4


@pytest.mark.parametrize("fault", ["bad_request", "forbidden", "not_found", "conflict", "unavailable"])
async def test_a_refusal_to_save_is_no_reason_not_to_upload(sandbox: Sandbox, fault: str) -> None:
    sandbox.script(times=None, saved_uploads=True)
    async with SogniClient(sandbox=sandbox) as client:
        sandbox.fail_next(fault, path="/v1/assets/prepare")
        await client.projects.create(**order(starting_image=picture()))
        (upload,) = sandbox.uploads
        assert upload.asset_id is None


@pytest.mark.parametrize("path", ["/v1/assets/prepare", "/v1/assets/*/finalize", "/v1/assets/*/bind"])
async def test_what_breaks_while_saving_stops_the_order(sandbox: Sandbox, path: str) -> None:
    sandbox.script(times=None, saved_uploads=True)
    async with SogniClient(sandbox=sandbox) as client:
        sandbox.fail_next("server_error", path=path)
        with pytest.raises(ServerError):
            await client.projects.create(**order(starting_image=picture()))
        assert sandbox.submissions == []


async def test_the_capability_probe(sandbox: Sandbox) -> None:
    sandbox.script(times=None, saved_uploads=True)
    async with SogniClient(sandbox=sandbox, retries=1) as client:
        for fault in ("rate_limit", "server_error"):
            sandbox.fail_next(fault, path="/v1/assets/capabilities")
            await client.projects.create(**order(starting_image=picture()))
        # No answer is kept: the next order asks again.
        assert [upload.asset_id for upload in sandbox.uploads] == [None, None]
        sandbox.fail_next("unauthorized", path="/v1/assets/capabilities")
        with pytest.raises(ApiError):
            await client.projects.create(**order(starting_image=picture()))
        await client.projects.create(**order(starting_image=picture()))
        assert sandbox.uploads[-1].asset_id is not None
    async with SogniClient(sandbox=sandbox, retries=1) as client:
        sandbox.fail_next("not_found", path="/v1/assets/capabilities")
        for _ in range(2):
            await client.projects.create(**order(starting_image=picture()))
            assert sandbox.uploads[-1].asset_id is None


async def test_a_full_library(sandbox: Sandbox) -> None:
    sandbox.script(times=None, saved_uploads=True)
    async with SogniClient(sandbox=sandbox) as client:
        assets = client.projects.assets
        kept = [await assets.upload(b"%d" % number, content_type="image/png") for number in range(100)]
        for _ in range(2):
            await client.projects.create(**order(starting_image=picture()))
        assert [upload.asset_id for upload in sandbox.uploads] == [None, None]
        # The second order did not even try.
        assert asked(sandbox, "/v1/assets/prepare") == 101
        with pytest.raises(ApiError, match="full"):
            await assets.upload(picture())
        await assets.remove(kept[0].id)
        await client.projects.create(**order(starting_image=picture()))
        assert sandbox.uploads[-1].asset_id is not None


async def test_closing_ends_what_is_being_saved(sandbox: Sandbox) -> None:
    client = SogniClient(sandbox=sandbox)
    await client.aclose()
    with pytest.raises(ClosedError):
        await client.projects.assets.upload(picture())
    with pytest.raises(ClosedError):
        await client.projects.personal_loras.wait("personal-x")


# Progress of uploads


async def test_progress_of_uploads(sandbox: Sandbox) -> None:
    told: list[tuple[str, int, int]] = []
    size = len(picture())
    async with SogniClient(sandbox=sandbox) as client:

        def tell(parameter: str, sent: int, total: int) -> None:
            told.append((parameter, sent, total))

        saved = await client.projects.assets.upload(picture())
        fields = order(starting_image=picture(), context_images=[picture(), saved])
        await client.projects.create(**fields, on_upload=tell)
        for parameter in ("starting_image", "context_images[0]"):
            mine = [entry for entry in told if entry[0] == parameter]
            assert mine[0] == (parameter, 0, size)
            assert mine[-1] == (parameter, size, size)
            assert len(mine) == len(set(mine))
        assert [entry for entry in told if entry[0] == "context_images[1]"] == [("context_images[1]", size, size)]
        told.clear()
        sandbox.script(times=None, saved_uploads=True)
        async with SogniClient(sandbox=sandbox) as other:
            await other.projects.create(**order(starting_image=picture()), on_upload=tell)
        assert told == [("starting_image", 0, size), ("starting_image", size, size)]


async def test_a_slot_decides_what_a_container_holds(sandbox: Sandbox) -> None:
    webm = b"\x1a\x45\xdf\xa3" + bytes(60)
    async with SogniClient(sandbox=sandbox) as client:
        await client.projects.create(
            type="video",
            model_id="wan_v2.2-14b-fp8_s2v",
            positive_prompt="a singer",
            number_of_media=1,
            reference_image=picture(),
            reference_audio=webm,
        )
        types = {upload.slot: upload.content_type for upload in sandbox.uploads}
        assert types == {"referenceImage": "image/png", "referenceAudio": "audio/webm"}


async def test_a_mistake_in_a_progress_function_stops_nothing(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def tell(*news: object) -> None:
        calls.append(news)
        raise ZeroDivisionError

    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order(starting_image=picture()), on_upload=tell)
        assert (await project.wait(timeout=20))[0].kind == "image"
        assert len(calls) == 1
        assert "on_upload raised" in caplog.text
        with pytest.raises(ValidationError, match="on_upload must be a plain function"):
            await client.projects.create(**order(), on_upload=5)  # type: ignore[call-overload]
        assert len(sandbox.submissions) == 1


# Enhancing


async def test_enhancing_a_picture(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        fields = order(model_id="z_image_turbo_bf16", size_preset="portrait_3_4", seed=0, style_prompt="in oil")
        parent = await client.projects.create(**fields, token_type="spark")
        (result,) = await parent.wait(timeout=20)
        presets = await client.projects.get_size_presets("fast", "z_image_turbo_bf16")
        (preset,) = [preset for preset in presets if preset.id == "portrait_3_4"]

        project = await result.enhance("light")
        (better,) = await project.wait(timeout=20)
        submission = sandbox.submissions[-1]
        frame: Any = submission.keyframe
        assert submission.project_id == project.id
        assert (frame["modelID"], frame["steps"], frame["guidanceScale"], frame["seed"]) == (MODEL, 8, 1, 0)
        assert frame["strength"] == pytest.approx(0.15)
        assert (frame["sizePreset"], frame["width"], frame["height"]) == ("custom", preset.width, preset.height)
        assert (frame["positivePrompt"], frame["stylePrompt"]) == (parent.params["positive_prompt"], "in oil")
        top = {name: submission.request[name] for name in ("numberOfImages", "previews", "network", "tokenType")}
        assert top == {"numberOfImages": 1, "previews": 0, "network": "fast", "tokenType": "spark"}
        assert sandbox.uploads[-1].slot == "startingImage"
        assert sandbox.uploads[-1].read() == await result.read()
        with Image.open(io.BytesIO(await better.read())) as image:
            assert image.size == (preset.width, preset.height)

        odd = await better.enhance("hevy", positive_prompt="a blue fox", token_type="sogni")
        assert odd.warnings == ("strength 'hevy' is none of light, medium, heavy; medium was taken.",)
        await odd.wait(timeout=20)
        assert sandbox.submissions[-1].prompt == "a blue fox"
        assert sandbox.submissions[-1].keyframe["strength"] == pytest.approx(0.35)


async def test_what_cannot_be_enhanced_costs_nothing(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        music = {"type": "audio", "model_id": "ace_step_1.5_xl_turbo", "positive_prompt": "piano", "duration": 10}
        mask = {"model_id": "birefnet_image_background_removal_fp16", "starting_image": picture()}
        sandbox.script(withhold=[0])
        for fields, problem in (
            (order(), "withheld"),
            ({**music, "number_of_media": 1}, "only pictures"),
            ({**mask, "type": "image", "positive_prompt": "", "number_of_media": 1}, "mask"),
        ):
            (result,) = await (await client.projects.create(**fields)).wait(timeout=20)  # type: ignore[arg-type]
            with pytest.raises(ValidationError, match=problem):
                await result.enhance()
        parent = await client.projects.create(**order())
        (result,) = await parent.wait(timeout=20)
        parent._entry.params["size_preset"] = "gone"
        with pytest.raises(ValidationError, match="size_preset must be one of"):
            await result.enhance()
        assert len(sandbox.submissions) == 4
