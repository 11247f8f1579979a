"""The audit trail of profiles that became other profiles."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema.model.change import FeedEntry, IdentityChange
from graph_schema.model.time import Micros
from graph_schema.store import GraphReading, Page, Span


class StoredChanges:
    """Implements `api.platform.IdentityChanges` on a graph store."""

    def __init__(self, store: GraphReading) -> None:
        self._store = store

    async def by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        return await self._store.changes_by_ids(ids)

    async def page(self, kinds: Sequence[str] | None, span: Span) -> Page[FeedEntry]:
        return await self._store.change_page(_lowered(kinds), span)

    async def count(
        self, kinds: Sequence[str] | None, since: Micros | None, until: Micros | None
    ) -> int:
        return await self._store.change_count(_lowered(kinds), since, until)


def _lowered(kinds: Sequence[str] | None) -> list[str] | None:
    return None if kinds is None else [kind.lower() for kind in kinds]
