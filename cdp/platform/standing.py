"""How far the graph is behind the log."""

from __future__ import annotations

import time

from api.platform import Readiness, Stats
from cdp.eventlog.protocol import EventLog
from graph_schema.errors import StoreError
from graph_schema.model.time import SECOND
from graph_schema.model.time import now as wall_clock
from graph_schema.store import GraphReading

REMEMBERED_S = 0.2
"""So long an answer about the backlog is good enough: asking costs two reads."""


class Standing:
    """Answers readiness, lag and backlog, of the embedded log's one partition."""

    def __init__(self, log: EventLog, store: GraphReading, lag_limit_s: float) -> None:
        self._log = log
        self._store = store
        self._lag_limit_s = lag_limit_s
        self._backlog = 0
        self._asked_at = float("-inf")

    async def backlog(self) -> int:
        """Bytes that lie in the log and not yet in the graph."""
        if time.monotonic() - self._asked_at > REMEMBERED_S:
            self._asked_at = time.monotonic()
            self._backlog = await self._log.bytes_after(0, await self._applied())
        return self._backlog

    async def lag_s(self) -> float:
        """Seconds between the newest record of the log and the newest one applied."""
        checkpoints = await self._store.checkpoints()
        if not checkpoints or checkpoints[0].position == 0:
            return 0.0 if await self._log.end(0) == 0 else (await self._age_of_newest())
        newest = await self._log.newest_at(0)
        return max(0.0, (newest - checkpoints[0].rec) / SECOND)

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

    async def _applied(self) -> int:
        checkpoints = await self._store.checkpoints()
        return checkpoints[0].position if checkpoints else 0

    async def _age_of_newest(self) -> float:
        return max(0.0, (wall_clock() - await self._log.newest_at(0)) / SECOND)
