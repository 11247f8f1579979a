"""Decisions, the evidence as readers see it, and what became of one profile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

from graph_values import (
    LOG,
    REC,
    After,
    between,
    commit,
    delta,
    edge,
    people,
    person,
    seen,
    session,
    span,
    union,
    visit,
    walk,
)

from graph_schema.knowledge import EARLIEST, EvidenceReading
from graph_schema.model.change import (
    CausedBy,
    ChangeKind,
    ChangePart,
    ChangeStatus,
    IdentityChange,
    ProfilesTouched,
)
from graph_schema.model.evidence import Decision, DecisionKind, EvidenceKind
from graph_schema.store import GraphStore, Page


@asynccontextmanager
async def readers(store: GraphStore) -> AsyncIterator[list[EvidenceReading]]:
    """The same questions are asked outside of a batch and inside of one."""
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        yield [store, batch]


def decision(id_: str, rec: int = 5, **rest: Any) -> Decision:
    rest.setdefault("kind", DecisionKind.CONFIRMED)
    rest.setdefault("left", ("user_id:u1",))
    rest.setdefault("right", ("user_id:u2", "email:e'\"@x.y"))
    return Decision(id=id_, actor="Ann", at=-3, rec=rec, **rest)


# ── decisions ──────────────────────────────────────────────────────────────────────────────────

DECIDED = [
    decision("d2", 4),
    decision("d1", 5, kind=DecisionKind.CANNOT_LINK, note="It's hers.", right=()),
    decision("d3", 5, undoes="d1"),
    decision("d4", 9, kind=DecisionKind.CANNOT_LINK, undoes_change="c_1"),
    decision("d0", 10, undoes="d1", note=""),
]


async def test_decisions_in_the_order_in_which_they_were_recorded(store: GraphStore) -> None:
    async with readers(store) as all_readers:
        for reader in all_readers:
            assert await reader.decisions(EARLIEST) == []
    await commit(store, delta(decisions=[DECIDED[2], DECIDED[1], DECIDED[0]]))
    await commit(store, delta(decisions=DECIDED[3:]))
    async with readers(store) as all_readers:
        for reader in all_readers:
            assert await reader.decisions(EARLIEST) == DECIDED
            for number, known in enumerate(DECIDED, start=1):
                assert await reader.decisions((known.rec, known.id)) == DECIDED[number:]
            assert await reader.decisions((5, "")) == DECIDED[1:]


async def test_a_batch_reads_its_own_decisions(store: GraphStore) -> None:
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        await batch.write(delta(decisions=[DECIDED[0]]))
        assert await batch.decisions(EARLIEST) == [DECIDED[0]]
        assert await store.decisions(EARLIEST) == []
        await batch.advance(1, REC)
    assert await store.decisions(EARLIEST) == [DECIDED[0]]


async def test_a_decision_about_whom_nobody_has_seen_makes_no_identifier(store: GraphStore) -> None:
    await commit(
        store, delta(decisions=[decision("d1", left=("user_id:x",), right=("user_id:y",))])
    )
    assert (await store.totals()).identifiers == 0
    assert await store.identifiers_by_keys(["user_id:x", "user_id:y"]) == [None, None]


async def test_decisions_by_ids(store: GraphStore) -> None:
    await commit(store, delta(decisions=DECIDED))
    found = await store.decisions_by_ids(["d4", "none", "d2", "d4"])
    assert found == [DECIDED[3], None, DECIDED[0], DECIDED[3]]
    assert await store.decisions_by_ids([]) == []


async def test_decisions_about_others(store: GraphStore) -> None:
    """Whatever they undo, directly or by undoing what undoes it."""
    again = decision("d5", 11, undoes="d0")
    await commit(store, delta(decisions=[*DECIDED, again]))
    about_d1 = [DECIDED[1], DECIDED[2], DECIDED[4], again]
    assert await store.decisions_about(["d1"]) == about_d1
    assert await store.decisions_about(["d1", "d0", "none", "d1"]) == about_d1
    assert await store.decisions_about(["d0"]) == [DECIDED[4], again]
    assert await store.decisions_about(["c_1"]) == [DECIDED[3]]
    assert await store.decisions_about(["c_1", "d5"]) == [DECIDED[3], again]
    assert await store.decisions_about(["c_9", "none"]) == []
    assert await store.decisions_about([]) == []


# ── evidence ───────────────────────────────────────────────────────────────────────────────────


async def test_clusters_and_half_hours_outside_of_a_batch_too(store: GraphStore) -> None:
    u1, a1 = "user_id:u1", "anonymous_id:a1"
    facts = [seen(a1, u1, 1, at=50, mid="m5"), seen(a1, u1, 1, at=40, mid="m9")]
    await commit(
        store,
        union(person("p1", u1), person("p2", a1), delta(edges=[edge(a1, u1)], seen=facts)),
    )
    async with readers(store) as all_readers:
        for reader in all_readers:
            clusters = await reader.clusters([u1, "user_id:?", u1])
            assert [one.key for one in clusters.members] == [u1]
            assert [one.key for one in clusters.neighbours] == [a1]
            assert clusters.anchors == {"p1": u1, "p2": a1}
            assert clusters.edges == (edge(a1, u1),)
            login = (a1, u1, EvidenceKind.LOGIN)
            assert await reader.halves([login, login]) == [facts[1]]
            assert await reader.halves([]) == []


async def test_sessions_between_devices_and_users(store: GraphStore) -> None:
    a1, a2, u1, u2 = "anonymous_id:a1", "anonymous_id:a2", "user_id:u1", "user_id:u2"
    logins = {"m1": (a1, u1), "m2": (a1, u2), "m3": (a2, u1), "m4": (a1, None), "m5": (a1, u1)}
    await commit(
        store,
        union(person("p1", u1, a1), person("p2", u2, a2)),
        delta(sessions=[session(id_, user or device, device=device, user=user)
                        for id_, (device, user) in logins.items()]),
    )  # fmt: skip
    async with readers(store) as all_readers:
        for reader in all_readers:

            async def ids(
                devices: list[str], users: list[str], reader: EvidenceReading = reader
            ) -> list[str]:
                return sorted(one.id for one in await reader.sessions_between(devices, users))

            assert await ids([a1], [u1]) == ["m1", "m5"]
            assert await ids([a2, a1, a1], [u1, u1]) == ["m1", "m3", "m5"]
            assert await ids([a1, "none"], [u2, u1, "none"]) == ["m1", "m2", "m5"]
            assert await ids([a2], [u2]) == []
            assert await ids([], [u1]) == [] and await ids([a1], []) == []


async def test_evidence_of_the_far_end(store: GraphStore) -> None:
    """An edge has two ends; it is found from either."""
    await commit(store, between(edge("a", "b")), union(person("p1", "a"), person("p2", "b")))
    for key, other in (("a", "b"), ("b", "a")):
        clusters = await store.clusters([key])
        assert [one.key for one in clusters.neighbours] == [other]
        assert clusters.edges == (edge("a", "b"),)


# ── changes ────────────────────────────────────────────────────────────────────────────────────


def change(id_: str, at: int, before: tuple[str, ...], after: tuple[str, ...], **rest: Any) -> Any:
    rest.setdefault("kind", ChangeKind.MERGE)
    rest.setdefault("cause", "m1")
    parts = [
        tuple(ChangePart(one, (f"user_id:{one}",)) for one in side) for side in (before, after)
    ]
    return IdentityChange(id_, at=at, before=parts[0], after=parts[1], **rest)


HISTORY = [
    change("c1", 10, ("p1", "p2"), ("p1",)),
    change("c2", 20, ("p1",), ("p1", "p3"), kind=ChangeKind.SPLIT, by=CausedBy.DECISION),
    change("c3", 20, ("p3", "p4"), ("p4",), by=CausedBy.RULES),
    change("c4", 20, (), (), status=ChangeStatus.REFUSED, by=CausedBy.DECISION, undoes="c1"),
    change("c5", 30, ("p4",), ("p3", "p4"), kind=ChangeKind.UNDO, undoes="c3"),
]


async def told(store: GraphStore) -> None:
    await commit(store, people("p1", "p2", "p3", "p4"), visit("m1", "user_id:p1", {"m1": 1}))
    await commit(store, delta(40, changes=[ProfilesTouched(("p1",)), *HISTORY]))


async def test_every_field_of_a_change(store: GraphStore) -> None:
    await told(store)
    async with readers(store) as all_readers:
        for reader in all_readers:
            assert await reader.changes_by_ids(["c5", "c?", "c1", "c5"]) == [
                HISTORY[4], None, HISTORY[0], HISTORY[4],
            ]  # fmt: skip
            assert await reader.changes_by_ids([one.id for one in HISTORY]) == HISTORY
            assert await reader.changes_by_ids([]) == []


async def test_an_identity_change_is_dated_by_its_own_time(store: GraphStore) -> None:
    await told(store)
    feed = await store.changes((0,), 100)
    assert [entry.rec for entry in feed] == [40, *(one.at for one in HISTORY)]


async def test_what_became_of_a_profile(store: GraphStore) -> None:
    await told(store)
    lineages = {
        ("p1",): ["c2", "c1"],
        ("p2",): ["c1"],
        ("p3",): ["c5", "c3", "c2"],
        ("p3", "p4", "p3"): ["c5", "c3", "c2"],
        ("p4", "p1"): ["c5", "c3", "c2", "c1"],
        ("p9",): [],
        (): [],
    }
    recs = {one.id: one.at for one in HISTORY}
    bounds: list[dict[str, int]] = [{}, {"since": 20}, {"until": 20}, {"since": 20, "until": 30}]
    for (lineage, every), bound, first in product(lineages.items(), bounds, (1, 2, 9)):
        expected = [
            id_
            for id_ in every
            if bound.get("since", recs[id_]) <= recs[id_] < bound.get("until", recs[id_] + 1)
        ]

        async def page(
            after: After, lineage: Any = lineage, first: int = first, bound: Any = bound
        ) -> Page[Any]:
            (found,) = await store.history_pages([lineage], span(first, after, **bound))
            return found

        found = await walk(page, first, lambda entry: (entry.rec, entry.change.id))
        assert [entry.change.id for entry in found] == expected, (lineage, bound, first)
    for until in (None, 20, 30):
        counts = [
            sum(until is None or recs[id_] < until for id_ in ids) for ids in lineages.values()
        ]
        assert await store.history_counts(list(lineages), until) == counts


async def test_histories_of_several_profiles(store: GraphStore) -> None:
    await told(store)
    pages = await store.history_pages([["p2"], [], ["p3"], ["p2"]], span(2))
    assert [[entry.change.id for entry in page.items] for page in pages] == [
        ["c1"], [], ["c5", "c3"], ["c1"],
    ]  # fmt: skip
    assert [page.has_next for page in pages] == [False, False, True, False]
    whole = {entry.change.id: entry for entry in (await store.change_page(None, span())).items}
    assert [whole[entry.change.id] for entry in pages[2].items] == list(pages[2].items)
    assert await store.history_pages([], span()) == []
    assert await store.history_counts([], None) == []
