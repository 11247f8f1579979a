"""Where a partition stands, and that only one worker goes on from there."""

from __future__ import annotations

import msgspec
import pytest
from graph_values import LOG, REC, commit, delta, people
from stores import Place

from graph_schema.errors import Fenced, WrongLog
from graph_schema.store import Checkpoint, GraphStore


async def test_a_new_partition_stands_at_the_beginning(store: GraphStore) -> None:
    assert await store.checkpoint(0, LOG) == Checkpoint(0, LOG)
    assert await store.checkpoint(0, LOG) == Checkpoint(0, LOG, position=0, rec=0, seq=0)
    assert await store.checkpoints() == [Checkpoint(0, LOG)]


async def test_a_graph_that_no_worker_has_seen_has_no_checkpoints(store: GraphStore) -> None:
    assert await store.checkpoints() == []


async def test_a_batch_moves_it(store: GraphStore) -> None:
    start = await store.checkpoint(0, LOG)
    async with store.batch(start) as batch:
        assert batch.checkpoint == start
        await batch.advance(7, REC)
        assert batch.checkpoint == Checkpoint(0, LOG, 7, REC)
    assert await store.checkpoint(0, LOG) == Checkpoint(0, LOG, 7, REC)
    assert await store.checkpoints() == [Checkpoint(0, LOG, 7, REC)]


async def test_the_last_of_several_moves_counts(store: GraphStore) -> None:
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        await batch.advance(7, REC)
        await batch.advance(9, REC + 2)
    assert await store.checkpoint(0, LOG) == Checkpoint(0, LOG, 9, REC + 2)


async def test_numbers_of_64_bits(store: GraphStore) -> None:
    most = (1 << 63) - 1
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        await batch.advance(most, most)
    assert await store.checkpoint(0, LOG) == Checkpoint(0, LOG, most, most)


async def test_partitions_stand_apart(store: GraphStore) -> None:
    for partition in (1, 0, 2):
        await store.checkpoint(partition, LOG)
    await commit(store, people("p1"), partition=1)
    assert await store.checkpoints() == [
        Checkpoint(0, LOG),
        Checkpoint(1, LOG, 1, REC),
        Checkpoint(2, LOG),
    ]


@pytest.mark.parametrize("partition", [0, 1])
async def test_another_log_is_refused(store: GraphStore, partition: int) -> None:
    await commit(store, people("p1"))
    before = await store.checkpoints()
    with pytest.raises(WrongLog) as refused:
        await store.checkpoint(partition, "another log")
    assert refused.value.fields == {"expected": LOG, "found": "another log"}
    assert await store.checkpoints() == before


async def test_a_worker_that_lost_its_partition_writes_nothing(
    place: Place, store: GraphStore
) -> None:
    zombie = place.store()
    await zombie.open()
    try:
        held = await zombie.checkpoint(0, LOG)
        await commit(store, people("p1"))
        with pytest.raises(Fenced):
            async with zombie.batch(held) as batch:
                await batch.write(people("p2"))
                await batch.advance(1, REC)
        assert await store.profile_ids_after("", 10) == ["p1"]
        # Whoever asks anew goes on from where the graph stands.
        await commit(zombie, people("p3"))
        assert await store.profile_ids_after("", 10) == ["p1", "p3"]
    finally:
        await zombie.close()


async def test_fenced_before_the_block_begins(store: GraphStore) -> None:
    old = await store.checkpoint(0, LOG)
    await commit(store)
    with pytest.raises(Fenced) as refused:
        async with store.batch(old):
            pytest.fail("the block must not run")
    assert refused.value.fields == {"partition": 0}


@pytest.mark.parametrize(
    "other", [{"position": 2}, {"rec": REC + 1}, {"seq": 1}, {"log": "x"}, {"partition": 3}]
)
async def test_every_part_of_the_checkpoint_must_be_as_expected(
    store: GraphStore, other: dict[str, object]
) -> None:
    known = await commit(store, delta())
    with pytest.raises(Fenced):
        async with store.batch(msgspec.structs.replace(known, **other)):
            pytest.fail("the block must not run")
    async with store.batch(known) as batch:
        await batch.advance(2, REC)


async def test_after_being_fenced_the_store_goes_on(store: GraphStore) -> None:
    old = await store.checkpoint(0, LOG)
    await commit(store, people("p1"))
    for _ in range(3):
        with pytest.raises(Fenced):
            async with store.batch(old):
                pytest.fail("the block must not run")
    await commit(store, people("p2"))
    assert await store.profile_ids_after("", 10) == ["p1", "p2"]


async def test_one_partition_going_on_fences_no_other(store: GraphStore) -> None:
    one = await store.checkpoint(1, LOG)
    await commit(store, people("p1"))
    async with store.batch(one) as batch:
        await batch.write(people("p2"))
        await batch.advance(1, REC)
    assert await store.profile_ids_after("", 10) == ["p1", "p2"]


async def test_the_checkpoint_outlives_the_store_object(place: Place, store: GraphStore) -> None:
    stands = await commit(store, people("p1"))
    await store.close()
    again = place.store()
    await again.open()
    try:
        assert await again.checkpoint(0, LOG) == stands
        assert await again.profile_ids_after("", 10) == ["p1"]
    finally:
        await again.close()
