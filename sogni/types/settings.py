"""How long to wait for the network and how often to ask it again."""

from __future__ import annotations

import math

from attrs import Attribute, field, frozen

from ..errors import ConfigError

__all__ = ["Retries", "Timeouts"]


def _positive(instance: object, attribute: Attribute[float], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ConfigError(f"{type(instance).__name__}.{attribute.name} must be a positive number, not {value!r}.")


def _count(instance: object, attribute: Attribute[int], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{type(instance).__name__}.{attribute.name} must be a whole number from 1, not {value!r}.")


@frozen(kw_only=True)
class Timeouts:
    """Limits of a single network operation; a call's own `timeout=` ends it earlier.

    They bound silence, not work: a large upload may take as long as it keeps moving.

    Attributes:
        connect: Seconds to reach the server, TLS included.
        read: Seconds without an answer before a call is given up.
        transfer: The same for uploads and downloads of media.
    """

    connect: float = field(default=10.0, validator=_positive)
    read: float = field(default=30.0, validator=_positive)
    transfer: float = field(default=300.0, validator=_positive)


@frozen(kw_only=True)
class Retries:
    """How often something that may be asked twice is asked again. A project is never ordered twice by this.

    Attributes:
        tries: Tries in all; 1 means never again.
        budget: Seconds that the waits between tries may add up to. When the server wishes a longer one, its answer is
            raised instead.
    """

    tries: int = field(default=4, validator=_count)
    budget: float = field(default=30.0, validator=_positive)
