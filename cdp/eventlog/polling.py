"""Waiting for what another process may append: by looking, which needs no channel between the two."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

POLL_S = 0.01


async def until(end: Callable[[], Awaitable[int]], after: int, timeout_s: float) -> bool:
    """Whether `end()` has gone past `after` within `timeout_s` seconds; looks at least once."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while await end() <= after:
        left = deadline - loop.time()
        if left <= 0:
            return False
        await asyncio.sleep(min(POLL_S, left))
    return True
