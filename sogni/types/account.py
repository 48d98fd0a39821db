"""What an account pays: the estimated cost of a request."""

from __future__ import annotations

from decimal import Decimal

from attrs import field, frozen

__all__ = ["CostEstimate"]


@frozen(kw_only=True)
class CostEstimate:
    """What a project would cost, in every currency, with the digits that the service sent.

    Attributes:
        token: In the token type that was asked for.
        usd: In US dollars.
        spark: In Spark.
        sogni: In SOGNI.
        estimated_render_seconds: Rendering time; None when the service has too few samples.
        estimated_total_seconds: Rendering time plus waiting in the queue.
        daily_fair_use_pct: Share of the day's fair use that this takes, in percent; subscribers only.
        extra: Everything else of the answer, as sent.
    Source: the four estimate endpoints.
    """

    token: Decimal
    usd: Decimal
    spark: Decimal
    sogni: Decimal
    estimated_render_seconds: float | None = None
    estimated_total_seconds: float | None = None
    daily_fair_use_pct: float | None = None
    extra: dict[str, object] = field(factory=dict)
