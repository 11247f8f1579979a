"""Partitions are held by one worker at a time; an event remembers its place in the log."""

from __future__ import annotations

import msgspec
import pytest
from graph_values import LOG, REC, commit, delta, new_event, people

from graph_schema.errors import Fenced
from graph_schema.store import Checkpoint, GraphStore


async def test_a_partition_is_held_until_it_is_given_back(store: GraphStore) -> None:
    free = await store.checkpoint(0, LOG)
    held = await store.hold(free, "w1", 500)
    assert held == Checkpoint(0, LOG, owner="w1", until=500)
    assert await store.checkpoints() == [held]
    back = await store.hold(held, "", 0)
    assert await store.checkpoint(0, LOG) == back == free


async def test_who_expects_another_owner_gets_nothing(store: GraphStore) -> None:
    free = await store.checkpoint(0, LOG)
    held = await store.hold(free, "w1", 500)
    with pytest.raises(Fenced) as refused:
        await store.hold(free, "w2", 600)
    assert refused.value.fields == {"partition": 0}
    assert await store.checkpoints() == [held]
    with pytest.raises(Fenced):
        await store.hold(msgspec.structs.replace(held, partition=7), "w2", 600)


async def test_taking_over_expects_the_owner_and_not_the_position(store: GraphStore) -> None:
    held = await store.hold(await store.checkpoint(0, LOG), "w1", 500)
    async with store.batch(held) as batch:
        await batch.write(people("p1"))
        await batch.advance(3, REC)
    taken = await store.hold(held, "w2", 900)
    assert taken == Checkpoint(0, LOG, 3, REC, owner="w2", until=900)
    assert await store.checkpoint(0, LOG) == taken


async def test_who_lost_the_partition_writes_nothing(store: GraphStore) -> None:
    mine = await store.hold(await store.checkpoint(0, LOG), "w1", 500)
    theirs = await store.hold(mine, "w2", 900)
    with pytest.raises(Fenced):
        async with store.batch(mine):
            pytest.fail("the block must not run")
    with pytest.raises(Fenced):
        await store.hold(mine, "w1", 1_000)
    async with store.batch(theirs) as batch:
        await batch.advance(1, REC)
        assert batch.checkpoint == Checkpoint(0, LOG, 1, REC, owner="w2", until=900)


async def test_holding_longer_does_not_fence_the_holder(store: GraphStore) -> None:
    held = await store.hold(await store.checkpoint(0, LOG), "w1", 500)
    longer = await store.hold(held, "w1", 800)
    async with store.batch(held) as batch:
        assert batch.checkpoint == longer
        await batch.advance(1, REC)
    assert await store.checkpoint(0, LOG) == Checkpoint(0, LOG, 1, REC, owner="w1", until=800)


async def test_partitions_are_held_apart(store: GraphStore) -> None:
    for partition in (0, 1):
        await store.checkpoint(partition, LOG)
    one = await store.hold(Checkpoint(1, LOG), "w1", 500)
    assert await store.checkpoints() == [Checkpoint(0, LOG), one]


async def test_an_event_remembers_its_place_in_the_log(store: GraphStore) -> None:
    events = [new_event("m1", "m1", position=4, partition=2), new_event("m2", "m1")]
    await commit(store, delta(events=events))
    assert await store.places(["m1", "none", "m2", "m1"]) == [(2, 4), None, (0, 1), (2, 4)]
    assert await store.places([]) == []
