"""Reading connections, each used by one thread at a time, and interrupted when nobody waits."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias, TypeVar

from graph_schema.errors import StoreUnavailable
from graph_schema.sqlite.connection import reader, refusal

T = TypeVar("T")
FileId: TypeAlias = tuple[int, int]


class ReaderPool:
    """As many reading connections as threads; made when first needed."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._threads: ThreadPoolExecutor | None = None
        self._file: FileId | None = None
        self._idle: list[sqlite3.Connection] = []
        self._all: set[sqlite3.Connection] = set()
        self._lock = threading.Lock()

    def open(self) -> None:
        self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="graph-read")

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in a reading transaction of its own thread. Where the caller is cancelled (its
        operation timed out) the statement under way is interrupted. Raises StoreUnavailable where the
        store is not open or cannot be read."""
        if self._threads is None:
            raise StoreUnavailable(store=self._path.name, reason="it is not open")
        running: list[sqlite3.Connection] = []

        def in_thread() -> T:
            file, connection = self._take()
            running.append(connection)
            try:
                connection.execute("BEGIN")
                return work(connection)
            finally:
                connection.execute("ROLLBACK")
                running.clear()
                self._give_back(file, connection)

        future = asyncio.get_running_loop().run_in_executor(self._threads, in_thread)
        try:
            return await asyncio.shield(future)
        except sqlite3.DatabaseError as error:
            raise refusal(self._path, error) from error
        except asyncio.CancelledError:
            for connection in running:
                connection.interrupt()
            future.add_done_callback(_retrieve)
            raise

    def _take(self) -> tuple[FileId | None, sqlite3.Connection]:
        """A connection to the file that lies at the path now: `cdp rebuild` puts another one there."""
        with self._lock:
            file = _file_id(self._path) or self._file
            if file != self._file:
                self._file, outdated = file, self._idle
                self._idle = []
                self._all.difference_update(outdated)
                for connection in outdated:
                    connection.close()
            if self._idle:
                return file, self._idle.pop()
            connection = reader(self._path)
            self._all.add(connection)
            return file, connection

    def _give_back(self, file: FileId | None, connection: sqlite3.Connection) -> None:
        with self._lock:
            if file == self._file:
                self._idle.append(connection)
                return
            self._all.discard(connection)
        connection.close()

    def own(self) -> sqlite3.Connection:
        """A connection for a long reading, closed by whoever asked."""
        if self._threads is None:
            raise StoreUnavailable(store=self._path.name, reason="it is not open")
        return reader(self._path)

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None
        for connection in self._all:
            connection.close()
        self._idle.clear()
        self._all.clear()


def _file_id(path: Path) -> FileId | None:
    """Which file it is, whatever it is called; None in the moment in which there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _retrieve(future: asyncio.Future[T]) -> None:
    """The interrupted statement's error is expected, and nobody is left to hear of it."""
    if not future.cancelled():
        future.exception()
