"""Reading what both stores' query files return: columns in the order of the value's fields, numbers and
texts as they are, and what has structure packed as the store was given it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from graph_schema.model.event import Event
from graph_schema.model.evidence import Edge, EvidenceKind, EvidenceStatus, RefusalRule, Seen
from graph_schema.model.identifier import Identifier, IdentifierStatus
from graph_schema.model.item import Item
from graph_schema.model.profile import Profile
from graph_schema.model.segment import Membership, MembershipCause, Segment, SegmentStatus
from graph_schema.model.tally import Tally
from graph_schema.store import Checkpoint, DeadRecord, StoredEvent
from graph_schema.walking import Recorded

Row: TypeAlias = Sequence[Any]

_tally = msgspec.msgpack.Decoder(Tally).decode
_event = msgspec.json.Decoder(Event).decode
_item = msgspec.json.Decoder(Item).decode

# Looked up rather than called: it happens for every row of every batch.
_STATUSES = {status.value: status for status in IdentifierStatus}
_KINDS = {kind.value: kind for kind in EvidenceKind}
_EDGE_STATUSES = {status.value: status for status in EvidenceStatus}
_RULES: dict[str | None, RefusalRule | None] = {rule.value: rule for rule in RefusalRule}
_RULES[None] = None


def identifier(row: Row) -> Identifier:
    return Identifier(*(*row[:8], _STATUSES[row[8]], *row[9:11]))


def edge(row: Row) -> Edge:
    a, b, kind, count, first_at, last_at, status, refused_by = row
    return Edge(
        a, b, _KINDS[kind], count, first_at, last_at, _EDGE_STATUSES[status], _RULES[refused_by]
    )


def seen(row: Row) -> Seen:
    a, b, kind, half_hour, at, mid, rec = row
    return Seen(a, b, _KINDS[kind], half_hour, at, mid, rec)


def profile(row: Row) -> Profile:
    return Profile(*(*row[:4], _tally(row[4]), row[5]))


def stored_event(row: Row) -> StoredEvent:
    """(body, rec, session, profile)"""
    return StoredEvent(_event(row[0]), *row[1:4])


def recorded(row: Row) -> Recorded:
    """(body, partition, position, rec, device, user, session, digest)"""
    return Recorded(_event(row[0]), *row[1:])


def item(row: Row) -> Item:
    return _item(row[0])


def segment(row: Row) -> Segment:
    key, name, status, version, rule, *rest = row
    return Segment(key, name, SegmentStatus(status), version, msgspec.json.decode(rule), *rest)


def membership(row: Row) -> Membership:
    return Membership(*(*row[:4], MembershipCause(row[4])))


def checkpoint(row: Row) -> Checkpoint:
    return Checkpoint(*row)


def dead_record(row: Row) -> DeadRecord:
    return DeadRecord(*row)
