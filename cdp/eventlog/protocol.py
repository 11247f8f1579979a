"""What every event log promises. One contract suite holds all of them to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from cdp.eventlog.dead_letter import DeadLetter
from graph_schema.model.record import LogRecord, NewRecord
from graph_schema.model.time import Micros


class EventLog(Protocol):
    """Records in partitions, each with positions 1, 2, 3 … without gap; and the dead letters.

    Every method but `close` raises StoreError where the log cannot be used.
    """

    @property
    def log_id(self) -> str:
        """Made when the log was made, and never another: a graph remembers the log it comes from."""
        ...

    async def open(self) -> None:
        """Makes the log where there is none. Raises StoreCorrupt or StoreNewer, touching nothing,
        where what lies there is damaged, foreign or newer."""
        ...

    async def close(self) -> None:
        """Finishes the appends in hand. Closing what is not open does nothing."""
        ...

    def partitions(self) -> tuple[int, ...]: ...

    async def append(
        self, records: Sequence[NewRecord], dead: Sequence[DeadLetter] = ()
    ) -> list[tuple[int, int]]:
        """(partition, position) of each record, once all of them and the dead letters are durable:
        all or none. Raises LogFull where there is no room: nothing was written then, and it may be
        tried again."""
        ...

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> list[LogRecord]:
        """The records behind position `after` in their order: at most `limit`, and only as many as
        have `max_bytes` of bodies together, but at least one where there is one."""
        ...

    async def end(self, partition: int) -> int:
        """The last position; 0 where there is none."""
        ...

    async def bytes_after(self, partition: int, position: int) -> int:
        """How many bytes of bodies were appended behind a position. Costs the same for any."""
        ...

    async def newest_at(self, partition: int) -> Micros:
        """`at` of the last record; 0 where there is none."""
        ...

    async def wait(self, partition: int, after: int, timeout_s: float) -> bool:
        """Returns once something lies behind `after` (also what another process appended), or after
        `timeout_s` seconds. True where something does."""
        ...

    async def dead_letters(self, after_id: int, limit: int) -> list[tuple[int, DeadLetter]]:
        """The dead letters behind an id in order of their ids; 0 begins at the first."""
        ...

    async def dead_letter_count(self) -> int: ...

    async def forget(self, ids: Collection[int]) -> None:
        """Deletes dead letters. Their ids never come back; unknown ones are passed over."""
        ...
