"""Late events: those that are not behind the last event of their device.

Most lie inside a session and change nothing about it but what it adds up to: they are added, and no
other event is read. For the rest the visits around them are split anew from all their events. A
profile is folded anew only where events of it went to another owner: what was added to a tally cannot
be taken out of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from cdp.pipeline.prepare import Prepared
from graph_schema.model.event import Event
from graph_schema.model.identifier import Key
from graph_schema.model.session import Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import Micros
from graph_schema.store import StoredEvent
from identity import commerce, device_facts, sessions

Ownership: TypeAlias = tuple[Key | None, bool]
"""Whom a session's facts belong to, and whether that is the user who logged in within it."""


def places(known: Sequence[Session], late: Sequence[Prepared]) -> list[Session] | None:
    """The session that each of the late events is simply added to; None where one of them may do more.
    Both are in order of time. Nothing is changed."""
    found: list[Session] = []
    become: dict[str, Session] = {}
    for item in late:
        session = _holding(known, item.event)
        if session is None:
            return None
        now = become.setdefault(session.id, msgspec.structs.replace(session))
        step = sessions.insert(now, sighting(item))
        said = device_facts.facts_of(item.event)
        if step is sessions.Step.LATE or not device_facts.agree(now.facts, said):
            return None
        if _bought_before(item.event, session.tally):
            return None
        now.user = now.user or item.names.user
        now.facts = device_facts.merge(now.facts, said)
        found.append(session)
    return found


def ownership(session: Session) -> Ownership:
    return session.owner, session.owner is not None and session.owner == session.user


def moment(event: Event) -> tuple[Micros, str]:
    return event.at, event.message_id


def sighting(item: Prepared) -> sessions.Sighting:
    return sessions.Sighting(item.event.at, item.event.message_id, item.names.user)


class Visits(msgspec.Struct):
    """Whole visits with late events among them, in order of time. `held`: in which session each stored
    event lies, and when it was recorded."""

    events: list[Event]
    new: dict[str, Prepared]
    held: dict[str, StoredEvent]

    @staticmethod
    def of(stored: Sequence[StoredEvent], late: Sequence[Prepared]) -> Visits:
        events = [one.event for one in stored] + [item.event for item in late]
        return Visits(
            sorted(events, key=moment),
            {item.event.message_id: item for item in late},
            {one.event.message_id: one for one in stored},
        )

    def recorded(self, event: Event) -> Micros:
        item = self.new.get(event.message_id)
        return item.rec if item is not None else self.held[event.message_id].rec

    def is_unchanged(self, span: sessions.Span, events: Sequence[Event], known: Session) -> bool:
        """Whether a session is what it was: the same events and no other."""
        return (
            (span.count, span.user) == (known.tally.events, known.user)
            and all(e.message_id in self.held for e in events)
            and all(self.held[e.message_id].session == known.id for e in events)
        )


def _holding(known: Sequence[Session], event: Event) -> Session | None:
    """The last session that begins before the event."""
    place = bisect_right(known, moment(event), key=lambda one: (one.started_at, one.id))
    return known[place - 1] if place else None


def _bought_before(event: Event, tally: Tally) -> bool:
    """An order that its session completed already: of two such events the earlier one counts."""
    return commerce.interactions_of(event) != commerce.interactions_of(event, tally)
