"""Resolving only what new facts can change (identity.md, "Locally"), without I/O.

`absorb` is a generator: it yields what it `Need`s to have loaded into the region, and returns the
difference. What new facts cut or uncut is found first, from the own evidence of what they name. Then
the clusters at the ends of the changed evidence are resolved. If nothing that was joined is now
refused, that is the answer; a cluster that lost an edge, or had one displaced, draws in its
neighbours over refused edges, until none is new. Cut edges are never traversed.

Why that is enough: edges only ever move forward in the order, and where every edge that was joined
still joins or is redundant, each cluster is at each turn a superset of what it was, so that what was
forbidden to it still is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from graph_schema.model.evidence import Decision, Edge, EdgeKey, EvidenceStatus
from graph_schema.model.identifier import Key
from graph_schema.model.time import HALF_HOUR
from identity.difference import (
    Absorbing,
    Cuts,
    Difference,
    Loading,
    Need,
    Noticed,
    Sighted,
    complete,
    put,
)
from identity.region import Region, kept_cut
from identity.resolve import anchor_of, cut_by
from identity.settle import settle
from identity.touched import Touched

__all__ = ["Absorbing", "Difference", "Need", "Noticed", "Sighted", "absorb"]


def absorb(
    region: Region,
    noticed: Sequence[Noticed],
    sighted: Sequence[Sighted],
    decided: Sequence[Decision] = (),
) -> Absorbing:
    """Takes new facts, and new decisions or undoings, into the region and resolves what they can
    change. The region knows all earlier decisions."""
    difference = Difference()
    if not (noticed or decided or region.decisions.confirmed):
        yield from complete(region, [s.key for s in sighted])
        _sight(region, sighted, difference)
        _anchor(region, difference)
        return difference
    decisions = region.decisions.and_also(decided) if decided else region.decisions
    ends = {end for n in noticed for end in (n.fact.a, n.fact.b)}
    touched = Touched(region, ends | {s.key for s in sighted}, decisions, decided)
    yield from complete(region, touched.keys)
    yield from complete(region, touched.widen())
    touched.remember()
    region.decisions = decisions
    _sight(region, sighted, difference)
    reordered = _note(region, noticed, difference)
    burned = _burn(region, ends, difference)
    devices = touched.devices(ends, burned)
    yield from judge(region, devices, difference)
    cuts = _cuts(region, devices | burned, reordered)
    start = _start(region, reordered, cuts, difference)
    start |= {key for key in touched.resolved if key in region.nodes}
    start |= {s.key for s in sighted}
    start |= {key for key in difference.nodes if region.decisions.naming(key)}
    if start:
        yield from settle(region, start, cuts, difference, explain_all=bool(decided))
    return difference


# ── taking facts in ────────────────────────────────────────────────────────────────────────────


def _sight(region: Region, sighted: Iterable[Sighted], difference: Difference) -> None:
    for sight in sighted:
        node = region.nodes.get(sight.key)
        if node is None:
            region.new(sight.key, sight.namespace, sight.at)
        elif sight.at < node.first_at:
            node.first_at = sight.at
        difference.nodes.add(sight.key)


def _anchor(region: Region, difference: Difference) -> None:
    """Without new evidence a sighting can but make a cluster of one, or move an anchor."""
    for key in tuple(difference.nodes):
        node = region.nodes[key]
        members = region.cluster_of(key)
        anchor = anchor_of([region.nodes[member] for member in members])
        if anchor == node.anchor:
            continue
        if node.anchor is not None:
            difference.before[node.anchor] = frozenset(members)
            del region.clusters[node.anchor]
        region.clusters[anchor] = members
        difference.after[anchor] = frozenset(members)
        difference.nodes |= members
        for member in members:
            region.nodes[member].anchor = anchor


def _note(region: Region, noticed: Iterable[Noticed], difference: Difference) -> set[EdgeKey]:
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


# ── cuts ───────────────────────────────────────────────────────────────────────────────────────


def _burn(region: Region, keys: Iterable[Key], difference: Difference) -> set[Key]:
    """Burns what was seen with too many users; answers those."""
    burned = set()
    for key in keys:
        node = region.nodes[key]
        if not (node.user or node.burned) and region.users_seen(key) > region.rules.burned_above:
            node.burned = True
            burned.add(key)
    difference.nodes |= burned
    return burned


def judge(region: Region, devices: Collection[Key], difference: Difference) -> Loading:
    """Whose each device is: shared, or whom it admits."""
    yield from complete(region, devices)
    for key in sorted(devices):
        node = region.nodes[key]
        if node.burned:
            continue
        yield from _prepare(region, key)
        shared, node.admits = region.judge(key)
        if shared != node.shared:
            node.shared = shared
            difference.nodes.add(key)


def _prepare(region: Region, device: Key) -> Loading:
    """Loads what judging a device takes: its people's own evidence, and the half-hours if several."""
    people = {end.key for _, end in region.ends(device) if end.person and not end.user}
    people.update(key for side in region.decisions.claims(device) for key in side)
    people.update(
        key
        for person in tuple(people)
        for decision in region.decisions.naming(person)
        for key in (*decision.left, *decision.right)
    )
    yield from complete(region, people)
    seen = region.people_of(device)
    if len({region.principal(person.key) for _, person in seen}) > 1:
        missing = frozenset(e.key for e, _ in seen if e.key not in region.half_hours)
        if missing:
            yield Need(edges=missing)


def _cuts(region: Region, judged: Iterable[Key], reordered: Iterable[EdgeKey]) -> Cuts:
    """The cut of every edge of what was judged, and of the new ones."""
    edges = {key for node in judged for key in region.evidence.get(node, ())} | set(reordered)
    return {key: cut_by(region, region.edges[key]) for key in edges}


def _start(
    region: Region, reordered: Iterable[EdgeKey], cuts: Cuts, difference: Difference
) -> set[Key]:
    """Where clusters can change: at edges that are new, earlier or no longer cut, and at those that
    joined and are cut now. Any other edge that is cut needs but its new name."""
    start = {end for key in reordered if cuts[key] is None for end in key[:2]}
    for key, cut in cuts.items():
        edge = region.edges[key]
        if cut == kept_cut(edge):
            continue
        if cut is None or edge.status is EvidenceStatus.JOINED:
            start.update(key[:2])
        else:
            put(region, edge, EvidenceStatus.REFUSED, cut, difference)
    return start
