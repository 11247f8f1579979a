"""The embedded graph store: one SQLite file in WAL mode, one writer, any number of readers."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from graph_schema import columns
from graph_schema.errors import Fenced, StoreUnavailable, WrongLog
from graph_schema.model.evidence import Waiting
from graph_schema.model.time import Micros
from graph_schema.queries import queries
from graph_schema.sqlite import connection
from graph_schema.sqlite.batch import SqliteBatch
from graph_schema.sqlite.pool import ReaderPool
from graph_schema.sqlite.reading import SqliteReading
from graph_schema.sqlite.walking import SqliteWalking
from graph_schema.store import Batch, Checkpoint


class SqliteGraphStore(SqliteReading, SqliteWalking):
    """Implements `graph_schema.store.GraphStore`.

    Writing runs in the calling thread: the worker has nothing else to do meanwhile. Reading runs in
    `readers` threads. `fingerprint` is that of the hash key.
    """

    def __init__(self, path: Path, fingerprint: str, readers: int = 2) -> None:
        self._path = path
        self._fingerprint = fingerprint
        self._pool = ReaderPool(path, readers)
        self._queries = queries("graph_schema.sqlite")
        self._writer: sqlite3.Connection | None = None

    async def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = connection.writer(self._path, self._fingerprint)
        self._pool.open()

    async def close(self) -> None:
        self._pool.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def checkpoint(self, partition: int, log: str) -> Checkpoint:
        known = {row[0]: columns.checkpoint(row) for row in self._all("checkpoints")}
        for other in known.values():
            if other.log != log:
                raise WrongLog(expected=other.log, found=log)
        if partition not in known:
            self._all("make_checkpoint", partition=partition, log=log)
            return Checkpoint(partition, log)
        return known[partition]

    @asynccontextmanager
    async def batch(self, expected: Checkpoint) -> AsyncIterator[Batch]:
        self._begin()
        try:
            known = self._known(expected.partition)
            if known is None or _moved(known, expected):
                raise Fenced(partition=expected.partition)
            yield SqliteBatch(self._connection, known)
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._roll_back()
            raise StoreUnavailable(store=self._path.name, reason=error) from error
        except BaseException:
            self._roll_back()
            raise

    @property
    def several_writers(self) -> bool:
        return False

    async def hold(self, expected: Checkpoint, owner: str, until: Micros) -> Checkpoint:
        self._begin()
        try:
            known = self._known(expected.partition)
            if known is None or known.owner != expected.owner:
                raise Fenced(partition=expected.partition)
            held = msgspec.structs.replace(known, owner=owner, until=until)
            self._all("hold", partition=known.partition, owner=owner, until=until)
            self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return held

    async def due(self, now: Micros, limit: int) -> list[str]:
        return [row[0] for row in self._all("due", now=now, limit=limit)]

    async def next_deadline(self) -> Micros | None:
        found: Micros | None = self._all("next_deadline")[0][0]
        return found

    async def waiting(self, limit: int) -> list[Waiting]:
        return [Waiting(*row) for row in self._all("waiting", limit=limit)]

    async def profile_ids_after(self, after: str, limit: int) -> list[str]:
        return [row[0] for row in self._all("profile_ids_after", after=after, limit=limit)]

    def _known(self, partition: int) -> Checkpoint | None:
        found = self._all("checkpoint", partition=partition)
        return columns.checkpoint(found[0]) if found else None

    def _begin(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(store=self._path.name, reason=error) from error

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _all(self, name: str, **parameters: object) -> list[Any]:
        try:
            return self._connection.execute(self._queries[name], parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise connection.refusal(self._path, error) from error

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._writer is None:
            raise StoreUnavailable(store=self._path.name, reason="it is not open")
        return self._writer


def _moved(known: Checkpoint, expected: Checkpoint) -> bool:
    """Whether another worker has been here. How long the partition is held is no matter of the batch."""
    return msgspec.structs.replace(known, until=expected.until) != expected
