"""The words and codes by themselves, for what a sandbox brings about only with effort."""

from __future__ import annotations

import pytest

from sogni import errors
from sogni.cli import records, wording
from sogni.cli.demo import plan, program
from sogni.cli.exits import CommandError, Exit, in_options, suggest, tell
from sogni.cli.media import Photo
from sogni.events import Canceled, Failed, Initiating, JobFailed, Progress, Queued, Requeued, Started
from sogni.types.project import Preparation, WaitingReason


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ValidationError("no"), 2),
        (errors.ConfigError("no"), 2),
        (errors.ModelNotFound("no"), 2),
        (errors.AuthenticationError("no"), 3),
        (errors.PermissionDenied("no"), 3),
        (errors.ConsentRequired("no"), 3),
        (errors.PermissionDenied("no", error_code=4078), 4),
        (errors.InsufficientFunds("no"), 4),
        (errors.PlanLimit("no"), 4),
        (errors.WaitTimeout("no", project_id="ID"), 5),
        (errors.WaitTimeout("no"), 1),
        (errors.ContentWithheld("no"), 6),
        (errors.ProjectFailed("no"), 1),
        (errors.ProjectCanceled("no"), 1),
        (errors.ServerError("no"), 1),
        (errors.SubmissionUncertain("no", project_id="ID"), 1),
        (errors.ConnectFailed("no"), 1),
        (errors.Displaced("no"), 1),
        (CommandError("no", exit=Exit.FUNDS), 4),
        (OSError(28, "No space left on device", "out"), 1),
        (ZeroDivisionError("no"), 1),
    ],
)
def test_exit_codes(error: Exception, code: int) -> None:
    told = tell(error)
    assert told.exit == code
    assert told.message


def test_every_error_of_the_library_has_a_code() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, errors.SogniError):
            assert tell(kind("no")).exit in set(Exit)


def test_how_to_go_on() -> None:
    resume = "sogni wait ID"
    assert tell(errors.WaitTimeout("Slow.", project_id="ID"), resume).line.endswith(resume)
    assert tell(errors.SubmissionUncertain("Broke.", project_id="ID"), resume).line.endswith(resume)
    assert tell(errors.RateLimited("Too many.", retry_after=2.5)).hint == "Try again in 2.5 s."
    assert tell(OSError(28, "No space left on device", "out")).line == "out: No space left on device."
    assert "SOGNI_LOG=debug" in tell(ZeroDivisionError("no")).line


def test_several_problems_are_one_line() -> None:
    problems = [errors.Problem("width", "width must be 1."), errors.Problem("seed", "seed must\nbe 2.")]
    told = tell(errors.ValidationError(problems=problems))
    assert told.line == "the width of --size must be 1. --seed must be 2."


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("starting_image_strength has no effect without starting_image.", "--strength has no effect without --photo."),
        ("steps 99 is more than the 16 that the model has.", "--steps 99 is more than the 16 that the model has."),
        ("model_id 'reference_image' is no model.", "--model 'reference_image' is no model."),
        ("The model takes steps and a seed.", "The model takes steps and a seed."),
        ("keyscale must be one of A minor.", "--key must be one of A minor."),
        ("model_id 'wan_v2' is for type='video', not 'image'.", "--model 'wan_v2' is for `sogni video`, not 'image'."),
        ("width has no effect with size_preset 'x'.", "the width of --size has no effect with --size 'x'."),
    ],
)
def test_parameters_are_spelled_as_options(message: str, told: str) -> None:
    assert in_options(message) == told


def test_names_that_are_like_it() -> None:
    assert suggest("Squar", ["square", "square_hd", "wide"]) == "Did you mean square or square_hd?"
    assert suggest("huge", ["square"]) == ""
    near = errors.ModelNotFound("No model 'x'.", hint="Did you mean y?")
    assert tell(near).hint == "Did you mean y? `sogni models` lists what there is."
    assert tell(errors.ModelNotFound("No model 'x'.")).hint == "`sogni models` lists what there is."


def test_when_nobody_answers() -> None:
    assert tell(errors.ConnectFailed("No."), None, "Look.").hint == "Look."
    ordered = errors.ConnectionLost("No.", project_id="ID")
    assert tell(ordered, "sogni wait ID", "Look.").line.endswith("to take it up again: sogni wait ID")


