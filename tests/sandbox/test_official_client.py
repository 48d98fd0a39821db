"""The published `sogni-client` package, a black box here, finds on the sandbox what it expects of the service."""

from __future__ import annotations

import asyncio
import gc
import io
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from sogni.sandbox import Sandbox

official = pytest.importorskip("sogni_client")

# Closing that package while it still asks something in the background now and then leaves one of its connections to
# the garbage collector, which is none of our business.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

MODEL = "krea2_turbo_fp8_scaled"
IMAGE = {"type": "image", "model_id": MODEL, "positive_prompt": "a tiny observatory", "number_of_media": 1, "steps": 8}


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What that package leaves behind is collected here, not in somebody else's test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@asynccontextmanager
async def client(net: Sandbox, **options: Any) -> AsyncIterator[Any]:
    given = {"api_key": net.api_key, "app_id": "official", **options}
    async with await official.SogniClient.create(
        rest_endpoint=net.rest_endpoint, socket_endpoint=net.socket_endpoint, **given
    ) as made:
        yield made


async def until(net: Sandbox, predicate: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(net.wait_for, predicate)


async def get(url: str) -> requests.Response:
    return await asyncio.to_thread(requests.get, url, timeout=10)


def sent(net: Sandbox, kind: str) -> list[Any]:
    return [entry.data for entry in net.log if entry.kind == "frame_out" and entry.frame_kind == kind]


async def test_an_image_project(net: Sandbox) -> None:
    async with client(net) as sogni:
        project = await sogni.projects.create(**{**IMAGE, "number_of_media": 2}, width=640, height=512, seed=7)
        urls = await project.wait_for_completion(timeout=20)
        assert len(urls) == 2
        for url in urls:
            with Image.open(io.BytesIO((await get(url)).content)) as image:
                assert (image.format, image.size) == ("PNG", (640, 512))
        assert (project.status, project.progress) == ("completed", 100)
        assert {job.seed for job in project.jobs} >= {7}
        estimate = await sogni.projects.estimate_cost(
            token_type="spark", model=MODEL, image_count=2, step_count=8, preview_count=0, width=640, height=512
        )
        assert float(estimate["token"]) > 0
    (submission,) = net.submissions
    assert (submission.project_id, submission.outcome, submission.missing_slots) == (project.id, "accepted", ())
    assert not [entry for entry in net.log if entry.kind in ("leak", "bad_frame")]


async def test_every_kind_of_media(net: Sandbox) -> None:
    orders = [
        ({"type": "video", "model_id": "ltx25-22b-int8_t2v_distilled", "duration": 1, "fps": 24}, b"ftyp"),
        ({"type": "audio", "model_id": "ace_step_1.5_turbo", "duration": 10, "steps": 8}, b"ID3"),
        ({"type": "image", "model_id": "gpt-image-2"}, b"PNG"),
    ]
    async with client(net) as sogni:
        for order, magic in orders:
            project = await sogni.projects.create(
                positive_prompt="waves", number_of_media=1, token_type="spark", **order
            )
            (url,) = await project.wait_for_completion(timeout=60)
            assert magic in (await get(url)).content[:12]


async def test_files_and_previews(net: Sandbox, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), "red").save(photo)
    previews: list[str] = []
    async with client(net) as sogni:
        sogni.projects.on("job", lambda event: previews.append(event["url"]) if event["type"] == "preview" else None)
        project = await sogni.projects.create(**IMAGE, starting_image=str(photo), number_of_previews=2)
        await project.wait_for_completion(timeout=20)
    (submission,) = net.submissions
    (upload,) = submission.uploads
    assert (upload.slot, upload.content_type, upload.read()) == ("startingImage", "image/png", photo.read_bytes())
    assert len(previews) == 2


async def test_files_that_are_saved_are_sent_once(net: Sandbox, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), "red").save(photo)
    net.script(times=None, saved_uploads=True)
    async with client(net) as sogni:
        for _ in range(2):
            project = await sogni.projects.create(**IMAGE, starting_image=str(photo))
            await project.wait_for_completion(timeout=20)
        (saved,) = (await sogni.projects.assets.list())["assets"]
        assert (saved["contentType"], saved["state"]) == ("image/png", "ready")
        await sogni.projects.assets.remove(saved["id"])
        assert (await sogni.projects.assets.list())["assets"] == []
    assert [submission.missing_slots for submission in net.submissions] == [(), ()]
    assert [(upload.slot, upload.asset_id) for upload in net.uploads] == [("startingImage", saved["id"])] * 2
    puts = [entry for entry in net.log if entry.kind == "request" and entry.method == "PUT"]
    assert [entry.status for entry in puts] == [200]


async def test_loras_of_ones_own(net: Sandbox) -> None:
    async with client(net) as sogni:
        entry = await sogni.projects.personal_loras.import_lora(
            url="https://civitai.com/models/1", name="Mine", model_id=MODEL, rights_confirmed=True
        )
        while entry["status"] != "ready":
            entry = await sogni.projects.personal_loras.get(entry["id"])
        catalogue = await sogni.projects.available_loras(model_id=MODEL, include_personal=True)
        assert entry["id"] in [row["loraId"] for row in catalogue["loras"]]
        project = await sogni.projects.create(**IMAGE, loras=[entry["id"], "krea2-warm-light"])
        await project.wait_for_completion(timeout=20)
        assert [lora["id"] for lora in (await sogni.projects.personal_loras.list())["loras"]] == [entry["id"]]
        await sogni.projects.personal_loras.remove(entry["id"])
        assert (await sogni.projects.personal_loras.list())["loras"] == []


