"""Rules change while events come, and the worker is killed at any point: in the end the graph is what it
would be had those rules held from the beginning; and taken back, as if they had never held."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from deciding import a_decision, with_segments
from graphs import Installation, broken, installation, opened
from histories import history
from stores import KINDS, Kind, SqlitePlace, quick_folder
from whole_graph import answers

from cdp.pipeline import rules as pipeline_rules
from graph_schema.model.change import CausedBy, ChangeKind, ChangeStatus, IdentityChange
from graph_schema.model.command import ChangeRules, UndoChange
from graph_schema.model.event import Event
from graph_schema.model.rules import IdentityRules
from graph_schema.store import Batch, Checkpoint, GraphStore, Span

HISTORIES = 40


class Killed(BaseException):
    """The worker's process ends."""


class Deadly:
    """A store whose worker dies in one of its batches, before it is committed or right after."""

    def __init__(self, inner: GraphStore, rng: random.Random, batches: int) -> None:
        self._inner, self._rng, self._left = inner, rng, batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def batch(self, expected: Checkpoint) -> AsyncIterator[Batch]:
        self._left -= 1
        before = self._rng.random() < 0.7
        async with self._inner.batch(expected) as batch:
            yield batch
            if self._left == 0 and before:
                raise Killed
        if self._left == 0:
            raise Killed


async def work_and_die(graph: Installation, rng: random.Random) -> int:
    """Works to the end of the log, killed again and again; how often."""
    store, deaths = graph.store, 0
    try:
        while True:
            graph.store = Deadly(store, rng, rng.randint(1, 12 + 8 * deaths))  # type: ignore[assignment]
            try:
                await graph.work()
                return deaths
            except Killed:
                deaths += 1
    finally:
        graph.store = store


def other_rules(rng: random.Random) -> IdentityRules:
    """What a command may change, so low that small histories meet it."""
    share = rng.choice((0.6, 0.7, 0.9))
    default = IdentityRules()
    limits = {space.name: rng.choice((1, 1, 2, 3)) for space in default.namespaces}
    return msgspec.structs.replace(
        default,
        dominant_from=share,
        dominant_until=share - 0.2,
        size_cap=rng.choice((3, 5, 9)),
        burned_above=rng.choice((1, 2, 4)),
        namespaces=tuple(
            msgspec.structs.replace(space, limit=limits[space.name]) for space in default.namespaces
        ),
    )


def changing(number: int, rules: IdentityRules) -> ChangeRules:
    return ChangeRules(id=f"c_rules{number}", actor="ann", at=0, rules=rules, note="tried")


async def compared(graph: Installation, other: Installation, where: object) -> None:
    assert broken(await graph.check()) == {}, where
    one, two = await answers(graph.store), await answers(other.store)
    for name, value in one.items():
        assert value == two[name], (where, name)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_rules, "CHUNK", 2)
    monkeypatch.setattr(pipeline_rules, "RESTS", 0)


@pytest.mark.parametrize("seed", range(HISTORIES // 4))
async def test_changed_rules_are_as_if_they_had_always_held(seed: int) -> None:
    for example in range(4):
        rng = random.Random(1_000 * (seed + 1) + example)
        with quick_folder() as folder:
            await change_and_undo(rng, history(rng), SqlitePlace(folder / "g.db").store(), folder)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name != "sqlite"], ids=str)
@pytest.mark.parametrize("seed", range(1))
async def test_likewise_on_every_store(kind: Kind, seed: int) -> None:
    rng = random.Random(seed)
    with quick_folder() as folder:
        async with kind.empty() as place:
            await change_and_undo(rng, history(rng)[:15], place.store(), folder)


async def change_and_undo(
    rng: random.Random, events: list[Event], store: GraphStore, folder: Path
) -> None:
    cuts = sorted(rng.randint(0, len(events)) for _ in range(3))
    first, last = other_rules(rng), other_rules(rng)
    decided = []
    async with opened(store, batch_size=rng.choice((1, 2, 5))) as graph:
        await with_segments(graph)
        await graph.take(*events[: cuts[0]])
        await graph.work()
        command = await a_decision(rng, graph, 1) if cuts[0] and rng.random() < 0.4 else None
        if command is not None:
            decided.append(command)
            await graph.ask(command)
            await graph.work()
        await graph.ask(changing(1, first))
        await graph.take(*events[cuts[0] : cuts[1]])
        await graph.ask(changing(2, last))
        await graph.take(*events[cuts[1] : cuts[2]])
        await work_and_die(graph, rng)
        async with fresh(folder, rng, last) as always:
            await retold(always, events[: cuts[2]], cuts[0], decided)
            await compared(graph, always, "changed")
        await graph.ask(UndoChange(id="c_back2", actor="ann", at=0, change="c_rules2"))
        await graph.take(*events[cuts[2] :])
        await graph.ask(UndoChange(id="c_back1", actor="ann", at=0, change="c_rules1"))
        await work_and_die(graph, rng)
        async with fresh(folder, rng, IdentityRules()) as never:
            await retold(never, events, cuts[0], decided)
            await compared(graph, never, "taken back")
        versions = await graph.store.rules(0)
        assert [v.change for v in versions] == ["c_rules1", "c_rules2", "c_back2", "c_back1"]
        assert [v.walked for v in versions] == [None] * 4
        assert await graph.store.outdated_count(versions[-1].version) == 0
        await told(graph)


@asynccontextmanager
async def fresh(
    folder: Path, rng: random.Random, rules: IdentityRules
) -> AsyncIterator[Installation]:
    async with installation(folder / f"fresh{rng.getrandbits(64)}.db") as graph:
        graph.rules = rules
        yield graph


async def retold(
    graph: Installation, events: list[Any], decided_at: int, decided: list[Any]
) -> None:
    """The same events and decisions, with the rules that the graph begins with."""
    await with_segments(graph)
    await graph.take(*events[:decided_at])
    await graph.work()
    await graph.ask(*decided)
    await graph.take(*events[decided_at:])
    await graph.work()


async def told(graph: Installation) -> None:
    """Each change of rules is told once, and what it made of profiles names it as its cause."""
    page = await graph.store.change_page(None, Span(10_000))
    changes = [entry.change for entry in page.items]
    ruled = [c for c in changes if isinstance(c, IdentityChange) and c.by is CausedBy.RULES]
    own = [c for c in ruled if not c.before]
    assert sorted((c.id, c.kind, c.status) for c in own) == [
        ("c_back1", ChangeKind.UNDO, ChangeStatus.APPLIED),
        ("c_back2", ChangeKind.UNDO, ChangeStatus.APPLIED),
        ("c_rules1", ChangeKind.RULES, ChangeStatus.APPLIED),
        ("c_rules2", ChangeKind.RULES, ChangeStatus.APPLIED),
    ]
    for change in ruled:
        if change.before:
            assert change.kind in (ChangeKind.MERGE, ChangeKind.SPLIT, ChangeKind.MOVE)
            assert change.cause in ("2", "3", "4", "5")
