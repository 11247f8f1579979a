"""Sessions against events: each device's events split whole, each session folded from its own."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import msgspec

from cdp.pipeline.check.findings import INTERACTIONS, SESSIONS, TALLIES, Findings
from cdp.pipeline.check.reading import SESSIONS_AT_ONCE, events_by_session
from cdp.pipeline.check.scratch import Scratch
from graph_schema.model.event import Event
from graph_schema.model.identifier import Key
from graph_schema.model.item import Interaction
from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import Micros
from graph_schema.store import GraphStore, StoredEvent
from graph_schema.walking import WalkedSession
from identity import commerce, device_facts, evidence, fold, sessions
from identity.decisions import Decisions
from identity.normalise import Normaliser

Stretch: TypeAlias = tuple[str, int, Key | None]
"""(id, count of events, user) of a session."""


class SessionWalk:
    """Walks all sessions with their events, and tells the scratch what the events say."""

    def __init__(
        self,
        store: GraphStore,
        normaliser: Normaliser,
        gap: Micros,
        decisions: Decisions,
        scratch: Scratch,
        findings: Findings,
    ) -> None:
        self._store = store
        self._normaliser = normaliser
        self._gap = gap
        self._decisions = decisions
        self._scratch = scratch
        self._findings = findings
        self._device = _Device("", gap, findings)
        self.events = 0

    async def take(self, total: int, progress: Callable[[float], None]) -> None:
        """`total`: how many events there are."""
        async for walked in self._store.walk_sessions(SESSIONS_AT_ONCE):
            by_id = {one.session.id: one for one in walked}
            async for id_, pages in events_by_session(self._store, list(by_id)):
                await self._session(by_id[id_], pages)
            progress(self.events / max(1, total))
        self._device.finish()
        self._scratch.flush()

    async def _session(
        self, walked: WalkedSession, pages: AsyncIterator[list[StoredEvent]]
    ) -> None:
        session = walked.session
        if session.device != self._device.key:
            self._device.finish()
            self._device = _Device(session.device, self._gap, self._findings)
        folded = _Folded()
        async for page in pages:
            for stored in page:
                self._event(session, folded, stored)
        self._findings.walked(SESSIONS)
        self._compare(walked, folded)
        if not folded.alone:
            self._device.put((session.id, folded.count, folded.user))

    def _event(self, session: Session, folded: _Folded, stored: StoredEvent) -> None:
        self.events += 1
        event = stored.event
        names = self._normaliser.names(event)
        self._scratch.take(event.at, names, evidence.star(event, names, stored.rec))
        # Where all is blocked there is no device: the session is the event's own.
        device = names.device or (names.all[0].key if names.all else None)
        if device != session.device:
            self._findings.broken(
                SESSIONS, f"event {event.message_id} lies in a session of another device"
            )
        folded.add(event, names.user, stored.rec)
        if names.device is None:
            folded.alone = True
        else:
            self._device.see(sessions.Sighting(event.at, event.message_id, names.user))

    def _compare(self, walked: WalkedSession, folded: _Folded) -> None:
        session = walked.session
        if folded.first is None or folded.last is None:
            self._findings.broken(SESSIONS, f"session {session.id} holds no event")
            return
        first, last = folded.first, folded.last
        owner = None if folded.alone else self._owner(session.device, folded.user)
        expected = (
            first.message_id, folded.user, owner, first.at, last.at, last.message_id, folded.rec,
        )  # fmt: skip
        found = (
            session.id, session.user, session.owner, session.started_at, session.ended_at,
            session.last_mid, session.rec,
        )  # fmt: skip
        if found != expected or (folded.alone and folded.count > 1):
            self._findings.broken(
                SESSIONS,
                f"session {session.id} has another id, user, owner or time than its events",
            )
        self._findings.walked(TALLIES)
        if (session.facts, session.tally) != (folded.facts, folded.tally):
            self._findings.broken(
                TALLIES, f"session {session.id} adds up to something else than its events"
            )
        self._findings.walked(INTERACTIONS, len(folded.met))
        if {met.item_id: met for met in walked.interactions} != folded.met:
            self._findings.broken(
                INTERACTIONS, f"session {session.id} met other items than its events say"
            )

    def _owner(self, device: Key, user: Key | None) -> Key | None:
        apart = user is not None and self._decisions.parts(device, user)
        return sessions.owner_of(device, user, apart)


class _Folded:
    """What a session's events add up to, one after the other."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.facts = DeviceFacts()
        self.met: dict[str, Interaction] = {}
        self.user: Key | None = None
        self.first: Event | None = None
        self.last: Event | None = None
        self.rec: Micros = 0
        self.count = 0
        self.alone = False

    def add(self, event: Event, user: Key | None, rec: Micros) -> None:
        for met in commerce.interactions_of(event, self.tally):
            known = self.met.get(met.item_id)
            self.met[met.item_id] = met if known is None else _sum(known, met)
        fold.add(self.tally, event)
        said = device_facts.facts_of(event)
        self.facts = said if self.first is None else device_facts.merge(self.facts, said)
        self.user = self.user or user
        self.first = self.first or event
        self.last = event
        self.rec = max(self.rec, rec)
        self.count += 1


class _Device:
    """Holds the sessions of one device against the split of its events, visit by visit: what is in
    memory is the moments of one visit."""

    def __init__(self, key: Key, gap: Micros, findings: Findings) -> None:
        self.key = key
        self._gap = gap
        self._findings = findings
        self._visit: list[sessions.Sighting] = []
        self._found: deque[Stretch] = deque()
        self._expected: deque[Stretch] = deque()
        self._differs = False

    def see(self, sighting: sessions.Sighting) -> None:
        if self._visit:
            last = self._visit[-1]
            if (sighting.at, sighting.mid) < (last.at, last.mid):
                self._broken(f"event {sighting.mid} lies in a session behind its time")
            elif sighting.at - last.at > self._gap:
                self._split()
        self._visit.append(sighting)

    def put(self, stretch: Stretch) -> None:
        """A session of the device, behind all of its events."""
        self._found.append(stretch)

    def finish(self) -> None:
        self._split()
        for id_, _, _ in [*self._found, *self._expected][:1]:
            self._broken(f"session {id_} is not one by the split of its device's events")

    def _split(self) -> None:
        spans = sessions.split(self._visit, self._gap)
        self._expected.extend((span.id, span.count, span.user) for span in spans)
        self._visit.clear()
        while self._found and self._expected:
            found, expected = self._found.popleft(), self._expected.popleft()
            if found != expected:
                self._broken(f"session {found[0]} is not one by the split of its device's events")

    def _broken(self, example: str) -> None:
        """Behind the first difference nothing stands side by side any more: a device is named once."""
        if not self._differs:
            self._findings.broken(SESSIONS, example)
        self._differs = True


def _sum(one: Interaction, other: Interaction) -> Interaction:
    return msgspec.structs.replace(
        one,
        views=one.views + other.views,
        carts=one.carts + other.carts,
        purchases=one.purchases + other.purchases,
        first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at),
    )
