"""Parameters, rule and options to a plan: the message of the job request and the files to upload before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from .._protocol.wire import camel
from ..errors import Problem, ValidationError
from ..types.catalog import ModelOptions, Range
from .common import envelope, key_frame
from .draft import Draft, Upload
from .fields import bounds, clamp, near
from .frames import frames_of
from .rule import MEDIA, ModelRule, rule_for, table
from .values import has_broken_text, has_infinite, integer, number, scalar, short, truthy

__all__ = ["JobPlan", "Upload", "build_job", "check_required", "early"]

_REQUIRED = ("type", "model_id", "positive_prompt", "number_of_media")
# Parameters that a project type no longer has; naming them at all is a mistake, whatever their value.
_RETIRED: dict[tuple[str, str], str] = {("video", "output_scale"): "is retired: set width and height instead"}

# What other programs call a parameter of ours.
_OTHER_WORDS = {
    "prompt": "positive_prompt",
    "model": "model_id",
    "n": "number_of_media",
    "number_of_images": "number_of_media",
    "image_count": "number_of_media",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "cfg": "guidance",
    "image": "starting_image",
    "strength": "starting_image_strength",
    "size": "size_preset",
    "format": "output_format",
    "seconds": "duration",
}

# What another project type calls the same.
_SISTERS = {
    ("video", "starting_image"): "reference_image",
    ("image", "reference_image"): "starting_image",
    ("audio", "reference_video"): "reference_audio",
}

# A recording may well come in a container that names itself a video.
_FITTING = {"image": ("image",), "video": ("video",), "audio": ("audio", "video")}

# A misspelt name is worth a search for the right one; a hundred of them are not a mistake but noise.
_MOST_EXPLAINED = 20


@frozen(kw_only=True)
class JobPlan:
    """What a request amounts to.

    Attributes:
        project_id: The id it is ordered under.
        type: The project type.
        model_id: The model.
        number_of_media: How many outputs.
        message: The body of the `jobRequest` frame.
        uploads: Files to bring to the service first.
        params: The parameters that were given, those that the model fixes put right.
        output_format: What the results will be: `png`, `mp4`, ...
        warnings: What is odd about the request without being wrong.
    """

    project_id: str
    type: str
    model_id: str
    number_of_media: int
    # Never printed: prompts, file contents and signed URLs are in them.
    message: dict[str, object] = field(repr=False)
    uploads: tuple[Upload, ...] = field(repr=False)
    params: dict[str, object] = field(repr=False)
    output_format: str
    warnings: tuple[str, ...]

    def annotated(self, content_types: Sequence[str | None]) -> dict[str, object]:
        """The message with the content type of each upload written into it, in the order of `uploads`.

        Args:
            content_types: None for a file whose type is not known: it is left out.
        """
        frames = self.message["keyFrames"]
        assert isinstance(frames, list)
        frame: dict[str, object] = dict(frames[0])
        for upload, content_type in zip(self.uploads, content_types, strict=True):
            if content_type is not None:
                for key in upload.content_type_keys:
                    frame.setdefault(key, content_type)
        return {**self.message, "keyFrames": [frame]}

    def odd_files(self, content_types: Sequence[str | None]) -> tuple[str, ...]:
        """Warnings for uploads that do not look like what they are used for; the service decides, so they are sent."""
        found = []
        for upload, content_type in zip(self.uploads, content_types, strict=True):
            if content_type is None:
                found.append(f"{upload.parameter} has no content that is known as {upload.slot}; it was sent as it is.")
            elif content_type.partition("/")[0] not in _FITTING[upload.slot]:
                found.append(f"{upload.parameter} looks like {content_type}, not {upload.slot}; it was sent as it is.")
        return tuple(found)

    def large_files(self, sizes: Sequence[int | None]) -> tuple[str, ...]:
        """Warnings for uploads that are larger than what the service is known to take, in the order of `uploads`."""
        return tuple(
            f"{upload.parameter} has {size / 1e6:.1f} MB; the service takes {upload.largest / 1e6:g} MB at most."
            for upload, size in zip(self.uploads, sizes, strict=True)
            if size is not None and upload.largest is not None and size > upload.largest
        )


def check_required(params: Mapping[str, object]) -> None:
    """Refuses a request that lacks one of the four parameters that every request has.

    Raises:
        ValidationError: names every one that is missing.
    """
    problems = _missing(params)
    if problems:
        raise ValidationError(problems=problems)


class Ready(dict[str, object]):
    """Parameters that passed `early`, so that `build_job` need not check them again.

    Attributes:
        notes: What `early` changed, for the warnings of the plan.
    """

    __slots__ = ("notes",)

    def __init__(self, params: Mapping[str, object]) -> None:
        super().__init__(params)
        self.notes: list[str] = []


def early(params: Mapping[str, object]) -> dict[str, object]:
    """The parameters with what the model fixes put right; all that can be checked without the catalogue.

    Raises:
        ValidationError: a missing, misspelt or retired parameter, an unknown type, a number that is not finite.
    """
    problems = _missing(params)
    media = _one_of_ours(params, problems)
    model_id = params.get("model_id")
    if "model_id" in params and not isinstance(model_id, str):
        problems.append(_problem("model_id", "must be the id of a model", model_id))
    for name, value in params.items():
        if (media, name) in _RETIRED:
            problems.append(_problem(name, _RETIRED[media, name], None))
        elif has_infinite(value):
            problems.append(_problem(name, "must be finite", value))
        elif has_broken_text(value):
            problems.append(_problem(name, "must be text without half characters (surrogates)", None))
    known = table(media).names if media else frozenset()
    foreign = [name for name in params if name not in known and not _is_known(name)]
    problems.extend(map(_unknown, foreign[:_MOST_EXPLAINED]))
    if problems:
        if media and isinstance(model_id, str):
            problems += _further(params, problems, known)
        raise ValidationError(problems=problems)
    ready = Ready(params)
    rule = _rule(ready)
    for name, pin in rule.pins.items():
        value = ready.get(name)
        if value is not None and short(scalar(value)) != short(pin):
            ready.notes.append(f"{name} is always {pin!r} on this model.")
        ready[name] = pin
    for step in rule.prepare:
        step(ready, problems)
    if problems:
        raise ValidationError(problems=problems)
    return ready


def build_job(
    params: Mapping[str, object],
    *,
    project_id: str,
    options: ModelOptions,
    app_source: str | None = None,
    attribution: Mapping[str, object] | None = None,
) -> JobPlan:
    """The plan of a request.

    Args:
        params: The caller's parameters, or what `early` made of them.
        options: What the catalogue says about the model.
        app_source, attribution: What the client was set up with; the request's own win.
    Raises:
        ValidationError: everything that is wrong with the request, together.
    """
    given = params if isinstance(params, Ready) else early(params)
    rule = _rule(given)
    if options.type != rule.media:
        model = short(given["model_id"])
        raise ValidationError(
            problems=[_problem("model_id", f"{model} is for type={options.type!r}, not {rule.media!r}", None)]
        )
    draft = _drafted(given, rule, options, project_id)
    if draft.problems:
        raise ValidationError(problems=draft.problems)
    draft.key.update(rule.forced)
    wanted = draft.top.get("outputFormat")
    draft.top["outputFormat"] = output_format = rule.output_format or wanted or rule.default_format
    if app_source and not truthy(given.get("app_source")):
        draft.top["appSource"] = app_source
    if attribution or truthy(given.get("attribution")):
        from .attribution import resolve  # seldom needed, and its patterns take a while

        draft.top.update(resolve(attribution, given.get("attribution"), project_id))
    draft.top["keyFrames"] = [draft.key]
    _advise(draft, rule)
    return JobPlan(
        project_id=project_id,
        type=rule.media,
        model_id=_text(given["model_id"]),
        number_of_media=max(1, integer(draft.top["numberOfImages"], whole_float=True) or 1),
        message=draft.top,
        uploads=tuple(draft.uploads),
        params={name: value for name, value in given.items() if value is not None},
        output_format=str(output_format),
        warnings=(*(given.notes if isinstance(given, Ready) else ()), *draft.warnings),
    )


def _drafted(given: Mapping[str, object], rule: ModelRule, options: ModelOptions, project_id: str) -> Draft:
    draft = Draft(given, options, frames_of(rule, options))
    draft.top = envelope(project_id)
    draft.key = key_frame(_text(given["model_id"]))
    draft.key.update(rule.defaults)
    rule.rows.walk(draft)
    for check in rule.checks:
        check(draft)
    return draft


def _further(params: Mapping[str, object], problems: Sequence[Problem], known: frozenset[str]) -> list[Problem]:
    """What else is wrong with a request that cannot be built: its user shall hear of everything at once."""
    wrong = {problem.field for problem in problems}
    rest = {name: value for name, value in params.items() if name in known and name not in wrong}
    # The rows count on the four parameters that every request has; what is said about stand-ins is dropped below.
    given = {**dict.fromkeys(_REQUIRED, ""), "number_of_media": 1, **rest}
    found: list[Problem] = []
    rule = _rule(given)
    for step in rule.prepare:
        step(given, found)
    options = ModelOptions(model_id=_text(given["model_id"]), type=rule.media)
    found += _drafted(given, rule, options, project_id="").problems
    return [problem for problem in found if problem.field in rest]


def _rule(params: Mapping[str, object]) -> ModelRule:
    return rule_for(_text(params["type"]), _text(params["model_id"]))


def _text(value: object) -> str:
    """The text of a text; an enum of texts prints itself differently."""
    return str.__str__(value)


def _one_of_ours(params: Mapping[str, object], problems: list[Problem]) -> str:
    """The project type; empty after noting a problem, or when there is none."""
    media = params.get("type")
    if isinstance(media, str) and media in MEDIA:
        return _text(media)
    if "type" in params:
        problems.append(_problem("type", f"must be {', '.join(MEDIA)}", media, near(media, MEDIA)))
    return ""


def _problem(name: str, must: str, value: object, nearest: object = None) -> Problem:
    got = "" if value is None else f", not {short(value)}"
    hint = "" if nearest is None else f"; nearest: {short(nearest)}"
    return Problem(name, f"{name} {must}{got}{hint}.", value=value, allowed=must, nearest=nearest)


def _missing(params: Mapping[str, object]) -> list[Problem]:
    return [_problem(name, "is missing", None) for name in _REQUIRED if name not in params]


def _is_known(name: str) -> bool:
    return any(name in table(media).names for media in MEDIA)


def _unknown(name: str) -> Problem:
    """The problem of a misspelt parameter; the wire's own spelling is the most likely one."""
    names = sorted({name for media in MEDIA for name in table(media).names})
    by_wire = {camel(known).lower(): known for known in names}
    nearest = _OTHER_WORDS.get(name) or by_wire.get(name.lower()) or near(name, names)
    hint = f"; did you mean {nearest}?" if nearest else "."
    return Problem(name, f"{short(name)} is no parameter of any project{hint}", allowed="snake_case", nearest=nearest)


def _advise(draft: Draft, rule: ModelRule) -> None:
    """Notes what the service may not like: it is asked all the same."""
    own = rule.rows.place
    for name, value in draft.given.items():
        if value is None:
            continue
        if name not in own:
            sister = _SISTERS.get((rule.media, name))
            hint = f"; did you mean {sister}?" if sister else ""
            draft.warn(name, f"is no parameter of {rule.media} projects and was left out{hint}")
        else:
            span = getattr(draft.options, name, None)
            if isinstance(span, Range):
                _advise_range(draft, name, value, span)


def _advise_range(draft: Draft, name: str, value: object, span: Range) -> None:
    found = number(value)
    if found is not None and found != clamp(found, span.min, span.max):
        draft.warn(name, f"{found:g} is outside of what the service lists: {bounds(span.min, span.max)}")
