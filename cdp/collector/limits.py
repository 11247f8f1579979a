"""How much is taken, and when no more is."""

from __future__ import annotations

import math

import msgspec

LONGEST_PAUSE_S = 60


class Limits(msgspec.Struct, frozen=True):
    """Bytes as they are after inflating. `event_bytes` holds for an event with what its batch shares
    (the batch's `context`); `merged_bytes` for all of them together: what is shared is kept with each
    event, so without it a small request could become a large one."""

    event_bytes: int = 32 * 1024
    request_bytes: int = 500 * 1024
    events: int = 2_500
    merged_bytes: int = 8 * 1024 * 1024
    nesting: int = 64
    backlog_bytes: int = 256 * 1024 * 1024


def pause_for(backlog: int, limits: Limits) -> int | None:
    """After how many seconds a client should try again, or None where it need not wait.

    `backlog`: bytes that lie in the log and not yet in the graph. The pause grows with how far it
    is over the limit: 1 second just above, `LONGEST_PAUSE_S` at twice the limit and beyond.
    """
    over = backlog - limits.backlog_bytes
    if over <= 0:
        return None
    return min(LONGEST_PAUSE_S, max(1, math.ceil(LONGEST_PAUSE_S * over / limits.backlog_bytes)))
