"""Every model of the sandbox's catalogue, ordered and saved through the client: kind, size, length, rate and type."""

from __future__ import annotations

import io
import json
import math
import struct
from array import array
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops

from sogni import SogniClient
from sogni.sandbox import Sandbox
from sogni.sandbox.catalog import load

CATALOG = load().by_id
#: In the catalogue so that clients learn to live with a model whose tier is missing.
BROKEN = "orphan-tier-model"
MODELS = sorted(CATALOG.keys() - {BROKEN})
IMAGES, VIDEOS, SOUNDS, OBJECTS = (
    [model for model in MODELS if CATALOG[model].media == media] for media in ("image", "video", "audio", "model")
)
SAM, BIREFNET, UPSCALER = "sam3_image_segment_bf16", "birefnet_image_background_removal_fp16", "rtx_vsr_pro"
FLASHVSR = "flashvsr_v1.1_tiny_long_bf16"
WITHOUT_START = ("moss_", "flux1-schnell")
FORMATS = {"png": ("PNG", "image/png"), "jpg": ("JPEG", "image/jpeg"), "webp": ("WEBP", "image/webp")}
TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac"}


def picture(size: tuple[int, int] = (120, 80), colour: str = "#336699") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


def tone(seconds: float, rate: int = 16_000) -> array[int]:
    return array("h", (round(6000 * math.sin(n / 8)) for n in range(round(seconds * rate))))


