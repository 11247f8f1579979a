"""The order between partitions. A command stands between the events that were recorded before it and
those recorded after it, whichever partitions they lie in and whoever holds those: what it decides, it
decides on the same graph whenever the log is derived anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cdp.eventlog.protocol import EventLog, Tail
from graph_schema.model.time import Micros
from graph_schema.store import Checkpoint, GraphReading

AFTER_ALL: Micros = (1 << 63) - 1


class Order:
    """Tells a worker how far the log is applied, in partitions of other workers too. A position only
    grows: what it was once is remembered, and the store is asked only where that is behind the log."""

    def __init__(self, log: EventLog, store: GraphReading) -> None:
        self._log = log
        self._store = store
        self._applied: dict[int, int] = {}

    def forget(self) -> None:
        """The store was away: what comes back may be a former state of it."""
        self._applied.clear()

    async def first_waiting(
        self, partitions: Collection[int], tails: Mapping[int, Tail], held: Mapping[int, Checkpoint]
    ) -> Micros:
        """`at` of the earliest record up to `tails` in those partitions that is not applied, or not
        known to be; AFTER_ALL where there is none. `held`: the partitions of this worker. Nothing
        that is yet to be appended is dated before the tails."""
        for number, checkpoint in held.items():
            self._applied[number] = checkpoint.position
        behind = self._behind(partitions, tails)
        if not held.keys() >= set(behind):
            self._applied |= {c.partition: c.position for c in await self._store.checkpoints()}
            behind = self._behind(partitions, tails)
        first = [await self._log.read(n, self._applied.get(n, 0), 1, 1) for n in behind]
        return min((records[0].at for records in first if records), default=AFTER_ALL)

    def _behind(self, partitions: Collection[int], tails: Mapping[int, Tail]) -> list[int]:
        return [n for n in partitions if self._applied.get(n, 0) < tails[n].position]
