"""Spellings of one address, by a rule: evidence like any other. The order of events makes no difference,
the three resolvers agree, and a dry run tells what switching the rule on, or off, does."""

from __future__ import annotations

import random
from typing import TypeAlias

import pytest
from evidence_worlds import tight_rules
from graphs import applied, opened
from histories import history
from snapshots import differing
from spellings import SPELLINGS, with_spellings
from stores import SQLITE, Kind

from graph_schema.model.event import Event
from graph_schema.model.evidence import EvidenceKind, Seen
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import IdentityRules, is_canonical
from identity import evidence
from identity.batch import EvidenceTable, rehearse, resolve_table
from identity.book import EvidenceBook
from identity.local import Sighted
from identity.normalise import Normaliser
from identity.whole import resolve_all

Clusters: TypeAlias = set[frozenset[Key]]


def rules_of(rng: random.Random) -> IdentityRules:
    return IdentityRules() if rng.random() < 0.4 else tight_rules(rng)


def said(events: list[Event], rules: IdentityRules) -> tuple[list[Seen], list[Sighted]]:
    """The facts and sightings of events, by rules."""
    normaliser, facts, sighted = Normaliser(rules), [], []
    for event in events:
        names = normaliser.names(event)
        facts += evidence.star(event, names)
        sighted += [
            Sighted(name.key, name.namespace, event.at)
            for name in names.with_forms
            if not name.blocked
        ]
    return facts, sighted


def table_of(facts: list[Seen], sighted: list[Sighted]) -> EvidenceTable:
    first_seen: dict[Key, int] = {}
    for sight in sighted:
        first_seen[sight.key] = min(first_seen.get(sight.key, sight.at), sight.at)
    return EvidenceTable.of(facts, first_seen)


def named(clusters: dict[Key, set[Key]]) -> Clusters:
    """Without the forms."""
    kept = (
        frozenset(key for key in members if not is_canonical(parse_key(key)[0]))
        for members in clusters.values()
    )
    return {members for members in kept if members}


@pytest.mark.parametrize("seed", range(20))
async def test_any_order_gives_the_same_graph(seed: int, store_kind: Kind) -> None:
    for example in range(0, 4, min(4, store_kind.thinning)):
        rng = random.Random(31_000 + 10 * seed + example)
        rules = with_spellings(rules_of(rng))
        events = history(rng, SPELLINGS)
        while not any("email" in event.traits for event in events):
            events = history(rng, SPELLINGS)
        expected = await applied(store_kind, [events], rules=rules)
        assert b"~canonical" in b"".join(expected.values())
        rng.shuffle(events)
        half = len(events) // 2
        mixed = [events[:half], events[half // 2 :]]
        again = await applied(store_kind, mixed, batch_size=7, rules=rules)
        assert not differing(again, expected), (seed, example)


@pytest.mark.parametrize("seed", range(120))
def test_the_resolvers_agree(seed: int) -> None:
    rng = random.Random(32_000 + seed)
    rules = with_spellings(rules_of(rng))
    events = history(rng, SPELLINGS)
    rng.shuffle(events)
    facts, sighted = said(events, rules)
    whole = resolve_all(facts, sighted, rules)
    table = resolve_table(table_of(facts, sighted), rules)
    assert table.clusters() == whole.clusters
    assert table.statuses() == {key: node.status for key, node in whole.nodes.items()}
    assert table.all_edges() == whole.edges
    book = EvidenceBook(rules)
    for event in events:
        book.take(*said([event], rules))
    assert book.clusters == whole.clusters
    assert book.edges == whole.edges


@pytest.mark.parametrize("seed", range(120))
def test_a_dry_run_tells_what_the_rule_does_and_what_its_end_does(seed: int) -> None:
    rng = random.Random(33_000 + seed)
    off = rules_of(rng)
    on = with_spellings(off)
    events = history(rng, SPELLINGS)
    whole = {rules: resolve_all(*said(events, rules), rules) for rules in (off, on)}
    for rules, others in ((off, on), (on, off)):
        table = table_of(*said(events, rules))
        found = rehearse(table, rules, others, (), str, examples=1_000)
        before, after = named(whole[rules].clusters), named(whole[others].clusters)
        assert (found.profiles_before, found.profiles_after) == (len(before), len(after))
        told_before = {frozenset(p.identifiers) for c in found.examples for p in c.before}
        told_after = {frozenset(p.identifiers) for c in found.examples for p in c.after}
        assert before - after <= told_before <= before
        assert after - before <= told_after <= after
        untouched = before & after - told_before
        assert untouched | told_after == after


async def test_a_graph_without_the_rule_never_heard_of_it() -> None:
    """The same log by other rules: nothing is left of the forms."""
    rng = random.Random(5)
    events = history(rng, SPELLINGS)
    async with SQLITE.empty() as place, opened(place.store()) as graph:
        await graph.take(*events)
        await graph.work()
        edges = [edge async for chunk in graph.store.walk_edges(100) for edge in chunk]
        assert EvidenceKind.EQUIVALENT not in {edge.kind for edge in edges}
        found = [i async for chunk in graph.store.walk_identifiers(100) for i in chunk]
        assert not any(is_canonical(i.namespace) for i in found)
