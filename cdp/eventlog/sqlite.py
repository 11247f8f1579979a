"""The event log in one SQLite file: the default. Several processes may read it, and append to it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from cdp.eventlog.connection import SQL, prepare, reader, record_id, refusal
from cdp.eventlog.dead_letter import DeadLetter
from cdp.eventlog.group_commit import GroupCommit
from cdp.eventlog.partitioning import no_partition
from cdp.eventlog.polling import Bell, until
from cdp.eventlog.protocol import Backlog, Tail
from graph_schema.errors import StoreUnavailable
from graph_schema.model import time
from graph_schema.model.record import LogRecord, NewRecord, RecordKind
from graph_schema.model.time import Micros

T = TypeVar("T")

READERS = 2


class SqliteEventLog:
    """Nothing is opened before `open`; the appending thread starts with the first append.

    `event_partitions`: into how many the events go, at least; a file that has more keeps them. `now`
    is the clock that dates the records.
    """

    def __init__(
        self, path: Path, now: Callable[[], Micros] = time.now, event_partitions: int = 1
    ) -> None:
        self._path = path
        self._now = now
        self._event_partitions = event_partitions
        self._log_id: str | None = None
        self._readers: _Readers | None = None
        self._writer: GroupCommit | None = None
        self._bell = Bell()

    @property
    def log_id(self) -> str:
        if self._log_id is None:
            raise StoreUnavailable(store=self._path, reason="it is not open")
        return self._log_id

    async def open(self) -> None:
        if self._readers is None:
            self._log_id = await asyncio.to_thread(prepare, self._path, self._event_partitions)
            self._readers = _Readers(self._path)

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        if writer is not None:
            await asyncio.to_thread(writer.close)
        if readers is not None:
            await asyncio.to_thread(readers.close)

    async def append(
        self, records: Sequence[NewRecord], dead: Sequence[DeadLetter] = ()
    ) -> list[tuple[int, int]]:
        if not records and not dead:
            return []
        places = await asyncio.wrap_future(self._writing().submit(records, dead))
        self._bell.ring()
        return places

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> list[LogRecord]:
        return await self._read(
            lambda connection: _records(connection, partition, after, limit, max_bytes)
        )

    async def tails(self) -> dict[int, Tail]:
        tails = await self._read(_tails)
        return {number: Tail(position, at) for number, (position, at, _) in tails.items()}

    async def backlog(self, positions: Mapping[int, int]) -> Backlog:
        return await self._read(lambda connection: _backlog(connection, positions))

    async def wait(self, positions: Mapping[int, int], timeout_s: float) -> bool:
        async def there() -> bool:
            tails = await self._read(_tails)
            return any(
                number in tails and tails[number][0] > positions[number] for number in positions
            )

        return await until(there, timeout_s, self._bell)

    async def dead_letters(self, after_id: int, limit: int) -> list[tuple[int, DeadLetter]]:
        return await self._read(lambda connection: _dead_letters(connection, after_id, limit))

    async def dead_letter_count(self) -> int:
        return await self._read(_dead_letter_count)

    async def forget(self, ids: Collection[int]) -> None:
        if ids:
            await asyncio.wrap_future(self._writing().submit(forget=tuple(ids)))

    def _writing(self) -> GroupCommit:
        if self._readers is None:
            raise StoreUnavailable(store=self._path, reason="it is not open")
        if self._writer is None:
            self._writer = GroupCommit(self._path, self._now)
        return self._writer

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._readers is None:
            raise StoreUnavailable(store=self._path, reason="it is not open")
        try:
            return await self._readers.run(work)
        except sqlite3.Error as error:
            raise refusal(self._path, error) from error


class _Readers:
    """Threads, each with a reading connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="event-log-read")
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(self._connection()))

    def close(self) -> None:
        """Waits for the reads in hand. Blocks."""
        self._threads.shutdown()
        for connection in self._all:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = reader(self._path)
            self._own.connection = connection
            self._all.append(connection)
        return connection


def _tails(connection: sqlite3.Connection) -> dict[int, tuple[int, Micros, int]]:
    """(position, at, bytes up to it) of the last record of each partition."""
    found = connection.execute(SQL["tails"]).fetchall()
    return {number: (position or 0, at or 0, total or 0) for number, position, at, total in found}


def _backlog(connection: sqlite3.Connection, positions: Mapping[int, int]) -> Backlog:
    tails = _tails(connection)
    behind = {n: positions.get(n, 0) for n in tails if positions.get(n, 0) < tails[n][0]}
    if not behind:
        return Backlog()
    # Both reads know the last records of the first: what is appended meanwhile is not counted.
    applied = json.dumps([record_id(*place) for place in behind.items()])
    next_ = json.dumps([record_id(number, after + 1) for number, after in behind.items()])
    before = sum(row[0] for row in connection.execute(SQL["bytes_upto"], {"ids": applied}))
    oldest: Micros = connection.execute(SQL["oldest"], {"ids": next_}).fetchone()[0]
    return Backlog(sum(tails[number][2] for number in behind) - before, oldest)


def _records(
    connection: sqlite3.Connection, partition: int, after: int, limit: int, max_bytes: int
) -> list[LogRecord]:
    found: list[LogRecord] = []
    where = {"partition": partition, "after": after, "limit": limit}
    rows = connection.execute(SQL["records_after"], where)
    try:
        for position, at, kind, body, key_id, nonce, v in rows:
            max_bytes -= len(body or b"")
            if found and max_bytes < 0:
                break
            found.append(
                LogRecord(partition, position, at, RecordKind(kind), body, key_id, nonce, v)
            )
    finally:
        rows.close()  # an open cursor would hold the snapshot, and the WAL with it
    if not found and partition not in _tails(connection):
        raise no_partition(partition)
    return found


def _dead_letters(
    connection: sqlite3.Connection, after_id: int, limit: int
) -> list[tuple[int, DeadLetter]]:
    rows = connection.execute(SQL["dead_letters_after"], (after_id, limit)).fetchall()
    return [(row[0], DeadLetter(*row[1:])) for row in rows]


def _dead_letter_count(connection: sqlite3.Connection) -> int:
    count: int = connection.execute(SQL["dead_letter_count"]).fetchone()[0]
    return count
