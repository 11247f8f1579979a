"""Why two identifiers are one person's, or are not: read off the evidence and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import msgspec
import networkx as nx

from graph_schema.model.evidence import Edge, EvidenceStatus, RefusalRule
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import Micros
from identity.region import STRENGTH

_FAR = 1_000  # a path goes a long way within profiles before it crosses a refusal


class LinkPath(msgspec.Struct, frozen=True):
    """The evidence that joined, from one identifier to the other; without `weakest` the two would be
    apart, but for what is redundant today."""

    steps: tuple[Edge, ...]
    weakest: Edge


class Separation(msgspec.Struct, frozen=True):
    """The refused evidence nearest to the two, from one to the other, and the rule that refused the
    first of it; empty and None where no evidence leads from one to the other."""

    refused: tuple[Edge, ...] = ()
    rule: RefusalRule | None = None


def why_together(edges: Iterable[Edge], a: Key, b: Key, rules: IdentityRules) -> LinkPath | None:
    """The path between two different identifiers in the spanning forest, None where there is none.
    `edges`: at least all evidence of the profile that holds them."""
    joined = [edge for edge in edges if edge.status is EvidenceStatus.JOINED]
    steps = _path(joined, a, b, rules)
    if not steps:
        return None
    return LinkPath(steps, max(steps, key=lambda edge: _order(edge, rules)))


def why_apart(edges: Iterable[Edge], a: Key, b: Key, rules: IdentityRules) -> Separation:
    """The way between two identifiers of different profiles that crosses the fewest refusals.
    `edges`: the evidence of the two profiles, and of those between them as far as it is to be sought."""
    settled = [edge for edge in edges if edge.status is not EvidenceStatus.PENDING]
    refused = tuple(
        edge for edge in _path(settled, a, b, rules) if edge.status is EvidenceStatus.REFUSED
    )
    return Separation(refused, refused[0].refused_by) if refused else Separation()


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
