"""What goes into the local resolver, what it asks for, and what it answers."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from typing import TypeAlias

import msgspec

from graph_schema.model.evidence import Edge, EdgeKey, EvidenceStatus, RefusalRule, Seen
from graph_schema.model.identifier import Key
from graph_schema.model.rules import Namespace
from graph_schema.model.time import Micros
from identity.region import Region

Pair: TypeAlias = tuple[Key, Key]


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
    `nodes`: whose first sighting, status or cluster is other than it was. `edges`: likewise.
    `gone_edges`: those of decisions that are undone, or now join others. `waiting`: the
    pairs between which evidence was taken in and not resolved, since that takes more than may be read
    while others wait; (key, key) for an identifier that was but sighted."""

    before: dict[Key, frozenset[Key]] = {}
    after: dict[Key, frozenset[Key]] = {}
    nodes: set[Key] = set()
    edges: set[EdgeKey] = set()
    gone_edges: set[EdgeKey] = set()
    waiting: set[Pair] = set()


Absorbing: TypeAlias = Generator[Need, None, Difference]
Loading: TypeAlias = Generator[Need, None, None]
Cuts: TypeAlias = dict[EdgeKey, RefusalRule | None]


def complete(region: Region, keys: Collection[Key]) -> Loading:
    """Asks for the clusters of those that are known to the graph and not whole in the region. Raises
    TooLarge where that takes too much."""
    region.allow(len(keys))
    yield from with_clusters(region, keys)
    region.allow(whole=keys)


def with_clusters(region: Region, keys: Iterable[Key]) -> Loading:
    """The same where the clusters are enough: whatever it takes, and without the evidence of those that
    have too much."""
    region.asked.update(keys)
    missing = frozenset(
        key
        for key in keys
        if ((node := region.nodes.get(key)) is None or not (node.complete or node.crowded))
        and key not in region.unknown
    )
    if missing:
        yield Need(keys=missing)
        region.unknown.update(key for key in missing if key not in region.nodes)


def put(
    region: Region,
    edge: Edge,
    status: EvidenceStatus,
    refused_by: RefusalRule | None,
    difference: Difference,
) -> None:
    region.put_edge(msgspec.structs.replace(edge, status=status, refused_by=refused_by))
    difference.edges.add(edge.key)
