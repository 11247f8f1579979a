"""A graph store read as it was known at an earlier moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from cdp.platform.past.evidence import PastEvidence, judged_clusters
from cdp.platform.past.sessions import PastSessions
from graph_schema.knowledge import RecordedAt
from graph_schema.model.change import FeedEntry, IdentityChange
from graph_schema.model.evidence import Decision, EdgeKey, Seen
from graph_schema.model.identifier import Identifier, Key, seen_between
from graph_schema.model.profile import Profile
from graph_schema.model.rules import IdentityRules, RulesVersion
from graph_schema.model.segment import Membership, Segment, SegmentVersion
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.store import (
    Clusters,
    GraphStore,
    Page,
    ProfileEvent,
    Span,
    StoredEvent,
    StoredSession,
)
from identity import fold

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class Known(msgspec.Struct):
    """A profile as it was, with what it held: identifiers in anchor order, sessions newest first."""

    profile: Profile
    members: list[Identifier]
    sessions: list[Session]


class PastReading:
    """Implements `graph_schema.reading.MomentReading` for a moment `t`. Remembers what it read: made
    anew for each answer."""

    def __init__(self, store: GraphStore, rules: IdentityRules, t: Micros) -> None:
        self._store = store
        self._rules = rules
        self._t = t
        self._sessions = PastSessions(store, rules, t)
        self._known: dict[str, Known] = {}

    # ── identifiers and profiles ───────────────────────────────────────────────────────────────

    async def identifiers_by_keys(self, keys: Sequence[Key]) -> list[Identifier | None]:
        return await self._store.identifiers_at(keys, self._t)

    async def identifiers_by_ids(self, ids: Sequence[str]) -> list[Identifier | None]:
        keys = [i.key for i in await self._store.identifiers_by_ids(ids) if i is not None]
        known = await self._store.identifiers_at(keys, self._t)
        found = {identifier.id: identifier for identifier in known if identifier is not None}
        return [found.get(id_) for id_ in ids]

    async def profiles_by_ids(self, ids: Sequence[str]) -> list[Profile | None]:
        holders = [i.profile if i else None for i in await self.identifiers_by_ids(ids)]
        found = await self._profiles([id_ for id_ in holders if id_ is not None])
        return [found[id_].profile if id_ in found else None for id_ in holders]

    async def identifier_pages(
        self, profiles: Sequence[str], namespaces: Sequence[str] | None, span: Span
    ) -> list[Page[Identifier]]:
        return [
            _page(_in(known.members, namespaces), span, lambda i: (i.rank, i.first_at, i.key))
            for known in await self._each(profiles)
        ]

    async def identifier_counts(
        self, profiles: Sequence[str], namespaces: Sequence[str] | None
    ) -> list[int]:
        return [len(_in(known.members, namespaces)) for known in await self._each(profiles)]

    async def _each(self, ids: Sequence[str]) -> list[Known]:
        found = await self._profiles(ids)
        return [found.get(id_) or Known(_NOBODY, [], []) for id_ in ids]

    async def _profiles(self, ids: Sequence[str]) -> dict[str, Known]:
        """Those of the ids that were ids of profiles then."""
        missing = sorted({id_ for id_ in ids if id_ not in self._known})
        if missing:
            held = await self._store.members_at(missing, self._t)
            holder = {m.key: id_ for id_, one in zip(missing, held, strict=True) for m in one}
            owned: dict[str, list[Session]] = {id_: [] for id_ in missing}
            for session in await self._sessions.of(holder.keys()):
                owned[holder[session.owner or ""]].append(session)
            for id_, members in zip(missing, held, strict=True):
                if members:
                    self._known[id_] = _known(id_, members, owned[id_])
        return {id_: self._known[id_] for id_ in ids if id_ in self._known}

    async def _holders(self, keys: Iterable[Key | None]) -> dict[Key, str | None]:
        wanted = sorted({key for key in keys if key is not None})
        found = await self._store.identifiers_at(wanted, self._t)
        return {i.key: i.profile for i in found if i is not None}

    # ── sessions and events ────────────────────────────────────────────────────────────────────

    async def session_pages(self, profiles: Sequence[str], span: Span) -> list[Page[StoredSession]]:
        return [
            _page(
                [StoredSession(s, known.profile.id) for s in known.sessions if _starts(s, span)],
                span,
                lambda one: (one.session.started_at, one.session.id),
                down=True,
            )
            for known in await self._each(profiles)
        ]

    async def session_counts(self, profiles: Sequence[str]) -> list[int]:
        return [len(known.sessions) for known in await self._each(profiles)]

    async def session_tallies(self, profiles: Sequence[str]) -> list[list[Session]]:
        return [list(known.sessions) for known in await self._each(profiles)]

    async def sessions_by_ids(self, ids: Sequence[str]) -> list[StoredSession | None]:
        found = await self._sessions.holding(ids)
        holders = await self._holders(one[1].owner for one in found if one is not None)
        return [
            None if one is None else StoredSession(one[1], holders.get(one[1].owner or ""))
            for one in found
        ]

    async def event_pages(
        self, profiles: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[Page[StoredEvent]]:
        pages = []
        for known in await self._each(profiles):
            page = await self._sessions.newest(known.sessions, names, span)
            events = [_held_by(event, known.profile.id) for event in page.items]
            pages.append(Page(events, page.has_next))
        return pages

    async def event_counts(
        self, profiles: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[int]:
        known = await self._each(profiles)
        if span.since is not None or span.until is not None:
            return [len(await self._sessions.every(one.sessions, names, span)) for one in known]
        return [
            one.profile.tally.events
            if names is None
            else sum(t.count for n, t in one.profile.tally.names.items() if n in names)
            for one in known
        ]

    async def session_event_pages(
        self, sessions: Sequence[str], span: Span
    ) -> list[Page[StoredEvent]]:
        held = await self.sessions_by_ids(sessions)
        pages = []
        for id_, stored in zip(sessions, held, strict=True):
            if stored is None or stored.session.id != id_:
                pages.append(Page[StoredEvent]([], has_next=False))
                continue
            page = await self._sessions.oldest(id_, span)
            events = [_held_by(event, stored.profile) for event in page.items]
            pages.append(Page(events, page.has_next))
        return pages

    async def events_by_ids(self, mids: Sequence[str]) -> list[StoredEvent | None]:
        found = await self._sessions.holding(mids)
        holders = await self._holders(one[1].owner for one in found if one is not None)
        return [
            None
            if one is None
            else msgspec.structs.replace(
                one[0], session=one[1].id, profile=holders.get(one[1].owner or "")
            )
            for one in found
        ]

    async def profile_events(
        self, profiles: Sequence[str], names: Sequence[str], since: Micros
    ) -> list[ProfileEvent]:
        found = []
        for known in await self._each(sorted(set(profiles))):
            span = Span(1, since=since)
            for stored in reversed(await self._sessions.every(known.sessions, names, span)):
                event = stored.event
                found.append(
                    ProfileEvent(
                        known.profile.id, event.at, event.message_id, event.name, _encode(event)
                    )
                )
        return found

    # ── segments ───────────────────────────────────────────────────────────────────────────────

    async def segments(self) -> list[Segment]:
        return await self._store.segments_at(self._t)

    async def segments_by_keys(self, keys: Sequence[str]) -> list[Segment | None]:
        known = {segment.key: segment for segment in await self.segments()}
        return [known.get(key) for key in keys]

    async def segment_versions(self, keys: Sequence[str]) -> list[list[SegmentVersion]]:
        found = await self._store.segment_versions(keys)
        return [[v for v in versions if v.rec <= self._t] for versions in found]

    async def segment_sizes(self, keys: Sequence[str]) -> list[int]:
        return await self._store.segment_sizes_at(keys, self._t)

    async def member_page(self, segment: str, order: str, span: Span) -> Page[Membership]:
        return await self._store.member_page_at(segment, order, span, self._t)

    async def membership_pages(self, profiles: Sequence[str], span: Span) -> list[Page[Membership]]:
        found = await self._store.memberships_at(profiles, self._t)
        return [_page(members, span, lambda m: (m.segment,)) for members in found]

    async def membership_counts(self, profiles: Sequence[str]) -> list[int]:
        return [len(found) for found in await self._store.memberships_at(profiles, self._t)]

    # ── evidence, decisions, changes ───────────────────────────────────────────────────────────

    async def clusters(self, keys: Sequence[Key], most: int | None = None) -> Clusters:
        decisions = await self._sessions.decisions()
        return await judged_clusters(await self._evidence(), keys, self._rules, decisions)

    async def halves(self, edges: Sequence[EdgeKey]) -> list[Seen]:
        return await (await self._evidence()).halves(edges)

    async def newest_seen(self, edges: Sequence[EdgeKey], limit: int) -> list[list[Seen]]:
        evidence = await self._evidence()
        found: dict[EdgeKey, list[Seen]] = {edge: [] for edge in edges}
        for seen in await evidence.halves(list(found)):
            found[seen.a, seen.b, seen.kind].append(seen)
        return [
            sorted(found[edge], key=lambda seen: seen.half_hour, reverse=True)[:limit]
            for edge in edges
        ]

    async def decisions(self, after: RecordedAt) -> list[Decision]:
        return await (await self._evidence()).decisions(after)

    async def rules(self, after: int) -> list[RulesVersion]:
        return [one for one in await self._store.rules(after) if one.rec <= self._t]

    async def decisions_by_ids(self, ids: Sequence[str]) -> list[Decision | None]:
        found = await self._store.decisions_by_ids(ids)
        return [one if one is not None and one.rec <= self._t else None for one in found]

    async def decisions_about(self, ids: Sequence[str]) -> list[Decision]:
        return [one for one in await self._store.decisions_about(ids) if one.rec <= self._t]

    async def decisions_naming(self, keys: Sequence[Key]) -> list[Decision]:
        return [one for one in await self._store.decisions_naming(keys) if one.rec <= self._t]

    async def changes_by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        return await (await self._evidence()).changes_by_ids(ids)

    async def history_pages(
        self, lineages: Sequence[Sequence[str]], span: Span
    ) -> list[Page[FeedEntry]]:
        until = self._t + 1 if span.until is None else min(span.until, self._t + 1)
        asked = msgspec.structs.replace(span, until=until)
        return await self._store.history_pages(lineages, asked)

    async def history_counts(
        self, lineages: Sequence[Sequence[str]], until: Micros | None
    ) -> list[int]:
        until = self._t + 1 if until is None else min(until, self._t + 1)
        return await self._store.history_counts(lineages, until)

    async def _evidence(self) -> PastEvidence:
        return PastEvidence(self._store, self._t, await self._sessions.decisions())


_NOBODY = Profile("", "", 0, 0, fold.of_sessions([]))


def _known(id_: str, members: list[Identifier], sessions: list[Session]) -> Known:
    sessions.sort(key=lambda s: (s.started_at, s.id), reverse=True)
    profile = Profile(
        id_,
        members[0].key,
        *seen_between(members),
        fold.of_sessions(sessions),
    )
    return Known(profile, members, sessions)


def _in(members: Sequence[Identifier], namespaces: Sequence[str] | None) -> list[Identifier]:
    return [m for m in members if namespaces is None or m.namespace in namespaces]


def _starts(session: Session, span: Span) -> bool:
    return (span.since is None or session.started_at >= span.since) and (
        span.until is None or session.started_at < span.until
    )


def _held_by(event: StoredEvent, profile: str | None) -> StoredEvent:
    return msgspec.structs.replace(event, profile=profile)


def _page(
    found: Sequence[T], span: Span, keyset: Callable[[T], tuple[Any, ...]], *, down: bool = False
) -> Page[T]:
    """Of a list in its order, behind the span's keyset."""
    after = span.after
    if after is not None:
        found = [o for o in found if (keyset(o) < after if down else keyset(o) > after)]
    return Page(found[: span.first], len(found) > span.first)
