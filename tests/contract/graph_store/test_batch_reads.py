"""What a worker reads within its batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from graph_values import (
    LOG,
    between,
    blocked,
    commit,
    delta,
    edge,
    entry,
    identifier,
    item,
    people,
    person,
    profile,
    seen,
    segment,
    session,
    union,
    visit,
)

from graph_schema.model.command import Outcome
from graph_schema.model.evidence import EvidenceKind, EvidenceStatus, RefusalRule
from graph_schema.model.identifier import IdentifierStatus
from graph_schema.model.time import MINUTE
from graph_schema.store import Batch, GraphStore, Wanted

NOTHING = Wanted((), (), (), {})


@pytest.fixture
async def batch(store: GraphStore) -> AsyncIterator[Batch]:
    """An open batch on an empty graph."""
    async with store.batch(await store.checkpoint(0, LOG)) as found:
        yield found


def wanted(**what: Any) -> Wanted:
    return Wanted(
        what.get("mids", ()), what.get("keys", ()), what.get("pairs", ()), what.get("devices", {}),
        what.get("until", {}),
    )  # fmt: skip


def keys(identifiers: Iterable[Any]) -> list[str]:
    return sorted(one.key for one in identifiers)


# ── the neighbourhood ──────────────────────────────────────────────────────────────────────────


async def test_nothing_is_known_of_an_empty_graph(batch: Batch) -> None:
    for question in (
        NOTHING,
        wanted(mids=("m1",), keys=("user_id:u1",), pairs=(("a", "b", "login", 0),)),
    ):
        found = await batch.load(question)
        assert (found.digests, found.identifiers, found.seen) == ({}, {}, {})
        assert (found.sessions, found.profiles) == ({}, {})


async def test_digests_of_the_message_ids_that_are_known(batch: Batch) -> None:
    await batch.write(visit("m1", None, {"m1": 0, "m2": 1}))
    found = await batch.load(wanted(mids=("m2", "m3", "m1", "m2")))
    assert found.digests == {"m1": b"m1..............", "m2": b"m2.............."}


async def test_the_wanted_identifiers_and_their_profiles(batch: Batch) -> None:
    await batch.write(
        union(
            person("p1", "user_id:u1", "email:e@x.y", at=3, until=9),
            people("p2"),
            delta(identifiers=[blocked("user_id:null")]),
        )
    )
    found = await batch.load(
        wanted(keys=("email:e@x.y", "user_id:null", "user_id:?", "email:e@x.y"))
    )
    assert found.identifiers == {
        "email:e@x.y": identifier("email:e@x.y", "p1", first_at=3, last_at=9),
        "user_id:null": blocked("user_id:null"),
    }
    assert found.profiles == {"p1": profile("p1", "user_id:u1", 3, 9)}


async def test_a_profile_that_is_not_written_yet_is_absent(batch: Batch) -> None:
    await batch.write(delta(identifiers=[identifier("user_id:u1", "p1", id="p1")]))
    found = await batch.load(wanted(keys=("user_id:u1",)))
    assert found.identifiers["user_id:u1"].profile == "p1"
    assert found.profiles == {}


async def test_the_earliest_sighting_of_the_wanted_pairs(batch: Batch) -> None:
    await batch.write(
        delta(
            seen=[
                seen("a", "b", 1, at=50, mid="m5"),
                seen("a", "b", 1, at=40, mid="m9"),
                seen("a", "b", 1, at=40, mid="m8"),
                seen("a", "b", 2, at=90, mid="m1"),
                seen("a", "b", 1, at=1, mid="m0", kind=EvidenceKind.ALIAS),
            ]
        )
    )
    pair = ("a", "b", "login", 1)
    found = await batch.load(
        wanted(pairs=(pair, ("a", "b", "login", 3), ("a", "c", "login", 1), pair))
    )
    assert found.seen == {pair: (40, "m8")}
    negative = ("a", "b", "login", -1)
    await batch.write(delta(seen=[seen("a", "b", -1, at=-5, mid="m")]))
    assert (await batch.load(wanted(pairs=(negative,)))).seen == {negative: (-5, "m")}


DEVICES = {"anonymous_id:a1": 100, "anonymous_id:a2": 0, "anonymous_id:a3": 0}


async def test_sessions_that_end_at_the_wanted_time_or_later_oldest_first(batch: Batch) -> None:
    a1, a2 = "anonymous_id:a1", "anonymous_id:a2"
    await batch.write(
        delta(
            sessions=[
                session("late", a1, 150, 180),
                session("ends then", a1, 90, 100),
                session("over", a1, 50, 99),
                session("long", a1, 10, 170),
                session("other's", a2, 5, 6),
            ]
        )
    )
    found = (await batch.load(wanted(devices=DEVICES))).sessions
    assert {device: [s.id for s in sessions] for device, sessions in found.items()} == {
        "anonymous_id:a1": ["long", "ends then", "late"],
        "anonymous_id:a2": ["other's"],
        "anonymous_id:a3": [],
    }


async def test_sessions_behind_a_time_may_be_left_out(batch: Batch) -> None:
    a1, a2 = "anonymous_id:a1", "anonymous_id:a2"
    times = {"over": (1, 9), "touches": (10, 12), "over the end": (14, 40), "behind": (41, 50)}
    await batch.write(
        delta(
            sessions=[session(id_, a1, *reach) for id_, reach in times.items()]
            + [
                session("last", a1, 90, 99),
                session("first", a2, 1, 2),
                session("other", a2, 30, 31),
            ]
        )
    )
    devices = {a1: 12, a2: 0}
    found = (await batch.load(wanted(devices=devices, until={a1: 20}))).sessions
    left_out = {"behind"}
    wanted_ids = ["touches", "over the end", "last"]
    assert [s.id for s in found[a1] if s.id not in left_out] == wanted_ids
    assert [s.id for s in found[a2]] == ["first", "other"]
    found = (await batch.load(wanted(devices=devices, until={a1: 95, a2: 5}))).sessions
    assert [s.id for s in found[a1]] == ["touches", "over the end", "behind", "last"]
    assert [s.id for s in found[a2]] == ["first", "other"]  # the last one in any case


async def test_the_last_session_in_any_case(batch: Batch) -> None:
    a1 = "anonymous_id:a1"
    await batch.write(
        delta(
            sessions=[
                session("x", a1, 10, 60, last_mid="m2"),
                session("y", a1, 20, 60, last_mid="m1"),
                session("z", a1, 30, 59, last_mid="m3"),
            ]
        )
    )
    found = (await batch.load(wanted(devices={a1: 100}))).sessions
    assert [s.id for s in found[a1]] == ["x"]


async def test_sessions_of_equal_times_stand_by_id(batch: Batch) -> None:
    a1 = "anonymous_id:a1"
    await batch.write(delta(sessions=[session(id_, a1, 5, 5) for id_ in "bca"]))
    found = (await batch.load(wanted(devices={a1: 0}))).sessions
    assert [s.id for s in found[a1]] == ["a", "b", "c"]


async def test_the_owners_of_the_sessions_come_along(batch: Batch) -> None:
    await batch.write(
        union(
            person("p1", "user_id:u1", at=1),
            people("p2"),
            delta(
                sessions=[session("s", "user_id:u1", device="anonymous_id:a1", user="user_id:u1")]
            ),
        )
    )
    found = await batch.load(wanted(devices={"anonymous_id:a1": 0}))
    assert keys(found.identifiers.values()) == ["user_id:u1"]
    assert list(found.profiles) == ["p1"]


# ── clusters and evidence ──────────────────────────────────────────────────────────────────────


async def test_clusters_are_whole(batch: Batch) -> None:
    u1, a1, a2, u2 = "user_id:u1", "anonymous_id:a1", "anonymous_id:a2", "user_id:u2"
    inner, outer, far = edge(a1, u1), edge(a2, u1), edge(a2, u2)
    await batch.write(
        union(
            person("p1", u1, a1, "email:e@x.y"),
            person("p2", a2),
            person("p3", u2),
            delta(edges=[inner, outer, far], identifiers=[blocked("user_id:null")]),
        )
    )
    found = await batch.clusters([a1, u1, a1, "user_id:null", "user_id:unknown"])
    assert keys(found.members) == [a1, "email:e@x.y", u1]
    assert keys(found.neighbours) == [a2]
    assert found.anchors == {"p1": u1, "p2": a2}
    assert sorted(found.edges, key=lambda e: e.key) == [inner, outer]


async def test_clusters_of_two_profiles_and_the_edge_between_them(batch: Batch) -> None:
    u1, a2 = "user_id:u1", "anonymous_id:a2"
    between = edge(a2, u1)
    await batch.write(union(person("p1", u1), person("p2", a2), delta(edges=[between])))
    found = await batch.clusters([u1, a2])
    assert keys(found.members) == [a2, u1]
    assert found.neighbours == () and found.edges == (between,)


async def test_clusters_leave_out_the_evidence_of_the_burned(batch: Batch) -> None:
    u1, mail, a1, u2 = "user_id:u1", "email:info@x.y", "anonymous_id:a1", "user_id:u2"
    burned = identifier(mail, "p1", status=IdentifierStatus.BURNED)
    await batch.write(
        union(
            person("p1", u1, a1),
            person("p2", u2),
            delta(identifiers=[burned], edges=[edge(a1, u1), edge(mail, u1), edge(mail, u2)]),
        )
    )
    found = await batch.clusters([u1])
    assert keys(found.members) == [a1, mail, u1]
    # That of a member which is not burned is whole, also where a burned one is at its other end.
    assert {e.key for e in found.edges} == {edge(a1, u1).key, edge(mail, u1).key}
    assert found.neighbours == ()


async def test_clusters_leave_out_the_evidence_of_the_crowded(batch: Batch) -> None:
    u1, a1, hub, burned = "user_id:u1", "anonymous_id:a1", "crm:1", "email:b@x.y"
    others = [f"anonymous_id:o{number}" for number in range(3)]
    await batch.write(
        union(
            person("p1", u1, a1, hub),
            *(person(f"p-{other}", other) for other in others),
            delta(
                identifiers=[identifier(burned, "p1", status=IdentifierStatus.BURNED)],
                edges=[edge(a1, u1), edge(a1, hub)]
                + [edge(*sorted((hub, other))) for other in others]
                + [edge(*sorted((burned, other))) for other in others],
            ),
        )
    )
    found = await batch.clusters([u1], 3)
    assert found.crowded == (hub,)
    assert keys(found.members) == [a1, hub, burned, u1]
    # What lies between it and another member comes with that one.
    assert {e.key for e in found.edges} == {edge(a1, u1).key, edge(a1, hub).key}
    assert found.neighbours == ()
    for most in (4, 100, None):
        found = await batch.clusters([u1], most)
        assert found.crowded == ()
        assert len(found.edges) == 5 and keys(found.neighbours) == others
    found = await batch.clusters([u1, others[0]], 0)
    assert sorted(found.crowded) == [a1, others[0], hub, u1] and found.edges == ()


async def test_many_keys_of_which_one_is_crowded(batch: Batch) -> None:
    ids = [f"p{number:04d}" for number in range(60)]
    hub = "crm:1"
    await batch.write(
        union(
            people(*ids),
            person("hub", hub),
            delta(edges=[edge(hub, f"user_id:{id_}") for id_ in ids]),
        )
    )
    wanted_keys = [f"user_id:{id_}" for id_ in ids[:2]]
    found = await batch.clusters([hub, *wanted_keys], 59)
    assert found.crowded == (hub,)
    assert {e.key for e in found.edges} == {edge(hub, key).key for key in wanted_keys}


async def test_clusters_of_nobody(batch: Batch) -> None:
    await batch.write(people("p1"))
    for question, most in ([], None), (["user_id:unknown"], 5):
        found = await batch.clusters(question, most)
        assert (found.members, found.neighbours, found.anchors, found.edges) == ((), (), {}, ())


async def test_anchors_only_of_profiles_that_are_written(batch: Batch) -> None:
    await batch.write(delta(identifiers=[identifier("user_id:u1", "p1", id="p1")]))
    found = await batch.clusters(["user_id:u1"])
    assert keys(found.members) == ["user_id:u1"] and found.anchors == {}


async def test_edges_by_key(batch: Batch) -> None:
    one = edge("a", "b", 7, first_at=2, last_at=8, status=EvidenceStatus.REFUSED,
               refused_by=RefusalRule.DOMINANCE)  # fmt: skip
    other = edge("a", "b", kind=EvidenceKind.ALIAS)
    await batch.write(between(one, other, edge("b", "c")))
    question = [one.key, ("a", "c", EvidenceKind.LOGIN), other.key, one.key]
    assert sorted(await batch.edges(question), key=lambda e: e.kind) == [other, one]
    assert await batch.edges([]) == []


async def test_half_hours_of_edges(batch: Batch) -> None:
    facts = [
        seen("a", "b", 1, at=50, mid="m5"),
        seen("a", "b", 1, at=40, mid="m9"),
        seen("a", "b", 1, at=40, mid="m8"),
        seen("a", "b", 2, at=90, mid="m1"),
        seen("a", "b", 2, at=91, mid="m0", kind=EvidenceKind.ALIAS),
        seen("a", "c", 2, at=92, mid="m2"),
    ]
    await batch.write(delta(seen=facts))
    login = ("a", "b", EvidenceKind.LOGIN)
    found = await batch.halves([login, ("a", "d", EvidenceKind.LOGIN), login])
    assert sorted(found, key=lambda s: s.half_hour) == [facts[2], facts[3]]
    assert await batch.halves([]) == []


# ── sessions and events ────────────────────────────────────────────────────────────────────────


async def test_visits_overlap_the_range_with_both_its_ends(batch: Batch) -> None:
    a1, a2 = "anonymous_id:a1", "anonymous_id:a2"
    await batch.write(
        delta(
            sessions=[
                session("before", a1, 0, 8),
                session("touches the begin", a1, 9, 10),
                session("inside", a1, 12, 13),
                session("touches the end", a1, 20, 30),
                session("behind", a1, 31, 32),
                session("other's", a2, 1, 99),
            ]
        )
    )
    assert [s.id for s in await batch.visits(a1, 10, 20)] == [
        "touches the begin",
        "inside",
        "touches the end",
    ]
    assert [s.id for s in await batch.visits(a2, 10, 20)] == ["other's"]
    assert await batch.visits(a1, 14, 19) == []
    assert await batch.visits("anonymous_id:a3", 0, 100) == []


async def test_events_of_sessions(batch: Batch) -> None:
    await batch.write(
        union(
            person("p1", "user_id:u1"),
            visit("m1", "user_id:u1", {"m1": 5, "m2": 6}),
            visit("m3", None, {"m3": 7}),
            visit("m4", "user_id:u1", {"m4": 8}),
        )
    )
    found = await batch.events_of(["m1", "m3", "m1", "unknown"])
    assert sorted((s.event.message_id, s.session, s.profile) for s in found) == [
        ("m1", "m1", "p1"),
        ("m2", "m1", "p1"),
        ("m3", "m3", None),
    ]
    assert await batch.events_of([]) == []


async def test_tallies_are_all_sessions_of_the_profiles_identifiers(batch: Batch) -> None:
    await batch.write(
        union(
            person("p1", "user_id:u1", "anonymous_id:a1"),
            person("p2", "user_id:u2"),
            visit("m1", "user_id:u1", {"m1": 5}),
            visit("m2", "anonymous_id:a1", {"m2": 6}),
            visit("m3", None, {"m3": 7}),
        )
    )
    found = await batch.tallies(["p2", "p1", "p3", "p1"])
    assert {id_: sorted(s.id for s in sessions) for id_, sessions in found.items()} == {
        "p1": ["m1", "m2"],
        "p2": [],
        "p3": [],
    }


async def test_tallies_and_identifiers_before_the_profile_is_written(batch: Batch) -> None:
    """The worker folds a profile from its sessions before it writes it."""
    await batch.write(
        union(
            delta(identifiers=[identifier("user_id:u1", "p9", id="p9")]),
            visit("m1", "user_id:u1", {"m1": 5}),
        )
    )
    assert [s.id for s in (await batch.tallies(["p9"]))["p9"]] == ["m1"]
    assert keys((await batch.identifiers_of(["p9"]))["p9"]) == ["user_id:u1"]


async def test_a_session_follows_its_owner_and_the_owner_its_profile(batch: Batch) -> None:
    await batch.write(
        union(
            person("p1", "user_id:u1"),
            person("p2", "user_id:u2"),
            visit("m1", "user_id:u1", {"m1": 5}),
        )
    )
    await batch.write(delta(sessions=[session("m1", "user_id:u2", 5)]))
    assert [[s.id for s in found] for found in (await batch.tallies(["p1", "p2"])).values()] == [
        [],
        ["m1"],
    ]
    await batch.write(delta(identifiers=[identifier("user_id:u2", "p1", id="p2")]))
    assert [[s.id for s in found] for found in (await batch.tallies(["p1", "p2"])).values()] == [
        ["m1"],
        [],
    ]
    await batch.write(delta(sessions=[session("m1", None, 5)]))
    assert list((await batch.tallies(["p1", "p2"])).values()) == [[], []]


# ── profiles, memberships, events for rules ────────────────────────────────────────────────────


async def test_profiles_by_their_very_ids(batch: Batch) -> None:
    await batch.write(people("p1", "p2"))
    moved = identifier("user_id:p2", "p1", id="p2")
    await batch.write(delta(identifiers=[moved], gone_profiles=["p2"]))
    found = await batch.profiles(["p2", "p1", "p?", "p1"])
    assert found == [None, profile("p1", "user_id:p1"), None, profile("p1", "user_id:p1")]
    assert await batch.profiles([]) == []


async def test_identifiers_of_profiles_in_anchor_order(batch: Batch) -> None:
    own = [
        identifier("user_id:u1", "p1", first_at=9),
        identifier("email:b@x.y", "p1", first_at=2),
        identifier("email:a@x.y", "p1", first_at=2),
        identifier("anonymous_id:a1", "p1", first_at=1),
    ]
    await batch.write(delta(identifiers=[*own, identifier("user_id:u2", "p2")]))
    found = await batch.identifiers_of(["p3", "p1", "p1"])
    assert found == {"p1": [own[0], own[2], own[1], own[3]], "p3": []}


async def test_open_memberships_by_segment(batch: Batch) -> None:
    await batch.write(
        union(
            people("p1", "p2"),
            delta(segments=[segment("a"), segment("b"), segment("c")]),
            delta(opened=[entry("p1", "b", 5), entry("p1", "a", 6), entry("p1", "c", 7)]),
        )
    )
    await batch.write(delta(closed=[("p1", "c")]))
    found = await batch.memberships(["p1", "p2", "p1"])
    assert found == {
        "p1": [entry("p1", "a", 6).membership, entry("p1", "b", 5).membership],
        "p2": [],
    }


async def test_profile_events_from_a_time_on(batch: Batch) -> None:
    await batch.write(
        union(
            person("p1", "user_id:u1", "anonymous_id:a1"),
            person("p2", "user_id:u2"),
            visit(
                "m1", "user_id:u1", [("m1", 5, "Seen"), ("m2", 60, "Bought"), ("m0", 60, "Seen")]
            ),
            visit("m3", "anonymous_id:a1", [("m3", 20, "Seen"), ("m4", 20, "Left")]),
            visit("m5", "user_id:u2", [("m5", 10, "Seen")]),
            visit("m6", None, [("m6", 10, "Seen")]),
        )
    )
    found = await batch.profile_events(["p2", "p1", "p2"], ["Seen", "Bought", "Seen"], 10)
    assert [(e.profile_id, e.at, e.mid, e.name) for e in found] == [
        ("p1", 20, "m3", "Seen"),
        ("p1", 60, "m0", "Seen"),
        ("p1", 60, "m2", "Bought"),
        ("p2", 10, "m5", "Seen"),
    ]
    assert await batch.profile_events(["p1"], [], 0) == []
    assert await batch.profile_events([], ["Seen"], 0) == []
    assert await batch.profile_events(["p1"], ["Seen"], 61) == []


# ── the rest ───────────────────────────────────────────────────────────────────────────────────


async def test_items_in_the_order_asked(batch: Batch) -> None:
    await batch.write(delta(items=[item("i1", name="one"), item("i2")]))
    assert await batch.items(["i2", "i?", "i1", "i2"]) == [
        item("i2"), None, item("i1", name="one"), item("i2"),
    ]  # fmt: skip
    assert await batch.items([]) == []


async def test_segment_states_by_key(batch: Batch) -> None:
    assert await batch.segment_states() == []
    await batch.write(delta(segments=[segment("b"), segment("a", walked="p1"), segment("_")]))
    assert await batch.segment_states() == [segment("_"), segment("a", walked="p1"), segment("b")]


async def test_an_outcome(batch: Batch) -> None:
    refused = Outcome("c1", 5, "BAD_RULE", "It is 'no' rule.", ("rule", "all", "0"))
    await batch.write(delta(outcomes=[refused, Outcome("c2", 6)]))
    assert await batch.outcome("c1") == refused
    assert await batch.outcome("c2") == Outcome("c2", 6)
    assert await batch.outcome("c3") is None


async def test_a_long_question_is_one_question(store: GraphStore) -> None:
    ids = [f"p{number:05d}" for number in range(3000)]
    await commit(store, people(*ids[:1000]))
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        found = await batch.profiles(ids)
        assert [p.id if p else None for p in found] == ids[:1000] + [None] * 2000
        loaded = await batch.load(
            wanted(
                keys=tuple(f"user_id:{id_}" for id_ in ids),
                devices={f"anonymous_id:a{number}": number * MINUTE for number in range(3000)},
            )
        )
        assert len(loaded.identifiers) == len(loaded.profiles) == 1000
        assert len(loaded.sessions) == 3000
