"""Sessions and their events as they were known at an earlier moment.

Most of today's sessions were the same then, and are taken as they are. Where an event of a visit was
recorded since, the visit is split and folded again from the events that were recorded by then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from graph_schema.knowledge import EARLIEST
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import IdentityRules
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.store import GraphStore, Page, Span, StoredEvent
from identity.decisions import USER, Decisions
from identity.normalise import Normaliser
from identity.past import Past, as_they_were, visits

_SESSIONS_AT_ONCE = 16
_EVERY = 1_000_000


class Visit(msgspec.Struct):
    """Today's sessions of one visit, and those that it was then. `places`: in which of these each event
    lay; None where the visit was what it is."""

    today: list[Session]
    then: list[Session]
    places: dict[str, str] | None = None

    def place(self, event: StoredEvent) -> str | None:
        if self.places is None:
            return event.session
        return self.places.get(event.event.message_id)


class PastSessions:
    """As known at `t`. Remembers what it read: made anew for each answer."""

    def __init__(self, store: GraphStore, rules: IdentityRules, t: Micros) -> None:
        self._store = store
        self._t = t
        self._gap = rules.session_gap
        self._normaliser = Normaliser(rules)
        self._past: Past | None = None
        self._visits: dict[str, Visit] = {}
        """By the id of each of today's sessions, and of each that there was."""

    async def decisions(self) -> Decisions:
        return (await self._in_force()).decisions

    async def of(self, keys: Collection[Key]) -> list[Session]:
        """Those that belonged to one of the identifiers."""
        found = await self._store.sessions_about(sorted(keys), self._t)
        found += await self._kept_apart(keys)
        return [
            session
            for visit in await self._whole(found)
            for session in visit.then
            if session.owner in keys
        ]

    async def holding(self, mids: Sequence[str]) -> list[tuple[StoredEvent, Session] | None]:
        """The events that were recorded, each with the session that held it. The events name today's
        sessions and profiles."""
        events = await self._store.events_by_ids(mids)
        known = [event for event in events if event is not None and event.rec <= self._t]
        await self._whole(
            await self._store.sessions_holding([event.event.message_id for event in known])
        )
        return [
            (event, self._then(event)) if event is not None and event.rec <= self._t else None
            for event in events
        ]

    # ── events of sessions ─────────────────────────────────────────────────────────────────────

    async def newest(
        self, owned: Sequence[Session], names: Sequence[str] | None, span: Span
    ) -> Page[StoredEvent]:
        """Of those sessions' events, newest first. Reads sessions by their ends, some at a time, until
        none that is left can hold an event among the newest."""
        ids = {session.id for session in owned}
        best: list[StoredEvent] = []
        waiting = self._by_end(owned)
        while chunk := waiting[:_SESSIONS_AT_ONCE]:
            waiting = waiting[_SESSIONS_AT_ONCE:]
            best += await self._newest_of([id_ for _, id_ in chunk], ids, names, span)
            best.sort(key=_moment, reverse=True)
            del best[span.first + 1 :]
            if len(best) > span.first and waiting and waiting[0][0] < best[-1].event.at:
                break
        return Page(best[: span.first], len(best) > span.first)

    async def every(
        self, owned: Sequence[Session], names: Sequence[str] | None, span: Span
    ) -> list[StoredEvent]:
        """All events of those sessions within the span's bounds, newest first."""
        ids = {session.id for session in owned}
        wanted = [id_ for _, id_ in self._by_end(owned)]
        whole = msgspec.structs.replace(span, first=_EVERY, after=None)
        return await self._newest_of(wanted, ids, names, whole)

    async def oldest(self, session: str, span: Span) -> Page[StoredEvent]:
        """Of a session that is known already."""
        visit = self._visits.get(session)
        if visit is None:
            return Page([], has_next=False)
        if visit.places is None:
            return (await self._store.session_event_pages([session], span))[0]
        found = await self._store.events_at([one.id for one in visit.today], self._t)
        events = [self._placed(one, visit) for one in found if visit.place(one) == session]
        kept = sorted((one for one in events if _within(one, span)), key=_moment)
        return Page(kept[: span.first], len(kept) > span.first)

    async def _newest_of(
        self, today: Sequence[str], ids: Collection[str], names: Sequence[str] | None, span: Span
    ) -> list[StoredEvent]:
        kept: list[StoredEvent] = []
        after = span.after
        while True:
            asked = msgspec.structs.replace(span, after=after)
            page = await self._store.event_page_at(today, names, asked, self._t)
            for event in page.items:
                visit = self._visits[event.session]
                if visit.place(event) in ids:
                    kept.append(self._placed(event, visit))
            if not page.has_next or len(kept) > span.first:
                return kept
            after = _moment(page.items[-1])

    def _by_end(self, owned: Sequence[Session]) -> list[tuple[Micros, str]]:
        """Today's sessions that can hold events of those, the last to end first."""
        ends: dict[str, Micros] = {}
        for session in owned:
            visit = self._visits[session.id]
            for today in [session] if visit.places is None else visit.today:
                ends[today.id] = today.ended_at
        return sorted(((end, id_) for id_, end in ends.items()), reverse=True)

    def _placed(self, event: StoredEvent, visit: Visit) -> StoredEvent:
        place = visit.place(event)
        return event if place is None else msgspec.structs.replace(event, session=place)

    def _then(self, event: StoredEvent) -> Session:
        visit = self._visits[event.session]
        place = visit.place(event)
        return next(session for session in visit.then if session.id == place)

    # ── visits ─────────────────────────────────────────────────────────────────────────────────

    async def _in_force(self) -> Past:
        if self._past is None:
            recorded = await self._store.decisions(EARLIEST)
            decisions = Decisions(decision for decision in recorded if decision.rec <= self._t)
            self._past = Past(self._normaliser, decisions, self._gap)
        return self._past

    async def _kept_apart(self, keys: Collection[Key]) -> list[Session]:
        """Those that a decision gave to a device though a user logged in."""
        decisions = await self.decisions()
        devices: set[Key] = set()
        users: set[Key] = set()
        for key in keys:
            for apart, left in decisions.marks(key):
                facing = apart.right if left else apart.left
                found = {other for other in facing if parse_key(other)[0] == USER}
                if found:
                    devices.add(key)
                    users |= found
        return await self._store.sessions_between(sorted(devices), sorted(users)) if users else []

    async def _whole(self, found: Iterable[Session]) -> list[Visit]:
        """The visits of those sessions, each once."""
        asked = {session.id: session for session in found}
        fresh = {id_: session for id_, session in asked.items() if id_ not in self._visits}
        known = dict(fresh)
        while fresh:
            near = await self._store.sessions_within(list(_reaches(fresh.values(), self._gap)))
            fresh = {session.id: session for session in near if session.id not in known}
            known |= fresh
        await self._go_back(visits(known.values(), self._gap))
        return list({id(visit): visit for id_ in asked for visit in (self._visits[id_],)}.values())

    async def _go_back(self, whole: Sequence[list[Session]]) -> None:
        past = await self._in_force()
        changed = [v for v in whole if any(session.rec > self._t for session in v)]
        ids = [session.id for visit in changed for session in visit]
        events: dict[str, list[StoredEvent]] = {}
        for event in await self._store.events_at(ids, self._t) if ids else ():
            events.setdefault(event.session, []).append(event)
        for visit in whole:
            self._remember(_known_visit(visit, events, past, self._t))

    def _remember(self, visit: Visit) -> None:
        for session in (*visit.today, *visit.then):
            self._visits[session.id] = visit


