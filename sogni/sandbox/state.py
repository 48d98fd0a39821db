"""What the network knows: accounts, projects, jobs, stored files. Plain data, touched by the server's thread only."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from .books import Books, Entry, Purse, new_purses, now_ms as now_ms
from .catalog import Model
from .plans import Plan
from .records import Upload
from .script import Moment, Script
from .wallets import ADDRESS, USERNAME, same

#: Raw names of the network for a project that has ended, with the plain status of the owner-scoped lookup.
ENDED = {"completed": "completed", "errored": "failed", "cancelled": "canceled"}
PLAIN = {"pending": "pending", "queued": "queued", "assigned": "processing", "progress": "processing", **ENDED}
JOB_ENDED = ("jobCompleted", "jobError")

#: Seconds that a finished project waits for an absent client.
UNCLAIMED = 3600.0


@attrs.define(eq=False)
class Account:
    """One user of the network: every key that starts with `sandbox`, and whoever signed up.

    Attributes:
        address: Of the wallet; made up from the name where no password is known.
        plan, plan_version: The subscription, and a number that grows with every change of it.
        gated: Kinds of media that need one of these plans.
        spark_lock: Free Spark is locked, and how it is unlocked (empty: no known way); None when it is not.
        devices: Ids that were told, the newest last.
        had_trial: A trial was begun.
        dismissed: Ids of announcements.
    """

    name: str
    address: str = attrs.field(default=attrs.Factory(lambda account: _made_up(account.name), takes_self=True))
    email: str = attrs.field(default=attrs.Factory(lambda account: f"{account.name}@sandbox.invalid", takes_self=True))
    purses: dict[str, Purse] = attrs.field(factory=new_purses)
    books: Books = attrs.field(factory=Books)
    plan: Plan | None = None
    plan_version: int = 0
    gated: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    spark_lock: str | None = None
    devices: list[str] = attrs.field(factory=list)
    had_trial: bool = False
    dismissed: set[str] = attrs.field(factory=set)

    @property
    def sid(self) -> int:
        """The account's number."""
        return int(self.address[2:10], 16)


def _made_up(name: str) -> str:
    """A wallet that nobody has the key of, but for the account that is always there."""
    return ADDRESS if name == USERNAME else "0x" + hashlib.sha256(name.encode()).hexdigest()[:40]


@attrs.define(eq=False)
class StoredFile:
    """Bytes on disk with their type."""

    path: Path
    content_type: str | None
    size: int


@attrs.define(eq=False)
class Job:
    """One output of a project."""

    index: int
    seed: int
    steps: int
    img_id: str = attrs.field(factory=lambda: str(uuid.uuid4()).upper())
    old_ids: list[str] = attrs.field(factory=list)
    status: str = "created"
    worker: str = ""
    attempt: int = 1
    step: int = 0
    reason: str = ""
    withheld: bool = False
    labelled: bool = False
    cost: Decimal = Decimal(0)
    created: int = attrs.field(factory=now_ms)
    started: int | None = None
    ended: int | None = None
    result: Mapping[str, Any] = attrs.field(factory=dict)
    file: StoredFile | None = None
    preview: StoredFile | None = None
    last_frame: StoredFile | None = None

    @property
    def ended_well(self) -> bool:
        """There is a result, though perhaps a withheld one."""
        return self.status == "jobCompleted"


