"""Models of outside vendors: Seedance, HappyHorse and Wan 3. They take references as files or as URLs."""

from __future__ import annotations

from .amounts import Exactly, Integer
from .checks import Accompanied, Apart, Needs, NotBoth, PromptOr, Task, Total
from .clip import Length
from .fields import Choice, Dropped, Field, Flag, Refused
from .frames import FrameRule
from .rule import Family, Layer, ids
from .texts import HttpsUrl, Urls
from .workflows import named

_ANCHORS = ("reference_image", "reference_image_end")
_IMAGES = (*_ANCHORS, "reference_image_urls")
_VIDEOS = ("reference_video", "reference_video_urls")
_AUDIOS = ("reference_audio", "reference_audio_urls")
_LOOSE = ("reference_image_urls", *_VIDEOS, *_AUDIOS)

_VENDOR = Layer(fields=(Dropped("negative_prompt"),))
_AT_24_FPS = Layer(defaults={"fps": 24})


def _lasts(low: float, high: float) -> Layer:
    return Layer(fields=(Length("duration", low=low, high=high),))


# Seedance

_TASKS = {"reference": _LOOSE, "edit": _VIDEOS, "extend": _VIDEOS}


def _references(images: int, videos: int, audios: int, total: int) -> Layer:
    """How many references a Seedance model takes; the voice and the audio file count as one."""
    sound = ("reference_audio", "reference_audio_identity")
    return Layer(
        checks=(
            Total("images", _IMAGES, high=images),
            Total("videos", _VIDEOS, high=videos),
            Total("audios", ("reference_audio_urls",), together=sound, high=audios),
            Total("references", (*_IMAGES, *_VIDEOS, "reference_audio_urls"), together=sound, high=total),
        )
    )


_SEEDANCE_2_0 = Layer(
    fields=(Refused("seedance_task_type", must="is for Seedance 2.5 only"),),
    checks=(
        Accompanied(
            ("reference_audio", "reference_audio_identity", "reference_audio_urls"),
            (*_IMAGES, *_VIDEOS),
            "a picture or a video: sound alone is not enough",
        ),
    ),
)
_SEEDANCE_2_5 = Layer(
    fields=(
        Choice("seedance_task_type", options=tuple(_TASKS)),
        Choice("output_format", options=("mp4", "mov"), top=True),
        Flag("return_last_frame"),
    ),
    checks=(Task("seedance_task_type", loose=_LOOSE, anchors=_ANCHORS, needs=_TASKS),),
)

# HappyHorse


def _never(name: str, what: str, then: Field | None = None) -> Field:
    return Refused(name, must=f"cannot be used: HappyHorse takes no {what}", when="truthy", then=then)


_HAPPYHORSE = Layer(
    fields=(
        _never("reference_video", "video"),
        _never("reference_video_urls", "video", Urls("reference_video_urls", wire="referenceVideoURLs")),
        _never("reference_audio", "sound"),
        _never("reference_audio_identity", "sound"),
        _never("reference_audio_urls", "sound", Urls("reference_audio_urls", wire="referenceAudioURLs")),
        _never("reference_image_end", "last picture"),
    )
)


def _pictures(low: int, high: int) -> Layer:
    return Layer(checks=(Total("pictures", ("reference_image", "reference_image_urls"), low=low, high=high),))


# Wan 3

_DOCUMENTS = ("reference_file_url", "reference_link_url")
_NO_SOUND_OF_A_VOICE = "cannot be used: Wan 3 takes none"
_WAN_3 = Layer(
    fields=(
        HttpsUrl("reference_file_url", wire="referenceFileURL"),
        HttpsUrl("reference_link_url", wire="referenceLinkURL"),
        Flag("prompt_extend"),
        Flag("watermark"),
        Refused("smart_duration", must="is retired: set duration instead"),
        Exactly("fps", value=30),
        Choice("ratio", options=("adaptive", "16:9", "4:3", "1:1", "3:4", "9:16")),
        Refused("reference_audio_identity", must=_NO_SOUND_OF_A_VOICE, when="truthy"),
        Refused("reference_mask", must=_NO_SOUND_OF_A_VOICE, when="truthy"),
        Integer("seed", low=0, high=2_147_483_647, whole_float=False),
    ),
    checks=(
        NotBoth(*_DOCUMENTS),
        Apart(_ANCHORS, (*_LOOSE, *_DOCUMENTS), "first and last frame, or loose references"),
        Total("image URLs", ("reference_image_urls",), high=10),
        Total("videos", _VIDEOS, high=5),
        Total("audios", _AUDIOS, high=5),
        PromptOr((*_ANCHORS, *_LOOSE, *_DOCUMENTS)),
    ),
    defaults={"fps": 30},
    frames=FrameRule(default_fps=30),
)
_STANDARD = Layer(checks=(Needs("reference_image_end", ("reference_image",)),))
_ENHANCED = Layer(
    fields=tuple(Refused(name, must="is for the standard Wan 3 model only") for name in (*_DOCUMENTS, "watermark"))
)

FAMILIES = (
    Family(
        "Seedance 2.0",
        ids("seedance-2-0", "seedance-2-0-mini", "seedance-2-0-mini-uncensored", "seedance-2-0-fast"),
        _VENDOR,
        _AT_24_FPS,
        _lasts(4, 15),
        _references(images=9, videos=3, audios=3, total=12),
        _SEEDANCE_2_0,
    ),
    Family(
        "Seedance 2.5",
        ids("seedance-2-5", "seedance-2-5-uncensored"),
        _VENDOR,
        _AT_24_FPS,
        _lasts(4, 30),
        _references(images=30, videos=10, audios=10, total=50),
        _SEEDANCE_2_5,
    ),
    *(
        Family(
            f"HappyHorse {kind}",
            ids(f"happyhorse-1.1-{kind}"),
            _VENDOR,
            _AT_24_FPS,
            _lasts(3, 15),
            named(kind),
            _HAPPYHORSE,
            _pictures(low, high),
        )
        for kind, low, high in (("t2v", 0, 0), ("i2v", 1, 1), ("r2v", 1, 9))
    ),
    Family("Wan 3", ids("wan3.0-video"), _VENDOR, _lasts(2, 30), named("t2v"), _WAN_3, _STANDARD),
    Family("Wan 3 Enhanced", ids("wan3.0-spicy-video"), _VENDOR, _lasts(2, 30), named("t2v"), _WAN_3, _ENHANCED),
)
