"""A whole table resolved at once gives what resolving fact by fact gives, with decisions among them."""

from __future__ import annotations

import random

import pytest
from evidence_worlds import World, tight_rules

from graph_schema.model.evidence import Seen
from graph_schema.model.identifier import Key
from graph_schema.model.rules import IdentityRules
from identity.batch import EvidenceTable, resolve_table
from identity.book import EvidenceBook
from identity.whole import resolve_all


@pytest.mark.parametrize("seed", range(150))
def test_a_table_is_resolved_as_the_rule_resolves_it(seed: int) -> None:
    rng = random.Random(seed)
    rules = tight_rules(rng)
    world = World(rng, rules, deciding=rng.choice([0, 0, 0.05, 0.15]))
    book = EvidenceBook(rules)
    facts: list[Seen] = []
    sighted = []
    decided = []
    for seen, sights, decisions in world.steps(book, rng.randint(1, 60)):
        facts += seen
        sighted += sights
        decided += decisions
        book.decisions += decisions
    first_seen: dict[Key, int] = {}
    for sight in sighted:
        first_seen[sight.key] = min(first_seen.get(sight.key, sight.at), sight.at)
    whole = resolve_all(facts, sighted, rules, decided)
    rng.shuffle(facts)
    table = resolve_table(EvidenceTable.of(facts + facts[:3], first_seen), rules, decided)
    assert table.clusters() == whole.clusters
    assert table.statuses() == {key: node.status for key, node in whole.nodes.items()}
    assert table.all_edges() == whole.edges


def test_no_evidence_at_all() -> None:
    nothing = resolve_table(EvidenceTable.of([], {}), IdentityRules())
    assert nothing.clusters() == {}
    alone = resolve_table(EvidenceTable.of([], {"user_id:u": 3}), IdentityRules())
    assert alone.clusters() == {"user_id:u": {"user_id:u"}}
