"""What `list_recent` shows: finished renders of the last days, grouped by project."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .project import JobStatus

__all__ = ["RecentJob", "RecentProject"]


@frozen(kw_only=True)
class RecentJob:
    """One finished render.

    Attributes:
        id: Render id.
        status: How it ended.
        sensitive_content_withheld: True when the filter withheld it: there are no media.
        finished_at: When it ended.
    """

    id: str
    status: JobStatus
    sensitive_content_withheld: bool = False
    finished_at: datetime | None = None


@frozen(kw_only=True)
class RecentProject:
    """A project with renders that finished lately.

    Attributes:
        id: Project id.
        model_id, model_name: The model.
        app_source: Label of the product that ordered it.
        finished_at: When its last render ended.
        jobs: Its renders, as far as they are within the window.
    Source: GET /v1/jobs/list.
    """

    id: str
    model_id: str | None = None
    model_name: str | None = None
    app_source: str | None = None
    finished_at: datetime | None = None
    jobs: tuple[RecentJob, ...] = ()
