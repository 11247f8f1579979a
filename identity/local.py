"""Resolving only what a new fact can change (identity.md, "Locally"), without I/O.

`absorb` is a generator: it yields what it `Need`s to have loaded into the region, and returns the
difference. Read the clusters at the ends of the changed evidence. If nothing that was joined is now
refused, that is the answer; a cluster that lost an edge, or had one displaced, draws in its
neighbours over refused edges, until none is new. Cut edges are never traversed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

import msgspec

from graph_schema.model.evidence import Edge, EdgeKey, EvidenceStatus, RefusalRule, Seen
from graph_schema.model.identifier import Key
from graph_schema.model.rules import Namespace, Role
from graph_schema.model.time import HALF_HOUR, Micros
from identity.region import Region
from identity.resolve import Resolution, cut_by, refusal, resolve

CUTS = frozenset({
    RefusalRule.BLOCKED, RefusalRule.BURNED, RefusalRule.SHARED, RefusalRule.DOMINANCE,
})  # fmt: skip


class Need(msgspec.Struct, frozen=True):
    """What must be in the region before `absorb` goes on: the whole clusters of `keys`, the half-hours
    of `edges`."""

    keys: frozenset[Key] = frozenset()
    edges: frozenset[EdgeKey] = frozenset()


class Noticed(msgspec.Struct, frozen=True):
    """A fact with what the graph knew of its half-hour: `known` is its earliest (at, mid) so far."""

    fact: Seen
    known: tuple[Micros, str] | None = None


class Sighted(msgspec.Struct, frozen=True):
    """An identifier that is new, or seen earlier than was known."""

    key: Key
    namespace: Namespace
    at: Micros


class Difference(msgspec.Struct):
    """The clusters that were and those that are, where they differ; by the keys of their anchors.
    `nodes`: whose first sighting, status or cluster is other than it was. `edges`: likewise."""

    before: dict[Key, frozenset[Key]] = {}
    after: dict[Key, frozenset[Key]] = {}
    nodes: set[Key] = set()
    edges: set[EdgeKey] = set()


Absorbing = Generator[Need, None, Difference]


def absorb(region: Region, noticed: Sequence[Noticed], sighted: Sequence[Sighted]) -> Absorbing:
    """Takes new facts into the region and resolves what they can change."""
    difference = Difference()
    yield from _complete(region, {end for n in noticed for end in (n.fact.a, n.fact.b)})
    yield from _complete(region, {s.key for s in sighted})
    touched = {end for n in noticed for end in (n.fact.a, n.fact.b)}
    _sight(region, sighted, difference)
    principals = {key: region.principal(key) for key in touched if _stands_for_another(region, key)}
    reordered = _note(region, noticed, difference)
    for key, principal in principals.items():
        if region.principal(key) != principal:
            # It counts for another person now: so may be whose the devices are it was seen on.
            touched |= {end for edge in region.evidence.get(key, ()) for end in edge[:2]}
    recut = yield from _judge(region, touched, difference)
    start = {end for key in reordered | recut for end in key[:2]}
    start |= {s.key for s in sighted}
    if start:
        yield from _settle(region, start, difference)
    return difference


def _sight(region: Region, sighted: Iterable[Sighted], difference: Difference) -> None:
    for sight in sighted:
        node = region.nodes.get(sight.key)
        if node is None:
            region.new(sight.key, sight.namespace, sight.at)
        elif sight.at < node.first_at:
            node.first_at = sight.at
        difference.nodes.add(sight.key)


def _stands_for_another(region: Region, key: Key) -> bool:
    """Whether it is an e-mail or phone, which counts for a user_id that it was seen with."""
    namespace = region.nodes[key].namespace
    return namespace.role is Role.PERSON and namespace.rank > 0


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


def _judge(
    region: Region, touched: set[Key], difference: Difference
) -> Generator[Need, None, set[EdgeKey]]:
    """Judges those identifiers anew; answers the edges whose cut is another now."""
    yield from _complete(region, touched)
    changed: set[EdgeKey] = set()
    for key in sorted(touched):
        node = region.nodes[key]
        if node.burned:
            continue
        if node.namespace.rank > 0 and region.users_seen(key) > region.rules.burned_above:
            node.burned = True
            difference.nodes.add(key)
        elif node.namespace.role is Role.DEVICE:
            yield from _prepare(region, key)
            found = region.judge(key)
            if found.shared != node.verdict.shared:
                difference.nodes.add(key)
            node.verdict = found
        else:
            continue
        changed |= _recut(region, key)
    return changed


def _prepare(region: Region, device: Key) -> Generator[Need, None, None]:
    """Loads what judging a device takes: its people's own evidence, and the half-hours if several."""
    persons = {person for _, person in region.people_edges(device)}
    yield from _complete(region, {key for key in persons if _stands_for_another(region, key)})
    people = region.people_edges(device)
    if len({region.principal(person) for _, person in people}) > 1:
        missing = frozenset(e.key for e, _ in people if e.key not in region.half_hours)
        if missing:
            yield Need(edges=missing)


