"""All that two copies of a graph must agree in, as a stream of things with what is said of each.

Left out is what the moment of applying decides, and not the log: since when a membership is open, its
cause and the version of the rule it was opened under; a profile's deadline; how far a back-fill has
walked; the order and the dates of the change feed. Where events lie in several partitions, the order in
which these were taken decides over which steps profiles came to be what they are, and where the rules
changed, how far everybody was resolved by them when an event came: `changes` are then no part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import msgspec

from cdp.eventlog.partitioning import COMMANDS
from cdp.eventlog.protocol import EventLog
from cdp.pipeline.check.reading import event_pages
from graph_schema.knowledge import EARLIEST
from graph_schema.model.change import IdentityChange
from graph_schema.model.command import Command
from graph_schema.model.evidence import Edge, Seen
from graph_schema.model.profile import ProfileIds
from graph_schema.store import GraphStore, Span
from graph_schema.walking import Recorded, WalkedSession

KINDS = (
    "identifiers", "edges", "seen", "sessions", "events", "profiles", "memberships", "segments",
    "segment_versions", "items", "decisions", "changes", "outcomes", "dead_records", "positions",
    "totals",
)  # fmt: skip
CHUNK, CHUNK_BYTES = 200, 4 << 20

_json = msgspec.json.Encoder(order="deterministic").encode
_command = msgspec.json.Decoder(Command).decode


class Thing(msgspec.Struct, frozen=True):
    """`id` tells it from the others of its kind, and holds nothing of a person: message ids, derived
    ids of identifiers and profiles, keys of segments and items. Where a store names a thing more than
    once, the least `content` counts."""

    kind: str
    id: str
    content: bytes


class Reader:
    """Reads one store. Nobody may write to it meanwhile; at most some thousand events are held."""

    def __init__(self, log: EventLog, store: GraphStore, ids: ProfileIds) -> None:
        self._log = log
        self._store = store
        self._ids = ids

    async def things(self) -> AsyncIterator[list[Thing]]:
        """In any order, in chunks."""
        parts = (
            self._identifiers, self._evidence, self._sessions, self._profiles, self._segments,
            self._items, self._identity_changes, self._outcomes, self._dead_records, self._whole,
        )  # fmt: skip
        for part in parts:
            async for chunk in part():
                yield chunk

    # ── who is who ─────────────────────────────────────────────────────────────────────────────

    async def _identifiers(self) -> AsyncIterator[list[Thing]]:
        async for chunk in self._store.walk_identifiers(CHUNK):
            yield [
                _thing("identifiers", one.id, msgspec.structs.replace(one, resolved_by=1))
                for one in chunk
            ]

    async def _evidence(self) -> AsyncIterator[list[Thing]]:
        async for edges in self._store.walk_edges(CHUNK):
            yield [_thing("edges", self._pair(edge), edge) for edge in edges]
        async for facts in self._store.walk_seen(CHUNK):
            yield [
                Thing("seen", f"{self._pair(fact)} {fact.half_hour}", _moment(fact))
                for fact in facts
            ]

    def _pair(self, one: Edge | Seen) -> str:
        return f"{one.kind} {self._ids.of(one.a)} {self._ids.of(one.b)}"

    # ── facts ──────────────────────────────────────────────────────────────────────────────────

    async def _sessions(self) -> AsyncIterator[list[Thing]]:
        async for walked in self._store.walk_sessions(CHUNK):
            yield [_session(one) for one in walked]
            ids = [one.session.id for one in walked]
            async for page in event_pages(self._store, ids):
                mids = [stored.event.message_id for stored in page]
                recorded = await self._store.recorded(mids)
                yield [_event(mid, one) for mid, one in zip(mids, recorded, strict=True)]

    async def _profiles(self) -> AsyncIterator[list[Thing]]:
        after = ""
        while ids := await self._store.profile_ids_after(after, CHUNK):
            after = ids[-1]
            found = await self._store.profiles_by_ids(ids)
            yield [
                _thing("profiles", id_, one and msgspec.structs.replace(one, deadline=None))
                for id_, one in zip(ids, found, strict=True)
            ]

    async def _items(self) -> AsyncIterator[list[Thing]]:
        after = ""
        while items := await self._store.items_after(after, CHUNK):
            after = items[-1].id
            yield [_thing("items", item.id, item) for item in items]

    # ── segments ───────────────────────────────────────────────────────────────────────────────

    async def _segments(self) -> AsyncIterator[list[Thing]]:
        segments = await self._store.segments()
        keys = [segment.key for segment in segments]
        yield [
            _thing("segments", one.key, msgspec.structs.replace(one, walked=None))
            for one in segments
        ]
        for key, versions in zip(keys, await self._store.segment_versions(keys), strict=True):
            yield [_thing("segment_versions", f"{key} {one.version}", one) for one in versions]
        for key in keys:
            after: tuple[Any, ...] | None = None
            while (page := await self._store.member_page(key, "ID", Span(CHUNK, after))).items:
                after = (page.items[-1].profile_id,)
                yield [Thing("memberships", f"{key} {one.profile_id}", b"") for one in page.items]

    # ── what was decided, and what became of it ────────────────────────────────────────────────

    async def _identity_changes(self) -> AsyncIterator[list[Thing]]:
        yield [_thing("decisions", one.id, one) for one in await self._store.decisions(EARLIEST)]
        versions = await self._store.rules(0)
        yield [
            _thing("decisions", f"rules {one.version}", msgspec.structs.replace(one, walked=None))
            for one in versions
        ]
        if versions or len((await self._log.tails()).keys() - {COMMANDS}) > 1:
            return
        after: tuple[Any, ...] | None = None
        while (page := await self._store.change_page(None, Span(CHUNK, after))).items:
            yield [
                _change(entry.change)
                for entry in page.items
                if isinstance(entry.change, IdentityChange)
            ]
            last = page.items[-1]
            assert isinstance(last.change, IdentityChange)
            after = (last.rec, last.change.id)

    async def _outcomes(self) -> AsyncIterator[list[Thing]]:
        """Nothing but the log lists the commands; those that cannot be read have no outcome."""
        after = 0
        while records := await self._log.read(COMMANDS, after, CHUNK, CHUNK_BYTES):
            after = records[-1].position
            ids = sorted(set(_ids_of(record.body for record in records)))
            found = zip(ids, await self._store.outcomes(ids), strict=True)
            yield [_thing("outcomes", id_, one) for id_, one in found if one is not None]

    async def _dead_records(self) -> AsyncIterator[list[Thing]]:
        after = (0, 0)
        while dead := await self._store.dead_records(after, CHUNK):
            after = (dead[-1].partition, dead[-1].position)
            yield [
                _thing("dead_records", f"{one.partition}/{one.position}", (one.rec, one.reason))
                for one in dead
            ]

    async def _whole(self) -> AsyncIterator[list[Thing]]:
        """Where it stands, and how much there is: what no walk comes past is counted all the same."""
        yield [
            _thing("positions", str(one.partition), (one.log, one.position, one.rec))
            for one in await self._store.checkpoints()
        ]
        totals = msgspec.structs.asdict(await self._store.totals())
        yield [_thing("totals", name, count) for name, count in totals.items()]


def _thing(kind: str, id_: str, content: object) -> Thing:
    return Thing(kind, id_, hashlib.blake2b(_json(content), digest_size=16).digest())


def _change(change: IdentityChange) -> Thing:
    """Its profiles come in the order in which the store found them."""
    before, after = (
        tuple(sorted(parts, key=lambda part: part.profile_id))
        for parts in (change.before, change.after)
    )
    return _thing("changes", change.id, msgspec.structs.replace(change, before=before, after=after))


def _session(walked: WalkedSession) -> Thing:
    met = sorted(walked.interactions, key=lambda one: one.item_id)
    return _thing("sessions", walked.session.id, (walked.session, met))


def _event(mid: str, one: Recorded | None) -> Thing:
    """The digest of what was sent is bytes that no JSON holds as they are: msgspec writes Base64."""
    return _thing("events", mid, one)


def _moment(fact: Seen) -> bytes:
    """Which facts were appended depends on the batches; the earliest of a half-hour does not. Ordered
    as bytes as (at, mid) is."""
    return (fact.at + (1 << 63)).to_bytes(8, "big") + _json((fact.mid, fact.rec))


def _ids_of(bodies: Iterable[bytes | None]) -> Iterator[str]:
    for body in bodies:
        try:
            yield _command(body or b"").id
        except msgspec.DecodeError:
            continue
