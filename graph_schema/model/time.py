"""One unit of time in the whole product: microseconds since 1970, UTC, as int."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

Micros: TypeAlias = int

MILLISECOND: Final = 1_000
SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
HALF_HOUR: Final = 30 * MINUTE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now() -> Micros:
    """The wall clock."""
    return time.time_ns() // 1_000


def from_iso(text: str) -> Micros:
    """Reads ISO 8601; a time without an offset is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def to_iso(at: Micros) -> str:
    """ISO 8601 in UTC with milliseconds: 2026-11-23T10:00:00.000Z. Rounds down."""
    return _written(at, "milliseconds")


def to_exact_iso(at: Micros) -> str:
    """As `to_iso`, but with microseconds where there are any: it reads back as the same moment."""
    return _written(at, "milliseconds" if at % 1000 == 0 else "microseconds")


def _written(at: Micros, precision: str) -> str:
    # Not strftime: its years before 1000 have less than four digits on some systems.
    return f"{(_EPOCH + timedelta(microseconds=at)).isoformat(timespec=precision)[:-6]}Z"
