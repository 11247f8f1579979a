"""What resolving everything promises for any evidence: no order, a forest, limits, cuts."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.model.evidence import EvidenceKind, EvidenceStatus, Seen
from graph_schema.model.identifier import IdentifierStatus, parse_key
from graph_schema.model.rules import DEFAULT_NAMESPACES, IdentityRules, Namespace
from graph_schema.model.time import HALF_HOUR
from identity.local import Sighted
from identity.region import Region
from identity.resolve import anchor_of
from identity.whole import resolve_all

RULES = IdentityRules(
    burned_above=2,
    size_cap=5,
    namespaces=tuple(
        Namespace(n.name, n.rank, n.role, min(n.limit, 2)) for n in DEFAULT_NAMESPACES
    ),
)
KEYS = [
    *(f"user_id:u{i}" for i in range(4)), "email:e0", "email:e1", "phone:p0", "device_id:d0",
    *(f"anonymous_id:a{i}" for i in range(3)), "crm:x0",
]  # fmt: skip
PAIRS = [tuple(sorted(pair)) for pair in combinations(KEYS, 2)]


@st.composite
def facts(draw: st.DrawFn) -> list[Seen]:
    kinds = st.sampled_from([EvidenceKind.LOGIN, EvidenceKind.LOGIN, EvidenceKind.ALIAS])
    told = draw(st.lists(st.tuples(st.sampled_from(PAIRS), kinds, st.integers(0, 60)), max_size=30))
    return [
        Seen(*pair, kind, at // 4, at // 4 * HALF_HOUR + at % 4, f"m{i}")
        for i, (pair, kind, at) in enumerate(told)
    ]


def resolved(seen: list[Seen]) -> Region:
    sighted = [
        Sighted(key, RULES.namespace(parse_key(key)[0]), fact.at)
        for fact in seen
        for key in (fact.a, fact.b)
    ]
    return resolve_all(seen, sighted, RULES)


@given(facts(), st.randoms(use_true_random=False), st.integers(0, 5))
def test_order_and_repetition_do_not_matter(seen: list[Seen], rng: object, again: int) -> None:
    shuffled = seen + seen[:again]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = resolved(seen), resolved(shuffled)
    assert one.clusters == other.clusters
    assert one.edges == other.edges
    assert {k: n.status for k, n in one.nodes.items()} == {
        k: n.status for k, n in other.nodes.items()
    }


@given(facts())
def test_what_joined_is_a_spanning_forest_of_the_clusters(seen: list[Seen]) -> None:
    region = resolved(seen)
    forest = nx.Graph()
    forest.add_nodes_from(region.nodes)
    joined = [e for e in region.edges.values() if e.status is EvidenceStatus.JOINED]
    forest.add_edges_from((edge.a, edge.b) for edge in joined)
    components = {frozenset(part) for part in nx.connected_components(forest)}
    assert components == {frozenset(members) for members in region.clusters.values()}
    assert len(joined) == len(region.nodes) - len(components)


@given(facts())
def test_every_cluster_keeps_the_limits_and_has_its_least_as_anchor(seen: list[Seen]) -> None:
    region = resolved(seen)
    for anchor, members in region.clusters.items():
        nodes = [region.nodes[key] for key in members]
        held = Counter(node.namespace.name for node in nodes)
        assert all(count <= RULES.namespace(name).limit for name, count in held.items())
        assert len(members) <= RULES.size_cap
        assert anchor == anchor_of(nodes)
        assert {node.anchor for node in nodes} == {anchor}


@given(facts())
def test_every_state_of_the_evidence_is_true_of_the_clusters(seen: list[Seen]) -> None:
    region = resolved(seen)
    for edge in region.edges.values():
        together = region.nodes[edge.a].anchor == region.nodes[edge.b].anchor
        if edge.status is EvidenceStatus.REFUSED:
            assert edge.refused_by is not None
        else:
            assert together
            assert edge.refused_by is None


@given(facts())
def test_what_is_shared_or_burned_stands_alone(seen: list[Seen]) -> None:
    region = resolved(seen)
    for key, node in region.nodes.items():
        if node.status is not IdentifierStatus.ACTIVE:
            assert region.cluster_of(key) == {key}
