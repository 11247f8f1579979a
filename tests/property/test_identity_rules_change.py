"""Rules change while events come: once everybody is resolved anew, all is as resolving everything by the
new rules would make it."""

from __future__ import annotations

import random

import msgspec
import pytest
from evidence_worlds import World, assert_equal, assert_whole_partition, tight_rules

from graph_schema.model.identifier import parse_key
from graph_schema.model.rules import IdentityRules
from identity.book import EvidenceBook
from identity.local import Sighted
from identity.whole import resolve_all


def other_rules(rng: random.Random, version: int) -> IdentityRules:
    share = rng.choice([0.6, 0.7, 0.9])
    return msgspec.structs.replace(
        tight_rules(rng), version=version, dominant_from=share, dominant_until=share - 0.2
    )


def by_rules(sights: list[Sighted], rules: IdentityRules) -> list[Sighted]:
    return [Sighted(s.key, rules.namespace(parse_key(s.key)[0]), s.at) for s in sights]


@pytest.mark.parametrize("seed", range(60))
def test_changed_rules_equal_the_whole(seed: int) -> None:
    """200 steps for each seed; a walk of some identifiers at a time goes on between the events, and the
    rules change again in the middle of it."""
    rng = random.Random(seed)
    taken = met = 0
    while taken < 200:
        rules = other_rules(rng, 1)
        most = rng.choice([None, None, 3, 6])
        book, sighted = EvidenceBook(rules, most), []
        world = World(rng, rules, rng.choice([0.0, 0.15]))
        region = book.region()
        for star, sights, decided in world.steps(book, rng.randint(20, 60)):
            if rng.random() < 0.06:
                rules = other_rules(rng, rules.version + 1)
                book.change_rules(rules)
                world.rules = rules
                region = book.region()
            sights = by_rules(sights, rules)
            book.take(star, sights, decided, None if decided else region)
            sighted += sights
            taken += 1
            assert_whole_partition(book)
            old = book.outdated()
            met += bool(old)
            if decided or rng.random() < 0.3:
                region = book.region()
            if old and rng.random() < 0.4:
                book.resolve_anew(rng.sample(old, min(len(old), rng.randint(1, 3))))
                region = book.region()
                assert_whole_partition(book)
        while old := book.outdated():
            book.resolve_anew(rng.sample(old, min(len(old), 2)))
        while book.waiting:
            book.resolve_waiting(set(book.waiting))
        whole = resolve_all(book.facts(), by_rules(sighted, rules), rules, book.decisions)
        assert_equal(book, whole, (seed, taken))
    assert met
