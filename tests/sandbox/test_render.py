"""What is rendered: the right kind, size and length, made of what came in, and the same again for the same order."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import wave
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from sogni.sandbox import Sandbox

Build = Callable[..., dict[str, Any]]


class Studio:
    """Orders something and brings the bytes."""

    def __init__(self, net: Sandbox, talk: Any, rest: Any, build: Build) -> None:
        self.net, self.rest, self.build = net, rest, build
        self.talk = talk()

    def make(
        self, model: str = "krea2_turbo_fp8_scaled", files: dict[str, bytes] | None = None, **more: Any
    ) -> tuple[bytes, str, dict[str, Any]]:
        """Bytes, content type and result frame of the only output."""
        request = self.send(model, files, **more)
        (result,) = [data for kind, data in self.talk.finished() if kind == "jobResult"]
        kind = "image" if self.net.project(request["jobID"])["jobType"] == "image" else "media"
        query = {
            "jobId": request["jobID"],
            "type": "complete",
            ("imageId" if kind == "image" else "id"): result["imgID"],
        }
        answer = self.rest.bytes_of(self.rest.data(f"/v1/{kind}/downloadUrl", **query)["downloadUrl"])
        assert answer.status_code == 200
        self.last = query
        return answer.content, answer.headers["Content-Type"], result

    def failed(
        self, model: str = "krea2_turbo_fp8_scaled", files: dict[str, bytes] | None = None, **more: Any
    ) -> dict[str, Any]:
        """The `jobError` of an order whose only output fails."""
        self.send(model, files, **more)
        error: dict[str, Any] = self.talk.until("jobError")[-1][1]
        return error

    def send(self, model: str, files: dict[str, bytes] | None = None, **more: Any) -> dict[str, Any]:
        """Upload and order."""
        keyframe = dict(more.pop("keyframe", {}))
        request = self.build(model, **more)
        for slot, body in (files or {}).items():
            media = slot.startswith(("referenceVideo", "referenceAudio"))
            self.rest.upload(request["jobID"], slot, body, None, where="media" if media else "image")
            if slot == "cnImage":
                keyframe["currentControlNetsJob"] = [{"name": "canny", "hasImage": True}]
            else:
                keyframe[f"has{slot[0].upper()}{slot[1:]}"] = True
        request["keyFrames"][0].update(keyframe)
        self.talk.send("jobRequest", request)
        return request

    def image(self, *arguments: Any, **more: Any) -> Image.Image:
        """The only output as a picture."""
        return Image.open(io.BytesIO(self.make(*arguments, **more)[0]))


@pytest.fixture
def studio(net: Sandbox, talk: Any, rest: Any, build: Build) -> Studio:
    return Studio(net, talk, rest, build)


def png(colour: Any, size: tuple[int, int] = (300, 200), mode: str = "RGB", **more: Any) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, **{"format": "PNG", **more})
    return stream.getvalue()


def mean(image: Image.Image, box: tuple[int, int, int, int]) -> list[float]:
    return ImageStat.Stat(image.convert("RGB").crop(box)).mean


# pictures


@pytest.mark.parametrize(
    ("output", "name", "content_type"),
    [("png", "PNG", "image/png"), ("jpg", "JPEG", "image/jpeg"), ("webp", "WEBP", "image/webp")],
)
def test_formats(studio: Studio, output: str, name: str, content_type: str) -> None:
    body, sent, _ = studio.make(outputFormat=output)
    assert sent == content_type
    with Image.open(io.BytesIO(body)) as image:
        assert image.format == name


@pytest.mark.parametrize(
    ("model", "keyframe", "size"),
    [
        ("krea2_turbo_fp8_scaled", {}, (1024, 1024)),
        ("krea2_turbo_fp8_scaled", {"sizePreset": "landscape_16_9"}, (1344, 768)),
        ("krea2_turbo_fp8_scaled", {"width": 333, "height": 1000, "sizePreset": "custom"}, (333, 1000)),
        ("krea2_turbo_fp8_scaled", {"width": 16, "height": 16}, (16, 16)),
        ("coreml-sogni_artist_v1_768", {}, (768, 768)),
    ],
)
def test_sizes(studio: Studio, model: str, keyframe: dict[str, Any], size: tuple[int, int]) -> None:
    assert studio.image(model, keyframe=keyframe).size == size


def test_the_same_order_gives_the_same_bytes_and_another_seed_another_picture(studio: Studio) -> None:
    small = {"width": 256, "height": 256}
    first, again, other, words = (
        studio.make(keyframe={**small, **more})[0]
        for more in ({"seed": 1}, {"seed": 1}, {"seed": 2}, {"seed": 1, "positivePrompt": "a blue fox"})
    )
    assert first == again
    assert len({first, other, words}) == 3


def test_it_says_that_it_is_not_real(studio: Studio) -> None:
    for seed in range(3):
        image = studio.image(keyframe={"width": 512, "height": 512, "seed": seed})
        red, green, blue = mean(image, (430, 14, 500, 20))
        assert min(red, green, blue) > 190


@pytest.mark.parametrize("prompt", ["", "word " * 300, "x" * 700, "Zwölf Boxkämpfer\n\n🌊 狐", "\x00\x07"])
def test_any_prompt_can_be_written(studio: Studio, prompt: str) -> None:
    image = studio.image(keyframe={"positivePrompt": prompt, "width": 320, "height": 320})
    assert image.size == (320, 320)


def test_a_starting_image_shines_through_as_much_as_it_was_asked_to(studio: Studio) -> None:
    red = {"startingImage": png("#ff0000")}
    size = {"width": 256, "height": 256, "seed": 4}
    pictures = [studio.image(files=red, keyframe={**size, "strength": strength}) for strength in (0.0, 0.5, 1.0)]
    share = [mean(image, (20, 60, 236, 150)) for image in pictures]
    assert share[0][0] > 250
    assert share[0][2] < 5
    assert share[0][2] < share[1][2] < share[2][2]
    plain = studio.image(keyframe=size)
    assert ImageChops.difference(plain, pictures[2]).getbbox() is None


def test_a_photo_is_turned_upright(studio: Studio) -> None:
    photo = Image.new("RGB", (200, 100), "black")
    photo.paste((255, 0, 0), (0, 0, 100, 100))
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    photo.save(stream, "JPEG", exif=exif, quality=95)
    image = studio.image(
        files={"startingImage": stream.getvalue()}, keyframe={"width": 100, "height": 200, "strength": 0.0}
    )
    top, bottom = mean(image, (10, 40, 90, 90)), mean(image, (10, 110, 90, 140))
    assert top[0] > 200
    assert bottom[0] < 60


@pytest.mark.parametrize("slot", ["cnImage", "contextImage1", "contextImage3"])
def test_other_images_are_shown_small(studio: Studio, slot: str) -> None:
    image = studio.image(files={slot: png("#00ff00")}, keyframe={"width": 400, "height": 400, "seed": 1})
    red, green, blue = mean(image, (20, 20, 50, 50))
    assert (green > 200, red < 60, blue < 60) == (True, True, True)


LTX_V2V, LTX_A2V = "ltx25-22b-int8_v2v_distilled", "ltx25-22b-int8_a2v_distilled"


@pytest.mark.parametrize(
    ("model", "slot", "what"),
    [
        ("krea2_turbo_fp8_scaled", "startingImage", "image"),
        ("krea2_turbo_fp8_scaled", "contextImage2", "image"),
        ("coreml-sogni_artist_v1_768", "cnImage", "image"),
        ("pixal3d_int8_i23d", "startingImage", "image"),
        ("ltx25-22b-int8_i2v_distilled", "referenceImageEnd", "image"),
        (LTX_V2V, "referenceVideo", "video"),
        ("flashvsr_v1.1_tiny_long_bf16", "referenceVideo", "video"),
        (LTX_A2V, "referenceAudio", "audio"),
        ("qwen3_tts_1.7b_voice_clone_bf16", "referenceAudio", "audio"),
    ],
)
def test_a_file_that_is_none_fails_the_job(studio: Studio, model: str, slot: str, what: str) -> None:
    for body in (b"x", b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(4) + b"ftypisom" + bytes(100)):
        error = studio.failed(model, {slot: body})
        assert (error["error"], "imgID" in error) == ("genfailure", True)
        assert error["error_message"] == f"The file for {slot} cannot be read: it is no {what}, or a damaged one."


def test_a_truncated_photo_fails_the_job(studio: Studio) -> None:
    body = png("red", (600, 600), compress_level=0)
    assert studio.failed(files={"startingImage": body[: len(body) // 2]})["error"] == "genfailure"


def test_a_picture_is_no_video_and_no_sound(studio: Studio) -> None:
    assert studio.failed(LTX_A2V, {"referenceAudio": png("red")})["error"] == "genfailure"


def test_an_outside_provider_says_it_in_its_own_way(studio: Studio) -> None:
    error = studio.failed("gpt-image-2", {"contextImage1": b"x"})
    assert (error["error"], error["vendorFailureCategory"]) == (5061, "input_validation")
    error = studio.failed("gpt-image-2", keyframe={"hasContextImage1": True})
    assert (error["error"], error["vendorFailureCategory"]) == (5061, "asset_resolution")


def test_a_file_that_the_order_does_not_speak_of_is_not_looked_at(studio: Studio) -> None:
    request = studio.build(keyframe={"width": 64, "height": 64})
    studio.rest.upload(request["jobID"], "startingImage", b"x")
    studio.talk.send("jobRequest", request)
    studio.talk.finished()


def _half_hidden(mode: str) -> Image.Image:
    """The left half red and seen, the right half green and hidden."""
    image = Image.new("RGBA", (200, 100), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 100, 100))
    if mode == "P":
        image = Image.new("P", (200, 100), 1)
        image.putpalette([255, 0, 0, 0, 255, 0])
        image.paste(0, (0, 0, 100, 100))
        image.info["transparency"] = 1
    elif mode == "LA":
        image = image.convert("LA")
    return image


@pytest.mark.parametrize(
    ("mode", "file", "more"),
    [
        ("RGBA", "PNG", {}),
        ("LA", "PNG", {}),
        ("P", "PNG", {"transparency": 1}),
        ("RGBA", "WEBP", {"lossless": True, "exact": True}),
    ],
)
@pytest.mark.parametrize("slot", ["startingImage", "contextImage1"])
def test_hidden_pixels_are_white(studio: Studio, mode: str, file: str, more: dict[str, Any], slot: str) -> None:
    stream = io.BytesIO()
    _half_hidden(mode).save(stream, file, **more)
    image = studio.image(
        files={slot: stream.getvalue()}, keyframe={"width": 400, "height": 200, "strength": 0.0, "seed": 1}
    )
    # A context image is shown small in the corner, cropped to a square.
    seen, hidden = (
        ((20, 60, 150, 90), (250, 60, 380, 90)) if slot == "startingImage" else ((8, 8, 15, 30), (24, 8, 32, 30))
    )
    assert min(mean(image, hidden)) > 250
    assert max(mean(image, seen)[1:]) < 120


def test_half_hidden_pixels_are_half_white(studio: Studio) -> None:
    body = png((0, 0, 255, 128), (200, 100), mode="RGBA")
    image = studio.image(files={"startingImage": body}, keyframe={"width": 400, "height": 200, "strength": 0.0})
    red, _, blue = mean(image, (20, 60, 380, 90))
    assert 120 < red < 135
    assert blue > 250


def test_sixteen_bits_a_sample_are_scaled(studio: Studio) -> None:
    stream = io.BytesIO()
    Image.new("I;16", (100, 100), 0x8000).save(stream, "PNG")
    image = studio.image(
        files={"startingImage": stream.getvalue()}, keyframe={"width": 200, "height": 200, "strength": 0.0}
    )
    assert 120 < mean(image, (20, 60, 180, 90))[0] < 135


def test_the_prompt_is_embedded_unless_told_otherwise(studio: Studio) -> None:
    with studio.image() as image:
        assert "a red fox" in image.info["parameters"]
    with studio.image(embedPromptMetadata=False) as image:
        assert "parameters" not in image.info


def test_masks_have_the_size_of_the_photo(studio: Studio) -> None:
    files = {"startingImage": png("#336699", (301, 207))}
    with studio.image("sam3_image_segment_bf16", files) as mask:
        assert (mask.mode, mask.size) == ("L", (301, 207))
        assert mask.getextrema() == (0, 255)
    with studio.image("birefnet_image_background_removal_fp16", files, keyframe={"applyMask": True}) as cut:
        assert (cut.mode, cut.size) == ("RGBA", (301, 207))
        assert cut.getchannel("A").getextrema() == (0, 255)


def test_an_upscaler_doubles_the_photo(studio: Studio) -> None:
    assert studio.image("rtx_vsr_pro", {"startingImage": png("#336699", (301, 207))}).size == (602, 414)


def test_previews_of_every_kind_of_size(studio: Studio) -> None:
    assert studio.image(previews=3, keyframe={"steps": 8, "width": 64, "height": 2048}).size == (64, 2048)


# videos and sound


def probe(body: bytes) -> dict[str, Any]:
    with av.open(io.BytesIO(body)) as file:
        found: dict[str, Any] = {"duration": file.duration / 1e6}
        if file.streams.audio:
            found["audio"] = file.streams.audio[0].codec_context.name
        if file.streams.video:
            stream = file.streams.video[0]
            found["fps"] = float(stream.average_rate)
            found["frames"] = [frame.to_image() for frame in file.decode(stream)]
            found["count"], found["size"] = len(found["frames"]), found["frames"][0].size
        return found


LTX, WAN = "ltx25-22b-int8_t2v_distilled", "wan_v2.2-14b-fp8_t2v_lightx2v"
TWO_STAGES = "minimax-h3-fastvideo-int8_t2v_turbo_2stage"


@pytest.mark.parametrize(
    ("model", "keyframe", "size", "count", "fps", "sound"),
    [
        (LTX, {"width": 640, "height": 480, "frames": 25, "fps": 24}, (640, 480), 25, 24, "aac"),
        (LTX, {"width": 640, "height": 480, "frames": 9, "generateAudio": False}, (640, 480), 9, 24, None),
        (WAN, {"frames": 17}, (640, 640), 17, 16, None),
        (WAN, {"frames": 17, "fps": 32}, (640, 640), 33, 32, None),
        (TWO_STAGES, {"width": 384, "height": 384, "frames": 124}, (768, 768), 124, 24, "aac"),
        ("wan3.0-video", {"width": 481, "height": 483, "frames": 7, "fps": 30}, (481, 483), 7, 30, "aac"),
    ],
)
def test_videos(
    studio: Studio, model: str, keyframe: dict[str, Any], size: Any, count: int, fps: float, sound: str | None
) -> None:
    body, content_type, result = studio.make(model, keyframe=keyframe)
    assert content_type == "video/mp4"
    found = probe(body)
    assert (found["size"], found["count"], found["fps"], found.get("audio")) == (size, count, fps, sound)
    assert ImageChops.difference(found["frames"][0], found["frames"][-1]).getbbox() is not None
    # Vendors host what they render; everything else is signed when it is asked for.
    assert ("resultUrl" in result) == model.startswith("wan3")
    assert body == studio.make(model, keyframe={**keyframe, "seed": int(result["lastSeed"])})[0]


def test_a_video_starts_with_its_picture_and_ends_with_the_other(studio: Studio) -> None:
    files = {"referenceImage": png("#ff0000"), "referenceImageEnd": png("#0000ff")}
    size = {"width": 480, "height": 480, "frames": 9, "fps": 8}
    found = probe(studio.make("ltx25-22b-int8_i2v_distilled", files, keyframe=size)[0])
    first, last = (mean(found["frames"][number], (200, 60, 280, 110)) for number in (0, -1))
    assert first[0] > 180 > first[2]
    assert last[2] > 180 > last[0]


def test_the_last_frame_and_the_other_container(studio: Studio) -> None:
    keyframe = {"width": 480, "height": 480, "frames": 9, "fps": 24, "returnLastFrame": True}
    body, content_type, result = studio.make("seedance-2-5", keyframe=keyframe, outputFormat="mov")
    assert content_type == "video/quicktime"
    assert probe(body)["count"] == 9
    with Image.open(io.BytesIO(studio.rest.bytes_of(result["lastFrameUrl"]).content)) as image:
        assert image.size == (480, 480)
    url = studio.rest.data("/v1/media/downloadUrl", **studio.last, artifact="lastFrame")["downloadUrl"]
    assert studio.rest.bytes_of(url).headers["Content-Type"] == "image/png"


def test_an_upscaled_video_keeps_frames_rate_and_sound(studio: Studio) -> None:
    keyframe = {"width": 640, "height": 480, "frames": 15, "fps": 12}
    source = studio.make("ltx25-22b-int8_t2v_distilled", keyframe=keyframe)[0]
    body = studio.make(
        "flashvsr_v1.1_tiny_long_bf16", {"referenceVideo": source}, keyframe={"upscaleResolution": 1080}
    )[0]
    found = probe(body)
    assert (found["size"], found["count"], found["fps"], found["audio"]) == ((1440, 1080), 15, 12, "aac")
    assert abs(found["duration"] - probe(source)["duration"]) < 0.1


def loudness(body: bytes) -> list[float]:
    """The mean level of every second."""
    found = []
    with av.open(io.BytesIO(body)) as file:
        level = av.AudioResampler(format="s16", layout="mono", rate=8000)
        pcm = array("h")
        for frame in file.decode(audio=0):
            for piece in level.resample(frame):
                pcm.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
    for start in range(0, len(pcm) - 4000, 8000):
        part = pcm[start : start + 8000]
        found.append(sum(map(abs, part)) / len(part))
    return found


def wav(*levels: int) -> bytes:
    """A second of a tone for each level."""
    stream = io.BytesIO()
    pcm = array("h", (level if (n // 20) % 2 else -level for level in levels for n in range(16_000)))
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(pcm.tobytes())
    return stream.getvalue()


@pytest.mark.parametrize(("start", "levels"), [(0, [8000, 200, 8000]), (1, [200, 8000, 0])])
def test_a_video_that_follows_a_sound_has_that_sound(studio: Studio, start: int, levels: list[int]) -> None:
    keyframe = {"width": 480, "height": 480, "frames": 72, "fps": 24, "audioStart": start}
    found = loudness(studio.make(LTX_A2V, {"referenceAudio": wav(8000, 200, 8000)}, keyframe=keyframe)[0])
    assert len(found) == 3
    assert [abs(level - wanted) < 400 for level, wanted in zip(found, levels, strict=True)] == [True] * 3


def test_an_upscaled_video_may_come_with_any_sound(studio: Studio) -> None:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mov") as file:
        picture = file.add_stream("libx264", rate=10)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        sound = file.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for number in range(10):
            file.mux(picture.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 64), (25 * number, 0, 0)))))
        file.mux(picture.encode(None))
        frame = av.AudioFrame(format="s16", layout="mono", samples=16_000)
        frame.planes[0].update(array("h", [5000, -5000] * 8000).tobytes())
        frame.sample_rate, frame.pts = 16_000, 0
        file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
    found = probe(studio.make("flashvsr_v1.1_tiny_long_bf16", {"referenceVideo": stream.getvalue()})[0])
    assert (found["size"], found["count"], found["fps"], found["audio"]) == ((1080, 1080), 10, 10, "aac")


@pytest.mark.parametrize(
    ("output", "codec", "content_type"),
    [("mp3", "mp3float", "audio/mpeg"), ("flac", "flac", "audio/flac"), ("wav", "pcm_s16le", "audio/wav")],
)
def test_music(studio: Studio, output: str, codec: str, content_type: str) -> None:
    seconds = 12.5
    keyframe = {"duration": seconds, "bpm": 96, "keyscale": "A minor", "seed": 3}
    body, sent, _ = studio.make("ace_step_1.5_turbo", keyframe=keyframe, outputFormat=output)
    found = probe(body)
    assert (sent, found["audio"]) == (content_type, codec)
    assert abs(found["duration"] - seconds) < 0.1
    assert body == studio.make("ace_step_1.5_turbo", keyframe=keyframe, outputFormat=output)[0]
    assert body != studio.make("ace_step_1.5_turbo", keyframe={**keyframe, "seed": 4}, outputFormat=output)[0]


def test_speech_is_as_long_as_the_text(studio: Studio) -> None:
    lengths = []
    for text in ("Hello there.", "Every render on the Supernet runs on somebody else's GPU, and that is fine with us."):
        keyframe = {"positivePrompt": text, "speaker": "serena"}
        body = studio.make("qwen3_tts_1.7b_custom_voice_bf16", keyframe=keyframe, outputFormat="wav")[0]
        lengths.append(probe(body)["duration"])
    assert 0.9 < lengths[0] < 2 < lengths[1] < 10


def test_objects(studio: Studio) -> None:
    body, content_type, _ = studio.make("pixal3d_int8_i23d", {"startingImage": png("#ff0000")}, outputFormat="glb")
    assert content_type == "model/gltf-binary"
    magic, version, length = struct.unpack_from("<4sII", body)
    assert (magic, version, length) == (b"glTF", 2, len(body))
    (size,) = struct.unpack_from("<I", body, 12)
    document = json.loads(body[20 : 20 + size])
    binary = body[28 + size :]
    assert document["buffers"][0]["byteLength"] == len(binary)
    view = document["bufferViews"][document["images"][0]["bufferView"]]
    with Image.open(io.BytesIO(binary[view["byteOffset"] :])) as texture:
        assert mean(texture, (50, 200, 400, 400))[0] > 240
    indices, points = document["accessors"][3], document["accessors"][0]
    view = document["bufferViews"][3]
    numbers = struct.unpack_from(f"<{indices['count']}H", binary, view["byteOffset"])
    assert max(numbers) == points["count"] - 1


# without the libraries


@pytest.mark.parametrize(
    ("missing", "model", "outcome"),
    [
        ("av", "krea2_turbo_fp8_scaled", "jobResult"),
        ("av", "ltx25-22b-int8_t2v_distilled", "jobError"),
        ("av", "ace_step_1.5_turbo", "jobError"),
        ("PIL", "krea2_turbo_fp8_scaled", "jobError"),
    ],
)
def test_what_is_missing_is_named(missing: str, model: str, outcome: str, tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from sogni.sandbox import Sandbox
from tests.sandbox.peers import Talk, order
with Sandbox() as net:
    one = Talk(net).greeted()
    one.send("jobRequest", order({model!r}, previews=1, keyframe={{"width": 480, "height": 480, "frames": 9}}))
    while True:
        kind, data = one.receive()
        if kind in ("jobResult", "jobError"):
            break
    print(kind, data.get("error_message"))
    one.ws.shutdown()
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    kind, _, message = found.stdout.partition(" ")
    assert kind == outcome
    if outcome == "jobError":
        assert "pip install 'sogni[sandbox]'" in message


# speed


def test_fast_takes_a_second_or_two(dial: Any, build: Build, stopwatch: Callable[[], float]) -> None:
    with Sandbox(speed="fast") as net:
        one = dial(net).greeted()
        before = stopwatch()
        one.send("jobRequest", build(keyframe={"steps": 12}))
        frames = one.finished()
        assert 1 < stopwatch() - before < 2.5
        assert sum(kind == "jobProgress" for kind, _ in frames) == 12
        estimates = [data["etaSeconds"] for kind, data in frames if kind == "jobETA"]
        assert len(estimates) == 13
        one.ws.shutdown()


def test_realistic_shows_how_it_goes(dial: Any, build: Build) -> None:
    with Sandbox(speed="realistic") as net:
        one = dial(net).greeted()
        one.send("jobRequest", build())
        kinds = [kind for kind, _ in one.until("jobETA")]
        assert "jobResult" not in kinds
        one.ws.shutdown()
