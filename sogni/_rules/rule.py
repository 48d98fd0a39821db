"""What a model accepts, as one value: how rules are put together from layers and found by model id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypeVar

from .row import Row

if TYPE_CHECKING:
    from ..errors import Problem
    from .checks import Check
    from .draft import Draft
    from .fields import Field
    from .frames import FrameRule

Prepare: TypeAlias = "Callable[[dict[str, object], list[Problem]], None]"

T = TypeVar("T")
NOTHING: Mapping[str, object] = {}
MEDIA = ("image", "video", "audio")


class Rows:
    """Fields in the order of their table, found by parameter."""

    __slots__ = ("always", "fields", "place")

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self.place = {name: place for place, row in enumerate(fields) for name in row.names}
        self.always = frozenset(place for place, row in enumerate(fields) if row.always)

    def walk(self, draft: Draft) -> None:
        """Lets every field write that was given, or has to write always."""
        find = self.place.get
        touched = {place for place in map(find, draft.given) if place is not None}
        for place in sorted(touched | self.always):
            self.fields[place].write(draft)


class Layer(Row):
    """A part of a rule. A field replaces the ones of earlier layers that stand for the same parameter.

    Attributes:
        fields: One row per parameter.
        checks: What has to hold between parameters; they run after all fields.
        defaults: Fields of the key frame that are sent unless a row writes them.
        forced: Fields of the key frame that are sent whatever was asked for.
        without: Fields of the key frame that this model never gets, defaults of earlier layers among them.
        pins: Parameters whose value is fixed; the project remembers them so, too.
        prepare: What is done to the parameters before anything else.
        output_format: The only format that the model delivers.
        edits: The parameter for the pictures that are to be edited.
        workflow: What a video model makes a video from, such as `i2v`.
        assets: Which files such a model takes, by parameter: `required`, `optional` or `forbidden`.
        frames: How seconds become frames.
    """

    fields: tuple[Field, ...] = ()
    checks: tuple[Check, ...] = ()
    defaults: Mapping[str, object] = NOTHING
    forced: Mapping[str, object] = NOTHING
    pins: Mapping[str, object] = NOTHING
    without: tuple[str, ...] = ()
    prepare: tuple[Prepare, ...] = ()
    output_format: str | None = None
    edits: str | None = None
    workflow: str | None = None
    assets: Mapping[str, str] | None = None
    frames: FrameRule | None = None


class Match(Row):
    """Which model ids a row is for: exact ids, or patterns for those that follow a naming scheme."""

    ids: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    everything: bool = False

    def __call__(self, model_id: str) -> bool:
        return (
            self.everything
            or model_id in self.ids
            or model_id.startswith(self.prefixes)
            or any(part in model_id for part in self.parts)
        )


def ids(*names: str) -> Match:
    """Exactly these ids, upper and lower case told apart."""
    return Match(ids=frozenset(names))


def starts_with(*prefixes: str) -> Match:
    """Every id that begins with one of these."""
    return Match(prefixes=prefixes)


def contains(*parts: str) -> Match:
    """Every id that has one of these in it."""
    return Match(parts=parts)


EVERYTHING = Match(everything=True)


class Family:
    """One row of a table: a name, the model ids, and the layers that make up their rule."""

    __slots__ = ("layers", "match", "name")

    def __init__(self, name: str, match: Match, *layers: Layer) -> None:
        self.name = name
        self.match = match
        self.layers = layers

    def __repr__(self) -> str:
        return f"Family({self.name!r}, {self.match!r})"


class Table(Row):
    """All models of one project type.

    Attributes:
        base: What every request of the type starts from; it has a row for each of its parameters.
        families: The first one that matches an id is its family; the last one matches everything.
        patterns: Layers for naming schemes; all that match are added.
        output_format: What is delivered unless something else is asked for.
        names: Every parameter of the project type.
    """

    names: ClassVar[frozenset[str]]
    base: Layer
    families: tuple[Family, ...]
    patterns: tuple[tuple[Match, Layer], ...] = ()
    output_format: str

    def settle(self) -> None:
        self.__dict__["names"] = frozenset(name for row in self.base.fields for name in row.names)

    def family(self, model_id: str) -> Family:
        """The row of a model."""
        return next(row for row in self.families if row.match(model_id))


class ModelRule(Row):
    """All that a model accepts, put together.

    Attributes:
        family: The row it comes from.
        media: The project type.
        known: False when no row names the model: what it accepts is then up to the catalogue.
        rows, checks, prepare, defaults, forced, pins, output_format, edits, workflow, assets, frames: See `Layer`.
        default_format: What is delivered unless something else is asked for.
    """

    family: str
    media: str
    known: bool
    rows: Rows
    checks: tuple[Check, ...]
    prepare: tuple[Prepare, ...]
    defaults: Mapping[str, object]
    forced: Mapping[str, object]
    pins: Mapping[str, object]
    output_format: str | None
    default_format: str
    edits: str | None
    workflow: str | None
    assets: Mapping[str, str] | None
    frames: FrameRule | None


def table(media: str) -> Table:
    """The table of a project type; loaded when first used, because most programs make one kind of media."""
    found: Table = import_module(f"{__package__}.{media}").TABLE
    return found


@lru_cache(maxsize=512)
def rule_for(media: str, model_id: str) -> ModelRule:
    """The rule of a model."""
    models = table(media)
    family = models.family(model_id)
    layers = [models.base, *(layer for match, layer in models.patterns if match(model_id)), *family.layers]
    rows = list(layers[0].fields)
    for layer in layers[1:]:
        for row in layer.fields:
            # A row for several parameters takes the place of the rows of all of them, and stands where the first stood.
            others = [old for old in rows if not set(old.names) & set(row.names)]
            place = next(
                (n for n, (old, kept) in enumerate(zip(rows, others, strict=False)) if old is not kept), len(others)
            )
            rows = [*others[:place], row, *others[place:]]
    left_out = {name for layer in layers for name in layer.without}
    return ModelRule(
        family=family.name,
        media=media,
        known=not family.match.everything,
        rows=Rows(tuple(rows)),
        checks=tuple(check for layer in layers for check in layer.checks),
        prepare=tuple(step for layer in layers for step in layer.prepare),
        defaults={name: value for name, value in _all(layer.defaults for layer in layers) if name not in left_out},
        forced=dict(_all(layer.forced for layer in layers)),
        pins=dict(_all(layer.pins for layer in layers)),
        default_format=models.output_format,
        output_format=_last(layer.output_format for layer in layers),
        edits=_last(layer.edits for layer in layers),
        workflow=_last(layer.workflow for layer in layers),
        assets=_last(layer.assets for layer in layers),
        frames=_last(layer.frames for layer in layers),
    )


def _all(parts: Iterable[Mapping[str, object]]) -> Iterator[tuple[str, object]]:
    return (item for part in parts for item in part.items())


def _last(values: Iterable[T | None]) -> T | None:
    """The value of the last layer that has one."""
    found = None
    for value in values:
        found = found if value is None else value
    return found
