"""The product as it is handed to the API."""

from __future__ import annotations

from api.platform import (
    Collecting,
    Feed,
    IdentityChanges,
    Profiles,
    Readiness,
    Reasons,
    Recommending,
    Segments,
    Stats,
)
from cdp.platform.standing import Standing


class EmbeddedPlatform:
    """Implements `api.platform.Platform`: its parts, and how far the graph is behind."""

    def __init__(
        self,
        collecting: Collecting,
        profiles: Profiles,
        segments: Segments,
        changes: IdentityChanges,
        reasons: Reasons,
        recommending: Recommending,
        feed: Feed,
        standing: Standing,
    ) -> None:
        self.collecting: Collecting = collecting
        self.profiles: Profiles = profiles
        self.segments: Segments = segments
        self.changes: IdentityChanges = changes
        self.reasons: Reasons = reasons
        self.recommending: Recommending = recommending
        self.feed: Feed = feed
        self._standing = standing

    async def stats(self) -> Stats:
        return await self._standing.stats()

    async def readiness(self) -> Readiness:
        return await self._standing.readiness()
