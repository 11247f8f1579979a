"""Rows of the tables and values of the model, one into the other."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from graph_schema.model.command import Outcome
from graph_schema.model.event import Event
from graph_schema.model.evidence import (
    Decision,
    DecisionKind,
    Edge,
    EvidenceKind,
    EvidenceStatus,
    RefusalRule,
    Seen,
)
from graph_schema.model.identifier import Identifier, IdentifierStatus
from graph_schema.model.item import Item
from graph_schema.model.known import Assigned
from graph_schema.model.profile import Profile
from graph_schema.model.segment import Membership, MembershipCause, Segment, SegmentStatus
from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.search import folded, trait_text
from graph_schema.store import Checkpoint, DeadRecord, StoredEvent
from graph_schema.walking import Recorded

Row: TypeAlias = Any
"""A tuple of columns, as the driver hands them over."""

_pack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode
_tally = msgspec.msgpack.Decoder(Tally).decode
_facts = msgspec.msgpack.Decoder(DeviceFacts).decode
_event = msgspec.json.Decoder(Event).decode
_item = msgspec.json.Decoder(Item).decode

_STATUSES = {status.value: status for status in IdentifierStatus}
_KINDS = {kind.value: kind for kind in EvidenceKind}
_EDGE_STATUSES = {status.value: status for status in EvidenceStatus}
_RULES: dict[str | None, RefusalRule | None] = {rule.value: rule for rule in RefusalRule}
_RULES[None] = None


def identifier(row: Row) -> Identifier:
    return Identifier(*(*row[:8], _STATUSES[row[8]], row[9]))


def identifier_row(value: Identifier) -> Row:
    return (
        value.key, value.id, value.namespace, value.value, value.rank, value.first_at,
        value.last_at, value.profile, value.status.value, value.generation, folded(value.value),
    )  # fmt: skip


def assigned_row(value: Assigned) -> Row:
    return value.identifier, value.rec, value.profile, value.status.value


def edge(row: Row) -> Edge:
    a, b, kind, count, first_at, last_at, status, refused_by = row
    return Edge(
        a, b, _KINDS[kind], count, first_at, last_at, _EDGE_STATUSES[status], _RULES[refused_by]
    )


def edge_row(value: Edge) -> Row:
    refused_by = value.refused_by.value if value.refused_by else None
    return (
        value.a, value.b, value.kind.value, value.count, value.first_at, value.last_at,
        value.status.value, refused_by,
    )  # fmt: skip


def seen(row: Row) -> Seen:
    a, b, kind, *rest = row
    return Seen(a, b, _KINDS[kind], *rest)


def seen_row(value: Seen) -> Row:
    return value.a, value.b, value.kind.value, value.half_hour, value.at, value.mid, value.rec


def decision(row: Row) -> Decision:
    id_, kind, left, right, *rest = row
    sides = (tuple(msgspec.json.decode(left)), tuple(msgspec.json.decode(right)))
    return Decision(id_, DecisionKind(kind), *sides, *rest)


def decision_row(value: Decision) -> Row:
    return (
        value.id, value.kind.value, _json(value.left).decode(), _json(value.right).decode(),
        value.actor, value.at, value.note, value.undoes, value.rec, value.undoes_change,
    )  # fmt: skip


def session(row: Row) -> Session:
    return Session(*(*row[:7], _facts(row[7]), _tally(row[8]), row[9]))


def session_row(value: Session) -> Row:
    return (
        value.id, value.device, value.user, value.owner, value.started_at, value.ended_at,
        value.last_mid, _pack(value.facts), _pack(value.tally), value.rec,
    )  # fmt: skip


def profile(row: Row) -> Profile:
    return Profile(*(*row[:4], _tally(row[4]), row[5]))


def profile_row(value: Profile) -> Row:
    tally = _pack(value.tally)
    return (
        value.id, value.anchor, value.first_at, value.last_at, tally, value.deadline,
        trait_text(value.tally),
    )  # fmt: skip


def stored_event(row: Row) -> StoredEvent:
    """(body, rec, session, profile)"""
    return StoredEvent(_event(row[0]), *row[1:4])


def recorded(row: Row) -> Recorded:
    """(body, partition, position, rec, device, user, session, digest)"""
    return Recorded(_event(row[0]), *row[1:])


def event_body(value: Event) -> bytes:
    return _json(value)


def item(row: Row) -> Item:
    return _item(row[0])


def item_row(value: Item) -> Row:
    return value.id, value.updated_at, _json(value)


def segment(row: Row) -> Segment:
    key, name, status, version, rule, *rest = row
    return Segment(key, name, SegmentStatus(status), version, msgspec.json.decode(rule), *rest)


def segment_row(value: Segment) -> Row:
    return (
        value.key, value.name, value.status.value, value.version, _json(value.rule).decode(),
        value.created_at, value.updated_at, value.description, value.created_by, value.walked,
    )  # fmt: skip


def membership(row: Row) -> Membership:
    return Membership(*(*row[:4], MembershipCause(row[4])))


def outcome(row: Row) -> Outcome:
    return Outcome(*(*row[:4], tuple(msgspec.json.decode(row[4]))))


def outcome_row(value: Outcome) -> Row:
    return value.command_id, value.at, value.problem, value.message, _json(value.path).decode()


def checkpoint(row: Row) -> Checkpoint:
    return Checkpoint(*row)


def dead_record(row: Row) -> DeadRecord:
    return DeadRecord(*row)
