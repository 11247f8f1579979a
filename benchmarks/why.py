"""Why two identifiers are one person's: over the product's store, beside networkx.

    python benchmarks/why.py [--identifiers 500] [--questions 200] [--neo4j]

One profile of so many identifiers, made by events: a user who is seen on hundreds of devices, some of
which also know each other. `why` reads the profile's evidence and walks its spanning forest. The peer
gets the same evidence already read, and finds the shortest path over what joined; once building its
graph for each question, as a service would that keeps none, and once on a graph that stands. The
identity graph of the whole profile is measured too. Milliseconds: median and 99th percentile.
`--neo4j`: on the test server (`NEO4J_URI`, else one that is started; what lies there is deleted).
"""

from __future__ import annotations

# ruff: noqa: E402 - the path has to be right before the first import
import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)
sys.path.append(str(ROOT / "tests" / "support"))

import networkx as nx
from stores import NEO4J, SQLITE, Kind

from cdp.collector.recording import Recorder
from cdp.eventlog.memory import MemoryEventLog
from cdp.pipeline.apply import EventApplier
from cdp.pipeline.in_force import InForce
from cdp.platform.reasons import KnownReasons
from graph_schema.model.event import Event, EventType
from graph_schema.model.evidence import Edge, EvidenceStatus
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import DEFAULT_NAMESPACES, IdentityRules, Namespace
from graph_schema.model.time import HALF_HOUR, from_iso, now
from graph_schema.store import GraphStore

START = from_iso("2026-11-01T00:00:00Z")
RULES = IdentityRules(
    namespaces=tuple(
        Namespace(n.name, n.rank, n.role, 1_000 if n.name == "anonymous_id" else n.limit, pii=n.pii)
        for n in DEFAULT_NAMESPACES
    ),
    size_cap=10_000,
)


def events(identifiers: int) -> list[Event]:
    rng = random.Random(1)
    found = []
    for number in range(identifiers - 1):
        at = START + number * HALF_HOUR
        found.append(_event(f"m{number}", at, f"a{number}", "u1"))
        if number and rng.random() < 0.3:
            found.append(_alias(f"x{number}", at + 1, f"a{number}", f"a{rng.randrange(number)}"))
    return found


def _event(mid: str, at: int, device: str, user: str) -> Event:
    return Event(mid, EventType.TRACK, "Seen", at, at, "w_bench", anonymous_id=device, user_id=user)


def _alias(mid: str, at: int, device: str, previous: str) -> Event:
    return Event(
        mid, EventType.ALIAS, "alias", at, at, "w_bench", anonymous_id=device, previous_id=previous
    )


async def filled(store: GraphStore, ids: ProfileIds, identifiers: int) -> None:
    log = MemoryEventLog(now)
    await log.open()
    await log.append(list(map(Recorder(RULES, 1).record_of, events(identifiers))))
    applier = EventApplier(store, InForce(RULES, ids, now))
    checkpoint = await store.checkpoint(1, log.log_id)
    while records := await log.read(1, checkpoint.position, 500, 1 << 24):
        checkpoint = (await applier.apply(records, checkpoint)).checkpoint
    await log.close()


def graph_of(edges: list[Edge]) -> Any:
    graph = nx.Graph()
    for edge in edges:
        if edge.status is EvidenceStatus.JOINED:
            graph.add_edge(edge.a, edge.b, evidence=edge)
    return graph


def peer(edges: list[Edge], a: Key, b: Key) -> int:
    return len(nx.shortest_path(graph_of(edges), a, b))


def told(name: str, took: list[float]) -> None:
    took.sort()
    print(
        f"{name:<52} {statistics.median(took) * 1e3:8.2f} {took[int(len(took) * 0.99)] * 1e3:8.2f}"
    )


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def main(kind: Kind, identifiers: int, questions: int) -> None:
    ids = ProfileIds(b"a key for benchmarks only")
    async with kind.empty() as place:
        store = place.store(ids.fingerprint)
        await store.open()
        await filled(store, ids, identifiers)
        reasons = KnownReasons(store, RULES)
        found = await store.clusters(["user_id:u1"])
        edges, keys = list(found.edges), sorted(member.key for member in found.members)
        print(
            f"{kind.name}: {len(keys)} identifiers, {len(edges)} pieces of evidence;"
            " ms: median, 99th percentile"
        )
        rng = random.Random(2)
        pairs = [tuple(rng.sample(keys, 2)) for _ in range(questions)]
        profile = found.members[0].profile or ""
        took: dict[str, list[float]] = {}
        standing = graph_of(edges)
        for a, b in pairs:
            began = time.perf_counter()
            asked = (profile, parse_key(a)[::2], parse_key(b)[::2])
            (path,) = await reasons.links([asked])  # type: ignore[list-item]
            took.setdefault("why: read from the store, and walked", []).append(
                time.perf_counter() - began
            )
            assert path is not None and len(path.steps) + 1 == peer(edges, a, b)
            took.setdefault("networkx: graph built, shortest path", []).append(
                timed(lambda a=a, b=b: peer(edges, a, b))
            )
            took.setdefault("networkx: shortest path on a graph that stands", []).append(
                timed(lambda a=a, b=b: nx.shortest_path(standing, a, b))
            )
            began = time.perf_counter()
            await reasons.graphs(["user_id:u1"], 1_000)
            took.setdefault("the whole identity graph, read and drawn", []).append(
                time.perf_counter() - began
            )
        for name, values in took.items():
            told(name, values)
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--identifiers", type=int, default=500)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--neo4j", action="store_true", help="on Neo4j, not on the embedded store")
    arguments = parser.parse_args()
    chosen = NEO4J if arguments.neo4j else SQLITE
    asyncio.run(main(chosen, arguments.identifiers, arguments.questions))
