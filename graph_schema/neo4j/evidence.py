"""Evidence, decisions and changes: read by the worker's transaction, and by readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

from graph_schema import columns
from graph_schema.knowledge import RecordedAt
from graph_schema.model.change import IdentityChange
from graph_schema.model.evidence import Decision, EdgeKey, Seen
from graph_schema.model.identifier import IdentifierStatus, Key
from graph_schema.model.rules import RulesVersion
from graph_schema.model.session import Session
from graph_schema.neo4j import rows
from graph_schema.neo4j.paging import distinct, in_order
from graph_schema.neo4j.pairs import pair_of
from graph_schema.store import Clusters

_ALL = (1 << 31) - 2
"""The server counts the relationships of a node in 32 bits."""
_rules = msgspec.json.Decoder(RulesVersion).decode
Rows: TypeAlias = list[list[Any]]


class Running(Protocol):
    """Whatever runs named statements."""

    async def rows(self, name: str, **parameters: object) -> list[list[Any]]: ...

    async def each(self, name: str, parameter: str, values: Sequence[Any]) -> list[list[Any]]: ...


async def clusters(run: Running, keys: Sequence[Key], most: int | None) -> Clusters:
    (found,) = await run.rows("clusters", **wanted_clusters(keys, most))
    members, edges, ends = found
    return clusters_of(members, edges, ends, most)


def wanted_clusters(keys: Sequence[Key], most: int | None) -> dict[str, Any]:
    """The parameters of the statements that read clusters."""
    return {"keys": sorted(set(keys)), "most": _ALL if most is None else most}


def clusters_of(member_rows: Rows, edge_rows: Rows, end_rows: Rows, most: int | None) -> Clusters:
    """`end_rows`: the identifiers at the ends of the evidence, members among them."""
    members = [columns.identifier(row) for row in member_rows]
    inside = {member.key for member in members}
    outside_rows = [row for row in end_rows if row[0] not in inside]
    return Clusters(
        members=tuple(members),
        neighbours=tuple(columns.identifier(row) for row in outside_rows),
        anchors={
            row[7]: row[11]
            for row in (*member_rows, *outside_rows)
            if row[7] is not None and row[11] is not None
        },
        edges=tuple(map(columns.edge, edge_rows)),
        crowded=tuple(
            row[0]
            for row in member_rows
            if most is not None and row[12] > most and row[8] != IdentifierStatus.BURNED.value
        ),
    )


async def halves(run: Running, edges: Sequence[EdgeKey]) -> list[Seen]:
    pairs = [pair_of(*edge) for edge in sorted(set(edges))]
    return list(earliest(columns.seen(row) for row in await run.each("halves", "pairs", pairs)))


async def decisions(run: Running, after: RecordedAt) -> list[Decision]:
    rec, id_ = after
    return [rows.decision(row) for row in await run.rows("decisions_after", rec=rec, id=id_)]


async def rules(run: Running, after: int) -> list[RulesVersion]:
    return [_rules(body) for (body,) in await run.rows("rules_after", version=after)]


async def sessions_between(
    run: Running, devices: Sequence[Key], users: Sequence[Key]
) -> list[Session]:
    found = await run.rows(
        "sessions_between", devices=sorted(set(devices)), users=sorted(set(users))
    )
    return [rows.session(row) for row in found]


async def changes_by_ids(run: Running, ids: Sequence[str]) -> list[IdentityChange | None]:
    found = await run.each("changes_by_ids", "ids", distinct(ids))
    return in_order(ids, {id_: rows.identity_change(body) for id_, body in found})


def earliest(found: Iterable[Seen]) -> Iterable[Seen]:
    """Of each pair the earliest sighting in each half-hour."""
    kept: dict[tuple[Key, Key, str, int], Seen] = {}
    for seen in found:
        key = (seen.a, seen.b, seen.kind.value, seen.half_hour)
        known = kept.get(key)
        if known is None or (seen.at, seen.mid) < (known.at, known.mid):
            kept[key] = seen
    return kept.values()
