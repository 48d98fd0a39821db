"""What a verb was asked for, and the order that comes of it: sizes by name, defaults of the service, files in place."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from inspect import iscoroutinefunction
from typing import Any

from attrs import field, frozen

from ..errors import Problem, ValidationError
from ..types.catalog import ModelOptions, Range, SizePreset
from .build import build_job
from .fields import near
from .rule import NOTHING, rule_for
from .sniff import content_type
from .values import is_list, short
from .verbs import QUALITIES, Way, way

KINDS = ("image", "video")

# Keywords of an order that a verb has other words for.
_OTHER_WORDS = {
    "positive_prompt": "is the text that the verb takes first",
    "model_id": "is called model here",
    "number_of_media": "is always 1 here; projects.create orders several",
    "type": "is decided by the verb",
}
# What a text and a file are called by those that have a name of their own for them.
_TEXTS = {"speech": "text", "segment": "what"}
_FILES = {"edit": "images", "upscale": "media", "segment": "image", "model3d": "image"}
_NEEDS_TEXT = ("image", "edit", "video", "music", "speech")

# Options whose default is sent, and what makes it needless.
_FILLED: Mapping[str, tuple[str, ...]] = {
    "steps": (),
    "guidance": (),
    "width": ("size_preset", "width", "height", "upscale_resolution"),
    "height": ("size_preset", "width", "height", "upscale_resolution"),
    "duration": ("frames",),
}
# What a quality brings gives way to these.
_INSTEAD: Mapping[str, tuple[str, ...]] = {"upscale_resolution": ("width", "height")}

_VIDEOS = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".mpg", ".mpeg")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif")


@frozen(kw_only=True)
class Wish:
    """What a verb was asked for.

    Attributes:
        verb: Its name.
        way: How it does it.
        quality, model: As given.
        given: The parameters so far, without the model.
        images: The files for a verb that leaves their place to the rule of the model.
        preset: A size by name, to be looked up.
        limit: What it may cost, in tokens.
        problems: What is wrong already.
    """

    verb: str
    way: Way
    quality: str
    model: str | None
    given: Mapping[str, object] = field(repr=False)
    images: tuple[object, ...] = field(default=(), repr=False)
    preset: str | None = None
    limit: Decimal | None = None
    problems: tuple[Problem, ...] = ()

    def refuse_now(self) -> None:
        """Raises for what can be seen without the catalogue.

        Raises:
            ValidationError: all of it, and what else is wrong with the order.
        """
        if self.problems:
            model = self.model or self.way.candidates(self.quality)[0]
            _refuse(self.problems, self._order(model, []), ModelOptions(model_id=model, type=self.way.type))

    def order(self, options: ModelOptions, presets: Sequence[SizePreset] = ()) -> dict[str, Any]:
        """The keywords of `create`.

        Args:
            options: Of the model that was chosen.
            presets: Its named sizes, if there is a `preset`.
        Raises:
            ValidationError: everything that is wrong, together.
        """
        problems = list(self.problems)
        params = self._order(options.model_id, problems)
        if self.preset is not None:
            params.update(_preset(self.preset, options.model_id, presets, problems))
        params.update(_defaults(options, params))
        if problems:
            _refuse(problems, params, options)
        return params

    def _order(self, model_id: str, problems: list[Problem]) -> dict[str, object]:
        extra = self.way.extra.get(self.quality, NOTHING)
        params: dict[str, object] = {
            "type": self.way.type,
            "model_id": model_id,
            "positive_prompt": "",
            "number_of_media": 1,
            **{name: value for name, value in extra.items() if not _has(self.given, (name, *_INSTEAD.get(name, ())))},
            **self.given,
        }
        if self.images:
            params.update(_edited(self.images, model_id, params, problems))
        return params


def wish(
    verb: str,
    *,
    keywords: Mapping[str, object],
    text: object = None,
    media: object = None,
    size: object = None,
    quality: object = "balanced",
    model: object = None,
    cutout: bool = False,
    kind: object = None,
    max_cost: object = None,
    progress: object = False,
    on_event: object = None,
) -> Wish:
    """Reads what a verb was called with.

    Args:
        text, media: What the verb takes by place.
        cutout: Whether the subject is wanted rather than its mask.
        kind: What `media` is, if the caller says so.
        keywords: Parameters of the order; None is the same as not given.
        progress, on_event: Who is told; only looked at, so that nothing is ordered that nobody can be told about.
    """
    problems = [
        Problem(name, f"{name} {what}.", allowed=what) for name, what in _OTHER_WORDS.items() if name in keywords
    ]
    given = {name: value for name, value in keywords.items() if value is not None and name not in _OTHER_WORDS}
    known = set(given)
    if isinstance(text, str) and text:
        known.add("a text")
    if verb == "upscale" and _kind(media, kind, problems) == "video":
        known.add("a video")
    row = way(verb, known, model if isinstance(model, str) else None)
    problems += _wrong_choice("quality", quality, QUALITIES)
    if not isinstance(progress, bool) and not _is_plain(progress):
        allowed = "True, False or a plain function of one number"
        problems.append(Problem("progress", f"progress must be {allowed}, not {short(progress)}.", allowed=allowed))
    if on_event is not None and not _is_plain(on_event):
        allowed = "a plain function of one event"
        problems.append(Problem("on_event", f"on_event must be {allowed}, not {short(on_event)}.", allowed=allowed))
    if media is True or (isinstance(media, (list, tuple)) and any(one is True for one in media)):
        problems.append(Problem("media", "The file that a verb works on must be given, not True.", allowed="a file"))
    if model is not None and not isinstance(model, str):
        problems.append(Problem("model", f"model must be the id of a model, not {short(model)}.", value=model))
        model = None
    preset = None
    if size is not None:
        sizes, preset = _size(size, row.type, given, problems)
        given.update(sizes)
    _put_text(verb, row, text, given, problems)
    images = _put_media(verb, row, media, given, problems)
    if cutout and row.cutout is not None:
        _put(given, row.cutout, True)
    return Wish(
        verb=verb,
        way=row,
        quality=quality if isinstance(quality, str) and quality in QUALITIES else "balanced",
        model=model if isinstance(model, str) else None,
        given=given,
        images=images,
        preset=preset,
        limit=_limit(max_cost, problems),
        problems=tuple(problems),
    )


def kind_of(media: object) -> str | None:
    """`image` or `video` by the name or the first bytes of a file; None when neither tells. Opens nothing."""
    own = getattr(media, "kind", None)
    if isinstance(own, str):
        return own if own in KINDS else None
    if isinstance(media, (bytes, bytearray, memoryview)):
        top = (content_type(media, "video") or "").partition("/")[0]
        return top if top in KINDS else None
    if hasattr(media, "mode") and hasattr(media, "size"):
        return "image"
    name = media if isinstance(media, (str, os.PathLike)) else getattr(media, "name", None)
    if not isinstance(name, (str, os.PathLike)):
        return None
    path = os.fspath(name)
    path = path.decode(errors="replace") if isinstance(path, bytes) else path
    path = path.partition("?")[0].lower() if "://" in path else path.lower()
    return "video" if path.endswith(_VIDEOS) else "image" if path.endswith(_PICTURES) else None


def _kind(media: object, kind: object, problems: list[Problem]) -> object:
    if kind is not None:
        problems += _wrong_choice("kind", kind, KINDS)
        return kind
    found = None if media is None else kind_of(media)
    if found is None and media is not None:
        allowed = " or ".join(map(repr, KINDS))
        problems.append(Problem("kind", f"kind is needed to know what media is: {allowed}.", allowed=allowed))
    return found


def _wrong_choice(name: str, value: object, options: Sequence[str]) -> list[Problem]:
    if isinstance(value, str) and value in options:
        return []
    allowed = ", ".join(options)
    nearest = near(value, options)
    hint = f"; nearest: {short(nearest)}" if nearest else ""
    message = f"{name} must be one of {allowed}, not {short(value)}{hint}."
    return [Problem(name, message, value=value, allowed=allowed, nearest=nearest)]


def _limit(value: object, problems: list[Problem]) -> Decimal | None:
    if value is None:
        return None
    try:
        found = Decimal(str(value) if isinstance(value, (int, float, str, Decimal)) else "NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite() or found < 0:
        allowed = "a number of tokens from 0 on"
        message = f"max_cost must be {allowed}, not {short(value)}."
        problems.append(Problem("max_cost", message, value=value, allowed=allowed))
    return found


def _size(
    size: object, media: str, given: Mapping[str, object], problems: list[Problem]
) -> tuple[dict[str, object], str | None]:
    """Width and height, or the name of a preset."""
    clash = [name for name in ("width", "height", "size_preset") if name in given]
    if clash:
        problems.append(Problem("size", f"size says the same as {' and '.join(clash)}: give one of them.", value=size))
        return {}, None
    edges = re.fullmatch(r"\s*(\d{1,6})\s*[x×]\s*(\d{1,6})\s*", size.lower()) if isinstance(size, str) else None
    pair = edges.groups() if edges else size
    if isinstance(pair, (list, tuple)) and len(pair) == 2 and all(_is_edge(edge) for edge in pair):
        return {"width": int(pair[0]), "height": int(pair[1])}, None
    if isinstance(size, str) and size.strip() and media == "image":
        return {}, size.strip()
    allowed = "WIDTHxHEIGHT in pixels, such as 1280x768, or a pair of whole numbers"
    if media == "image":
        allowed += ", or the name of a size of the model, such as square_hd"
    problems.append(Problem("size", f"size must be {allowed}; not {short(size)}.", value=size, allowed=allowed))
    return {}, None


def _is_plain(callback: object) -> bool:
    """Whether something can be called and needs nobody to await it."""
    return callable(callback) and not iscoroutinefunction(callback)


_MOST_DIGITS = 6


def _is_edge(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**_MOST_DIGITS


def _preset(name: str, model_id: str, presets: Sequence[SizePreset], problems: list[Problem]) -> Mapping[str, object]:
    ids = [preset.id for preset in presets]
    found = next((preset.id for preset in presets if name.lower() in (preset.id.lower(), preset.label.lower())), None)
    if found is not None:
        return {"size_preset": found}
    nearest = near(name, ids)
    hint = f"; nearest: {nearest}" if nearest else ""
    allowed = f"{', '.join(ids)}{' or ' if ids else ''}WIDTHxHEIGHT such as 1024x768"
    message = f"size is {short(name)}; {model_id} takes {allowed}{hint}."
    problems.append(Problem("size", message, value=name, allowed=allowed, nearest=nearest))
    return {}


def _put_text(verb: str, row: Way, text: object, given: dict[str, object], problems: list[Problem]) -> None:
    name = _TEXTS.get(verb, "prompt")
    if isinstance(text, str) and (text.strip() or verb not in _NEEDS_TEXT):
        if text or row.text == "positive_prompt":
            _put(given, row.text, text)
    elif text is not None or verb in _NEEDS_TEXT:
        problems.append(Problem(name, f"{name} must be a text, not {short(text)}.", value=text, allowed="str"))


def _put_media(
    verb: str, row: Way, media: object, given: dict[str, object], problems: list[Problem]
) -> tuple[object, ...]:
    """The files that still need a place."""
    name = _FILES.get(verb)
    if name is None:
        return ()
    if media is None or (is_list(media) and not media):
        problems.append(Problem(name, f"{name} is missing: give a file.", allowed="a path, bytes, an open file, ..."))
        return ()
    if row.media is None:
        return tuple(media) if isinstance(media, (list, tuple)) else (media,)
    if row.media in given:
        problems.append(Problem(row.media, f"{row.media} is given twice: it is what {name} stands for.", value=None))
    given[row.media] = media
    return ()


def _edited(
    images: tuple[object, ...], model_id: str, params: Mapping[str, object], problems: list[Problem]
) -> Mapping[str, object]:
    """The pictures to edit, where the rule of the model wants them."""
    place = rule_for("image", model_id).edits
    if place is None or place in params:
        problems.append(Problem(place or "images", f"{place} is given twice: it is what images stands for."))
        return {}
    if place == "context_images":
        return {place: list(images)}
    if len(images) > 1:
        message = f"images has {len(images)} entries: {model_id} takes 1 picture."
        problems.append(Problem("images", message, value=f"{len(images)} entries", allowed="1 picture", nearest=1))
    return {place: images[0]}


def _put(given: dict[str, object], path: str, value: object) -> None:
    """Writes a value; `outer.inner` is a key of an object that may be there."""
    outer, _, inner = path.partition(".")
    if not inner:
        given[outer] = value
        return
    there = given.get(outer)
    given[outer] = {inner: value, **(there if isinstance(there, Mapping) else {})}


def _defaults(options: ModelOptions, params: Mapping[str, object]) -> dict[str, object]:
    """What the service takes where nothing is given, said aloud: so it is what an estimate counts on."""
    found: dict[str, object] = {}
    for name, instead in _FILLED.items():
        span = getattr(options, name)
        if isinstance(span, Range) and span.default is not None and not _has(params, (name, *instead)):
            found[name] = int(span.default) if span.default == int(span.default) else span.default
    if ("width" in found) != ("height" in found):
        found.pop("width", found.pop("height", None))
    return found


def _has(params: Collection[str], names: Collection[str]) -> bool:
    return any(name in params for name in names)


def _refuse(problems: Collection[Problem], params: Mapping[str, object], options: ModelOptions) -> None:
    """Raises what is known to be wrong together with what the rule of the model finds."""
    found = list(problems)
    try:
        build_job(params, project_id="", options=options)
    except ValidationError as more:
        found += [problem for problem in more.problems if problem.field not in {known.field for known in found}]
    raise ValidationError(problems=found)
