"""The catalogue of the network, kept for a while: one flight for all callers, models and tiers at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from .._deadline import Deadline
from .._protocol import rest
from .cache import Flights

if TYPE_CHECKING:
    from ..types.catalog import Model, ModelOptions, SizePreset
    from ..types.library import LoraCatalog

KEPT = 86_400.0  # seconds that models and tiers are kept
PRESETS_KEPT = 600.0
LORAS_KEPT = 300.0


class Catalogue:
    """What models there are and what they take.

    Args:
        request: Asks the service, in the thread of the caller.
        aside: Runs something on another thread.
    """

    def __init__(self, request: Callable[..., Any], aside: Callable[[object, Callable[[], object]], None]) -> None:
        self._request = request
        self._aside = aside
        self._flights = Flights()
        self._options: dict[str, ModelOptions] = {}
        self._options_of = (0, 0)
        self._catalogues: tuple[object, object] | None = None

    def models(self, deadline: Deadline | None = None, *, force: bool = False) -> tuple[Model, ...]:
        """All models."""
        fetch = partial(self._request, rest.supported_models(), deadline)
        return self._flights.get("models", KEPT, fetch, force=force, deadline=deadline)

    def known_models(self) -> tuple[Model, ...] | None:
        """All models if they are here already; asks nobody."""
        return self._flights.peek("models")  # type: ignore[return-value]

    def tiers(self, deadline: Deadline | None = None) -> Mapping[str, Any]:
        """What the models take, by tier."""
        fetch = partial(self._request, rest.tiers(), deadline)
        return self._flights.get("tiers", KEPT, fetch, deadline=deadline)

    def both(self, deadline: Deadline | None = None) -> tuple[tuple[Model, ...], Mapping[str, Any]]:
        """Models and tiers, asked for at the same time."""
        if self._flights.peek("tiers") is None:
            self._aside("tiers", self.tiers)
        return self.models(deadline), self.tiers(deadline)

    def options(self, model_id: str, deadline: Deadline | None = None) -> ModelOptions:
        """What one model takes; worked out once for each catalogue.

        Raises:
            ModelNotFound: the catalogue does not list it.
        """
        from .._rules.options import model_options

        models, tiers = self.both(deadline)
        if self._options_of != (id(models), id(tiers)):
            self._options, self._options_of = {}, (id(models), id(tiers))
            self._catalogues = (models, tiers)  # kept, so that their ids stay theirs
        options, name = self._options, str(model_id)
        if name not in options:
            options[name] = model_options(name, models, tiers)
        return options[name]

    def size_presets(
        self, network: str, model_id: str, deadline: Deadline | None = None, *, force: bool = False
    ) -> tuple[SizePreset, ...]:
        """The named sizes of a model."""
        fetch = partial(self._request, rest.size_presets(network, model_id), deadline)
        return self._flights.get(("presets", network, model_id), PRESETS_KEPT, fetch, force=force, deadline=deadline)

    def loras(
        self, model_id: str | None = None, deadline: Deadline | None = None, *, force: bool = False
    ) -> LoraCatalog:
        """The public LoRAs, of one model or of all."""
        fetch = partial(self._request, rest.loras(model_id), deadline)
        key = ("loras", model_id or "")
        found: LoraCatalog = self._flights.get(key, LORAS_KEPT, fetch, force=force, deadline=deadline)
        return found

    def known_loras(self, model_id: str) -> LoraCatalog | None:
        """The public LoRAs if they are here already: all, or those of a model; asks nobody."""
        known = self._flights.peek(("loras", "")) or self._flights.peek(("loras", model_id))
        return cast("LoraCatalog | None", known)

    def reset_after_fork(self) -> None:
        """In a forked child: flights of the parent will not land here."""
        self._flights.reset_after_fork()
