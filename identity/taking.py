"""Taking facts into a region, before anything is made of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from graph_schema.model.evidence import Edge, EdgeKey
from graph_schema.model.identifier import Key
from graph_schema.model.time import HALF_HOUR
from identity.difference import Difference, Noticed, Sighted
from identity.region import Region
from identity.resolve import anchor_of


def sight(region: Region, sighted: Iterable[Sighted], difference: Difference) -> None:
    for sight in sighted:
        node = region.nodes.get(sight.key)
        if node is None:
            region.new(sight.key, sight.namespace, sight.at)
        elif sight.at < node.first_at:
            node.first_at = sight.at
        difference.nodes.add(sight.key)


def anchor(region: Region, keys: Iterable[Key], difference: Difference) -> None:
    """Without new evidence a sighting can but make a cluster of one, or move an anchor."""
    for key in keys:
        node = region.nodes[key]
        members = region.cluster_of(key)
        now = anchor_of([region.nodes[member] for member in members])
        if now == node.anchor:
            continue
        if node.anchor is not None:
            difference.before[node.anchor] = frozenset(members)
            del region.clusters[node.anchor]
        region.clusters[now] = members
        difference.after[now] = frozenset(members)
        difference.nodes |= members
        for member in members:
            region.nodes[member].anchor = now


def note(region: Region, noticed: Iterable[Noticed], difference: Difference) -> set[EdgeKey]:
    """Takes facts into their edges; answers the edges that are new or stand elsewhere in the order."""
    reordered = set()
    for news in noticed:
        fact = news.fact
        key: EdgeKey = (fact.a, fact.b, fact.kind)
        known = region.edges.get(key)
        region.put_edge(_counted(known, news))
        if known is None or fact.at < known.first_at:
            reordered.add(key)
        if known is None:
            region.half_hours[key] = {}
        if key in region.half_hours:
            region.half_hours[key][fact.half_hour] = (fact.at, fact.mid)
        difference.edges.add(key)
    return reordered


def _counted(known: Edge | None, news: Noticed) -> Edge:
    fact = news.fact
    if known is None:
        return Edge(fact.a, fact.b, fact.kind, 1, fact.at, fact.at)
    last_at = max(known.last_at, fact.at)
    if news.known is not None and known.last_at // HALF_HOUR == fact.half_hour:
        last_at = fact.at
    return msgspec.structs.replace(
        known,
        count=known.count + (news.known is None),
        first_at=min(known.first_at, fact.at),
        last_at=last_at,
    )
