"""The event log in memory: for tests, and for the simulator's dry runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence

from cdp.eventlog.dead_letter import DeadLetter
from cdp.eventlog.partitioning import no_partition, partition_of
from cdp.eventlog.polling import Bell, until
from cdp.eventlog.protocol import Backlog, Tail
from graph_schema.errors import StoreUnavailable
from graph_schema.model import time
from graph_schema.model.record import LogRecord, NewRecord
from graph_schema.model.time import Micros


class MemoryEventLog:
    """What it holds outlives `close`, not the process."""

    def __init__(self, now: Callable[[], Micros] = time.now, event_partitions: int = 1) -> None:
        self._now = now
        self._log_id = uuid.uuid4().hex
        self._open = False
        self._event_partitions = event_partitions
        self._records: list[list[LogRecord]] = [[] for _ in range(event_partitions + 1)]
        self._dead: dict[int, DeadLetter] = {}
        self._last_dead = 0
        self._last_at: Micros = 0
        self._bell = Bell()

    @property
    def log_id(self) -> str:
        self._check()
        return self._log_id

    async def open(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False

    async def append(
        self, records: Sequence[NewRecord], dead: Sequence[DeadLetter] = ()
    ) -> list[tuple[int, int]]:
        self._check()
        places = []
        for record in records:
            partition = partition_of(record, self._event_partitions)
            held = self._records[partition]
            at = self._last_at = max(self._now(), self._last_at + 1)
            position = len(held) + 1
            held.append(LogRecord(partition, position, at, record.kind, record.body))
            places.append((partition, position))
        for letter in dead:
            self._last_dead += 1
            self._dead[self._last_dead] = letter
        self._bell.ring()
        return places

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> list[LogRecord]:
        self._check()
        if partition not in range(len(self._records)):
            raise no_partition(partition)
        found: list[LogRecord] = []
        for record in self._records[partition][after : after + limit]:
            max_bytes -= len(record.body or b"")
            if found and max_bytes < 0:
                break
            found.append(record)
        return found

    async def tails(self) -> dict[int, Tail]:
        self._check()
        return {
            number: Tail(held[-1].position, held[-1].at) if held else Tail()
            for number, held in enumerate(self._records)
        }

    async def backlog(self, positions: Mapping[int, int]) -> Backlog:
        self._check()
        behind = [
            record
            for number, held in enumerate(self._records)
            for record in held[positions.get(number, 0) :]
        ]
        oldest = min((record.at for record in behind), default=0)
        return Backlog(sum(len(record.body or b"") for record in behind), oldest)

    async def wait(self, positions: Mapping[int, int], timeout_s: float) -> bool:
        async def there() -> bool:
            tails = await self.tails()
            return any(
                number in tails and tails[number].position > positions[number]
                for number in positions
            )

        return await until(there, timeout_s, self._bell)

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

    def _check(self) -> None:
        if not self._open:
            raise StoreUnavailable(store="the event log", reason="it is not open")
