"""What a store tells of an earlier moment."""

from __future__ import annotations

from typing import Any

import msgspec
from graph_values import (
    After,
    commit,
    delta,
    edge,
    entry,
    event,
    identifier,
    membership,
    new_event,
    person,
    seen,
    segment,
    session,
    span,
    union,
    walk,
)

from graph_schema.model.identifier import Identifier, IdentifierStatus, Key
from graph_schema.model.known import Assigned, Sighting
from graph_schema.model.segment import Membership, SegmentStatus
from graph_schema.store import Delta, GraphStore, Page

A1, A2, U1 = "anonymous_id:a1", "anonymous_id:a2", 'user_id:"u"1'


def assigned(
    key: Key, profile: str | None, rec: int, status: IdentifierStatus = IdentifierStatus.ACTIVE
) -> Assigned:
    return Assigned(key, profile, status, rec)


def known(rec: int, *values: Assigned | Sighting) -> Delta:
    """What became known of identifiers that are there today."""
    keys = {value.identifier for value in values}
    return delta(
        rec,
        identifiers=[identifier(key, "p9", first_at=1, last_at=99) for key in sorted(keys)],
        assigned=[value for value in values if isinstance(value, Assigned)],
        sightings=[value for value in values if isinstance(value, Sighting)],
    )


def stands(found: Identifier | None) -> tuple[Any, ...] | None:
    return None if found is None else (found.profile, found.status, found.first_at, found.last_at)


async def test_the_past_was_always_kept(store: GraphStore) -> None:
    assert await store.known_since() == 0


# ── identifiers ────────────────────────────────────────────────────────────────────────────────


async def test_an_identifier_as_it_was_known(store: GraphStore) -> None:
    active, shared = IdentifierStatus.ACTIVE, IdentifierStatus.SHARED
    await commit(
        store,
        known(10, assigned(A1, "p1", 10), Sighting(A1, 5, 5, 10)),
        known(30, assigned(A1, "p2", 20), assigned(A1, "p2", 30, shared)),
        known(40, Sighting(A1, 5, 9, 25), Sighting(A1, 3, 9, 40), assigned(A1, None, 40)),
    )
    expected = {
        9: None,
        10: ("p1", active, 5, 5),
        19: ("p1", active, 5, 5),
        20: ("p2", active, 5, 5),
        25: ("p2", active, 5, 9),
        30: ("p2", shared, 5, 9),
        39: ("p2", shared, 5, 9),
        40: (None, active, 3, 9),
        1 << 60: (None, active, 3, 9),
    }
    for t, state in expected.items():
        found = await store.identifiers_at([A1, "nobody", A1], t)
        assert [stands(one) for one in found] == [state, None, state], t
    (today,) = await store.identifiers_by_keys([A1])
    (then,) = await store.identifiers_at([A1], 10)
    assert today is not None and then is not None
    assert (then.id, then.namespace, then.value) == (today.id, today.namespace, today.value)
    assert await store.identifiers_at([], 10) == []


async def test_what_comes_with_an_earlier_clock_takes_the_place_of_the_last(
    store: GraphStore,
) -> None:
    """Another partition's clock may be behind."""
    await commit(store, known(20, assigned(A1, "p1", 20), Sighting(A1, 5, 5, 20)))
    await commit(store, known(12, assigned(A1, "p2", 12), Sighting(A1, 5, 9, 12)))
    assert [stands(one) for one in await store.identifiers_at([A1], 19)] == [None]
    (then,) = await store.identifiers_at([A1], 20)
    assert stands(then) == ("p2", IdentifierStatus.ACTIVE, 5, 9)
    assert [[m.key for m in one] for one in await store.members_at(["p1", "p2"], 20)] == [[], [A1]]


async def test_the_members_of_profiles(store: GraphStore) -> None:
    await commit(
        store,
        known(10, assigned(A2, "p1", 10), Sighting(A2, 7, 7, 10)),
        known(11, assigned(A1, "p1", 11), Sighting(A1, 8, 8, 11)),
        known(12, assigned(U1, "p2", 12), Sighting(U1, 9, 9, 12)),
        known(20, assigned(A2, "p2", 20), Sighting(A1, 6, 8, 20)),
        known(30, assigned(A2, "p1", 30)),
    )

    async def held(t: int) -> list[list[str]]:
        found = await store.members_at(["p1", "p2", "nobody", "p1"], t)
        return [[member.key for member in members] for members in found]

    assert await held(9) == [[], [], [], []]
    assert await held(12) == [[A2, A1], [U1], [], [A2, A1]]
    assert await held(20) == [[A1], [U1, A2], [], [A1]]
    assert await held(30) == [[A1, A2], [U1], [], [A1, A2]]
    (members,) = await store.members_at(["p1"], 30)
    assert [stands(one) for one in members] == [
        ("p1", IdentifierStatus.ACTIVE, 6, 8),
        ("p1", IdentifierStatus.ACTIVE, 7, 7),
    ]
    assert await store.members_at([], 30) == []


