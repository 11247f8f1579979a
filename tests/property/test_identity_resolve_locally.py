"""The local re-resolve gives what resolving everything gives, after every step of random histories."""

from __future__ import annotations

import random

import pytest
from evidence_worlds import World, assert_equal, assert_whole_partition, tight_rules

from identity.book import EvidenceBook
from identity.whole import resolve_all


@pytest.mark.parametrize("seed", range(40))
def test_local_equals_whole(seed: int) -> None:
    """500 steps for each seed, 20,000 in all: half of the histories with decisions and undoings, half
    of them in one region that stays, as in one batch."""
    rng = random.Random(seed)
    taken = 0
    while taken < 500:
        rules = tight_rules(rng)
        book, sighted = EvidenceBook(rules), []
        region = book.region() if rng.random() < 0.5 else None
        world = World(rng, rules, rng.choice([0.0, 0.2]))
        for star, sights, decided in world.steps(book, rng.randint(5, 60)):
            book.take(star, sights, decided, region)
            sighted += sights
            whole = resolve_all(book.facts(), sighted, rules, book.decisions)
            assert_equal(book, whole, (seed, taken, star, decided))
            taken += 1


@pytest.mark.parametrize("seed", range(30))
def test_neither_order_nor_repetition_matters(seed: int) -> None:
    """Whatever comes in any order, some of it twice, gives the same clusters, edges and states."""
    rng = random.Random(seed)
    rules = tight_rules(rng)
    first = EvidenceBook(rules)
    steps = []
    for step in World(rng, rules, 0.1).steps(first, 40):
        first.take(*step)
        steps.append(step)
    events = [step for step in steps if not step[2]]
    decisions = [step for step in steps if step[2]]
    again = EvidenceBook(rules)
    shuffled = rng.sample(events, len(events)) + rng.choices(events, k=5)
    for place, decision in enumerate(decisions):
        shuffled.insert(rng.randint(place, len(shuffled)), decision)
    recorded = sorted((step for step in shuffled if step[2]), key=lambda step: step[2][0].rec)
    in_order = iter(recorded)
    for step in shuffled:
        again.take(*(next(in_order) if step[2] else step))
    assert (again.clusters, again.edges) == (first.clusters, first.edges)
    assert {k: i.status for k, i in again.identifiers.items()} == {
        k: i.status for k, i in first.identifiers.items()
    }


@pytest.mark.parametrize("seed", range(40))
def test_what_is_set_aside_comes_out_the_same(seed: int) -> None:
    """However little may be read at once, and whenever the rest is resolved, some of it at a time: in
    the end all is as if it had been resolved at once, and meanwhile it hangs together."""
    rng = random.Random(seed)
    taken = waited = 0
    while taken < 300:
        rules = tight_rules(rng)
        book, sighted = EvidenceBook(rules, most=rng.choice([1, 2, 3, 6])), []
        world = World(rng, rules, rng.choice([0.0, 0.0, 0.1]))
        region = book.region()
        for star, sights, decided in world.steps(book, rng.randint(5, 60)):
            book.take(star, sights, decided, None if decided else region)
            sighted += sights
            taken += 1
            waited += bool(book.waiting)
            assert_whole_partition(book)
            if decided or rng.random() < 0.3:
                region = book.region()  # as between batches
            if book.waiting and rng.random() < 0.2:
                some = rng.sample(sorted(book.waiting), rng.randint(1, len(book.waiting)))
                book.resolve_waiting(set(some))
                region = book.region()
        while book.waiting:
            book.resolve_waiting({min(book.waiting)} if rng.random() < 0.3 else set(book.waiting))
        whole = resolve_all(book.facts(), sighted, rules, book.decisions)
        assert_equal(book, whole, (seed, taken))
    assert waited
