"""Answering for an earlier moment: whether the past reaches there, and what was known then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from api.errors import AsOfTooNew, AsOfTooOld
from api.platform import IdentityChanges, Profiles, Reasons, Segments
from cdp.eventlog.protocol import EventLog
from cdp.platform.identity_changes import KnownChanges
from cdp.platform.known_segments import KnownSegments
from cdp.platform.past.reading import PastReading
from cdp.platform.profiles import KnownProfiles
from cdp.platform.reasons import KnownReasons
from cdp.platform.rules import KnownRules
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import Micros, to_iso
from graph_schema.store import GraphStore

WAIT_S = 2.0
_POLL_S = 0.02


class PastMoment:
    """Implements `api.platform.Moment` for `t`."""

    def __init__(self, store: GraphStore, rules: IdentityRules, t: Micros) -> None:
        reading = PastReading(store, rules, t)
        self.profiles: Profiles = KnownProfiles(reading, rules)
        self.segments: Segments = KnownSegments(reading, lambda: t)
        self.changes: IdentityChanges = KnownChanges(reading)
        self.reasons: Reasons = KnownReasons(reading, rules)


class PastKeeping:
    """`now` is the clock that dates the log's records."""

    def __init__(
        self,
        log: EventLog,
        store: GraphStore,
        rules: IdentityRules,
        now: Callable[[], Micros],
        wait_s: float = WAIT_S,
    ) -> None:
        self._log = log
        self._store = store
        self._rules = KnownRules(store, rules)
        self._now = now
        self._wait_s = wait_s

    async def at(self, t: Micros) -> PastMoment:
        """Waits a moment for what was recorded by then. Raises AsOfTooNew, AsOfTooOld."""
        since = await self._store.known_since()
        if t < since:
            raise AsOfTooOld(since=to_iso(since + 999))
        until = time.monotonic() + self._wait_s
        while not await self._settled(t):
            if time.monotonic() > until:
                raise AsOfTooNew(asked=to_iso(t))
            await asyncio.sleep(_POLL_S)
        return PastMoment(self._store, await self._rules.at(t), t)

    async def _settled(self, t: Micros) -> bool:
        """Whether all that was, or can still be, recorded by then is applied. What is appended from now
        on is dated later than now."""
        now = self._now()
        tails = await self._log.tails()
        known = {checkpoint.partition: checkpoint for checkpoint in await self._store.checkpoints()}
        for partition, tail in tails.items():
            stands = known.get(partition)
            applied, rec = (stands.position, stands.rec) if stands is not None else (0, 0)
            if rec < t and (t >= now or applied < tail.position):
                return False
        return True
