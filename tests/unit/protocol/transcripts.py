"""Frames as short calls, and a session fed with them: what the tests of the live state are written in."""

from __future__ import annotations

from typing import Any

from sogni._protocol.entries import JobEntry, ProjectEntry, Touch
from sogni._protocol.outcome import Outcome
from sogni._protocol.session import Session

PROJECT = "0F8FAD5B-D9CB-469F-A165-70867728950E"


class Client:
    """A session with one project, a clock that stands still until told, and the events so far."""

    def __init__(self, number_of_media: int = 1, **params: object) -> None:
        self.now = 100.0
        self.session = Session()
        self.session.link_open(self.now)
        self.session.receive("authenticated", {"clientType": "artist"}, self.now)
        self.entry = ProjectEntry(PROJECT, number_of_media=number_of_media, params=params, now=self.now)
        self.session.submit(self.entry, "the request", self.now)
        self.events: list[Any] = []
        self.outcome = Outcome()

    def frame(self, kind: str, **payload: object) -> Outcome:
        """One frame, the way the engine delivers it: progress through the hot path first."""
        body: dict[str, Any] = {"jobID": PROJECT, **payload}
        if kind in ("jobProgress", "jobETA"):
            job = self.session.progress(kind, body, self.now)
            if job is not None:
                self.events.append(job.progress_touch)
                return Outcome()
        return self.take(self.session.receive(kind, body, self.now))

    def state(self, type: str, **payload: object) -> Outcome:
        """A `jobState` frame."""
        return self.frame("jobState", type=type, **payload)

    def tick(self, seconds: float) -> Outcome:
        """Let time pass."""
        self.now += seconds
        return self.take(self.session.tick(self.now))

    def take(self, outcome: Outcome) -> Outcome:
        """Remember what an outcome told."""
        self.events += [event for _, _, event in outcome.events]
        self.outcome = outcome
        return outcome

    @property
    def kinds(self) -> list[str]:
        """Names of the lifecycle events so far."""
        return [type(event).__name__ for event in self.events if not isinstance(event, Touch)]

    @property
    def job(self) -> JobEntry:
        """The only job."""
        (job,) = self.entry.jobs
        return job
