"""Items, what profiles did with them, and the training graph."""

from __future__ import annotations

import pytest
from graph_values import commit, delta, identifier, item, met, people, person, session, union, visit

from graph_schema.model.item import Interaction
from graph_schema.store import GraphStore, ProfileInteraction


async def test_items_by_ids(store: GraphStore) -> None:
    await commit(store, delta(items=[item("i1", name="one"), item("i2")]))
    one, two = item("i1", name="one"), item("i2")
    assert await store.items_by_ids(["i2", "i?", "i1", "i2"]) == [two, None, one, two]
    assert await store.items_by_ids([]) == []


async def test_items_in_their_order(store: GraphStore) -> None:
    assert await store.items_after("", 5) == []
    ids = ["10", "9", "B", "a", "\N{REPLACEMENT CHARACTER}", "\N{GRINNING FACE}"]
    await commit(store, delta(items=[item(id_) for id_ in reversed(ids)]))
    assert [one.id for one in await store.items_after("", 100)] == ids
    walked: list[str] = []
    while found := await store.items_after(walked[-1] if walked else "", 4):
        walked += [one.id for one in found]
    assert walked == ids


async def shopping(store: GraphStore) -> None:
    await commit(
        store,
        person("p1", "user_id:u1", "anonymous_id:a1"),
        people("p2", "p3"),
        visit("m1", "user_id:u1", {"m1": 10, "m2": 12}),
        visit("m3", "anonymous_id:a1", {"m3": 20}),
        visit("m4", "user_id:p2", {"m4": 30}),
        visit("m5", None, {"m5": 40}),
        delta(items=[item(id_) for id_ in ("i1", "i2", "i3")]),
        delta(
            met=[
                met("m1", "i2", 1, at=10),
                met("m1", "i1", 2, 1, at=11, until=12),
                met("m3", "i2", 1, 0, 1, at=20),
                met("m4", "i1", 0, 1, at=30),
                met("m5", "i3", 9, at=40),
            ]
        ),
    )


async def test_interactions_over_all_sessions(store: GraphStore) -> None:
    await shopping(store)
    own = [Interaction("i1", 2, 1, 0, 11, 12), Interaction("i2", 2, 0, 1, 10, 20)]
    found = await store.interactions_of(["p2", "p?", "p1", "p3", "p1"])
    assert found == [[Interaction("i1", 0, 1, 0, 30, 30)], [], own, [], own]
    assert await store.interactions_of([]) == []


async def test_interactions_follow_the_identifier(store: GraphStore) -> None:
    await shopping(store)
    await commit(store, delta(identifiers=[identifier("anonymous_id:a1", "p3")]))
    assert await store.interactions_of(["p1", "p3"]) == [
        [Interaction("i1", 2, 1, 0, 11, 12), Interaction("i2", 1, 0, 0, 10, 10)],
        [Interaction("i2", 1, 0, 1, 20, 20)],
    ]
    await commit(store, delta(sessions=[session("m1", None, 10, 12)]))
    assert await store.interactions_of(["p1"]) == [[]]


GRAPH = [
    ProfileInteraction("p1", "i1", 2, 1, 0, 11, 12),
    ProfileInteraction("p1", "i2", 1, 0, 0, 10, 10),
    ProfileInteraction("p1", "i2", 1, 0, 1, 20, 20),
    ProfileInteraction("p2", "i1", 0, 1, 0, 30, 30),
]


async def test_the_training_graph_has_a_row_for_each_session_and_item(store: GraphStore) -> None:
    assert [chunk async for chunk in store.training_graph(2)] == []
    await shopping(store)
    for size in (1, 2, 3, 4, 100):
        chunks = [chunk async for chunk in store.training_graph(size)]
        assert [row for chunk in chunks for row in chunk] == GRAPH
        assert all(1 <= len(chunk) <= size for chunk in chunks)


async def test_the_training_graph_is_one_reading(store: GraphStore) -> None:
    """Between its chunks sessions come, identifiers move and interactions grow: it shows none of it."""
    ids = [f"p{number:03d}" for number in range(200)]
    await commit(
        store,
        people(*ids),
        union(*(visit(f"m{id_}", f"user_id:{id_}", {f"m{id_}": 1}) for id_ in ids)),
        delta(items=[item("i1"), item("i2")]),
        delta(met=[met(f"m{id_}", "i1", 1, at=1) for id_ in ids]),
    )
    found: list[ProfileInteraction] = []
    async for chunk in store.training_graph(20):
        found += chunk
        last = chunk[-1].profile_id
        await commit(
            store,
            visit(f"late{last}", "user_id:p199", {f"late{last}": 9}),
            delta(met=[met(f"late{last}", "i2", 1, at=9), met("mp198", "i1", 5, at=9)]),
            delta(identifiers=[identifier("user_id:p197", "p000", id="p197")]),
            delta(gone_sessions=["mp196"]),
        )
    assert found == [ProfileInteraction(id_, "i1", 1, 0, 0, 1, 1) for id_ in ids]


async def test_a_training_graph_that_nobody_reads_to_its_end(store: GraphStore) -> None:
    await shopping(store)
    reading = store.training_graph(1)
    assert await anext(reading) == GRAPH[:1]
    await reading.aclose()  # type: ignore[attr-defined]
    with pytest.raises(StopAsyncIteration):
        await anext(reading)
    await commit(store, people("p9"))
