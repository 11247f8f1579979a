"""What waits for the background resolver."""

from __future__ import annotations

from graph_values import LOG, commit, delta

from graph_schema.model.evidence import Waiting
from graph_schema.store import GraphStore

FIRST = Waiting("a", "b", "m1", 10)
SECOND = Waiting("a", "c", "m2", 20)
ITSELF = Waiting("email:'é'@x.y", "email:'é'@x.y", "m3", 5)


async def test_the_oldest_comes_first(store: GraphStore) -> None:
    assert await store.waiting(9) == []
    await commit(store, delta(waiting=[SECOND, FIRST]), delta(waiting=[ITSELF]))
    assert await store.waiting(9) == [ITSELF, FIRST, SECOND]
    assert await store.waiting(2) == [ITSELF, FIRST]
    alike = [Waiting("b", "x", "m", 10), Waiting("a", "x", "m", 10)]
    await commit(store, delta(waiting=alike))
    assert await store.waiting(9) == [ITSELF, FIRST, alike[1], alike[0], SECOND]


async def test_a_pair_waits_once(store: GraphStore) -> None:
    await commit(store, delta(waiting=[FIRST, SECOND]))
    later = Waiting("a", "b", "m9", 90)
    await commit(store, delta(waiting=[later]))
    assert await store.waiting(9) == [SECOND, later]
    twice = [Waiting("a", "b", "m10", 91), Waiting("a", "b", "m11", 92)]
    await commit(store, delta(waiting=twice))
    assert await store.waiting(9) == [SECOND, twice[1]]


async def test_what_is_resolved_waits_no_longer(store: GraphStore) -> None:
    await commit(store, delta(waiting=[FIRST, SECOND, ITSELF]))
    await commit(store, delta(resolved=[("a", "b"), (ITSELF.a, ITSELF.b), ("b", "a"), ("x", "y")]))
    assert await store.waiting(9) == [SECOND]
    await commit(store, delta(waiting=[FIRST]))
    assert await store.waiting(9) == [FIRST, SECOND]


async def test_what_a_failed_batch_left_does_not_wait(store: GraphStore) -> None:
    try:
        async with store.batch(await store.checkpoint(0, LOG)) as batch:
            await batch.write(delta(waiting=[FIRST]))
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert await store.waiting(9) == []
