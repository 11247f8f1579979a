"""Records of Neo4j and values of the model, one into the other. A row is a list of columns in the
order in which the query files return them."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from graph_schema.model.change import Change, FeedEntry, IdentityChange
from graph_schema.model.command import Outcome
from graph_schema.model.evidence import (
    Decision,
    DecisionKind,
    Edge,
)
from graph_schema.model.identifier import Identifier
from graph_schema.model.item import Item
from graph_schema.model.profile import Profile
from graph_schema.model.segment import (
    Segment,
    SegmentVersion,
)
from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import Micros
from graph_schema.neo4j.flat import FlatNames
from graph_schema.search import folded, trait_text
from graph_schema.store import (
    DeadRecord,
    MembershipEntry,
    NewEvent,
    ProfileEvent,
)

Row: TypeAlias = list[Any]
Node: TypeAlias = dict[str, Any]

_pack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode
_tally = msgspec.msgpack.Decoder(Tally).decode
_change = msgspec.json.Decoder(Change).decode

LONGEST_INDEXED = 8_000
"""Of text that an index holds; in characters, of at most four bytes."""


# ── identity ───────────────────────────────────────────────────────────────────────────────────


def identifier_node(value: Identifier) -> Node:
    return {
        "key": value.key, "id": value.id, "namespace": value.namespace, "value": value.value,
        "rank": value.rank, "firstSeenAt": value.first_at, "lastSeenAt": value.last_at,
        "status": value.status.value, "generation": value.generation,
        "resolvedBy": value.resolved_by,
        "search": folded(value.value),
    }  # fmt: skip


def edge_row(value: Edge) -> Row:
    refused_by = value.refused_by.value if value.refused_by else None
    return [
        value.a, value.b, value.kind.value, value.count, value.first_at, value.last_at,
        value.status.value, refused_by,
    ]  # fmt: skip


def decision(row: Row) -> Decision:
    id_, kind, left, right, *rest = row
    return Decision(id_, DecisionKind(kind), tuple(left), tuple(right), *rest)


def decision_node(value: Decision) -> Node:
    return {
        "id": value.id, "kind": value.kind.value, "left": list(value.left),
        "right": list(value.right), "actor": value.actor, "at": value.at, "note": value.note,
        "undoes": value.undoes, "recordedAt": value.rec, "undoesChange": value.undoes_change,
    }  # fmt: skip


def profile_row(value: Profile, names: FlatNames) -> Row:
    """(id, properties)"""
    tally = value.tally
    traits = {name: fact.value for name, fact in tally.traits.items()}
    text = trait_text(tally)
    wordy = len(text) > LONGEST_INDEXED
    return [
        value.id,
        {
            "id": value.id, "anchor": value.anchor, "firstSeenAt": value.first_at,
            "lastSeenAt": value.last_at, "deadline": value.deadline, "tally": _pack(tally),
            "events": tally.events, "activeDays": len(tally.days),
            "search": None if wordy or not text else text,
            **({"wordy": True, "longSearch": text} if wordy else {}),
            **names.properties("trait_", traits, "traitsJson"),
        },
    ]  # fmt: skip


# ── sessions, events, items ────────────────────────────────────────────────────────────────────


def session(row: Row) -> Session:
    return Session(*(*row[:7], DeviceFacts(*row[8:16]), _tally(row[7]), row[16]))


def session_node(value: Session) -> Node:
    facts = value.facts
    return {
        "id": value.id, "device": value.device, "user": value.user, "owner": value.owner,
        "startedAt": value.started_at, "endedAt": value.ended_at, "lastMid": value.last_mid,
        "tally": _pack(value.tally), "events": value.tally.events, "recordedAt": value.rec,
        "kind": facts.kind, "userAgentFamily": facts.user_agent_family, "os": facts.os,
        "locale": facts.locale, "timezone": facts.timezone, "screen": facts.screen,
        "country": facts.country, "ipPrefix": facts.ip_prefix,
    }  # fmt: skip


def profile_event(row: Row) -> ProfileEvent:
    profile, at, mid, name, body = row
    return ProfileEvent(profile, at, mid, name, body.encode())


def event_row(new: NewEvent, names: FlatNames) -> Row:
    """(session, properties)"""
    event = new.event
    return [
        new.session,
        {
            "id": event.message_id, "type": event.type.value, "name": event.name, "at": event.at,
            "recordedAt": new.rec, "source": event.source, "device": new.device, "user": new.user,
            "session": new.session, "partition": new.partition, "position": new.position,
            "digest": new.digest, "body": _json(event).decode(),
            **names.properties("property_", event.properties, "propertiesJson"),
        },
    ]  # fmt: skip


def item_row(value: Item, names: FlatNames) -> Row:
    """(id, properties)"""
    price = value.price / 1_000_000 if value.price is not None else None
    return [
        value.id,
        {
            "id": value.id, "name": value.name, "category": value.category, "brand": value.brand,
            "price": price, "currency": value.currency, "url": value.url,
            "imageUrl": value.image_url, "available": value.available,
            "updatedAt": value.updated_at, "body": _json(value).decode(),
            **names.properties("attribute_", value.attributes, "attributesJson"),
        },
    ]  # fmt: skip


# ── segments ───────────────────────────────────────────────────────────────────────────────────


def segment_row(value: Segment, rec: Micros) -> Row:
    """(key, properties, rec)"""
    return [
        value.key,
        {
            "key": value.key, "name": value.name, "status": value.status.value,
            "version": value.version, "rule": _json(value.rule).decode(),
            "createdAt": value.created_at, "updatedAt": value.updated_at,
            "description": value.description, "createdBy": value.created_by,
            "walked": value.walked,
        },
        rec,
    ]  # fmt: skip


def segment_version(row: Row) -> SegmentVersion:
    version, rule, rec, by = row
    return SegmentVersion(version, msgspec.json.decode(rule), rec, by)


def segment_version_row(key: str, value: SegmentVersion) -> Row:
    return [key, value.version, _json(value.rule).decode(), value.rec, value.by]


def membership_row(entry: MembershipEntry, rec: Micros) -> Row:
    known = entry.membership
    return [
        known.profile_id, known.segment, known.version, known.since, known.cause.value, entry.event,
        rec,
    ]  # fmt: skip


# ── what happened to records ───────────────────────────────────────────────────────────────────


def outcome(row: Row) -> Outcome:
    return Outcome(*(*row[:4], tuple(row[4])))


def outcome_row(value: Outcome) -> Row:
    return [value.command_id, value.at, value.problem, value.message, list(value.path)]


def dead_record_row(value: DeadRecord) -> Row:
    return list(msgspec.structs.astuple(value))


def feed_entry(row: Row) -> FeedEntry:
    partition, seq, rec, body = row
    return FeedEntry(partition, seq, rec, _change(body))


def identity_change(body: str) -> IdentityChange:
    return msgspec.json.decode(body, type=IdentityChange)


def change_node(change: Change, partition: int, seq: int, rec: Micros) -> Node:
    node: Node = {
        "partition": partition, "seq": seq, "recordedAt": rec, "kind": type(change).__name__,
        "body": _json(change).decode(),
    }  # fmt: skip
    if isinstance(change, IdentityChange):
        node |= {"kind": change.kind.value, "id": change.id, "cause": change.cause}
        node["recordedAt"] = change.at
    return node