@attrs.define(eq=False)
class Project:
    """One accepted `jobRequest`."""

    id: str
    sid: int
    account: Account
    app_id: str
    app_source: str | None
    network: str
    request: Mapping[str, Any]
    model: Model
    kind: str
    script: Script
    jobs: list[Job]
    step_count: int
    size: tuple[int, int]
    frames: int
    fps: float
    token: str
    estimate: Decimal
    inputs: Mapping[str, Upload]
    payment: str = ""
    entry: Entry | None = None
    status: str = "pending"
    reason: str = ""
    queue_position: int = 0
    created: int = attrs.field(factory=now_ms)
    updated: int = attrs.field(factory=now_ms)
    ended: int | None = None
    ended_at: float = 0.0
    unclaimed: bool = False
    record_misses: int = 0
    counts: dict[str, int] = attrs.field(factory=dict)
    holds: set[str] = attrs.field(factory=set)
    is_released: bool = False
    gate: asyncio.Event = attrs.field(factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def keyframe(self) -> Mapping[str, Any]:
        """The first key frame of the request."""
        frames = self.request.get("keyFrames")
        return frames[0] if isinstance(frames, list) and frames and isinstance(frames[0], dict) else {}

    @property
    def prompt(self) -> str:
        """The positive prompt."""
        return str(self.keyframe.get("positivePrompt") or "")

    @property
    def is_over(self) -> bool:
        """It has ended, well or not."""
        return self.status in ENDED

    @property
    def cost(self) -> Decimal:
        """What was really charged."""
        return sum((job.cost for job in self.jobs), Decimal(0))

    def hold(self, why: str) -> None:
        """Stop the project's frames until `let_go` with the same word."""
        self.holds.add(why)
        self.gate.clear()

    def let_go(self, why: str) -> None:
        """Take one reason to stop away."""
        self.holds.discard(why)
        if not self.holds:
            self.gate.set()

    def reaches(self, name: str, at: Moment | None) -> bool:
        """The moment just counted is this one."""
        return at is not None and at.name == name and at.count == self.counts.get(name, 0)


class World:
    """Everything the network remembers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = 0
        self.accounts: dict[str, Account] = {USERNAME: Account(USERNAME)}
        self.projects: dict[str, Project] = {}
        self.uploads: dict[tuple[str, str], list[Upload]] = {}
        self.files: dict[str, StoredFile] = {}

    def account(self, name: str) -> Account:
        """The account of that name, made on first sight."""
        return self.accounts.setdefault(name, Account(name))

    def at(self, address: object) -> Account | None:
        """The account of a wallet."""
        return next((account for account in self.accounts.values() if same(account.address, address)), None)

    def named(self, name: str) -> Account | None:
        """The account of that name in any case, if it exists; wallets do not tell cases apart either."""
        return next((account for account in self.accounts.values() if account.name.lower() == name.lower()), None)

    def number(self) -> int:
        """A number used only once."""
        self._numbers += 1
        return 1000 + self._numbers

    def new_path(self, suffix: str = "") -> Path:
        """A file name used only once."""
        return self._folder / f"{self.number()}{suffix}"

    def project(self, project_id: str) -> Project | None:
        """A project by its id, in any case."""
        return self.projects.get(project_id.upper())

    def mine(self, account: Account, app_id: str | None = None) -> Iterator[Project]:
        """Projects of an account, and of one app if given."""
        for project in self.projects.values():
            if project.account is account and app_id in (None, project.app_id):
                yield project

    def active(self, account: Account, app_id: str | None = None) -> list[Project]:
        """Projects that have not ended."""
        return [project for project in self.mine(account, app_id) if not project.is_over]

    def unclaimed(self, account: Account, app_id: str | None = None) -> list[Project]:
        """Projects that ended while their app was away, kept for an hour."""
        oldest = time.monotonic() - UNCLAIMED
        return [p for p in self.mine(account, app_id) if p.unclaimed and p.is_over and p.ended_at >= oldest]

    def inputs(self, project_id: str) -> dict[str, Upload]:
        """The newest upload of each slot of a project."""
        found = (uploads[-1] for (owner, _), uploads in self.uploads.items() if owner == project_id.upper())
        return {upload.slot: upload for upload in sorted(found, key=lambda upload: upload.time)}

    def add_upload(self, upload: Upload) -> None:
        """Remember a file that arrived."""
        self.uploads.setdefault((upload.project_id, upload.slot), []).append(upload)

    def all_uploads(self) -> list[Upload]:
        """Every file that arrived, oldest first."""
        return sorted((upload for uploads in self.uploads.values() for upload in uploads), key=lambda one: one.time)

    def clear(self) -> None:
        """A new world."""
        self.accounts.clear()
        self.account(USERNAME)
        self.projects.clear()
        self.uploads.clear()
        self.files.clear()
