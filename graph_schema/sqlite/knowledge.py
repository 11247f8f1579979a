"""Evidence, decisions and histories, as readers of the embedded store ask for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from graph_schema import columns
from graph_schema.knowledge import RecordedAt
from graph_schema.model.change import FeedEntry, IdentityChange
from graph_schema.model.evidence import Decision, EdgeKey, Seen
from graph_schema.model.identifier import Key
from graph_schema.model.rules import RulesVersion
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.queries import queries
from graph_schema.sqlite import evidence, rows
from graph_schema.sqlite.evidence import as_json, fetch
from graph_schema.sqlite.paging import (
    bounds_of,
    feed_entry,
    in_order,
    page_of,
    since_until,
)
from graph_schema.sqlite.pool import ReaderPool
from graph_schema.store import Clusters, Page, Span


class SqliteKnowledge:
    """Implements `graph_schema.knowledge.EvidenceReading` and `ChangeReading`. Each method is one
    reading transaction."""

    _pool: ReaderPool

    async def clusters(self, keys: Sequence[Key], most: int | None = None) -> Clusters:
        return await self._pool.run(lambda connection: evidence.clusters(connection, keys, most))

    async def halves(self, edges: Sequence[EdgeKey]) -> list[Seen]:
        return await self._pool.run(lambda connection: evidence.halves(connection, edges))

    async def decisions(self, after: RecordedAt) -> list[Decision]:
        return await self._pool.run(lambda connection: evidence.decisions(connection, after))

    async def rules(self, after: int) -> list[RulesVersion]:
        return await self._pool.run(lambda connection: evidence.rules(connection, after))

    async def outdated_count(self, version: int) -> int:
        found = await self._pool.run(
            lambda connection: fetch(connection, "outdated_count", version=version)
        )
        return int(found[0][0])

    async def sessions_between(self, devices: Sequence[Key], users: Sequence[Key]) -> list[Session]:
        return await self._pool.run(
            lambda connection: evidence.sessions_between(connection, devices, users)
        )

    async def changes_by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        return await self._pool.run(lambda connection: evidence.changes_by_ids(connection, ids))

    async def decisions_by_ids(self, ids: Sequence[str]) -> list[Decision | None]:
        found = await self._pool.run(
            lambda connection: fetch(connection, "decisions_by_ids", ids=as_json(ids))
        )
        return in_order(ids, {row[0]: rows.decision(row) for row in found})

    async def decisions_about(self, ids: Sequence[str]) -> list[Decision]:
        found = await self._pool.run(
            lambda connection: fetch(connection, "decisions_about", ids=as_json(ids))
        )
        return [rows.decision(row) for row in found]

    async def decisions_naming(self, keys: Sequence[Key]) -> list[Decision]:
        found = await self._pool.run(
            lambda connection: fetch(connection, "decisions_naming", keys=as_json(keys))
        )
        return [rows.decision(row) for row in found]

    async def newest_seen(self, edges: Sequence[EdgeKey], limit: int) -> list[list[Seen]]:
        return await self._pool.run(
            lambda connection: [_newest_seen(connection, edge, limit) for edge in edges]
        )

    async def history_pages(
        self, lineages: Sequence[Sequence[str]], span: Span
    ) -> list[Page[FeedEntry]]:
        wanted = bounds_of(span)

        def one(connection: sqlite3.Connection, lineage: Sequence[str]) -> Page[FeedEntry]:
            found = fetch(connection, "history_page", lineage=as_json(lineage), **wanted)
            return page_of(map(feed_entry, found), span.first)

        return await self._pool.run(lambda connection: [one(connection, ids) for ids in lineages])

    async def history_counts(
        self, lineages: Sequence[Sequence[str]], until: Micros | None
    ) -> list[int]:
        _, end = since_until(Span(0, until=until))

        def one(connection: sqlite3.Connection, lineage: Sequence[str]) -> int:
            found = fetch(connection, "history_count", lineage=as_json(lineage), until=end)
            return int(found[0][0])

        return await self._pool.run(lambda connection: [one(connection, ids) for ids in lineages])


def _newest_seen(connection: sqlite3.Connection, edge: EdgeKey, limit: int) -> list[Seen]:
    """Reads no further than it must: an edge may have thousands of half-hours."""
    a, b, kind = edge
    found: dict[int, Seen] = {}
    query = queries("graph_schema.sqlite")["newest_seen"]
    cursor = connection.execute(query, {"a": a, "b": b, "kind": kind.value})
    for row in cursor:
        if row[3] not in found and len(found) == limit:
            break
        found[row[3]] = columns.seen(row)
    cursor.close()
    return list(found.values())
