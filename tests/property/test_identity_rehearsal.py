"""A rehearsal tells what resolving everything by the other rules does."""

from __future__ import annotations

import random

import msgspec
import networkx as nx
import pytest
from evidence_worlds import World, tight_rules

from graph_schema.model.change import ChangeKind
from graph_schema.model.evidence import EvidenceKind, RefusalRule, Seen
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import IdentityRules
from identity.batch import EvidenceTable, rehearse
from identity.blocked import Blocked
from identity.book import EvidenceBook
from identity.local import Sighted
from identity.whole import resolve_all

Clusters = set[frozenset[Key]]


def clusters(
    facts: list[Seen], sighted: list[Sighted], rules: IdentityRules, decided: list
) -> Clusters:
    """Without what the rules block."""
    blocked = Blocked(rules)
    gone = {s.key for s in sighted if blocked(parse_key(s.key)[2])}
    kept = [f for f in facts if f.a not in gone and f.b not in gone]
    seen = [
        Sighted(s.key, rules.namespace(parse_key(s.key)[0]), s.at)
        for s in sighted
        if s.key not in gone
    ]
    found = resolve_all(kept, seen, rules, decided).clusters
    return {frozenset(members) for members in found.values()}


def by_hand(before: Clusters, after: Clusters) -> list[tuple[ChangeKind, Clusters, Clusters]]:
    graph = nx.Graph()
    for side, found in (("before", before), ("after", after)):
        for cluster in found:
            graph.add_node((side, cluster))
            graph.add_edges_from(((side, cluster), key) for key in cluster)
    changes = []
    for part in nx.connected_components(graph):
        olds = {c for side, c in (n for n in part if isinstance(n, tuple)) if side == "before"}
        news = {c for side, c in (n for n in part if isinstance(n, tuple)) if side == "after"}
        if olds == news:
            continue
        lost = set().union(*olds) - set().union(*news)
        kind = ChangeKind.MOVE
        if not lost and len(news) == 1:
            kind = ChangeKind.MERGE
        elif not lost and len(olds) == 1:
            kind = ChangeKind.SPLIT
        changes.append((kind, olds, news))
    return changes


@pytest.mark.parametrize("seed", range(120))
def test_it_is_what_applying_the_rules_does(seed: int) -> None:
    rng = random.Random(seed)
    rules, others = tight_rules(rng), tight_rules(rng)
    if rng.random() < 0.4:
        others = msgspec.structs.replace(others, blocked=("u1", "a0", "e0"))
    if rng.random() < 0.5:
        others = msgspec.structs.replace(others, dominant_from=0.55, dominant_until=0.3)
    world = World(rng, rules, deciding=rng.choice([0, 0.1]))
    book = EvidenceBook(rules)
    facts, sighted, decided = [], [], []
    for seen, sights, decisions in world.steps(book, 60):
        facts += seen
        sighted += sights
        decided += decisions
        book.decisions += decisions
    first_seen: dict[Key, int] = {}
    for sight in sighted:
        first_seen[sight.key] = min(first_seen.get(sight.key, sight.at), sight.at)
    table = EvidenceTable.of(facts, first_seen)
    found = rehearse(table, rules, others, decided, lambda key: f"p {key}", examples=10_000)
    before = clusters(facts, sighted, rules, decided)
    after = clusters(facts, sighted, others, decided)
    assert (found.profiles_before, found.profiles_after) == (len(before), len(after))
    told = {
        (
            change.kind,
            frozenset(frozenset(part.identifiers) for part in change.before),
            frozenset(frozenset(part.identifiers) for part in change.after),
        )
        for change in found.examples
    }
    expected = by_hand(before, after)
    assert told == {(kind, frozenset(olds), frozenset(news)) for kind, olds, news in expected}
    kinds = [kind for kind, _, _ in expected]
    counted = {
        ChangeKind.MERGE: found.merges, ChangeKind.SPLIT: found.splits, ChangeKind.MOVE: found.moves,
    }  # fmt: skip
    assert counted == {kind: kinds.count(kind) for kind in counted}
    sizes = [sum(len(part.identifiers) for part in change.before) for change in found.examples]
    assert sizes == sorted(sizes, reverse=True)


def test_the_rule_that_takes_apart_is_named_and_the_largest_come_first() -> None:
    facts = [
        Seen(f"anonymous_id:a{i}", "user_id:u", EvidenceKind.LOGIN, i, i * 1_800_000_000, f"m{i}")
        for i in range(4)
    ]
    first_seen = {"user_id:u": 0, **{f"anonymous_id:a{i}": i for i in range(4)}}
    table = EvidenceTable.of(facts, first_seen)
    tight = msgspec.structs.replace(IdentityRules(), size_cap=2)
    found = rehearse(table, IdentityRules(), tight, (), str, examples=1)
    assert (found.profiles_before, found.profiles_after) == (1, 4)
    assert (found.merges, found.splits, found.moves) == (0, 1, 0)
    assert found.examples[0].rule is RefusalRule.SIZE


def test_nothing_changes_by_the_same_rules() -> None:
    table = EvidenceTable.of([], {"user_id:u": 1})
    found = rehearse(table, IdentityRules(), IdentityRules(), (), str, examples=5)
    assert (found.merges, found.splits, found.moves, found.examples) == (0, 0, 0, ())
