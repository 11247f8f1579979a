"""What was known at an earlier moment, from the facts recorded by then: the same functions, no others.

Which profile held an identifier is kept by the store. The rest follows from facts: sessions from their
events (`split`, and the folds), the state of each piece of evidence from the sightings and decisions
(`judge`, `resolve`). Nothing here reads; whoever asks loads what is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from graph_schema.model.event import Event
from graph_schema.model.evidence import Edge, EvidenceKind, EvidenceStatus, Seen
from graph_schema.model.identifier import Key
from graph_schema.model.session import Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import Micros
from graph_schema.store import StoredEvent
from identity import device_facts, fold, sessions
from identity.decisions import Decisions
from identity.difference import Difference, Loading, complete, put
from identity.judging import Judging
from identity.normalise import Normaliser
from identity.region import Region
from identity.resolve import cut_by
from identity.settle import close, clusters_of, settle
from identity.whole import edge_of

# ── sessions ───────────────────────────────────────────────────────────────────────────────────


def visits(found: Iterable[Session], gap: Micros) -> list[list[Session]]:
    """Sessions of any devices, given with all that lie within a gap of them, as whole visits, each
    oldest first. A session of nobody is a visit of its own: its device is no device."""
    whole: list[list[Session]] = []
    for session in sorted(found, key=lambda s: (s.device, s.started_at, s.id)):
        last = whole[-1][-1] if whole else None
        if (
            last is not None
            and None not in (session.owner, last.owner)
            and session.device == last.device
            and session.started_at - last.ended_at <= gap
        ):
            whole[-1].append(session)
        else:
            whole.append([session])
    return whole


def as_they_were(
    visit: Sequence[Session], stored: Sequence[StoredEvent], past: Past
) -> list[tuple[Session, list[str]]]:
    """The sessions that a visit of today was when only these of its events were recorded, each with the
    message ids that it held."""
    recorded = {one.event.message_id: one.rec for one in stored}
    events = sorted((one.event for one in stored), key=lambda e: (e.at, e.message_id))
    users = {event.message_id: past.normaliser.names(event).user for event in events}
    spans = sessions.split(
        [sessions.Sighting(e.at, e.message_id, users[e.message_id]) for e in events], past.gap
    )
    found, position = [], 0
    for span in spans:
        chunk = events[position : position + span.count]
        position += span.count
        session = _folded(visit[0], span.user, chunk, past)
        session.rec = max(recorded[event.message_id] for event in chunk)
        found.append((session, [event.message_id for event in chunk]))
    return found


class Past(msgspec.Struct, frozen=True):
    """What was in force: the decisions, the rules that read an event, the silence between visits."""

    normaliser: Normaliser
    decisions: Decisions
    gap: Micros

    def owned(self, session: Session) -> Session:
        """The session, belonging to whom it did then."""
        if session.owner is None:
            return session
        owner = self.owner(session.device, session.user)
        return msgspec.structs.replace(session, owner=owner)

    def owner(self, device: Key, user: Key | None) -> Key | None:
        apart = user is not None and self.decisions.parts(device, user)
        return sessions.owner_of(device, user, apart)


def _folded(today: Session, user: Key | None, events: Sequence[Event], past: Past) -> Session:
    tally, facts = Tally(), device_facts.facts_of(events[0])
    for event in events:
        fold.add(tally, event)
        facts = device_facts.merge(facts, device_facts.facts_of(event))
    return Session(
        id=events[0].message_id,
        device=today.device,
        user=user,
        owner=None if today.owner is None else past.owner(today.device, user),
        started_at=events[0].at,
        ended_at=events[-1].at,
        last_mid=events[-1].message_id,
        facts=facts,
        tally=tally,
    )


# ── evidence ───────────────────────────────────────────────────────────────────────────────────


def edges_of(facts: Iterable[Seen]) -> list[Edge]:
    """The evidence that facts amount to, not judged yet."""
    halves: dict[tuple[Key, Key, EvidenceKind], dict[int, Micros]] = {}
    for fact in facts:
        seen = halves.setdefault((fact.a, fact.b, fact.kind), {})
        seen[fact.half_hour] = min(seen.get(fact.half_hour, fact.at), fact.at)
    return [edge_of(key, list(times.values())) for key, times in halves.items()]


def judged(region: Region, keys: Collection[Key]) -> Loading:
    """Gives the evidence of the clusters that hold the keys its status, in a region that knows the
    clusters and what evidence there is, but not what became of it."""
    yield from complete(region, keys)
    inside = clusters_of(region, (key for key in keys if key in region.nodes))
    yield from close(region, inside)
    beside = {end.key for key in inside for _, end in region.ends(key)}
    devices = {key for key in inside | beside if region.nodes[key].device}
    yield from Judging(region, Difference()).judge(devices)
    own = {key for node in inside for key in region.evidence.get(node, ())}
    cuts = {key: cut_by(region, region.edges[key]) for key in own}
    for key, cut in cuts.items():
        edge = region.edges[key]
        apart = region.nodes[edge.a].anchor != region.nodes[edge.b].anchor
        # What leads out of a cluster did not join; which rule but a cut refused it is found last.
        if apart and (cut is not None or edge.kind is not EvidenceKind.SUGGESTED):
            put(region, edge, EvidenceStatus.REFUSED, cut, Difference())
    yield from settle(region, set(inside), cuts, Difference(), explain_all=True)
