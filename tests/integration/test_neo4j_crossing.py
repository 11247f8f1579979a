"""Several workers on one Neo4j, each with its partitions of the log: people who log in on many devices
at once, chains of aliases, from both ends. It is the graph that one worker makes on the embedded store,
the check finds nothing, no record is lost or twice, and the change feed has no gap."""

from __future__ import annotations

import asyncio
import os
import random

from graphs import START, Installation, broken, event, opened
from neo4j_server import the_server
from snapshots import Snapshot, differing, timeless
from stores import IDS, NEO4J, SqlitePlace, quick_folder

from cdp.eventlog.memory import MemoryEventLog
from cdp.pipeline.assembly import worker_of
from cdp.pipeline.holding import SharedPartitions
from cdp.pipeline.in_force import InForce
from cdp.pipeline.worker import Worker
from graph_schema.model.command import CreateSegment
from graph_schema.model.event import Event, EventType
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import MINUTE, SECOND, now
from graph_schema.neo4j.address import parse
from graph_schema.neo4j.store import Neo4jGraphStore

EVENTS = int(os.environ.get("CDP_WORKERS_EVENTS", "100"))
ROUNDS = int(os.environ.get("CDP_WORKERS_ROUNDS", "1"))
WORKERS = 4
RULE = {"event": {"name": "Product Viewed", "count": {"gte": 2}}}


def crossing(rng: random.Random, count: int) -> list[Event]:
    """A pair of devices named from both sides; chains of devices, link by link in any order; the users
    of the chains, who log in here and there; views of the same few products."""
    events = []
    for number in range(count):
        minute = rng.randrange(5_000)
        draw = rng.random()
        if draw < 0.3:
            one, other = f"a{number // 8}", f"b{number // 8}"
            if rng.random() < 0.5:
                one, other = other, one
            events.append(alias(number, minute, one, other))
        elif draw < 0.6:
            chain, link = rng.randrange(4), rng.randrange(20)
            events.append(alias(number, minute, f"c{chain}-{link}", f"c{chain}-{link + 1}"))
        else:
            chain, link = rng.randrange(4), rng.randrange(20)
            user = f"u{chain}" if rng.random() < 0.5 else None
            product = {"product_id": f"p{rng.randrange(3)}"}
            events.append(
                event(
                    f"m{number}",
                    minute,
                    anonymous=f"c{chain}-{link}",
                    user=user,
                    name="Product Viewed",
                    properties=product,
                )
            )
    return events


def alias(number: int, minute: int, one: str, other: str) -> Event:
    return event(f"m{number}", minute, anonymous=one, kind=EventType.ALIAS, previous_id=other)


async def embedded(events: list[Event]) -> Snapshot:
    with quick_folder() as folder:
        async with opened(SqlitePlace(folder / "graph.db").store()) as graph:
            await graph.ask(segment())
            await graph.take(*events)
            await graph.work()
            return await timeless(graph.store)


def segment() -> CreateSegment:
    return CreateSegment(id="s", actor="ann", at=0, key="s", name="S", rule=RULE)


def worker(graph: Installation, store: Neo4jGraphStore, name: str) -> Worker:
    in_force = InForce(IdentityRules(), IDS, graph.now)
    holding = SharedPartitions(store, lambda: graph.log.log_id, now, name, 20 * SECOND)
    return worker_of(graph.log, store, in_force, 10, holding)


async def test_several_workers_on_one_graph() -> None:
    for number in range(ROUNDS):
        rng = random.Random(number)
        events = crossing(rng, EVENTS)
        log = MemoryEventLog(lambda: START + 60 * 24 * 60 * MINUTE, WORKERS)
        async with (
            NEO4J.empty() as place,
            opened(place.store(), log=log, partitions=WORKERS) as graph,
        ):
            await graph.ask(segment())
            await graph.take(*events)
            address = parse(the_server().address)
            stores = [Neo4jGraphStore(address, IDS.fingerprint) for _ in range(WORKERS)]
            for store in stores:
                await store.open()
            workers = [worker(graph, store, f"w{n}") for n, store in enumerate(stores)]
            await asyncio.gather(*(one.run(until_idle=True) for one in workers))
            for store in stores:
                await store.close()
            assert await graph.store.dead_records((0, 0), 10) == []
            assert (await graph.store.totals()).events == len(events)
            assert broken(await graph.check()) == {}
            found = await timeless(graph.store)
            assert not differing(found, await embedded(events)), number
            await has_no_gap(graph)


async def has_no_gap(graph: Installation) -> None:
    end = await graph.store.feed_end()
    entries = await graph.store.changes((), 100_000)
    for partition, last in enumerate(end):
        seqs = [entry.seq for entry in entries if entry.partition == partition]
        assert seqs == list(range(1, last + 1))
