"""What the events say, gathered in a file of its own: so memory does not grow with the graph."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from graph_schema.model.evidence import Edge, EvidenceKind, EvidenceStatus, RefusalRule, Seen
from graph_schema.model.identifier import Key
from graph_schema.model.time import Micros
from graph_schema.queries import queries
from identity.normalise import Names

Half: TypeAlias = tuple[Key, Key, str, int]
"""(a, b, kind, half-hour)"""
Earliest: TypeAlias = tuple[Micros, str, Micros]
"""(at, mid, rec) of the earliest sighting in a half-hour."""

_HELD = 50_000


class Scratch:
    """Takes sightings and facts; keeps of each identifier the first and last time, of each pair the
    earliest sighting in every half-hour. What comes again within reach costs no write."""

    def __init__(self, path: Path) -> None:
        self._queries = queries("cdp.pipeline.check")
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -32768"):
            self._connection.execute(f"PRAGMA {pragma}")
        for name, query in self._queries.items():
            if name.startswith("make_"):
                self._connection.execute(query)
        self._connection.execute("BEGIN")
        self._sights: dict[Key, tuple[bool, Micros, Micros]] = {}
        self._facts: dict[Half, Earliest] = {}

    def close(self) -> None:
        self._connection.close()

    # ── taking in ──────────────────────────────────────────────────────────────────────────────

    def take(self, at: Micros, names: Names, facts: Iterable[Seen]) -> None:
        """An event: what it names, and its star of evidence."""
        for name in names.with_forms:
            known = self._sights.get(name.key)
            first_at, last_at = (
                (at, at) if known is None else (min(known[1], at), max(known[2], at))
            )
            self._sights[name.key] = (name.blocked, first_at, last_at)
        for fact in facts:
            key = (fact.a, fact.b, fact.kind.value, fact.half_hour)
            moment = (fact.at, fact.mid, fact.rec)
            self._facts[key] = min(self._facts.get(key, moment), moment)
        if len(self._sights) + len(self._facts) > _HELD:
            self.flush()

    def flush(self) -> None:
        self.many("put_sight", ((key, *rest) for key, rest in self._sights.items()))
        self.many("put_seen", ((*key, *moment) for key, moment in self._facts.items()))
        self._sights.clear()
        self._facts.clear()

    def put_edges(self, edges: Iterable[Edge]) -> None:
        self.many("put_edge", map(_edge_row, edges))

    # ── asking ─────────────────────────────────────────────────────────────────────────────────

    def earliest(self, halves: Sequence[Half]) -> dict[Half, Earliest]:
        found = self.rows("earliest", pairs=json.dumps(halves))
        return {(a, b, kind, half): (at, mid, rec) for a, b, kind, half, at, mid, rec in found}

    def facts_of(self, part: int) -> Iterator[Seen]:
        for a, b, kind, half_hour, at, mid in self._cursor("facts_of_part", (part,)):
            yield Seen(a, b, EvidenceKind(kind), half_hour, at, mid)

    def edges(self, keys: Sequence[tuple[Key, Key, str]]) -> dict[tuple[Key, Key, str], Edge]:
        found = self.rows("edges", keys=json.dumps(keys))
        return {(row[0], row[1], row[2]): _edge(row) for row in found}

    def rows(self, name: str, *values: object, **parameters: object) -> list[Any]:
        return self._connection.execute(self._queries[name], parameters or values).fetchall()

    def stream(self, name: str) -> Iterator[Any]:
        """The rows one by one; nothing may be written meanwhile that they are made of."""
        yield from self._cursor(name, ())

    def many(self, name: str, rows: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(self._queries[name], rows)

    def _cursor(self, name: str, values: Sequence[Any]) -> sqlite3.Cursor:
        return self._connection.execute(self._queries[name], values)


def _edge(row: Any) -> Edge:
    a, b, kind, count, first_at, last_at, status, refused_by = row
    rule = RefusalRule(refused_by) if refused_by is not None else None
    return Edge(
        a, b, EvidenceKind(kind), count, first_at, last_at, EvidenceStatus(status), rule
    )  # fmt: skip


def _edge_row(edge: Edge) -> tuple[Any, ...]:
    return (
        edge.a, edge.b, edge.kind.value, edge.count, edge.first_at, edge.last_at,
        edge.status.value, edge.refused_by.value if edge.refused_by else None,
    )  # fmt: skip
