"""Ordering projects and looking after them: `client.projects`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, overload

from sogni._deadline import Deadline, time_now
from sogni._io.engine import Engine, LinkNotReady, check_callback
from sogni._protocol import rest
from sogni._protocol.entries import ELSEWHERE_STALE_AFTER, ProjectEntry
from sogni._protocol.ids import check_project_id, keyed_id, new_id
from sogni._protocol.messages import ProjectRecord
from sogni._rules.kinds import KINDS
from sogni.errors import (
    ApiError,
    Problem,
    ProjectLost,
    ProtocolError,
    SogniError,
    SubmissionUncertain,
    TransportError,
    ValidationError,
)
from sogni.types.project import CancelOutcome

from .._bridge import Bridge
from .assets import Assets
from .cancel import cancel_project
from .catalog import Catalog
from .estimates import Estimates
from .link import link_ready
from .loras import Loras, OwnLoras
from .project import Project, present
from .urls import Urls

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sogni._io.slots import OnUpload
    from sogni._rules.build import JobPlan
    from sogni._store.claims import Claim
    from sogni.types.keywords import (
        AudioKeywords,
        AudioOptions,
        ImageKeywords,
        ImageOptions,
        VideoKeywords,
        VideoOptions,
    )
    from sogni.types.params import AudioParams, ImageParams, VideoParams
    from sogni.types.recent import RecentProject

    from .result import Result

log = logging.getLogger("sogni")

LOCK_PAUSE = 0.05  # seconds between looks at a lock that another process has
JUST_NOW = 30.0  # seconds after which the service certainly lists what it accepted


class Projects(Catalog, Estimates, Loras, Urls):
    """Everything about projects: ordering, following, canceling, estimates, models, LoRAs, signed URLs.

    Attributes:
        assets: `Assets`: files that the account keeps at the service.
        personal_loras: `OwnLoras`: LoRAs that the account imported.
    """

    def __init__(self, engine: Engine, bridge: Bridge) -> None:
        self._engine = engine
        self._bridge = bridge
        self.assets = Assets(engine, bridge)
        self.personal_loras = OwnLoras(engine, bridge)

    def __repr__(self) -> str:
        return f"Projects({len(self._engine.tracked())} tracked)"

    @overload
    async def create(
        self,
        params: ImageParams,
        /,
        *,
        key: str | None = None,
        timeout: float | None = None,
        on_upload: OnUpload | None = None,
        **fields: Unpack[ImageKeywords],
    ) -> Project: ...
    @overload
    async def create(
        self,
        params: VideoParams,
        /,
        *,
        key: str | None = None,
        timeout: float | None = None,
        on_upload: OnUpload | None = None,
        **fields: Unpack[VideoKeywords],
    ) -> Project: ...
    @overload
    async def create(
        self,
        params: AudioParams,
        /,
        *,
        key: str | None = None,
        timeout: float | None = None,
        on_upload: OnUpload | None = None,
        **fields: Unpack[AudioKeywords],
    ) -> Project: ...
    @overload
    async def create(
        self,
        params: None = None,
        /,
        *,
        type: Literal["image"],
        model_id: str,
        positive_prompt: str,
        number_of_media: int,
        key: str | None = None,
        timeout: float | None = None,
        on_upload: OnUpload | None = None,
        **fields: Unpack[ImageOptions],
    ) -> Project: ...
    @overload
    async def create(
        self,
        params: None = None,
        /,
        *,
        type: Literal["video"],
        model_id: str,
        positive_prompt: str,
        number_of_media: int,
        key: str | None = None,
        timeout: float | None = None,
        on_upload: OnUpload | None = None,
        **fields: Unpack[VideoOptions],
    ) -> Project: ...
    @overload
    async def create(
        self,
        params: None = None,
        /,
        *,
        type: Literal["audio"],
        model_id: str,
        positive_prompt: str,
        number_of_media: int,
        key: str | None = None,
        timeout: float | None = None,
        on_upload: OnUpload | None = None,
        **fields: Unpack[AudioOptions],
    ) -> Project: ...
    async def create(
        self,
        params: ImageParams | VideoParams | AudioParams | None = None,
        /,
        *,
        key: str | None = None,
        timeout: float | None = None,
        on_upload: OnUpload | None = None,
        **fields: object,
    ) -> Project:
        """Order a project: check the request, upload its files, send it.

        Nothing is sent before the whole request was checked, and nothing is ordered before every file is up. The call
        returns when the order is written; `project.wait()` waits for the results.

        Args:
            params: An `ImageParams`, `VideoParams` or `AudioParams`; `fields` add to it, or replace a field.
            key: A name of your own for this order, such as `order-1042`: it gives the project its id, and whoever
                orders again under it, also from another process or after a crash, gets the project that is there.
            timeout: Seconds for the whole call; None waits without limit for uploads, 30 seconds for a connection.
            on_upload: A plain function that is called with parameter, bytes sent and bytes in all, one call at a time;
                what it raises is logged, and it is not called again.
            **fields: `type`, `model_id`, `positive_prompt`, `number_of_media` and what the model takes.
        Returns:
            Project: its `id` was chosen before anything was sent.
        Raises:
            ValidationError: what is wrong with the request, all of it together.
            ModelNotFound: the catalogue has no such model.
            ConnectFailed, WaitTimeout: nothing was ordered.
            SubmissionUncertain: the connection broke while the order was written, or whether the key was used before
                could not be found out.
        Source: frame `jobRequest`.
        """
        from sogni._rules.build import early

        deadline = Deadline(timeout)
        if on_upload is not None:
            check_callback(on_upload, "on_upload", "three arguments")
        given = early(_merged(params, fields))
        self._engine.start_link()
        version = self._engine.credentials.version
        if key is None:
            return await self._order(given, new_id(), on_upload, version, None, deadline)
        account = await self._bridge.call(self._engine.account_address, deadline)
        if not account:
            raise ProtocolError("The service does not say whose account this is, so a key would not be yours alone.")
        project_id = keyed_id(account, key)
        orders = self._engine.orders
        claim, turn = orders.queue_up(project_id)
        try:
            await self._bridge.take(turn, deadline, "another order under the same key")
            while not await self._bridge.call(orders.lock_out, claim):
                if deadline.expired:
                    raise deadline.error("another process that orders under the same key")
                await self._bridge.pause(LOCK_PAUSE)
            there = await self._there_already(project_id, deadline)
            return there or await self._order(given, project_id, on_upload, version, claim, deadline)
        finally:
            claim.release()

    async def _there_already(self, project_id: str, deadline: Deadline) -> Project | None:
        """The project of a key that was used before; None when nobody has one of that id."""
        entry = self._engine.entry(project_id)
        if entry is not None and not (entry.finished and entry.error is not None):
            return Project(entry, self._engine, self._bridge)
        # An order of a moment ago is not listed everywhere yet.
        attempts = 4 if self._engine.orders.sent_recently(project_id, JUST_NOW) else 1
        verdicts = await self.resolve_missing([project_id], attempts=attempts)
        state = verdicts[project_id]
        if state == "lost":
            return None
        try:
            return await self.resume(project_id, deadline.remaining())
        except (ApiError, ProjectLost, TransportError) as problem:
            if state != "unknown":
                raise
            # One that has just ended is unknown, too, until its record is stored; the lookup of `resume` finds it.
            raise SubmissionUncertain(
                f"Whether project {project_id} was ordered before could not be found out; it was not ordered now.",
                hint="Call again with the same key.",
                project_id=project_id,
            ) from problem

    async def _order(
        self,
        given: dict[str, object],
        project_id: str,
        on_upload: OnUpload | None,
        version: int,
        claim: Claim | None,
        deadline: Deadline,
    ) -> Project:
        """Build, upload, send."""
        from sogni._rules.build import build_job

        options = await self._bridge.call(self._engine.catalogue.options, str(given["model_id"]), deadline)
        settings = self._engine.settings
        plan = build_job(
            given,
            project_id=project_id,
            options=options,
            app_source=settings.app_source,
            attribution=settings.attribution,
        )
        message, warnings = plan.message, (*plan.warnings, *self._lora_advice(plan.params))
        if plan.uploads:
            message, odd = await self._upload(plan, on_upload, deadline)
            warnings = (*warnings, *odd)
        for warning in warnings:
            log.warning("%s", warning)
        network = plan.params.get("network")
        entry = ProjectEntry(
            plan.project_id,
            type=plan.type,
            number_of_media=plan.number_of_media,
            params=plan.params,
            output_format=plan.output_format,
            network=network if isinstance(network, str) else None,
        )
        while True:
            await link_ready(self._engine, self._bridge, deadline)
            if claim is not None:
                # Canceling this task does not stop the thread that sends.
                claim.keep()
            try:
                await self._bridge.call(self._engine.submit, entry, message, version, claim)
                return Project(entry, self._engine, self._bridge, warnings)
            except LinkNotReady:
                # The connection went down between the two calls; nothing was written.
                continue

    async def _upload(
        self, plan: JobPlan, on_upload: OnUpload | None, deadline: Deadline
    ) -> tuple[dict[str, object], tuple[str, ...]]:
        """Brings up the files of an order; its message with their types in it, and what is odd about them."""
        from sogni._io.slots import Teller, upload_all

        teller = None if on_upload is None else Teller(on_upload, self._bridge.runner())
        try:
            files = await self._bridge.call(upload_all, self._engine, plan.uploads, plan.project_id, deadline, teller)
        finally:
            if teller is not None:
                teller.end()
        types = [file.content_type for file in files]
        return plan.annotated(types), (*plan.odd_files(types), *plan.large_files([file.size for file in files]))

    def _lora_advice(self, params: Mapping[str, object]) -> tuple[str, ...]:
        """What the LoRA catalogue has to say about an order, if it happens to be here."""
        catalog = self._engine.catalogue.known_loras(str(params.get("model_id")))
        if catalog is None:
            return ()
        from sogni._rules.loras import advice

        return advice(params, catalog)

    @property
    def tracked_projects(self) -> list[Project]:
        """The projects that this client follows: open ones, and finished ones for 30 seconds more."""
        return [Project(entry, self._engine, self._bridge) for entry in self._engine.tracked()]

    async def cancel(self, project_id: str, timeout: float | None = None) -> CancelOutcome:
        """Cancel a project by its id, tracked or not; see `Project.cancel`."""
        return await cancel_project(self._engine, self._bridge, check_project_id(project_id), Deadline(timeout))

    async def resume(self, project_id: str, timeout: float | None = None) -> Project:
        """A live handle on a project that was ordered before, by this or another process of the same app id.

        Args:
            timeout: Seconds for the whole call.
        Raises:
            ProjectLost: the service does not know the id.
            ApiError, TransportError: the service could not say; nothing was lost.
        Source: `GET /v2/projects/{id}`, `GET /v1/projects/{id}`.
        """
        from sogni._protocol.recovery import rebuild

        project_id = check_project_id(project_id)
        deadline = Deadline(timeout)
        entry = self._engine.entry(project_id)
        if entry is None:
            try:
                record = await self._bridge.call(self._engine.request, rest.project_status(project_id), deadline)
            except ApiError as refusal:
                if refusal.status != 404:
                    raise
                record = await self._stored(project_id, deadline)
            if (record.id or "").upper() != project_id:
                raise ProtocolError(f"The service answered for another project than {project_id}.")
            entry = rebuild(record, time_now())
            if record.app_id is not None and record.app_id != self._engine.settings.app_id():
                entry.stale_after = ELSEWHERE_STALE_AFTER
            entry = self._engine.adopt(entry)
            await self._bridge.call(self._engine.apply_record, project_id, record)
        if not entry.settled:
            self._engine.start_link()
        return Project(entry, self._engine, self._bridge)

    async def _stored(self, project_id: str, deadline: Deadline) -> ProjectRecord:
        try:
            return await self._bridge.call(self._engine.request, rest.project_record(project_id), deadline)
        except ApiError as refusal:
            if refusal.status != 404:
                raise
        raise ProjectLost(
            f"The service knows no project {project_id} of this account.",
            hint="A project that was ordered seconds ago may not be listed yet; look again before ordering anew.",
            project_id=project_id,
        )

    async def get(self, project_id: str, timeout: float | None = None) -> ProjectRecord:
        """The stored record of a finished project; a running one is a 404.

        Source: `GET /v1/projects/{id}`.
        """
        call = rest.project_record(check_project_id(project_id))
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def get_status(self, project_id: str, timeout: float | None = None) -> ProjectRecord:
        """What the service knows of a project of this account right now, finished or not.

        Source: `GET /v2/projects/{id}`.
        """
        call = rest.project_status(check_project_id(project_id))
        return await self._bridge.call(self._engine.request, call, Deadline(timeout))

    async def get_result(self, project_id: str, kind: str | None = None, timeout: float | None = None) -> list[Result]:
        """The results that a project of this account has delivered so far, after one look; nothing is followed.

        For media of a project that another process, or another app, has ordered: `result.url()` and `result.save()`
        work as usual, for 24 hours. `resume` gives a live project instead.

        Args:
            kind: `image`, `video`, `audio` or `model`: what a result is taken for when nothing else tells.
            timeout: Seconds for the whole call.
        Returns:
            list[Result]: in job order, withheld ones included.
        Raises:
            ApiError: 404: the service does not know the id, or it is another account's.
        Source: `GET /v2/projects/{id}`.
        """
        if kind is not None and kind not in KINDS:
            allowed = ", ".join(KINDS)
            problem = Problem("kind", f"kind is {kind!r}; it must be one of {allowed}.", value=kind, allowed=allowed)
            raise ValidationError(problems=[problem])
        record = await self.get_status(project_id, timeout)
        entry = self._engine.read_record(record)
        if kind is not None and record.model_type is None:
            entry.type = kind
        return Project(entry, self._engine, self._bridge).delivered()

    async def list_recent(
        self,
        since: datetime | float | None = None,
        limit: int = 50,
        app_source: str | None = None,
        timeout: float | None = None,
    ) -> list[RecentProject]:
        """Finished projects of this account, from any app, the newest first.

        Args:
            since: An aware datetime, or seconds since the epoch; by default a day ago, a week at most.
            limit: Renders (not projects), 1 to 100.
            app_source: Only those of this product label.
            timeout: Seconds for the whole call.
        Source: `GET /v1/jobs/list`.
        """
        return list(await self._bridge.call(self._engine.recent, since, limit, app_source, Deadline(timeout)))

    async def recover(self, timeout: float | None = None) -> list[Project]:
        """The projects that this installation ordered and lost sight of, because a process ended or crashed.

        Those that still run, and those that ended meanwhile, so that their results can be collected. What a running
        process of this installation follows is not among them. With an app id of your own, or in a sandbox, nothing is
        written down: then only what the service holds for the app id is found.

        Args:
            timeout: Seconds for the whole call.
        Raises:
            ApiError, TransportError: nothing could be looked up; what was found in spite of that is returned.
        Source: `GET /api/v1/artist/projects/sync`, `GET /v2/projects/{id}`.
        """
        deadline = Deadline(timeout)
        await self._bridge.call(self._engine.sync, "recover", deadline)
        found = {project.id: project for project in self.tracked_projects if project.recovered}
        failure: SogniError | None = None
        for project_id in await self._bridge.call(self._engine.left_behind, deadline):
            if project_id in found:
                continue
            try:
                found[project_id] = await self.resume(project_id, deadline.remaining())
            except ProjectLost:
                # It may never have arrived. A young one may not be listed yet, so it is looked for again another time.
                log.info("project %s is not known to the service", project_id)
                self._engine.orders.lost(project_id)
            except (ApiError, TransportError) as error:
                # One that cannot be looked up must not keep the others from being found.
                log.warning("project %s could not be looked up: %s", project_id, error)
                failure = failure or error
        if failure is not None and not found:
            raise failure
        if any(not project.finished for project in found.values()):
            self._engine.start_link()
        return list(found.values())

    async def sync(self, timeout: float | None = None) -> list[Project]:
        """Bring the tracked projects in line with what the service holds for this app id, and return them.

        Source: `GET /api/v1/artist/projects/sync`.
        """
        await self._bridge.call(self._engine.sync, "manual", Deadline(timeout))
        return self.tracked_projects

    async def resolve_missing(
        self, project_ids: Sequence[str], attempts: int = 4, delay: float = 2.5
    ) -> dict[str, str]:
        """What became of projects: `finished`, `terminal`, `active`, `lost` or `unknown`, by id.

        `lost` is only said when stored record, live list and live lookup all know nothing; `unknown` is never lost.

        Args:
            attempts: Looks at the stored record, which appears a while after the end.
            delay: Seconds between them.
        Source: `GET /v1/projects/{id}`, `GET /api/v1/artist/projects/active`, `GET /v2/projects/{id}`.
        """
        if isinstance(project_ids, str):
            project_ids = [project_ids]
        ids = [check_project_id(project_id) for project_id in project_ids]
        verdicts = await self._bridge.call(self._engine.resolve, ids, tries=attempts, pause=delay)
        return {project_id: verdict.state for project_id, verdict in verdicts.items()}

    async def list_projects_elsewhere(self, timeout: float | None = None) -> list[ProjectRecord]:
        """Running projects of this account that belong to other app ids.

        Source: `GET /api/v1/artist/projects/sync` without an app id.
        """
        snapshot = await self._bridge.call(self._engine.request, rest.sync(None), Deadline(timeout))
        own = self._engine.settings.app_id()
        return [
            record
            for record in snapshot.active_projects or ()
            if record.id and record.app_id and record.app_id != own and not record.is_llm
        ]

    def on(self, kind: str, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Have a plain function called whenever something happens; returns a function that ends it.

        Args:
            kind: `project` (queued, completed, failed, canceled), `job` (everything about one output),
                `available_models` (list of `AvailableModel`), `synced` (the reason) or `recovered` (a `Project`).
            callback: Runs with one argument, never on the connection thread; what it raises is logged.
        """
        wrap = {
            "project": self._present,
            "job": self._present,
            "available_models": self._models_of,
            "synced": lambda reason: reason,
            "recovered": self._handle,
        }.get(str(kind))
        if wrap is None:
            allowed = "project, job, available_models, synced, recovered"
            raise ValidationError(
                problems=[
                    Problem("kind", f"kind is {kind!r}; it must be one of {allowed}.", value=kind, allowed=allowed)
                ]
            )
        return self._engine.subscribe(kind, callback, self._bridge.runner(), wrap)

    def _present(self, item: Any) -> object:
        entry, event = item if isinstance(item, tuple) else (item.job.project, item)
        return present(entry, event, self._engine, self._bridge)

    def _handle(self, entry: Any) -> object:
        return Project(entry, self._engine, self._bridge)


def _merged(params: object, fields: dict[str, object]) -> dict[str, object]:
    if params is None:
        return fields
    as_params = getattr(params, "as_params", None)
    if as_params is None:
        problem = Problem(
            "params",
            f"create takes an ImageParams, VideoParams or AudioParams, or keywords; not {type(params).__name__}.",
            allowed="ImageParams, VideoParams, AudioParams",
        )
        raise ValidationError(problems=[problem])
    return {**as_params(), **fields}
