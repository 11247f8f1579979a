"""The event log in memory: for tests, and for the simulator's dry runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence

from cdp.eventlog.dead_letter import DeadLetter
from cdp.eventlog.polling import Bell, until
from graph_schema.errors import BadInput, StoreUnavailable
from graph_schema.model import time
from graph_schema.model.record import LogRecord, NewRecord
from graph_schema.model.time import Micros


class MemoryEventLog:
    """One partition, 0. What it holds outlives `close`, not the process."""

    def __init__(self, now: Callable[[], Micros] = time.now) -> None:
        self._now = now
        self._log_id = uuid.uuid4().hex
        self._open = False
        self._records: list[LogRecord] = []
        self._bytes_upto: list[int] = [0]
        self._dead: dict[int, DeadLetter] = {}
        self._last_dead = 0
        self._bell = Bell()

    @property
    def log_id(self) -> str:
        self._check()
        return self._log_id

    async def open(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False

    def partitions(self) -> tuple[int, ...]:
        return (0,)

    async def append(
        self, records: Sequence[NewRecord], dead: Sequence[DeadLetter] = ()
    ) -> list[tuple[int, int]]:
        self._check()
        positions = []
        for record in records:
            position = len(self._records) + 1
            last = self._records[-1].at if self._records else 0
            at = max(self._now(), last + 1)
            self._records.append(LogRecord(0, position, at, record.kind, record.body))
            self._bytes_upto.append(self._bytes_upto[-1] + len(record.body))
            positions.append((0, position))
        for letter in dead:
            self._last_dead += 1
            self._dead[self._last_dead] = letter
        self._bell.ring()
        return positions

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> list[LogRecord]:
        self._check(partition)
        found: list[LogRecord] = []
        for record in self._records[after : after + limit]:
            max_bytes -= len(record.body or b"")
            if found and max_bytes < 0:
                break
            found.append(record)
        return found

    async def end(self, partition: int) -> int:
        self._check(partition)
        return len(self._records)

    async def bytes_after(self, partition: int, position: int) -> int:
        self._check(partition)
        if position >= len(self._records):
            return 0
        return self._bytes_upto[-1] - self._bytes_upto[position]

    async def newest_at(self, partition: int) -> Micros:
        self._check(partition)
        return self._records[-1].at if self._records else 0

    async def wait(self, partition: int, after: int, timeout_s: float) -> bool:
        return await until(lambda: self.end(partition), after, timeout_s, self._bell)

    async def dead_letters(self, after_id: int, limit: int) -> list[tuple[int, DeadLetter]]:
        self._check()
        return [entry for entry in self._dead.items() if entry[0] > after_id][:limit]

    async def dead_letter_count(self) -> int:
        self._check()
        return len(self._dead)

    async def forget(self, ids: Collection[int]) -> None:
        self._check()
        for id_ in ids:
            self._dead.pop(id_, None)

    def _check(self, partition: int = 0) -> None:
        if not self._open:
            raise StoreUnavailable(store="the event log", reason="it is not open")
        if partition != 0:
            raise BadInput(reason=f"This log has no partition {partition}: it has one, 0.")
