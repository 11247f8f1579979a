"""Decisions, what they take back, whose sessions they can move, and the histories of profiles."""

from __future__ import annotations

from typing import Any

from graph_values import (
    LOG,
    REC,
    After,
    commit,
    delta,
    person,
    seen,
    session,
    span,
    union,
    walk,
    write,
)

from graph_schema.knowledge import EARLIEST
from graph_schema.model.change import CausedBy, ChangeKind, ChangePart, FeedEntry, IdentityChange
from graph_schema.model.evidence import Decision, DecisionKind, EvidenceKind
from graph_schema.store import GraphStore, Page

A1, A2, U1, U2 = "anonymous_id:a1", "anonymous_id:a2", "user_id:u1", 'user_id:"u"\'2\\'


def decision(id_: str, rec: int = REC, **rest: Any) -> Decision:
    rest.setdefault("kind", DecisionKind.CONFIRMED)
    rest.setdefault("left", ())
    rest.setdefault("right", ())
    rest.setdefault("actor", "token:1")
    rest.setdefault("at", rec)
    return Decision(id=id_, rec=rec, **rest)


CHAIN = [
    decision("d1", 10, left=(U1, A1), right=(U2,), note='she "said" so'),
    decision("d2", 20, kind=DecisionKind.CANNOT_LINK, left=(A1,), right=(A2,), undoes_change="c9"),
    decision("d3", 20, undoes="d1"),
    decision("d4", 30, undoes="d3", at=5),
    decision("d5", 40, left=(A2,), right=(U1,)),
]


async def test_decisions_come_in_the_order_of_their_recording(store: GraphStore) -> None:
    assert await store.decisions(EARLIEST) == []
    await commit(store, delta(10, decisions=[CHAIN[0]]), delta(40, decisions=CHAIN[1:][::-1]))
    assert await store.decisions(EARLIEST) == CHAIN
    assert await store.decisions((20, "d2")) == CHAIN[2:]
    assert await store.decisions((20, "")) == CHAIN[1:]
    assert await store.decisions((40, "d5")) == []


async def test_a_batch_reads_the_decisions_that_it_writes(store: GraphStore) -> None:
    async with store.batch(await store.checkpoint(0, LOG)) as batch:
        await write(batch, decisions=CHAIN[:2])
        assert await batch.decisions(EARLIEST) == CHAIN[:2]


async def test_decisions_by_their_ids(store: GraphStore) -> None:
    await commit(store, delta(decisions=CHAIN))
    assert await store.decisions_by_ids([]) == []
    asked = ["d5", "nobody", "d1", "d5"]
    assert await store.decisions_by_ids(asked) == [CHAIN[4], None, CHAIN[0], CHAIN[4]]


async def test_decisions_with_those_that_take_them_back(store: GraphStore) -> None:
    await commit(store, delta(decisions=CHAIN))
    assert await store.decisions_about([]) == []
    assert await store.decisions_about(["d1"]) == [CHAIN[0], CHAIN[2], CHAIN[3]]
    assert await store.decisions_about(["d4", "d4"]) == [CHAIN[3]]
    assert await store.decisions_about(["c9", "nobody"]) == [CHAIN[1]]
    assert await store.decisions_about(["c9", "d3"]) == CHAIN[1:4]


async def test_decisions_that_name_an_identifier(store: GraphStore) -> None:
    await commit(store, delta(decisions=CHAIN))
    assert await store.decisions_naming([]) == []
    assert await store.decisions_naming([U2]) == [CHAIN[0], CHAIN[2], CHAIN[3]]
    assert await store.decisions_naming([A2, "nobody"]) == [CHAIN[1], CHAIN[4]]
    assert await store.decisions_naming([A2, U1, A1]) == CHAIN


