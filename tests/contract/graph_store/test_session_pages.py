"""Sessions and events: by id, as pages within bounds, counted, for rules."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import msgspec
from graph_values import (
    After,
    commit,
    delta,
    identifier,
    new_event,
    people,
    person,
    session,
    span,
    union,
    visit,
    walk,
)

from graph_schema.model.time import MINUTE
from graph_schema.store import GraphStore, Page, StoredEvent

# One graph answers all the questions of a test: what makes a graph costs more than what asks it.
BOUNDS: list[dict[str, Any]] = [
    {}, {"since": 20}, {"until": 20}, {"since": 10, "until": 30}, {"since": 11, "until": 11},
    {"since": 30, "until": 10}, {"since": -(1 << 62), "until": 1 << 62},
]  # fmt: skip


def within(at: int, since: int | None = None, until: int | None = None) -> bool:
    return (since is None or at >= since) and (until is None or at < until)


# ── sessions ───────────────────────────────────────────────────────────────────────────────────

STARTS = {"s1": 10, "s2": 30, "s3": 10, "s4": -5, "s5": 20}


async def visits(store: GraphStore) -> None:
    owners = {"s1": "user_id:u1", "s2": "anonymous_id:a1"}
    await commit(
        store,
        person("p1", "user_id:u1", "anonymous_id:a1"),
        people("p2", "p3"),
        *(visit(id_, owners.get(id_, "user_id:u1"), {id_: at}) for id_, at in STARTS.items()),
        visit("x1", "user_id:p2", {"x1": 15, "x2": 16}),
        visit("x3", None, {"x3": 15}),
    )


async def test_sessions_in_pages(store: GraphStore) -> None:
    await visits(store)
    for bounds, first in product(BOUNDS, (1, 2, 5, 9)):
        order = ("s2", "s5", "s3", "s1", "s4")
        expected = [id_ for id_ in order if within(STARTS[id_], **bounds)]

        async def page(after: After, first: int = first, bounds: Any = bounds) -> Page[Any]:
            (found,) = await store.session_pages(["p1"], span(first, after, **bounds))
            return found

        found = await walk(page, first, lambda one: (one.session.started_at, one.session.id))
        assert [one.session.id for one in found] == expected, (bounds, first)
        assert {one.profile for one in found} <= {"p1"}


async def test_sessions_of_several_profiles(store: GraphStore) -> None:
    await visits(store)
    pages = await store.session_pages(["p2", "p?", "p1", "p3", "p2"], span(1))
    assert [[one.session.id for one in page.items] for page in pages] == [
        ["x1"], [], ["s2"], [], ["x1"],
    ]  # fmt: skip
    assert [page.has_next for page in pages] == [False, False, True, False, False]
    assert await store.session_counts(["p2", "p?", "p1", "p3", "p2"]) == [1, 0, 5, 0, 1]
    tallies = await store.session_tallies(["p2", "p?", "p1", "p2"])
    assert [[one.id for one in sessions] for sessions in tallies] == [
        ["x1"], [], ["s2", "s5", "s3", "s1", "s4"], ["x1"],
    ]  # fmt: skip
    assert await store.session_pages([], span()) == []
    assert await store.session_counts([]) == []
    assert await store.session_tallies([]) == []


async def test_sessions_by_ids(store: GraphStore) -> None:
    await visits(store)
    found = await store.sessions_by_ids(["x2", "s1", "m?", "x3", "x1", "x1"])
    assert [(s.session.id, s.profile) if s else None for s in found] == [
        ("x1", "p2"), ("s1", "p1"), None, ("x3", None), ("x1", "p2"), ("x1", "p2"),
    ]  # fmt: skip
    assert await store.sessions_by_ids([]) == []


async def test_sessions_go_with_their_owner(store: GraphStore) -> None:
    await visits(store)
    await commit(store, delta(identifiers=[identifier("anonymous_id:a1", "p3")]))
    assert await store.session_counts(["p1", "p3"]) == [4, 1]
    (found,) = await store.sessions_by_ids(["s2"])
    assert found is not None and found.profile == "p3"
    (event,) = await store.events_by_ids(["s2"])
    assert event is not None and event.profile == "p3"


# ── events ─────────────────────────────────────────────────────────────────────────────────────

EVENTS = [
    ("e1", "v1", 10, "Seen"), ("e2", "v1", 20, "Bought"), ("e3", "v1", 30, "Seen"),
    ("e0", "v2", 20, "Seen"), ("e5", "v2", 20, "Left"), ("e6", "v2", 29, "seen"),
    ("e7", "v3", -8, "Seen"),
]  # fmt: skip


async def happened(store: GraphStore) -> None:
    await commit(
        store,
        person("p1", "user_id:u1", "anonymous_id:a1"),
        people("p2"),
        visit("v1", "user_id:u1", [(m, at, n) for m, v, at, n in EVENTS if v == "v1"]),
        visit("v2", "anonymous_id:a1", [(m, at, n) for m, v, at, n in EVENTS if v == "v2"]),
        visit("v3", "user_id:u1", [(m, at, n) for m, v, at, n in EVENTS if v == "v3"]),
        visit("x1", "user_id:p2", [("x1", 25, "Seen")]),
        visit("x2", None, [("x2", 25, "Seen")]),
    )


def moment(one: StoredEvent) -> tuple[int, str]:
    return one.event.at, one.event.message_id


def mids(events: Sequence[StoredEvent]) -> list[str]:
    return [one.event.message_id for one in events]


async def test_events_in_pages(store: GraphStore) -> None:
    await happened(store)
    questions = product(BOUNDS, (None, ["Seen"], ["Left", "Bought"], [], ["Nothing"]), (1, 3, 7, 9))
    for bounds, names, first in questions:
        expected = [
            (m, v)
            for m, v, at, name in sorted(EVENTS, key=lambda e: (e[2], e[0]), reverse=True)
            if within(at, **bounds) and (names is None or name in names)
        ]

        async def page(
            after: After, first: int = first, names: Any = names, bounds: Any = bounds
        ) -> Page[Any]:
            (found,) = await store.event_pages(["p1"], names, span(first, after, **bounds))
            return found

        found = await walk(page, first, moment)
        assert [(one.event.message_id, one.session) for one in found] == expected, (
            bounds, names, first,
        )  # fmt: skip
        assert {one.profile for one in found} <= {"p1"}
        # Of a span only its bounds count here.
        whole = span(1, (0, "e"), **bounds)
        assert await store.event_counts(["p1"], names, whole) == [len(expected)]


async def test_events_of_several_profiles(store: GraphStore) -> None:
    await happened(store)
    pages = await store.event_pages(["p2", "p?", "p1", "p2"], None, span(2))
    assert [mids(page.items) for page in pages] == [["x1"], [], ["e3", "e6"], ["x1"]]
    assert [page.has_next for page in pages] == [False, False, True, False]
    assert await store.event_counts(["p2", "p?", "p1", "p2"], None, span()) == [1, 0, 7, 1]
    assert await store.event_pages([], None, span()) == []
    assert await store.event_counts([], None, span()) == []


async def test_events_over_many_sessions(store: GraphStore) -> None:
    """Long sessions with old events among many short ones: the newest are found all the same."""
    short = [
        visit(f"s{number:03d}", "user_id:u1", {f"s{number:03d}": number * MINUTE})
        for number in range(80)
    ]
    long = visit("l1", "anonymous_id:a1", {"l1": -MINUTE, "l2": 200 * MINUTE, "l3": 30 * MINUTE})
    await commit(store, person("p1", "user_id:u1", "anonymous_id:a1"), *short, long)
    times = {f"s{number:03d}": number * MINUTE for number in range(80)}
    times |= {"l1": -MINUTE, "l2": 200 * MINUTE, "l3": 30 * MINUTE}
    expected = sorted(times, key=lambda mid: (times[mid], mid), reverse=True)
    (page,) = await store.event_pages(["p1"], None, span(100))
    assert mids(page.items) == expected

    async def seven(after: After) -> Page[Any]:
        (found,) = await store.event_pages(["p1"], None, span(7, after))
        return found

    assert mids(await walk(seven, 7, moment)) == expected


async def test_events_of_a_session_oldest_first(store: GraphStore) -> None:
    await happened(store)
    for bounds, first in product(BOUNDS, (1, 2, 4)):
        expected = [m for m, v, at, _ in EVENTS if v == "v2" and within(at, **bounds)]

        async def page(after: After, first: int = first, bounds: Any = bounds) -> Page[Any]:
            (found,) = await store.session_event_pages(["v2"], span(first, after, **bounds))
            return found

        assert mids(await walk(page, first, moment)) == expected, (bounds, first)


async def test_events_of_several_sessions(store: GraphStore) -> None:
    await happened(store)
    pages = await store.session_event_pages(["x2", "v1", "v?", "e2", "v1"], span(2))
    assert [mids(page.items) for page in pages] == [["x2"], ["e1", "e2"], [], [], ["e1", "e2"]]
    assert [page.has_next for page in pages] == [False, True, False, False, True]
    assert [one.profile for page in pages for one in page.items] == [None, "p1", "p1", "p1", "p1"]
    assert await store.session_event_pages([], span()) == []


async def test_events_by_ids(store: GraphStore) -> None:
    await happened(store)
    found = await store.events_by_ids(["e5", "m?", "x2", "e1", "e5"])
    assert [(e.event.message_id, e.session, e.profile) if e else None for e in found] == [
        ("e5", "v2", "p1"), None, ("x2", "x2", None), ("e1", "v1", "p1"), ("e5", "v2", "p1"),
    ]  # fmt: skip
    assert await store.events_by_ids([]) == []


async def test_events_for_rules(store: GraphStore) -> None:
    await happened(store)
    found = await store.profile_events(["p2", "p1", "p1", "p?"], ["Seen", "Seen", "Left"], 20)
    assert [(e.profile_id, e.at, e.mid, e.name) for e in found] == [
        ("p1", 20, "e0", "Seen"),
        ("p1", 20, "e5", "Left"),
        ("p1", 30, "e3", "Seen"),
        ("p2", 25, "x1", "Seen"),
    ]
    (stored,) = await store.events_by_ids(["e0"])
    assert stored is not None
    assert msgspec.json.decode(found[0].body, type=type(stored.event)) == stored.event
    assert await store.profile_events(["p1"], [], 0) == []
    assert await store.profile_events([], ["Seen"], 0) == []


async def test_the_latest_time_there_is(store: GraphStore) -> None:
    last = 253_402_300_799_999_999  # 9999-12-31T23:59:59.999999Z
    first = -62_135_596_800_000_000  # 0001-01-01T00:00:00Z
    await commit(
        store, union(person("p1", "user_id:u1", at=first, until=last),
                     visit("m1", "user_id:u1", {"m1": first, "m2": last})),
    )  # fmt: skip
    (page,) = await store.event_pages(["p1"], None, span())
    assert mids(page.items) == ["m2", "m1"]
    (page,) = await store.event_pages(["p1"], None, span(5, (last, "m2")))
    assert mids(page.items) == ["m1"]
    assert await store.event_counts(["p1"], None, span(until=last)) == [1]


async def test_an_event_in_a_session_that_comes_later_in_the_batch(store: GraphStore) -> None:
    await commit(
        store,
        delta(events=[new_event("m1", "m1", 5)]),
        union(person("p1", "user_id:u1"), delta(sessions=[session("m1", "user_id:u1", 5)])),
    )
    (found,) = await store.events_by_ids(["m1"])
    assert found is not None and found.profile == "p1"
