"""Graphs for tests of the evaluation: from events, by the rule, without a store."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from graphs import event

from graph_schema.model.event import Event, EventType
from graph_schema.model.identifier import Identifier, parse_key
from graph_schema.model.rules import IdentityRules
from identity import sessions
from identity.evaluation.subjects import AssignedSession, Heard, ResolvedGraph, evidence_of
from identity.normalise import Normaliser
from identity.whole import resolve_all

RULES = IdentityRules()


class Call(msgspec.Struct, frozen=True):
    """Who (in truth) did something where and when; `user`: as whom they are logged in."""

    person: str
    minute: float
    device: str | None
    user: str | None = None
    email: str | None = None


def heard(calls: Sequence[Call]) -> list[Heard]:
    normaliser = Normaliser(RULES)
    events = [_event(number, call) for number, call in enumerate(calls)]
    return [Heard(e.message_id, e.at, normaliser.names(e)) for e in events]


def people(calls: Sequence[Call]) -> dict[str, str]:
    """Message id to person."""
    return {f"m{number:03d}": call.person for number, call in enumerate(calls)}


def resolved(events: Sequence[Heard]) -> ResolvedGraph:
    """What a store would hold after those events."""
    evidence = evidence_of(events)
    nodes = resolve_all(evidence.facts, evidence.sighted, RULES).nodes
    found: list[AssignedSession] = []
    for device in {h.names.device: None for h in events if h.names.device is not None}:
        line = sorted(
            (h for h in events if h.names.device == device), key=lambda h: (h.at, h.message_id)
        )
        for span in sessions.split(
            [sessions.Sighting(h.at, h.message_id, h.names.user) for h in line]
        ):
            owner = sessions.owner_of(device, span.user)
            assert owner is not None
            anchor = nodes[owner].anchor
            assert anchor is not None
            ids = [h.message_id for h in line]
            start = ids.index(span.id)
            part = tuple(line[start : start + span.count])
            found.append(AssignedSession(span.id, device, span.user, owner, anchor, "mobile", part))
    identifiers = {
        key: Identifier(
            key=key, id=key, namespace=node.namespace.name, value=parse_key(key)[2],
            rank=node.namespace.rank, first_at=node.first_at, last_at=node.first_at,
            profile=node.anchor, status=node.status,
        )
        for key, node in nodes.items()
    }  # fmt: skip
    return ResolvedGraph(tuple(found), identifiers)


def _event(number: int, call: Call) -> Event:
    return event(
        f"m{number:03d}", call.minute, anonymous=call.device, user=call.user,
        kind=EventType.TRACK if call.email is None else EventType.IDENTIFY,
        traits={} if call.email is None else {"email": call.email},
    )  # fmt: skip