async def test_sessions_between_devices_and_users(store: GraphStore) -> None:
    sessions = {
        "s1": session("s1", U1, device=A1, user=U1),
        "s2": session("s2", A1, device=A1, user=U1, at=9),
        "s3": session("s3", U2, device=A1, user=U2),
        "s4": session("s4", A1, device=A1),
        "s5": session("s5", U1, device=A2, user=U1),
        "s6": session("s6", U1, device=U1, user=U1),
    }
    await commit(store, delta(sessions=list(sessions.values())))

    async def found(devices: list[str], users: list[str]) -> set[str]:
        answers = await store.sessions_between(devices, users)
        assert all(answer == sessions[answer.id] for answer in answers)
        assert len({answer.id for answer in answers}) == len(answers)
        async with store.batch(await store.checkpoint(0, LOG)) as batch:
            inside = await batch.sessions_between(devices, users)
        assert {answer.id for answer in inside} == {answer.id for answer in answers}
        return {answer.id for answer in answers}

    assert await found([], [U1]) == await found([A1], []) == set()
    assert await found([A1], [U1]) == {"s1", "s2"}
    assert await found([A1, A2, A2], [U1, U2, "nobody"]) == {"s1", "s2", "s3", "s5"}
    assert await found([U1], [U1]) == {"s6"}


async def test_the_newest_sightings(store: GraphStore) -> None:
    facts = [seen(A1, U1, half, at=100 * half, mid=f"m{half}") for half in range(5)]
    facts += [seen(A1, U1, 4, at=399, mid="earlier"), seen(A1, U1, 4, at=450, mid="later")]
    facts += [seen(A1, U1, 9, mid="another kind", kind=EvidenceKind.ALIAS)]
    await commit(store, delta(seen=facts))
    edge, nobody = (A1, U1, EvidenceKind.LOGIN), (A2, U1, EvidenceKind.LOGIN)
    found = await store.newest_seen([edge, nobody, edge], 3)
    assert [[s.mid for s in one] for one in found] == [
        ["earlier", "m3", "m2"],
        [],
        ["earlier", "m3", "m2"],
    ]
    assert found[0][1] == facts[3]
    assert len((await store.newest_seen([edge], 100))[0]) == 5


async def test_identifiers_by_the_ids_that_they_give(store: GraphStore) -> None:
    await commit(store, union(person("p1", U1, A1), person("p2", U2)))
    (device,) = await store.identifiers_by_keys([A1])
    assert device is not None
    found = await store.identifiers_by_ids([device.id, "nobody", "p2", device.id])
    assert [one and one.key for one in found] == [A1, None, U2, A1]


# ── histories ──────────────────────────────────────────────────────────────────────────────────


def change(id_: str, at: int, before: list[str], after: list[str]) -> IdentityChange:
    sides = [tuple(ChangePart(p, (f"user_id:{p}",)) for p in side) for side in (before, after)]
    return IdentityChange(
        id_, ChangeKind.MERGE, at, "d1", *sides, by=CausedBy.DECISION, undoes="c0"
    )


CHANGES = [
    change("c1", 10, ["p1", "p2"], ["p1"]),
    change("c2", 20, ["p3"], ["p3", "p4"]),
    change("c4", 30, ["p1", "p3"], ["p1", "p3"]),
    change("c3", 30, ["p2"], ["p1"]),
    change("c5", 40, [], []),
]


async def test_a_history_by_all_the_ids_that_a_profile_had(store: GraphStore) -> None:
    await commit(store, delta(50, changes=list(CHANGES)))
    lineages = [["p1"], ["p2", "p2"], ["p4", "p2"], ["nobody"], []]
    pages = await store.history_pages(lineages, span())
    assert [[entry.change.id for entry in page.items] for page in pages] == [
        ["c4", "c3", "c1"],
        ["c3", "c1"],
        ["c3", "c2", "c1"],
        [],
        [],
    ]
    assert not any(page.has_next for page in pages)
    assert pages[1].items[1] == FeedEntry(0, 1, 10, CHANGES[0])
    assert await store.history_counts(lineages, None) == [3, 2, 3, 0, 0]
    assert await store.history_counts(lineages, 30) == [1, 1, 2, 0, 0]
    assert await store.history_pages([], span()) == await store.history_counts([], None) == []


async def test_a_history_in_pages(store: GraphStore) -> None:
    await commit(store, delta(50, changes=list(CHANGES)))
    lineage = ["p1", "p2", "p3", "p4"]
    for first in (1, 2, 3, 9):

        async def page(after: After, first: int = first) -> Page[FeedEntry]:
            (found,) = await store.history_pages([lineage], span(first, after))
            return found

        entries = await walk(page, first, lambda entry: (entry.rec, entry.change.id))
        assert [entry.change.id for entry in entries] == ["c4", "c3", "c2", "c1"]
    (bounded,) = await store.history_pages([lineage], span(since=20, until=30))
    assert [entry.change.id for entry in bounded.items] == ["c2"]