def _known_visit(
    today: list[Session], events: Mapping[str, list[StoredEvent]], past: Past, t: Micros
) -> Visit:
    if all(session.rec <= t for session in today):
        return Visit(today, [past.owned(session) for session in today])
    stored = [event for session in today for event in events.get(session.id, ())]
    then = as_they_were(today, stored, past) if stored else []
    return Visit(
        today,
        [session for session, _ in then],
        {mid: session.id for session, mids in then for mid in mids},
    )


def _reaches(found: Iterable[Session], gap: Micros) -> Iterator[tuple[Key, Micros, Micros]]:
    """Where the sessions of the same visits lie; what overlaps is one."""
    last: tuple[Key, Micros, Micros] | None = None
    for session in sorted(found, key=lambda s: (s.device, s.started_at)):
        if session.owner is None:
            continue
        reach = (session.device, session.started_at - gap, session.ended_at + gap)
        if last is not None and last[0] == reach[0] and reach[1] <= last[2]:
            last = (last[0], last[1], max(last[2], reach[2]))
            continue
        if last is not None:
            yield last
        last = reach
    if last is not None:
        yield last


def _moment(event: StoredEvent) -> tuple[Micros, str]:
    return event.event.at, event.event.message_id


def _within(event: StoredEvent, span: Span) -> bool:
    at = event.event.at
    return (
        (span.since is None or at >= span.since)
        and (span.until is None or at < span.until)
        and (span.after is None or _moment(event) > span.after)
    )
