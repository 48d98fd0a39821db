"""What a saved output leaves beside it, results of projects that nobody follows, last frames."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import attrs
import pytest

from sogni._store import sidecar
from sogni.sandbox import Sandbox
from sogni_async import ApiError, ImageParams, SogniClient, StorageError, ValidationError, load
from tests.orders import ORDER, order

VIDEO: dict[str, Any] = {
    "type": "video",
    "model_id": "seedance-2-5",
    "positive_prompt": "waves",
    "number_of_media": 1,
    "token_type": "spark",
}


async def test_the_same_again_with_another_seed(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order(seed=7, steps=8, size_preset="custom", width=512, height=512))
        (result,) = await project.wait(timeout=20)
        path = await result.save(tmp_path)
        record = json.loads((tmp_path / f"{path.name}.json").read_text("utf-8"))
        assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (record["project_id"], record["seed"], record["size"]) == (project.id, 7, [512, 512])
        for name in (path, tmp_path / f"{path.name}.json"):
            again = load(name)
            assert isinstance(again, ImageParams)
            assert (again.seed, again.steps, again.positive_prompt) == (7, 8, ORDER["positive_prompt"])
        (other,) = await (await client.projects.create(attrs.evolve(again, seed=8))).wait(timeout=20)
        assert other.seed == 8
        assert other.size == (512, 512)


async def test_no_secret_is_written(sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture = tmp_path / "in.png"
    async with SogniClient(sandbox=sandbox) as client:
        (first,) = await (await client.projects.create(**ORDER)).wait(timeout=20)
        await first.save(picture, sidecar=False)
        assert sorted(file.name for file in tmp_path.iterdir()) == ["in.png"]
        given = order(starting_image=picture, context_images=[picture.read_bytes(), first])
        (result,) = await (await client.projects.create(**given)).wait(timeout=20)
        path = await result.save(tmp_path / "out.png")
        text = (tmp_path / "out.png.json").read_text("utf-8")
        assert "http" not in text
        assert sandbox.api_key not in text
        with caplog.at_level(logging.WARNING, "sogni"):
            again = load(path)
        assert isinstance(again, ImageParams)
        assert again.starting_image == str(picture)
        assert again.context_images is None
        assert "context_images" in caplog.text


def test_texts_are_kept_and_addresses_are_cleaned(tmp_path: Path) -> None:
    prompt = "data: what is behind https://example.com?x=1#y"
    addresses = ["https://user:SECRET@host/a", "https://host/a#t=SECRET", "https://host/a?sig=SECRET"]
    request = {"type": "image", "positive_prompt": prompt, "gpt_image_mask_url": addresses[0], "loras": addresses}
    file = tmp_path / "x.png"
    assert sidecar.write(file, {}, request) == tmp_path / "x.png.json"
    assert "SECRET" not in (tmp_path / "x.png.json").read_text()
    assert load(file).positive_prompt == prompt


@pytest.mark.parametrize("path", [None, 5, "", "a\0b", b"x"])
def test_what_is_no_path(path: Any) -> None:
    with pytest.raises(ValidationError, match="path"):
        load(path)


async def test_another_file_of_that_name_is_left_alone(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.png.json").write_text("{}")
    async with SogniClient(sandbox=sandbox) as client:
        (result,) = await (await client.projects.create(**ORDER)).wait(timeout=20)
        with caplog.at_level(logging.WARNING, "sogni"):
            assert await result.save(tmp_path / "a.png") == tmp_path / "a.png"
        assert (tmp_path / "a.png.json").read_text() == "{}"
        assert "a.png.json could not be written" in caplog.text
        await result.save(tmp_path / "b.png")
        first = (tmp_path / "b.png.json").read_text()
        (tmp_path / "b.png").unlink()
        await result.save(tmp_path / "b.png")
        assert (tmp_path / "b.png.json").read_text() == first, "the record of an output that is gone gives way"
    assert not list(tmp_path.glob(".sogni-*"))


async def test_what_is_no_record(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '{"request": {"type": "image", "nonsense": 1}}', "[" * 5000):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(ValidationError, match="no record"):
            load(tmp_path / "x.json")
    with pytest.raises(StorageError, match=r"y\.png\.json could not be read: No such file"):
        load(tmp_path / "y.png")


async def test_results_of_a_project_that_nobody_follows(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.script(withhold=[1])
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order(number_of_media=2))
        await project.wait(timeout=20)
    async with SogniClient(sandbox=sandbox) as other:
        kept, withheld = await other.projects.get_result(project.id)
        assert (kept.withheld, withheld.withheld, kept.kind) == (False, True, "image")
        assert (await kept.save(tmp_path)).suffix == ".png"
        assert other.projects.tracked_projects == []
        assert other.state.link.value == "idle", "one look needs no socket"
        with pytest.raises(ValidationError, match="kind"):
            await other.projects.get_result(project.id, kind="picture")
        with pytest.raises(ApiError) as caught:
            await other.projects.get_result("00000000-0000-4000-8000-000000000000")
        assert caught.value.status == 404


async def test_the_last_frame_of_a_video(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        (video,) = await (await client.projects.create(**VIDEO, return_last_frame=True)).wait(timeout=30)
        assert video.last_frame is not None
        frame = await video.last_frame.save(tmp_path, name="last")
        assert frame == tmp_path / "last.png"
        (plain,) = await (await client.projects.create(**VIDEO)).wait(timeout=30)
        assert plain.last_frame is None
