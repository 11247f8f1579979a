"""The rule: which identifiers are one person's (identity.md, "The rule").

Deterministic, without I/O, and independent of the order in which facts arrived: Kruskal's algorithm
over the evidence in a fixed order, with constraints. The edges that joined are a spanning forest,
and so the reason of each cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from graph_schema.model.evidence import (
    Edge,
    EdgeKey,
    EvidenceKind,
    EvidenceStatus,
    RefusalRule,
)
from graph_schema.model.identifier import Key
from identity.decisions import Apart
from identity.region import Node, Region, edge_order


class Resolution(msgspec.Struct, frozen=True):
    """`clusters` by the keys of their anchors; the status of every edge among the nodes;
    `confirmed`: the edges that the decisions make today."""

    clusters: dict[Key, set[Key]]
    status: dict[EdgeKey, tuple[EvidenceStatus, RefusalRule | None]]
    confirmed: dict[EdgeKey, Edge]


_WAITING = (EvidenceStatus.PENDING, None)


def cut_by(region: Region, edge: Edge) -> RefusalRule | None:
    """The cut that takes an edge out, from the own evidence of either end. None cuts a decision."""
    if edge.kind is EvidenceKind.CONFIRMED:
        return None
    one, two = region.nodes[edge.a], region.nodes[edge.b]
    for node in (one, two):
        if node.burned:
            return RefusalRule.SHARED if node.device else RefusalRule.BURNED
    if one.shared or two.shared:
        return RefusalRule.SHARED
    for node, other in ((one, two), (two, one)):
        if (
            node.admits is not None
            and other.person
            and region.principal(other.key) not in node.admits
        ):
            return RefusalRule.DOMINANCE
    return None


def resolve(
    region: Region,
    keys: Collection[Key],
    cut: Callable[[Edge], RefusalRule | None],
    waits: Callable[[Edge], bool] = lambda edge: False,
) -> Resolution:
    """Resolves those identifiers and the evidence among them. `cut` tells which cut takes an edge
    out, `waits` which one is left as if it were not there. A refusal that is no cut is not explained
    yet: see `Refusals`."""
    clusters = _Clusters(region, keys)
    confirmed = {edge.key: edge for edge in confirmed_edges(region, keys)}
    inside = {key for node in keys for key in region.evidence.get(node, ())}
    edges = [
        edge
        for edge in (region.edges[key] for key in inside)
        if edge.kind is not EvidenceKind.CONFIRMED
        and edge.a in clusters.nodes
        and edge.b in clusters.nodes
    ]
    edges += confirmed.values()
    edges.sort(key=lambda edge: edge_order(region, edge))
    status = {
        edge.key: _WAITING if waits(edge) else _try(clusters, edge, cut(edge)) for edge in edges
    }
    return Resolution(clusters.by_anchor(), status, confirmed)


def confirmed_edges(region: Region, keys: Iterable[Key]) -> Iterator[Edge]:
    """The edges of the confirmations that name one of the keys, the earliest of those on a pair. None
    between two burned devices: stores leave out what lies between burned identifiers."""
    if not region.decisions:
        return
    decisions = {d.id: d for key in keys for d in region.decisions.naming(key)}
    for decision in sorted(decisions.values(), key=lambda d: (d.at, d.id), reverse=True):
        a, b = _first_uncut(region, decision.left), _first_uncut(region, decision.right)
        if a is None or b is None or a == b:
            continue
        if not (region.nodes[a].burned and region.nodes[b].burned):
            ends = (a, b) if a < b else (b, a)
            yield Edge(*ends, EvidenceKind.CONFIRMED, 1, decision.at, decision.at)


class Refusals:
    """Names the rule that keeps the clusters of a refused edge's ends apart, as they are now. Clusters
    only grow while edges join, so what forbade the edge at its turn forbids it at the end: the end is
    the same whatever the order, the turn is not. What a cluster holds is counted once."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._held: dict[Key, _Held] = {}

    def of(self, edge: Edge) -> RefusalRule | None:
        return _forbids(self._of(edge.a), self._of(edge.b), edge, self._region.rules.size_cap)

    def _of(self, key: Key) -> _Held:
        anchor = self._region.nodes[key].anchor or key
        held = self._held.get(anchor)
        if held is None:
            held = self._held[anchor] = _Held()
            for member in self._region.cluster_of(key):
                held.add(_Held.of(self._region, member))
        return held


def anchor_of(nodes: Iterable[Node]) -> Key:
    """The least identifier by (namespace rank, first seen, key)."""
    return min(nodes, key=lambda node: node.order).key


