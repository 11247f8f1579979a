"""The rule over a whole table.

Nearly all components of the uncut evidence hold no more of any namespace than its limit, are under the
size cap, and are named by no decision: nothing can be forbidden in them, so each is one cluster, and
its edges that join are the minimum spanning tree of the order (Kruskal's algorithm takes the same
edges whoever runs it). SciPy finds both. The few others are resolved by `identity.resolve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from graph_schema.model.evidence import (
    Decision,
    Edge,
    EdgeKey,
    EvidenceKind,
    EvidenceStatus,
    RefusalRule,
)
from graph_schema.model.identifier import IdentifierStatus, Key
from graph_schema.model.rules import IdentityRules
from identity.batch.cuts import RULES, UNCUT, Judging
from identity.batch.edges import Edges, edges_of
from identity.batch.table import EvidenceTable, Flags, Ints
from identity.decisions import Decisions
from identity.region import STRENGTH
from identity.resolve import Refusals, resolve

_STATUS: Final = tuple(EvidenceStatus)
_JOINED, _REDUNDANT, _REFUSED, _PENDING = map(
    _STATUS.index,
    (
        EvidenceStatus.JOINED,
        EvidenceStatus.REDUNDANT,
        EvidenceStatus.REFUSED,
        EvidenceStatus.PENDING,
    ),
)


class Resolved(msgspec.Struct, frozen=True):
    """What the rule makes of a table. `anchor` (n,): the code of each identifier's anchor. `status`
    and `refused_by` (e,): places in the enumerations, -1 for no rule. `confirmed`: the edges that
    decisions make."""

    table: EvidenceTable
    edges: Edges
    burned: Flags
    shared: Flags
    anchor: Ints
    status: Ints
    refused_by: Ints
    confirmed: tuple[Edge, ...]

    def clusters(self) -> dict[Key, set[Key]]:
        """By the keys of their anchors."""
        keys = self.table.keys
        found: dict[Key, set[Key]] = {}
        for code, anchor in enumerate(self.anchor.tolist()):
            found.setdefault(keys[anchor], set()).add(keys[code])
        return found

    def all_edges(self) -> dict[EdgeKey, Edge]:
        found = {edge.key: edge for edge in self.confirmed}
        for place, (status, rule) in enumerate(
            zip(self.status.tolist(), self.refused_by.tolist(), strict=True)
        ):
            edge = msgspec.structs.replace(
                self.edges.one(self.table, place),
                status=_STATUS[status],
                refused_by=None if rule == UNCUT else RULES[rule],
            )
            found[edge.key] = edge
        return found

    def statuses(self) -> dict[Key, IdentifierStatus]:
        found = dict.fromkeys(self.table.keys, IdentifierStatus.ACTIVE)
        for flags, status in (
            (self.shared, IdentifierStatus.SHARED),
            (self.burned, IdentifierStatus.BURNED),
        ):
            found.update((self.table.keys[code], status) for code in np.flatnonzero(flags).tolist())
        return found


def resolve_table(
    table: EvidenceTable, rules: IdentityRules, decisions: Sequence[Decision] = ()
) -> Resolved:
    """O(m log m), in memory in proportion to the table, whatever its components are like."""
    edges = edges_of(table)
    judging = Judging(table, edges, rules, Decisions(decisions))
    cuts = judging.cuts()
    pending = edges.kind == STRENGTH[EvidenceKind.SUGGESTED]
    joining = (cuts == UNCUT) & ~pending
    component = _components(table, edges, joining)
    hard = _hard(table, component, judging, rules.size_cap)
    status = np.full(len(edges.a), _REDUNDANT)
    status[_tree(table, edges, judging.order, joining & ~hard[edges.a])] = _JOINED
    status[pending] = _PENDING
    status[cuts != UNCUT] = _REFUSED
    who = judging.identifiers
    found = Resolved(
        table, edges, who.burned, who.shared, _anchors(table, who.rank, component), status, cuts, ()
    )
    return _with_the_hard(found, judging, hard) if hard.any() else found


def _components(table: EvidenceTable, edges: Edges, joining: Flags) -> Ints:
    size = len(table.keys)
    ones = np.ones(int(joining.sum()), np.int8)
    links = coo_array((ones, (edges.a[joining], edges.b[joining])), shape=(size, size))
    found: Ints = connected_components(links.tocsr(), directed=False)[1].astype(np.int64)
    return found


def _hard(table: EvidenceTable, component: Ints, judging: Judging, size_cap: int) -> Flags:
    """(n,): the members of the components in which something may be forbidden."""
    namespaces = judging.identifiers.namespaces
    if not len(component):
        return np.zeros(0, np.bool_)
    components = int(component.max()) + 1
    hard = np.bincount(component, minlength=components) > size_cap
    for place, namespace in enumerate(namespaces):
        inside = component[table.namespace == place]
        hard |= np.bincount(inside, minlength=components) > namespace.limit
    hard[component[list(judging.decided.values())]] = True
    found: Flags = hard[component]
    return found


def _tree(table: EvidenceTable, edges: Edges, order: Ints, wanted: Flags) -> Ints:
    """The places of the edges that join."""
    size = len(table.keys)
    chosen = np.flatnonzero(wanted)
    a, b = edges.a[chosen], edges.b[chosen]
    # Of the kinds of evidence on one pair only the strongest, its first edge, can join.
    again = np.zeros(len(chosen), np.bool_)
    again[1:] = (a[1:] == a[:-1]) & (b[1:] == b[:-1])
    weight = np.empty(len(order))
    weight[order] = np.arange(1, len(order) + 1)
    links = coo_array((weight[chosen[~again]], (a[~again], b[~again])), shape=(size, size))
    tree = minimum_spanning_tree(links.tocsr())
    found: Ints = order[tree.data.astype(np.int64) - 1]
    return found


def _anchors(table: EvidenceTable, rank: Ints, component: Ints) -> Ints:
    """The least of each component by (rank, first seen, key): codes compare as keys do."""
    left = np.arange(len(component))
    for value in (rank, table.first_at):
        least = np.full(len(component), np.iinfo(np.int64).max)
        np.minimum.at(least, component[left], value[left])
        left = left[value[left] == least[component[left]]]
    anchor = np.empty(len(component), np.int64)
    anchor[component[left[::-1]]] = left[::-1]  # the last one written, the least, stands
    found: Ints = anchor[component]
    return found


# ── where something may be forbidden ───────────────────────────────────────────────────────────


def _with_the_hard(found: Resolved, judging: Judging, hard: Flags) -> Resolved:
    edges, keys = found.edges, found.table.keys
    codes = np.flatnonzero(hard).tolist()
    places = np.flatnonzero(hard[edges.a] & hard[edges.b]).tolist()
    region = judging.region(codes, places)
    place = {edges.key(found.table, p): p for p in places}
    cuts = {key: found.refused_by[p] for key, p in place.items()}

    def cut(edge: Edge) -> RefusalRule | None:
        rule = int(cuts.get(edge.key, UNCUT))
        return None if rule == UNCUT else RULES[rule]

    resolution = resolve(region, region.nodes.keys(), cut)
    code = {keys[c]: c for c in codes}
    region.clusters = resolution.clusters
    for anchor, members in resolution.clusters.items():
        for key in members:
            region.nodes[key].anchor = anchor
            found.anchor[code[key]] = code[anchor]
    confirmed = []
    refusals = Refusals(region)
    for edge_key, (status, rule) in resolution.status.items():
        edge = resolution.confirmed.get(edge_key) or region.edges[edge_key]
        if status is EvidenceStatus.REFUSED and rule is None:
            rule = refusals.of(edge)
        if edge_key in resolution.confirmed:
            confirmed.append(msgspec.structs.replace(edge, status=status, refused_by=rule))
        else:
            found.status[place[edge_key]] = _STATUS.index(status)
            found.refused_by[place[edge_key]] = UNCUT if rule is None else RULES.index(rule)
    return msgspec.structs.replace(found, confirmed=tuple(confirmed))
