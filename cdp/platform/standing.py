"""How far the graph is behind the log."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from api.platform import Readiness, Stats
from cdp.eventlog.protocol import EventLog
from graph_schema.errors import StoreError, StoreUnavailable
from graph_schema.model.time import SECOND
from graph_schema.model.time import now as wall_clock
from graph_schema.store import GraphReading

REMEMBERED_S = 0.2
"""So long an answer about the backlog is good enough: asking costs a read of each store."""
PATIENCE_S = 0.5
"""So long collecting waits to hear where the graph stands; then it goes by what it last heard."""


class Standing:
    """Answers readiness, lag and backlog, over all partitions of the log."""

    def __init__(self, log: EventLog, store: GraphReading, lag_limit_s: float) -> None:
        self._log = log
        self._store = store
        self._lag_limit_s = lag_limit_s
        self._applied: dict[int, int] | None = None
        self._looking: asyncio.Task[dict[int, int]] | None = None
        self._backlog = 0
        self._asked_at = float("-inf")

    async def backlog(self) -> int:
        """Bytes that lie in the log and not yet in the graph. While the graph is away it is told from
        where the graph was last seen: collecting goes on."""
        if time.monotonic() - self._asked_at > REMEMBERED_S:
            self._asked_at = time.monotonic()
            await self._hear()
            if self._applied is not None:
                self._backlog = (await self._log.backlog(self._applied)).bytes
        return self._backlog

    async def lag_s(self) -> float:
        """For how many seconds the oldest record has waited that is not yet in the graph."""
        backlog = await self._log.backlog(await self._look())
        if not backlog.oldest_at:
            return 0.0
        return max(0.0, (wall_clock() - backlog.oldest_at) / SECOND)

    async def readiness(self) -> Readiness:
        try:
            lag = await self.lag_s()
        except StoreError as error:
            return Readiness(False, error.message, 0.0)
        if lag > self._lag_limit_s:
            return Readiness(False, f"The graph is {lag:.0f} s behind the log.", lag)
        return Readiness(True, "", lag)

    async def stats(self) -> Stats:
        totals = await self._store.totals()
        return Stats(
            profiles=totals.profiles,
            identifiers=totals.identifiers,
            sessions=totals.sessions,
            events=totals.events,
            items=totals.items,
            dead_letters=totals.dead_letters + await self._log.dead_letter_count(),
            lag=await self.lag_s(),
            as_of=wall_clock(),
        )

    async def _hear(self) -> None:
        """Learns where the graph stands, unless that takes too long; one question at a time."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="where the graph stands")
        looking = self._looking
        await asyncio.wait({looking}, timeout=PATIENCE_S)
        if looking.done():
            with suppress(StoreUnavailable):  # readiness tells of it
                self._applied = looking.result()

    async def _look(self) -> dict[int, int]:
        return {c.partition: c.position for c in await self._store.checkpoints()}
