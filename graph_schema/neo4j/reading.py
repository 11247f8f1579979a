"""What the API reads of Neo4j: one statement, and one round trip, for each question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from graph_schema import columns
from graph_schema.errors import FeedPruned
from graph_schema.model.change import FeedEntry
from graph_schema.model.command import Outcome
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.item import Interaction, Item
from graph_schema.model.profile import Profile
from graph_schema.model.segment import Membership, Segment, SegmentVersion
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.neo4j import rows
from graph_schema.neo4j.events import newest_events
from graph_schema.neo4j.paging import (
    EVER,
    LAST,
    NEVER,
    bounds_of,
    distinct,
    grouped,
    in_order,
    names_of,
    page_of,
    pages,
)
from graph_schema.neo4j.statements import Single
from graph_schema.search import folded
from graph_schema.store import (
    Checkpoint,
    DeadRecord,
    Page,
    ProfileEvent,
    ProfileInteraction,
    Span,
    StoredEvent,
    StoredSession,
    Totals,
    feed_position,
    is_pruned,
)


class Neo4jReading:
    """Implements `graph_schema.store.GraphReading`."""

    @property
    def _single(self) -> Single:
        raise NotImplementedError

    # ── identity ───────────────────────────────────────────────────────────────────────────────

    async def identifiers_by_keys(self, keys: Sequence[Key]) -> list[Identifier | None]:
        found = await self._rows("identifiers", keys=distinct(keys))
        return in_order(keys, {row[0]: columns.identifier(row) for row in found})

    async def identifiers_by_ids(self, ids: Sequence[str]) -> list[Identifier | None]:
        found = await self._rows("identifiers_by_ids", ids=distinct(ids))
        return in_order(ids, {row[1]: columns.identifier(row) for row in found})

    async def profiles_by_ids(self, ids: Sequence[str]) -> list[Profile | None]:
        found = await self._rows("retired_ids", ids=distinct(ids))
        return in_order(ids, {row[0]: columns.profile(row[1:]) for row in found})

    async def profile_page(
        self, order: str, span: Span, *, segment: str | None, search: str | None
    ) -> Page[Profile]:
        text = folded(search or "")
        by_id = order == "ID"
        parameters: dict[str, object] = {"limit": span.first + 1}
        if by_id:
            (parameters["id"],) = span.after or ("",)
        else:
            parameters["at"], parameters["id"] = span.after or (EVER, LAST)
        if text or segment is not None:
            if not by_id:
                parameters["last"] = order == "LAST_SEEN_DESC"
            parameters["segment"] = segment
            parameters |= {"search": text} if text else {}
            name = ("found" if text else "members") + ("_in_order" if by_id else "_by_time")
        else:
            name = {"ID": "profiles_by_id", "LAST_SEEN_DESC": "profiles_last_seen"}.get(
                order, "profiles_first_seen"
            )
        return page_of(
            (columns.profile(row) for row in await self._rows(name, **parameters)), span.first
        )

    async def profile_count(self, *, segment: str | None, search: str | None) -> int:
        text = folded(search or "")
        if text:
            found = await self._rows("found_count", segment=segment, search=text)
        elif segment is not None:
            found = await self._rows("member_count", segment=segment)
        else:
            found = await self._rows("profile_count")
        return int(found[0][0])

    async def identifier_pages(
        self, profiles: Sequence[str], namespaces: Sequence[str] | None, span: Span
    ) -> list[Page[Identifier]]:
        rank, at, key = span.after or (NEVER, NEVER, "")
        found = await self._rows(
            "identifier_pages",
            ids=distinct(profiles), namespaces=names_of(namespaces), rank=rank, at=at, key=key,
            limit=span.first + 1,
        )  # fmt: skip
        return pages(profiles, found, columns.identifier, span.first)

    async def identifier_counts(
        self, profiles: Sequence[str], namespaces: Sequence[str] | None
    ) -> list[int]:
        return await self._counts("identifier_counts", profiles, namespaces=names_of(namespaces))

    # ── sessions and events ────────────────────────────────────────────────────────────────────

    async def session_pages(self, profiles: Sequence[str], span: Span) -> list[Page[StoredSession]]:
        at, id_ = span.after or (None, "")
        found = await self._rows(
            "session_pages",
            ids=distinct(profiles), at=at, id=id_, limit=span.first + 1, **bounds_of(span),
        )  # fmt: skip
        sessions = pages(profiles, found, rows.session, span.first)
        return [
            Page([StoredSession(session, profile) for session in page.items], page.has_next)
            for profile, page in zip(profiles, sessions, strict=True)
        ]

    async def session_counts(self, profiles: Sequence[str]) -> list[int]:
        return await self._counts("session_counts", profiles)

    async def sessions_by_ids(self, ids: Sequence[str]) -> list[StoredSession | None]:
        found = await self._rows("sessions_by_ids", ids=distinct(ids))
        return in_order(
            ids, {row[0]: StoredSession(rows.session(row[2:]), row[1]) for row in found}
        )

    async def session_tallies(self, profiles: Sequence[str]) -> list[list[Session]]:
        found = await self._rows("sessions_of_profiles", ids=distinct(profiles))
        return grouped(profiles, ((row[0], rows.session(row[1:])) for row in found))

    async def event_pages(
        self, profiles: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[Page[StoredEvent]]:
        found = await newest_events(
            self._single, distinct(profiles), names_of(names), span, **bounds_of(span)
        )
        return [page_of(found[profile], span.first) for profile in profiles]

    async def event_counts(
        self, profiles: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[int]:
        return await self._counts(
            "event_counts", profiles, names=names_of(names), **bounds_of(span)
        )

    async def session_event_pages(
        self, sessions: Sequence[str], span: Span
    ) -> list[Page[StoredEvent]]:
        at, mid = span.after or (None, "")
        found = await self._rows(
            "session_event_pages",
            ids=distinct(sessions), at=at, mid=mid, limit=span.first + 1, **bounds_of(span),
        )  # fmt: skip
        return pages(sessions, found, columns.stored_event, span.first)

    async def places(self, mids: Sequence[str]) -> list[tuple[int, int] | None]:
        found = await self._rows("places", mids=distinct(mids))
        return in_order(mids, {row[0]: (row[1], row[2]) for row in found})

    async def events_by_ids(self, mids: Sequence[str]) -> list[StoredEvent | None]:
        found = await self._rows("events_by_ids", mids=distinct(mids))
        return in_order(mids, {row[0]: columns.stored_event(row[1:]) for row in found})

    async def profile_events(
        self, profiles: Sequence[str], names: Sequence[str], since: Micros
    ) -> list[ProfileEvent]:
        found = await self._rows(
            "profile_events", ids=distinct(profiles), names=list(names), since=since
        )
        return [rows.profile_event(row) for row in found]

    # ── segments ───────────────────────────────────────────────────────────────────────────────

    async def segments(self) -> list[Segment]:
        return [columns.segment(row) for row in await self._rows("segments")]

    async def segments_by_keys(self, keys: Sequence[str]) -> list[Segment | None]:
        found = await self._rows("segments_by_keys", keys=distinct(keys))
        return in_order(keys, {row[0]: columns.segment(row) for row in found})

    async def segment_versions(self, keys: Sequence[str]) -> list[list[SegmentVersion]]:
        found = await self._rows("segment_versions", keys=distinct(keys))
        return grouped(keys, ((row[0], rows.segment_version(row[1:])) for row in found))

    async def segment_sizes(self, keys: Sequence[str]) -> list[int]:
        found = dict(await self._rows("segment_sizes", keys=distinct(keys)))
        return [found.get(key, 0) for key in keys]

    async def member_page(self, segment: str, order: str, span: Span) -> Page[Membership]:
        parameters: dict[str, object] = {"segment": segment, "limit": span.first + 1}
        if order == "SINCE_DESC":
            parameters["at"], parameters["id"] = span.after or (EVER, LAST)
            found = await self._rows("members_by_since", **parameters)
        else:
            (parameters["id"],) = span.after or ("",)
            found = await self._rows("members_by_id", **parameters)
        return page_of(map(columns.membership, found), span.first)

    async def membership_pages(self, profiles: Sequence[str], span: Span) -> list[Page[Membership]]:
        (key,) = span.after or ("",)
        found = await self._rows(
            "membership_pages", ids=distinct(profiles), key=key, limit=span.first + 1
        )
        return pages(profiles, found, columns.membership, span.first)

    async def membership_counts(self, profiles: Sequence[str]) -> list[int]:
        return await self._counts("membership_counts", profiles)

    # ── items ──────────────────────────────────────────────────────────────────────────────────

    async def items_by_ids(self, ids: Sequence[str]) -> list[Item | None]:
        found = await self._rows("items", ids=distinct(ids))
        return in_order(ids, {row[1]: columns.item(row) for row in found})

    async def items_after(self, after: str, limit: int) -> list[Item]:
        return [
            columns.item(row) for row in await self._rows("items_after", after=after, limit=limit)
        ]

    async def interactions_of(self, profiles: Sequence[str]) -> list[list[Interaction]]:
        found = await self._rows("interactions", ids=distinct(profiles))
        return grouped(profiles, ((row[0], Interaction(*row[1:])) for row in found))

    async def training_graph(self, chunk: int) -> AsyncIterator[list[ProfileInteraction]]:
        async for part in self._single.stream("training_graph", chunk):
            yield [ProfileInteraction(*row) for row in part]

    # ── changes ────────────────────────────────────────────────────────────────────────────────

    async def change_page(self, kinds: Sequence[str] | None, span: Span) -> Page[FeedEntry]:
        at, id_ = span.after or (None, "")
        found = await self._rows(
            "change_page",
            kinds=names_of(kinds), at=at, id=id_, limit=span.first + 1, **bounds_of(span),
        )  # fmt: skip
        return page_of(map(rows.feed_entry, found), span.first)

    async def change_count(
        self, kinds: Sequence[str] | None, since: Micros | None, until: Micros | None
    ) -> int:
        bounds = bounds_of(Span(0, since=since, until=until))
        return int((await self._rows("change_count", kinds=names_of(kinds), **bounds))[0][0])

    async def feed_end(self) -> tuple[int, ...]:
        return feed_position(await self.checkpoints())

    async def changes(self, after: tuple[int, ...], limit: int) -> list[FeedEntry]:
        places = [[partition, seq] for partition, seq in enumerate(after)]
        found = await self._rows("feed", after=places, reached=len(places), limit=limit)
        # Asked afterwards: what was pruned before the feed was read is pruned now.
        if is_pruned(after, await self.checkpoints()):
            raise FeedPruned
        return [rows.feed_entry(row) for row in found]

    async def outcomes(self, command_ids: Sequence[str]) -> list[Outcome | None]:
        found = await self._rows("outcomes", ids=distinct(command_ids))
        return in_order(command_ids, {row[0]: rows.outcome(row) for row in found})

    async def dead_records(self, after: tuple[int, int], limit: int) -> list[DeadRecord]:
        found = await self._rows("dead_records", partition=after[0], position=after[1], limit=limit)
        return [columns.dead_record(row) for row in found]

    async def totals(self) -> Totals:
        return Totals(*(await self._rows("totals"))[0])

    async def checkpoints(self) -> list[Checkpoint]:
        return [columns.checkpoint(row) for row in await self._rows("checkpoints")]

    # ── underneath ─────────────────────────────────────────────────────────────────────────────

    async def _rows(self, name: str, **parameters: object) -> list[list[Any]]:
        return await self._single.rows(name, **parameters)

    async def _counts(self, name: str, ids: Sequence[str], **parameters: object) -> list[int]:
        found = dict(await self._rows(name, ids=distinct(ids), **parameters))
        return [found.get(id_, 0) for id_ in ids]
