"""Which session each event of a batch belongs to, and what the sessions now add up to.

Events that come in order, nearly all of them, lengthen a device's last session or begin the next
one. What becomes of those that come late: `cdp/pipeline/late.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping

import msgspec

from cdp.pipeline import late
from cdp.pipeline.prepare import Prepared
from cdp.pipeline.working import Working
from graph_schema.model.event import Event
from graph_schema.model.identifier import Key
from graph_schema.model.session import Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import Micros
from graph_schema.store import About, Met, NewEvent, Wanted
from identity import commerce, device_facts, fold, sessions


class Touched(msgspec.Struct):
    """A session with what the batch adds to it; `whole`: the addition is all there is. `gained`: what
    the session's profile has not had so far, where that is another than what is added."""

    session: Session
    added: Tally
    events: int = 0
    whole: bool = False
    gained: Tally | None = None


class SessionFolder:
    """Takes the new events of a batch; `touched` and `added` are what came of them."""

    def __init__(self, work: Working) -> None:
        self._work = work
        self._gap = work.rules.session_gap
        self.touched: dict[str, Touched] = {}
        self.named: list[tuple[Session, Key]] = []
        """Sessions whose user became known, with that user."""

    async def take(self, prepared: Iterable[Prepared]) -> None:
        by_device: dict[Key | None, list[Prepared]] = {}
        for item in prepared:
            by_device.setdefault(item.names.device, []).append(item)
        for item in by_device.pop(None, []):
            self._alone(item)
        for device, items in by_device.items():
            assert device is not None
            items.sort(key=lambda item: (item.event.at, item.event.message_id))
            await self._of_device(device, items)

    async def _of_device(self, device: Key, items: list[Prepared]) -> None:
        last = self._last(device)
        if last is not None:
            end = (last.ended_at, last.last_mid)
            behind = bisect_left(items, end, key=lambda item: late.moment(item.event))
            places = late.places(self._work.sessions[device], items[:behind])
            if places is None:
                await self._split_again(device, items)
                return
            for session, item in zip(places, items, strict=False):
                self._insert(session, item)
            items = items[behind:]
        self._in_order(device, last, items)

    def finish(self) -> None:
        """Folds what was added into the sessions and hands them to the delta."""
        for touched in self.touched.values():
            session = touched.session
            if touched.whole:
                session.tally = touched.added
            else:
                fold.merge(session.tally, touched.added)
            self._work.delta.sessions.append(session)

    # ── in order ───────────────────────────────────────────────────────────────────────────────

    def _last(self, device: Key) -> Session | None:
        known = self._work.sessions.get(device)
        return known[-1] if known else None

    def _in_order(self, device: Key, last: Session | None, items: list[Prepared]) -> None:
        for item in items:
            step = sessions.advance(last, late.sighting(item), self._gap)
            if last is None or step in sessions.BEGINS:
                last = self._begin(device, item)
                self._work.sessions.setdefault(device, []).append(last)
            elif step is sessions.Step.APPEND_AND_NAME_USER:
                assert item.names.user is not None
                self._name_user(last, item.names.user)
            self._add(last, item)

    def _begin(self, device: Key, item: Prepared) -> Session:
        event, user = item.event, item.names.user
        return Session(
            id=event.message_id,
            device=device,
            user=user,
            owner=self._owner(device, user),
            started_at=event.at,
            ended_at=event.at,
            last_mid=event.message_id,
            facts=device_facts.facts_of(event),
            tally=Tally(),
        )

    def _name_user(self, session: Session, user: Key) -> None:
        """The visit's first login: what precedes it belongs to the user too."""
        before = self._work.profile_of(session.owner)
        session.user = user
        session.owner = self._owner(session.device, user)
        now = self._work.profile_of(session.owner)
        if session.owner != user:
            return  # a decision keeps the two apart: nothing that it stands for changes hands
        if before == now:
            self.named.append((session, user))
        else:
            self._work.stale.update(filter(None, (before, now)))

    def _add(self, session: Session, item: Prepared) -> None:
        self._fold(session, item)
        session.ended_at, session.last_mid = item.event.at, item.event.message_id

    def _insert(self, session: Session, item: Prepared) -> None:
        """Adds an event that lies inside."""
        if session.user is None and item.names.user is not None:
            self._name_user(session, item.names.user)
        self._fold(session, item)

    def _fold(self, session: Session, item: Prepared) -> None:
        event = item.event
        touched = self.touched.get(session.id)
        if touched is None:
            touched = self.touched[session.id] = Touched(session, Tally())
        touched.events += 1
        for interaction in commerce.interactions_of(event, session.tally, touched.added):
            self._work.delta.met.append(Met(session.id, interaction))
        fold.add(touched.added, event)
        session.rec = max(session.rec, item.rec)
        session.facts = device_facts.merge(session.facts, device_facts.facts_of(event))
        self._record(item, session.id)

    def _record(self, item: Prepared, session: str) -> None:
        self._work.delta.events.append(
            NewEvent(
                item.event, item.position, item.rec, item.names.device, item.names.user,
                session, item.digest, item.partition,
                _about(item.event),
            )
        )  # fmt: skip

    def _alone(self, item: Prepared) -> None:
        """All its identifiers are blocked: no device, so a session of its own, of nobody."""
        session = self._begin(item.names.all[0].key, item)
        session.owner = None
        self._add(session, item)

    def _owner(self, device: Key, user: Key | None) -> Key | None:
        apart = user is not None and self._work.decisions.parts(device, user)
        return sessions.owner_of(device, user, apart)

    # ── decisions ──────────────────────────────────────────────────────────────────────────────

    async def reown(self, facing: Collection[tuple[Key, Key]]) -> None:
        """Gives the sessions in which decisions can have a say to whom they belong now. `facing`: the
        pairs of a device and a user that they name on different sides."""
        devices, users = {device for device, _ in facing}, {user for _, user in facing}
        found = await self._work.batch.sessions_between(sorted(devices), sorted(users))
        moving = [
            (session, owner)
            for session in found
            if (owner := self._owner(session.device, session.user)) != session.owner
        ]
        await self._know_owners({key for s, owner in moving for key in (s.owner, owner)})
        for session, owner in moving:
            ids = (self._work.profile_of(session.owner), self._work.profile_of(owner))
            self._work.stale.update(filter(None, ids))
            session.owner = owner
            self._work.delta.sessions.append(session)

    # ── late ───────────────────────────────────────────────────────────────────────────────────

    async def _split_again(self, device: Key, items: list[Prepared]) -> None:
        """The visits around late events, from all their events."""
        old = await self._visits(device, items[0].event.at, items[-1].event.at)
        await self._know_owners({session.owner for session in old})
        stored = await self._work.batch.events_of([session.id for session in old])
        visits = late.Visits.of(stored, items)
        known = {session.id: session for session in old}
        users = {event.message_id: self._user_of(visits, event) for event in visits.events}
        spans = sessions.split(
            [sessions.Sighting(e.at, e.message_id, users[e.message_id]) for e in visits.events],
            self._gap,
        )
        position = 0
        for span in spans:
            chunk = visits.events[position : position + span.count]
            position += span.count
            before = known.get(span.id)
            if before is not None and visits.is_unchanged(span, chunk, before):
                del known[span.id]
            else:
                self._replace(device, span, chunk, visits, known)
        self._work.delta.gone_sessions += known

    async def _visits(self, device: Key, since: Micros, until: Micros) -> list[Session]:
        """The sessions of the whole visits that touch the range, give or take a gap."""
        reach = sessions.around(since, until, self._gap)
        while True:
            found = await self._work.batch.visits(device, *reach)
            wider = sessions.widened(reach, found, self._gap)
            if wider == reach:
                return found
            reach = wider

    async def _know_owners(self, keys: Iterable[Key | None]) -> None:
        owners = {key for key in keys if key is not None} - self._work.identifiers.keys()
        if owners:
            known = await self._work.batch.load(Wanted((), tuple(sorted(owners)), (), {}))
            for identifier in known.identifiers.values():
                self._work.learn(identifier)
            for id_, profile in known.profiles.items():
                self._work.profiles.setdefault(id_, profile)

    def _replace(
        self,
        device: Key,
        span: sessions.Span,
        events: list[Event],
        visits: late.Visits,
        known: Mapping[str, Session],
    ) -> None:
        session = Session(
            id=span.id,
            device=device,
            user=span.user,
            owner=self._owner(device, span.user),
            started_at=events[0].at,
            ended_at=events[-1].at,
            last_mid=events[-1].message_id,
            facts=device_facts.facts_of(events[0]),
            tally=Tally(),
            rec=max(visits.recorded(event) for event in events),
        )
        gained = Tally()
        touched = Touched(session, Tally(), whole=True, gained=gained)
        self.touched[session.id] = touched
        for event in events:
            for interaction in commerce.interactions_of(event, touched.added):
                self._work.delta.met.append(Met(session.id, interaction))
            fold.add(touched.added, event)
            session.facts = device_facts.merge(session.facts, device_facts.facts_of(event))
            item = visits.new.get(event.message_id)
            if item is not None:
                touched.events += 1
                fold.add(gained, event)
                self._record(item, session.id)
            else:
                self._move(event, session, known[visits.held[event.message_id].session])

    def _move(self, event: Event, session: Session, before: Session) -> None:
        """Whatever an event counted for is to be folded anew where it counts for another owner now."""
        if session.id != before.id:
            self._work.delta.moved_events.append((event.message_id, session.id))
        if late.ownership(session) != late.ownership(before):
            ids = (self._work.profile_of(before.owner), self._work.profile_of(session.owner))
            self._work.stale.update(filter(None, ids))

    def _user_of(self, visits: late.Visits, event: Event) -> Key | None:
        item = visits.new.get(event.message_id)
        return item.names.user if item is not None else self._work.normaliser.names(event).user


def _about(event: Event) -> tuple[About, ...]:
    return tuple(
        About(line.item_id, _whole(line.quantity_micros), _whole(line.price_micros),
              line.currency if line.price_micros is not None else None)
        for line in commerce.lines_of(event)
    )  # fmt: skip


def _whole(micros: int | None) -> float | None:
    return None if micros is None else micros / 1_000_000
