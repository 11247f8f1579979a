"""Writing a difference: one statement with many parts, each over many rows, nodes before what hangs on
them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from graph_schema.model.change import IdentityChange
from graph_schema.model.evidence import Edge
from graph_schema.model.identifier import Identifier
from graph_schema.model.item import Interaction
from graph_schema.neo4j import rows
from graph_schema.neo4j.chains import chained
from graph_schema.neo4j.flat import FlatNames
from graph_schema.neo4j.known import Known
from graph_schema.neo4j.pairs import pair_of
from graph_schema.neo4j.parts import Parts
from graph_schema.neo4j.statements import Transacted
from graph_schema.store import Checkpoint, Delta, Met

V = TypeVar("V")


class Writing:
    """What `graph_schema.store.Delta` says, as the parts of the statement `write`. A reference may come
    before what it refers to: then a node with nothing but its key stands there, which no reading
    answers."""

    def __init__(
        self, run: Transacted, known: Known, names: FlatNames, checkpoint: Checkpoint
    ) -> None:
        self._run = run
        self._known = known
        self._names = names
        self._partition = checkpoint.partition
        self._pending = Parts()
        self.seq = checkpoint.seq

    async def write(self, delta: Delta) -> None:
        parts = Parts()
        self._identifiers(delta, parts)
        self._sessions(delta, parts)
        self._items(delta, parts)
        self._evidence(delta, parts)
        self._profiles(delta, parts)
        self._segments(delta, parts)
        self._records(delta, parts)
        if self._pending.takes(parts):
            self._pending.join(parts)
        else:
            await self.flush()
            self._pending = parts

    async def advance(self, checkpoint: Checkpoint) -> None:
        self._pending.add(
            "checkpoints",
            [
                checkpoint.partition,
                checkpoint.position,
                checkpoint.rec,
                checkpoint.seq,
                checkpoint.pruned,
            ],
        )
        await self.flush()

    async def flush_if(self, *names: str) -> None:
        """For a reading that sees nothing but these parts of what was not sent yet."""
        if self._pending.holds(names):
            await self.flush()

    async def flush(self) -> None:
        """Sends what was put together. Nothing is sent before it must be: most batches write once."""
        pending, self._pending = self._pending, Parts()
        for statement in pending.statements():
            await self._run.rows("write", all=statement)

    # ── identity ───────────────────────────────────────────────────────────────────────────────

    def _identifiers(self, delta: Delta, parts: Parts) -> None:
        values = _once(delta.identifiers, lambda value: value.key)
        self._make("Profile", (v.profile for v in values if v.profile is not None), parts)
        self._history(delta, parts)
        for value in values:
            row = [value.profile, rows.identifier_node(value)]
            if self._known.is_missing("Identifier", value.key):
                parts.add("identifiers_new", row)
            elif self._same_profile(value):
                parts.add("identifiers_kept", row)
            else:
                parts.add("identifiers_put", row)
        self._known.read_identifiers(values)

    def _history(self, delta: Delta, parts: Parts) -> None:
        """Who held an identifier and when it was seen, as known from now on."""
        assigned = chained([a.identifier, a.rec, a.profile, a.status.value] for a in delta.assigned)
        sightings = chained([s.identifier, s.rec, s.first_at, s.last_at] for s in delta.sightings)
        for what, chains in (("assigned", assigned), ("sightings", sightings)):
            for key, chain in chains.items():
                new = self._known.is_missing("Identifier", key)
                parts.add(f"{what}_new" if new else f"{what}_put", [key, chain])

    def _same_profile(self, value: Identifier) -> bool:
        known = self._known.profile_of
        return value.key in known and known[value.key] == value.profile

    def _evidence(self, delta: Delta, parts: Parts) -> None:
        parts.extend(
            "seen",
            (
                [pair_of(s.a, s.b, s.kind), s.a, s.b, s.kind.value, s.half_hour, s.at, s.mid, s.rec]
                for s in delta.seen
            ),
        )
        edges: list[Edge] = _once(delta.edges, lambda edge: edge.key)
        named = [key for one in delta.decisions for key in (*one.left, *one.right)]
        named += [end for edge in edges for end in (edge.a, edge.b)]
        self._make("Identifier", named, parts)
        parts.extend("edges", map(rows.edge_row, edges))
        parts.extend("edges_gone", ([a, b, k.value] for a, b, k in sorted(set(delta.gone_edges))))
        waiting = {(w.a, w.b): w for w in delta.waiting}
        parts.extend(
            "waiting", ([pair_of(w.a, w.b, ""), w.a, w.b, w.mid, w.rec] for w in waiting.values())
        )
        parts.extend("resolved", (pair_of(a, b, "") for a, b in sorted(set(delta.resolved))))
        parts.extend("decisions", map(rows.decision_node, delta.decisions))
        for one in delta.decisions:
            taken_back = (id_ for id_ in (one.undoes, one.undoes_change) if id_ is not None)
            parts.extend("decisions_withdrawn", ([one.id, id_] for id_ in taken_back))

    def _profiles(self, delta: Delta, parts: Parts) -> None:
        put = _once(delta.profiles, lambda profile: profile.id)
        gone = sorted(set(delta.gone_profiles) - {profile.id for profile in put})
        self._make("Profile", (profile.id for profile in put), parts)
        parts.extend("profiles_gone", gone)
        parts.extend("profiles", (rows.profile_row(profile, self._names) for profile in put))
        self._known.gone("Profile", gone)

    # ── sessions, events, items ────────────────────────────────────────────────────────────────

    def _sessions(self, delta: Delta, parts: Parts) -> None:
        sessions = _once(delta.sessions, lambda session: session.id)
        self._make("Identifier", (s.owner for s in sessions if s.owner is not None), parts)
        known = self._known.owner_of
        for session in sessions:
            same = session.id in known and known[session.id] == session.owner
            parts.add("sessions_kept" if same else "sessions_put", rows.session_node(session))
        put = {session.id for session in sessions}
        homes = {new.session for new in delta.events} | {home for _, home in delta.moved_events}
        self._make("Session", homes - put, parts)
        parts.extend("events", (rows.event_row(new, self._names) for new in delta.events))
        parts.extend("events_moved", (list(move) for move in delta.moved_events))
        gone = sorted(set(delta.gone_sessions))
        parts.extend("interactions_gone", gone)
        # A session that is there again keeps the events that nobody moved.
        dropped = [id_ for id_ in gone if id_ not in put]
        parts.extend("sessions_gone", dropped)
        self._known.read_sessions(sessions)
        self._known.drop_sessions(dropped)

    def _items(self, delta: Delta, parts: Parts) -> None:
        for item in _once(delta.items, lambda item: item.id):
            if self._known.is_missing("Item", item.id):
                parts.add("items_new", rows.item_row(item, self._names))
                self._known.there("Item", [item.id])
            else:
                self._make("Item", [item.id], parts)
                parts.add("items_put", rows.item_row(item, self._names))
        met = _added(delta.met)
        about = [
            [new.event.message_id, one.item_id, one.quantity, one.price, one.currency]
            for new in delta.events
            for one in new.about
        ]
        about.sort(key=lambda row: str(row[1]))
        self._make("Item", {*(row[1] for row in met), *(str(row[1]) for row in about)}, parts)
        self._make("Session", (row[0] for row in met), parts)
        parts.extend("interactions", met)
        parts.extend("about", about)

    # ── segments ───────────────────────────────────────────────────────────────────────────────

    def _segments(self, delta: Delta, parts: Parts) -> None:
        segments = _once(delta.segments, lambda segment: segment.key)
        parts.extend("segments", (rows.segment_row(segment, delta.rec) for segment in segments))
        self._known.there("Segment", (segment.key for segment in segments))
        parts.extend(
            "segment_versions",
            (rows.segment_version_row(key, value) for key, value in delta.segment_versions),
        )
        closed = sorted(set(delta.closed))
        parts.extend("members_closed", ([profile, key, delta.rec] for profile, key in closed))
        opened = [rows.membership_row(entry, delta.rec) for entry in delta.opened]
        opened.sort(key=lambda row: (row[1], row[0]))
        parts.extend("members_opened", opened)
        named = {key for key, _ in delta.segment_versions} | {row[1] for row in opened}
        self._make("Segment", named, parts)
        self._make("Profile", (row[0] for row in opened), parts)
        parts.extend("deadlines", (list(entry) for entry in dict(delta.deadlines).items()))

    # ── what happened to records ───────────────────────────────────────────────────────────────

    def _records(self, delta: Delta, parts: Parts) -> None:
        parts.extend("outcomes", map(rows.outcome_row, delta.outcomes))
        parts.extend("dead_revived", map(list, delta.revived))
        parts.extend("dead_records", map(rows.dead_record_row, delta.dead))
        for change in delta.changes:
            self.seq += 1
            parts.add("changes", rows.change_node(change, self._partition, self.seq, delta.rec))
        took_part = {
            (part.profile_id, change.at, change.id)
            for change in delta.changes
            if isinstance(change, IdentityChange)
            for part in (*change.before, *change.after)
        }
        parts.extend("change_profiles", (list(entry) for entry in sorted(took_part)))

    # ── underneath ─────────────────────────────────────────────────────────────────────────────

    def _make(self, label: str, ids: Iterable[str], parts: Parts) -> None:
        """Sees to it that the nodes are there."""
        unseen = self._known.unseen(label, ids)
        if unseen:
            parts.extend(f"{label.lower()}s_made", unseen)
            self._known.there(label, unseen)


def _once(values: Iterable[V], key: Callable[[V], Any]) -> list[V]:
    """Each key once, the last one of it, in the order of the keys."""
    found: dict[Hashable, V] = {key(value): value for value in values}
    return [found[name] for name in sorted(found)]  # type: ignore[type-var]


def _added(met: Sequence[Met]) -> list[list[Any]]:
    """What is added to each (session, item), in the order of the items."""
    found: dict[tuple[str, str], Interaction] = {}
    for one in met:
        more = one.interaction
        key = (one.session, more.item_id)
        known = found.get(key)
        found[key] = more if known is None else _sum(known, more)
    return [
        [session, item, i.views, i.carts, i.purchases, i.first_at, i.last_at]
        for (session, item), i in sorted(found.items(), key=lambda entry: entry[0][::-1])
    ]


def _sum(one: Interaction, other: Interaction) -> Interaction:
    return Interaction(
        one.item_id,
        one.views + other.views,
        one.carts + other.carts,
        one.purchases + other.purchases,
        min(one.first_at, other.first_at),
        max(one.last_at, other.last_at),
    )
