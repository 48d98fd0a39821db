"""The page about the models, `docs/models.md`: what each family takes, from the tables of the rules and the catalogue.

python -m codegen.models            write it
python -m codegen.models --check    fail if it is not what would be written
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from sogni._protocol.wire import structure_list
from sogni._rules.about import About, code
from sogni._rules.options import model_options
from sogni._rules.rule import MEDIA, ModelRule, Rows, rule_for, table as rules
from sogni.errors import ApiError
from sogni.types.catalog import Model, ModelOptions, Range
from sogni.types.params import AudioParams, ImageParams, VideoParams

from .pages import ROOT, attributes, merged, table, write_or_check

COMMAND = "python -m codegen.models"
PAGE = ROOT / "docs" / "models.md"
CATALOGUE = ROOT / "sogni" / "sandbox" / "data" / "catalog.json"

PARAMS: dict[str, type] = {"image": ImageParams, "video": VideoParams, "audio": AudioParams}
HEADINGS = {"image": "Pictures and 3D objects", "video": "Videos", "audio": "Music and speech"}
# What the catalogue tells in numbers about single models of one family.
LISTED = ("steps", "guidance", "duration", "width", "height")
# An id that no table and no catalogue knows.
UNHEARD_OF = "unheard-of"

INTRO = f"""\
<!-- Made by `{COMMAND}` from the tables in `sogni/_rules`; do not edit this page. -->

# Models

What every family of models takes. `create` checks a request against exactly these tables before anything is sent, and
lists everything that is wrong in one `ValidationError`. The tables hold what is refused or filled in; ranges that the
live catalogue names (`client.projects.get_model_options(model_id)`) only warn, because the service has the last word.
The numbers beside the model ids were in the catalogue when this page was made: a range, and the default in brackets.

