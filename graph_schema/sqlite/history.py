"""What was known at an earlier moment, as readers of the embedded store ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from graph_schema import columns
from graph_schema.model.evidence import Seen
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.segment import Membership, Segment
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.sqlite import rows
from graph_schema.sqlite.evidence import as_json, fetch
from graph_schema.sqlite.paging import bounds_of, grouped, in_order, names_json, page_of
from graph_schema.sqlite.pool import ReaderPool
from graph_schema.store import Page, Span, StoredEvent

_segment = msgspec.json.Decoder(Segment).decode


class SqliteHistory:
    """Implements `graph_schema.knowledge.HistoryReading`. Each method is one reading transaction."""

    _pool: ReaderPool

    async def known_since(self) -> Micros:
        return int((await self._past("known_since"))[0][0])

    async def identifiers_at(self, keys: Sequence[Key], t: Micros) -> list[Identifier | None]:
        found = await self._past("identifiers_at", keys=as_json(dict.fromkeys(keys)), t=t)
        return in_order(keys, {row[0]: columns.identifier(row) for row in found})

    async def members_at(self, profiles: Sequence[str], t: Micros) -> list[list[Identifier]]:
        asked = as_json(dict.fromkeys(profiles))
        found = await self._past("members_at", profiles=asked, t=t)
        return grouped(profiles, ((row[7], columns.identifier(row)) for row in found))

    async def seen_at(self, keys: Sequence[Key], t: Micros) -> list[Seen]:
        return [columns.seen(row) for row in await self._past("seen_at", keys=as_json(keys), t=t)]

    async def sessions_about(self, keys: Sequence[Key], t: Micros) -> list[Session]:
        found = await self._past("sessions_about", keys=as_json(keys), t=t)
        return [rows.session(row) for row in found]

    async def sessions_within(self, reaches: Sequence[tuple[Key, Micros, Micros]]) -> list[Session]:
        found = await self._past("sessions_within", reaches=as_json(reaches))
        return [rows.session(row) for row in found]

    async def sessions_holding(self, mids: Sequence[str]) -> list[Session]:
        found = await self._past("sessions_holding", mids=as_json(mids))
        return [rows.session(row) for row in found]

    async def events_at(self, sessions: Sequence[str], t: Micros) -> list[StoredEvent]:
        found = await self._past("events_at", sessions=as_json(sessions), t=t)
        return [columns.stored_event(row) for row in found]

    async def event_page_at(
        self, sessions: Sequence[str], names: Sequence[str] | None, span: Span, t: Micros
    ) -> Page[StoredEvent]:
        found = await self._past(
            "event_page_at",
            sessions=as_json(sessions), names=names_json(names), t=t, **bounds_of(span),
        )  # fmt: skip
        return page_of(map(columns.stored_event, found), span.first)

    async def memberships_at(self, profiles: Sequence[str], t: Micros) -> list[list[Membership]]:
        asked = as_json(dict.fromkeys(profiles))
        found = await self._past("memberships_at", profiles=asked, t=t)
        return grouped(profiles, ((row[0], columns.membership(row)) for row in found))

    async def member_page_at(
        self, segment: str, order: str, span: Span, t: Micros
    ) -> Page[Membership]:
        at, id_ = (None, *(span.after or ("",)))[-2:]
        asked = {"segment": segment, "id": id_, "limit": span.first + 1, "t": t}
        if order == "SINCE_DESC":
            found = await self._past("members_by_since_at", at=at, **asked)
        else:
            found = await self._past("members_by_id_at", **asked)
        return page_of(map(columns.membership, found), span.first)

    async def segment_sizes_at(self, keys: Sequence[str], t: Micros) -> list[int]:
        sizes = dict(await self._past("segment_sizes_at", keys=as_json(keys), t=t))
        return [sizes.get(key, 0) for key in keys]

    async def segments_at(self, t: Micros) -> list[Segment]:
        return [_segment(body) for (body,) in await self._past("segments_at", t=t)]

    async def _past(self, name: str, **parameters: object) -> list[Any]:
        return await self._pool.run(lambda connection: fetch(connection, name, **parameters))
