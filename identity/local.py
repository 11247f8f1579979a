"""Resolving only what new facts can change (identity.md, "Locally"), without I/O.

`absorb` is a generator: it yields what it `Need`s to have loaded into the region, and returns the
difference. What new facts cut or uncut is found first, from the own evidence of what they name. Then
the clusters at the ends of the changed evidence are resolved. If nothing that was joined is now
refused, that is the answer; a cluster that lost an edge, or had one displaced, draws in its
neighbours over refused edges, until none is new. Cut edges are never traversed.

What takes more of the graph than may be read while other events wait is not resolved: the facts are
taken in, the new evidence stays PENDING, and `Difference.waiting` names between whom it is. Everything
else is then as if that evidence were not there. `resolve_waiting` resolves it later.

Why that is enough: edges only ever move forward in the order, and where every edge that was joined
still joins or is redundant, each cluster is at each turn a superset of what it was, so that what was
forbidden to it still is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from graph_schema.model.evidence import Decision, EdgeKey, EvidenceStatus
from graph_schema.model.identifier import Key
from identity import taking
from identity.difference import (
    Absorbing,
    Difference,
    Loading,
    Need,
    Noticed,
    Pair,
    Sighted,
    complete,
    put,
    with_clusters,
)
from identity.judging import Judging, changed_at, cuts_of
from identity.region import Region, TooLarge
from identity.resolve import cut_by
from identity.settle import settle
from identity.touched import Touched

__all__ = [
    "Absorbing", "Difference", "Need", "Noticed", "Pair", "Sighted", "absorb", "resolve_waiting",
]  # fmt: skip


def absorb(
    region: Region,
    noticed: Sequence[Noticed],
    sighted: Sequence[Sighted],
    decided: Sequence[Decision] = (),
) -> Absorbing:
    """Takes new facts, and new decisions or undoings, into the region and resolves what they can
    change. The region knows all earlier decisions. Decisions are resolved whatever it takes: their
    region has no limit."""
    difference = Difference()
    region.begin()
    if not (noticed or decided or region.decisions.confirmed):
        yield from with_clusters(region, [s.key for s in sighted])
        taking.sight(region, sighted, difference)
        taking.anchor(region, tuple(difference.nodes), difference)
        return difference
    absorbing = _Absorb(region, noticed, sighted, difference)
    try:
        yield from absorbing.run(decided)
    except TooLarge:
        yield from absorbing.set_aside()
    return difference


def resolve_waiting(region: Region, pairs: Collection[Pair]) -> Absorbing:
    """Resolves what was set aside between those pairs, in a region that has no limit.

    How it stood before is not remembered: so all evidence between them is taken to be new, and
    everybody to count for somebody else now.
    """
    difference = Difference()
    region.begin()
    keys = {key for pair in pairs for key in pair}
    touched = Touched(region, keys, region.decisions, ())
    yield from complete(region, touched.keys)
    yield from complete(region, touched.widen())
    touched.forget()
    judging = Judging(region, difference)
    burned = judging.burn(keys)
    devices = touched.devices(keys, burned)
    yield from judging.judge(devices)
    between = {edge for a, b in pairs if a != b for edge in region.between(a, b)}
    cuts = cuts_of(region, devices | burned, between)
    start = changed_at(region, between, cuts, difference)
    start |= {key for key in keys if region.decisions.naming(key)}
    if start:
        yield from settle(region, start, cuts, difference, explain_all=False)
    return difference


class _Absorb:
    """Taking facts in, and resolving what they can change; or, where that takes too much, setting it
    aside: what was made of the facts by then is taken back, they themselves stay."""

    def __init__(
        self,
        region: Region,
        noticed: Sequence[Noticed],
        sighted: Sequence[Sighted],
        difference: Difference,
    ) -> None:
        self._region = region
        self._noticed = noticed
        self._sighted = sighted
        self._difference = difference
        self._judging = Judging(region, difference)
        self._reordered: set[EdgeKey] | None = None

    def run(self, decided: Sequence[Decision]) -> Loading:
        region, difference = self._region, self._difference
        decisions = region.decisions.and_also(decided) if decided else region.decisions
        ends = {end for n in self._noticed for end in (n.fact.a, n.fact.b)}
        touched = Touched(region, self._named(), decisions, decided)
        yield from complete(region, touched.keys)
        yield from complete(region, touched.widen())
        touched.remember()
        region.decisions = decisions
        reordered = self._take_in()
        burned = self._judging.burn(ends)
        devices = touched.devices(ends, burned)
        yield from self._judging.judge(devices)
        cuts = cuts_of(region, devices | burned, reordered)
        start = changed_at(region, reordered, cuts, difference)
        start |= {key for key in touched.resolved if key in region.nodes}
        start |= {s.key for s in self._sighted}
        start |= {key for key in difference.nodes if region.decisions.naming(key)}
        if start:
            yield from settle(region, start, cuts, difference, explain_all=bool(decided))

    def set_aside(self) -> Loading:
        yield from with_clusters(self._region, self._named())
        self._take_in()
        self._judging.take_back()
        keys = [sight.key for sight in self._sighted]
        taking.anchor(self._region, keys, self._difference)
        edges = {(n.fact.a, n.fact.b, n.fact.kind) for n in self._noticed}
        waiting = {edge_key[:2] for edge_key in edges if not self._is_burned(edge_key)}
        named = {key for pair in waiting for key in pair}
        self._difference.waiting = waiting | {(key, key) for key in keys if key not in named}

    def _is_burned(self, edge_key: EdgeKey) -> bool:
        """Evidence of what is burned is cut whatever else there is; nothing else follows from it."""
        region = self._region
        if not any(region.nodes[key].burned for key in edge_key[:2]):
            return False
        edge = region.edges[edge_key]
        put(region, edge, EvidenceStatus.REFUSED, cut_by(region, edge), self._difference)
        return True

    def _named(self) -> set[Key]:
        ends = {end for n in self._noticed for end in (n.fact.a, n.fact.b)}
        return ends | {sight.key for sight in self._sighted}

    def _take_in(self) -> set[EdgeKey]:
        if self._reordered is None:
            taking.sight(self._region, self._sighted, self._difference)
            self._reordered = taking.note(self._region, self._noticed, self._difference)
        return self._reordered
