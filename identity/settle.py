"""Resolving the clusters at which evidence changed, and those that this can reach."""

from __future__ import annotations

from collections.abc import Iterable

from graph_schema.model.evidence import Edge, EdgeKey, EvidenceKind, EvidenceStatus, RefusalRule
from graph_schema.model.identifier import Key
from identity.difference import Cuts, Difference, Loading, complete, put, with_clusters
from identity.region import CUTS, JOINING, Region, kept_cut
from identity.resolve import Refusals, Resolution, resolve


def settle(
    region: Region, start: set[Key], cuts: Cuts, difference: Difference, *, explain_all: bool
) -> Loading:
    def cut(edge: Edge) -> RefusalRule | None:
        return cuts[edge.key] if edge.key in cuts else kept_cut(edge)

    def waits(edge: Edge) -> bool:
        pending = edge.status is EvidenceStatus.PENDING and edge.kind in JOINING
        return pending and edge.key not in cuts

    yield from complete(region, start)
    keys = clusters_of(region, start)
    while True:
        yield from close(region, keys)
        region.allow(len(keys), keys)
        resolution = resolve(region, keys, cut, waits)
        more = _drawn_in(region, resolution, cuts) - keys
        if not more:
            break
        yield from complete(region, more)
        keys |= clusters_of(region, more)
    _take(region, keys, resolution, difference)
    yield from _explain(region, keys, difference, explain_all=explain_all)


def close(region: Region, keys: set[Key]) -> Loading:
    """Adds the clusters that hold what a decision names beside one of the keys: which edge it makes
    depends on all of them."""
    while region.decisions.confirmed:
        named = {
            key
            for known in keys
            for decision in region.decisions.naming(known)
            for key in (*decision.left, *decision.right)
        } - keys
        yield from complete(region, named)
        more = clusters_of(region, {key for key in named if key in region.nodes})
        if not more:
            return
        keys |= more


def _drawn_in(region: Region, resolution: Resolution, cuts: Cuts) -> set[Key]:
    """The neighbours, over edges that are refused but not cut, of every cluster in which an edge that
    was joined no longer is."""
    lost = {region.nodes[end].anchor for key in _lost(region, resolution) for end in key[:2]}
    members = [key for anchor in lost if anchor is not None for key in region.clusters[anchor]]
    return {
        end.key
        for member in members
        for edge, end in region.ends(member)
        if edge.status is EvidenceStatus.REFUSED
        and edge.refused_by not in CUTS
        and cuts.get(edge.key) is None
    }


def _lost(region: Region, resolution: Resolution) -> list[EdgeKey]:
    refused = [
        key
        for key, (status, _) in resolution.status.items()
        if status is EvidenceStatus.REFUSED
        and (known := region.edges.get(key)) is not None
        and known.status is EvidenceStatus.JOINED
    ]
    return refused + [
        key
        for key in _gone(region, resolution)
        if region.edges[key].status is EvidenceStatus.JOINED
    ]


def _gone(region: Region, resolution: Resolution) -> list[EdgeKey]:
    """The edges of decisions that no decision makes any longer."""
    return [
        key
        for members in resolution.clusters.values()
        for member in members
        for key in region.evidence.get(member, ())
        if key[0] == member and key[2] is EvidenceKind.CONFIRMED and key not in resolution.confirmed
    ]


def _take(
    region: Region, keys: Iterable[Key], resolution: Resolution, difference: Difference
) -> None:
    """Writes the resolution into the region, and what became different into the difference."""
    before = {
        anchor: frozenset(region.clusters[anchor])
        for anchor in {region.nodes[key].anchor for key in keys}
        if anchor is not None
    }
    after = {anchor: frozenset(members) for anchor, members in resolution.clusters.items()}
    difference.before = {a: m for a, m in before.items() if after.get(a) != m}
    difference.after = {a: m for a, m in after.items() if before.get(a) != m}
    for anchor in difference.before:
        del region.clusters[anchor]
    for anchor, members in difference.after.items():
        region.clusters[anchor] = set(members)
        for key in members:
            region.nodes[key].anchor = anchor
        difference.nodes |= members
    _take_edges(region, resolution, difference)


def _take_edges(region: Region, resolution: Resolution, difference: Difference) -> None:
    for gone in _gone(region, resolution):
        region.drop_edge(gone)
        difference.gone_edges.add(gone)
    for edge in resolution.confirmed.values():
        known = region.edges.get(edge.key)
        if known is None or known.first_at != edge.first_at:
            region.put_edge(edge)
    for edge_key, (status, cut) in resolution.status.items():
        edge = region.edges[edge_key]
        if edge.status is not status or kept_cut(edge) != cut:
            put(region, edge, status, cut, difference)


def _explain(
    region: Region, keys: Iterable[Key], difference: Difference, *, explain_all: bool
) -> Loading:
    """Names the rule behind every refusal in which a changed cluster has a part."""
    changed = {key for members in difference.after.values() for key in members}
    refused = {
        edge.key: edge
        for key in keys
        for edge_key in region.evidence.get(key, ())
        if (edge := region.edges[edge_key]).status is EvidenceStatus.REFUSED
        and edge.refused_by not in CUTS
        and (explain_all or edge.refused_by is None or edge.a in changed or edge.b in changed)
    }
    yield from with_clusters(region, {end for edge_key in refused for end in edge_key[:2]})
    refusals = Refusals(region)
    for edge_key in sorted(refused):
        edge = refused[edge_key]
        rule = refusals.of(edge)
        if rule != edge.refused_by:
            put(region, edge, edge.status, rule, difference)


def clusters_of(region: Region, keys: Iterable[Key]) -> set[Key]:
    """All that is in one cluster with one of the keys."""
    found: set[Key] = set()
    for key in keys:
        found |= region.cluster_of(key)
    return found
