"""What is evaluated: a graph's sessions with the events they hold, and what those events say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from graph_schema.model.evidence import EdgeKey, Seen
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.time import HALF_HOUR, Micros
from identity import sessions
from identity.evidence import star
from identity.local import Sighted
from identity.normalise import Names


class Heard(msgspec.Struct, frozen=True):
    """What of an event tells who it was."""

    message_id: str
    at: Micros
    names: Names


class AssignedSession(msgspec.Struct, frozen=True):
    """A session of the graph under the profile that holds it. `kind`: of its device, as the session's
    facts state it."""

    id: str
    device: Key
    user: Key | None
    owner: Key
    profile: str
    kind: str
    events: tuple[Heard, ...]


class ResolvedGraph(msgspec.Struct, frozen=True):
    """`merged`: of each merge that the graph made, the number of identifiers in the profile that came
    of it."""

    sessions: tuple[AssignedSession, ...]
    identifiers: dict[Key, Identifier]
    merged: tuple[int, ...] = ()

    def events(self) -> Iterator[Heard]:
        for session in self.sessions:
            yield from session.events


class Evidence(msgspec.Struct, frozen=True):
    """All that events say about who is who. `facts`: of each pair the earliest sighting in each
    half-hour; `sighted`: of each identifier the first one."""

    facts: tuple[Seen, ...]
    sighted: tuple[Sighted, ...]

    def until(self, moment: Micros) -> Evidence:
        """What was known by then, by event time."""
        return Evidence(
            tuple(fact for fact in self.facts if fact.at <= moment),
            tuple(sight for sight in self.sighted if sight.at <= moment),
        )


Method = Callable[[Evidence], dict[Key, str]]
"""A way to put identifiers together: each identifier to the name of its cluster."""


def evidence_of(events: Iterable[Heard]) -> Evidence:
    facts: dict[tuple[EdgeKey, int], Seen] = {}
    sighted: dict[Key, Sighted] = {}
    for heard in events:
        for name in heard.names.with_forms:
            known = sighted.get(name.key)
            if not name.blocked and (known is None or heard.at < known.at):
                sighted[name.key] = Sighted(name.key, name.namespace, heard.at)
        for fact in star(heard, heard.names):
            place = ((fact.a, fact.b, fact.kind), fact.half_hour)
            seen = facts.get(place)
            if seen is None or (fact.at, fact.mid) < (seen.at, seen.mid):
                facts[place] = fact
    return Evidence(tuple(facts.values()), tuple(sighted.values()))


def owners(events: Iterable[Heard], gap: Micros = HALF_HOUR) -> dict[str, Key]:
    """Message id to the owner of the session that holds the event, sessions being cut anew. Events
    whose identifiers are all blocked are nobody's, and left out."""
    by_device: dict[Key, list[Heard]] = {}
    for heard in events:
        if heard.names.device is not None:
            by_device.setdefault(heard.names.device, []).append(heard)
    found: dict[str, Key] = {}
    for device, line in by_device.items():
        line.sort(key=lambda heard: (heard.at, heard.message_id))
        sightings = [sessions.Sighting(h.at, h.message_id, h.names.user) for h in line]
        position = 0
        for span in sessions.split(sightings, gap):
            owner = sessions.owner_of(device, span.user)
            assert owner is not None
            for heard in line[position : position + span.count]:
                found[heard.message_id] = owner
            position += span.count
    return found