async def test_enhancing(net: Sandbox) -> None:
    async with client(net) as sogni:
        project = await sogni.projects.create(**IMAGE, width=320, height=256, seed=3)
        await project.wait_for_completion(timeout=20)
        estimate = await sogni.projects.estimate_enhancement_cost("light", "spark", {"width": 320, "height": 256})
        url = await project.jobs[0].enhance("light", {"token_type": "spark"})
        with Image.open(io.BytesIO((await get(url)).content)) as image:
            assert image.size == (320, 256)
    parent, follow = net.submissions
    assert [upload.slot for upload in follow.uploads] == ["startingImage"]
    record = net.project(follow.project_id)
    assert float(record["costActual"]["costInToken"]) == float(estimate["token"])
    assert parent.keyframe["seed"] == follow.keyframe["seed"]


async def test_cancelling(net: Sandbox) -> None:
    net.script(hold_at="progress:2")
    async with client(net) as sogni:
        project = await sogni.projects.create(**IMAGE)
        waiting = asyncio.ensure_future(project.wait_for_completion(timeout=20))
        await until(net, lambda: sent(net, "jobProgress"))
        await project.cancel()
        with pytest.raises(official.ProjectError):
            await waiting
        assert project.status == "canceled"
    assert net.project(project.id)["status"] == "cancelled"


async def test_a_dropped_socket_is_recovered_from(net: Sandbox) -> None:
    net.script(drop_socket_after="progress:2", pause_offline=True)
    synced: list[Any] = []
    async with client(net) as sogni:
        sogni.projects.on("projectsSynced", synced.append)
        project = await sogni.projects.create(**IMAGE)
        assert len(await project.wait_for_completion(timeout=20)) == 1
    assert len(sent(net, "authenticated")) == 2
    assert [entry["id"] for entry in sent(net, "authenticated")[1]["activeProjects"]] == [project.id]
    assert project.id in [entry["id"] for result in synced for entry in result["snapshot"]["activeProjects"]]


async def test_another_process_gets_the_running_project(net: Sandbox) -> None:
    net.script(hold_at="progress:2")
    async with client(net) as sogni:
        project = await sogni.projects.create(**IMAGE)
        await until(net, lambda: sent(net, "jobProgress"))
    async with client(net) as sogni:
        await until(net, lambda: len(sent(net, "authenticated")) == 2)
        await sogni.projects.sync()
        (found,) = sogni.projects.tracked_projects
        assert (found.id, found.recovered, found.params["positivePrompt"]) == (project.id, True, "a tiny observatory")
        net.release()
        assert len(await found.wait_for_completion(timeout=20)) == 1


async def test_what_finished_meanwhile_is_handed_over(net: Sandbox) -> None:
    net.script(hold_at="progress:2")
    async with client(net) as sogni:
        project = await sogni.projects.create(**IMAGE)
        await until(net, lambda: sent(net, "jobProgress"))
    await until(net, lambda: net.open_sockets == 0)
    net.release()
    await until(net, lambda: net.project(project.id)["status"] == "completed")
    async with client(net, app_id="someone-else") as sogni:
        assert (await sogni.projects.sync())["snapshot"]["unclaimedCompletedProjects"] == []
    async with client(net) as sogni:
        # The greeting may have been dealt with before anybody could listen; the list of projects shows it either way.
        async def tracked() -> Any:
            while project.id not in (found := {one.id: one for one in sogni.projects.tracked_projects}):
                await sogni.projects.sync()
            return found[project.id]

        found = await asyncio.wait_for(tracked(), 10)
        assert (found.recovered, found.status, len(found.jobs)) == (True, "completed", 1)
    assert [entry["id"] for entry in sent(net, "authenticated")[-1]["unclaimedCompletedProjects"]] == [project.id]


async def test_a_token_pair_is_renewed(net: Sandbox) -> None:
    token, refresh = net.mint_tokens(expires_in=-1)
    async with client(net, api_key=None) as sogni:
        await sogni.set_tokens({"token": token, "refreshToken": refresh})
        me = await sogni.account.me()
        assert me["username"] == "sandbox"
        project = await sogni.projects.create(**IMAGE)
        await project.wait_for_completion(timeout=20)
    assert net.renewals == 1


async def test_a_key_that_is_refused(net: Sandbox) -> None:
    async with client(net, api_key="real-key", disable_socket=True) as sogni:
        with pytest.raises(official.ApiError) as caught:
            await sogni.account.me()
        assert caught.value.status == 401


@pytest.mark.parametrize(("kind", "code"), [("insufficient_funds", 123), ("plan_limit", 4081)])
async def test_refusals(net: Sandbox, kind: str, code: int) -> None:
    net.fail_next(kind)
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def tell(event: Any) -> None:
        if not told.done():
            told.set_result(event)

    async with client(net) as sogni:
        # The event, not the project: this client may hear of a refusal before it knows of the project.
        sogni.projects.on("project", tell)
        project = await sogni.projects.create(**IMAGE)
        event = await asyncio.wait_for(told, 10)
        assert (event["projectId"], event["type"], event["error"]["code"]) == (project.id, "error", code)


async def test_a_render_that_fails(net: Sandbox) -> None:
    net.fail_next("genfailure")
    async with client(net) as sogni:
        project = await sogni.projects.create(**IMAGE)
        with pytest.raises(official.ProjectError, match="Generation failed"):
            await project.wait_for_completion(timeout=20)
