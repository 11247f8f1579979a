"""A profile with 20 events and its segments, over GraphQL on Neo4j: the product beside `@neo4j/graphql`
on the same database, and beside one Cypher query through the Python driver.

    python benchmarks/neo4j_graphql.py [--people 200] [--rounds 1000]

A simulated shop is applied to the test server (`NEO4J_URI`, else one that is started; what lies there is
deleted). Then each of the three is asked for the same profiles, in turns, one question at a time, over
connections that stay open:

- the product: `cdp serve --no-worker`, a process of its own, over HTTP with a bearer token
- @neo4j/graphql: `benchmarks/neo4j_graphql/server.mjs`, a process of its own, over HTTP. The server is
  Node's own, documents are parsed and validated once, nobody is authenticated
- the bare query: the asynchronous Python driver in this process; no HTTP, no GraphQL

Before anything is timed every profile's three answers are compared. Latency is what the asker sees, CPU
that of the process that serves (all its threads, read from /proc). The packages of the Node server are
installed with npm where they are missing (`npm ci`, no scripts), into an ignored folder.
"""

from __future__ import annotations

# ruff: noqa: E402 - the path has to be right before the first import
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# This file's own folder would hide the library `graphql`.
sys.path[0] = str(ROOT)
sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "benchmarks")]

import argparse
import asyncio
import os
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import msgspec
import neo4j
import orjson
from stores import Neo4jPlace, neo4j_place

from cdp.bootstrap import build, opened
from cdp.cli.applying import apply_all
from cdp.cli.importing import Summary, import_file
from cdp.settings import load
from cdp.simulate import simulate, write
from graph_schema.model.command import CreateSegment
from graph_schema.model.time import from_iso, now
from graph_schema.neo4j.address import Address

NODE = ROOT / "benchmarks" / "neo4j_graphql"
EVENTS, SEGMENTS = 20, 10
RULES: dict[str, Any] = {
    "browsers": {"event": {"name": "Product Viewed", "count": {"gte": 5}}},
    "buyers": {"event": {"name": "Order Completed"}},
    "on-two-devices": {"identifiers": {"namespace": "anonymous_id", "gte": 2}},
    "spenders": {"sum": {"event": "Order Completed", "property": "total", "gte": "100"}},
}

OURS = f"""query Profile($id: ID!) {{ profile(id: $id) {{ id firstSeenAt lastSeenAt counters {{ events }}
  events(first: {EVENTS}) {{ edges {{ node {{ messageId type name at }} }} }}
  segments(first: {SEGMENTS}) {{ edges {{ since node {{ key name }} }} }} }} }}"""
THEIRS = f"""query Profile($id: ID!) {{ profiles(where: {{id: {{eq: $id}}}}) {{
  id firstSeenAt lastSeenAt events
  newest(first: {EVENTS}) {{ id type name at }}
  segmentsConnection(first: {SEGMENTS}, sort: [{{node: {{key: ASC}}}}]) {{
    edges {{ properties {{ since }} node {{ key name }} }} }} }} }}"""
BARE = f"""
MATCH (p:Profile {{id: $id}})
CALL (p) {{
  MATCH (p)<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(:Session)-[:CONTAINS]->(e:Event)
  WITH e ORDER BY e.at DESC, e.id DESC LIMIT {EVENTS}
  RETURN collect([e.id, e.type, e.name, e.at]) AS events
}}
CALL (p) {{
  MATCH (p)-[m:MEMBER_OF]->(s:Segment)
  WITH m, s ORDER BY s.key LIMIT {SEGMENTS}
  RETURN collect([s.key, s.name, m.since]) AS segments
}}
RETURN p.id, p.firstSeenAt, p.lastSeenAt, p.events, events, segments
"""

SOME = """
MATCH (:Segment {key: 'browsers'})<-[:MEMBER_OF]-(p:Profile)
WHERE p.events >= $events
RETURN p.id ORDER BY p.id LIMIT 50
"""


class Answer(msgspec.Struct, frozen=True):
    """What each of them says of a profile. Times in milliseconds: GraphQL tells no more of them."""

    id: str
    first_seen: int
    last_seen: int
    count: int
    events: list[tuple[str, str, str, int]]
    segments: list[tuple[str, str, int]]


