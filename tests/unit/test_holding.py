"""How workers share the partitions of the log."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from graphs import IDS

from cdp.eventlog.protocol import Tail
from cdp.pipeline.holding import LOOK, EveryPartition, SharedPartitions, to_take
from graph_schema.errors import Fenced, PositionOutsideLog, WrongLog
from graph_schema.model.time import SECOND
from graph_schema.sqlite.store import SqliteGraphStore
from graph_schema.store import Checkpoint, GraphStore

LOG = "log"
LEASE = 10 * SECOND


def stand(*owners: str, until: int = 100) -> list[Checkpoint]:
    return [
        Checkpoint(n, LOG, owner=owner, until=until if owner else 0)
        for n, owner in enumerate(owners)
    ]


def taken(checkpoints: list[Checkpoint], held: set[int], *, share: bool = True) -> list[int]:
    return [c.partition for c in to_take(checkpoints, held, "me", now=50, share=share)]


def test_what_nobody_holds_is_taken_one_at_a_time() -> None:
    assert taken(stand("", "", "x"), set()) == [0]
    assert taken(stand("me", "", "x"), {0}) == [1]


def test_what_is_held_no_longer_is_free() -> None:
    assert taken(stand("x", "y", until=50), set()) == [0]


def test_what_is_its_own_without_its_knowing_comes_back_at_once() -> None:
    assert taken(stand("x", "me", "me", ""), set()) == [1, 2, 3]


def test_it_takes_from_the_richest_where_that_has_two_more() -> None:
    assert taken(stand("x", "y", "x", "x", "y"), set()) == [3]
    assert taken(stand("x", "me", "x", "x"), {1}) == [3]
    assert taken(stand("x", "me", "x"), {1}) == []
    assert taken(stand("x", "y"), set()) == []


def test_who_named_partitions_takes_all_of_them_and_from_nobody() -> None:
    assert taken(stand("", "x", "me", ""), set(), share=False) == [2, 0, 3]


# ── on a store ─────────────────────────────────────────────────────────────────────────────────


class Clock:
    def __init__(self) -> None:
        self.at = 1_000 * SECOND

    def __call__(self) -> int:
        return self.at


@pytest.fixture
async def store(tmp_path: Path):
    found = SqliteGraphStore(tmp_path / "graph.db", IDS.fingerprint)
    await found.open()
    yield found
    await found.close()


def tails(count: int, position: int = 0) -> dict[int, Tail]:
    return {number: Tail(position) for number in range(count)}


def shared(
    store: GraphStore, clock: Clock, owner: str, only: tuple[int, ...] = ()
) -> SharedPartitions:
    return SharedPartitions(store, lambda: LOG, clock, owner, LEASE, only)


async def rounds(clock: Clock, count: int, workers: list[SharedPartitions], parts: int) -> None:
    for _ in range(count):
        for worker in workers:
            await worker.held(tails(parts))
        clock.at += LOOK


async def shares(workers: list[SharedPartitions], parts: int) -> list[int]:
    return sorted([len(await worker.held(tails(parts))) for worker in workers])


@pytest.mark.parametrize("seed", range(5))
async def test_they_come_to_share_evenly_and_nothing_is_held_twice(
    store: GraphStore, seed: int
) -> None:
    rng, clock = random.Random(seed), Clock()
    parts = rng.randint(3, 9)
    workers = [shared(store, clock, "w0")]
    await rounds(clock, parts + 1, workers, parts)
    assert await shares(workers, parts) == [parts]
    workers += [shared(store, clock, f"w{number}") for number in range(1, rng.randint(2, 4))]
    rng.shuffle(workers)
    await rounds(clock, 3 * parts, workers, parts)
    found = await shares(workers, parts)
    assert sum(found) == parts
    assert found[-1] - found[0] <= 1
    owners = Counter(c.owner for c in await store.checkpoints())
    assert sorted(owners.values()) == found
    before = await store.checkpoints()
    await rounds(clock, 3, workers, parts)
    assert [c.owner for c in await store.checkpoints()] == [c.owner for c in before]


async def test_those_of_one_that_is_not_heard_of_go_to_others(store: GraphStore) -> None:
    clock = Clock()
    dead, alive = shared(store, clock, "dead"), shared(store, clock, "alive")
    await rounds(clock, 8, [dead, alive], 4)
    assert await shares([dead, alive], 4) == [2, 2]
    # Each holds anew when half of the lease is over: so long at least nobody takes anything.
    await rounds(clock, LEASE // 2 // LOOK - 2, [alive], 4)
    assert len(await alive.held(tails(4))) == 2
    await rounds(clock, LEASE // LOOK, [alive], 4)
    assert len(await alive.held(tails(4))) == 4
    # It was only asleep: it may write no more, and learns of it.
    asleep = next(iter((dead._held).values()))
    with pytest.raises(Fenced):
        async with store.batch(asleep):
            pytest.fail("the block must not run")
    held = await dead.held(tails(4))
    assert all(c.owner == "dead" for c in held.values())
    assert len(held) <= 1


async def test_what_is_given_back_is_free_at_once(store: GraphStore) -> None:
    clock = Clock()
    one, other = shared(store, clock, "one"), shared(store, clock, "other")
    await rounds(clock, 4, [one], 3)
    await one.give_back()
    assert [c.owner for c in await store.checkpoints()] == [""] * 3
    await rounds(clock, 4, [other], 3)
    assert len(await other.held(tails(3))) == 3
    await one.give_back()
    assert [c.owner for c in await store.checkpoints()] == ["other"] * 3


async def test_who_named_partitions_waits_for_them(store: GraphStore) -> None:
    clock = Clock()
    first, second = shared(store, clock, "first", (0, 2)), shared(store, clock, "second", (2, 1))
    assert list(await first.held(tails(3))) == [0, 2]
    assert list(await second.held(tails(3))) == [1]
    await first.give_back()
    clock.at += LOOK
    assert list(await second.held(tails(3))) == [1, 2]


async def test_a_new_partition_is_taken_too(store: GraphStore) -> None:
    clock = Clock()
    worker = shared(store, clock, "one")
    await rounds(clock, 3, [worker], 2)
    await rounds(clock, 3, [worker], 4)
    assert list(await worker.held(tails(4))) == [0, 1, 2, 3]


async def test_a_batch_goes_on_from_what_is_held(store: GraphStore) -> None:
    clock = Clock()
    worker = shared(store, clock, "one")
    held = await worker.held(tails(1, position=9))
    async with store.batch(held[0]) as batch:
        await batch.advance(5, 7)
        worker.stands(batch.checkpoint)
    clock.at += LEASE // 2 + 1
    again = await worker.held(tails(1, position=9))
    assert (again[0].position, again[0].owner) == (5, "one")
    assert again[0].until == clock.at + LEASE


@pytest.mark.parametrize("kind", ["every", "shared"])
async def test_another_log_and_a_cut_one_are_refused(store: GraphStore, kind: str) -> None:
    clock = Clock()

    def holding(log: str) -> EveryPartition | SharedPartitions:
        if kind == "every":
            return EveryPartition(store, lambda: log)
        return SharedPartitions(store, lambda: log, clock, "w", LEASE)

    async with store.batch(await store.checkpoint(1, LOG)) as batch:
        await batch.advance(5, 7)
    with pytest.raises(WrongLog):
        await holding("another").held(tails(2, position=9))
    with pytest.raises(PositionOutsideLog) as refused:
        await holding(LOG).held({0: Tail(), 1: Tail(4)})
    assert refused.value.fields == {"position": 5, "end": 4}


async def test_every_partition_is_held_until_it_is_lost(store: GraphStore) -> None:
    holding = EveryPartition(store, lambda: LOG)
    assert list(await holding.held(tails(2))) == [0, 1]
    async with store.batch(await store.checkpoint(1, LOG)) as batch:
        await batch.advance(5, 7)
    assert (await holding.held(tails(2, 9)))[1].position == 0
    holding.lost(1)
    assert (await holding.held(tails(3, 9)))[1].position == 5
    assert list(await holding.held(tails(3, 9))) == [0, 1, 2]
