"""A worker's transaction on Neo4j.

Several workers write one graph. Neo4j reads what others have committed in the meantime, so whatever
a batch decides upon is locked first and read after: the profiles that hold what the batch names, in
the order of their ids, and everything that hangs on them (identifiers, evidence, sessions, tallies,
memberships, deadlines) is written by nobody else until the batch ends. Items are locked after the
profiles, in the order of theirs, and segments last. Where evidence leads to further profiles those
are locked too, and all is read again. Two workers that lock crosswise are told apart by the server:
one of the batches fails with StoreConflict, and begins again by locking, in order, all that it had
come to know (`wider`). What nobody has seen yet cannot be locked: the constraints let one
worker create it, and the other one begins again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any

import msgspec

from graph_schema import columns
from graph_schema.knowledge import RecordedAt
from graph_schema.model.change import IdentityChange
from graph_schema.model.command import Outcome
from graph_schema.model.evidence import Decision, Edge, EdgeKey, Seen
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.item import Item
from graph_schema.model.profile import Profile
from graph_schema.model.rules import CANONICAL, RulesVersion
from graph_schema.model.segment import Membership, Segment
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.neo4j import evidence, rows
from graph_schema.neo4j.flat import FlatNames
from graph_schema.neo4j.known import Known
from graph_schema.neo4j.paging import EVER
from graph_schema.neo4j.pairs import pair_of
from graph_schema.neo4j.statements import Transacted
from graph_schema.neo4j.writing import Writing
from graph_schema.store import (
    Checkpoint,
    Clusters,
    Delta,
    Neighbourhood,
    ProfileEvent,
    StoredEvent,
    Wanted,
)

_json = msgspec.json.Encoder().encode


class Neo4jBatch:
    """Implements `graph_schema.store.Batch` on an open transaction that holds the checkpoint's lock.
    `wider` are profiles to lock at once; `locked` is told each profile that was locked."""

    def __init__(
        self,
        run: Transacted,
        checkpoint: Checkpoint,
        names: FlatNames,
        wider: Iterable[str] = (),
        locked: Callable[[Iterable[str]], None] = lambda ids: None,
    ) -> None:
        self._run = run
        self._known = Known()
        self._writing = Writing(run, self._known, names, checkpoint)
        self._wider = set(wider)
        self._locked: set[str] = set()
        self._tell_locked = locked
        self._pruned = checkpoint.pruned
        self.checkpoint = checkpoint

    # ── reading under lock ─────────────────────────────────────────────────────────────────────

    async def load(self, wanted: Wanted) -> Neighbourhood:
        await self._lock(())
        devices = wanted.devices
        reaches = [[key, since, wanted.until.get(key, EVER)] for key, since in devices.items()]
        keys = sorted(set(wanted.keys))
        pairs = [[pair_of(a, b, kind), half] for a, b, kind, half in wanted.pairs]
        asked = {"devices": reaches, "keys": keys, "mids": list(wanted.mids), "pairs": pairs}
        while True:
            (found,) = await self.rows("load", all=asked)
            session_rows, locked, loose, identifier_rows, profile_rows, digests, seen_rows = found
            self._hold(locked)
            identifiers = [columns.identifier(row) for row in identifier_rows]
            named = {value.profile for value in identifiers if value.profile is not None}
            if named <= self._locked:
                break
            await self._lock(named)
        sessions = [rows.session(row) for row in session_rows]
        sought = {*keys, *(s.owner for s in sessions if s.owner is not None)}
        self._known.read_sessions(sessions)
        # What a reference led to ahead is there, if only by its key.
        self._known.asked_identifiers(sought - set(loose), identifiers)
        sightings = evidence.earliest(map(columns.seen, seen_rows))
        return Neighbourhood(
            digests=dict(digests),
            identifiers={value.key: value for value in identifiers},
            seen={(s.a, s.b, s.kind.value, s.half_hour): (s.at, s.mid) for s in sightings},
            sessions=_by_device(devices, sessions),
            profiles={row[0]: columns.profile(row) for row in profile_rows},
        )

    async def clusters(self, keys: Sequence[Key], most: int | None = None) -> Clusters:
        wanted = evidence.wanted_clusters(keys, most)
        while True:
            (answer,) = await self.rows("clusters_under_lock", **wanted)
            members, edges, ends, locked = answer
            self._hold(locked)
            found = evidence.clusters_of(members, edges, ends, most)
            if found.anchors.keys() <= self._locked:
                self._known.read_identifiers((*found.members, *found.neighbours))
                return found
            await self._lock(found.anchors)

    async def items(self, ids: Sequence[str]) -> list[Item | None]:
        wanted = sorted(set(ids))
        found = {
            row[1]: columns.item(row) for row in await self.each("items_under_lock", "ids", wanted)
        }
        self._known.asked_items(wanted, found)
        return [found.get(id_) for id_ in ids]

    # ── reading what is locked ─────────────────────────────────────────────────────────────────

    async def edges(self, keys: Sequence[EdgeKey]) -> list[Edge]:
        wanted = [[a, b, kind.value] for a, b, kind in sorted(set(keys))]
        return [columns.edge(row) for row in await self.each("edges_by_key", "edges", wanted)]

    async def halves(self, edges: Sequence[EdgeKey]) -> list[Seen]:
        return await evidence.halves(self, edges)

    async def decisions(self, after: RecordedAt) -> list[Decision]:
        # Asked in every batch, twice: what it decides itself is sent at once.
        return await evidence.decisions(self._run, after)

    async def rules(self, after: int) -> list[RulesVersion]:
        return await evidence.rules(self._run, after)

    async def outdated(self, version: int, after: Key, limit: int) -> list[Key]:
        found = await self.rows("outdated", version=version, after=after, limit=limit)
        return [key for (key,) in found]

    async def burned_by(self, users: int) -> list[Key]:
        found = await self.rows("burned_by", users=users, canonical=CANONICAL)
        return [key for (key,) in found]

    async def sessions_between(self, devices: Sequence[Key], users: Sequence[Key]) -> list[Session]:
        found = await evidence.sessions_between(self, devices, users)
        return self._known.read_sessions(found)

    async def changes_by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        return await evidence.changes_by_ids(self, ids)

    async def visits(self, device: Key, since: Micros, until: Micros) -> list[Session]:
        found = await self.rows("visits", device=device, since=since, until=until)
        return self._known.read_sessions([rows.session(row) for row in found])

    async def events_of(self, sessions: Sequence[str]) -> list[StoredEvent]:
        found = await self.each("events_of", "sessions", sorted(set(sessions)))
        return [columns.stored_event(row) for row in found]

    async def tallies(self, profiles: Sequence[str]) -> dict[str, list[Session]]:
        await self._lock(profiles)
        found: dict[str, list[Session]] = {profile: [] for profile in profiles}
        for id_, *row in await self.each("sessions_of_profiles", "ids", list(found)):
            found[id_].append(rows.session(row))
        return found

    async def profiles(self, ids: Sequence[str]) -> list[Profile | None]:
        await self._lock(ids)
        found = {profile.id: profile for profile in await self._profiles(ids)}
        return [found.get(id_) for id_ in ids]

    async def identifiers_of(self, profiles: Sequence[str]) -> dict[str, list[Identifier]]:
        await self._lock(profiles)
        found: dict[str, list[Identifier]] = {profile: [] for profile in profiles}
        for row in await self.each("identifiers_of_profiles", "ids", list(found)):
            value = columns.identifier(row)
            found[value.profile or ""].append(value)
        return found

    async def memberships(self, profiles: Sequence[str]) -> dict[str, list[Membership]]:
        await self._lock(profiles)
        await self._writing.flush_if("members_opened", "members_closed")
        found: dict[str, list[Membership]] = {profile: [] for profile in profiles}
        for row in await self._run.each("open_memberships", "ids", list(found)):
            found[row[0]].append(columns.membership(row))
        return found

    async def profile_events(
        self, profiles: Sequence[str], names: Sequence[str], since: Micros
    ) -> list[ProfileEvent]:
        found = await self.rows(
            "profile_events", ids=sorted(set(profiles)), names=list(names), since=since
        )
        return [rows.profile_event(row) for row in found]

    async def segment_states(self) -> list[Segment]:
        await self._writing.flush_if("segments")
        found = [columns.segment(row) for row in await self._run.rows("segments")]
        self._known.there("Segment", (segment.key for segment in found))
        return found

    async def checkpoints(self) -> list[Checkpoint]:
        return [columns.checkpoint(row) for row in await self._run.rows("checkpoints")]

    async def outcome(self, command_id: str) -> Outcome | None:
        found = await self.rows("outcomes", ids=[command_id])
        return rows.outcome(found[0]) if found else None

    # ── writing ────────────────────────────────────────────────────────────────────────────────

    async def write(self, delta: Delta) -> None:
        await self._writing.write(delta)
        if delta.rules:
            versions = [[r.version, _json(r).decode(), r.rec] for r in delta.rules]
            await self.rows("put_rules", versions=versions)
        if delta.decisions:
            await self._writing.flush()

    async def prune_changes(self, before: Micros, limit: int) -> int:
        place = {"partition": self.checkpoint.partition, "after": self._pruned}
        found = await self.rows("oldest_changes", **place, limit=limit)
        old = [seq for seq, _ in takewhile(lambda row: row[1] < before, found)]
        if old:
            await self.rows("drop_changes", **place, until=old[-1])
            self._pruned = old[-1]
        return len(old)

    async def advance(self, position: int, rec: Micros) -> None:
        checkpoint = msgspec.structs.replace(
            self.checkpoint,
            position=position, rec=rec, seq=self._writing.seq, pruned=self._pruned,
        )  # fmt: skip
        await self._writing.advance(checkpoint)
        self.checkpoint = checkpoint

    async def flush(self) -> None:
        """Sends what is written and was not sent yet."""
        await self._writing.flush()

    # ── underneath ─────────────────────────────────────────────────────────────────────────────

    async def rows(self, name: str, **parameters: object) -> list[list[Any]]:
        """What is written is read."""
        await self._writing.flush()
        return await self._run.rows(name, **parameters)

    async def each(self, name: str, parameter: str, values: Sequence[Any]) -> list[list[Any]]:
        if not values:
            return []
        await self._writing.flush()
        return await self._run.each(name, parameter, values)

    async def _lock(self, profiles: Iterable[str]) -> None:
        """Locks what is not locked yet, in the order of the ids."""
        missing = sorted({*profiles, *self._wider} - self._locked)
        if missing:
            self._hold(missing)
            await self.each("lock_profiles", "ids", missing)

    def _hold(self, profiles: Iterable[str]) -> None:
        self._locked.update(profiles)
        self._tell_locked(profiles)

    async def _profiles(self, ids: Iterable[str]) -> list[Profile]:
        found = await self.each("profiles", "ids", sorted(set(ids)))
        return [columns.profile(row) for row in found]


def _by_device(devices: Iterable[Key], sessions: Iterable[Session]) -> dict[Key, list[Session]]:
    """Oldest first; every device asked for is there."""
    grouped: dict[Key, list[Session]] = {device: [] for device in devices}
    for session in sorted(sessions, key=lambda s: (s.started_at, s.id)):
        grouped[session.device].append(session)
    return grouped
