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

from graph_schema.errors import StoreCorrupt, StoreError, StoreNewer
from graph_schema.model.profile import ProfileIds
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

KINDS: Sequence[Kind] = (SQLITE,)
"""Every kind of store that there is."""
