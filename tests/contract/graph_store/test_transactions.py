"""A batch is one transaction: it reads what it writes, others see it at its end, an error undoes it."""

from __future__ import annotations

import asyncio

import pytest
from graph_values import (
    LOG,
    REC,
    commit,
    delta,
    entry,
    identifier,
    item,
    people,
    person,
    profile,
    segment,
    session,
    span,
    union,
    visit,
)
from stores import Place

from graph_schema.model.change import ProfilesTouched
from graph_schema.model.command import Outcome
from graph_schema.store import Delta, GraphStore, Wanted


async def test_what_it_writes_it_reads(store: GraphStore) -> None:
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        await batch.write(person("p1", "user_id:u1"))
        assert [p and p.id for p in await batch.profiles(["p1"])] == ["p1"]
        await batch.write(person("p2", "user_id:u2"))
        assert [p and p.id for p in await batch.profiles(["p1", "p2"])] == ["p1", "p2"]
        await batch.write(delta(items=[item("i1", name="A lamp")]))
        assert await batch.items(["i1"]) == [item("i1", name="A lamp")]
        await batch.write(delta(segments=[segment("s1")], outcomes=[Outcome("c1", REC)]))
        assert await batch.segment_states() == [segment("s1")]
        assert await batch.outcome("c1") == Outcome("c1", REC)
        found = await batch.load(Wanted((), ("user_id:u1",), (), {}))
        assert found.profiles["p1"].anchor == "user_id:u1"
        await batch.advance(1, REC)
    assert await store.profile_ids_after("", 10) == ["p1", "p2"]


async def test_a_later_write_of_the_batch_replaces_an_earlier_one(store: GraphStore) -> None:
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        await batch.write(person("p1", "user_id:u1", at=5))
        await batch.write(delta(profiles=[profile("p1", "user_id:u1", 1, 9)]))
        assert await batch.profiles(["p1"]) == [profile("p1", "user_id:u1", 1, 9)]
        await batch.advance(1, REC)
    assert await store.profiles_by_ids(["p1"]) == [profile("p1", "user_id:u1", 1, 9)]


async def test_others_see_nothing_of_an_open_batch(place: Place, store: GraphStore) -> None:
    await commit(store, person("p1", "user_id:u1"))
    other = place.store()
    await other.open()
    try:
        async with store.batch(await store.checkpoint(0, LOG)) as batch:
            await batch.write(union(people("p2"), visit("m1", "user_id:p2", {"m1": 5})))
            await batch.write(delta(identifiers=[identifier("user_id:u1", None, id="p1")]))
            await batch.advance(2, REC)
            for reader in (store, other):
                assert (await reader.totals()).profiles == 1
                assert await reader.events_by_ids(["m1"]) == [None]
                (known,) = await reader.identifiers_by_keys(["user_id:u1"])
                assert known is not None and known.profile == "p1"
                assert [c.position for c in await reader.checkpoints()] == [1]
        for reader in (store, other):
            assert (await reader.totals()).profiles == 2
            assert [c.position for c in await reader.checkpoints()] == [2]
    finally:
        await other.close()


class Broken(Exception):
    pass


async def test_an_error_in_the_block_undoes_it_and_comes_out_as_it_is(store: GraphStore) -> None:
    before = await commit(store, person("p1", "user_id:u1"))
    with pytest.raises(Broken):
        async with store.batch(before) as batch:
            await batch.write(union(people("p2"), delta(gone_profiles=["p1"])))
            await batch.advance(2, REC + 1)
            raise Broken
    assert await store.profile_ids_after("", 10) == ["p1"]
    assert await store.checkpoint(0, LOG) == before
    async with store.batch(before) as batch:
        await batch.write(people("p3"))
        await batch.advance(2, REC)
    assert await store.profile_ids_after("", 10) == ["p1", "p3"]


async def test_a_cancelled_batch_is_undone(store: GraphStore) -> None:
    before = await commit(store, person("p1", "user_id:u1"))
    begun = asyncio.Event()

    async def work() -> None:
        async with store.batch(before) as batch:
            await batch.write(people("p2"))
            await batch.advance(2, REC)
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.profile_ids_after("", 10) == ["p1"]
    assert await commit(store, people("p3")) != before


async def test_the_feeds_numbers_are_undone_too(store: GraphStore) -> None:
    def touched(*ids: str) -> Delta:
        return delta(changes=[ProfilesTouched(ids)])

    before = await commit(store, touched("p1"))
    with pytest.raises(Broken):
        async with store.batch(before) as batch:
            await batch.write(touched("p2"))
            await batch.advance(2, REC)
            raise Broken
    await commit(store, touched("p3"))
    assert [(f.seq, f.change) for f in await store.changes((0,), 10)] == [
        (1, ProfilesTouched(("p1",))),
        (2, ProfilesTouched(("p3",))),
    ]


async def test_an_empty_delta_changes_nothing(store: GraphStore) -> None:
    await commit(store, person("p1", "user_id:u1"))
    totals = await store.totals()
    await commit(store, delta())
    assert await store.totals() == totals


async def test_a_batch_that_only_reads_leaves_the_checkpoint(store: GraphStore) -> None:
    stands = await commit(store, person("p1", "user_id:u1"))
    async with store.batch(stands) as batch:
        assert len(await batch.profiles(["p1"])) == 1
    async with store.batch(stands) as batch:
        assert batch.checkpoint == stands


async def test_the_fields_of_a_delta_are_applied_in_their_order(store: GraphStore) -> None:
    """What goes and comes in one delta is there afterwards; a membership that ends is opened anew."""
    begin = union(
        person("p1", "user_id:u1"),
        visit("m1", "user_id:u1", {"m1": 5}),
        delta(opened=[entry("p1", "s", 3)], segments=[segment("s")]),
    )
    await commit(store, begin)
    again = delta(
        REC + 1,
        gone_sessions=["m1"],
        sessions=[session("m1", "user_id:u1", 5, 8, last_mid="m1")],
        gone_profiles=["p1"],
        profiles=[profile("p1", "user_id:u1", 0, 8)],
        closed=[("p1", "s")],
        opened=[entry("p1", "s", 4)],
        deadlines=[("p1", 77)],
    )
    await commit(store, again)
    (stored,) = await store.sessions_by_ids(["m1"])
    assert stored is not None and stored.session.ended_at == 8
    assert await store.profiles_by_ids(["p1"]) == [profile("p1", "user_id:u1", 0, 8, deadline=77)]
    (page,) = await store.membership_pages(["p1"], span())
    assert [m.since for m in page.items] == [4]
