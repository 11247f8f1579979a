"""Complete walks: all there is, in chunks of any size, one consistent reading each; what dangles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import groupby, pairwise
from typing import Any

from graph_values import (
    blocked,
    commit,
    delta,
    edge,
    entry,
    identifier,
    item,
    met,
    new_event,
    people,
    person,
    profile,
    seen,
    segment,
    session,
    union,
    visit,
)
from stores import Kind

from graph_schema.model.event import EventType
from graph_schema.model.evidence import EvidenceKind
from graph_schema.model.item import Interaction
from graph_schema.store import GraphStore
from graph_schema.walking import Dangling, Recorded, WalkedSession

SIZES = (1, 2, 3, 100)
WALKS = ("walk_sessions", "walk_identifiers", "walk_edges", "walk_seen")


async def whole(walk: AsyncIterator[list[Any]], chunk: int) -> list[Any]:
    found: list[Any] = []
    async for part in walk:
        assert 1 <= len(part) <= chunk
        found += part
    return found


async def test_an_empty_graph_has_nothing_to_walk(store: GraphStore) -> None:
    for walk in WALKS:
        assert await whole(getattr(store, walk)(2), 2) == []
    assert await store.recorded([]) == []
    assert await store.dangling(9) == []


async def test_every_identifier(store: GraphStore) -> None:
    every = [identifier("email:e@x.y", "p1", id="p1", generation=2), blocked("user_id:null"),
             identifier("user_id:u1", "p1")]  # fmt: skip
    await commit(store, delta(identifiers=every, profiles=[profile("p1", "email:e@x.y")]))
    for size in SIZES:
        found = await whole(store.walk_identifiers(size), size)
        assert sorted(found, key=lambda i: i.key) == every


async def test_every_edge_and_every_fact(store: GraphStore) -> None:
    edges = [edge("a", "b", 7), edge("a", "b", kind=EvidenceKind.ALIAS), edge("b", "c")]
    facts = [
        seen("a", "b", 1, at=9, mid="m2"), seen("a", "b", 1, at=9, mid="m1"),
        seen("a", "b", 1, at=8, mid="m3"), seen("a", "c", -2, kind=EvidenceKind.ALIAS),
    ]  # fmt: skip
    ends = [identifier(key, "p1") for key in "abc"]
    whole_graph = delta(identifiers=ends, profiles=[profile("p1", "a")], edges=edges, seen=facts)
    await commit(store, whole_graph)
    await commit(store, delta(gone_edges=[edges[2].key]))
    for size in SIZES:
        found = await whole(store.walk_edges(size), size)
        assert sorted(found, key=lambda e: e.key) == [edges[1], edges[0]]
        sightings = await whole(store.walk_seen(size), size)
        assert len(sightings) == len(facts) and set(sightings) == set(facts)


async def test_every_session_device_by_device(store: GraphStore) -> None:
    a1, a2 = "anonymous_id:a1", "anonymous_id:a2"
    await commit(
        store,
        person("p1", "user_id:u1", a1, a2),
        delta(items=[item("i1"), item("i2")]),
        delta(
            sessions=[
                session("late", a1, 20, 30, last_mid="m9"),
                session("first", a1, 9, 10, last_mid="m5"),
                session("long", a1, 1, 30, last_mid="m8"),
                session("other's", a2, 5, 6),
                session("nobody's", None, 5, 6, device="user_id:null"),
            ],
            met=[
                met("late", "i2", 1, at=21),
                met("late", "i1", 2, 1, at=22),
                met("other's", "i1", 1),
            ],
        ),
    )
    for size in SIZES:
        found: list[WalkedSession] = await whole(store.walk_sessions(size), size)
        devices = {
            device: [walked.session.id for walked in sessions]
            for device, sessions in groupby(found, lambda walked: walked.session.device)
        }
        assert devices == {
            a1: ["first", "long", "late"], a2: ["other's"], "user_id:null": ["nobody's"],
        }  # fmt: skip
        assert len(found) == 5
        late = next(walked for walked in found if walked.session.id == "late")
        assert late.session == session("late", a1, 20, 30, last_mid="m9")
        assert sorted(late.interactions, key=lambda i: i.item_id) == [
            Interaction("i1", 2, 1, 0, 22, 22), Interaction("i2", 1, 0, 0, 21, 21),
        ]  # fmt: skip


async def test_events_with_all_that_is_kept_beside_them(store: GraphStore) -> None:
    new = new_event(
        "m1", "m1", 5, "identify", rec=9, partition=2, position=7, device="anonymous_id:a1",
        user="user_id:u1", digest=bytes(range(240, 256)), type=EventType.IDENTIFY, traits={"a": 1.0},
    )  # fmt: skip
    bare = new_event("m2", "m1", device=None, user=None)
    await commit(store, delta(events=[new, bare], sessions=[session("m1", None)]))
    one = Recorded(new.event, 2, 7, 9, "anonymous_id:a1", "user_id:u1", "m1", new.digest)
    other = Recorded(bare.event, 0, 1, bare.rec, None, None, "m1", bare.digest)
    assert await store.recorded(["m2", "none", "m1", "m2"]) == [other, None, one, other]


async def test_a_walk_is_one_reading(store_kind: Kind, store: GraphStore) -> None:
    ids = [f"p{number:03d}" for number in range(60)]
    await commit(
        store,
        people(*ids),
        union(*(visit(f"m{id_}", f"user_id:{id_}", {f"m{id_}": 1}) for id_ in ids)),
        delta(edges=[edge(f"user_id:{a}", f"user_id:{b}") for a, b in pairwise(ids)]),
        delta(seen=[seen("a", "b", number) for number in range(60)]),
    )
    for count, walk in enumerate(WALKS):
        before = await whole(getattr(store, walk)(100), 100)
        found: list[Any] = []
        async for part in getattr(store, walk)(10):
            found += part
            number = 10_000 * (count + 1) + len(found)
            late, last = f"p{number}", ids.pop()
            await commit(
                store,
                union(people(late), visit(f"m{late}", f"user_id:{late}", {f"m{late}": 1})),
                delta(edges=[edge(f"user_id:{ids[0]}", f"user_id:{late}")]),
                delta(seen=[seen("a", "b", number)]),
                delta(gone_edges=[edge(f"user_id:{ids[-1]}", f"user_id:{last}").key]),
                delta(gone_sessions=[f"m{last}"]),
            )
        if store_kind.one_reading:
            assert sorted(map(repr, found)) == sorted(map(repr, before))
        else:  # Complete all the same: nothing that stayed is left out.
            after = await whole(getattr(store, walk)(100), 100)
            stayed = set(map(repr, before)) & set(map(repr, after))
            assert stayed and stayed <= set(map(repr, found))


async def test_what_dangles(store: GraphStore) -> None:
    await commit(
        store,
        people("p1", "p2", "p3"),
        visit("m1", "user_id:p1", {"m1": 1, "m2": 2}),
        delta(segments=[segment("s")], opened=[entry("p2", "s")]),
    )
    assert await store.dangling(9) == []
    await commit(
        store,
        delta(gone_profiles=["p2"], gone_sessions=["m1"],
              identifiers=[identifier("user_id:p3", "p1", id="p3")]),
    )  # fmt: skip
    found = await store.dangling(9)
    assert sorted(found, key=lambda d: (d.kind, d.id)) == [
        Dangling("event", "m1"),
        Dangling("event", "m2"),
        Dangling("identifier", "p2"),
        Dangling("member", "p2"),
        Dangling("profile", "p3"),
    ]
    kinds = [one.kind for one in await store.dangling(1)]
    assert sorted(kinds) == ["event", "identifier", "member", "profile"]
    recorded = await store.recorded(["m2"])
    assert recorded[0] is not None and recorded[0].event.message_id == "m2"
