"""Waiting for appends: those of this process ring a bell, those of another are found by looking."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

POLL_S = 0.01


class Bell:
    """Wakes who waits in the same event loop."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def heard(self, timeout_s: float) -> None:
        """Returns when the bell rings, or after `timeout_s` seconds."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait({future}, timeout=timeout_s)
        finally:
            self._waiting.discard(future)


async def until(there: Callable[[], Awaitable[bool]], timeout_s: float, bell: Bell) -> bool:
    """Whether `there()` holds within `timeout_s` seconds; looks at least once, again when the bell
    rings, and every `POLL_S` seconds, since another process cannot ring it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not await there():
        left = deadline - loop.time()
        if left <= 0:
            return False
        await bell.heard(min(POLL_S, left))
    return True
