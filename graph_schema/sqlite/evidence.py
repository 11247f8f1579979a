"""Evidence, decisions and changes, read on a connection: by the worker's transaction and by readers."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from graph_schema import columns
from graph_schema.knowledge import RecordedAt
from graph_schema.model.change import IdentityChange
from graph_schema.model.evidence import Decision, Edge, EdgeKey, Seen
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key
from graph_schema.model.rules import RulesVersion
from graph_schema.model.session import Session
from graph_schema.queries import queries
from graph_schema.sqlite import rows
from graph_schema.store import Clusters

_USUAL = 8
"""Edges of an identifier; most have fewer."""

_json = msgspec.json.Encoder().encode
_rules = msgspec.json.Decoder(RulesVersion).decode
_change = msgspec.json.Decoder(IdentityChange).decode


def as_json(values: Iterable[Any]) -> str:
    """A list as the JSON text that `json_each` takes."""
    return _json(list(values)).decode()


def fetch(connection: sqlite3.Connection, name: str, **parameters: object) -> list[Any]:
    return connection.execute(queries("graph_schema.sqlite")[name], parameters).fetchall()


def identifiers(connection: sqlite3.Connection, keys: Iterable[Key]) -> list[Identifier]:
    return [columns.identifier(row) for row in fetch(connection, "identifiers", keys=as_json(keys))]


def clusters(connection: sqlite3.Connection, keys: Sequence[Key], most: int | None) -> Clusters:
    members = [columns.identifier(row) for row in fetch(connection, "members", keys=as_json(keys))]
    inside = {member.key for member in members}
    # The evidence of a burned identifier joins nothing, and there is no bound on its size.
    traced = [m.key for m in members if m.status is not IdentifierStatus.BURNED]
    edges, crowded = _evidence(connection, traced, most)
    outside = {end for edge in edges for end in (edge.a, edge.b)} - inside
    neighbours = identifiers(connection, outside)
    profiles = {i.profile for i in (*members, *neighbours) if i.profile is not None}
    return Clusters(
        members=tuple(members),
        neighbours=tuple(neighbours),
        anchors=dict(fetch(connection, "anchors", ids=as_json(profiles))),
        edges=tuple(edges),
        crowded=tuple(crowded),
    )


def _evidence(
    connection: sqlite3.Connection, keys: Sequence[Key], most: int | None
) -> tuple[list[Edge], set[Key]]:
    """The evidence of the keys, and those of them that have more than `most`. Each one's is counted, and
    no further than need be, only where there is far more in all than is usual for so many."""
    if most is None:
        return _edges(fetch(connection, "edges_of", keys=as_json(keys), limit=-1)), set()
    limit = max(most, _USUAL * len(keys)) + 1
    found = fetch(connection, "edges_of", keys=as_json(keys), limit=limit)
    if len(found) <= most:
        return _edges(found), set()
    if len(found) < limit:
        counts = Counter(end for key in {row[:3] for row in found} for end in key[:2])
        crowded = {key for key in keys if counts[key] > most}
    else:
        counted = fetch(connection, "crowded", keys=as_json(keys), most=most)
        crowded = {key for (key,) in counted}
    if crowded:
        rest = as_json(key for key in keys if key not in crowded)
        found = fetch(connection, "edges_of", keys=rest, limit=-1)
    elif len(found) == limit:
        found = fetch(connection, "edges_of", keys=as_json(keys), limit=-1)
    return _edges(found), crowded


def _edges(found: Iterable[Any]) -> list[Edge]:
    """Each once."""
    return [columns.edge(row) for row in {row[:3]: row for row in found}.values()]


def halves(connection: sqlite3.Connection, edges: Sequence[EdgeKey]) -> list[Seen]:
    found = fetch(connection, "halves", edges=as_json(edges))
    return [columns.seen(row) for row in {row[:4]: row for row in found}.values()]


def decisions(connection: sqlite3.Connection, after: RecordedAt) -> list[Decision]:
    rec, id_ = after
    return [rows.decision(row) for row in fetch(connection, "decisions_after", rec=rec, id=id_)]


def rules(connection: sqlite3.Connection, after: int) -> list[RulesVersion]:
    return [_rules(body) for (body,) in fetch(connection, "rules_after", version=after)]


def sessions_between(
    connection: sqlite3.Connection, devices: Sequence[Key], users: Sequence[Key]
) -> list[Session]:
    found = fetch(connection, "sessions_between", devices=as_json(devices), users=as_json(users))
    return [rows.session(row) for row in found]


def changes_by_ids(
    connection: sqlite3.Connection, ids: Sequence[str]
) -> list[IdentityChange | None]:
    found = fetch(connection, "changes_by_ids", ids=as_json(ids))
    changes = {id_: _change(body) for id_, body in found}
    return [changes.get(id_) for id_ in ids]
