"""The log in partitions, applied by several workers in any interleaving, gives the graph that one worker
gives from one partition. Each worker keeps what it knows of segments and decisions meanwhile, and only
ever sees some of the records. On every kind of graph store."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from examples import numbers
from graphs import START, Installation, broken, opened
from histories import history
from snapshots import Snapshot, differing, timeless, undated
from stores import IDS, Kind

from cdp.eventlog.memory import MemoryEventLog
from cdp.eventlog.partitioning import COMMANDS
from cdp.pipeline.apply import EventApplier
from cdp.pipeline.commands import CommandApplier
from cdp.pipeline.dead_letters import Replaying
from cdp.pipeline.in_force import InForce
from cdp.pipeline.records import RecordApplier
from cdp.pipeline.upkeep import Upkeep
from graph_schema.model.command import (
    ArchiveSegment,
    Command,
    CreateSegment,
    MergeProfiles,
    SplitProfile,
    UpdateSegment,
)
from graph_schema.model.event import Event
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import MINUTE
from graph_schema.store import Checkpoint

EXAMPLES = 100
RULES = (
    {"event": {"name": "Product Viewed", "count": {"gte": 3}}},
    {"event": {"name": "Order Completed", "within": "P61D"}},
    {"trait": {"name": "plan", "value": "a"}},
    {"identifiers": {"namespace": "anonymous_id", "gte": 2}},
    {"all": [{"segment": "s0"}, {"not": {"segment": "s1"}}]},
)


class Hand:
    """A worker as far as it applies records: with its own memory of what is in force."""

    def __init__(self, graph: Installation) -> None:
        in_force = InForce(IdentityRules(), IDS, graph.now)
        store = graph.store
        events = EventApplier(store, in_force)
        replaying = Replaying(graph.log, store, events)
        self._records = RecordApplier(store, events, CommandApplier(store, in_force), replaying)
        self._upkeep = Upkeep(store, in_force)
        self._in_force = in_force
        self._log = graph.log

    async def apply(self, checkpoint: Checkpoint, limit: int) -> Checkpoint:
        records = await self._log.read(checkpoint.partition, checkpoint.position, limit, 1 << 30)
        return await self._records.take(records, checkpoint)

    async def look_after(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """As one that has just been given the commands' partition."""
        self._in_force.forget_segments()
        due = await self._upkeep.deadlines(checkpoint)
        return await self._upkeep.walk(due or checkpoint) or due


def commands(rng: random.Random, events: Sequence[Event]) -> list[Command]:
    found: list[Command] = []
    for number, rule in enumerate(RULES):
        key = f"s{number}"
        found.append(CreateSegment(id=f"c{key}", actor="ann", at=0, key=key, name=key, rule=rule))
    if rng.random() < 0.5:
        found.append(UpdateSegment(id="u0", actor="ann", at=0, key="s0", rule=RULES[1]))
    if rng.random() < 0.5:
        found.append(ArchiveSegment(id="a3", actor="ann", at=0, key="s3"))
    keys = sorted({f"anonymous_id:{e.anonymous_id}" for e in events if e.anonymous_id})
    keys += sorted({f"user_id:{e.user_id}" for e in events if e.user_id and e.user_id != "guest"})
    for number in range(rng.randint(0, 3)):
        one, other = rng.sample(keys, 2) if len(keys) > 1 else (keys[0], "user_id:nobody")
        merge = MergeProfiles(id=f"m{number}", actor="ann", at=0, parts=((one,), (other,)))
        split = SplitProfile(id=f"m{number}", actor="ann", at=0, taken=(one,), rest=(other,))
        found.append(rng.choice((merge, split)))
    return found


async def alone(kind: Kind, events: Sequence[Event], asked: Sequence[Command]) -> Snapshot:
    async with kind.empty() as place, opened(place.store()) as graph:
        await graph.take(*events)
        await graph.ask(*asked)
        await graph.work()
        return await timeless(graph.store)


async def shared(
    kind: Kind, rng: random.Random, events: Sequence[Event], asked: Sequence[Command]
) -> Snapshot:
    partitions = rng.randint(1, 4)
    log = MemoryEventLog(lambda: START + 60 * 24 * 60 * MINUTE, partitions)
    async with (
        kind.empty() as place,
        opened(place.store(), log=log, partitions=partitions) as graph,
    ):
        mixed = [*events, *rng.sample(list(events), rng.randint(0, len(events)))]
        rng.shuffle(mixed)
        middle = rng.randint(0, len(mixed))
        await graph.take(*mixed[:middle])
        await graph.ask(*asked)
        await graph.take(*mixed[middle:])
        hands = [Hand(graph) for _ in range(rng.randint(1, 3))]
        await interleaved(graph, rng, hands)
        await graph.work()
        assert broken(await graph.check()) == {}
        return await timeless(graph.store)


async def interleaved(graph: Installation, rng: random.Random, hands: list[Hand]) -> None:
    """Whoever has the time takes what it wants, until all is applied."""
    tails = await graph.log.tails()
    stand = {number: await graph.store.checkpoint(number, graph.log.log_id) for number in tails}
    while behind := [n for n, c in stand.items() if c.position < tails[n].position]:
        hand = rng.choice(hands)
        if rng.random() < 0.2:
            looked = await hand.look_after(stand[COMMANDS])
            stand[COMMANDS] = looked or stand[COMMANDS]
            continue
        partition = rng.choice(behind)
        stand[partition] = await hand.apply(stand[partition], rng.choice((1, 1, 3, 1000)))


@pytest.mark.parametrize("seed", range(EXAMPLES // 10))
async def test_any_interleaving_gives_the_same_graph(store_kind: Kind, seed: int) -> None:
    for example in numbers("partitions", store_kind):
        rng = random.Random(7000 * seed + example)
        events = history(rng)
        asked = commands(rng, events)
        expected = await alone(store_kind, events, asked)
        found = await shared(store_kind, rng, events, asked)
        assert not differing(undated(found), undated(expected)), (seed, example)
