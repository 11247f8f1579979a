"""Profiles and identifiers: by key, by any id they ever had, as pages, counted, searched."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from graph_values import (
    REC,
    After,
    blocked,
    commit,
    delta,
    entry,
    identifier,
    people,
    person,
    profile,
    segment,
    span,
    union,
    walk,
)

from graph_schema.model.profile import Profile
from graph_schema.model.tally import Tally, TraitFact
from graph_schema.store import Delta, GraphStore, Page

ORDERS = ("LAST_SEEN_DESC", "FIRST_SEEN_DESC", "ID")


# ── by key and by id ───────────────────────────────────────────────────────────────────────────


async def test_identifiers_by_keys(store: GraphStore) -> None:
    await commit(
        store, union(people("p1"), delta(identifiers=[blocked("user_id:null", first_at=4)]))
    )
    one, other = identifier("user_id:p1", "p1", id="p1"), blocked("user_id:null", first_at=4)
    found = await store.identifiers_by_keys(["user_id:null", "x:y", "user_id:p1", "user_id:null"])
    assert found == [other, None, one, other]
    assert await store.identifiers_by_keys([]) == []


async def test_profiles_by_any_id_their_identifiers_ever_anchored(store: GraphStore) -> None:
    await commit(
        store, union(people("p1", "p2", "p3"), delta(identifiers=[blocked("user_id:null")]))
    )
    merged = [identifier(f"user_id:{id_}", "p1", id=id_) for id_ in ("p2", "p3")]
    await commit(store, delta(identifiers=merged, gone_profiles=["p2", "p3"]))
    nobody = blocked("user_id:null").id
    today = profile("p1", "user_id:p1")
    found = await store.profiles_by_ids(["p3", nobody, "p1", "unknown", "p2", "p3"])
    assert found == [today, None, today, None, today, today]
    assert await store.profiles_by_ids([]) == []


async def test_identifiers_by_the_ids_that_they_would_give(store: GraphStore) -> None:
    await commit(store, union(people("p1"), delta(identifiers=[blocked("user_id:null")])))
    one, nobody = identifier("user_id:p1", "p1", id="p1"), blocked("user_id:null")
    found = await store.identifiers_by_ids([nobody.id, "unknown", "p1", nobody.id])
    assert found == [nobody, None, one, nobody]
    assert await store.identifiers_by_ids([]) == []


async def test_an_id_that_a_profile_got_anew(store: GraphStore) -> None:
    """p1 was split: the identifier it was named after is held by p2 now."""
    await commit(store, person("p1", "user_id:u1", "user_id:u2"))
    await commit(
        store,
        union(person("p2", "user_id:u2"), delta(
            identifiers=[identifier("user_id:u1", "p2", id="p1")], gone_profiles=["p1"])),
    )  # fmt: skip
    (found,) = await store.profiles_by_ids(["p1"])
    assert found is not None and found.id == "p2"


# ── profile pages ──────────────────────────────────────────────────────────────────────────────


async def crowd(store: GraphStore) -> None:
    """Five profiles; (first, last) seen with ties; some in a segment."""
    times = {"p1": (5, 50), "p2": (5, 40), "p3": (1, 50), "p4": (-9, -8), "p5": (5, 50)}
    await commit(
        store,
        *(person(id_, f"user_id:{id_}", at=a, until=b) for id_, (a, b) in times.items()),
        delta(segments=[segment("s"), segment("empty")]),
        delta(opened=[entry(id_, "s") for id_ in ("p1", "p3", "p4")]),
    )
    await commit(store, delta(REC + 1, closed=[("p4", "s")]))


def keyset(order: str, last: Profile) -> tuple[object, ...]:
    if order == "ID":
        return (last.id,)
    return (last.last_at if order == "LAST_SEEN_DESC" else last.first_at, last.id)


async def walked(store: GraphStore, order: str, first: int, **where: str | None) -> list[str]:
    """All ids, by pages of `first`."""
    where = {"segment": None, "search": None} | where

    async def page(after: After) -> Page[Any]:
        return await store.profile_page(order, span(first, after), **where)

    return [one.id for one in await walk(page, first, lambda one: keyset(order, one))]


async def test_profiles_in_pages(store: GraphStore) -> None:
    await crowd(store)
    orders = {
        "LAST_SEEN_DESC": ["p5", "p3", "p1", "p2", "p4"],
        "FIRST_SEEN_DESC": ["p5", "p2", "p1", "p3", "p4"],
        "ID": ["p1", "p2", "p3", "p4", "p5"],
    }
    for (order, expected), first in product(orders.items(), (1, 2, 3, 5, 100)):
        assert await walked(store, order, first) == expected, (order, first)
        members = [id_ for id_ in expected if id_ in ("p1", "p3")]
        assert await walked(store, order, first, segment="s") == members, (order, first)
        assert await walked(store, order, first, segment="empty") == []
        assert await walked(store, order, first, segment="unknown") == []


async def test_profiles_counted(store: GraphStore) -> None:
    await crowd(store)
    assert await store.profile_count(segment=None, search=None) == 5
    assert await store.profile_count(segment="s", search=None) == 2
    assert await store.profile_count(segment="empty", search=None) == 0
    assert await store.profile_count(segment=None, search="P1") == 1
    assert await store.profile_count(segment="s", search="p") == 2
    assert await store.profile_count(segment="s", search="p2") == 0


async def test_a_page_of_nothing_still_says_whether_there_is_more(store: GraphStore) -> None:
    for order in ORDERS:
        empty = await store.profile_page(order, span(0), segment=None, search=None)
        assert list(empty.items) == [] and not empty.has_next
    await crowd(store)
    for order in ORDERS:
        page = await store.profile_page(order, span(0), segment=None, search=None)
        assert list(page.items) == [] and page.has_next


@pytest.mark.parametrize("order", ORDERS)
async def test_a_page_behind_a_profile_that_is_gone(store: GraphStore, order: str) -> None:
    await crowd(store)
    whole = await walked(store, order, 100)
    (last,) = (await store.profile_page(order, span(1), segment=None, search=None)).items
    moved = identifier(f"user_id:{last.id}", "p4", id=last.id)
    await commit(store, delta(identifiers=[moved], gone_profiles=[last.id]))
    page = await store.profile_page(
        order, span(100, keyset(order, last)), segment=None, search=None
    )
    assert [one.id for one in page.items] == whole[1:]


# ── searching ──────────────────────────────────────────────────────────────────────────────────


def called(id_: str, value: object, *keys: str) -> Delta:
    tally = Tally(traits={"name": TraitFact(1, "m1", value), "n": TraitFact(1, "m1", 4711)})
    return person(id_, *keys, tally=tally)


async def searched(store: GraphStore, text: str) -> list[str]:
    page = await store.profile_page("ID", span(), segment=None, search=text)
    assert await store.profile_count(segment=None, search=text) == len(page.items)
    return [one.id for one in page.items]


@pytest.fixture
async def named(store: GraphStore) -> GraphStore:
    await commit(
        store,
        called("p1", "Ünal  O'Neil", "user_id:u1", "email:anna@x.y"),
        called("p2", "ANNA-LENA GROSS", "user_id:Case"),
        called("p3", '50% _off\\ "*?\x00end', "user_id:u3"),
        called("p4", None, "user_id:u4"),
        called("p5", ["anna"], "user_id:u5"),
        called("p6", "Straße", "user_id:u6"),
    )
    return store


SEARCHES = {
    "anna": ["p1", "p2"],
    "ANNA@X": ["p1"],
    "case": ["p2"],
    "ünal o'neil": ["p1"],
    "ÜNAL": ["p1"],
    "U\u0308NAL": ["p1"],
    "unal": [],
    "STRASSE": ["p6"],
    "l": ["p1", "p2"],
    "%": ["p3"],
    "_": ["p3"],
    "\\": ["p3"],
    '"*?': ["p3"],
    "\x00": ["p1", "p2", "p3", "p4", "p5", "p6"],
    "? end": ["p3"],
    "  anna \n": ["p1", "p2"],
    "": ["p1", "p2", "p3", "p4", "p5", "p6"],
    "4711": [],
    "user_id": [],
    "anna unal": [],
    "' OR 1=1 --": [],
    "') MATCH (n) DETACH DELETE n //": [],
}


async def test_a_search(named: GraphStore) -> None:
    assert {text: await searched(named, text) for text in SEARCHES} == SEARCHES


async def test_a_search_follows_what_changes(named: GraphStore) -> None:
    await commit(
        named,
        called("p2", "Anton", "user_id:Case"),
        delta(identifiers=[identifier("email:anna@x.y", "p4")]),
    )
    assert await searched(named, "anna") == ["p4"]
    assert await searched(named, "anton") == ["p2"]


async def test_a_search_in_pages(named: GraphStore) -> None:
    for order in ORDERS:
        whole = await walked(named, order, 100, search="a")
        assert sorted(whole) == ["p1", "p2", "p6"]
        assert await walked(named, order, 1, search="a") == whole


# ── identifier pages ───────────────────────────────────────────────────────────────────────────

OWN = [
    identifier("user_id:u1", "p1", first_at=9, id="p1"),
    identifier("email:a@x.y", "p1", first_at=2),
    identifier("email:b@x.y", "p1", first_at=2),
    identifier("email:0@x.y", "p1", first_at=3),
    identifier("anonymous_id:a2", "p1", first_at=-4),
    identifier("anonymous_id:a1", "p1", first_at=0),
]


async def holding(store: GraphStore) -> None:
    others = [identifier("email:c@x.y", "p2", id="p2"), blocked("email:null")]
    await commit(
        store,
        delta(
            identifiers=[*reversed(OWN), *others],
            profiles=[profile("p1", "user_id:u1"), profile("p2", "email:c@x.y")],
        ),
    )


async def test_identifiers_in_pages(store: GraphStore) -> None:
    await holding(store)
    wanted = (None, ["email"], ["anonymous_id", "user_id"], [], ["none"])
    for names, first in product(wanted, (1, 2, 6, 7)):
        expected = [one for one in OWN if names is None or one.namespace in names]

        async def page(after: After, names: Any = names, first: int = first) -> Page[Any]:
            (found,) = await store.identifier_pages(["p1"], names, span(first, after))
            return found

        found = await walk(page, first, lambda one: (one.rank, one.first_at, one.key))
        assert found == expected, (names, first)
        assert await store.identifier_counts(["p1"], names) == [len(expected)]


async def test_identifiers_of_several_profiles(store: GraphStore) -> None:
    await holding(store)
    pages = await store.identifier_pages(["p2", "p?", "p1", "p2"], ["email"], span(2))
    assert [[one.value for one in page.items] for page in pages] == [
        ["c@x.y"], [], ["a@x.y", "b@x.y"], ["c@x.y"],
    ]  # fmt: skip
    assert [page.has_next for page in pages] == [False, False, True, False]
    assert await store.identifier_counts(["p2", "p?", "p1", "p2"], None) == [1, 0, 6, 1]
    assert await store.identifier_pages([], None, span()) == []
    assert await store.identifier_counts([], None) == []
