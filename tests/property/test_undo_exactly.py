"""Whatever a person decides and takes back is as if it had never been: every read of the protocol, but
for what tells when it became so. Also with events in between, which then are as if they had come
without it; and where what is taken back is a merge that evidence made, taking that back again."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from typing import Any

import pytest
from deciding import a_decision, with_segments
from graphs import Installation, opened
from histories import history
from stores import SQLITE, Kind, cases
from whole_graph import answers

from graph_schema.model.change import ChangeKind, ChangeStatus, IdentityChange
from graph_schema.model.command import UndoChange
from graph_schema.model.event import Event
from graph_schema.store import Span


async def undo(graph: Installation, change: str, number: int) -> IdentityChange:
    id_ = f"c_{number:032x}"
    await graph.ask(UndoChange(id=id_, actor="ann", at=graph.now(), change=change))
    await graph.work()
    (told,) = await graph.store.changes_by_ids([id_])
    assert told is not None and told.kind is ChangeKind.UNDO
    return told


def assert_same(one: dict[str, Any], other: dict[str, Any], *where: object) -> None:
    for name, value in one.items():
        assert value == other[name], (*where, name)


@pytest.mark.parametrize(("store_kind", "seed"), cases(200, 6))
async def test_a_decision_taken_back_never_was(seed: int, store_kind: Kind) -> None:
    """What it is held against, the graph in which nobody ever decided, lies in the embedded store."""
    rng = random.Random(10_000 + seed)
    events = history(rng)
    cut = rng.randint(1, len(events))
    until = rng.choice((cut, cut, rng.randint(cut, len(events))))
    async with AsyncExitStack() as stack:
        graphs = []
        for kind in (store_kind, SQLITE):
            place = await stack.enter_async_context(kind.empty())
            graphs.append(await stack.enter_async_context(opened(place.store())))
        await compare(rng, *graphs, events[:cut], events[cut:until])


async def compare(
    rng: random.Random,
    decided: Installation,
    never: Installation,
    first: list[Event],
    later: list[Event],
) -> None:
    for graph in (decided, never):
        await with_segments(graph)
        await graph.take(*first)
        await graph.work()
    before = await answers(decided.store)
    commands = []
    for number in range(rng.choice((1, 1, 2))):
        command = await a_decision(rng, decided, number)
        if command is not None:
            await decided.ask(command)
            await decided.work()
            commands.append(command)
    for graph in (decided, never):
        await graph.take(*later)
        await graph.work()
    rng.shuffle(commands)
    for number, command in enumerate(commands):
        await undo(decided, command.id, 100 + number)
    after = await answers(decided.store)
    assert_same(after, await answers(never.store), "never", commands)
    if not later:
        assert_same(after, before, "before", commands)


@pytest.mark.parametrize(("store_kind", "seed"), cases(20, 3))
async def test_a_merge_by_evidence_taken_back_twice_never_was(seed: int, store_kind: Kind) -> None:
    rng = random.Random(seed)
    async with store_kind.empty() as place, opened(place.store()) as graph:
        await with_segments(graph)
        for event in history(rng):
            await graph.take(event)
            await graph.work()
        page = await graph.store.change_page(["merge"], Span(1000))
        merges = [
            entry.change
            for entry in page.items
            if isinstance(entry.change, IdentityChange) and len(entry.change.before) > 1
        ]
        before = await answers(graph.store)
        for number, merge in enumerate(rng.sample(merges, min(len(merges), 4))):
            undone = await undo(graph, merge.id, 2 * number)
            for part in merge.before if undone.status is ChangeStatus.APPLIED else ():
                assert await apart(graph, part.identifiers, merge), (seed, merge.id)
            await undo(graph, undone.id, 2 * number + 1)
            assert_same(await answers(graph.store), before, seed, merge.id)


async def apart(graph: Installation, part: tuple[str, ...], merge: IdentityChange) -> bool:
    """Whether no profile holds one of the part and one of the others."""
    holders = await graph.store.identifiers_by_keys(part)
    others = [k for p in merge.before if p.identifiers != part for k in p.identifiers]
    strangers = await graph.store.identifiers_by_keys(others)
    return {i.profile for i in holders if i}.isdisjoint({i.profile for i in strangers if i})