def movie(size: tuple[int, int] = (96, 64), frames: int = 24, fps: int = 12) -> bytes:
    """A small video that gets brighter, with sound."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as file:
        moving, sound = file.add_stream("libx264", rate=fps), file.add_stream("aac", rate=16_000, layout="mono")
        (moving.width, moving.height), moving.pix_fmt = size, "yuv420p"
        for number in range(frames):
            image = Image.new("RGB", size, (10 * number, 10 * number, 10 * number))
            file.mux(moving.encode(av.VideoFrame.from_image(image)))
        file.mux(moving.encode(None))
        pcm = tone(frames / fps)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm))
        frame.planes[0].update(pcm.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts = 16_000, 0
        file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
    return stream.getvalue()


def wav(seconds: float = 4) -> bytes:
    body = tone(seconds).tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16,
                       b"data", len(body))  # fmt: skip
    return head + body


FILES = {
    "reference_image": picture(),
    "reference_image_end": picture(colour="#993333"),
    "reference_audio": wav(),
    "reference_video": movie(),
}


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[SogniClient]:
    with SogniClient(sandbox=sandbox) as made:
        yield made
    assert not [entry.detail for entry in sandbox.log if entry.kind in ("error", "leak", "bad_frame")]
    assert [submission.outcome for submission in sandbox.submissions] == ["accepted"]
    assert [submission.missing_slots for submission in sandbox.submissions] == [()]


def order(client: SogniClient, model: str, kind: str, **more: Any) -> Any:
    """The only result."""
    fields: dict[str, Any] = {"type": kind, "model_id": model, "positive_prompt": "a red fox", "number_of_media": 1}
    (result,) = client.projects.create(**{**fields, "token_type": "spark", "seed": 7, **more}).wait(timeout=60)
    return result


def image_size(model: str) -> tuple[int, int]:
    """One that the model takes, and that no preset has."""
    if model.startswith("seedream"):
        return 1280, 736
    return (528, 640) if model.startswith(("moss_", "krea2_identity", "dark_beast_krea2_id")) else (400, 272)


@pytest.mark.parametrize("model", [model for model in IMAGES if model not in (SAM, BIREFNET, UPSCALER)])
def test_images(client: SogniClient, tmp_path: Path, model: str) -> None:
    output = list(FORMATS)[len(model) % 3]
    width, height = image_size(model)
    result = order(client, model, "image", width=width, height=height, output_format=output)
    path = result.save(tmp_path)
    name, content_type = FORMATS[output]
    assert (result.kind, result.content_type, path.suffix) == ("image", content_type, f".{output}")
    with Image.open(path) as image:
        image.load()
        assert (image.format, image.size) == (name, (width, height))
        assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 200


@pytest.mark.parametrize(
    "model", [model for model in IMAGES if not model.startswith(WITHOUT_START) and model not in (SAM, BIREFNET)]
)
def test_images_made_of_images(client: SogniClient, sandbox: Sandbox, tmp_path: Path, model: str) -> None:
    files: dict[str, Any] = {"starting_image": picture(), "starting_image_strength": 0.9}
    if "edit" in model or "kontext" in model:
        files = {"context_images": [picture(), picture(colour="#993333")]}
    size: dict[str, Any] = dict(zip(("width", "height"), image_size(model), strict=True))
    if model == UPSCALER:
        size = {}
    path = order(client, model, "image", **files, **size).save(tmp_path)
    with Image.open(path) as image:
        assert image.size == ((240, 160) if model == UPSCALER else image_size(model))
        if "starting_image" in files:
            red, green, blue = image.convert("RGB").getpixel((image.width // 2, image.height // 3))  # type: ignore[misc]
            assert abs(red - 0x33) + abs(green - 0x66) + abs(blue - 0x99) < 90
    (submission,) = sandbox.submissions
    assert len(submission.uploads) == len(files.get("context_images", "x"))


def test_an_upscaler_delivers_the_size_asked_for(client: SogniClient, tmp_path: Path) -> None:
    result = order(client, UPSCALER, "image", starting_image=picture(), width=1000, height=600, output_format="jpg")
    with Image.open(result.save(tmp_path)) as image:
        assert (image.format, image.size) == ("JPEG", (1000, 600))


@pytest.mark.parametrize(
    ("model", "more", "mode"),
    [
        (SAM, {"sam3_prompt": {"text": "the fox"}}, "L"),
        (SAM, {"sam3_prompt": {"text": "the fox", "apply_mask": True}}, "RGBA"),
        (BIREFNET, {}, "L"),
        (BIREFNET, {"apply_mask": True}, "RGBA"),
    ],
)
def test_masks(client: SogniClient, tmp_path: Path, model: str, more: Any, mode: str) -> None:
    result = order(client, model, "image", starting_image=picture((301, 207)), output_format="jpg", **more)
    path = result.save(tmp_path)
    # Whatever was asked for, a mask is a PNG.
    assert (result.content_type, path.suffix) == ("image/png", ".png")
    with Image.open(path) as image:
        assert (image.format, image.mode, image.size) == ("PNG", mode, (301, 207))
        alpha = image.getchannel("A") if mode == "RGBA" else image
        assert alpha.getpixel((150, 100)) == 255
        assert alpha.getpixel((2, 2)) == 0
        if mode == "RGBA":
            assert image.getpixel((150, 100)) == (0x33, 0x66, 0x99, 255)
    provenance = result.provenance
    assert (provenance.mask_width, provenance.mask_height) == (301, 207)
    assert 0.3 < provenance.mask_coverage < 0.5


def test_a_mask_is_where_it_was_pointed_at(client: SogniClient, tmp_path: Path) -> None:
    prompt = {"boxes": [{"x0": 0.5, "y0": 0.5, "x1": 1.0, "y1": 1.0}]}
    result = order(client, SAM, "image", starting_image=picture((200, 200)), sam3_prompt=prompt)
    with Image.open(result.save(tmp_path)) as mask:
        assert [mask.getpixel(place) for place in ((50, 50), (150, 150), (102, 102))] == [0, 255, 0]
    assert result.provenance.mask_box == (0.5, 0.5, 1.0, 1.0)


def test_a_transparent_background(client: SogniClient, tmp_path: Path) -> None:
    result = order(client, "gpt-image-2.5-flare", "image", gpt_image_background="transparent", width=320, height=320)
    with Image.open(result.save(tmp_path)) as image:
        assert (image.mode, image.getchannel("A").getextrema()) == ("RGBA", (0, 255))


def probe(path: Path) -> dict[str, Any]:
    """What is really in a file."""
    with av.open(str(path)) as file:
        found: dict[str, Any] = {"format": file.format.name, "seconds": file.duration / 1e6, "audio": None}
        if file.streams.audio:
            found["audio"] = file.streams.audio[0].codec_context.name
        if file.streams.video:
            stream = file.streams.video[0]
            images = [frame.to_image() for frame in file.decode(stream)]
            found |= {"fps": stream.average_rate, "frames": len(images), "size": images[0].size}
            found["moves"] = ImageChops.difference(images[0], images[-1]).getbbox() is not None
    if found["audio"]:
        with av.open(str(path)) as file:
            rate = file.streams.audio[0].rate
            heard = array("h")
            level = av.AudioResampler(format="s16", layout="mono", rate=rate)
            for frame in file.decode(audio=0):
                for piece in level.resample(frame):
                    heard.frombytes(bytes(piece.planes[0])[: 2 * piece.samples])
            found |= {"heard": len(heard) / rate, "peak": max(map(abs, heard))}
    return found


def clip(model: str) -> tuple[dict[str, Any], tuple[int, int], int, int]:
    """A short order that the model takes; and size, frames and rate of what must come."""
    if model.startswith("minimax-h3"):
        times = 2 if model.endswith("_2stage") else 1
        return {"width": 192, "height": 128, "frames": 124}, (192 * times, 128 * times), 124, 24
    size = {"width": 576, "height": 480}
    if model.startswith("wan_v2.2"):
        return {**size, "frames": 17}, (576, 480), 17, 16
    if model.startswith("wan3"):
        return {**size, "frames": 31}, (576, 480), 31, 30
    if model.startswith("ltx"):
        return {**size, "frames": 25, "fps": 25}, (576, 480), 25, 25
    return {**size, "frames": 25}, (576, 480), 25, 24


@pytest.mark.parametrize("model", [model for model in VIDEOS if model != FLASHVSR])
def test_videos(client: SogniClient, tmp_path: Path, model: str) -> None:
    length, size, frames, fps = clip(model)
    takes = client.projects.get_video_asset_config(model)
    needs = [name for name, need in (takes.assets or {}).items() if need == "required"]
    if takes.workflow_type in ("i2v", "r2v") and "reference_image" not in needs:
        needs.append("reference_image")
    result = order(client, model, "video", **length, **{name: FILES[name] for name in needs})
    path = result.save(tmp_path)
    assert (result.kind, result.content_type, path.suffix) == ("video", "video/mp4", ".mp4")
    found = probe(path)
    assert (found["size"], found["frames"], found["fps"], found["moves"]) == (size, frames, Fraction(fps), True)
    assert abs(found["seconds"] - frames / fps) < 0.06
    silent = model.startswith("wan_v2.2") and "s2v" not in model
    assert found["audio"] == (None if silent else "aac")
    if not silent:
        assert abs(found["heard"] - frames / fps) < 0.06
        assert found["peak"] > 1000


@pytest.mark.parametrize(("seconds", "fps", "frames"), [(1, 16, 17), (1, 32, 33), (2, 16, 33)])
def test_wan_doubles_its_frames_at_32(
    client: SogniClient, tmp_path: Path, seconds: float, fps: int, frames: int
) -> None:
    size = {"width": 480, "height": 480}
    path = order(client, "wan_v2.2-14b-fp8_t2v_lightx2v", "video", duration=seconds, fps=fps, **size).save(tmp_path)
    found = probe(path)
    assert (found["frames"], found["fps"]) == (frames, fps)
    assert abs(found["seconds"] - seconds) < 0.1


@pytest.mark.parametrize("resolution", [1080, 1440])
def test_an_upscaled_video(client: SogniClient, tmp_path: Path, resolution: int) -> None:
    result = order(
        client,
        FLASHVSR,
        "video",
        positive_prompt="",
        reference_video=movie(frames=8),
        upscale_resolution=resolution,
    )
    found = probe(result.save(tmp_path))
    assert (found["size"], found["frames"], found["fps"]) == ((resolution * 3 // 2, resolution), 8, 12)
    assert (found["audio"], found["moves"]) == ("aac", True)
    assert abs(found["seconds"] - 8 / 12) < 0.1


def test_a_changed_video_still_shows_what_it_was(client: SogniClient, tmp_path: Path) -> None:
    path = order(
        client,
        "ltx25-22b-int8_v2v_distilled",
        "video",
        reference_video=movie((480, 480), frames=24, fps=12),
        width=480,
        height=480,
        frames=41,
        fps=24,
    ).save(tmp_path)
    with av.open(str(path)) as file:
        levels = [frame.to_image().convert("L").getpixel((20, 200)) for frame in file.decode(video=0)]
    assert len(levels) == 41
    # The picture gets brighter by ten with every twelfth of a second.
    assert levels[0] < 12
    assert abs(int(levels[20]) - 100) < 25  # type: ignore[arg-type]
    assert abs(int(levels[40]) - 200) < 25  # type: ignore[arg-type]


@pytest.mark.parametrize("output", list(TYPES))
@pytest.mark.parametrize("model", SOUNDS)
def test_sounds(client: SogniClient, tmp_path: Path, model: str, output: str) -> None:
    more: dict[str, Any] = {} if "tts" in model or "input-test" in model else {"duration": 10}
    if "clone" in model:
        more["reference_audio"] = wav()
    result = order(client, model, "audio", positive_prompt="Hello there, my old friend.", output_format=output, **more)
    path = result.save(tmp_path)
    assert (result.kind, result.content_type, path.suffix) == ("audio", TYPES[output], f".{output}")
    found = probe(path)
    assert found["format"] == output
    wanted = more.get("duration") or result_seconds(model)
    assert abs(found["heard"] - wanted) < 0.06
    assert found["peak"] > 3000


def result_seconds(model: str) -> float:
    """Speech takes as long as the text; everything else what the sandbox has for no length at all."""
    return 1.9 if "tts" in model else 30.0


@pytest.mark.parametrize("model", OBJECTS)
def test_objects(client: SogniClient, tmp_path: Path, model: str) -> None:
    views = {"left_view_image": picture()} if "multiview" in model else {}
    result = order(client, model, "image", starting_image=picture(), texture_size=1024, **views)
    path = result.save(tmp_path)
    assert (result.kind, result.content_type, path.suffix) == ("model", "model/gltf-binary", ".glb")
    body = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", body)
    assert (magic, version, length) == (b"glTF", 2, len(body))
    chunks = []
    at = 12
    while at < len(body):
        size, kind = struct.unpack_from("<II", body, at)
        assert size % 4 == 0
        chunks.append((kind, body[at + 8 : at + 8 + size]))
        at += 8 + size
    assert [kind for kind, _ in chunks] == [0x4E4F534A, 0x004E4942]
    document, binary = json.loads(chunks[0][1]), chunks[1][1]
    assert document["asset"]["version"] == "2.0"
    assert sum(view["byteLength"] for view in document["bufferViews"]) == document["buffers"][0]["byteLength"]
    view = document["bufferViews"][document["images"][0]["bufferView"]]
    with Image.open(io.BytesIO(binary[view["byteOffset"] :][: view["byteLength"]])) as texture:
        assert (texture.format, texture.size) == ("JPEG", (1024, 1024))


def test_nothing_of_the_catalogue_is_left_out() -> None:
    assert len(IMAGES) + len(VIDEOS) + len(SOUNDS) + len(OBJECTS) + 1 == len(CATALOG)
