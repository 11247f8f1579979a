"""Reading connections, each used by one thread at a time, and interrupted when nobody waits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from graph_schema.errors import StoreUnavailable
from graph_schema.sqlite.connection import reader, refusal

T = TypeVar("T")


class ReaderPool:
    """As many reading connections as threads; made when first needed."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._threads: ThreadPoolExecutor | None = None
        self._idle: list[sqlite3.Connection] = []
        self._all: list[sqlite3.Connection] = []

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
            connection = self._take()
            running.append(connection)
            try:
                connection.execute("BEGIN")
                return work(connection)
            finally:
                connection.execute("ROLLBACK")
                running.clear()
                self._idle.append(connection)

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

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            connection = reader(self._path)
            self._all.append(connection)
            return connection

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


def _retrieve(future: asyncio.Future[T]) -> None:
    """The interrupted statement's error is expected, and nobody is left to hear of it."""
    if not future.cancelled():
        future.exception()
