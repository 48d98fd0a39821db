"""What every verb does: choose a model, fill in what is missing, order, wait, and give the one result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sogni._deadline import Deadline
from sogni._io.meter import Meter
from sogni.errors import ProjectFailed
from sogni.events import Completed, Progress, Queued

from .project import Project, call_watcher
from .projects import Projects
from .result import Result

if TYPE_CHECKING:
    from sogni._rules.wishes import Wish
    from sogni.types.catalog import ModelOptions, SizePreset

    from .project import AnyEvent

log = logging.getLogger("sogni")


async def place(
    projects: Projects,
    verb: str,
    wish: Mapping[str, Any],
    keywords: Mapping[str, Any],
    on_event: Callable[[AnyEvent], object] | None,
    progress: bool | Callable[[int], object],
    deadline: Deadline,
    max_cost: object,
) -> Result:
    """Order what a verb was asked for, wait for it, and return the result."""
    from sogni._rules.wishes import wish as read

    asked = read(verb, **wish, keywords=keywords, max_cost=max_cost, progress=progress, on_event=on_event)
    asked.refuse_now()
    projects._engine.start_link()
    options, presets = await _chosen(projects, asked, deadline)
    order = asked.order(options, presets)
    if asked.limit is not None:
        from sogni._rules import quote

        order = quote.settled(order, options)
        network = projects._engine.session.network
        call = quote.quote(order, options, presets=presets, announced_network=network)
        cost = await projects._bridge.call(projects._engine.request, call, deadline)
        quote.check(cost, order["token_type"], asked.limit)
    project = await projects.create(timeout=deadline.remaining(), **order)
    return await _finished(project, verb, on_event, progress, deadline)


async def _chosen(projects: Projects, asked: Wish, deadline: Deadline) -> tuple[ModelOptions, tuple[SizePreset, ...]]:
    """The options of the model, and its named sizes if the size is one of them."""
    from sogni._rules.options import model_options
    from sogni._rules.verbs import choose

    engine = projects._engine
    models, tiers = await projects._bridge.call(engine.catalogue.both, deadline)
    model = asked.model
    if model is None:
        workers = engine.session.worker_counts
        model = choose(asked.verb, asked.way, asked.quality, models, tiers, asked=asked.given, workers=workers)
    options = model_options(model, models, tiers)
    if asked.preset is None and "size_preset" not in asked.given:
        return options, ()
    network = asked.given.get("network") or engine.settings.network
    return options, await projects._bridge.call(engine.catalogue.size_presets, str(network), model, deadline)


async def _finished(
    project: Project,
    verb: str,
    on_event: Callable[[AnyEvent], object] | None,
    progress: bool | Callable[[int], object],
    deadline: Deadline,
) -> Result:
    meter = Meter(verb) if progress is True else None
    reach = meter.reach if meter is not None else None if isinstance(progress, bool) else progress
    watch = _Watch(on_event, reach, None if meter is None else meter.waits)
    try:
        results = await project.wait(deadline.remaining(), on_event=watch)
    except BaseException as ending:
        # Whoever calls a verb has no handle: when a task is cancelled, this is the last chance to say the id.
        if not isinstance(ending, (Exception, KeyboardInterrupt)):
            log.warning("given up; project %s carries on, projects.resume(%r) picks it up", project.id, project.id)
        raise
    finally:
        if meter is not None:
            meter.close()
    if not results:
        raise next((job.error for job in project.jobs if job.error is not None), None) or ProjectFailed(
            "The project ended without a result.", project_id=project.id
        )
    results[0].check()
    return results[0]


class _Watch:
    """Tells those who watch, each on its own: what one of them raises keeps nothing from the others."""

    def __init__(
        self,
        on_event: Callable[[AnyEvent], object] | None,
        reach: Callable[[int], object] | None,
        waits: Callable[[int | None], object] | None,
    ) -> None:
        self._on_event = on_event
        self._reach = reach
        self._waits = waits
        self._last = -1

    def __call__(self, event: AnyEvent) -> None:
        if self._on_event is not None:
            call_watcher(self._on_event, event, "on_event")
        if self._waits is not None and isinstance(event, Queued):
            self._waits(event.position)
        percent = event.total if isinstance(event, Progress) else 100 if isinstance(event, Completed) else None
        if self._reach is not None and percent is not None and percent != self._last:
            self._last = percent
            call_watcher(self._reach, percent, "progress")
