"""The rule: which identifiers are one person's (identity.md, "The rule").

Deterministic, without I/O, and independent of the order in which facts arrived: Kruskal's algorithm
over the evidence in a fixed order, with constraints. The edges that joined are a spanning forest,
and so the reason of each cluster.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from graph_schema.model.evidence import (
    Decision,
    DecisionKind,
    Edge,
    EdgeKey,
    EvidenceKind,
    EvidenceStatus,
    RefusalRule,
)
from graph_schema.model.identifier import Key
from graph_schema.model.rules import Role
from identity.region import Node, Region, edge_order


class Resolution(msgspec.Struct, frozen=True):
    """`clusters` by the keys of their anchors; the status of every edge among the nodes."""

    clusters: dict[Key, set[Key]]
    status: dict[EdgeKey, tuple[EvidenceStatus, RefusalRule | None]]


def cut_by(region: Region, edge: Edge) -> RefusalRule | None:
    """The cut that takes an edge out, from the own evidence of either end."""
    ends = (region.nodes[edge.a], region.nodes[edge.b])
    for node in ends:
        if node.burned:
            return RefusalRule.SHARED if node.namespace.role is Role.DEVICE else RefusalRule.BURNED
    for node, other in (ends, ends[::-1]):
        if node.verdict.shared:
            return RefusalRule.SHARED
        principal = node.verdict.principal
        person = other.namespace.role is Role.PERSON
        if principal is not None and person and region.principal(other.key) != principal:
            return RefusalRule.DOMINANCE
    return None


def resolve(region: Region, keys: Iterable[Key]) -> Resolution:
    """Resolves those identifiers, and the evidence among them, by the nodes' present verdicts. A
    refusal that is no cut is not explained yet: see `refusal`."""
    clusters = _Clusters(region, keys)
    status: dict[EdgeKey, tuple[EvidenceStatus, RefusalRule | None]] = {}
    for decision in _in_force(region.decisions):
        if decision.kind is DecisionKind.CONFIRMED:
            _confirm(region, clusters, decision)
    inside = {key for node in clusters.nodes for key in region.evidence.get(node, ())}
    edges = [region.edges[key] for key in inside]
    edges = [edge for edge in edges if edge.a in clusters.nodes and edge.b in clusters.nodes]
    for edge in sorted(edges, key=lambda edge: edge_order(region, edge)):
        status[edge.key] = _try(region, clusters, edge)
    return Resolution(clusters.by_anchor(), status)


def refusal(region: Region, edge: Edge) -> RefusalRule | None:
    """The rule that keeps the clusters of a refused edge's ends apart, as they are now. Clusters only
    grow while edges join, so what forbade the edge at its turn forbids it at the end: the end is the
    same whatever the order, the turn is not."""
    ends = [region.clusters[region.nodes[key].anchor or key] for key in (edge.a, edge.b)]
    if ends[0] is ends[1] or edge.kind is EvidenceKind.SUGGESTED:
        return None
    clusters = _Clusters(region, ends[0] | ends[1])
    for members in ends:
        first, *others = members
        for other in others:
            clusters.join(first, other)
    return clusters.forbids(edge.a, edge.b, limited=True)


def anchor_of(nodes: Iterable[Node]) -> Key:
    """The least identifier by (namespace rank, first seen, key)."""
    return min(nodes, key=lambda node: node.order).key


def _try(
    region: Region, clusters: _Clusters, edge: Edge
) -> tuple[EvidenceStatus, RefusalRule | None]:
    cut = cut_by(region, edge)
    if cut is not None:
        return EvidenceStatus.REFUSED, cut
    if clusters.together(edge.a, edge.b):
        return EvidenceStatus.REDUNDANT, None
    if edge.kind is EvidenceKind.SUGGESTED or clusters.forbids(edge.a, edge.b, limited=True):
        return EvidenceStatus.REFUSED, None
    clusters.join(edge.a, edge.b)
    return EvidenceStatus.JOINED, None


def _in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """Without those undone, and of those on the same two sets only the last one."""
    decisions = sorted(decisions, key=lambda d: (d.rec, d.id))
    undone: set[str] = set()
    for decision in reversed(decisions):
        if decision.undoes is not None and decision.id not in undone:
            undone.add(decision.undoes)
    last = {
        frozenset((frozenset(d.left), frozenset(d.right))): d
        for d in decisions
        if d.undoes is None and d.id not in undone
    }
    return sorted(last.values(), key=lambda d: (d.rec, d.id))


def _confirm(region: Region, clusters: _Clusters, decision: Decision) -> None:
    """An edge between the first uncut of each side: it ignores limits, not the size cap. Where a side
    is a single device, its cut is lifted."""
    ends = []
    for side in (decision.left, decision.right):
        nodes = sorted(
            (clusters.nodes[k] for k in side if k in clusters.nodes), key=lambda n: n.order
        )
        uncut = [node for node in nodes if node.usable or len(side) == 1]
        if not uncut:
            return
        ends.append(uncut[0].key)
    if not clusters.together(*ends) and clusters.forbids(*ends, limited=False) is None:
        clusters.join(*ends)


class _Clusters:
    """Disjoint sets that know how many of each namespace they hold and whom they must not meet."""

    def __init__(self, region: Region, keys: Iterable[Key]) -> None:
        self.nodes = {key: region.nodes[key] for key in keys}
        self._rules = region.rules
        self._parent = {key: key for key in self.nodes}
        self._members = {key: [key] for key in self.nodes}
        self._held = {key: {node.namespace.name: 1} for key, node in self.nodes.items()}
        self._limits = {node.namespace.name: node.namespace.limit for node in self.nodes.values()}
        self._marks: dict[Key, set[tuple[str, bool]]] = {}
        for decision in _in_force(region.decisions):
            if decision.kind is DecisionKind.CANNOT_LINK:
                for side, keys_ in ((False, decision.left), (True, decision.right)):
                    for key in keys_:
                        self._marks.setdefault(key, set()).add((decision.id, side))

    def root(self, key: Key) -> Key:
        parent = self._parent
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    def together(self, a: Key, b: Key) -> bool:
        return self.root(a) == self.root(b)

    def forbids(self, a: Key, b: Key, *, limited: bool) -> RefusalRule | None:
        """What forbids joining the two clusters: the size cap, a cannot_link, or a limit, where both
        hold that namespace and together exceed it."""
        a, b = self.root(a), self.root(b)
        other = self._marks.get(b, ())
        if any((decision, not side) in other for decision, side in self._marks.get(a, ())):
            return RefusalRule.CANNOT_LINK
        if limited:
            held = self._held[b]
            for namespace, count in self._held[a].items():
                if namespace in held and count + held[namespace] > self._limits[namespace]:
                    return RefusalRule.LIMIT
        if len(self._members[a]) + len(self._members[b]) > self._rules.size_cap:
            return RefusalRule.SIZE
        return None

    def join(self, a: Key, b: Key) -> None:
        a, b = self.root(a), self.root(b)
        if a == b:
            return
        if len(self._members[a]) < len(self._members[b]):
            a, b = b, a
        self._parent[b] = a
        self._members[a] += self._members.pop(b)
        for namespace, count in self._held.pop(b).items():
            self._held[a][namespace] = self._held[a].get(namespace, 0) + count
        if b in self._marks:
            self._marks.setdefault(a, set()).update(self._marks.pop(b))

    def by_anchor(self) -> dict[Key, set[Key]]:
        return {
            anchor_of(self.nodes[key] for key in members): set(members)
            for members in self._members.values()
        }
