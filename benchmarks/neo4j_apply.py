"""Log → resolved graph in Neo4j, beside raw UNWIND … MERGE of the same nodes and relationships in the
same run, on the same server.

The raw side writes each node and each relationship that came of it once, as it is in the end, in
transactions of as many rows as a batch has events; the product wrote some of them again and again, and
found out what to write.

Both take turns, after each has run once for nothing: a server that has just started compiles what it is
asked for. The median of the rounds is told, and which
part of the time each side's own process was at work; the rest is the server's.

python benchmarks/neo4j_apply.py --events 20000
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import msgspec
import neo4j
from apply import segments, shop
from graphs import opened
from stores import IDS, Neo4jPlace, neo4j_place

from graph_schema.model.event import Event
from graph_schema.neo4j.store import Neo4jGraphStore
from graph_schema.schema import UNIQUE

LEFT_OUT = {"GraphSchema", "Migration", "Checkpoint", "Segment", "SegmentVersion", "Outcome"}
KEYS = {unique.label: unique.properties for unique in UNIQUE}


async def ours(place: Neo4jPlace, events: list[Event], batch_size: int) -> tuple[float, float]:
    async with opened(Neo4jGraphStore(place.address, IDS.fingerprint), batch_size) as graph:
        await graph.ask(*segments())
        await graph.work()
        await graph.take(*events)
        started, cpu = time.perf_counter(), time.process_time()
        await graph.work()
        return time.perf_counter() - started, time.process_time() - cpu


async def collected(place: Neo4jPlace) -> tuple[dict[str, list[Any]], dict[Any, list[Any]]]:
    """What came of it: nodes by label, as properties; relationships by (type, labels)."""
    nodes: dict[str, list[Any]] = {}
    for labels, properties in await place.run("MATCH (n) RETURN labels(n), properties(n)"):
        if labels[0] not in LEFT_OUT:
            nodes.setdefault(labels[0], []).append(properties)
    links: dict[Any, list[Any]] = {}
    for a, kind, b, one, other, properties in await place.run(
        "MATCH (a)-[r]->(b) RETURN labels(a)[0], type(r), labels(b)[0],"
        " properties(a), properties(b), properties(r)"
    ):
        if a not in LEFT_OUT:
            keys = [one[KEYS[a][0]], other[KEYS[b][0]], properties]
            links.setdefault((kind, a, b), []).append(keys)
    return nodes, links


async def raw(place: Neo4jPlace, batch_size: int, found: tuple[Any, Any]) -> tuple[float, float]:
    """Upserts all of it. The segments are there already."""
    nodes, links = found
    address = place.address
    auth = (address.user, address.password)
    async with neo4j.AsyncGraphDatabase.driver(address.uri, auth=auth) as driver:
        started, cpu = time.perf_counter(), time.process_time()
        async with driver.session(database=address.database) as session:
            for label, rows in nodes.items():
                key = KEYS.get(label)
                if key is None or not all(name in row for row in rows for name in key):
                    statement = f"UNWIND $rows AS row CREATE (n:{label}) SET n = row"
                else:
                    pattern = ", ".join(f"{name}: row.{name}" for name in key)
                    statement = f"UNWIND $rows AS row MERGE (n:{label} {{{pattern}}}) SET n = row"
                await written(session, statement, rows, batch_size)
            for (kind, a, b), rows in links.items():
                statement = (
                    f"UNWIND $rows AS row MATCH (a:{a} {{{KEYS[a][0]}: row[0]}})"
                    f" MATCH (b:{b} {{{KEYS[b][0]}: row[1]}})"
                    f" MERGE (a)-[r:{kind}]->(b) SET r = row[2]"
                )
                await written(session, statement, rows, batch_size)
        return time.perf_counter() - started, time.process_time() - cpu


async def written(
    session: neo4j.AsyncSession, statement: str, rows: list[Any], batch_size: int
) -> None:
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        await (await session.run(statement, rows=part)).consume()


class Round(msgspec.Struct):
    """Seconds by the clock, and of this process's processor time."""

    mine: float
    mine_cpu: float
    peer: float
    peer_cpu: float
    nodes: int
    links: int


async def one_round(place: Neo4jPlace, events: list[Event], batch_size: int) -> Round:
    await place.clear()
    mine, mine_cpu = await ours(place, events, batch_size)
    found = await collected(place)
    await place.run(
        "MATCH (n) WHERE NOT n:Segment AND NOT n:GraphSchema AND NOT n:Migration"
        " CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS"
    )
    peer, peer_cpu = await raw(place, batch_size, found)
    nodes, links = (sum(map(len, part.values())) for part in found)
    return Round(mine, mine_cpu, peer, peer_cpu, nodes, links)


async def measure(count: int, batch_size: int, rounds: int) -> str:
    events = shop(count)
    async with neo4j_place() as place:
        await one_round(place, events[: count // 2], batch_size)
        found = [await one_round(place, events, batch_size) for _ in range(rounds)]
    mine, peer = median(one.mine for one in found), median(one.peer for one in found)
    last = found[-1]
    return (
        f"batches of {batch_size}: {count / mine:,.0f} events/s; raw upsert {count / peer:,.0f}"
        f" events/s ({last.nodes:,} nodes, {last.links:,} relationships);"
        f" ratio {median(one.peer / one.mine for one in found):.2f}"
        f" (rounds {', '.join(f'{one.peer / one.mine:.2f}' for one in found)});"
        f" Python's share {last.mine_cpu / last.mine:.0%}, raw {last.peer_cpu / last.peer:.0%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for batch_size in (1_000, 100):
        print(asyncio.run(measure(options.events, batch_size, options.rounds)))


if __name__ == "__main__":
    main()
