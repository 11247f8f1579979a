"""The graph stores that the suites run on, each behind the same few words.

A kind of store gives places: empty graphs that several store objects may share, as several processes
share one graph. Another store is one more entry in `KINDS`.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec
import neo4j
import pytest
from _pytest.mark import ParameterSet
from neo4j_server import the_server

from graph_schema.errors import StoreCorrupt, StoreError, StoreForeign, StoreNewer
from graph_schema.model.profile import ProfileIds
from graph_schema.neo4j.address import Address, parse
from graph_schema.neo4j.store import Neo4jGraphStore
from graph_schema.schema import newest
from graph_schema.sqlite.store import SqliteGraphStore
from graph_schema.store import GraphStore

IDS = ProfileIds(b"a key for tests only")


class Place(Protocol):
    """Where one graph lies; empty at first."""

    @property
    def settings(self) -> Mapping[str, str]:
        """What chooses it among the product's settings."""
        ...

    def store(self, fingerprint: str = IDS.fingerprint) -> GraphStore:
        """A store object on this graph, not opened yet; several may be open at once."""
        ...

    async def contents(self) -> object:
        """All that lies there, comparable: tells whether it was touched. No store is open."""
        ...


class Spoiling(msgspec.Struct, frozen=True):
    """A way to make a graph such that `open` must refuse it with `error`. `spoil` is given a place
    whose stores are closed."""

    name: str
    spoil: Callable[[Place], Awaitable[None]]
    error: type[StoreError]


class Kind(msgspec.Struct, frozen=True):
    """`empty()` gives a place with an empty graph, and takes it away at the end of the block. Two
    places of one kind need not exist at the same time. `thinning`: randomised tests run so many times
    fewer examples on it."""

    name: str
    empty: Callable[[], AbstractAsyncContextManager[Place]]
    spoilings: Sequence[Spoiling] = ()
    thinning: int = 1
    one_reading: bool = True
    """Whether a long walk shows one moment, whatever is written meanwhile."""


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A temporary folder, in memory where the system has one there. What is synchronised to disk would
    take most of these tests' time, and none of them cuts the power."""
    memory = Path("/dev/shm")
    chosen = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=chosen) as folder:
        yield Path(folder)


# ── SQLite ─────────────────────────────────────────────────────────────────────────────────────


class SqlitePlace:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def settings(self) -> Mapping[str, str]:
        return {"CDP_DATA": str(self.path.parent)}

    def store(self, fingerprint: str = IDS.fingerprint) -> SqliteGraphStore:
        return SqliteGraphStore(self.path, fingerprint)

    async def contents(self) -> object:
        return {path.name: path.read_bytes() for path in sorted(self.path.parent.iterdir())}


@asynccontextmanager
async def sqlite_place() -> AsyncIterator[SqlitePlace]:
    with quick_folder() as folder:
        yield SqlitePlace(folder / "graph.db")


def _file(place: Place) -> Path:
    assert isinstance(place, SqlitePlace)
    return place.path


async def _damage(place: Place) -> None:
    path = _file(place)
    path.write_bytes(b"no database at all, " * 1000)


async def _cut(place: Place) -> None:
    """The file's header is whole, its pages are not."""
    path = _file(place)
    path.write_bytes(path.read_bytes()[:4096] + bytes(4096))


async def _foreign(place: Place) -> None:
    path = _file(place)
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE diary (entry TEXT)")
    connection.close()


async def _newer(place: Place) -> None:
    connection = sqlite3.connect(_file(place))
    connection.execute("PRAGMA user_version = 1000")
    connection.close()


SQLITE = Kind(
    "sqlite",
    sqlite_place,
    (
        Spoiling("garbage", _damage, StoreCorrupt),
        Spoiling("cut", _cut, StoreCorrupt),
        Spoiling("foreign", _foreign, StoreCorrupt),
        Spoiling("newer", _newer, StoreNewer),
    ),
)

# ── Neo4j ──────────────────────────────────────────────────────────────────────────────────────


class Neo4jPlace:
    """The one database of a server, `given` as CDP_GRAPH takes it."""

    def __init__(self, given: str, driver: neo4j.AsyncDriver) -> None:
        self._given = given
        self.address: Address = parse(given)
        self._driver = driver

    @property
    def settings(self) -> Mapping[str, str]:
        return {"CDP_GRAPH": self._given}

    def store(self, fingerprint: str = IDS.fingerprint) -> Neo4jGraphStore:
        return Neo4jGraphStore(self.address, fingerprint, strict=True)

    async def contents(self) -> object:
        nodes = await self.run("MATCH (n) RETURN elementId(n), labels(n), properties(n)")
        links = await self.run(
            "MATCH (a)-[r]->(b) RETURN elementId(a), type(r), properties(r), elementId(b)"
        )
        schema = await self.run("SHOW INDEXES YIELD name, labelsOrTypes, properties")
        return sorted(map(repr, nodes)), sorted(map(repr, links)), sorted(map(repr, schema))

    async def run(self, statement: str, **parameters: object) -> list[list[object]]:
        async with self._driver.session(database=self.address.database) as session:
            result = await session.run(statement, parameters)
            return await result.values()

    async def clear(self) -> None:
        """Deletes what is there. The schema stays, as another test would make it again; whose graph it
        is is forgotten."""
        known = await self.run("MATCH (g:GraphSchema) RETURN g.version")
        kept = "n:GraphSchema OR n:Migration" if known == [[newest()]] else "false"
        await self.run(
            f"MATCH (n) WHERE NOT ({kept}) CALL (n) {{ DETACH DELETE n }} IN TRANSACTIONS"
        )
        await self.run("MATCH (g:GraphSchema) REMOVE g.hashKey, g.knownSince")


@asynccontextmanager
async def neo4j_place(given: str | None = None) -> AsyncIterator[Neo4jPlace]:
    """Of the test session's server, where no other is named."""
    given = the_server().address if given is None else given
    address = parse(given)
    async with neo4j.AsyncGraphDatabase.driver(
        address.uri,
        auth=(address.user, address.password),
        notifications_min_severity=neo4j.NotificationMinimumSeverity.OFF,
    ) as driver:
        place = Neo4jPlace(given, driver)
        await place.clear()
        yield place


def _database(place: Place) -> Neo4jPlace:
    assert isinstance(place, Neo4jPlace)
    return place


async def _other_graph(place: Place) -> None:
    await _database(place).run("MATCH (g:GraphSchema) DETACH DELETE g")


async def _newer_graph(place: Place) -> None:
    await _database(place).run("MATCH (g:GraphSchema) SET g.version = 1000")


NEO4J = Kind(
    "neo4j",
    neo4j_place,
    (
        Spoiling("foreign", _other_graph, StoreForeign),
        Spoiling("newer", _newer_graph, StoreNewer),
    ),
    thinning=5,
    one_reading=False,
)

KINDS: Sequence[Kind] = (SQLITE, NEO4J)
"""Every kind of store that there is."""

MORE = int(os.environ.get("TEST_MORE", "1"))
"""So many times as many random histories on the kinds that are slower."""


def cases(count: int, thinned: int) -> Sequence[ParameterSet]:
    """Pairs of a kind and a number, for random histories: `count` of them on the quick kinds, `thinned`
    times `TEST_MORE` on those that thin."""
    return [
        pytest.param(kind, number, id=f"{kind.name}-{number}")
        for kind in KINDS
        for number in range(count if kind.thinning == 1 else min(count, thinned * MORE))
    ]
