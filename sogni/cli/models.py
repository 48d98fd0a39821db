"""`sogni models`: what the network can render."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from .context import Context

if TYPE_CHECKING:
    from sogni import SogniClient


def models(
    *,
    kind: Literal["image", "video", "audio", "model"] | None = None,
    online: Annotated[bool, Parameter(negative="")] = False,
    network: Literal["fast", "relaxed"] = "fast",
    context: Annotated[Context, Parameter(parse=False)],
) -> None:
    """List the models.

    Args:
        kind: Only those that make this; `model` stands for 3D models.
        online: Only those that have workers right now, and how many.
        network: Whose workers to count.
    """
    with context.client() as client:
        rows = _online(client, network) if online else _all(client)
    chosen = [row for row in rows if kind in (None, row["kind"])]
    context.show.rows("model", sorted(chosen, key=lambda row: (str(row["kind"]), str(row["id"]).lower())))
    if not chosen:
        context.show.note("No such models.")


def _all(client: SogniClient) -> list[dict[str, object]]:
    projects = client.projects
    return [
        {"id": model.id, "kind": _kind(client, model.id, model.media), "name": model.name}
        for model in projects.get_supported_models()
    ]


def _online(client: SogniClient, network: str) -> list[dict[str, object]]:
    return [
        {"id": model.id, "kind": model.media, "workers": model.worker_count, "name": model.name}
        for model in client.projects.get_available_models(network)
    ]


def _kind(client: SogniClient, model_id: str, said: str | None) -> str:
    """What a model makes; the catalogue may leave it open."""
    projects = client.projects
    if projects.is_model_artifact_model_id(model_id):
        return "model"
    if said is not None:
        return said
    if projects.is_video_model_id(model_id):
        return "video"
    return "audio" if projects.is_audio_model_id(model_id) else "image"