Each type begins with what its models have in common; a family's section lists what is different, and all files that it
takes. Where "Allowed" is empty, the value is passed on and the service decides. A model that is new in the catalogue,
with no section of its own, may be ordered all the same: see the last section of its type.
"""


class Told:
    """One family, or the models of one that are alike, as the page tells it."""

    def __init__(self, rule: ModelRule, models: list[str]) -> None:
        self.rule = rule
        self.models = models

    @cached_property
    def rows(self) -> dict[str, About]:
        """What is said about each parameter that a user may name."""
        known = {attribute.name for attribute in attrs.fields(PARAMS[self.rule.media])}
        told = {about.name: about for row in self.rule.rows.fields for about in row.about}
        never = {name for check in self.rule.checks for name in check.never}
        for name in never:
            told[name] = told[name].but(use="refused")
        return {name: told[name] for name in PARAMS_ORDER[self.rule.media] if name in known and name in told}

    @cached_property
    def defaults(self) -> dict[str, object]:
        """What is sent for parameters that are not given."""
        wires = {row.wire: row.name for row in self.rule.rows.fields}
        return {wires[wire]: value for wire, value in self.rule.defaults.items() if wire in wires and value != ""}

    @property
    def taken(self) -> set[str]:
        """The parameters that are not refused."""
        return {name for name, about in self.rows.items() if about.use != "refused"}

    @property
    def alike(self) -> str:
        """The same for families that are told together: everything but the values that each of them fixes."""
        rows = [about.but(fixed=None, allowed="") if about.fixed is not None else about for about in self.rows.values()]
        rule = self.rule
        return repr((rule.family, rule.workflow, rows, rule.defaults, rule.forced, rule.pins, rule.checks))


def _order(media: str) -> list[str]:
    return [attribute.name for attribute in attrs.fields(PARAMS[media])]


PARAMS_ORDER = {media: _order(media) for media in MEDIA}


class Catalogue:
    """The recorded catalogue."""

    def __init__(self, path: Path = CATALOGUE) -> None:
        stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
        self.models: Sequence[Model] = structure_list(stored["models"], Model)
        self.tiers: Mapping[str, object] = stored["tiers"]

    def ids(self, media: str) -> list[str]:
        """The models of a project type."""
        return [model.id for model in self.models if (options := self.options(model.id)) and options.type == media]

    def options(self, model_id: str) -> ModelOptions | None:
        """What is listed for a model; None when nothing is."""
        try:
            return model_options(model_id, self.models, self.tiers)
        except ApiError:
            return None


def page(catalogue: Catalogue | None = None) -> str:
    """The whole page."""
    found = catalogue or Catalogue()
    parts = [INTRO]
    for media in MEDIA:
        parts += _of_media(media, found)
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _of_media(media: str, catalogue: Catalogue) -> Iterator[str]:
    general = rules(media).base
    rule = rule_for(media, UNHEARD_OF).but(rows=Rows(general.fields), defaults=general.defaults)
    base = Told(rule, [])
    yield f"## {HEADINGS[media]}"
    yield from _every(base)
    told = _families(media, catalogue)
    titles = _titles(told)
    for title, family in zip(titles, told, strict=True):
        yield f"### {title[0].upper()}{title[1:]}"
        yield from _family(family, base, catalogue)


def _every(base: Told) -> Iterator[str]:
    """What all models of a type have in common."""
    media = base.rule.media
    words = attributes(PARAMS[media])
    yield f"Results are `{base.rule.default_format}` unless said otherwise. What the models have in common:"
    yield table(
        ("Parameter", "What it is", "Allowed", "Unit"),
        merged(
            (f"`{name}`", words[name], *_allowed(about)) for name, about in base.rows.items() if about.use != "refused"
        ),
    )
    only = [(f"`{name}`", words[name]) for name, about in base.rows.items() if about.use == "refused"]
    if only:
        yield "And what only some take, see their sections:"
        yield table(("Parameter", "What it is"), merged(only))


def _families(media: str, catalogue: Catalogue) -> list[Told]:
    """The families in the order of their table, those together that differ in fixed values only."""
    listed = catalogue.ids(media)
    groups: dict[str, Told] = {}
    for family in rules(media).families:
        named = [model_id for model_id in listed if rules(media).family(model_id) is family]
        ids = [*named, *sorted(family.match.ids - set(named))]
        example = [*ids, *family.match.prefixes, *family.match.parts, UNHEARD_OF][0]
        told = Told(rule_for(media, example), ids)
        if groups.setdefault(told.alike, told) is not told:
            groups[told.alike].models += ids
    return list(groups.values())


def _titles(told: Sequence[Told]) -> list[str]:
    """A heading for each: the family, its workflow where families share a name, and what still tells them apart."""
    names = [family.rule.family for family in told]
    titles = [
        name if names.count(name) == 1 or family.rule.workflow is None else f"{name} {family.rule.workflow}"
        for name, family in zip(names, told, strict=True)
    ]
    return [_told_apart(title, n, titles, told) for n, title in enumerate(titles)]


def _told_apart(title: str, place: int, titles: Sequence[str], told: Sequence[Told]) -> str:
    others = [family for n, family in enumerate(told) if titles[n] == title and n != place]
    if not others:
        return title
    mine = told[place].taken
    more = sorted(mine.difference(*(other.taken for other in others)))
    less = sorted(set().union(*(other.taken for other in others)) - mine)
    if more or less:
        return f"{title} {'with' if more else 'without'} {code(more or less, ' and ')}"
    rows = told[place].rows
    other = [f"`{name}` {rows[name].allowed}" for name in rows if any(rows[name] != them.rows[name] for them in others)]
    return f"{title} with {', '.join(other)}"


def _family(family: Told, base: Told, catalogue: Catalogue) -> Iterator[str]:
    rule = family.rule
    yield _models(family, catalogue)
    yield " ".join(_facts(family))
    yield from _files(family, base)
    own = {name: about for name, about in family.rows.items() if _is_own(family, base, name)}
    values = [
        (_needed(about), *_allowed(about), code([family.defaults[name]]) if name in family.defaults else "")
        for name, about in own.items()
        if about.use == "value" and about.fixed is None
    ]
    if values:
        yield table(("Parameter", "Allowed", "Unit", "Default"), merged(values))
    for use, words in (("unused", "Accepted, but without effect"), ("refused", "Not taken")):
        names = [name for name, about in own.items() if about.use == use]
        if names:
            yield f"{words}: {code(names)}."
    if rule.checks:
        yield "Between parameters:"
        yield "\n".join(f"- {check.about}" for check in rule.checks)


def _is_own(family: Told, base: Told, name: str) -> bool:
    mine, general = family.rows[name], base.rows[name]
    if mine.use == general.use == "refused":
        return False
    return mine != general or family.defaults.get(name) != base.defaults.get(name)


def _needed(about: About) -> str:
    return f"`{about.name}` (required)" if about.required else f"`{about.name}`"


def _allowed(about: About) -> tuple[str, str]:
    return "no effect" if about.use == "unused" else about.allowed, about.unit


def _models(family: Told, catalogue: Catalogue) -> str:
    fixed = [name for name, about in family.rows.items() if about.fixed is not None]
    rows = [_model(model_id, family.rule.media, fixed, catalogue) for model_id in family.models]
    if not rows:
        return "No model of this family is in the catalogue now."
    listed = (name for name in LISTED if name not in fixed)
    return table(("Model", *(f"`{name}`" for name in (*fixed, *listed, "reference_audio"))), rows)


def _model(model_id: str, media: str, fixed: Iterable[str], catalogue: Catalogue) -> list[str]:
    options = catalogue.options(model_id)
    rows = {about.name: about for row in rule_for(media, model_id).rows.fields for about in row.about}
    numbers = [_span(getattr(options, name, None)) for name in LISTED if name not in fixed]
    return [f"`{model_id}`", *(str(rows[name].fixed) for name in fixed), *numbers, _voice(options)]


def _voice(options: ModelOptions | None) -> str:
    """Whether a model listens to a recording, where only the catalogue knows."""
    if options is None or options.type != "audio":
        return ""
    if options.requires_reference_audio:
        return "required"
    return "optional" if options.accepts_reference_audio else "not used"


def _span(span: object) -> str:
    if not isinstance(span, Range) or span.min is None or span.max is None:
        return ""
    extent = f"{span.min:g}" if span.min == span.max else f"{span.min:g} to {span.max:g}"
    return extent if span.default is None or span.min == span.max else f"{extent} ({span.default})"


def _facts(family: Told) -> Iterator[str]:
    rule = family.rule
    made = rule.output_format or rule.default_format
    only = rule.output_format or "output_format" in rule.pins or family.rows["output_format"].allowed == code([made])
    yield f"Makes `{made}` only." if only else f"Makes `{made}`, unless `output_format` says otherwise."
    if rule.frames is not None:
        yield rule.frames.about
    if rule.pins:
        yield f"{_settings(rule.pins)}, whatever is asked for."
    if rule.forced:
        yield f"The request always says {_settings(rule.forced)}."


def _settings(values: Mapping[str, object]) -> str:
    return code(f"{name}={value!r}" for name, value in values.items())


def _files(family: Told, base: Told) -> Iterator[str]:
    """Which files the family takes."""
    words = attributes(PARAMS[family.rule.media])
    optional = "see above" if family.rule.media == "audio" else "optional"
    rows = [
        (f"`{name}`", "required" if about.required else optional, about.allowed, words[name])
        for name, about in family.rows.items()
        if about.use == "file"
    ]
    if rows:
        yield table(("File", "Use", "Allowed", "What it is"), merged(rows))


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or check it."""
    return write_or_check(PAGE, page(), COMMAND, arguments)


if __name__ == "__main__":
    sys.exit(main())
