"""The published client as peer: whatever it can do with the network it can do with the sandbox."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from sogni.sandbox import Sandbox

sogni_client = pytest.importorskip("sogni_client")

ORDER = {"type": "image", "model_id": "krea2_turbo_fp8_scaled", "positive_prompt": "a lighthouse", "steps": 6}
SIZE = {"width": 512, "height": 512}


def connect(net: Sandbox, app_id: str = "official", **options: Any) -> Any:
    """Make a client of the published package."""
    return sogni_client.SogniClient.create(
        api_key=net.api_key,
        app_id=app_id,
        rest_endpoint=net.rest_endpoint,
        socket_endpoint=net.socket_endpoint,
        **options,
    )


async def seen(net: Sandbox, kind: str, project_id: str, count: int = 1) -> None:
    """Wait until the sandbox has sent so many frames of a kind for a project."""

    def there() -> bool:
        sent = [entry.data for entry in net.log if entry.kind == "frame_out" and entry.frame_kind == kind]
        return sum(isinstance(data, dict) and data.get("jobID") == project_id for data in sent) >= count

    await asyncio.to_thread(net.wait_for, there)


async def test_renders_images(sandbox: Sandbox, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), "orange").save(photo)
    async with await connect(sandbox) as client:
        assert len(await client.projects.wait_for_models()) > 100
        project = await client.projects.create(
            **ORDER, **SIZE, number_of_media=2, number_of_previews=1, output_format="webp", starting_image=str(photo)
        )
        events: list[str] = []
        client.projects.on("job", lambda event: events.append(event["type"]))
        urls = await project.wait_for_completion(timeout=20)
        assert project.progress == 100
    assert len(urls) == 2
    for url in urls:
        with Image.open(io.BytesIO(requests.get(url, timeout=5).content)) as image:
            assert (image.format, image.size) == ("WEBP", (512, 512))
    assert {"started", "progress", "completed"} <= set(events)
    (submission,) = sandbox.submissions
    assert [upload.slot for upload in submission.uploads] == ["startingImage"]
    assert submission.uploads[0].read() == photo.read_bytes()
    assert not [entry for entry in sandbox.log if entry.kind in ("error", "leak", "bad_frame")]


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (
            {
                "type": "video",
                "model_id": "ltx23-22b-fp8_t2v_distilled",
                "duration": 1,
                "fps": 24,
                "width": 480,
                "height": 480,
            },
            "video",
        ),
        ({"type": "audio", "model_id": "ace_step_1.5_turbo", "duration": 10}, "audio"),
    ],
)
async def test_renders_other_media(sandbox: Sandbox, order: dict[str, Any], kind: str) -> None:
    async with await connect(sandbox) as client:
        project = await client.projects.create(**order, positive_prompt="x", number_of_media=1)
        (url,) = await project.wait_for_completion(timeout=30)
        assert requests.get(url, timeout=5).headers["Content-Type"].startswith(kind)
        (job,) = (await client.projects.get_result(project.id))["jobs"]
        assert (job["status"], job["kind"]) == ("completed", kind)


async def test_cancels(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:2")
    async with await connect(sandbox) as client:
        project = await client.projects.create(**ORDER, number_of_media=2)
        waiting = asyncio.ensure_future(project.wait_for_completion(timeout=20))
        await seen(sandbox, "jobProgress", project.id)
        await project.cancel()
        assert project.status == "canceled"
        with pytest.raises(sogni_client.ProjectError):
            await waiting
    assert sandbox.project(project.id)["status"] == "cancelled"


async def test_collects_what_finished_while_it_was_away(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    async with await connect(sandbox) as client:
        project = await client.projects.create(**ORDER, number_of_media=2)
        await seen(sandbox, "jobProgress", project.id)
    await asyncio.to_thread(sandbox.wait_for, lambda: sandbox.open_sockets == 0)
    sandbox.release()
    await asyncio.to_thread(sandbox.wait_for, lambda: sandbox.project(project.id)["status"] == "completed")
    client = await connect(sandbox, disable_socket=True)
    async with client:
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client.projects.on("completedProjectsRecovered", lambda projects: found.done() or found.set_result(projects))
        await client.projects.sync()
        (recovered,) = await asyncio.wait_for(found, 10)
    assert recovered["id"] == project.id
    assert len(recovered["resultUrls"]) == 2
    assert requests.get(recovered["resultUrls"][0], timeout=5).status_code == 200


async def test_goes_on_after_its_connection_was_cut(sandbox: Sandbox) -> None:
    sandbox.script(drop_socket_after="progress:2", pause_offline=True)
    async with await connect(sandbox) as client:
        reasons: list[str] = []
        client.projects.on("projectsSynced", lambda result: reasons.append(result["reason"]))
        project = await client.projects.create(**ORDER, number_of_media=1)
        (url,) = await project.wait_for_completion(timeout=20)
        assert requests.get(url, timeout=5).status_code == 200
        assert "authenticated" in reasons
    assert [one.outcome for one in sandbox.submissions] == ["accepted"]


async def test_sends_again_what_a_restarting_server_refused(sandbox: Sandbox) -> None:
    async with await connect(sandbox) as client:
        await client.projects.wait_for_models()
        sandbox.fail_next("restarting")
        project = await client.projects.create(**ORDER, number_of_media=1)
        await asyncio.to_thread(sandbox.wait_for, lambda: len(sandbox.submissions) == 1)
        sandbox.drop_sockets(1001)
        assert len(await project.wait_for_completion(timeout=20)) == 1
    assert [one.outcome for one in sandbox.submissions] == ["refused", "accepted"]


async def test_reads_everything_else(sandbox: Sandbox) -> None:
    async with await connect(sandbox) as client:
        project = await client.projects.create(**ORDER, number_of_media=1)
        await project.wait_for_completion(timeout=20)
        assert (await client.projects.get(project.id))["status"] == "completed"
        assert [entry["id"] for entry in await client.projects.list_recent()] == [project.id]
        cost = await client.projects.estimate_cost(
            token_type="spark", model="krea2_turbo_fp8_scaled", image_count=1, step_count=8, preview_count=0
        )
        assert float(cost["token"]) > 0
        assert await client.projects.get_size_presets("fast", "krea2_turbo_fp8_scaled")
        assert await client.projects.get_available_models("relaxed") is not None
        assert (await client.projects.available_loras())["loras"]
        assert (await client.account.me())["username"] == "sandbox"
        assert float((await client.account.refresh_balance())["spark"]["net"]) > 0
        assert await client.account.switch_network("relaxed") is not None
    assert not [entry for entry in sandbox.log if entry.kind == "request" and (entry.status or 0) >= 400]


async def test_renews_its_tokens(sandbox: Sandbox) -> None:
    token, refresh = sandbox.mint_tokens(expires_in=-1)
    client = await sogni_client.SogniClient.create(
        app_id="official", rest_endpoint=sandbox.rest_endpoint, socket_endpoint=sandbox.socket_endpoint
    )
    async with client:
        await client.set_tokens(token=token, refresh_token=refresh)
        assert (await client.account.me())["username"] == "sandbox"
        project = await client.projects.create(**ORDER, number_of_media=1)
        assert len(await project.wait_for_completion(timeout=20)) == 1
    assert sandbox.renewals == 1
