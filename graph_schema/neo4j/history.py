"""What was known at an earlier moment, as readers of Neo4j ask for it."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema import columns
from graph_schema.model.evidence import Seen
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.segment import Membership, Segment
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.neo4j import rows
from graph_schema.neo4j.paging import (
    EVER,
    LAST,
    bounds_of,
    distinct,
    grouped,
    in_order,
    names_of,
    page_of,
)
from graph_schema.neo4j.pairs import pair_of
from graph_schema.neo4j.statements import Single
from graph_schema.store import Page, Span, StoredEvent


class Neo4jHistory:
    """Implements `graph_schema.knowledge.HistoryReading`. Each method is one statement, but for
    `seen_at`."""

    @property
    def _single(self) -> Single:
        raise NotImplementedError

    async def known_since(self) -> Micros:
        return int((await self._single.rows("known_since"))[0][0])

    # ── identifiers and evidence ───────────────────────────────────────────────────────────────

    async def identifiers_at(self, keys: Sequence[Key], t: Micros) -> list[Identifier | None]:
        found = await self._single.rows("identifiers_at", keys=distinct(keys), t=t)
        return in_order(keys, {row[0]: columns.identifier(row) for row in found})

    async def members_at(self, profiles: Sequence[str], t: Micros) -> list[list[Identifier]]:
        found = await self._single.rows("members_at", profiles=distinct(profiles), t=t)
        return grouped(profiles, ((row[7], columns.identifier(row)) for row in found))

    async def seen_at(self, keys: Sequence[Key], t: Micros) -> list[Seen]:
        """Two statements: the digests that find the facts are not made by the server."""
        edges = await self._single.each("evidence_of", "keys", distinct(keys))
        if not edges:
            return []
        pairs = sorted({pair_of(a, b, kind) for a, b, kind in edges})
        return [columns.seen(row) for row in await self._single.rows("seen_at", pairs=pairs, t=t)]

    # ── sessions and events ────────────────────────────────────────────────────────────────────

    async def sessions_about(self, keys: Sequence[Key], t: Micros) -> list[Session]:
        found = await self._single.rows("sessions_about", keys=distinct(keys), t=t)
        return [rows.session(row) for row in found]

    async def sessions_within(self, reaches: Sequence[tuple[Key, Micros, Micros]]) -> list[Session]:
        asked = [list(reach) for reach in dict.fromkeys(reaches)]
        found = await self._single.rows("sessions_within", reaches=asked)
        return [rows.session(row) for row in found]

    async def sessions_holding(self, mids: Sequence[str]) -> list[Session]:
        found = await self._single.rows("sessions_holding", mids=distinct(mids))
        return [rows.session(row) for row in found]

    async def events_at(self, sessions: Sequence[str], t: Micros) -> list[StoredEvent]:
        found = await self._single.rows("events_at", sessions=distinct(sessions), t=t)
        return [columns.stored_event(row) for row in found]

    async def event_page_at(
        self, sessions: Sequence[str], names: Sequence[str] | None, span: Span, t: Micros
    ) -> Page[StoredEvent]:
        at, mid = span.after or (None, "")
        found = await self._single.rows(
            "event_page_at",
            sessions=distinct(sessions), names=names_of(names), t=t, at=at, mid=mid,
            limit=span.first + 1, **bounds_of(span),
        )  # fmt: skip
        return page_of(map(columns.stored_event, found), span.first)

    # ── segments ───────────────────────────────────────────────────────────────────────────────

    async def memberships_at(self, profiles: Sequence[str], t: Micros) -> list[list[Membership]]:
        found = await self._single.rows("memberships_at", profiles=distinct(profiles), t=t)
        return grouped(profiles, ((row[0], columns.membership(row)) for row in found))

    async def member_page_at(
        self, segment: str, order: str, span: Span, t: Micros
    ) -> Page[Membership]:
        asked: dict[str, object] = {"segment": segment, "limit": span.first + 1, "t": t}
        if order == "SINCE_DESC":
            at, id_ = span.after or (EVER, LAST)
            found = await self._single.rows("members_by_since_at", at=at, id=id_, **asked)
        else:
            (id_,) = span.after or ("",)
            found = await self._single.rows("members_by_id_at", id=id_, **asked)
        return page_of(map(columns.membership, found), span.first)

    async def segment_sizes_at(self, keys: Sequence[str], t: Micros) -> list[int]:
        sizes = dict(await self._single.rows("segment_sizes_at", keys=distinct(keys), t=t))
        return [sizes.get(key, 0) for key in keys]

    async def segments_at(self, t: Micros) -> list[Segment]:
        return [columns.segment(row) for row in await self._single.rows("segments_at", t=t)]
