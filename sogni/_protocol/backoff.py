"""How long to wait before the next try to connect."""

from __future__ import annotations

FIRST = 1.0
LONGEST = 15.0
JITTER = 0.2


def reconnect_delay(attempt: int, chance: float) -> float:
    """Seconds before try number `attempt` (from 0): 1, 2, 4, 8, 15, 15, ... by a factor of 0.8 to 1.2.

    Args:
        chance: A random number from 0 to 1, so that many clients do not come back at once.
    """
    # Beyond a few doublings the cap holds anyway, and 2**1024 would be no float.
    base = min(LONGEST, FIRST * float(2 ** min(attempt, 8)))
    return base * (1 - JITTER + 2 * JITTER * chance)
