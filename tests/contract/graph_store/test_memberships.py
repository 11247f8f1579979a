"""Segments, their versions, who is in them, and what falls due."""

from __future__ import annotations

from itertools import product
from typing import Any

from graph_values import (
    REC,
    After,
    commit,
    delta,
    entry,
    membership,
    people,
    profile,
    segment,
    span,
    union,
    version,
    walk,
)

from graph_schema.model.segment import SegmentStatus
from graph_schema.store import GraphStore, Page

# ── segments ───────────────────────────────────────────────────────────────────────────────────


async def test_segments_by_key(store: GraphStore) -> None:
    assert await store.segments() == []
    archived = segment("a", status=SegmentStatus.ARCHIVED)
    await commit(store, delta(segments=[segment("c"), archived, segment("B"), segment("b-1")]))
    assert [one.key for one in await store.segments()] == ["B", "a", "b-1", "c"]
    found = await store.segments_by_keys(["c", "none", "a", "c"])
    assert found == [segment("c"), None, archived, segment("c")]
    assert await store.segments_by_keys([]) == []


async def test_versions_newest_first(store: GraphStore) -> None:
    await commit(store, delta(segments=[segment("a"), segment("b"), segment("c")]))
    versions = [("a", version(1)), ("b", version(1)), *(("a", version(n)) for n in (2, 3, 11))]
    await commit(store, delta(segment_versions=versions))
    found = await store.segment_versions(["b", "none", "a", "c", "b"])
    assert [[one.version for one in versions] for versions in found] == [
        [1], [], [11, 3, 2, 1], [], [1],
    ]  # fmt: skip
    assert await store.segment_versions([]) == []


# ── members ────────────────────────────────────────────────────────────────────────────────────

SINCE = {"p1": 5, "p2": 9, "p3": 5, "p4": -2}


async def members(store: GraphStore) -> None:
    await commit(
        store,
        people("p1", "p2", "p3", "p4", "p5"),
        delta(segments=[segment(key) for key in ("s", "t", "r", "empty")]),
        delta(opened=[entry(id_, "s", since) for id_, since in SINCE.items()]),
        delta(opened=[entry("p1", "t", 1), entry("p1", "r", 2), entry("p5", "s", 7)]),
    )
    await commit(store, delta(REC + 1, closed=[("p5", "s"), ("p1", "r")]))


async def test_members_in_pages(store: GraphStore) -> None:
    await members(store)
    orders = {"SINCE_DESC": ["p2", "p3", "p1", "p4"], "ID": ["p1", "p2", "p3", "p4"]}
    for (order, expected), first in product(orders.items(), (1, 3, 4, 9)):

        async def page(after: After, order: str = order, first: int = first) -> Page[Any]:
            return await store.member_page("s", order, span(first, after))

        found = await walk(
            page, first,
            lambda m, order=order: (m.profile_id,) if order == "ID" else (m.since, m.profile_id),
        )  # fmt: skip
        assert found == [membership(id_, "s", SINCE[id_]) for id_ in expected], (order, first)
    for order in orders:
        for key in ("empty", "unknown"):
            assert list((await store.member_page(key, order, span())).items) == []


async def test_how_many_are_in_it(store: GraphStore) -> None:
    await members(store)
    assert await store.segment_sizes(["t", "unknown", "s", "empty", "t", "r"]) == [1, 0, 4, 0, 1, 0]
    assert await store.segment_sizes([]) == []


async def test_memberships_in_pages(store: GraphStore) -> None:
    await members(store)
    await commit(store, delta(opened=[entry("p1", "r", 3)]))
    for first in (1, 2, 3, 9):

        async def page(after: After, first: int = first) -> Page[Any]:
            (found,) = await store.membership_pages(["p1"], span(first, after))
            return found

        found = await walk(page, first, lambda m: (m.segment,))
        assert [(m.segment, m.since) for m in found] == [("r", 3), ("s", 5), ("t", 1)]


async def test_memberships_of_several_profiles(store: GraphStore) -> None:
    await members(store)
    pages = await store.membership_pages(["p5", "p2", "p?", "p1", "p2"], span(1))
    assert [[m.segment for m in page.items] for page in pages] == [[], ["s"], [], ["s"], ["s"]]
    assert [page.has_next for page in pages] == [False, False, False, True, False]
    assert await store.membership_counts(["p5", "p2", "p?", "p1", "p2"]) == [0, 1, 0, 2, 1]
    assert await store.membership_pages([], span()) == []
    assert await store.membership_counts([]) == []


# ── what falls due ─────────────────────────────────────────────────────────────────────────────


async def test_nothing_falls_due_in_an_empty_graph(store: GraphStore) -> None:
    assert await store.next_deadline() is None
    assert await store.due(1 << 62, 10) == []


async def test_deadlines(store: GraphStore) -> None:
    await commit(store, people("p1", "p2", "p3", "p4", "p5"))
    await commit(
        store,
        delta(deadlines=[("p1", 30), ("p2", 10), ("p3", 30), ("p4", -7)]),
    )
    assert await store.next_deadline() == -7
    assert await store.due(30, 10) == ["p4", "p2", "p1", "p3"]
    assert await store.due(29, 10) == ["p4", "p2"]
    assert await store.due(30, 3) == ["p4", "p2", "p1"]
    assert await store.due(-8, 10) == []
    await commit(store, delta(deadlines=[("p4", None), ("p2", 31)]))
    assert await store.next_deadline() == 30
    assert await store.due(30, 10) == ["p1", "p3"]
    (found,) = await store.profiles_by_ids(["p2"])
    assert found is not None and found.deadline == 31


async def test_a_deadline_goes_with_its_profile(store: GraphStore) -> None:
    await commit(store, union(people("p1", "p2"), delta(deadlines=[("p1", 5), ("p2", 6)])))
    await commit(store, delta(profiles=[profile("p2", "user_id:p2", deadline=7)]))
    await commit(store, delta(gone_profiles=["p1"]))
    assert await store.next_deadline() == 7
    assert await store.due(10, 10) == ["p2"]


# ── the walk ───────────────────────────────────────────────────────────────────────────────────


async def test_a_walk_by_profile_id(store: GraphStore) -> None:
    assert await store.profile_ids_after("", 10) == []
    await commit(
        store, people("p3", "p1", "p2", "P4", "p\N{GRINNING FACE}", "p\N{REPLACEMENT CHARACTER}")
    )
    assert await store.profile_ids_after("", 4) == ["P4", "p1", "p2", "p3"]
    assert await store.profile_ids_after("p3", 10) == [
        "p\N{REPLACEMENT CHARACTER}",
        "p\N{GRINNING FACE}",
    ]
    assert await store.profile_ids_after("p\N{GRINNING FACE}", 10) == []


async def test_a_walk_misses_nobody_who_stays_while_others_come_and_go(store: GraphStore) -> None:
    await commit(store, people(*(f"p{number}" for number in range(9))))
    walked = await store.profile_ids_after("", 3)
    await commit(store, union(people("p0a", "p5a"), delta(gone_profiles=["p1", "p2", "p4"])))
    while found := await store.profile_ids_after(walked[-1], 3):
        walked += found
    assert walked == ["p0", "p1", "p2", "p3", "p5", "p5a", "p6", "p7", "p8"]