def _recut(region: Region, key: Key) -> set[EdgeKey]:
    """The edges of an identifier whose cut is now another than their status says."""
    return {
        edge.key
        for edge in region.evidence_of(key)
        if cut_by(region, edge) != (edge.refused_by if edge.refused_by in CUTS else None)
    }


def _settle(region: Region, start: set[Key], difference: Difference) -> Generator[Need, None, None]:
    yield from _complete(region, start)
    keys = _clusters_of(region, start)
    while True:
        yield from _verdicts(region, keys)
        resolution = resolve(region, keys)
        more = _drawn_in(region, keys, resolution) - keys
        if not more:
            break
        yield from _complete(region, more)
        keys |= _clusters_of(region, more)
    _take(region, keys, resolution, difference)
    yield from _explain(region, keys, difference)


def _verdicts(region: Region, keys: set[Key]) -> Generator[Need, None, None]:
    """Nodes are stored without whose device they are: judge those that came in with clusters."""
    for key in sorted(keys):
        node = region.nodes[key]
        judged = node.verdict.principal is not None or node.verdict.shared or node.burned
        if node.namespace.role is Role.DEVICE and not judged:
            yield from _prepare(region, key)
            node.verdict = region.judge(key)


def _drawn_in(region: Region, keys: set[Key], resolution: Resolution) -> set[Key]:
    """The neighbours, over edges that are refused but not cut, of every cluster in which an edge that
    was joined no longer is."""
    lost = {
        region.nodes[end].anchor
        for key, (status, _) in resolution.status.items()
        if region.edges[key].status is EvidenceStatus.JOINED and status is not EvidenceStatus.JOINED
        for end in key[:2]
    }
    members = [key for anchor in lost if anchor is not None for key in region.clusters[anchor]]
    return {
        end
        for member in members
        for edge in region.evidence_of(member)
        if edge.status is EvidenceStatus.REFUSED and edge.refused_by not in CUTS
        for end in (edge.a, edge.b)
    }


def _take(region: Region, keys: set[Key], resolution: Resolution, difference: Difference) -> None:
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
    for edge_key, (status, refused_by) in resolution.status.items():
        edge = region.edges[edge_key]
        known = None if edge.refused_by not in CUTS else edge.refused_by
        if (edge.status, known) != (status, refused_by):
            _put(region, edge, status, refused_by, difference)


def _explain(region: Region, keys: set[Key], difference: Difference) -> Generator[Need, None, None]:
    """Names the rule behind every refusal that the region's clusters have a part in."""
    refused = {
        edge.key
        for key in keys
        for edge in region.evidence_of(key)
        if edge.status is EvidenceStatus.REFUSED and edge.refused_by not in CUTS
    }
    yield from _complete(region, {end for edge_key in refused for end in edge_key[:2]})
    for edge_key in sorted(refused):
        edge = region.edges[edge_key]
        rule = refusal(region, edge)
        if rule != edge.refused_by:
            _put(region, edge, edge.status, rule, difference)


def _put(
    region: Region,
    edge: Edge,
    status: EvidenceStatus,
    refused_by: RefusalRule | None,
    difference: Difference,
) -> None:
    region.edges[edge.key] = msgspec.structs.replace(edge, status=status, refused_by=refused_by)
    difference.edges.add(edge.key)


def _clusters_of(region: Region, keys: Iterable[Key]) -> set[Key]:
    found: set[Key] = set()
    for key in keys:
        anchor = region.nodes[key].anchor
        found |= region.clusters[anchor] if anchor is not None else {key}
    return found


def _complete(region: Region, keys: Iterable[Key]) -> Generator[Need, None, None]:
    """Asks for the clusters of those that are known to the graph and not whole in the region."""
    missing = frozenset(
        key for key in keys if (node := region.nodes.get(key)) is None or not node.complete
    )
    if missing:
        yield Need(keys=missing)
