"""What the service tells an account unasked: limits, short messages, announcements."""

from __future__ import annotations

from datetime import datetime
from typing import Union

from attrs import field, frozen

__all__ = ["Announcement", "AnnouncementAction", "LimitNotice", "Notice", "Toast"]


@frozen(kw_only=True)
class LimitNotice:
    """A limit of the plan was reached, or is near.

    Attributes:
        severity: `info`, `warning` or `error`.
        reason: Which limit.
        code: The service's number or word.
        message: For people.
        current_plan, subscription_tier: The plan in use.
        fair_use: As sent.
        required_plans: Plans that would help.
        extra: Fields this version does not know.
    Source: frame `subscriptionLimitNotice`, to be asked for with `set_socket_events`.
    """

    severity: str = "info"
    reason: str | None = None
    code: object = None
    message: str = ""
    current_plan: object = None
    subscription_tier: str | None = None
    fair_use: object = None
    required_plans: tuple[str, ...] = ()
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Toast:
    """A short message.

    Attributes:
        type: `info`, `success`, `warning` or `error`.
        message: For people.
        auto_close: Seconds to show it; None until it is closed.
        sticky_id: Equal for messages of which only the newest is to be shown.
        extra: Fields this version does not know.
    Source: frame `toastMessage`.
    """

    type: str = "info"
    message: str = ""
    auto_close: float | None = None
    sticky_id: str | None = None
    extra: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class AnnouncementAction:
    """A button of an announcement.

    Attributes:
        label: Its text.
        href: Where it leads: an absolute http(s) address that nobody has checked.
        external: Whether it leads away from the service.
    """

    label: str = ""
    href: str = ""
    external: bool = False


@frozen(kw_only=True)
class Announcement:
    """Something that the service wants to be known. Text and addresses come from outside: show them with care.

    Attributes:
        id: What `announcements.dismiss` takes; equal whenever it comes again.
        kind: `toast` or `banner`.
        severity: `info`, `success`, `warn` or `danger`.
        icon: Name of a picture.
        accent: A colour, `#RRGGBB`.
        title: Its title.
        body_markdown: Its text: paragraphs, bold, italic, code, strikethrough, links, line breaks.
        pinned: Whether it comes again with every connection.
        dismissible: Whether it can be dismissed.
        auto_close: Seconds to show it.
        actions: Its buttons; only those that lead to http(s) addresses.
        starts_at, ends_at: When it counts.
        extra: Fields this version does not know.
    Source: GET /v1/announcements/active, frame `appAlert`.
    """

    id: str = ""
    kind: str = "toast"
    severity: str = "info"
    icon: str | None = None
    accent: str | None = None
    title: str = ""
    body_markdown: str = ""
    pinned: bool = False
    dismissible: bool = False
    auto_close: float | None = None
    actions: tuple[AnnouncementAction, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    extra: dict[str, object] = field(factory=dict)


Notice = Union[LimitNotice, Toast, Announcement]
