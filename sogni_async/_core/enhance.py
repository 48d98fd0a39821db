"""Ordering a better version of a finished picture."""

from __future__ import annotations

from collections.abc import Mapping

from sogni._deadline import Deadline
from sogni._rules import enhance
from sogni.types.catalog import SizePreset

from .project import Project
from .projects import Projects
from .result import Result


async def enhanced(
    result: Result, strength: str, overrides: Mapping[str, str | None], timeout: float | None
) -> Project:
    """The project that enhances a result; everything that can be wrong is found before it is ordered."""
    engine, bridge, parent = result._engine, result._bridge, result._job.project
    deadline = Deadline(timeout)
    enhance.check(result.job, result.kind, parent.type, parent.params)
    presets: tuple[SizePreset, ...] = ()
    if enhance.parents_preset(parent.params) is not None:
        network = parent.network or engine.session.network or engine.settings.network
        model_id = str(parent.params.get("model_id"))
        presets = await bridge.call(engine.catalogue.size_presets, network, model_id, deadline)
    params = enhance.order(strength, result.job, parent.params, presets=presets, **overrides)
    project = await Projects(engine, bridge).create(starting_image=result, timeout=deadline.remaining(), **params)
    project.warnings = (*enhance.odd_strength(strength), *project.warnings)
    return project
