"""Reading records of events: what each one names, before anything is known of the graph."""

from __future__ import annotations

import hashlib

import msgspec

from graph_schema.model.event import Event
from graph_schema.model.evidence import Seen
from graph_schema.model.identifier import Key
from graph_schema.model.record import LogRecord
from graph_schema.model.time import Micros
from graph_schema.store import Wanted
from identity import evidence
from identity.normalise import Names, Normaliser

_event = msgspec.json.Decoder(Event).decode
_canonical = msgspec.json.Encoder(order="sorted").encode


class Prepared(msgspec.Struct):
    """An event with what it names. `facts` is its star of evidence."""

    event: Event
    position: int
    rec: Micros
    names: Names
    facts: tuple[Seen, ...]
    digest: bytes
    partition: int = 0


def prepare(record: LogRecord, normaliser: Normaliser) -> Prepared:
    """Raises msgspec.DecodeError where the record's body is no event."""
    event = _event(record.body or b"")
    names = normaliser.names(event)
    star = evidence.star(event, names)
    return Prepared(
        event, record.position, record.at, names, star, digest_of(event), record.partition
    )


def digest_of(event: Event) -> bytes:
    """Tells one content from another. What differs between two deliveries of one call (the server's
    clock, the corrected time, the context that the server adds to) takes no part."""
    said = (
        event.type.value, event.name, event.anonymous_id, event.user_id, event.previous_id,
        event.group_id, event.traits, event.properties, event.original_timestamp,
    )  # fmt: skip
    return hashlib.blake2b(_canonical(said), digest_size=16).digest()


def wanted(prepared: list[Prepared], gap: Micros) -> Wanted:
    """What a batch needs to know of the graph."""
    devices: dict[Key, Micros] = {}
    until: dict[Key, Micros] = {}
    keys: dict[Key, None] = {}
    pairs: dict[tuple[Key, Key, str, int], None] = {}
    for item in prepared:
        device, at = item.names.device, item.event.at
        if device is not None:
            devices[device] = min(at - gap, devices.get(device, at))
            until[device] = max(at + gap, until.get(device, at))
        for name in item.names.with_forms:
            keys[name.key] = None
        for fact in item.facts:
            pairs[fact.a, fact.b, fact.kind.value, fact.half_hour] = None
    return Wanted(
        tuple(item.event.message_id for item in prepared),
        tuple(keys),
        tuple(pairs),
        devices,
        until,
    )
