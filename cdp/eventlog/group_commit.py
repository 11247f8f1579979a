"""One thread that writes: whatever waits is written in one transaction, with one fsync for all."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import msgspec

from cdp.eventlog.connection import SQL, record_id, refusal, writer
from cdp.eventlog.dead_letter import DeadLetter
from cdp.eventlog.partitioning import partition_of
from graph_schema.errors import StoreUnavailable
from graph_schema.model.record import NewRecord
from graph_schema.model.time import Micros

Places = list[tuple[int, int]]
"""(partition, position) of each record."""


class Write(msgspec.Struct, eq=False):
    """What one caller wants written. `done` gets the places of its records."""

    records: Sequence[NewRecord]
    dead: Sequence[DeadLetter]
    forget: Sequence[int]
    done: Future[Places]


class GroupCommit:
    """Takes writes from any thread; each is answered once it is durable, or with a StoreError."""

    def __init__(self, path: Path, now: Callable[[], Micros]) -> None:
        self._path = path
        self._now = now
        self._waiting: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._run, name="event-log-write", daemon=True)
        self._thread.start()

    def submit(
        self,
        records: Sequence[NewRecord] = (),
        dead: Sequence[DeadLetter] = (),
        forget: Sequence[int] = (),
    ) -> Future[Places]:
        write = Write(records, dead, forget, Future())
        with self._lock:
            if self._closed:
                raise StoreUnavailable(store=self._path, reason="it is closed")
            self._waiting.put(write)
        return write.done

    def close(self) -> None:
        """Writes what waits, then stops the thread. Blocks."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        going_on = True
        while going_on:
            going_on, group = self._group()
            if group:
                self._write(group)
        self._drop_connection()

    def _group(self) -> tuple[bool, list[Write]]:
        """Waits for a write, then takes all that came in the meantime."""
        group: list[Write] = []
        write = self._waiting.get()
        while write is not None:
            if write.done.set_running_or_notify_cancel():
                group.append(write)
            try:
                write = self._waiting.get_nowait()
            except queue.Empty:
                return True, group
        return False, group

    def _write(self, group: list[Write]) -> None:
        try:
            places = self._transaction(group)
        except sqlite3.Error as error:
            failure = refusal(self._path, error)
            # After an I/O error a connection's own state is in doubt: the next group gets a new one.
            self._drop_connection()
            for write in group:
                write.done.set_exception(failure)
        except BaseException as error:
            for write in group:
                write.done.set_exception(error)
            raise
        else:
            for write, found in zip(group, places, strict=True):
                write.done.set_result(found)

    def _transaction(self, group: list[Write]) -> list[Places]:
        if self._connection is None:
            self._connection = writer(self._path)
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        ends = _Ends(connection.execute(SQL["tails"]).fetchall(), self._now())
        places = []
        for write in group:
            found, rows = [], []
            for record in write.records:
                place, row = ends.place(record)
                found.append(place)
                rows.append(row)
            places.append(found)
            connection.executemany(SQL["add_record"], rows)
            connection.executemany(SQL["add_dead_letter"], map(_dead_row, write.dead))
            connection.executemany(SQL["forget"], [(id_,) for id_ in write.forget])
        connection.execute("COMMIT")
        return places

    def _drop_connection(self) -> None:
        """Closing rolls back what was not committed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Ends:
    """How far each partition goes, while records are added. `at` grows over all of them, though no more
    is promised than that it does within each."""

    def __init__(self, tails: list[tuple[int, int | None, Micros, int]], now: Micros) -> None:
        known = [(number, position, at, total) for number, position, at, total in tails if position]
        self._event_partitions = len(tails) - 1
        self._positions = dict.fromkeys(range(len(tails)), 0)
        self._positions |= {number: position for number, position, _, _ in known}
        self._totals = dict.fromkeys(range(len(tails)), 0)
        self._totals |= {number: total for number, _, _, total in known}
        self._at = max([now - 1, *(at for _, _, at, _ in known)])

    def place(self, record: NewRecord) -> tuple[tuple[int, int], tuple[int | str | bytes, ...]]:
        """Where a record goes, and its row."""
        partition = partition_of(record, self._event_partitions)
        position = self._positions[partition] = self._positions[partition] + 1
        total = self._totals[partition] = self._totals[partition] + len(record.body)
        self._at += 1
        row = (record_id(partition, position), self._at, record.kind.value, total, record.body)
        return (partition, position), row


def _dead_row(letter: DeadLetter) -> tuple[str | int | bytes, ...]:
    return (
        _text(letter.reason), _text(letter.message), _text(letter.source), letter.received_at,
        _text(letter.origin), letter.body,
    )  # fmt: skip


def _text(text: str) -> str:
    """A file's name may hold what is no Unicode; it must not fail the events of all others."""
    return text.encode("utf-8", "backslashreplace").decode()
