"""The recorded vectors through the whole client: what really goes over the wire, and what is refused before it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from sogni.sandbox import Sandbox
from sogni_async import ApiError, SogniClient, SogniError
from tests.vectors import expand, load, media, real, same

FILES = media()


def arrived(sandbox: Sandbox, count: int) -> bool:
    """Whether so many orders have arrived."""
    return len(sandbox.submissions) >= count


def slots_of(upload: dict[str, Any]) -> set[str]:
    """The slot of a recorded upload; a numbered one may be spelled as type or as id."""
    return {str(upload.get("id") or upload["type"]), str(upload["type"])}


def matches(sandbox: Sandbox, base: Any, expect: Any) -> str:
    """Empty when the last submission is the expected one, else what differs."""
    submission = sandbox.submissions[-1]
    wanted = {**expand(base, expect), "jobID": submission.project_id}
    if submission.request["jobID"] != submission.project_id:
        return "the id is not upper case"
    got = dict(submission.request)
    if not same(got, wanted):
        frame, wanted_frame = got.pop("keyFrames")[0], wanted.pop("keyFrames")[0]  # type: ignore[index]
        both = {**got, **frame}, {**wanted, **wanted_frame}
        return str(
            {
                key: tuple(one.get(key, "@absent") for one in both)
                for key in both[0].keys() | both[1].keys()
                if not same(both[0].get(key), both[1].get(key))
            }
        )
    uploads = {upload.slot: upload for upload in submission.uploads}
    if len(uploads) != len(expect["uploads"]):
        return f"uploads {sorted(uploads)}"
    for recorded in expect["uploads"]:
        found = next((uploads[slot] for slot in slots_of(recorded) if slot in uploads), None)
        if found is None or found.content_type != recorded["contentType"]:
            return f"upload {recorded}"
        if found.read() != FILES[recorded["media"]]:
            return f"bytes of {recorded}"
    return ""


@pytest.mark.parametrize("name", ["create_image", "create_video", "create_audio"])
async def test_orders(sandbox: Sandbox, name: str) -> None:
    # Accepted and then left alone: what is rendered is another test's business.
    sandbox.script(times=None, hold_at="accepted")
    data = load(name)
    wrong: list[str] = []
    async with SogniClient(sandbox=sandbox) as client:
        for case in data["cases"]:
            before = len(sandbox.submissions), len(sandbox.uploads)
            order = real(case["input"], FILES)
            try:
                await client.projects.create(**order)
            except SogniError as refusal:
                if not case["expect"].get("rejected"):
                    wrong.append(f"{case['name']}: refused: {refusal}")
                elif (len(sandbox.submissions), len(sandbox.uploads)) != before:
                    wrong.append(f"{case['name']}: refused after something was sent")
                continue
            answers = [case["expect"], *case.get("alts", [])]
            sandbox.wait_for(partial(arrived, sandbox, before[0] + 1))
            differences = [
                "should be refused" if answer.get("rejected") else matches(sandbox, data["base"], answer)
                for answer in answers
            ]
            if all(differences):
                wrong.append(f"{case['name']}: {differences}")
    assert wrong == []


async def test_estimates_and_urls(sandbox: Sandbox) -> None:
    wrong: list[str] = []
    async with SogniClient(sandbox=sandbox) as client:
        for case in [*load("estimates")["cases"], *load("urls")["cases"]]:
            before = len(sandbox.log)
            expect = case["expect"]
            refused = False
            try:
                await getattr(client.projects, case["call"])(**case["input"])
            except ApiError as refusal:
                # The sandbox knows neither the made-up ids of the vectors nor their renders.
                refused = refusal.status is None
            except SogniError:
                refused = True
            asked = [
                entry
                for entry in sandbox.log[before:]
                if entry.kind == "request" and ("estimate" in str(entry.path) or "Url" in str(entry.path))
            ]
            if expect.get("rejected"):
                if asked or not refused:
                    wrong.append(f"{case['name']}: not refused")
                continue
            answers = [expect, *case.get("alts", [])]
            if not any(_asked_for(asked, answer) for answer in answers):
                wrong.append(f"{case['name']}: {[(entry.path, entry.query) for entry in asked]} {refused}")
    assert wrong == []


def _asked_for(asked: list[Any], expect: Any) -> bool:
    return any(_segments(entry.path) == _segments(expect["path"]) and entry.query == expect["query"] for entry in asked)


def _segments(path: str) -> list[object]:
    """Parts of a path, numbers by value."""
    parts: list[object] = []
    for part in path.split("/"):
        try:
            parts.append(round(float(part), 9))
        except ValueError:
            parts.append(part)
    return parts
