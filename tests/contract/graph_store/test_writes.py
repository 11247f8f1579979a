"""What is put, what goes, what hangs on what."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
from graph_values import (
    LOG,
    REC,
    between,
    blocked,
    commit,
    delta,
    edge,
    entry,
    exact,
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
    span,
    union,
    version,
    visit,
)

from graph_schema.model.event import EventType
from graph_schema.model.evidence import EvidenceKind, EvidenceStatus, RefusalRule
from graph_schema.model.identifier import IdentifierStatus
from graph_schema.model.item import Interaction
from graph_schema.model.segment import MembershipCause, SegmentStatus
from graph_schema.model.session import DeviceFacts
from graph_schema.model.tally import (
    ConsentFact,
    NameTally,
    OrderFact,
    RefundFact,
    Tally,
    TouchFact,
    TraitFact,
)
from graph_schema.store import GraphStore

TALLY = Tally(
    events=3,
    first=(-5, "m1"),
    last=(1 << 60, "m2"),
    days={-1, 0, 20_000},
    names={"Seen 'em": NameTally(3, -5, 9)},
    traits={
        "plan": TraitFact(5, "m1", "gold", "user_id:u1"),
        "age": TraitFact(5, "m1", 30),
        "share": TraitFact(5, "m1", 30.0),
        "yes": TraitFact(5, "m1", True),
        "gone": TraitFact(6, "m2", None),
        "tree": TraitFact(6, "m2", {"a": [1, 1.5, {"b": None}], "": False}),
        "largest": TraitFact(6, "m2", (1 << 64) - 1),
    },
    orders={"o1": OrderFact((5, "m1", 10**12), (5, "m1", "EUR"), True, False, True)},
    refunds={"m9": RefundFact("o1", None, None), "m8": RefundFact("o1", 5, "EUR")},
    first_touch=TouchFact(1, "m1", "news", None, "spring", None),
    last_touch=TouchFact(2, "m2", None, "cpc", None, "https://x.y/?q=1"),
    consent={"ads": (ConsentFact(1, "m1", True, True, "user_id:u1"), ConsentFact(1, "m2", False))},
)
FACTS = DeviceFacts(
    "mobile", "Firefox", "Android", "de-DE", "Europe/Berlin", "390x844", "DE", "192.0.2.0/24"
)


async def test_every_field_of_an_identifier(store: GraphStore) -> None:
    one = identifier(
        "email:e@x.y", "p1", first_at=-7, last_at=9, status=IdentifierStatus.SHARED, generation=3
    )
    await commit(store, union(people("p1"), delta(identifiers=[one])))
    assert await store.identifiers_by_keys(["email:e@x.y"]) == [one]


async def test_an_identifier_is_replaced_whole(store: GraphStore) -> None:
    await commit(store, union(people("p1", "p2"), delta(identifiers=[identifier("phone:1", "p1")])))
    other = identifier(
        "phone:1", "p2", id="p_of_generation_1", rank=9, first_at=-3, last_at=4,
        status=IdentifierStatus.BURNED, generation=1,
    )  # fmt: skip
    await commit(store, delta(identifiers=[other]))
    assert await store.identifiers_by_keys(["phone:1"]) == [other]
    assert await store.identifier_counts(["p1", "p2"], ["phone"]) == [0, 1]
    nobodys = msgspec.structs.replace(other, profile=None)
    await commit(store, delta(identifiers=[nobodys]))
    assert await store.identifiers_by_keys(["phone:1"]) == [nobodys]
    assert await store.identifier_counts(["p1", "p2"], ["phone"]) == [0, 0]


async def test_every_status(store: GraphStore) -> None:
    every = [identifier(f"user_id:{status}", None, status=status) for status in IdentifierStatus]
    await commit(store, delta(identifiers=every))
    assert await store.identifiers_by_keys([one.key for one in every]) == every


async def test_every_field_of_a_profile(store: GraphStore) -> None:
    whole = profile("p1", "user_id:u1", -5, 9, tally=TALLY, deadline=77)
    await commit(store, union(person("p1", "user_id:u1"), delta(profiles=[whole])))
    (found,) = await store.profiles_by_ids(["p1"])
    assert exact(found) == exact(whole)


async def test_a_profile_is_replaced_whole(store: GraphStore) -> None:
    rich = profile("p1", "user_id:u1", -5, 9, tally=TALLY, deadline=77)
    await commit(store, union(person("p1", "user_id:u1", "user_id:u0"), delta(profiles=[rich])))
    bare = profile("p1", "user_id:u0", 1, 2)
    await commit(store, delta(profiles=[bare]))
    assert await store.profiles_by_ids(["p1"]) == [bare]
    assert await store.next_deadline() is None


async def test_a_profile_that_goes(store: GraphStore) -> None:
    await commit(store, people("p1", "p2"))
    gone = delta(
        identifiers=[identifier("user_id:p2", "p1", id="p2")], gone_profiles=["p2", "never there"]
    )
    await commit(store, gone)
    assert await store.profile_ids_after("", 10) == ["p1"]
    # Its id answers the profile that holds its identifier.
    assert await store.profiles_by_ids(["p2"]) == [profile("p1", "user_id:p1")]


async def test_a_profile_that_comes_back(store: GraphStore) -> None:
    """A merge that is undone brings the id back, with what the sessions say."""
    await commit(store, people("p1", "p2"))
    moved = identifier("user_id:p2", "p1", id="p2")
    await commit(store, delta(identifiers=[moved], gone_profiles=["p2"]))
    await commit(store, people("p2"))
    assert await store.profiles_by_ids(["p2"]) == [profile("p2", "user_id:p2")]
    assert (await store.totals()).profiles == 2


async def test_every_field_of_a_session(store: GraphStore) -> None:
    whole = session(
        "m1", "user_id:u1", -5, 9, device="anonymous_id:a1", user="user_id:u1", last_mid="m2",
        facts=FACTS, tally=TALLY, rec=8,
    )  # fmt: skip
    await commit(
        store,
        union(person("p1", "user_id:u1"), delta(events=[new_event("m1", "m1")], sessions=[whole])),
    )
    (found,) = await store.sessions_by_ids(["m1"])
    assert found is not None and found.profile == "p1"
    assert exact(found.session) == exact(whole)


async def test_a_session_is_replaced_whole(store: GraphStore) -> None:
    await commit(
        store, union(person("p1", "user_id:u1"), visit("m1", "user_id:u1", {"m1": 5, "m2": 7}))
    )
    other = session("m1", None, 1, 2, device="user_id:u1", last_mid="m1")
    await commit(store, delta(sessions=[other]))
    (found,) = await store.sessions_by_ids(["m2"])
    assert found is not None
    assert (found.session, found.profile) == (other, None)
    assert await store.session_counts(["p1"]) == [0]


EVENT: dict[str, Any] = {
    "type": EventType.IDENTIFY,
    "received_at": 12,
    "source": "w_1",
    "anonymous_id": "a1",
    "user_id": "u1",
    "previous_id": "a0",
    "group_id": "g",
    "traits": {"plan": "gold", "n": 1, "f": 1.0, "b": True, "z": None},
    "properties": {"deep": [{"a": {"b": []}}], "big": 1 << 62, "price": 0.1},
    "context": {"ip": "192.0.2.7", "page": {"url": "https://x.y/?a=b&c='\"`"}},
    "original_timestamp": "2026-11-01T00:00:00+01:00",
}


async def test_every_field_of_an_event(store: GraphStore) -> None:
    new = new_event("m1", "m1", 5, "identify", rec=99, **EVENT)
    await commit(
        store,
        union(
            person("p1", "user_id:u1"), delta(events=[new], sessions=[session("m1", "user_id:u1")])
        ),
    )
    (found,) = await store.events_by_ids(["m1"])
    assert found is not None
    assert exact(found.event) == exact(new.event)
    assert (found.rec, found.session, found.profile) == (99, "m1", "p1")


async def test_every_type_of_event(store: GraphStore) -> None:
    every = [new_event(kind.value, "m1", 5, kind.value, type=kind) for kind in EventType]
    await commit(store, delta(events=every, sessions=[session("m1", None)]))
    found = await store.events_by_ids([kind.value for kind in EventType])
    assert [one and one.event.type for one in found] == list(EventType)
    assert {one and one.profile for one in found} == {None}


async def test_an_event_of_nobody(store: GraphStore) -> None:
    new = new_event("m1", "m1", device=None, user=None)
    await commit(
        store, delta(identifiers=[blocked("user_id:null")], events=[new],
                     sessions=[session("m1", None, device="user_id:null")])
    )  # fmt: skip
    (event,) = await store.events_by_ids(["m1"])
    (stored,) = await store.sessions_by_ids(["m1"])
    assert event is not None and event.profile is None
    assert stored is not None and stored.profile is None


# ── sessions that are split again ──────────────────────────────────────────────────────────────


async def test_a_session_that_goes_and_comes_in_one_delta_keeps_its_events(
    store: GraphStore,
) -> None:
    await commit(
        store, union(person("p1", "user_id:u1"), visit("m2", "user_id:u1", {"m2": 5, "m3": 6}))
    )
    # A late event before them; m2 begins no session any more, m3 does.
    await commit(
        store,
        delta(
            events=[new_event("m1", "m1", 4)],
            moved_events=[("m2", "m1"), ("m3", "m3")],
            gone_sessions=["m2"],
            sessions=[session("m1", "user_id:u1", 4, 5), session("m3", "user_id:u1", 6, 6)],
        ),
    )
    await commit(
        store, delta(gone_sessions=["m1", "m3"], sessions=[session("m1", "user_id:u1", 4, 6)],
                     moved_events=[("m3", "m1")])
    )  # fmt: skip
    found = await store.events_by_ids(["m1", "m2", "m3"])
    assert [(e.session, e.profile) if e else None for e in found] == [("m1", "p1")] * 3
    (page,) = await store.session_event_pages(["m1"], span())
    assert [e.event.message_id for e in page.items] == ["m1", "m2", "m3"]
    assert await store.event_counts(["p1"], None, span()) == [3]
    assert (await store.totals()).sessions == 1 and (await store.totals()).events == 3


async def test_an_event_moves_without_its_session_going(store: GraphStore) -> None:
    await commit(
        store,
        union(person("p1", "user_id:u1"), person("p2", "user_id:u2"),
              visit("m1", "user_id:u1", {"m1": 5, "m2": 6})),
    )  # fmt: skip
    await commit(
        store, delta(moved_events=[("m2", "m2")], sessions=[session("m2", "user_id:u2", 6)])
    )
    assert await store.event_counts(["p1", "p2"], None, span()) == [1, 1]
    (moved,) = await store.sessions_by_ids(["m2"])
    assert moved is not None and (moved.session.id, moved.profile) == ("m2", "p2")


async def test_an_older_id_answers_the_session_that_holds_the_event_now(store: GraphStore) -> None:
    await commit(store, union(person("p1", "user_id:u1"), visit("m2", "user_id:u1", {"m2": 5})))
    await commit(
        store,
        delta(events=[new_event("m1", "m1", 4)], moved_events=[("m2", "m1")],
              gone_sessions=["m2", "never there"], sessions=[session("m1", "user_id:u1", 4, 5)]),
    )  # fmt: skip
    found = await store.sessions_by_ids(["m2", "m1", "m9"])
    assert [s.session.id if s else None for s in found] == ["m1", "m1", None]


# ── interactions ───────────────────────────────────────────────────────────────────────────────


async def test_interactions_add_up(store: GraphStore) -> None:
    begin = union(person("p1", "user_id:u1"), visit("m1", "user_id:u1", {"m1": 5}))
    await commit(store, begin, delta(met=[met("m1", "i1", 1, at=5)], items=[item("i1")]))
    await commit(
        store,
        delta(met=[met("m1", "i1", carts=2, at=3), met("m1", "i1", purchases=1, at=9)]),
        delta(met=[met("m1", "i1", 4, at=4)]),
    )
    assert await store.interactions_of(["p1"]) == [[Interaction("i1", 5, 2, 1, 3, 9)]]


async def test_interactions_go_with_their_session(store: GraphStore) -> None:
    await commit(
        store,
        union(person("p1", "user_id:u1"), visit("m1", "user_id:u1", {"m1": 5}),
              visit("m2", "user_id:u1", {"m2": 6}), delta(items=[item("i1"), item("i2")])),
        delta(met=[met("m1", "i1", 1), met("m1", "i2", 1), met("m2", "i1", 1, at=7)]),
    )  # fmt: skip
    again = delta(
        gone_sessions=["m1"],
        sessions=[session("m1", "user_id:u1", 5)],
        met=[met("m1", "i2", carts=1)],
    )
    await commit(store, again)
    assert await store.interactions_of(["p1"]) == [
        [Interaction("i1", 1, 0, 0, 7, 7), Interaction("i2", 0, 1, 0, 0, 0)]
    ]


# ── evidence ───────────────────────────────────────────────────────────────────────────────────


async def test_every_kind_of_evidence(store: GraphStore) -> None:
    for kind in EvidenceKind:
        facts = delta(seen=[seen("a", "b", kind=kind)])
        await commit(store, facts, between(edge("a", "b", kind=kind)))
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        for kind in EvidenceKind:
            assert await batch.edges([("a", "b", kind)]) == [edge("a", "b", kind=kind)]
            assert await batch.halves([("a", "b", kind)]) == [seen("a", "b", kind=kind)]


async def test_every_status_of_evidence(store: GraphStore) -> None:
    every = [
        edge("a", f"b {status} {rule}", status=status, refused_by=rule)
        for status, rule in product(EvidenceStatus, (None, *RefusalRule))
    ]
    await commit(store, between(*every))
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        found = {one.key: one for one in await batch.edges([one.key for one in every])}
    assert found == {one.key: one for one in every}


async def test_edges_are_replaced_and_go(store: GraphStore) -> None:
    login, alias = edge("a", "b"), edge("a", "b", kind=EvidenceKind.ALIAS)
    await commit(store, between(login, alias))
    more = edge("a", "b", 5, first_at=-2, last_at=8, status=EvidenceStatus.REFUSED,
                refused_by=RefusalRule.SIZE)  # fmt: skip
    await commit(store, delta(edges=[more], gone_edges=[alias.key, ("a", "z", EvidenceKind.LOGIN)]))
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        assert await batch.edges([login.key, alias.key]) == [more]


# ── segments and the rest ──────────────────────────────────────────────────────────────────────


async def test_every_field_of_a_segment(store: GraphStore) -> None:
    rule = {"all": [{"event": {"name": "It's", "count": {"gte": 1}}}, {"not": {"trait": {}}}]}
    whole = segment(
        "s", name="Ünïted", status=SegmentStatus.BUILDING, version=3, rule=rule, created_at=1,
        updated_at=2, description="What it is", created_by="me", walked="",
    )  # fmt: skip
    await commit(store, delta(segments=[whole]))
    assert await store.segments() == [whole]
    other = segment("s", status=SegmentStatus.ARCHIVED, version=4, created_at=5, updated_at=6)
    await commit(store, delta(segments=[other]))
    assert await store.segments() == [other]


async def test_every_field_of_a_version(store: GraphStore) -> None:
    await commit(store, delta(segments=[segment("s")], segment_versions=[("s", version(1))]))
    second = version(2, rule={"any": [], "f": 1.5}, rec=7, by="me")
    await commit(store, delta(segments=[segment("s", version=2)], segment_versions=[("s", second)]))
    assert await store.segment_versions(["s"]) == [[second, version(1)]]


async def test_every_cause_of_a_membership(store: GraphStore) -> None:
    every = [
        entry("p1", f"s {cause}", -5, cause=cause, version=7, event="m1")
        for cause in MembershipCause
    ]
    segments = [segment(one.membership.segment) for one in every]
    await commit(store, union(people("p1"), delta(segments=segments, opened=every)))
    (page,) = await store.membership_pages(["p1"], span())
    assert {m.segment: m for m in page.items} == {
        one.membership.segment: one.membership for one in every
    }


async def test_a_membership_ends_and_begins_again(store: GraphStore) -> None:
    begin = union(people("p1"), delta(segments=[segment("s")], opened=[entry("p1", "s", 3)]))
    await commit(store, begin)
    await commit(store, delta(REC + 1, closed=[("p1", "s"), ("p1", "s"), ("p1", "never open")]))
    assert await store.membership_counts(["p1"]) == [0]
    assert await store.segment_sizes(["s"]) == [0]
    await commit(store, delta(REC + 2, opened=[entry("p1", "s", 9)]))
    await commit(store, delta(REC + 3, closed=[("p1", "s")], opened=[entry("p1", "s", 3)]))
    (page,) = await store.membership_pages(["p1"], span())
    assert [m.since for m in page.items] == [3]
    assert await store.segment_sizes(["s"]) == [1]


async def test_deadlines_of_profiles_that_are_not_there_are_passed_over(store: GraphStore) -> None:
    await commit(store, union(people("p1"), delta(deadlines=[("p1", 5), ("p9", 1)])))
    assert await store.due(10, 10) == ["p1"]


async def test_an_item_is_replaced_whole(store: GraphStore) -> None:
    full = item(
        "i1", updated_at=-5, name="A lamp", category="Light", brand="Lux", price=(1 << 63) - 1,
        currency="EUR", url="https://x.y", image_url="https://x.y/i", available=False,
        attributes={"w": 40, "f": 40.0, "tags": ["a", None, {"b": True}]},
    )  # fmt: skip
    await commit(store, delta(items=[full]))
    (found,) = await store.items_by_ids(["i1"])
    assert exact(found) == exact(full)
    await commit(store, delta(items=[item("i1", updated_at=1)]))
    assert await store.items_by_ids(["i1"]) == [item("i1", updated_at=1)]
    assert (await store.totals()).items == 1