# ── facts, sessions, events ────────────────────────────────────────────────────────────────────


async def test_the_facts_that_were_recorded(store: GraphStore) -> None:
    facts = [
        seen(A1, U1, 0, at=5, mid="m5", rec=10),
        seen(A1, U1, 0, at=3, mid="m3", rec=20),
        seen(A1, U1, 1, at=50, mid="m50", rec=15),
        seen(A1, A2, 0, at=5, mid="m5", rec=10),
        seen(A2, U1, 0, at=9, mid="m9", rec=12),
    ]
    ends = [identifier(key) for key in (A1, A2, U1)]
    edges = [edge(A1, U1, 2), edge(A1, A2), edge(A2, U1)]
    await commit(store, delta(20, seen=facts, identifiers=ends, edges=edges))

    async def found(keys: list[Key], t: int) -> list[tuple[Key, Key, str]]:
        answers = await store.seen_at(keys, t)
        assert all(answer in facts for answer in answers)
        return sorted((one.a, one.b, one.mid) for one in answers)

    assert await found([U1], 9) == [] and await found([], 99) == []
    assert await found([U1], 12) == [(A1, U1, "m5"), (A2, U1, "m9")]
    assert await found([U1], 99) == [
        (A1, U1, "m3"), (A1, U1, "m5"), (A1, U1, "m50"), (A2, U1, "m9"),
    ]  # fmt: skip
    assert len(await found([A1, U1, A1], 99)) == 5
    assert await found([A2, "nobody"], 10) == [(A1, A2, "m5")]


async def test_sessions_about_identifiers(store: GraphStore) -> None:
    sessions = [
        session("alone", A1, rec=10),
        session("by u1", U1, device=A1, user=U1, at=100, rec=10),
        session("by u1 later", U1, device=A1, user=U1, at=200, rec=30),
        session("kept apart", A1, device=A1, user=U1, at=300, rec=10),
        session("elsewhere", U1, device=A2, user=U1, rec=10),
        session("nobody's", None, device="user_id:null", rec=10),
    ]
    await commit(store, delta(30, sessions=sessions))

    async def found(keys: list[Key], t: int) -> set[str]:
        answers = await store.sessions_about(keys, t)
        assert all(answer in sessions for answer in answers)
        assert len({answer.id for answer in answers}) == len(answers)
        return {answer.id for answer in answers}

    assert await found([A1], 30) == {"alone"}
    assert await found([A1], 29) == {"alone", "by u1 later"}
    users = {"by u1", "by u1 later", "kept apart", "elsewhere"}
    assert await found([U1, "nobody"], 5) == users
    assert await found([A1, U1, A1], 30) == users | {"alone"}
    assert await found([], 30) == set()


async def test_sessions_within_reaches(store: GraphStore) -> None:
    sessions = [
        session("s1", A1, at=100, until=200),
        session("s2", A1, at=300, until=400),
        session("s3", A2, at=100, until=200),
    ]
    await commit(store, delta(sessions=sessions))

    async def found(*reaches: tuple[Key, int, int]) -> list[str]:
        answers = await store.sessions_within(reaches)
        assert all(answer in sessions for answer in answers)
        return sorted(answer.id for answer in answers)

    assert await found() == await found((A1, 201, 299), ("nobody", 0, 999)) == []
    assert await found((A1, 200, 200)) == await found((A1, 0, 100)) == ["s1"]
    assert await found((A1, 0, 150), (A1, 120, 300)) == ["s1", "s2"]
    assert await found((A1, 0, 999), (A2, 0, 999)) == ["s1", "s2", "s3"]


