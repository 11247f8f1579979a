"""Writing a difference: few statements, each over many rows, nodes before what hangs on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from graph_schema.model.change import IdentityChange
from graph_schema.model.identifier import Identifier
from graph_schema.model.item import Interaction, Item
from graph_schema.neo4j import rows
from graph_schema.neo4j.flat import FlatNames
from graph_schema.neo4j.known import Known
from graph_schema.neo4j.pairs import pair_of
from graph_schema.neo4j.statements import Transacted
from graph_schema.store import Checkpoint, Delta, Met

_MAKE = {
    "Profile": "make_profiles", "Identifier": "make_identifiers", "Session": "make_sessions",
    "Item": "make_items", "Segment": "make_segments",
}  # fmt: skip


class Writing:
    """What `graph_schema.store.Delta` says, as statements. A reference may come before what it refers
    to: then a node with nothing but its key stands there, which no reading answers."""

    def __init__(
        self, run: Transacted, known: Known, names: FlatNames, checkpoint: Checkpoint
    ) -> None:
        self._run = run
        self._known = known
        self._names = names
        self._partition = checkpoint.partition
        self.seq = checkpoint.seq

    async def write(self, delta: Delta) -> None:
        await self._identifiers(delta)
        await self._sessions(delta)
        await self._events(delta)
        await self._items(delta.items)
        await self._interactions(delta)
        await self._evidence(delta)
        await self._profiles(delta)
        await self._segments(delta)
        await self._memberships(delta)
        await self._records(delta)

    # ── identity ───────────────────────────────────────────────────────────────────────────────

    async def _identifiers(self, delta: Delta) -> None:
        values = _once(delta.identifiers, lambda value: value.key)
        await self._make("Profile", (v.profile for v in values if v.profile is not None))
        new, kept, moved = [], [], []
        for value in values:
            row = [value.profile, rows.identifier_node(value)]
            if self._known.is_missing("Identifier", value.key):
                new.append(row)
            elif self._same_profile(value):
                kept.append(row)
            else:
                moved.append(row)
        await self._run.each("new_identifiers", "rows", new)
        await self._run.each("set_identifiers", "rows", kept)
        await self._run.each("put_identifiers", "rows", moved)
        await self._history(delta)
        self._known.read_identifiers(values)

    async def _history(self, delta: Delta) -> None:
        """Who held an identifier and when it was seen, as known from now on."""
        assigned = [[a.identifier, a.rec, a.profile, a.status.value] for a in delta.assigned]
        sightings = [[s.identifier, s.rec, s.first_at, s.last_at] for s in delta.sightings]
        for what, all_rows in (("assigned", assigned), ("sightings", sightings)):
            for number, one_each in enumerate(_rounds(all_rows)):
                new = [
                    row
                    for row in one_each
                    if number == 0 and self._known.is_missing("Identifier", row[0])
                ]
                known = [row for row in one_each if row not in new]
                await self._run.each(f"new_{what}", "rows", new)
                await self._run.each(f"put_{what}", "rows", known)

    def _same_profile(self, value: Identifier) -> bool:
        known = self._known.profile_of
        return value.key in known and known[value.key] == value.profile

    async def _evidence(self, delta: Delta) -> None:
        await self._run.each(
            "put_seen", "rows",
            [
                [pair_of(s.a, s.b, s.kind), s.a, s.b, s.kind.value, s.half_hour, s.at, s.mid, s.rec]
                for s in delta.seen
            ],
        )  # fmt: skip
        await self._decisions(delta)
        edges = _once(delta.edges, lambda edge: edge.key)
        await self._make("Identifier", (end for edge in edges for end in (edge.a, edge.b)))
        await self._run.each("put_edges", "rows", [rows.edge_row(edge) for edge in edges])
        gone = [[a, b, kind.value] for a, b, kind in sorted(set(delta.gone_edges))]
        await self._run.each("drop_edges", "rows", gone)

    async def _decisions(self, delta: Delta) -> None:
        made = delta.decisions
        await self._make("Identifier", (key for one in made for key in (*one.left, *one.right)))
        await self._run.each("put_decisions", "nodes", [rows.decision_node(one) for one in made])
        taken_back = [
            [one.id, id_]
            for one in made
            for id_ in (one.undoes, one.undoes_change)
            if id_ is not None
        ]
        await self._run.each("link_decisions", "rows", taken_back)

    async def _profiles(self, delta: Delta) -> None:
        put = {profile.id: profile for profile in delta.profiles}
        gone = sorted(set(delta.gone_profiles) - put.keys())
        await self._run.each("retire_profiles", "ids", gone)
        self._known.gone("Profile", gone)
        await self._make("Profile", put)
        await self._run.each(
            "put_profiles", "rows", [rows.profile_row(put[id_], self._names) for id_ in sorted(put)]
        )

    # ── sessions, events, items ────────────────────────────────────────────────────────────────

    async def _sessions(self, delta: Delta) -> None:
        sessions = _once(delta.sessions, lambda session: session.id)
        await self._make("Identifier", (s.owner for s in sessions if s.owner is not None))
        known = self._known.owner_of
        kept = [s for s in sessions if s.id in known and known[s.id] == s.owner]
        others = [s for s in sessions if not (s.id in known and known[s.id] == s.owner)]
        await self._run.each("set_sessions", "nodes", [rows.session_node(s) for s in kept])
        await self._run.each("put_sessions", "nodes", [rows.session_node(s) for s in others])
        self._known.read_sessions(sessions)

    async def _events(self, delta: Delta) -> None:
        homes = {new.session for new in delta.events} | {home for _, home in delta.moved_events}
        await self._make("Session", homes)
        await self._run.each(
            "put_events", "rows", [rows.event_row(new, self._names) for new in delta.events]
        )
        await self._run.each("move_events", "rows", [list(move) for move in delta.moved_events])
        gone = sorted(set(delta.gone_sessions))
        await self._run.each("drop_interactions", "ids", gone)
        # A session that is there again keeps the events that nobody moved.
        put = {session.id for session in delta.sessions}
        dropped = [id_ for id_ in gone if id_ not in put]
        await self._run.each("drop_sessions", "ids", dropped)
        self._known.gone("Session", dropped)
        for id_ in dropped:
            self._known.owner_of.pop(id_, None)

    async def _items(self, items: Iterable[Item]) -> None:
        found = _once(items, lambda item: item.id)
        new = [item for item in found if self._known.is_missing("Item", item.id)]
        await self._run.each("new_items", "rows", [rows.item_row(i, self._names) for i in new])
        self._known.there("Item", (item.id for item in new))
        known = [item for item in found if item not in new]
        await self._make("Item", (item.id for item in known))
        await self._run.each("put_items", "rows", [rows.item_row(i, self._names) for i in known])

    async def _interactions(self, delta: Delta) -> None:
        met = _added(delta.met)
        about: list[list[Any]] = [
            [new.event.message_id, one.item_id, one.quantity, one.price, one.currency]
            for new in delta.events
            for one in new.about
        ]
        about.sort(key=lambda row: row[1])
        await self._make("Item", {*(row[1] for row in met), *(row[1] for row in about)})
        await self._make("Session", (row[0] for row in met))
        await self._run.each("add_interactions", "rows", met)
        await self._run.each("put_about", "rows", about)

    # ── segments ───────────────────────────────────────────────────────────────────────────────

    async def _segments(self, delta: Delta) -> None:
        segments = _once(delta.segments, lambda segment: segment.key)
        await self._run.each("put_segments", "rows", [rows.segment_row(s) for s in segments])
        self._known.there("Segment", (segment.key for segment in segments))
        await self._make("Segment", (key for key, _ in delta.segment_versions))
        versions = [rows.segment_version_row(*version) for version in delta.segment_versions]
        await self._run.each("put_segment_versions", "rows", versions)

    async def _memberships(self, delta: Delta) -> None:
        closed = [[profile, key, delta.rec] for profile, key in sorted(set(delta.closed))]
        await self._run.each("close_members", "rows", closed)
        opened = [rows.membership_row(entry, delta.rec) for entry in delta.opened]
        opened.sort(key=lambda row: (row[1], row[0]))
        await self._make("Segment", (row[1] for row in opened))
        await self._make("Profile", (row[0] for row in opened))
        await self._run.each("open_members", "rows", opened)
        deadlines = [list(entry) for entry in dict(delta.deadlines).items()]
        await self._run.each("put_deadlines", "rows", deadlines)

    # ── what happened to records ───────────────────────────────────────────────────────────────

    async def _records(self, delta: Delta) -> None:
        await self._run.each("put_outcomes", "rows", [rows.outcome_row(o) for o in delta.outcomes])
        dead = [rows.dead_record_row(letter) for letter in delta.dead]
        await self._run.each("put_dead_records", "rows", dead)
        nodes = []
        for change in delta.changes:
            self.seq += 1
            nodes.append(rows.change_node(change, self._partition, self.seq, delta.rec))
        await self._run.each("put_changes", "nodes", nodes)
        parts = {
            (part.profile_id, change.at, change.id)
            for change in delta.changes
            if isinstance(change, IdentityChange)
            for part in (*change.before, *change.after)
        }
        await self._run.each("put_change_profiles", "rows", [list(part) for part in sorted(parts)])

    # ── underneath ─────────────────────────────────────────────────────────────────────────────

    async def _make(self, label: str, ids: Iterable[str]) -> None:
        """Sees to it that the nodes are there."""
        unseen = self._known.unseen(label, ids)
        if unseen:
            if label == "Profile":
                await self._run.each("revive_profiles", "ids", unseen)
            await self._run.each(_MAKE[label], "ids", unseen)
            self._known.there(label, unseen)


def _once(values: Iterable[Any], key: Any) -> list[Any]:
    """Each key once, the last one of it, in the order of the keys."""
    found = {key(value): value for value in values}
    return [found[name] for name in sorted(found)]


def _rounds(all_rows: Iterable[list[Any]]) -> list[list[list[Any]]]:
    """Rows in rounds: each key once in a round, in the order in which its rows stand."""
    rounds: list[list[list[Any]]] = []
    turn: dict[str, int] = {}
    for row in all_rows:
        number = turn[row[0]] = turn.get(row[0], -1) + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(row)
    return rounds


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
