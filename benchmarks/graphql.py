"""CPU of the GraphQL layer for three answers, beside what the libraries do by themselves.

    python benchmarks/graphql.py [--rounds 200] [--people 300]

Twice: over data in memory, so that only the layer is measured (reading the request, finding the parsed
query, measuring it, executing it, writing JSON), and over the embedded store holding a simulated shop,
as `cdp serve` answers. Peers in the same run, over the same platform:

- strawberry: `schema.execute` of the same types as the library comes (parses and validates anew)
- strawberry, cached: the same with its own parser and validation caches
- graphql-core: the same fields over plain dictionaries, parsed and validated once, executed by
  graphql-core's own executor with its default resolvers, written by orjson
"""

from __future__ import annotations

# ruff: noqa: E402 - the path has to be right before the first import
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# This file's own folder would hide the library that has its name.
sys.path[0] = str(ROOT)
sys.path.append(str(ROOT / "tests" / "support"))

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import strawberry
from fake_platform import shop
from graphql import build_schema, execute, parse
from strawberry.extensions import ParserCache, ValidationCache

from api.answers import Answering, Question
from api.auth import Principal, Scope
from api.connections import Seal
from api.context import Context
from api.mutations import Mutation
from api.queries import Query
from api.schema import sdl, strawberry_schema
from api.settings import ApiSettings
from cdp.bootstrap import build, opened
from cdp.cli.applying import apply_all
from cdp.cli.importing import Summary, import_file
from cdp.platform.platform import EmbeddedPlatform
from cdp.settings import load
from cdp.simulate import simulate, write
from graph_schema.model.command import CreateSegment
from graph_schema.model.time import now
from graph_schema.store import Span

ITEMS = """query Items($first: Int!) { items(first: $first) { edges { node {
  id name category brand url imageUrl available attributes } } } }"""
LIST = """query Profiles($first: Int!) { profiles(first: $first) { edges { node {
  id firstSeenAt lastSeenAt identified traits redirectedFrom
  counters { events activeDays } } } } }"""
PROFILE = """query Profile($id: ID!) { profile(id: $id) { id traits counters { events orders }
  events(first: 20) { edges { node { id name type at properties } } pageInfo { hasNextPage } }
  segments(first: 10) { edges { since node { key name } } } } }"""

Run = Callable[[], Awaitable[bytes]]
PRINCIPAL = Principal("benchmark", frozenset(Scope))


def own(platform: Any, query: str, variables: dict[str, Any]) -> Run:
    answering = Answering(platform, ApiSettings(tokens={}), Seal(b"benchmark"))
    body = orjson.dumps({"query": query, "variables": variables})

    async def run() -> bytes:
        answer = await answering.answer(Question.read(body), PRINCIPAL, "r")
        assert answer.refused is None
        return orjson.dumps(answer.body)

    return run


def library(schema: strawberry.Schema, platform: Any, query: str, variables: dict[str, Any]) -> Run:
    async def run() -> bytes:
        context = Context(platform, PRINCIPAL, "r", Seal(b"benchmark"))
        result = await schema.execute(query, variables, context)
        assert result.errors is None
        return orjson.dumps({"data": result.data})

    return run


def bare(query: str, variables: dict[str, Any], data: Any) -> Run:
    schema = build_schema(sdl())
    document = parse(query)

    async def run() -> bytes:
        result: Any = execute(schema, document, data, variable_values=variables)
        assert result.errors is None
        return orjson.dumps({"data": result.data})

    return run


async def cpu(run: Run, rounds: int) -> float:
    """The median CPU of one answer in ms, of all threads."""
    for _ in range(10):
        await run()
    spent = []
    for _ in range(rounds):
        began = time.process_time_ns()
        await run()
        spent.append((time.process_time_ns() - began) / 1e6)
    return statistics.median(spent)


async def compare(
    name: str, platform: Any, query: str, variables: dict[str, Any], rounds: int
) -> None:
    parsed, validated = ParserCache(maxsize=100), ValidationCache(maxsize=100)
    cached = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        config=strawberry_schema().config,
        extensions=[lambda: parsed, lambda: validated],
    )
    runs = {
        "this layer": own(platform, query, variables),
        "strawberry": library(strawberry_schema(), platform, query, variables),
        "strawberry, cached": library(cached, platform, query, variables),
    }
    answers = {peer: await run() for peer, run in runs.items()}
    data = orjson.loads(answers["this layer"])["data"]
    assert all(orjson.loads(answer)["data"] == data for answer in answers.values())
    runs["graphql-core"] = bare(query, variables, data)
    print(f"{name}: {len(answers['this layer']):,} bytes")
    base = 0.0
    for peer, run in runs.items():
        spent = await cpu(run, rounds)
        base = base or spent
        print(f"  {peer:<20} {spent:8.3f} ms of CPU   x {spent / base:5.2f}")


async def in_memory(rounds: int) -> None:
    platform = shop(people=100, events=30, items=100)
    print("data in memory")
    await three(platform, "p_0007", rounds)


async def on_the_store(rounds: int, people: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with simulated(Path(folder), people) as platform:
            page = await platform.profiles.page(
                "LAST_SEEN_DESC", Span(100), segment="buyers", search=None
            )
            busy = next(p.id for p in page.items if p.tally.events >= 20)
            print(f"the embedded store, {people} people")
            await three(platform, busy, rounds)


async def three(platform: Any, profile: str, rounds: int) -> None:
    await compare("A list of 100 x 8", platform, ITEMS, {"first": 100}, rounds)
    await compare("100 profiles with traits and counters", platform, LIST, {"first": 100}, rounds)
    name = "A profile with 20 events and its segments"
    await compare(name, platform, PROFILE, {"id": profile}, rounds)


@asynccontextmanager
async def simulated(folder: Path, people: int) -> AsyncIterator[EmbeddedPlatform]:
    """A shop of so many people, in three segments, on the embedded store."""
    write(simulate(people, 30, 1, now()), folder)
    rules = {
        "buyers": {"event": {"name": "Order Completed"}},
        "browsers": {"event": {"name": "Product Viewed", "count": {"gte": 5}}},
        "spenders": {"sum": {"event": "Order Completed", "property": "total", "gte": "100"}},
    }
    async with opened(build(load({"CDP_DATA": str(folder / "data")}, {}))) as parts:
        for name in ("items.ndjson", "events.ndjson.gz"):
            await import_file(parts, folder / name, Summary(), form="segment", mapping={})
        await parts.commands.append(
            [
                CreateSegment(id=k, actor="bench", at=0, key=k, name=k, rule=r)
                for k, r in rules.items()
            ]
        )
        await apply_all(parts)
        yield parts.platform()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200, help="answers measured for each peer")
    parser.add_argument("--people", type=int, default=300, help="people of the shop in the store")
    options = parser.parse_args()
    asyncio.run(in_memory(options.rounds))
    asyncio.run(on_the_store(options.rounds, options.people))


if __name__ == "__main__":
    main()
