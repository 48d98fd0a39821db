"""Ordering, following and keeping: the life of projects against the sandbox."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from sogni.sandbox import Sandbox
from sogni_async import (
    Canceled,
    CancelOutcome,
    Completed,
    ContentWithheld,
    Displaced,
    Failed,
    Finished,
    Initiating,
    InsufficientFunds,
    JobFailed,
    JobStatus,
    LinkState,
    ModelNotFound,
    PlanLimit,
    Preview,
    Progress,
    ProjectCanceled,
    ProjectFailed,
    ProjectLost,
    ProjectStatus,
    Queued,
    Requeued,
    SessionChanged,
    SogniClient,
    Started,
    ValidationError,
    WaitTimeout,
)
from sogni_async._core import projects
from tests.orders import order


def until_rendering(sandbox: Sandbox) -> None:
    """Wait for the first progress, at which a script may hold."""
    sandbox.wait_for(lambda: [entry for entry in sandbox.log if entry.frame_kind == "jobProgress"])


async def test_a_picture_from_a_text(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order(width=512, height=640, seed=7))
        (result,) = await project.wait(timeout=20)
        assert (result.kind, result.seed, result.content_type, result.withheld) == ("image", 7, "image/png", False)
        path = await result.save(tmp_path)
        assert path == tmp_path / "a-red-fox-7.png"
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("PNG", (512, 640))
        assert await result.read() == path.read_bytes()
        assert project.status == "completed"
        assert project.progress == 100
        assert project.error is None


async def test_every_way_to_the_bytes_gives_the_same(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order(output_format="jpg"))
        (result,) = await project.wait(timeout=20)
        whole = await result.read()
        with await result.open() as file, Image.open(file) as picture:
            assert picture.format == "JPEG"
        pieces = [piece async for piece in result.iter_bytes()]
        assert b"".join(pieces) == whole
        first = await result.save(tmp_path, name="x")
        second = await result.save(tmp_path, name="x")
        assert (first.name, second.name) == ("x.jpg", "x-2.jpg")
        assert await result.save(tmp_path, name="x", overwrite=True) == first
        assert (await result.url()).startswith(sandbox.url)
        assert not [entry for entry in sandbox.log if entry.kind in ("leak", "error")]


async def test_several_outputs_come_in_job_order(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order(number_of_media=4))
        results = await project.wait(timeout=20)
        assert [result.index for result in results] == [0, 1, 2, 3]
        assert len({result.seed for result in results}) == 4
        streamed = [result async for result in project.results()]
        assert {result.job_id for result in streamed} == {result.job_id for result in results}
        assert len(await project.result_urls()) == 4


async def test_events_tell_the_whole_story_to_late_listeners_too(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order(number_of_previews=1))
        early = [event async for event in project.events(timeout=20)]
        late = [event async for event in project.events(timeout=20)]
        for events in (early, late):
            kinds = [type(event) for event in events]
            assert kinds[-1] is Completed
            assert [kind for kind in kinds if kind in (Queued, Initiating, Started, Finished)] == [
                Queued,
                Initiating,
                Started,
                Finished,
            ]
        progress = [event.progress for event in early if isinstance(event, Progress)]
        assert progress == sorted(progress)
        assert [event.project_id for event in early] == [project.id] * len(early)
        previews = [event for event in early if isinstance(event, Preview)]
        assert len(previews) == 1
        with Image.open(io.BytesIO(await previews[0].image.read())) as picture:
            assert picture.format == "JPEG"


async def test_nothing_is_ordered_or_uploaded_when_the_request_is_wrong(sandbox: Sandbox, tmp_path: Path) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        with pytest.raises(ValidationError) as caught:
            await client.projects.create(**order(width=100, height=9000, sampler="nonsense", starting_image_strengh=1))
        assert "starting_image_strengh" in str(caught.value)
        with pytest.raises(ValidationError) as caught:
            await client.projects.create(**order(width=100, height=9000, sampler="nonsense"))
        assert {problem.field for problem in caught.value.problems} == {"width", "height", "sampler"}
        with pytest.raises(ValidationError, match="starting_image"):
            await client.projects.create(**order(starting_image=tmp_path / "missing.png"))
        with pytest.raises(ValidationError, match="path"):
            await client.request("GET", 5)
        with pytest.raises(ModelNotFound, match="krea3"):
            await client.projects.create(**order(model_id="krea3"))
        assert sandbox.submissions == []
        assert not [entry for entry in sandbox.log if entry.method == "PUT"]


async def test_an_odd_file_is_a_warning(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order(starting_image=b"this is no picture"))
        assert "starting_image has no content that is known as image" in project.warnings[-1]


@pytest.mark.parametrize("form", ["path", "text", "bytes", "file", "pillow"])
async def test_a_starting_image_in_every_form(sandbox: Sandbox, tmp_path: Path, form: str) -> None:
    path = tmp_path / "photo.png"
    picture = Image.new("RGBA", (64, 48), (200, 30, 30, 128))
    picture.save(path)
    given: object = {"path": path, "text": str(path), "bytes": path.read_bytes(), "pillow": picture}.get(form)
    file = path.open("rb")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order(starting_image=file if form == "file" else given))
        file.close()
        (result,) = await project.wait(timeout=20)
        (submission,) = sandbox.submissions
        (upload,) = submission.uploads
        assert (upload.slot, upload.content_type) == ("startingImage", "image/png")
        if form != "pillow":
            assert upload.read() == path.read_bytes()
        with Image.open(io.BytesIO(upload.read())) as sent:
            assert (sent.mode, sent.size) == ("RGBA", (64, 48))
        assert submission.missing_slots == ()
        assert result.kind == "image"


async def test_a_result_is_an_input_and_uploads_go_side_by_side(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        first = await client.projects.create(**order())
        (picture,) = await first.wait(timeout=20)
        second = await client.projects.create(**order(starting_image=picture, context_images=[picture, picture]))
        await second.wait(timeout=20)
        slots = {upload.slot for upload in sandbox.submissions[-1].uploads}
        assert slots == {"startingImage", "contextImage1", "contextImage2"}


async def test_giving_up_a_wait_leaves_the_project_running(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:2")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order())
        until_rendering(sandbox)
        with pytest.raises(WaitTimeout) as caught:
            await project.wait(timeout=0.05)
        assert caught.value.project == project
        assert caught.value.seconds == 0.05
        assert caught.value.project_id == project.id
        with pytest.raises(TimeoutError):
            await project.wait(timeout=0.01)
        with pytest.raises(WaitTimeout) as streamed:
            [event async for event in project.events(timeout=0.01)]
        assert streamed.value.project == project
        sandbox.release()
        assert len(await project.wait(timeout=20)) == 1
        assert not [entry for entry in sandbox.log if entry.kind == "frame_in" and entry.frame_kind == "jobError"]


async def test_time_in_the_queue_has_a_limit_of_its_own(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="queued", waiting="concurrency_limit")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order())
        with pytest.raises(WaitTimeout) as caught:
            await project.wait(timeout=20, queue_timeout=0.1)
        assert caught.value.state in ("queued", "pending")
        sandbox.release()
        await project.wait(timeout=20, queue_timeout=10)


class TestCancel:
    async def test_confirmed(self, sandbox: Sandbox) -> None:
        sandbox.script(hold_at="progress:1")
        async with SogniClient(sandbox=sandbox) as client:
            project = await client.projects.create(**order())
            assert await project.cancel() is CancelOutcome.CANCELED
            assert project.status is ProjectStatus.CANCELED
            assert [type(event) async for event in project.events(timeout=5)][-1] is Canceled
            with pytest.raises(ProjectCanceled):
                await project.wait(timeout=5)
            assert client.projects.tracked_projects == []
            assert sandbox.project(project.id)["status"] == "cancelled"
            assert await project.cancel() is CancelOutcome.TOO_LATE

    async def test_too_late(self, sandbox: Sandbox) -> None:
        async with SogniClient(sandbox=sandbox) as client:
            project = await client.projects.create(**order())
            await project.wait(timeout=20)
            assert await project.cancel() is CancelOutcome.TOO_LATE
            assert not [entry for entry in sandbox.log if entry.kind == "frame_in" and entry.frame_kind == "jobError"]

    async def test_refused_goes_on(self, sandbox: Sandbox) -> None:
        sandbox.script(hold_at="progress:1", cancel_unconfirmed=True)
        async with SogniClient(sandbox=sandbox) as client:
            project = await client.projects.create(**order())
            until_rendering(sandbox)
            assert await project.cancel() is CancelOutcome.UNCONFIRMED
            assert not project.finished
            sandbox.release()
            assert len(await project.wait(timeout=20)) == 1

    async def test_the_error_before_the_confirmation(self, sandbox: Sandbox) -> None:
        sandbox.script(hold_at="progress:1", cancel_error_first=True)
        async with SogniClient(sandbox=sandbox) as client:
            project = await client.projects.create(**order())
            assert await client.projects.cancel(project.id.lower()) is CancelOutcome.CANCELED
            assert project.status is ProjectStatus.CANCELED

    async def test_silence_ends_with_the_callers_patience(self, sandbox: Sandbox) -> None:
        sandbox.script(hold_at="progress:1", cancel_silent=True)
        async with SogniClient(sandbox=sandbox) as client:
            project = await client.projects.create(**order())
            with pytest.raises(WaitTimeout):
                await project.cancel(timeout=0.1)
            assert not project.finished


class TestFailures:
    async def test_refused_before_it_began(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("insufficient_funds")
        async with SogniClient(sandbox=sandbox) as client:
            project = await client.projects.create(**order())
            with pytest.raises(InsufficientFunds) as caught:
                await project.wait(timeout=20)
            assert (caught.value.status, caught.value.error_code) == (None, 123)
            assert project.error is caught.value
            sandbox.fail_next("plan_limit")
            project = await client.projects.create(**order())
            with pytest.raises(PlanLimit) as limit:
                await project.wait(timeout=20)
            assert limit.value.details is not None
            assert limit.value.details["feature"] == "sandbox_feature"

    async def test_the_only_output(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("genfailure")
        async with SogniClient(sandbox=sandbox) as client:
            project = await client.projects.create(**order())
            events = [event async for event in project.events(timeout=20)]
            assert [type(event) for event in events][-2:] == [JobFailed, Failed]
            with pytest.raises(ProjectFailed, match="Generation failed"):
                await project.wait(timeout=20)

    async def test_one_of_several(self, sandbox: Sandbox) -> None:
        sandbox.script(fail_jobs=[1])
        async with SogniClient(sandbox=sandbox) as client:
            project = await client.projects.create(**order(number_of_media=3))
            assert [result.index for result in await project.wait(timeout=20)] == [0, 2]
            assert [job.status for job in project.jobs] == [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.COMPLETED]
            assert isinstance(project.jobs[1].error, ProjectFailed)

    async def test_withheld_results_have_no_media_and_others_are_kept(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.script(withhold=[0], label=[1])
        async with SogniClient(sandbox=sandbox) as client:
            project = await client.projects.create(**order(number_of_media=2))
            withheld, labelled = await project.wait(timeout=20)
            assert (withheld.withheld, labelled.withheld, labelled.labels) == (True, False, ("image",))
            with pytest.raises(ContentWithheld):
                await withheld.save(tmp_path)
            with pytest.raises(ContentWithheld):
                await withheld.url()
            await labelled.save(tmp_path)
            assert len(await project.result_urls()) == 1
            assert len(list(tmp_path.glob("*.png"))) == 1


class TestBadConnections:
    @pytest.mark.parametrize("moment", ["accepted", "started", "progress:2", "result", "completed"])
    async def test_a_link_that_breaks_loses_nothing(self, sandbox: Sandbox, moment: str) -> None:
        sandbox.script(drop_socket_after=moment, pause_offline=moment not in ("completed", "result"))
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            project = await client.projects.create(**order(number_of_media=2))
            assert len(await project.wait(timeout=30)) == 2
            assert [submission.outcome for submission in sandbox.submissions] == ["accepted"]

    async def test_a_restart_of_the_server(self, sandbox: Sandbox) -> None:
        sandbox.script(restart="progress:1")
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            project = await client.projects.create(**order())
            assert len(await project.wait(timeout=30)) == 1
            assert len(sandbox.submissions) == 1

    async def test_refused_while_restarting_it_is_sent_again(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("restarting")
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            project = await client.projects.create(**order())
            sandbox.wait_for(lambda: sandbox.submissions)
            sandbox.drop_sockets(1001)
            assert len(await project.wait(timeout=30)) == 1
            assert [submission.outcome for submission in sandbox.submissions] == ["refused", "accepted"]
            assert {submission.project_id for submission in sandbox.submissions} == {project.id}

    async def test_displaced_is_named_and_only_the_next_call_connects_again(self, sandbox: Sandbox) -> None:
        # The delay lets the wait begin before the connection is taken away.
        sandbox.script(displace="progress:1", delay=0.05)
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            project = await client.projects.create(**order())
            with pytest.raises(Displaced, match="4015"):
                await project.wait(timeout=20)
            assert client.state.link is LinkState.DISPLACED
            assert len(await project.wait(timeout=20)) == 1

    async def test_frames_twice_out_of_order_or_nonsense_change_nothing(self, sandbox: Sandbox) -> None:
        for knobs in (
            {"duplicate_frames": True},
            {"reorder": True},
            {"garbage": "progress:1"},
            {"late_frames": True},
            {"lowercase_ids": True},
            {"omit_job_index": True},
            {"completed_before_result": True},
            {"phantom_eta": True},
            {"progress_style": "fraction"},
            {"progress_style": "percent"},
            {"progress_style": "eta"},
        ):
            sandbox.script(**knobs)  # type: ignore[arg-type]
            async with SogniClient(sandbox=sandbox, app_id="app") as client:
                project = await client.projects.create(**order(number_of_media=2))
                results = await project.wait(timeout=20)
                assert len(results) == 2, knobs
                assert project.status is ProjectStatus.COMPLETED, knobs
                assert len(project.jobs) == 2, knobs

    async def test_a_render_that_moves_to_another_worker(self, sandbox: Sandbox) -> None:
        for knobs in (
            {"reassign_worker": "progress:2"},
            {"silent_reassign": "progress:2"},
            {"reassign_worker": "progress:2", "ghost_frames": True},
            {"silent_reassign": "progress:2", "omit_job_index": True, "ghost_frames": True},
        ):
            sandbox.script(**knobs)  # type: ignore[arg-type]
            async with SogniClient(sandbox=sandbox, app_id="app") as client:
                project = await client.projects.create(**order())
                events = [event async for event in project.events(timeout=20)]
                assert len([event for event in events if isinstance(event, Requeued)]) == 1, knobs
                assert len([event for event in events if isinstance(event, Finished)]) == 1, knobs
                assert isinstance(events[-1], Completed), knobs
                assert len(project.jobs) == 1, knobs

    async def test_a_result_that_was_never_announced_is_found_in_the_record(self, sandbox: Sandbox) -> None:
        sandbox.script(lose_results=[1], late_record=1)
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            project = await client.projects.create(**order(number_of_media=2))
            assert [result.index for result in await project.wait(timeout=30)] == [0, 1]

    async def test_what_finished_while_nobody_was_connected_is_handed_over(self, sandbox: Sandbox) -> None:
        sandbox.script(hold_at="progress:1")
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            project = await client.projects.create(**order())
            until_rendering(sandbox)
        sandbox.wait_for(lambda: sandbox.open_sockets == 0)
        sandbox.release()
        sandbox.wait_for(lambda: sandbox.project(project.id)["status"] == "completed")
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            await client.projects.wait_for_models()
            (found,) = client.projects.tracked_projects
            assert found.id == project.id
            assert found.recovered
            assert found.params["positive_prompt"] == "a red fox"
            (result,) = await found.wait(timeout=10)
            assert len(await result.read()) > 1000

    async def test_resuming_by_id(self, sandbox: Sandbox) -> None:
        sandbox.script(hold_at="progress:1")
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            project = await client.projects.create(**order())
            until_rendering(sandbox)
        async with SogniClient(sandbox=sandbox, app_id="app") as client:
            resumed = await client.projects.resume(project.id.lower())
            assert resumed.id == project.id
            assert not resumed.finished
            sandbox.release()
            assert len(await resumed.wait(timeout=20)) == 1
            again = await client.projects.resume(project.id)
            assert again == resumed
            with pytest.raises(ProjectLost):
                await client.projects.resume("0F8FAD5B-D9CB-469F-A165-70867728950E")
        async with SogniClient(sandbox=sandbox, app_id="other") as client:
            finished = await client.projects.resume(project.id)
            assert len(await finished.wait(timeout=20)) == 1


async def test_finished_projects_stay_for_a_while(sandbox: Sandbox) -> None:
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order())
        await project.wait(timeout=20)
        (recent,) = await client.projects.list_recent()
        assert recent.id == project.id
        with pytest.raises(ValidationError, match="since"):
            await client.projects.list_recent(since="yesterday")  # type: ignore[arg-type]
        tracked = client.projects.tracked_projects
        assert tracked == [project]
        tracked.clear()
        assert client.projects.tracked_projects == [project]


async def test_what_became_of_projects(sandbox: Sandbox) -> None:
    nobody = "0F8FAD5B-D9CB-469F-A165-70867728950E"
    sandbox.script(hold_at="progress:1")
    async with SogniClient(sandbox=sandbox, app_id="app") as client:
        running = await client.projects.create(**order())
        finished = await client.projects.create(**order())
        await finished.wait(timeout=20)
        verdicts = await client.projects.resolve_missing([nobody, running.id, finished.id], attempts=1)
        assert verdicts == {nobody: "lost", running.id: "active", finished.id: "finished"}
        assert (await client.projects.get_status(running.id)).status == "processing"
        assert (await client.projects.get(finished.id)).status == "completed"
        assert {project.id for project in await client.projects.sync()} == {running.id, finished.id}
        assert await client.projects.list_projects_elsewhere() == []
    async with SogniClient(sandbox=sandbox, app_id="other") as client:
        (elsewhere,) = await client.projects.list_projects_elsewhere()
        assert elsewhere.id == running.id


async def test_a_project_of_another_app_is_followed_by_asking(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projects, "ELSEWHERE_STALE_AFTER", 1.0)
    sandbox.script(hold_at="progress:1")
    async with (
        SogniClient(sandbox=sandbox, app_id="app") as client,
        SogniClient(sandbox=sandbox, app_id="other") as other,
    ):
        project = await client.projects.create(**order())
        until_rendering(sandbox)
        followed = await other.projects.resume(project.id)
        sandbox.release()
        assert len(await followed.wait(timeout=20)) == 1


async def test_another_account_ends_the_waits_of_the_one_before(sandbox: Sandbox) -> None:
    sandbox.script(hold_at="progress:1")
    async with SogniClient(sandbox=sandbox) as client:
        project = await client.projects.create(**order())
        stream = project.events(timeout=20)
        until_rendering(sandbox)
        client.set_tokens(*sandbox.mint_tokens())
        events = [event async for event in stream]
        assert isinstance(events[-1], Failed)
        with pytest.raises(SessionChanged):
            await project.wait(timeout=5)
        assert client.projects.tracked_projects == []