class Peer:
    """`read` makes an answer of what `ask` gives; `cpu` tells the seconds that the server has used."""

    def __init__(
        self,
        name: str,
        ask: Callable[[str], Awaitable[Any]],
        read: Callable[[Any], Answer],
        cpu: Callable[[], float],
    ) -> None:
        self.name, self.ask, self.read, self.cpu = name, ask, read, cpu
        self.took: list[float] = []
        self.spent = 0.0


# ── the three ──────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def product(data: Path, address: str) -> AsyncIterator[Peer]:
    command = [sys.executable, "-m", "cdp", "serve", "--no-worker", "--data", str(data)]
    environment = {**os.environ, "CDP_GRAPH": address, "PYTHONPATH": str(ROOT)}
    with listening([*command, "--port", "0"], environment) as (pid, line):
        made = tomllib.loads((data / "credentials.toml").read_text(encoding="utf-8"))
        token = made["cdp_tokens"].partition("=")[0]
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            ask = over_http(http, f"{line.split()[-1]}/graphql", OURS)
            yield Peer("the product", ask, read_ours, lambda: cpu_of(pid))


@asynccontextmanager
async def neo4j_graphql(address: Address) -> AsyncIterator[Peer]:
    node = installed()
    command = [
        node, str(NODE / "server.mjs"), address.uri, address.user, address.password,
        address.database or "neo4j",
    ]  # fmt: skip
    with listening(command, {**os.environ, "NODE_ENV": "production"}) as (pid, line):
        async with aiohttp.ClientSession() as http:
            ask = over_http(http, f"http://127.0.0.1:{line.strip()}/", THEIRS)
            yield Peer("@neo4j/graphql", ask, read_theirs, lambda: cpu_of(pid))


@asynccontextmanager
async def bare(address: Address) -> AsyncIterator[Peer]:
    auth = (address.user, address.password)
    async with neo4j.AsyncGraphDatabase.driver(address.uri, auth=auth) as driver:

        async def ask(id_: str) -> list[Any]:
            async with driver.session(database=address.database) as session:
                result = await session.run(BARE, id=id_)
                (row,) = await result.values()
                return row

        yield Peer("one Cypher query, Python driver", ask, read_bare, time.process_time)


def over_http(
    http: aiohttp.ClientSession, url: str, query: str
) -> Callable[[str], Awaitable[bytes]]:
    async def ask(id_: str) -> bytes:
        body = orjson.dumps({"query": query, "variables": {"id": id_}})
        headers = {"Content-Type": "application/json"}
        async with http.post(url, data=body, headers=headers) as reply:
            return await reply.read()

    return ask


# ── what they say ──────────────────────────────────────────────────────────────────────────────


