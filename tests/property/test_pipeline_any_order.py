"""Any permutation, duplication, delay and batching of the same events gives the same graph: identifiers,
profile ids, sessions, traits, counters, evidence, interactions. And the walk of `cdp check` finds all
of it to be what the events say. On every kind of graph store."""

from __future__ import annotations

import random

import pytest
from examples import numbers
from graphs import applied
from histories import history
from snapshots import differing
from stores import Kind

from graph_schema.model.event import Event

EXAMPLES = 200


def batches(rng: random.Random, events: list[Event]) -> list[list[Event]]:
    """Shuffled, some twice, cut anyhow."""
    shuffled = events + rng.sample(events, rng.randint(0, len(events)))
    rng.shuffle(shuffled)
    found: list[list[Event]] = [[]]
    for one in shuffled:
        if rng.random() < 0.3:
            found.append([])
        found[-1].append(one)
    return [batch for batch in found if batch]


@pytest.mark.parametrize("seed", range(EXAMPLES // 10))
async def test_any_order_gives_the_same_graph(store_kind: Kind, seed: int) -> None:
    for example in numbers("any order", store_kind):
        rng = random.Random(1000 * seed + example)
        events = history(rng)
        expected = await applied(store_kind, [events])
        assert expected["dangling"] == b"[]"
        one_by_one = await applied(store_kind, [events], batch_size=1)
        assert not differing(one_by_one, expected), (seed, example, "one by one")
        mixed = await applied(store_kind, batches(rng, events))
        assert not differing(mixed, expected), (seed, example, "mixed")
