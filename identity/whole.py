"""Resolving all evidence at once: the yardstick of the local way, and what `cdp check` compares with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from graph_schema.model.evidence import Decision, Edge, EdgeKey, EvidenceStatus, Seen
from graph_schema.model.identifier import Key
from graph_schema.model.rules import IdentityRules
from identity.local import Sighted
from identity.region import Region
from identity.resolve import Refusals, cut_by, resolve


def resolve_all(
    facts: Iterable[Seen],
    sighted: Iterable[Sighted],
    rules: IdentityRules,
    decisions: Sequence[Decision] = (),
) -> Region:
    """A region that holds everything, judged and resolved: clusters, edges with their status, nodes
    with theirs. The facts may come in any order and more than once."""
    region = Region(rules, decisions)
    _sight(region, sighted)
    _note(region, facts)
    for node in region.nodes.values():
        node.burned = not node.user and region.users_seen(node.key) > rules.burned_above
    for node in region.nodes.values():
        if node.device and not node.burned:
            node.shared, node.admits = region.judge(node.key)
    resolution = resolve(region, region.nodes.keys(), lambda edge: cut_by(region, edge))
    for edge in resolution.confirmed.values():
        region.put_edge(edge)
    region.clusters = resolution.clusters
    for anchor, members in resolution.clusters.items():
        for key in members:
            region.nodes[key].anchor = anchor
    refusals = Refusals(region)
    for edge_key, (status, refused_by) in resolution.status.items():
        edge = region.edges[edge_key]
        if status is EvidenceStatus.REFUSED and refused_by is None:
            refused_by = refusals.of(edge)
        region.edges[edge_key] = msgspec.structs.replace(edge, status=status, refused_by=refused_by)
    return region


def _sight(region: Region, sighted: Iterable[Sighted]) -> None:
    for sight in sighted:
        node = region.nodes.get(sight.key) or region.new(sight.key, sight.namespace, sight.at)
        node.first_at = min(node.first_at, sight.at)


def _note(region: Region, facts: Iterable[Seen]) -> None:
    for fact in facts:
        halves = region.half_hours.setdefault((fact.a, fact.b, fact.kind), {})
        moment = (fact.at, fact.mid)
        halves[fact.half_hour] = min(halves.get(fact.half_hour, moment), moment)
    for key, halves in region.half_hours.items():
        region.put_edge(edge_of(key, [at for at, _ in halves.values()]))


def edge_of(key: EdgeKey, times: list[int]) -> Edge:
    """The evidence of a pair that was seen at those times, one in each half-hour."""
    a, b, kind = key
    return Edge(a, b, kind, len(times), min(times), max(times))


def members(region: Region) -> dict[Key, Key]:
    """Identifier to the anchor of its cluster."""
    return {key: anchor for anchor, keys in region.clusters.items() for key in keys}
