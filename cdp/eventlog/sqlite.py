"""The event log in one SQLite file: the default. Several processes may read it, and append to it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from cdp.eventlog.connection import SQL, prepare, reader, refusal
from cdp.eventlog.dead_letter import DeadLetter
from cdp.eventlog.group_commit import GroupCommit
from cdp.eventlog.polling import Bell, until
from graph_schema.errors import BadInput, StoreUnavailable
from graph_schema.model import time
from graph_schema.model.record import LogRecord, NewRecord, RecordKind
from graph_schema.model.time import Micros

T = TypeVar("T")

READERS = 2
_TAIL = (0, 0, 0)


class SqliteEventLog:
    """One partition, 0. Nothing is opened before `open`; the appending thread starts with the first
    append. `now` is the clock that dates the records."""

    def __init__(self, path: Path, now: Callable[[], Micros] = time.now) -> None:
        self._path = path
        self._now = now
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
            self._log_id = await asyncio.to_thread(prepare, self._path)
            self._readers = _Readers(self._path)

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        if writer is not None:
            await asyncio.to_thread(writer.close)
        if readers is not None:
            await asyncio.to_thread(readers.close)

    def partitions(self) -> tuple[int, ...]:
        return (0,)

    async def append(
        self, records: Sequence[NewRecord], dead: Sequence[DeadLetter] = ()
    ) -> list[tuple[int, int]]:
        if not records and not dead:
            return []
        first = await asyncio.wrap_future(self._writing().submit(records, dead))
        self._bell.ring()
        return [(0, first + offset) for offset in range(len(records))]

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> list[LogRecord]:
        _known(partition)
        return await self._read(lambda connection: _records(connection, after, limit, max_bytes))

    async def end(self, partition: int) -> int:
        _known(partition)
        return (await self._read(_tail))[0]

    async def bytes_after(self, partition: int, position: int) -> int:
        _known(partition)
        return await self._read(lambda connection: _bytes_after(connection, position))

    async def newest_at(self, partition: int) -> Micros:
        _known(partition)
        return (await self._read(_tail))[1]

    async def wait(self, partition: int, after: int, timeout_s: float) -> bool:
        return await until(lambda: self.end(partition), after, timeout_s, self._bell)

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


def _known(partition: int) -> None:
    if partition != 0:
        raise BadInput(reason=f"This log has no partition {partition}: it has one, 0.")


def _tail(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """(position, at, bytes up to it) of the last record."""
    found: tuple[int, int, int] | None = connection.execute(SQL["tail"]).fetchone()
    return found or _TAIL


def _bytes_after(connection: sqlite3.Connection, position: int) -> int:
    # The position first: what is appended between the two reads makes the answer newer, not wrong.
    before = connection.execute(SQL["bytes_upto"], (position,)).fetchone()
    end, _, total = _tail(connection)
    if position >= end:
        return 0
    return total - (before[0] if before else 0)


def _records(
    connection: sqlite3.Connection, after: int, limit: int, max_bytes: int
) -> list[LogRecord]:
    found: list[LogRecord] = []
    rows = connection.execute(SQL["records_after"], (after, limit))
    try:
        for position, at, kind, body, key_id, nonce, v in rows:
            max_bytes -= len(body or b"")
            if found and max_bytes < 0:
                break
            found.append(LogRecord(0, position, at, RecordKind(kind), body, key_id, nonce, v))
    finally:
        rows.close()  # an open cursor would hold the snapshot, and the WAL with it
    return found


def _dead_letters(
    connection: sqlite3.Connection, after_id: int, limit: int
) -> list[tuple[int, DeadLetter]]:
    rows = connection.execute(SQL["dead_letters_after"], (after_id, limit)).fetchall()
    return [(row[0], DeadLetter(*row[1:])) for row in rows]


def _dead_letter_count(connection: sqlite3.Connection) -> int:
    count: int = connection.execute(SQL["dead_letter_count"]).fetchone()[0]
    return count
