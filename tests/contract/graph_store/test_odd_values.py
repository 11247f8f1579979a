"""Values that look like queries, like each other, or like trouble: they come back as they went in."""

from __future__ import annotations

from typing import Any

from graph_values import (
    LOG,
    between,
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

from graph_schema.model.change import MembershipChange
from graph_schema.model.command import Outcome
from graph_schema.model.segment import MembershipCause
from graph_schema.model.tally import Tally, TraitFact
from graph_schema.store import DeadRecord, GraphStore, Wanted

TEXTS = [
    "'", '"', "`", "\\", "\\'", "''", "$x", "{}", "${x}", "%", "_", "*", "?", ":x", "--", "/*", "//",
    "' OR '1'='1", "'; DROP TABLE profile; --", "') MATCH (n) DETACH DELETE n //", "`) RETURN 1 //",
    "null", "NULL", "true", "0", "1", "1.0", "1e3", "[]", '["a"]', "\t", "\r\n", "\x01", "\x7f",
    " ", "  ", " a ", "a", "A", "ä", "a\u0308", "Ä", "ı", "İ", "ß", "ss", "ﬀ", "\u200b", "\u202e",
    "\ufeff", "\N{GRINNING FACE}", "\N{REPLACEMENT CHARACTER}", "\uffff", "\U0010ffff", "e" * 512,
]  # fmt: skip
"""All different, many of them nearly alike. None has a NUL: no key and no name has."""

NUMBERS = [
    0, 1, -1, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63), 1 << 63, (1 << 64) - 1, 1 << 64, -(1 << 70),
    10**30, 0.0, -0.0, 1.0, 0.1, 1e-300, 1.7976931348623157e308, 5e-324, True, False, None,
]  # fmt: skip


def nested(depth: int) -> Any:
    value: Any = "deep"
    for level in range(depth):
        value = {"in": value} if level % 2 else [value, level]
    return value


ANYTHING: dict[str, Any] = {
    "numbers": NUMBERS,
    "texts": [*TEXTS, "", "\x00", "a\x00b"],
    "keys": {text: text for text in [*TEXTS, "", "a\x00b"]},
    "mixed": [1, "1", 1.0, True, None, [], {}, [[]], [{}]],
    "deep": nested(60),
    "long": "\N{GRINNING FACE}" * 20_000,
    "empty": {"a": {}, "b": [], "c": ""},
}


async def test_any_json_in_an_event(store: GraphStore) -> None:
    parts = {"traits": ANYTHING, "properties": ANYTHING, "context": ANYTHING}
    new = new_event("m1", "m1", 5, "Seen", **parts)
    owned = delta(events=[new], sessions=[session("m1", "user_id:u1")])
    await commit(store, union(person("p1", "user_id:u1"), owned))
    (found,) = await store.events_by_ids(["m1"])
    assert found is not None and exact(found.event) == exact(new.event)


async def test_any_json_in_a_trait(store: GraphStore) -> None:
    """All that identity.storable lets through: integers have 64 bits there."""
    fitting = [n for n in NUMBERS if not isinstance(n, int) or -(1 << 63) <= n < 1 << 64]
    anything = ANYTHING | {"numbers": fitting}
    tally = Tally(traits={name: TraitFact(1, "m1", value) for name, value in anything.items()})
    whole = profile("p1", "user_id:u1", tally=tally)
    part = session("m1", "user_id:u1", tally=tally)
    await commit(store, union(person("p1", "user_id:u1"), delta(
        profiles=[whole], sessions=[part], events=[new_event("m1", "m1")])))  # fmt: skip
    (found,) = await store.profiles_by_ids(["p1"])
    assert exact(found) == exact(whole)
    (sessions,) = await store.session_tallies(["p1"])
    assert exact(sessions) == exact([part])


async def test_any_json_in_a_rule_and_an_item(store: GraphStore) -> None:
    one = segment("s", rule=ANYTHING)
    thing = item("i1", attributes=ANYTHING)
    await commit(
        store,
        delta(segments=[one], segment_versions=[("s", version(1, rule=ANYTHING))], items=[thing]),
    )
    assert exact(await store.segments()) == exact([one])
    assert exact(await store.segment_versions(["s"])) == exact([[version(1, rule=ANYTHING)]])
    assert exact(await store.items_by_ids(["i1"])) == exact([thing])


async def test_odd_keys_are_told_apart(store: GraphStore) -> None:
    keys = [f"user_id:{text}" for text in TEXTS]
    await commit(store, union(*(person(f"p {key}", key) for key in keys)))
    found = await store.identifiers_by_keys(keys)
    assert [one and (one.key, one.value, one.profile) for one in found] == [
        (key, text, f"p {key}") for key, text in zip(keys, TEXTS, strict=True)
    ]
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        loaded = await batch.load(Wanted((), tuple(keys), (), {}))
        assert loaded.identifiers.keys() == set(keys) and len(loaded.profiles) == len(keys)
        clusters = await batch.clusters(keys)
        assert {one.key for one in clusters.members} == set(keys)
    assert (await store.totals()).profiles == len(TEXTS)


