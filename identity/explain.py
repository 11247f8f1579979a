"""Why two identifiers are one person's, or are not: read off the evidence and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise, product

import networkx as nx

from graph_schema.model.evidence import (
    Decision,
    Edge,
    EvidenceKind,
    EvidenceStatus,
    RefusalRule,
)
from graph_schema.model.explanation import EvidenceGraph, LinkPath, Separation
from graph_schema.model.identifier import Identifier, Key, parse_key
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import Micros
from identity.decisions import Apart, Decisions
from identity.region import STRENGTH

_FAR = 1_000  # a path goes a long way within profiles before it crosses a refusal
_SHOWN = {
    status: place
    for place, status in enumerate(
        (
            EvidenceStatus.JOINED,
            EvidenceStatus.REDUNDANT,
            EvidenceStatus.PENDING,
            EvidenceStatus.REFUSED,
        )
    )
}


def why_together(edges: Iterable[Edge], a: Key, b: Key, rules: IdentityRules) -> LinkPath | None:
    """The path between two different identifiers in the spanning forest, None where there is none.
    `edges`: at least all evidence of the profile that holds them."""
    beside = _forest(edges)
    came: dict[Key, Edge] = {}
    reached = [a]
    for (
        key
    ) in reached:  # in a forest there is one way at most: whoever is reached first is reached best
        for edge in beside.get(key, ()):
            other = edge.b if edge.a == key else edge.a
            if other != a and other not in came:
                came[other] = edge
                reached.append(other)
        if b in came:
            break
    if b not in came:
        return None
    steps: list[Edge] = []
    key = b
    while key != a:
        edge = came[key]
        steps.append(edge)
        key = edge.a if edge.b == key else edge.b
    steps.reverse()
    return LinkPath(tuple(steps), max(steps, key=lambda edge: _order(edge, rules)))


def why_apart(edges: Iterable[Edge], a: Key, b: Key, rules: IdentityRules) -> Separation:
    """The way between two identifiers of different profiles that crosses the fewest refusals.
    `edges`: the evidence of the two profiles, and of those between them as far as it is to be sought."""
    settled = [edge for edge in edges if edge.status is not EvidenceStatus.PENDING]
    refused = tuple(
        edge for edge in _path(settled, a, b, rules) if edge.status is EvidenceStatus.REFUSED
    )
    return Separation(refused, refused[0].refused_by) if refused else Separation()


def drawn(
    members: Iterable[Identifier],
    neighbours: Iterable[Identifier],
    edges: Iterable[Edge],
    limit: int,
    rules: IdentityRules,
) -> EvidenceGraph:
    """At most `limit` identifiers of a profile and of what its evidence leads to. Where the profile
    holds more, those next to its anchor over what joined: so that the picture hangs together."""
    inside = sorted(members, key=_anchor_order)
    known = list(edges)
    outside = [i.key for i in sorted(neighbours, key=_anchor_order)]
    nodes = [*_from_anchor([i.key for i in inside], _forest(known)), *outside]
    shown = nodes[:limit]
    kept = set(shown)
    among = [edge for edge in known if edge.a in kept and edge.b in kept]
    among.sort(key=lambda edge: (_SHOWN[edge.status], _order(edge, rules)))
    return EvidenceGraph(tuple(shown), tuple(among), truncated=len(nodes) > limit)


# ── decisions as evidence ──────────────────────────────────────────────────────────────────────


def kept_apart(decisions: Decisions, known: Mapping[Key, Identifier]) -> list[Edge]:
    """The cannot_links in force as evidence: one between the first of each side that are known."""
    recorded = {decision.id: decision for decision in decisions.recorded}
    found = []
    for apart in decisions.apart:
        pair = _facing(apart, known)
        if pair is not None:
            found.append(_kept_apart(pair, recorded[apart.id]))
    return found


def behind(edge: Edge, decisions: Decisions) -> Decision | None:
    """The decision that makes an edge, where one does."""
    for decision in decisions.recorded:
        if (
            decision.kind.value == edge.kind.value
            and decision.at == edge.first_at
            and decisions.in_force(decision.id)
            and any(
                one in decision.left and other in decision.right
                for one, other in ((edge.a, edge.b), (edge.b, edge.a))
            )
        ):
            return decision
    return None


def _kept_apart(pair: tuple[Key, Key], decision: Decision) -> Edge:
    a, b = sorted(pair)
    return Edge(
        a, b, EvidenceKind.CANNOT_LINK, 1, decision.at, decision.at,
        EvidenceStatus.REFUSED, RefusalRule.CANNOT_LINK,
    )  # fmt: skip


def _facing(apart: Apart, known: Mapping[Key, Identifier]) -> tuple[Key, Key] | None:
    sides = [
        sorted((known[key] for key in side if key in known), key=_anchor_order)
        for side in (apart.left, apart.right)
    ]
    pairs = ((one.key, other.key) for one, other in product(*sides))
    return next((pair for pair in pairs if pair not in apart.besides), None)


# ── underneath ─────────────────────────────────────────────────────────────────────────────────


def _forest(edges: Iterable[Edge]) -> dict[Key, list[Edge]]:
    beside: dict[Key, list[Edge]] = {}
    for edge in edges:
        if edge.status is EvidenceStatus.JOINED:
            beside.setdefault(edge.a, []).append(edge)
            beside.setdefault(edge.b, []).append(edge)
    return beside


def _from_anchor(keys: list[Key], beside: dict[Key, list[Edge]]) -> list[Key]:
    """The identifiers of a profile, given in anchor order, by their distance from the anchor over what
    joined; those equally far in anchor order."""
    place = {key: number for number, key in enumerate(keys)}
    reached: dict[Key, None] = {}
    for start in keys:
        ring = [start] if start not in reached else []
        while ring:
            reached.update(dict.fromkeys(ring))
            ends = {end for key in ring for edge in beside.get(key, ()) for end in (edge.a, edge.b)}
            ring = sorted(
                (key for key in ends - reached.keys() if key in place), key=place.__getitem__
            )
    return list(reached)


def _path(edges: Iterable[Edge], a: Key, b: Key, rules: IdentityRules) -> tuple[Edge, ...]:
    graph: nx.Graph[Key] = nx.Graph()
    for edge in sorted(edges, key=lambda edge: (_cost(edge), _order(edge, rules))):
        if not graph.has_edge(edge.a, edge.b):
            graph.add_edge(edge.a, edge.b, evidence=edge, cost=_cost(edge))
    if a not in graph or b not in graph or not nx.has_path(graph, a, b):
        return ()
    keys = nx.dijkstra_path(graph, a, b, weight="cost")
    return tuple(graph.edges[one, other]["evidence"] for one, other in pairwise(keys))


def _cost(edge: Edge) -> int:
    return _FAR if edge.status is EvidenceStatus.REFUSED else 1


def _order(edge: Edge, rules: IdentityRules) -> tuple[int, list[int], Micros, Key, Key]:
    """(kind, ranks, firstAt, keys), strongest first: the rule's own order."""
    ranks = sorted(rules.namespace(parse_key(key)[0]).rank for key in (edge.a, edge.b))
    return STRENGTH[edge.kind], ranks, edge.first_at, edge.a, edge.b


def _anchor_order(identifier: Identifier) -> tuple[int, Micros, Key]:
    return identifier.rank, identifier.first_at, identifier.key
