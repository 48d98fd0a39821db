"""Whatever happens to the frames of a project, its end is the one that the network has in its books.

A network with a known truth renders a project: its outputs move between workers, fail or succeed. Of its frames any
part is lost, any part comes twice, in any order, and the link goes down in between. Then, as in life, the record is
looked up. The invariants:

1. Afterwards the project is settled, with the status of the books.
2. Exactly the outputs that the books call complete are handed out, each once, with the seed of the books.
3. A record that comes a second time changes nothing and tells nothing.
4. An order that no frame confirmed is sent again only when record, status and live list know nothing of it, at most
   once, and never after the link brought any word of it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings, strategies as st

from sogni._protocol.messages import ProjectRecord, read_record
from sogni._protocol.outcome import Outcome, Resubmit
from sogni._protocol.recovery import Verdict
from sogni.events import Canceled, Completed, Failed, Finished
from sogni.types.project import JobStatus, ProjectStatus

from .transcripts import PROJECT, Client

Frame = tuple[str, dict[str, Any]]


class Truth:
    """One project as the network knows it.

    Args:
        outputs: For each output: how many workers leave it, whether they say so, and whether it comes to a good end.
    """

    def __init__(self, outputs: list[tuple[int, bool, bool]]) -> None:
        self.outputs = outputs
        self.good = [index for index, (_, _, good) in enumerate(outputs) if good]
        self.status = ProjectStatus.COMPLETED if self.good else ProjectStatus.FAILED

    def frames(self) -> list[Frame]:
        """All that is told, in order."""
        told: list[Frame] = [("jobState", {"type": "queued", "queuePosition": 0})]
        for index, (moves, announced, good) in enumerate(self.outputs):
            for attempt in range(moves + 1):
                about = {"imgID": self.render(index, attempt), "jobIndex": index}
                told.append(("jobState", {"type": "initiatingModel", "workerName": "w", **about}))
                told.append(("jobState", {"type": "jobStarted", "workerName": "w", **about}))
                told.append(("jobProgress", {"step": 2, "stepCount": 4, **about}))
                if attempt < moves and announced:
                    told.append(("jobRetry", {"attempt": attempt + 1, "maxAttempts": 9, **about}))
            about = {"imgID": self.render(index, moves), "jobIndex": index}
            told.append(("jobResult", {"lastSeed": index, **about}) if good else ("jobError", {"error": "x", **about}))
        return [*told, ("jobState", {"type": "jobCompleted"})] if self.good else told

    def record(self) -> ProjectRecord:
        """The books."""
        done = [
            {
                "imgID": self.render(index, moves),
                "jobIndex": index,
                "status": "jobCompleted" if good else "jobError",
                "seedUsed": index,
            }
            for index, (moves, _, good) in enumerate(self.outputs)
        ]
        status = "completed" if self.good else "errored"
        return read_record({"id": PROJECT, "status": status, "completedWorkerJobs": done})

    @staticmethod
    def render(index: int, attempt: int) -> str:
        return f"R{index}-{attempt}"


OUTPUTS = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans()), min_size=1, max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Truth, list[Frame | str]]:
    truth = Truth(draw(OUTPUTS))
    frames = truth.frames()
    numbers = draw(st.lists(st.integers(0, len(frames) - 1), max_size=2 * len(frames)))
    if draw(st.booleans()):
        numbers.sort()
    history: list[Frame | str] = [frames[number] for number in numbers]
    for _ in range(draw(st.integers(0, 3))):
        history.insert(draw(st.integers(0, len(history))), draw(st.sampled_from(["drop", "second"])))
    return truth, history


def play(client: Client, history: list[Frame | str]) -> None:
    for action in history:
        if action == "drop":
            client.take(client.session.link_down(client.now))
            client.session.link_open(client.now)
            client.take(client.session.receive("authenticated", {}, client.now))
        elif isinstance(action, str):
            client.tick(1.0)
        else:
            kind, payload = action
            client.frame(kind, **payload)


@settings(max_examples=600, deadline=None)
@given(histories())
def test_the_end_is_that_of_the_books(story: tuple[Truth, list[Frame | str]]) -> None:
    truth, history = story
    client = Client(len(truth.outputs))
    play(client, history)
    for _ in range(2):
        told = len(client.events)
        client.take(client.session.apply_record(PROJECT, truth.record(), client.now))
    assert len(client.events) == told
    entry = client.entry
    assert entry.settled
    assert entry.status is truth.status
    handed_out = [job for job in entry.ordered_jobs() if job.state.status is JobStatus.COMPLETED]
    assert [job.state.index for job in handed_out] == truth.good
    assert [job.state.seed for job in handed_out] == truth.good
    finished = [event.index for event in client.events if isinstance(event, Finished)]
    assert sorted(finished, key=str) == sorted(truth.good, key=str)
    ends = [type(event) for event in client.events if isinstance(event, (Completed, Failed, Canceled))]
    assert ends == [Completed if truth.good else Failed]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["drop", "down", "lost", "unknown", "active", "word", "second", "minute"]), max_size=14),
)
def test_an_order_is_sent_again_at_most_once_and_only_when_nobody_has_it(history: list[str]) -> None:
    client = Client()
    sent = 0
    confirmed = False
    for action in history:
        outcome = Outcome()
        if action == "down":
            outcome = client.take(client.session.link_down(client.now))
        elif action == "drop":
            client.take(client.session.link_down(client.now))
            client.session.link_open(client.now)
            outcome = client.take(client.session.receive("authenticated", {}, client.now))
        elif action == "word":
            confirmed = True
            outcome = client.state("queued")
        elif action in ("second", "minute"):
            outcome = client.tick(1.0 if action == "second" else 60.0)
        else:
            verdicts = {PROJECT: Verdict(action)}
            outcome = client.take(client.session.apply_verdicts(verdicts, client.now, client.now))
        again = [effect for effect in outcome.effects if isinstance(effect, Resubmit)]
        if again:
            assert not confirmed
            sent += len(again)
            client.session.resubmitted(client.entry, client.now)
        if client.entry.finished:
            assert "lost" in history
    assert sent <= 1
