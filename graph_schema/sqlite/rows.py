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
    Seen,
)
from graph_schema.model.identifier import Identifier
from graph_schema.model.item import Item
from graph_schema.model.known import Assigned
from graph_schema.model.profile import Profile
from graph_schema.model.segment import Segment
from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.search import folded, trait_text

Row: TypeAlias = Any
"""A tuple of columns, as the driver hands them over."""

_pack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode
_tally = msgspec.msgpack.Decoder(Tally).decode
_facts = msgspec.msgpack.Decoder(DeviceFacts).decode


def identifier_row(value: Identifier) -> Row:
    return (
        value.key, value.id, value.namespace, value.value, value.rank, value.first_at,
        value.last_at, value.profile, value.status.value, value.generation, folded(value.value),
        value.resolved_by,
    )  # fmt: skip


def assigned_row(value: Assigned) -> Row:
    return value.identifier, value.rec, value.profile, value.status.value


def edge_row(value: Edge) -> Row:
    refused_by = value.refused_by.value if value.refused_by else None
    return (
        value.a, value.b, value.kind.value, value.count, value.first_at, value.last_at,
        value.status.value, refused_by,
    )  # fmt: skip


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


def profile_row(value: Profile) -> Row:
    tally = _pack(value.tally)
    return (
        value.id, value.anchor, value.first_at, value.last_at, tally, value.deadline,
        trait_text(value.tally),
    )  # fmt: skip


def event_body(value: Event) -> bytes:
    return _json(value)


def item_row(value: Item) -> Row:
    return value.id, value.updated_at, _json(value)


def segment_row(value: Segment) -> Row:
    return (
        value.key, value.name, value.status.value, value.version, _json(value.rule).decode(),
        value.created_at, value.updated_at, value.description, value.created_by, value.walked,
    )  # fmt: skip


def outcome(row: Row) -> Outcome:
    return Outcome(*(*row[:4], tuple(msgspec.json.decode(row[4]))))


def outcome_row(value: Outcome) -> Row:
    return value.command_id, value.at, value.problem, value.message, _json(value.path).decode()
