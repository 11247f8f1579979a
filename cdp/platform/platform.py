"""The product as it is handed to the API."""

from __future__ import annotations

from api.platform import (
    Collecting,
    EvidenceTrials,
    Feed,
    IdentityCommands,
    Moment,
    ProfileLists,
    Readiness,
    Reasons,
    Recommending,
    SegmentCommands,
    Stats,
)
from cdp.platform.past.keeping import PastKeeping
from cdp.platform.standing import Standing
from graph_schema.model.time import Micros


class EmbeddedPlatform:
    """Implements `api.platform.Platform`: its parts, and how far the graph is behind."""

    def __init__(
        self,
        collecting: Collecting,
        profiles: ProfileLists,
        segments: SegmentCommands,
        changes: IdentityCommands,
        reasons: Reasons,
        trials: EvidenceTrials,
        recommending: Recommending,
        feed: Feed,
        standing: Standing,
        past: PastKeeping,
    ) -> None:
        self.collecting: Collecting = collecting
        self.profiles: ProfileLists = profiles
        self.segments: SegmentCommands = segments
        self.changes: IdentityCommands = changes
        self.reasons: Reasons = reasons
        self.trials: EvidenceTrials = trials
        self.recommending: Recommending = recommending
        self.feed: Feed = feed
        self._standing = standing
        self._past = past

    async def at(self, t: Micros) -> Moment:
        return await self._past.at(t)

    async def stats(self) -> Stats:
        return await self._standing.stats()

    async def readiness(self) -> Readiness:
        return await self._standing.readiness()
