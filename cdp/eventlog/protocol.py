"""What every event log promises. One contract suite holds all of them to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from cdp.eventlog.dead_letter import DeadLetter
from graph_schema.model.record import LogRecord, NewRecord
from graph_schema.model.time import Micros


class Tail(msgspec.Struct, frozen=True):
    """The last record of a partition: its position and its `at`, both 0 where there is none."""

    position: int = 0
    at: Micros = 0


class Backlog(msgspec.Struct, frozen=True):
    """What was appended behind some positions: bytes of bodies, and `at` of the record that waits the
    longest; both 0 where there is nothing."""

    bytes: int = 0
    oldest_at: Micros = 0


class EventLog(Protocol):
    """Records in partitions, each with positions 1, 2, 3 … without gap; and the dead letters.

    Commands lie in partition 0; events, by their device, in those from 1 on. There may come to be more
    of them while the log is in use, in this process or in another, and never fewer.

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

    async def append(
        self, records: Sequence[NewRecord], dead: Sequence[DeadLetter] = ()
    ) -> list[tuple[int, int]]:
        """(partition, position) of each record, once all of them and the dead letters are durable:
        all or none. Raises LogFull where there is no room: nothing was written then, and it may be
        tried again."""
        ...

    async def read(self, partition: int, after: int, limit: int, max_bytes: int) -> list[LogRecord]:
        """The records behind position `after` in their order: at most `limit`, and only as many as
        have `max_bytes` of bodies together, but at least one where there is one. Raises BadInput
        where there is no such partition."""
        ...

    async def tails(self) -> dict[int, Tail]:
        """How far each partition goes; all of them, from 0 on, in one reading."""
        ...

    async def backlog(self, positions: Mapping[int, int]) -> Backlog:
        """What lies behind those positions; a partition that is not named counts from its beginning.
        Reads no bodies."""
        ...

    async def wait(self, positions: Mapping[int, int], timeout_s: float) -> bool:
        """Returns once something lies behind one of those positions (also what another process
        appended), or after `timeout_s` seconds. True where something does."""
        ...

    async def dead_letters(self, after_id: int, limit: int) -> list[tuple[int, DeadLetter]]:
        """The dead letters behind an id in order of their ids; 0 begins at the first."""
        ...

    async def dead_letter_count(self) -> int: ...

    async def forget(self, ids: Collection[int]) -> None:
        """Deletes dead letters. Their ids never come back; unknown ones are passed over."""
        ...
