"""What people decide between events comes to the same whoever applies which partition and when: several
workers, whose partitions come one after the other and change hands, give the graph, the outcomes and the
changes by hand that one worker gives from one partition. On every kind of graph store."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import pytest
from deciding import a_decision, with_segments
from graphs import START, Installation, broken, opened
from histories import history
from snapshots import differing, timeless, undated
from stores import IDS, Kind

from cdp.eventlog.memory import MemoryEventLog
from cdp.pipeline.assembly import worker_of
from cdp.pipeline.holding import LOOK, SharedPartitions
from cdp.pipeline.in_force import InForce
from cdp.pipeline.worker import Worker
from graph_schema.model.change import IdentityChange
from graph_schema.model.command import Command, UndoChange
from graph_schema.model.event import Event
from graph_schema.model.record import NewRecord, RecordKind
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import MINUTE, SECOND

EXAMPLES = 100
LEASE = 4 * SECOND
START_OF_LOG = START + 60 * 24 * 60 * MINUTE
Story: TypeAlias = Sequence[Event | Command]


class Crew:
    """Workers on one graph, each with a memory of its own; one is given a round after the other."""

    def __init__(self, graph: Installation, size: int, batch_size: int) -> None:
        self.graph = graph
        self.workers = [self._worker(f"w{number}", batch_size) for number in range(size)]

    def _worker(self, name: str, batch_size: int) -> Worker:
        graph = self.graph
        return worker_of(
            graph.log,
            graph.store,
            InForce(IdentityRules(), IDS, graph.now),
            batch_size,
            SharedPartitions(graph.store, lambda: graph.log.log_id, graph.now, name, LEASE),
        )

    async def work(self, rng: random.Random) -> None:
        """Until all is applied, as it comes; now and then one is away for longer than its lease."""
        asleep: dict[Worker, int] = {}
        while not await self.at_end():
            self.graph.clock += rng.choice((LOOK // 3, LOOK, LOOK))
            on = rng.choice(self.workers)
            if asleep.get(on, 0) > self.graph.clock:
                continue
            await on._round()
            if rng.random() < 0.05:
                asleep[on] = self.graph.clock + rng.choice((LEASE // 2, 2 * LEASE))

    async def at_end(self) -> bool:
        stand = {one.partition: one.position for one in await self.graph.store.checkpoints()}
        tails = await self.graph.log.tails()
        return all(stand.get(n, 0) >= tail.position for n, tail in tails.items())


async def told(graph: Installation, story: Story) -> dict[str, Any]:
    """What became of each decision."""
    ids = [one.id for one in story if not isinstance(one, Event)]
    changes = await graph.store.changes_by_ids(ids)
    outcomes = await graph.store.outcomes(ids)
    return {
        id_: (outcome and outcome.problem, change and _without_dates(change))
        for id_, outcome, change in zip(ids, outcomes, changes, strict=True)
    }


def _without_dates(change: IdentityChange) -> IdentityChange:
    parts = [
        sorted(side, key=lambda part: part.profile_id) for side in (change.before, change.after)
    ]
    return msgspec.structs.replace(change, at=0, before=tuple(parts[0]), after=tuple(parts[1]))


async def lived(graph: Installation, rng: random.Random, events: Sequence[Event]) -> Story:
    """A person decides while events come, by what the graph is then. What the log holds."""
    story: list[Event | Command] = []
    cut = 0
    for number in range(rng.randint(1, 4)):
        later = rng.randint(cut, len(events))
        await graph.take(*events[cut:later])
        await graph.work()
        story += events[cut:later]
        cut = later
        asked = await a_decision(rng, graph, number) if later else None
        decided = [one.id for one in story if isinstance(one, Command)]
        if decided and rng.random() < 0.4:
            change = rng.choice(decided)
            asked = UndoChange(id=f"c_{number:032x}", actor="ann", at=0, change=change)
        if asked is not None:
            await graph.ask(asked)
            story.append(asked)
    await graph.take(*events[cut:])
    await graph.work()
    return [*story, *events[cut:]]


async def written(graph: Installation, story: Story) -> None:
    """The log of a story, in partitions."""
    await graph.log.append([
        graph.recorder.record_of(one)
        if isinstance(one, Event)
        else NewRecord(RecordKind.COMMAND, msgspec.json.encode(one))
        for one in story
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(EXAMPLES // 10))
async def test_a_log_derived_anew_by_several_workers_is_decided_alike(
    store_kind: Kind, seed: int
) -> None:
    for example in range(0, 10, store_kind.thinning):
        rng = random.Random(9000 * seed + example)
        events = history(rng)
        async with store_kind.empty() as place, opened(place.store()) as alone:
            await with_segments(alone)
            story = await lived(alone, rng, events)
            expected, decided = await timeless(alone.store), await told(alone, story)
        partitions = rng.randint(1, 4)
        log = MemoryEventLog(lambda: START_OF_LOG, partitions)
        async with (
            store_kind.empty() as place,
            opened(place.store(), log=log, partitions=partitions) as graph,
        ):
            await with_segments(graph)
            await written(graph, story)
            await Crew(graph, rng.randint(1, 4), rng.choice((1, 3, 1000))).work(rng)
            await graph.work()
            assert await told(graph, story) == decided, (seed, example)
            assert not differing(undated(await timeless(graph.store)), undated(expected))
            assert broken(await graph.check()) == {}