def _try(
    clusters: _Clusters, edge: Edge, cut: RefusalRule | None
) -> tuple[EvidenceStatus, RefusalRule | None]:
    if cut is not None:
        return EvidenceStatus.REFUSED, cut
    if edge.kind is EvidenceKind.SUGGESTED:
        return EvidenceStatus.PENDING, None
    if clusters.root(edge.a) == clusters.root(edge.b):
        return EvidenceStatus.REDUNDANT, None
    if clusters.forbids(edge) is not None:
        return EvidenceStatus.REFUSED, None
    clusters.join(edge.a, edge.b)
    return EvidenceStatus.JOINED, None


def _first_uncut(region: Region, side: tuple[Key, ...]) -> Key | None:
    """In anchor order. A device that a side consists of is taken as it is: its cut is lifted."""
    nodes = [node for key in side if (node := region.nodes.get(key)) is not None]
    uncut = [node for node in nodes if node.usable or (len(side) == 1 and node.device)]
    return anchor_of(uncut) if uncut else None


class _Held(msgspec.Struct):
    """What a cluster holds: how many of each namespace, with its limit, and whom it must not meet."""

    count: int = 0
    names: dict[str, int] = {}
    limits: dict[str, int] = {}
    marks: dict[str, _Mark] = {}

    @staticmethod
    def of(region: Region, key: Key) -> _Held:
        namespace = region.nodes[key].namespace
        held = _Held(1, {namespace.name: 1}, {namespace.name: namespace.limit})
        if region.decisions.apart:
            for apart, left in region.decisions.marks(key):
                mark = held.marks.setdefault(apart.id, _Mark(apart, set(), set()))
                (mark.left if left else mark.right).add(key)
        return held

    def add(self, other: _Held) -> None:
        self.count += other.count
        for namespace, count in other.names.items():
            self.names[namespace] = self.names.get(namespace, 0) + count
        self.limits |= other.limits
        for id_, mark in other.marks.items():
            mine = self.marks.setdefault(id_, _Mark(mark.apart, set(), set()))
            mine.left |= mark.left
            mine.right |= mark.right

    def must_not_meet(self, other: _Held) -> bool:
        return any(
            mark.apart.parts(mark.left, other.marks[id_].right)
            or mark.apart.parts(other.marks[id_].left, mark.right)
            for id_, mark in self.marks.items()
            if id_ in other.marks
        )


def _forbids(one: _Held, other: _Held, edge: Edge, size_cap: int) -> RefusalRule | None:
    """What forbids joining two clusters: a cannot_link; a limit, where both hold that namespace and
    together exceed it (a decision ignores it); the size cap."""
    if one.marks and other.marks and one.must_not_meet(other):
        return RefusalRule.CANNOT_LINK
    if edge.kind is not EvidenceKind.CONFIRMED:
        for namespace, count in one.names.items():
            if namespace in other.names:
                together = count + other.names[namespace]
                if together > one.limits[namespace]:
                    return RefusalRule.LIMIT
    if one.count + other.count > size_cap:
        return RefusalRule.SIZE
    return None


class _Clusters:
    """Disjoint sets that know what they hold."""

    def __init__(self, region: Region, keys: Iterable[Key]) -> None:
        self.nodes = {key: region.nodes[key] for key in keys}
        self._size_cap = region.rules.size_cap
        self._parent = {key: key for key in self.nodes}
        self._members = {key: [key] for key in self.nodes}
        self._held = {key: _Held.of(region, key) for key in self.nodes}

    def root(self, key: Key) -> Key:
        parent = self._parent
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    def forbids(self, edge: Edge) -> RefusalRule | None:
        a, b = self.root(edge.a), self.root(edge.b)
        return _forbids(self._held[a], self._held[b], edge, self._size_cap)

    def join(self, a: Key, b: Key) -> None:
        a, b = self.root(a), self.root(b)
        if len(self._members[a]) < len(self._members[b]):
            a, b = b, a
        self._parent[b] = a
        self._members[a] += self._members.pop(b)
        self._held[a].add(self._held.pop(b))

    def by_anchor(self) -> dict[Key, set[Key]]:
        return {
            anchor_of([self.nodes[key] for key in members]): set(members)
            for members in self._members.values()
        }


class _Mark(msgspec.Struct):
    """Who of a cannot_link's left and right is in a cluster."""

    apart: Apart
    left: set[Key]
    right: set[Key]
