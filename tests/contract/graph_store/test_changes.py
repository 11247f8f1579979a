"""The change feed, the audit trail, outcomes, dead records, totals."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from graph_values import (
    LOG,
    REC,
    After,
    blocked,
    commit,
    delta,
    item,
    people,
    span,
    union,
    visit,
    walk,
)

from graph_schema.errors import FeedPruned
from graph_schema.model.change import (
    CausedBy,
    Change,
    ChangeKind,
    ChangePart,
    FeedEntry,
    IdentityChange,
    MembershipChange,
    ProfilesTouched,
)
from graph_schema.model.command import Outcome
from graph_schema.model.item import Interaction
from graph_schema.model.segment import MembershipCause
from graph_schema.store import DeadRecord, GraphStore, Met, Page, Totals


def merge(id_: str, kind: ChangeKind = ChangeKind.MERGE, **rest: Any) -> IdentityChange:
    one, other = ChangePart("p1", ("user_id:u1", 'email:"e"@x.y')), ChangePart("p2", ())
    rest.setdefault("at", REC)
    return IdentityChange(id_, kind, cause="m'1", before=(one, other), after=(one,), **rest)


def touched(*ids: str) -> ProfilesTouched:
    return ProfilesTouched(ids)


async def told(store: GraphStore, *changes: Change, rec: int = REC, partition: int = 0) -> None:
    await commit(store, delta(rec, changes=list(changes)), partition=partition)


# ── the feed ───────────────────────────────────────────────────────────────────────────────────


async def test_every_kind_of_change_in_the_order_told(store: GraphStore) -> None:
    every: list[Change] = [merge(f"c_{kind}", kind, by=CausedBy.DECISION) for kind in ChangeKind]
    every += [
        MembershipChange("s", "p1", cause is MembershipCause.TIME, -5, cause, "m1")
        for cause in MembershipCause
    ]
    every += [
        MembershipChange("s", "p1", True, 5, MembershipCause.EVENT),
        touched("p2", "p1"),
        touched(),
    ]
    await told(store, *every)
    assert await store.changes((0,), 100) == [
        FeedEntry(0, seq, REC, change) for seq, change in enumerate(every, start=1)
    ]


async def test_the_feed_goes_on_without_a_gap(store: GraphStore) -> None:
    assert await store.changes((), 10) == [] and await store.changes((0,), 10) == []
    assert await store.feed_end() == ()
    await told(store, touched("p1"), touched("p2"))
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        await batch.write(delta(changes=[touched("p3")]))
        await batch.write(delta(REC + 5, changes=[touched("p4"), merge("c", at=REC + 5)]))
        await batch.advance(2, REC + 5)
        assert batch.checkpoint.seq == 5
    await told(store)
    await told(store, touched("p6"))
    found = await store.changes((0,), 100)
    assert [entry.seq for entry in found] == [1, 2, 3, 4, 5, 6]
    assert [entry.rec for entry in found] == [REC, REC, REC, REC + 5, REC + 5, REC]
    assert await store.feed_end() == (6,)
    assert (await store.checkpoint(0, LOG)).seq == 6


async def test_the_feed_behind_a_position(store: GraphStore) -> None:
    await told(store, *(touched(f"p{number}") for number in range(1, 8)))
    assert [entry.seq for entry in await store.changes((3,), 2)] == [4, 5]
    assert [entry.seq for entry in await store.changes((5,), 9)] == [6, 7]
    assert [entry.seq for entry in await store.changes((), 2)] == [1, 2]
    for beyond in (7, 8, 1 << 40):
        assert await store.changes((beyond,), 9) == []


async def test_each_partition_has_its_own_feed(store: GraphStore) -> None:
    await told(store, touched("a"), touched("b"), partition=2)
    await told(store, touched("c"), partition=0)
    assert await store.feed_end() == (1, 0, 2)
    await told(store, touched("d"), partition=1)
    await told(store, touched("e"), partition=2)

    async def ids(after: tuple[int, ...], limit: int = 9) -> list[tuple[int, int, str]]:
        found = await store.changes(after, limit)
        return [(e.partition, e.seq, e.change.ids[0]) for e in found]

    assert await ids((0, 0, 0)) == [(0, 1, "c"), (1, 1, "d"), (2, 1, "a"), (2, 2, "b"), (2, 3, "e")]
    assert await ids((1, 0, 2)) == [(1, 1, "d"), (2, 3, "e")]
    assert await ids((1,)) == [(1, 1, "d"), (2, 1, "a"), (2, 2, "b"), (2, 3, "e")]
    assert await ids((), 1) == [(0, 1, "c"), (1, 1, "d"), (2, 1, "a")]
    assert await ids((0, 0, 0, 7), 1) == [(0, 1, "c"), (1, 1, "d"), (2, 1, "a")]
    assert await store.feed_end() == (1, 1, 3)


# ── pruning ────────────────────────────────────────────────────────────────────────────────────


async def prune(store: GraphStore, before: int, limit: int = 100, partition: int = 0) -> int:
    at = await store.checkpoint(partition, LOG)
    async with store.batch(at) as batch:
        passed = await batch.prune_changes(before, limit)
        await batch.advance(at.position, at.rec)
    return passed


async def test_what_is_old_leaves_the_feed_and_identity_changes_stay(store: GraphStore) -> None:
    await told(store, touched("a"), merge("c1", at=10), touched("b"), rec=10)
    await told(store, touched("c"), merge("c2", at=20), rec=20)
    await told(store, touched("d"), rec=10, partition=1)
    assert await prune(store, 10) == 0 and await prune(store, 11, limit=2) == 2
    assert (await store.checkpoint(0, LOG)).pruned == 2
    assert [entry.seq for entry in await store.changes((2, 0), 9)] == [3, 4, 5, 1]
    assert await prune(store, 11) == 1 and await prune(store, 11) == 0
    stands = await store.checkpoints()
    assert [(c.partition, c.seq, c.pruned) for c in stands] == [(0, 5, 3), (1, 1, 0)]
    assert [entry.seq for entry in await store.changes((3, 0), 9)] == [4, 5, 1]
    found = await store.changes_by_ids(["c1", "c2"])
    assert [change.id if change else None for change in found] == ["c1", "c2"]
    assert await store.change_count(None, None, None) == 2


@pytest.mark.parametrize("position", [(2, 1), (0, 0), (), (2,)])
async def test_who_was_left_behind_is_told(store: GraphStore, position: tuple[int, ...]) -> None:
    await told(store, *(touched(f"p{number}") for number in range(5)), rec=10)
    await told(store, touched("d"), rec=10, partition=1)
    await prune(store, 11, limit=3)
    with pytest.raises(FeedPruned):
        await store.changes(position, 9)
    assert [entry.seq for entry in await store.changes((3, 0), 9)] == [4, 5, 1]


async def test_pruning_stops_at_what_is_kept(store: GraphStore) -> None:
    """What was recorded out of order waits for what stands before it."""
    await told(store, touched("a"), rec=10)
    await told(store, touched("b"), rec=90)
    await told(store, touched("c"), rec=20)
    assert await prune(store, 50) == 1
    assert [entry.seq for entry in await store.changes((1,), 9)] == [2, 3]
    await prune(store, 100)
    assert await store.changes((3,), 9) == []
    await told(store, touched("d"), rec=100)
    assert [entry.seq for entry in await store.changes((3,), 9)] == [4]


async def test_pruning_in_a_batch_that_fails_is_undone(store: GraphStore) -> None:
    await told(store, touched("a"), rec=10)
    with pytest.raises(ZeroDivisionError):
        async with store.batch(await store.checkpoint(0, LOG)) as batch:
            assert await batch.prune_changes(99, 9) == 1
            raise ZeroDivisionError
    assert [entry.seq for entry in await store.changes((0,), 9)] == [1]


# ── the audit trail ────────────────────────────────────────────────────────────────────────────


async def trail(store: GraphStore) -> None:
    kinds = (ChangeKind.MERGE, ChangeKind.SPLIT)
    for rec, ids in ((10, ("c2",)), (20, ("c1", "c4", "c3")), (30, ("c0",)), (-4, ("c9",))):
        changes = [merge(id_, kinds[int(id_[1]) % 2], at=rec) for id_ in ids]
        await told(store, touched("p1"), *changes, rec=rec)


async def test_identity_changes_in_pages(store: GraphStore) -> None:
    await trail(store)
    every = [("c0", 30), ("c4", 20), ("c3", 20), ("c1", 20), ("c2", 10), ("c9", -4)]
    bounds: list[dict[str, int]] = [{}, {"since": 20}, {"until": 20}, {"since": 10, "until": 30}]
    kinds: list[list[str] | None] = [None, ["split"], ["split", "merge"], [], ["undo"]]
    for bound, wanted, first in product(bounds, kinds, (1, 2, 6, 9)):
        expected = [
            id_
            for id_, rec in every
            if bound.get("since", rec) <= rec < bound.get("until", rec + 1)
            and (wanted is None or ("split" if int(id_[1]) % 2 else "merge") in wanted)
        ]

        async def page(
            after: After, wanted: Any = wanted, first: int = first, bound: Any = bound
        ) -> Page[Any]:
            return await store.change_page(wanted, span(first, after, **bound))

        found = await walk(page, first, lambda entry: (entry.rec, entry.change.id))
        assert [entry.change.id for entry in found] == expected, (bound, wanted, first)
        count = await store.change_count(wanted, bound.get("since"), bound.get("until"))
        assert count == len(expected)


async def test_an_entry_of_the_trail_is_that_of_the_feed(store: GraphStore) -> None:
    await trail(store)
    page = await store.change_page(None, span())
    feed = [e for e in await store.changes((0,), 100) if isinstance(e.change, IdentityChange)]
    assert sorted(page.items, key=lambda e: e.seq) == feed


async def test_identity_changes_by_ids(store: GraphStore) -> None:
    await trail(store)
    found = await store.changes_by_ids(["c4", "c?", "c9", "c4"])
    assert found == [
        merge("c4", at=20), None, merge("c9", ChangeKind.SPLIT, at=-4), merge("c4", at=20),
    ]  # fmt: skip
    assert await store.changes_by_ids([]) == []


# ── outcomes, dead records, totals ─────────────────────────────────────────────────────────────


async def test_outcomes_by_command(store: GraphStore) -> None:
    refused = Outcome("c1", -5, "BAD_RULE", "It is 'no' \"rule\".", ("rule", "all", "0", ""))
    await commit(store, delta(outcomes=[refused, Outcome("c2", 6)]))
    found = await store.outcomes(["c2", "c?", "c1", "c2"])
    assert found == [Outcome("c2", 6), None, refused, Outcome("c2", 6)]
    assert await store.outcomes([]) == []


async def test_dead_records_in_their_order(store: GraphStore) -> None:
    assert await store.dead_records((0, 0), 10) == []
    dead = [
        DeadRecord(0, 3, REC, "apply_failed", "It's broken."),
        DeadRecord(0, 20, REC, "undecodable", ""),
        DeadRecord(1, 1, REC, "apply_failed", "x"),
        DeadRecord(1, 2, REC, "apply_failed", "y"),
    ]
    await commit(store, delta(dead=[dead[3], dead[1], dead[2], dead[0]]))
    assert await store.dead_records((0, 0), 10) == dead
    assert await store.dead_records((0, 3), 2) == dead[1:3]
    assert await store.dead_records((0, 20), 10) == dead[2:]
    assert await store.dead_records((1, 2), 10) == []
    again = DeadRecord(dead[0].partition, dead[0].position, REC + 9, "apply_failed", "Again.")
    places = [(one.partition, one.position) for one in dead[:2]]
    await commit(store, delta(revived=[*places, (7, 7)], dead=[again]))
    assert await store.dead_records((0, 0), 10) == [again, *dead[2:]]


async def test_totals(store: GraphStore) -> None:
    assert await store.totals() == Totals(0, 0, 0, 0, 0, 0)
    await commit(
        store,
        people("p1", "p2"),
        union(visit("m1", "user_id:p1", {"m1": 1, "m2": 2, "m3": 3}), visit("m4", None, {"m4": 1})),
        delta(identifiers=[blocked("user_id:null"), blocked("user_id:nil")], items=[item("i1")]),
        delta(dead=[DeadRecord(0, 1, 1, "apply_failed", "")]),
    )
    assert await store.totals() == Totals(2, 4, 2, 4, 1, 1)
    await commit(store, delta(gone_profiles=["p2"], gone_sessions=["m1"], moved_events=[
        ("m1", "m4"), ("m2", "m4"), ("m3", "m4")]))  # fmt: skip
    assert await store.totals() == Totals(1, 4, 1, 4, 1, 1)


async def test_an_item_that_was_only_met_is_none_yet(store: GraphStore) -> None:
    """Sessions may meet what no catalogue and no event has described."""
    met = Met("m1", Interaction("i9", 1, 0, 0, 5, 5))
    await commit(store, union(visit("m1", "user_id:p1", {"m1": 1}), delta(met=[met])))
    assert (await store.totals()).items == 0
    assert await store.items_by_ids(["i9"]) == [None]
    await commit(store, delta(items=[item("i9"), item("i1")]))
    assert (await store.totals()).items == 2