async def test_odd_texts_are_ordered_by_code_point(store: GraphStore) -> None:
    await commit(
        store,
        people(*TEXTS),
        delta(items=[item(text) for text in TEXTS], segments=[segment(text) for text in TEXTS]),
        delta(opened=[entry("a", text) for text in TEXTS]),
    )
    ordered = sorted(TEXTS)
    assert await store.profile_ids_after("", 1000) == ordered
    assert [one.id for one in await store.items_after("", 1000)] == ordered
    assert [one.key for one in await store.segments()] == ordered
    (page,) = await store.membership_pages(["a"], span(1000))
    assert [one.segment for one in page.items] == ordered
    profiles = await store.profile_page("LAST_SEEN_DESC", span(1000), segment=None, search=None)
    assert [one.id for one in profiles.items] == ordered[::-1]
    for text in TEXTS:
        at = ordered.index(text)
        assert await store.profile_ids_after(text, 1) == ordered[at + 1 : at + 2]


async def test_odd_message_ids_and_names(store: GraphStore) -> None:
    events = [(text, at, text) for at, text in enumerate(TEXTS)]
    await commit(store, union(person("p1", "user_id:u1"), visit(TEXTS[0], "user_id:u1", events)))
    found = await store.events_by_ids(TEXTS)
    assert [one and one.event.message_id for one in found] == TEXTS
    assert all(one and one.session == TEXTS[0] for one in await store.events_by_ids(TEXTS))
    for text in TEXTS:
        (page,) = await store.event_pages(["p1"], [text], span())
        assert [one.event.message_id for one in page.items] == [text]
        assert [one.mid for one in await store.profile_events(["p1"], [text], 0)] == [text]
    assert await store.event_counts(["p1"], TEXTS, span()) == [len(TEXTS)]
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        assert (await batch.load(Wanted(tuple(TEXTS), (), (), {}))).digests.keys() == set(TEXTS)


async def test_odd_ends_of_evidence(store: GraphStore) -> None:
    pairs = list(zip(TEXTS[::2], TEXTS[1::2], strict=False))
    edges = [edge(*sorted(pair)) for pair in pairs]
    facts = [seen(*sorted(pair), mid=pair[0]) for pair in pairs]
    await commit(store, between(*edges), delta(seen=facts))
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        found = await batch.edges([one.key for one in edges])
        assert {one.key for one in found} == {one.key for one in edges}
        halves = await batch.halves([one.key for one in edges])
        assert {one.mid for one in halves} == {pair[0] for pair in pairs}


async def test_odd_texts_elsewhere(store: GraphStore) -> None:
    await commit(
        store,
        people("p1"),
        visit("m1", "user_id:p1", {"m1": 1}),
        delta(
            items=[item(text, name=text, category=text) for text in TEXTS],
            segments=[segment(text, name=text, description=text) for text in TEXTS],
            met=[met("m1", text, 1) for text in TEXTS],
            opened=[entry("p1", text, event=text) for text in TEXTS],
            outcomes=[Outcome(text, 1, text, text, (text, text)) for text in TEXTS],
            dead=[DeadRecord(0, at, 1, text, text) for at, text in enumerate(TEXTS, start=1)],
            changes=[
                MembershipChange(text, text, True, 1, MembershipCause.EVENT, text) for text in TEXTS
            ],
        ),
    )
    assert [o and o.path for o in await store.outcomes(TEXTS)] == [(text, text) for text in TEXTS]
    assert await store.segment_sizes(TEXTS) == [1] * len(TEXTS)
    assert [d.message for d in await store.dead_records((0, 0), 1000)] == TEXTS
    assert [e.change.segment for e in await store.changes((0,), 1000)] == TEXTS
    assert [i and i.category for i in await store.items_by_ids(TEXTS)] == TEXTS
    (met_items,) = await store.interactions_of(["p1"])
    assert [one.item_id for one in met_items] == sorted(TEXTS)
    for text in TEXTS:
        assert len((await store.member_page(text, "ID", span())).items) == 1
        assert await store.profile_count(segment=text, search=None) == 1


async def test_what_looks_alike_is_not_replaced(store: GraphStore) -> None:
    alike = ["a", "A", "ä", "a\u0308", "a ", " a"]
    await commit(store, delta(items=[item(text, name=f"first {text}") for text in alike]))
    await commit(store, delta(items=[item("A", name="second")]))
    found = await store.items_by_ids(alike)
    assert [one and one.name for one in found] == [
        "second" if text == "A" else f"first {text}" for text in alike
    ]


async def test_times_far_away(store: GraphStore) -> None:
    first, last = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 and 9999
    one = identifier("user_id:u1", "p1", id="p1", first_at=first, last_at=last)
    whole = profile("p1", "user_id:u1", first, last, deadline=last)
    await commit(store, delta(last, identifiers=[one], profiles=[whole]))
    assert await store.identifiers_by_keys(["user_id:u1"]) == [one]
    assert await store.profiles_by_ids(["p1"]) == [whole]
    assert await store.next_deadline() == last
    assert await store.due(last, 1) == ["p1"] and await store.due(last - 1, 1) == []
    (checkpoint,) = await store.checkpoints()
    assert checkpoint.rec == last
    page = await store.profile_page(
        "LAST_SEEN_DESC", span(1, (last, "p2")), segment=None, search=None
    )
    assert [found.id for found in page.items] == ["p1"]
