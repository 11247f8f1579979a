"""A worker's transaction on the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

import msgspec

from graph_schema import columns
from graph_schema.knowledge import RecordedAt
from graph_schema.model.change import Change, IdentityChange
from graph_schema.model.command import Outcome
from graph_schema.model.evidence import Decision, Edge, EdgeKey, Seen
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.item import Item
from graph_schema.model.profile import Profile
from graph_schema.model.rules import CANONICAL, RulesVersion
from graph_schema.model.segment import Membership, Segment
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.queries import queries
from graph_schema.sqlite import evidence, rows
from graph_schema.sqlite.evidence import as_json
from graph_schema.store import (
    Checkpoint,
    Clusters,
    Delta,
    Neighbourhood,
    NewEvent,
    ProfileEvent,
    StoredEvent,
    Wanted,
)

_EVER = (1 << 63) - 1
_json = msgspec.json.Encoder().encode


class SqliteBatch:
    """Implements `graph_schema.store.Batch` on a connection with an open transaction."""

    def __init__(self, connection: sqlite3.Connection, checkpoint: Checkpoint) -> None:
        self._connection = connection
        self._queries = queries("graph_schema.sqlite")
        self._seq = checkpoint.seq
        self._pruned = checkpoint.pruned
        self.checkpoint = checkpoint

    # ── reading ────────────────────────────────────────────────────────────────────────────────

    async def load(self, wanted: Wanted) -> Neighbourhood:
        sessions = self._sessions(wanted)
        owners = {s.owner for found in sessions.values() for s in found if s.owner is not None}
        identifiers = {value.key: value for value in self._identifiers({*wanted.keys, *owners})}
        profiles = {value.profile for value in identifiers.values() if value.profile is not None}
        return Neighbourhood(
            digests=dict(self._all("digests", mids=as_json(wanted.mids))),
            identifiers=identifiers,
            seen={
                (a, b, kind, half): (at, mid)
                for a, b, kind, half, at, mid in self._all("seen", pairs=as_json(wanted.pairs))
            },
            sessions=sessions,
            profiles={profile.id: profile for profile in self._profiles(profiles)},
        )

    async def clusters(self, keys: Sequence[Key], most: int | None = None) -> Clusters:
        return evidence.clusters(self._connection, keys, most)

    async def edges(self, keys: Sequence[EdgeKey]) -> list[Edge]:
        return [columns.edge(row) for row in self._all("edges_by_key", edges=as_json(keys))]

    async def halves(self, edges: Sequence[EdgeKey]) -> list[Seen]:
        return evidence.halves(self._connection, edges)

    async def decisions(self, after: RecordedAt) -> list[Decision]:
        return evidence.decisions(self._connection, after)

    async def rules(self, after: int) -> list[RulesVersion]:
        return evidence.rules(self._connection, after)

    async def outdated(self, version: int, after: Key, limit: int) -> list[Key]:
        found = self._all("outdated", version=version, after=after, limit=limit)
        return [key for (key,) in found]

    async def burned_by(self, users: int) -> list[Key]:
        return [key for (key,) in self._all("burned_by", users=users, canonical=CANONICAL)]

    async def sessions_between(self, devices: Sequence[Key], users: Sequence[Key]) -> list[Session]:
        return evidence.sessions_between(self._connection, devices, users)

    async def changes_by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        return evidence.changes_by_ids(self._connection, ids)

    async def visits(self, device: Key, since: Micros, until: Micros) -> list[Session]:
        found = self._all("visits", device=device, since=since, until=until)
        return [rows.session(row) for row in found]

    async def events_of(self, sessions: Sequence[str]) -> list[StoredEvent]:
        found = self._all("events_of", sessions=as_json(sessions))
        return [columns.stored_event(row) for row in found]

    async def tallies(self, profiles: Sequence[str]) -> dict[str, list[Session]]:
        found: dict[str, list[Session]] = {profile: [] for profile in profiles}
        for profile, *row in self._all("sessions_of_profiles", ids=as_json(profiles)):
            found[profile].append(rows.session(tuple(row)))
        return found

    async def profiles(self, ids: Sequence[str]) -> list[Profile | None]:
        found = {profile.id: profile for profile in self._profiles(ids)}
        return [found.get(id_) for id_ in ids]

    async def identifiers_of(self, profiles: Sequence[str]) -> dict[str, list[Identifier]]:
        found: dict[str, list[Identifier]] = {profile: [] for profile in profiles}
        for row in self._all("identifiers_of_profiles", ids=as_json(profiles)):
            value = columns.identifier(row)
            found[value.profile or ""].append(value)
        return found

    async def memberships(self, profiles: Sequence[str]) -> dict[str, list[Membership]]:
        found: dict[str, list[Membership]] = {profile: [] for profile in profiles}
        for row in self._all("open_memberships", ids=as_json(profiles)):
            found[row[0]].append(columns.membership(row))
        return found

    async def profile_events(
        self, profiles: Sequence[str], names: Sequence[str], since: Micros
    ) -> list[ProfileEvent]:
        found = self._all(
            "profile_events", ids=as_json(profiles), names=as_json(names), since=since
        )
        return [ProfileEvent(*row) for row in found]

    async def items(self, ids: Sequence[str]) -> list[Item | None]:
        found = {i.id: i for i in map(columns.item, self._all("items", ids=as_json(ids)))}
        return [found.get(id_) for id_ in ids]

    async def segment_states(self) -> list[Segment]:
        return [columns.segment(row) for row in self._all("segments")]

    async def checkpoints(self) -> list[Checkpoint]:
        return [columns.checkpoint(row) for row in self._all("checkpoints")]

    async def outcome(self, command_id: str) -> Outcome | None:
        found = self._all("outcomes", ids=as_json([command_id]))
        return rows.outcome(found[0]) if found else None

    # ── writing ────────────────────────────────────────────────────────────────────────────────

    async def write(self, delta: Delta) -> None:
        self._many("put_event", map(_event_row, delta.events))
        self._many("move_event", delta.moved_events)
        self._many("drop_interactions", ((id_,) for id_ in delta.gone_sessions))
        self._many("drop_session", ((id_,) for id_ in delta.gone_sessions))
        self._many("put_session", map(rows.session_row, delta.sessions))
        self._many(
            "add_interaction",
            ((m.session, *msgspec.structs.astuple(m.interaction)) for m in delta.met),
        )
        self._many("put_seen", map(rows.seen_row, delta.seen))
        self._many("put_decision", map(rows.decision_row, delta.decisions))
        self._many(
            "put_decision_key",
            ((key, d.id) for d in delta.decisions for key in (*d.left, *d.right)),
        )
        self._many("put_rules", ((r.version, _json(r).decode(), r.rec) for r in delta.rules))
        self._many("put_identifier", map(rows.identifier_row, delta.identifiers))
        for known in delta.assigned:
            # One by one: an identifier may stand in the list twice, and each ends the one before.
            self._many("end_assigned", [(known.identifier, known.rec)])
            self._many("put_assigned", [rows.assigned_row(known)])
        self._many(
            "put_sighting", ((s.identifier, s.rec, s.first_at, s.last_at) for s in delta.sightings)
        )
        self._many("put_edge", map(rows.edge_row, delta.edges))
        self._many("drop_edge", ((a, b, kind.value) for a, b, kind in delta.gone_edges))
        self._many("drop_profile", ((id_,) for id_ in delta.gone_profiles))
        self._many("put_profile", map(rows.profile_row, delta.profiles))
        self._many("put_item", map(rows.item_row, delta.items))
        self._many("put_segment", map(rows.segment_row, delta.segments))
        self._many("put_segment_state", ((s.key, delta.rec, _json(s)) for s in delta.segments))
        self._many(
            "put_segment_version",
            (
                (key, v.version, _json(v.rule).decode(), v.rec, v.by)
                for key, v in delta.segment_versions
            ),
        )
        self._many("close_member", ((profile, key, delta.rec) for profile, key in delta.closed))
        self._many(
            "open_member",
            (
                (m.profile_id, m.segment, m.version, m.since, m.cause.value, entry.event, delta.rec)
                for entry in delta.opened
                for m in (entry.membership,)
            ),
        )
        self._many("put_deadline", delta.deadlines)
        self._many("put_waiting", map(msgspec.structs.astuple, delta.waiting))
        self._many("drop_waiting", delta.resolved)
        self._many("put_outcome", map(rows.outcome_row, delta.outcomes))
        self._many("drop_dead_record", delta.revived)
        self._many("put_dead_record", map(msgspec.structs.astuple, delta.dead))
        self._many("put_change", [self._change_row(change, delta.rec) for change in delta.changes])
        self._many(
            "put_change_profile",
            (
                (part.profile_id, change.at, change.id)
                for change in delta.changes
                if isinstance(change, IdentityChange)
                for part in (*change.before, *change.after)
            ),
        )

    async def prune_changes(self, before: Micros, limit: int) -> int:
        partition = self.checkpoint.partition
        found = self._all("oldest_changes", partition=partition, after=self._pruned, limit=limit)
        old = [seq for seq, _ in takewhile(lambda row: row[1] < before, found)]
        if old:
            self._all("drop_changes", partition=partition, after=self._pruned, until=old[-1])
            self._pruned = old[-1]
        return len(old)

    async def advance(self, position: int, rec: Micros) -> None:
        self._connection.execute(
            self._queries["advance"],
            {
                "partition": self.checkpoint.partition,
                "position": position,
                "rec": rec,
                "seq": self._seq,
                "pruned": self._pruned,
            },
        )
        self.checkpoint = msgspec.structs.replace(
            self.checkpoint, position=position, rec=rec, seq=self._seq, pruned=self._pruned
        )

    # ── underneath ─────────────────────────────────────────────────────────────────────────────

    def _sessions(self, wanted: Wanted) -> dict[Key, list[Session]]:
        found: dict[str, Session] = {}
        devices = wanted.devices
        reaches = [(key, since, wanted.until.get(key, _EVER)) for key, since in devices.items()]
        for row in self._all("last_sessions", devices=as_json(devices)):
            found[row[0]] = rows.session(row)
        for row in self._all("recent_sessions", devices=as_json(reaches)):
            if row[0] not in found:
                found[row[0]] = rows.session(row)
        grouped: dict[Key, list[Session]] = {device: [] for device in devices}
        for session in sorted(found.values(), key=lambda s: (s.started_at, s.id)):
            grouped[session.device].append(session)
        return grouped

    def _identifiers(self, keys: Iterable[Key]) -> list[Identifier]:
        return evidence.identifiers(self._connection, keys)

    def _profiles(self, ids: Iterable[str]) -> list[Profile]:
        return [columns.profile(row) for row in self._all("profiles", ids=as_json(ids))]

    def _change_row(self, change: Change, rec: Micros) -> tuple[Any, ...]:
        self._seq += 1
        id_, kind = None, type(change).__name__
        if isinstance(change, IdentityChange):
            id_, kind, rec = change.id, change.kind.value, change.at
        return self.checkpoint.partition, self._seq, rec, kind, id_, _json(change)

    def _all(self, name: str, **parameters: object) -> list[Any]:
        return self._connection.execute(self._queries[name], parameters).fetchall()

    def _many(self, name: str, parameters: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(self._queries[name], parameters)


def _event_row(new: NewEvent) -> tuple[Any, ...]:
    event = new.event
    return (
        event.message_id, new.position, event.source, event.type.value, event.name, event.at,
        new.rec, new.device, new.user, new.session, new.digest, rows.event_body(event), new.partition,
    )  # fmt: skip
