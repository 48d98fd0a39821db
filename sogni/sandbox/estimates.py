"""What a render costs: made-up but plausible, the same for the same request, charged exactly as quoted."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import attrs

from .catalog import Model

#: US dollars for one second of rendering, and what one token is worth in dollars.
USD_PER_SECOND = Decimal("0.0005")
USD_PER_TOKEN = {"spark": Decimal("0.005"), "sogni": Decimal("0.02")}
TOKENS = tuple(USD_PER_TOKEN)


@attrs.frozen(kw_only=True)
class Work:
    """What is to be rendered, as far as the price depends on it."""

    kind: str
    steps: float
    count: int = 1
    width: float = 1024
    height: float = 1024
    frames: float = 0
    seconds: float = 0
    previews: int = 0
    references: int = 0


@attrs.frozen
class Cost:
    """Price of one project."""

    render_seconds: Decimal
    usd: Decimal

    def tokens(self, token: str) -> Decimal:
        """The price in one token."""
        return _round(self.usd / USD_PER_TOKEN[token], 4)


def price(model: Model, work: Work) -> Cost:
    """Price of some work on a model."""
    benchmark = model.tier.get("benchmark") or {}
    base = Decimal(str(benchmark.get("sec", 4)))
    area = Decimal(str(max(work.width * work.height, 1))) / Decimal(1 << 20)
    default = Decimal(str(model.default("steps", 20) or 20))
    effort = Decimal(str(work.steps)) / default if work.steps else Decimal(1)
    if work.kind == "video":
        size = area * Decimal(str(max(work.frames, 1))) / 24
    elif work.kind == "audio":
        size = Decimal(str(max(work.seconds, 1))) / 30
    else:
        size = area
    extra = 1 + Decimal("0.05") * (work.previews + work.references)
    seconds = base * max(effort, Decimal("0.05")) * max(size, Decimal("0.05")) * extra
    fee = Decimal(str(model.tier.get("modelFeeUSD", 0)))
    usd = _round((seconds * USD_PER_SECOND + fee) * max(work.count, 1), 6)
    return Cost(_round(seconds * max(work.count, 1), 2), max(usd, Decimal("0.000100")))


def quote(model: Model, work: Work, token: str, request: dict[str, object]) -> dict[str, object]:
    """The answer of an estimate route."""
    cost = price(model, work)
    single = price(model, attrs.evolve(work, count=1))
    return {
        "request": request,
        "rate": {"costPerRenderSecInUSD": str(USD_PER_SECOND)},
        "quote": {
            "model": {"id": model.id, "weight": "1.0"},
            "job": _amounts(single, token),
            "project": _amounts(cost, token),
        },
        "benchmark": {
            "medianRenderTimeSec": float(single.render_seconds),
            "estimatedRenderTimeSec": float(single.render_seconds),
            "estimatedWaitTimeSec": 1.0,
            "estimatedTotalTimeSec": float(cost.render_seconds) + 1.0,
            "sampleCount": 100,
            "confidence": 0.9,
        },
    }


def _amounts(cost: Cost, token: str) -> dict[str, str]:
    return {
        "costInRenderSec": str(cost.render_seconds),
        "costInUSD": str(cost.usd),
        "costInToken": str(cost.tokens(token)),
        "costInSpark": str(cost.tokens("spark")),
        "costInSogni": str(cost.tokens("sogni")),
    }


def _round(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