async def test_events_of_sessions_that_were_recorded(store: GraphStore) -> None:
    recs = {"m1": 10, "m2": 30, "m3": 20, "m4": 10}
    events = [
        new_event(mid, "s2" if mid == "m4" else "s1", 100 * number, f"N{number % 2}", rec=recs[mid])
        for number, mid in enumerate(recs)
    ]
    sessions = [session("s1", A1, 0, 200, rec=30), session("s2", A1, 300, rec=10)]
    await commit(store, union(person("p1", A1), delta(30, events=events, sessions=sessions)))

    def mids(found: Any) -> list[str]:
        return [stored.event.message_id for stored in found]

    assert sorted(mids(await store.events_at(["s1", "s1"], 20))) == ["m1", "m3"]
    assert sorted(mids(await store.events_at(["s1", "s2", "nobody"], 99))) == sorted(recs)
    assert await store.events_at([], 99) == await store.events_at(["s1"], 9) == []
    (one,) = await store.events_at(["s2"], 10)
    assert (one.event, one.rec, one.session, one.profile) == (
        event("m4", 300, "N1"), 10, "s2", "p1",
    )  # fmt: skip
    page = await store.event_page_at(["s1", "s2"], None, span(2), 20)
    assert (mids(page.items), page.has_next) == (["m4", "m3"], True)
    page = await store.event_page_at(["s1", "s2"], None, span(2, (200, "m3")), 20)
    assert (mids(page.items), page.has_next) == (["m1"], False)
    page = await store.event_page_at(["s1", "s2"], ["N1"], span(), 99)
    assert mids(page.items) == ["m4", "m2"]
    page = await store.event_page_at(["s1", "s2"], None, span(since=100, until=300), 99)
    assert mids(page.items) == ["m3", "m2"]
    assert (await store.event_page_at(["s1"], [], span(), 99)).items == []
    assert (await store.event_page_at([], None, span(), 99)).items == []
    assert [s.id for s in await store.sessions_holding(["m4", "m4", "nobody"])] == ["s2"]
    assert sorted(s.id for s in await store.sessions_holding(list(recs))) == ["s1", "s2"]
    assert await store.sessions_holding([]) == []


# ── segments ───────────────────────────────────────────────────────────────────────────────────


async def in_segments(store: GraphStore) -> None:
    people = union(*(person(f"p{number}", f"user_id:u{number}") for number in range(1, 4)))
    await commit(store, people, delta(10, segments=[segment("s"), segment("t")]))
    await commit(store, delta(20, opened=[entry("p1", "s", 20), entry("p2", "s", 20)]))
    await commit(store, delta(30, closed=[("p1", "s")], opened=[entry("p3", "s", 15)]))
    await commit(store, delta(40, opened=[entry("p1", "s", 40), entry("p1", "t", 40)]))


async def test_memberships_that_were_open(store: GraphStore) -> None:
    await in_segments(store)

    async def held(t: int) -> list[list[tuple[str, int]]]:
        found = await store.memberships_at(["p1", "p3", "nobody", "p1"], t)
        return [[(m.segment, m.since) for m in one] for one in found]

    assert await held(19) == [[], [], [], []]
    assert await held(20) == [[("s", 20)], [], [], [("s", 20)]]
    assert await held(30) == [[], [("s", 15)], [], []]
    assert await held(40) == [[("s", 40), ("t", 40)], [("s", 15)], [], [("s", 40), ("t", 40)]]
    ((found,),) = await store.memberships_at(["p2"], 25)
    assert found == membership("p2", "s", 20)
    assert await store.memberships_at([], 40) == []
    for t, sizes in ((19, [0, 0, 0]), (20, [2, 0, 0]), (30, [2, 0, 0]), (40, [3, 1, 0])):
        assert await store.segment_sizes_at(["s", "t", "nobody"], t) == sizes


async def test_members_that_there_were_in_pages(store: GraphStore) -> None:
    await in_segments(store)
    for t, expected in ((20, ["p2", "p1"]), (30, ["p2", "p3"]), (40, ["p1", "p2", "p3"])):
        for order in ("SINCE_DESC", "ID"):

            async def page(after: After, order: str = order, t: int = t) -> Page[Membership]:
                return await store.member_page_at("s", order, span(1, after), t)

            def keyset(one: Membership, order: str = order) -> After:
                return (one.profile_id,) if order == "ID" else (one.since, one.profile_id)

            found = [one.profile_id for one in await walk(page, 1, keyset)]
            assert found == (sorted(expected) if order == "ID" else expected), (t, order)


async def test_segments_as_they_stood(store: GraphStore) -> None:
    first = segment("s", name="First", status=SegmentStatus.BUILDING, walked="", created_by="ann")
    second = msgspec.structs.replace(
        first, name="Second", status=SegmentStatus.ACTIVE, walked=None, version=2
    )
    other = segment("a", rule={"trait": {"name": "plan", "op": "EQ", "value": 1.0}})
    await commit(store, delta(10, segments=[first]))
    await commit(store, delta(20, segments=[second, other]))
    assert await store.segments_at(9) == []
    assert await store.segments_at(19) == [first]
    assert await store.segments_at(20) == [other, second]
    assert await store.segments_at(99) == await store.segments()
