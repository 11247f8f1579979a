"""The edges of a table of evidence: its facts, put together by pair and kind."""

from __future__ import annotations

import msgspec
import numpy as np

from graph_schema.model.evidence import Edge, EdgeKey, EvidenceKind
from identity.batch.table import EvidenceTable, Ints

_KINDS = tuple(EvidenceKind)


class Edges(msgspec.Struct, frozen=True):
    """e edges, sorted by (a, b, kind). `count`: distinct half-hours; `first_at` and `last_at`: the
    least and the greatest of the earliest sightings in each. All (e,). `of_fact` (m,): the place of
    the edge that a fact is evidence of."""

    a: Ints
    b: Ints
    kind: Ints
    count: Ints
    first_at: Ints
    last_at: Ints
    of_fact: Ints

    def key(self, table: EvidenceTable, place: int) -> EdgeKey:
        return table.keys[self.a[place]], table.keys[self.b[place]], _KINDS[self.kind[place]]

    def one(self, table: EvidenceTable, place: int) -> Edge:
        """An edge as the rest of the code knows it, PENDING."""
        return Edge(
            *self.key(table, place),
            int(self.count[place]),
            int(self.first_at[place]),
            int(self.last_at[place]),
        )


def edges_of(table: EvidenceTable) -> Edges:
    """O(m log m)."""
    if not len(table.a):
        return Edges(*(np.empty(0, np.int64) for _ in range(7)))
    # Fewer than 2**28 identifiers and 8 kinds fit one int64, which sorts much faster than three.
    pair = (table.a * len(table.keys) + table.b) * 8 + table.kind
    order = _order(pair, table.half_hour)
    pair, half, at = pair[order], table.half_hour[order], table.at[order]
    new_pair = _changes(pair)
    halves = np.flatnonzero(new_pair | _changes(half))
    earliest = np.minimum.reduceat(at, halves)
    starts = np.flatnonzero(new_pair)
    of_pair = np.searchsorted(halves, starts)
    chosen = order[starts]
    of_fact = np.empty(len(order), np.int64)
    of_fact[order] = np.cumsum(new_pair) - 1
    return Edges(
        table.a[chosen],
        table.b[chosen],
        table.kind[chosen],
        np.diff(np.append(of_pair, len(halves))),
        np.minimum.reduceat(earliest, of_pair),
        np.maximum.reduceat(earliest, of_pair),
        of_fact,
    )


def _order(pair: Ints, half_hour: Ints) -> Ints:
    """By (pair, half-hour); in one number where both fit."""
    halves = half_hour - half_hour.min()
    range_ = int(halves.max()) + 1
    if int(pair.max()) < np.iinfo(np.int64).max // range_:
        return np.argsort(pair * range_ + halves)
    return np.lexsort((halves, pair))


def _changes(values: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Where a value differs from the one before it; the first does."""
    found = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found
