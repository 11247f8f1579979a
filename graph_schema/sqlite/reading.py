"""What the API reads of the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import zip_longest
from typing import Any, TypeVar

import msgspec

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
from graph_schema.queries import queries
from graph_schema.search import folded
from graph_schema.sqlite import rows
from graph_schema.sqlite.evidence import as_json, fetch
from graph_schema.sqlite.history import SqliteHistory
from graph_schema.sqlite.knowledge import SqliteKnowledge
from graph_schema.sqlite.paging import (
    bounds_of,
    feed_entry,
    grouped,
    in_order,
    names_json,
    page_of,
    since_until,
)
from graph_schema.sqlite.pool import ReaderPool
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

T = TypeVar("T")

_SESSIONS_AT_ONCE = 16

_PROFILE_ORDERS = {
    "LAST_SEEN_DESC": "profiles_last_seen",
    "FIRST_SEEN_DESC": "profiles_first_seen",
    "ID": "profiles_by_id",
}


class SqliteReading(SqliteKnowledge, SqliteHistory):
    """Implements `graph_schema.store.GraphReading`. Each method is one reading transaction."""

    _pool: ReaderPool

    # ── identity ───────────────────────────────────────────────────────────────────────────────

    async def identifiers_by_keys(self, keys: Sequence[Key]) -> list[Identifier | None]:
        found = await self._rows("identifiers", keys=as_json(keys))
        return in_order(keys, {value.key: value for value in map(columns.identifier, found)})

    async def identifiers_by_ids(self, ids: Sequence[str]) -> list[Identifier | None]:
        found = await self._rows("identifiers_by_ids", ids=as_json(ids))
        return in_order(ids, {value.id: value for value in map(columns.identifier, found)})

    async def profiles_by_ids(self, ids: Sequence[str]) -> list[Profile | None]:
        def read(connection: sqlite3.Connection) -> list[Profile | None]:
            today = dict(fetch(connection, "retired_ids", ids=as_json(ids)))
            found = fetch(connection, "profiles", ids=as_json(filter(None, today.values())))
            profiles = {profile.id: profile for profile in map(columns.profile, found)}
            return [profiles.get(today.get(id_) or "") for id_ in ids]

        return await self._pool.run(read)

    async def profile_page(
        self, order: str, span: Span, *, segment: str | None, search: str | None
    ) -> Page[Profile]:
        at, id_ = (None, *(span.after or ("",)))[-2:]
        found = await self._rows(
            _PROFILE_ORDERS[order],
            at=at, id=id_, segment=segment, search=folded(search or ""), limit=span.first + 1,
        )  # fmt: skip
        return page_of(map(columns.profile, found), span.first)

    async def profile_count(self, *, segment: str | None, search: str | None) -> int:
        found = await self._rows("profile_count", segment=segment, search=folded(search or ""))
        return int(found[0][0])

    async def identifier_pages(
        self, profiles: Sequence[str], namespaces: Sequence[str] | None, span: Span
    ) -> list[Page[Identifier]]:
        rank, first_at, key = span.after or (-1, 0, "")
        wanted = names_json(namespaces)

        def one(connection: sqlite3.Connection, profile: str) -> Page[Identifier]:
            found = fetch(
                connection, "identifier_page",
                profile=profile, rank=rank, first_at=first_at, key=key, namespaces=wanted,
                limit=span.first + 1,
            )  # fmt: skip
            return page_of(map(columns.identifier, found), span.first)

        return await self._each(profiles, one)

    async def identifier_counts(
        self, profiles: Sequence[str], namespaces: Sequence[str] | None
    ) -> list[int]:
        def one(connection: sqlite3.Connection, profile: str) -> int:
            found = fetch(
                connection, "identifier_count", profile=profile, namespaces=names_json(namespaces)
            )
            return int(found[0][0])

        return await self._each(profiles, one)

    # ── sessions and events ────────────────────────────────────────────────────────────────────

    async def session_pages(self, profiles: Sequence[str], span: Span) -> list[Page[StoredSession]]:
        bounds = bounds_of(span)

        def one(connection: sqlite3.Connection, profile: str) -> Page[StoredSession]:
            found = fetch(connection, "session_page", profile=profile, **bounds)
            return page_of((StoredSession(rows.session(row), profile) for row in found), span.first)

        return await self._each(profiles, one)

    async def session_counts(self, profiles: Sequence[str]) -> list[int]:
        return await self._counts("session_counts", profiles)

    async def sessions_by_ids(self, ids: Sequence[str]) -> list[StoredSession | None]:
        found = await self._rows("sessions_by_ids", ids=as_json(ids))
        return in_order(
            ids, {row[0]: StoredSession(rows.session(row[2:]), row[1]) for row in found}
        )

    async def session_tallies(self, profiles: Sequence[str]) -> list[list[Session]]:
        found = await self._rows("sessions_of_profiles", ids=as_json(profiles))
        return grouped(profiles, ((row[0], rows.session(row[1:])) for row in found))

    async def event_pages(
        self, profiles: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[Page[StoredEvent]]:
        def one(connection: sqlite3.Connection, profile: str) -> Page[StoredEvent]:
            return _newest_events(connection, profile, names, span)

        return await self._each(profiles, one)

    async def event_counts(
        self, profiles: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[int]:
        since, until = since_until(span)

        def one(connection: sqlite3.Connection, profile: str) -> int:
            found = fetch(
                connection, "event_count",
                profile=profile, names=names_json(names), since=since, until=until,
            )  # fmt: skip
            return int(found[0][0])

        return await self._each(profiles, one)

    async def session_event_pages(
        self, sessions: Sequence[str], span: Span
    ) -> list[Page[StoredEvent]]:
        bounds = bounds_of(span)

        def one(connection: sqlite3.Connection, session: str) -> Page[StoredEvent]:
            found = fetch(connection, "session_event_page", session=session, **bounds)
            return page_of(map(columns.stored_event, found), span.first)

        return await self._each(sessions, one)

    async def places(self, mids: Sequence[str]) -> list[tuple[int, int] | None]:
        found = await self._rows("places", mids=as_json(mids))
        return in_order(mids, {row[0]: (row[1], row[2]) for row in found})

    async def events_by_ids(self, mids: Sequence[str]) -> list[StoredEvent | None]:
        found = await self._rows("events_by_ids", ids=as_json(mids))
        return in_order(mids, {row[4]: columns.stored_event(row) for row in found})

    async def profile_events(
        self, profiles: Sequence[str], names: Sequence[str], since: Micros
    ) -> list[ProfileEvent]:
        found = await self._rows(
            "profile_events", ids=as_json(profiles), names=as_json(names), since=since
        )
        return [ProfileEvent(*row) for row in found]

    # ── segments ───────────────────────────────────────────────────────────────────────────────

    async def segments(self) -> list[Segment]:
        return [columns.segment(row) for row in await self._rows("segments")]

    async def segments_by_keys(self, keys: Sequence[str]) -> list[Segment | None]:
        return in_order(keys, {segment.key: segment for segment in await self.segments()})

    async def segment_versions(self, keys: Sequence[str]) -> list[list[SegmentVersion]]:
        found = await self._rows("segment_versions", keys=as_json(keys))
        return grouped(
            keys,
            (
                (key, SegmentVersion(version, msgspec.json.decode(rule), rec, by))
                for key, version, rule, rec, by in found
            ),
        )

    async def segment_sizes(self, keys: Sequence[str]) -> list[int]:
        sizes = dict(await self._rows("segment_sizes", keys=as_json(keys)))
        return [sizes.get(key, 0) for key in keys]

    async def member_page(self, segment: str, order: str, span: Span) -> Page[Membership]:
        at, id_ = (None, *(span.after or ("",)))[-2:]
        name = "members_by_since" if order == "SINCE_DESC" else "members_by_id"
        parameters = {"segment": segment, "id": id_, "limit": span.first + 1}
        if order == "SINCE_DESC":
            parameters["at"] = at
        found = await self._rows(name, **parameters)
        return page_of(map(columns.membership, found), span.first)

    async def membership_pages(self, profiles: Sequence[str], span: Span) -> list[Page[Membership]]:
        (after,) = span.after or ("",)

        def one(connection: sqlite3.Connection, profile: str) -> Page[Membership]:
            found = fetch(
                connection, "membership_page", profile=profile, key=after, limit=span.first + 1
            )
            return page_of(map(columns.membership, found), span.first)

        return await self._each(profiles, one)

    async def membership_counts(self, profiles: Sequence[str]) -> list[int]:
        return await self._counts("membership_counts", profiles)

    # ── items ──────────────────────────────────────────────────────────────────────────────────

    async def items_by_ids(self, ids: Sequence[str]) -> list[Item | None]:
        found = await self._rows("items", ids=as_json(ids))
        return in_order(ids, {item.id: item for item in map(columns.item, found)})

    async def items_after(self, after: str, limit: int) -> list[Item]:
        found = await self._rows("items_after", after=after, limit=limit)
        return [columns.item(row) for row in found]

    async def interactions_of(self, profiles: Sequence[str]) -> list[list[Interaction]]:
        found = await self._rows("interactions", ids=as_json(profiles))
        return grouped(profiles, ((row[0], Interaction(*row[1:])) for row in found))

    async def training_graph(self, chunk: int) -> AsyncIterator[list[ProfileInteraction]]:
        connection = self._pool.own()
        try:
            cursor = connection.execute(queries("graph_schema.sqlite")["training_graph"])
            while found := cursor.fetchmany(chunk):
                yield [ProfileInteraction(*row) for row in found]
        finally:
            connection.close()

    # ── changes ────────────────────────────────────────────────────────────────────────────────

    async def change_page(self, kinds: Sequence[str] | None, span: Span) -> Page[FeedEntry]:
        found = await self._rows("change_page", kinds=names_json(kinds), **bounds_of(span))
        return page_of(map(feed_entry, found), span.first)

    async def change_count(
        self, kinds: Sequence[str] | None, since: Micros | None, until: Micros | None
    ) -> int:
        bounds = since_until(Span(0, since=since, until=until))
        found = await self._rows(
            "change_count", kinds=names_json(kinds), since=bounds[0], until=bounds[1]
        )
        return int(found[0][0])

    async def feed_end(self) -> tuple[int, ...]:
        return feed_position(await self.checkpoints())

    async def changes(self, after: tuple[int, ...], limit: int) -> list[FeedEntry]:
        def read(connection: sqlite3.Connection) -> list[FeedEntry]:
            known = [columns.checkpoint(row) for row in fetch(connection, "checkpoints")]
            if is_pruned(after, known):
                raise FeedPruned
            end = feed_position(known)
            return [
                feed_entry(row)
                for partition, (seq, _) in enumerate(zip_longest(after, end, fillvalue=0))
                for row in fetch(connection, "feed", partition=partition, after=seq, limit=limit)
            ]

        return await self._pool.run(read)

    async def outcomes(self, command_ids: Sequence[str]) -> list[Outcome | None]:
        found = await self._rows("outcomes", ids=as_json(command_ids))
        return in_order(command_ids, {row[0]: rows.outcome(row) for row in found})

    async def dead_records(self, after: tuple[int, int], limit: int) -> list[DeadRecord]:
        found = await self._rows("dead_records", partition=after[0], position=after[1], limit=limit)
        return [columns.dead_record(row) for row in found]

    async def totals(self) -> Totals:
        return Totals(*(await self._rows("totals"))[0])

    async def checkpoints(self) -> list[Checkpoint]:
        return [columns.checkpoint(row) for row in await self._rows("checkpoints")]

    # ── underneath ─────────────────────────────────────────────────────────────────────────────

    async def _rows(self, name: str, **parameters: object) -> list[Any]:
        return await self._pool.run(lambda connection: fetch(connection, name, **parameters))

    async def _each(
        self, keys: Sequence[str], one: Callable[[sqlite3.Connection, str], T]
    ) -> list[T]:
        return await self._pool.run(lambda connection: [one(connection, key) for key in keys])

    async def _counts(self, name: str, ids: Sequence[str]) -> list[int]:
        found = dict(await self._rows(name, ids=as_json(ids)))
        return [found.get(id_, 0) for id_ in ids]


def _newest_events(
    connection: sqlite3.Connection, profile: str, names: Sequence[str] | None, span: Span
) -> Page[StoredEvent]:
    """Reads sessions by their ends, some at a time, until none that is left can hold an event among
    the newest: the cost follows the page, not the profile."""
    bounds = bounds_of(span)
    at, mid = span.after or (None, "")
    until = bounds["until"] if at is None else min(bounds["until"], at + 1)
    best: list[tuple[Micros, str, StoredEvent]] = []
    offset = 0
    while True:
        sessions = fetch(
            connection, "sessions_by_end",
            profile=profile, since=bounds["since"], until=until,
            limit=_SESSIONS_AT_ONCE, offset=offset,
        )  # fmt: skip
        found = fetch(
            connection, "event_page",
            profile=profile, sessions=as_json(id_ for id_, _ in sessions), names=names_json(names),
            at=at, id=mid, since=bounds["since"], until=until, limit=span.first + 1,
        )  # fmt: skip
        best += [(row[4], row[5], columns.stored_event(row)) for row in found]
        best.sort(key=lambda entry: entry[:2], reverse=True)
        del best[span.first + 1 :]
        offset += len(sessions)
        exhausted = len(sessions) < _SESSIONS_AT_ONCE
        if exhausted or (len(best) > span.first and sessions[-1][1] < best[-1][0]):
            return page_of((event for _, _, event in best), span.first)