def test_the_queue() -> None:
    reason = WaitingReason(reason="concurrency_limit", message="Your plan renders one at a time.")
    assert wording.waits(Queued("P", 0)) == "in the queue, next"
    assert wording.waits(Queued("P")) == "in the queue"
    assert wording.waits(Queued("P", 3, estimated_start=200.0)) == "in the queue, 3 ahead, starts in about 3 min"
    assert wording.waits(Queued("P", 1, reason)) == "in the queue, 1 ahead (Your plan renders one at a time)"
    assert wording.waits(Queued("P", 1, status="no-workers")) == "waiting for a worker that has this model"


@pytest.mark.parametrize(
    ("value", "text"), [(0.2, "1 s"), (59.6, "60 s"), (90, "2 min"), (3600, "60 min"), (9000, "2.5 h")]
)
def test_durations(value: float, text: str) -> None:
    assert wording.seconds(value) == text


def test_what_happens_in_words() -> None:
    def words(event: object) -> str | None:
        return wording.describe(event, None)

    assert words(Initiating("P", "J", 0, "w", Preparation(phase="loadingModel"))) == "loading the model"
    assert words(Initiating("P", "J", 0, "w", Preparation(phase="dancing"))) == "getting ready"
    assert words(Initiating("P", "J")) is None
    assert words(Started("P", "J", 0, "w\x1b[2J")) == "rendering on w[2J"
    assert words(Started("P", "J")) == "rendering"
    assert words(Progress("P", "J", 40, 12.0)) == "40 %, about 12 s left"
    assert words(Progress("P", "J", 40)) == "40 %"
    assert words(Requeued("P", "J", reason="gone")) == "moved to another worker (gone), starting again"
    assert words(JobFailed("P", "J", errors.ProjectFailed("Broke."))) == "failed: Broke."
    assert words(Canceled("P")) is None


def test_names_of_outputs() -> None:
    assert wording.name_output("image", 1, 4) == "picture 2/4"
    assert wording.name_output("image", None, 4) == "picture"
    assert wording.name_output("audio", 0, 1) == "sound"
    assert wording.name_output("smell", 0, 2) == "smell 1/2"


def test_events_for_programs() -> None:
    assert records.name(JobFailed("P", "J", errors.ProjectFailed("no"))) == "job_failed"
    assert records.describe(Requeued("P", "J", 1, 2, 3, "gone")) == {
        "project_id": "P",
        "job": "J",
        "index": 1,
        "attempt": 2,
        "max_attempts": 3,
        "reason": "gone",
    }
    failed = records.describe(Failed("P", errors.ProjectFailed("Broke.", hint="Again.")))
    assert failed["error"] == {"code": "project_failed", "message": "Broke.", "hint": "Again.", "retryable": False}


def test_the_program_of_the_demo_can_be_pasted_whatever_the_names() -> None:
    folder = 'C:\\a "strange" one\'s/'
    code = program(folder, plan(folder, Photo("it's.png", (4000, 3000))))
    compile(code, "demo", "exec")
    assert "it's.png" in code
    assert max(map(len, code.splitlines())) < 120


def test_bars_find_the_right_row() -> None:
    from sogni.cli.bars import Bars

    class Project:
        id, type, number_of_media = "P", "image", 3

    bars = Bars()
    with bars.watching(Project()):  # type: ignore[arg-type]
        for index, job in ((None, "A"), (2, "B"), (None, "C"), (None, "A")):
            bars.event(Progress("P", job, 50, index=index))
        assert bars._row_of_job == {"A": 0, "B": 2, "C": 1}
        bars.event(Requeued("P", "C"))
        bars.event(Initiating("P", "D"))
        assert bars._row_of_job["D"] == 1
        bars.event(Requeued("P", "D"))
        bars.event(Failed("P", errors.ProjectFailed("no")))
        assert bars._drawing is not None
        rows = [(task.completed, task.fields["status"]) for task in bars._drawing.tasks]
    assert rows == [(50, "rendering"), (0, "failed"), (50, "rendering")]
    bars.event(Progress("P", "A", 60))  # after the end: nothing is drawn any more
