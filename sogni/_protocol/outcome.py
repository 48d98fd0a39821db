"""What a call of the session led to: events for inboxes, effects for the engine."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Union

from attrs import define, field, frozen

from ..events import Canceled, Completed, Failed, Finished, JobFailed
from ..types.project import CancelOutcome
from .entries import ProjectEntry, Sinks

# --- effects: what the engine must do -------------------------------------------------------------------------------


@frozen
class Resubmit:
    """Send the very same request again."""

    entry: ProjectEntry
    text: str


@frozen
class FetchSnapshot:
    """Ask what the service holds for this app id."""

    reason: str


@frozen
class FetchRecord:
    """Ask for the stored record of a project."""

    project_id: str


@frozen
class ResolveMissing:
    """Find out what became of projects that the snapshot does not list."""

    project_ids: tuple[str, ...]


@frozen
class CheckAlive:
    """Find out whether a project that has been silent for long still exists."""

    project_id: str


@frozen
class FetchSubscription:
    """Ask for the state of the subscription, which the service did not tell by itself."""


@frozen
class CheckRuntime:
    """Find out what the service says of a project with a render that takes far too long."""

    project_id: str


@frozen
class SendCancel:
    """Ask the service to cancel a project: for a verdict of our own, or again, on another connection."""

    project_id: str


@frozen
class NoteEnd:
    """Remember that the end of a project was seen."""

    project_id: str


Effect = Union[
    CheckAlive,
    CheckRuntime,
    FetchRecord,
    FetchSnapshot,
    FetchSubscription,
    NoteEnd,
    ResolveMissing,
    Resubmit,
    SendCancel,
]

# Events of one project that are all kept for whoever has not read them yet; 512 outputs on their way have about 3000.
MOST_TOLD = 8192


# --- the rest -------------------------------------------------------------------------------------------------------


class Once:
    """A key that equals nothing else."""

    __slots__ = ()


class Cancel:
    """One request to cancel a project, shared by everybody who asks for it meanwhile.

    Attributes:
        generation: The link it was written to last.
        repeated: It was written again, so that a refusal may only mean that the first one worked.
        refused: It was, and the service is being asked what became of the project.
    """

    __slots__ = ("generation", "project_id", "refused", "repeated", "sinks")

    def __init__(self, project_id: str, generation: int) -> None:
        self.project_id = project_id
        self.generation = generation
        self.repeated = self.refused = False
        self.sinks = Sinks()


@define
class Outcome:
    """What one call of the session led to.

    Attributes:
        events: (entry, key, event): the key replaces an unread item of the same key in an inbox.
        effects: What the engine must do.
        cancels: Cancel requests that ended, with their outcome.
        news: (kind, value) for those who subscribed to more than projects: `available_models`, `account`, ...
    """

    events: list[tuple[ProjectEntry, Hashable, object]] = field(factory=list)
    effects: list[Effect] = field(factory=list)
    cancels: list[tuple[Cancel, CancelOutcome]] = field(factory=list)
    news: list[tuple[str, object]] = field(factory=list)
    became_ready: bool = False

    def emit(self, entry: ProjectEntry, key: Hashable, event: object, replaces: bool) -> None:
        """Tell an event, and remember it for those who look later."""
        entry.history.pop(key, None)
        entry.history[key] = event
        # Without replacement the event itself is the key, so that nothing unread is ever lost. Only a server that
        # goes on and on has the middle of its story shortened; the ends are told once each and always kept.
        entry.told += 1
        if entry.told > MOST_TOLD and not isinstance(event, (Finished, JobFailed, Completed, Failed, Canceled)):
            replaces = True
        self.events.append((entry, (entry.id, key) if replaces else Once(), event))
