"""Evidence, decisions and histories, as readers of Neo4j ask for them."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema import columns
from graph_schema.knowledge import RecordedAt
from graph_schema.model.change import FeedEntry, IdentityChange
from graph_schema.model.evidence import Decision, EdgeKey, Seen
from graph_schema.model.identifier import Key
from graph_schema.model.rules import RulesVersion
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.neo4j import evidence, rows
from graph_schema.neo4j.paging import EVER, bounds_of, distinct, grouped, in_order, page_of
from graph_schema.neo4j.pairs import pair_of
from graph_schema.neo4j.statements import Single
from graph_schema.store import Clusters, Page, Span


class Neo4jKnowledge:
    """Implements `graph_schema.knowledge.EvidenceReading` and `ChangeReading`."""

    @property
    def _single(self) -> Single:
        raise NotImplementedError

    async def clusters(self, keys: Sequence[Key], most: int | None = None) -> Clusters:
        return await evidence.clusters(self._single, keys, most)

    async def halves(self, edges: Sequence[EdgeKey]) -> list[Seen]:
        return await evidence.halves(self._single, edges)

    async def decisions(self, after: RecordedAt) -> list[Decision]:
        return await evidence.decisions(self._single, after)

    async def rules(self, after: int) -> list[RulesVersion]:
        return await evidence.rules(self._single, after)

    async def outdated_count(self, version: int) -> int:
        found = await self._single.rows("outdated_count", version=version)
        return int(found[0][0])

    async def sessions_between(self, devices: Sequence[Key], users: Sequence[Key]) -> list[Session]:
        return await evidence.sessions_between(self._single, devices, users)

    async def changes_by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        return await evidence.changes_by_ids(self._single, ids)

    async def decisions_by_ids(self, ids: Sequence[str]) -> list[Decision | None]:
        found = await self._single.rows("decisions_by_ids", ids=distinct(ids))
        return in_order(ids, {row[0]: rows.decision(row) for row in found})

    async def decisions_about(self, ids: Sequence[str]) -> list[Decision]:
        found = await self._single.rows("decisions_about", ids=distinct(ids))
        return [rows.decision(row) for row in found]

    async def decisions_naming(self, keys: Sequence[Key]) -> list[Decision]:
        found = await self._single.rows("decisions_naming", keys=distinct(keys))
        return [rows.decision(row) for row in found]

    async def newest_seen(self, edges: Sequence[EdgeKey], limit: int) -> list[list[Seen]]:
        pairs = [pair_of(*edge) for edge in edges]
        found = await self._single.rows("newest_seen", pairs=distinct(pairs), limit=limit)
        return grouped(pairs, ((row[0], columns.seen(row[1:])) for row in found))

    async def history_pages(
        self, lineages: Sequence[Sequence[str]], span: Span
    ) -> list[Page[FeedEntry]]:
        at, id_ = span.after or (None, "")
        found = await self._single.rows(
            "history_pages",
            lineages=[distinct(ids) for ids in lineages], at=at, id=id_, limit=span.first + 1,
            **bounds_of(span),
        )  # fmt: skip
        entries: list[list[FeedEntry]] = [[] for _ in lineages]
        for place, *row in found:
            entries[place].append(rows.feed_entry(row))
        return [page_of(found, span.first) for found in entries]

    async def history_counts(
        self, lineages: Sequence[Sequence[str]], until: Micros | None
    ) -> list[int]:
        found = await self._single.rows(
            "history_counts",
            lineages=[distinct(ids) for ids in lineages],
            until=EVER if until is None else until,
        )
        counts = dict(found)
        return [counts.get(place, 0) for place in range(len(lineages))]