def read_ours(body: bytes) -> Answer:
    found = _data(body)["profile"]
    events = [edge["node"] for edge in found["events"]["edges"]]
    return Answer(
        found["id"],
        from_iso(found["firstSeenAt"]) // 1000,
        from_iso(found["lastSeenAt"]) // 1000,
        found["counters"]["events"],
        [(e["messageId"], e["type"].lower(), e["name"], from_iso(e["at"]) // 1000) for e in events],
        [
            (edge["node"]["key"], edge["node"]["name"], from_iso(edge["since"]) // 1000)
            for edge in found["segments"]["edges"]
        ],
    )


def read_theirs(body: bytes) -> Answer:
    (found,) = _data(body)["profiles"]
    return Answer(
        found["id"],
        int(found["firstSeenAt"]) // 1000,
        int(found["lastSeenAt"]) // 1000,
        found["events"],
        [(e["id"], e["type"], e["name"], int(e["at"]) // 1000) for e in found["newest"]],
        [
            (edge["node"]["key"], edge["node"]["name"], int(edge["properties"]["since"]) // 1000)
            for edge in found["segmentsConnection"]["edges"]
        ],
    )


def read_bare(row: list[Any]) -> Answer:
    id_, first, last, count, events, segments = row
    return Answer(
        id_,
        first // 1000,
        last // 1000,
        count,
        [(mid, kind, name, at // 1000) for mid, kind, name, at in events],
        [(key, name, since // 1000) for key, name, since in segments],
    )


def _data(body: bytes) -> Any:
    answer = orjson.loads(body)
    if answer.get("errors"):
        raise SystemExit(f"An answer has errors: {answer['errors']}")
    return answer["data"]


# ── processes ──────────────────────────────────────────────────────────────────────────────────


@contextmanager
def listening(command: list[str], environment: dict[str, str]) -> Iterator[tuple[int, str]]:
    """A server, and the first line that it prints: where it listens."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"{command[0]} did not start.")
            yield process.pid, line
        finally:
            process.terminate()


def cpu_of(pid: int) -> float:
    """Seconds of all threads of a process, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def installed() -> str:
    """The path of Node. Installs the packages where they are missing, or not those of the lock."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise SystemExit("This benchmark needs Node 18 or later, with npm.")
    lock, told = NODE / "package-lock.json", NODE / "node_modules" / ".installed-lock.json"
    if not told.exists() or told.read_bytes() != lock.read_bytes():
        print(f"Installing the packages of {lock.relative_to(ROOT)} with npm.", flush=True)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(NODE)]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit("npm could not install them (it says above why).")
        shutil.copy(lock, told)
    return node


# ── measuring ──────────────────────────────────────────────────────────────────────────────────


async def filled(place: Neo4jPlace, data: Path, people: int) -> list[str]:
    """A simulated shop in four segments; some of its profiles that have enough events."""
    folder = data.parent / "shop"
    folder.mkdir()
    write(simulate(people, 30, 1, now()), folder)
    async with opened(build(load({"CDP_DATA": str(data), **place.settings}, {}))) as parts:
        for name in ("items.ndjson", "events.ndjson.gz"):
            await import_file(parts, folder / name, Summary(), form="segment", mapping={})
        await parts.commands.append(
            [
                CreateSegment(id=key, actor="bench", at=0, key=key, name=key.title(), rule=rule)
                for key, rule in RULES.items()
            ]
        )
        await apply_all(parts)
    return [str(id_) for (id_,) in await place.run(SOME, events=EVENTS)]


async def compared(peers: list[Peer], profiles: list[str]) -> None:
    for id_ in profiles:
        answers = {peer.name: peer.read(await peer.ask(id_)) for peer in peers}
        first, *others = answers.values()
        if any(other != first for other in others) or len(first.events) != EVENTS:
            raise SystemExit(f"They do not say the same of {id_}: {answers}")


async def measured(peers: list[Peer], profiles: list[str], rounds: int) -> None:
    """Asked in turns, so that whatever disturbs the machine disturbs all of them."""
    for number in range(-max(100, len(profiles)), rounds):
        id_ = profiles[number % len(profiles)]
        for peer in peers:
            if number == 0:
                peer.spent, peer.took = -peer.cpu(), []
            began = time.perf_counter()
            await peer.ask(id_)
            peer.took.append(time.perf_counter() - began)
    for peer in peers:
        peer.spent += peer.cpu()
        peer.took.sort()


def told(peers: list[Peer], rounds: int) -> None:
    first = peers[0]
    print(f"{'':<34}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'p50':>9}{'p99':>8}{'CPU':>8}")
    for peer in peers:
        figures = [at(peer, 0.5), at(peer, 0.99), peer.spent / rounds * 1e3]
        ours = [at(first, 0.5), at(first, 0.99), first.spent / rounds * 1e3]
        ratios = "".join(f"  x{one / base:5.2f}" for one, base in zip(figures, ours, strict=True))
        print(f"{peer.name:<34}" + "".join(f"{figure:9.2f}" for figure in figures) + ratios)


def at(peer: Peer, share: float) -> float:
    return peer.took[int(len(peer.took) * share)] * 1e3


async def main(people: int, rounds: int) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = await stack.enter_async_context(neo4j_place())
        profiles = await filled(place, folder / "data", people)
        if not profiles:
            raise SystemExit(f"Nobody has {EVENTS} events: simulate more people.")
        serving = product(folder / "data", place.settings["CDP_GRAPH"])
        peers = [
            await stack.enter_async_context(serving),
            await stack.enter_async_context(neo4j_graphql(place.address)),
            await stack.enter_async_context(bare(place.address)),
        ]
        await compared(peers, profiles)
        print(f"{len(profiles)} profiles, {rounds} questions to each; the answers are the same")
        await measured(peers, profiles, rounds)
        told(peers, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=200, help="people of the simulated shop")
    parser.add_argument("--rounds", type=int, default=1000, help="questions to each of the three")
    options = parser.parse_args()
    asyncio.run(main(options.people, options.rounds))
