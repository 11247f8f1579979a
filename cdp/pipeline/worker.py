"""The worker: applies the log to the graph until it is told to stop.

Micro-batches adapt by themselves: whatever lies in the log is taken at once, up to the most that one
transaction should hold; under little load that is a record or two, and it is visible at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from cdp.eventlog.partitioning import COMMANDS
from cdp.eventlog.protocol import EventLog, Tail
from cdp.pipeline.background import Background
from cdp.pipeline.holding import Holding
from cdp.pipeline.in_force import InForce
from cdp.pipeline.pruning import Pruning
from cdp.pipeline.records import RecordApplier
from cdp.pipeline.upkeep import Upkeep
from graph_schema.errors import Fenced, StoreConflict, StoreUnavailable
from graph_schema.model.record import LogRecord
from graph_schema.model.time import SECOND, Micros
from graph_schema.store import Checkpoint, GraphStore

_logger = logging.getLogger("cdp.worker")

BATCH_BYTES = 8 << 20
LONGEST_WAIT_S = 0.25
AFTER_ALL: Micros = (1 << 63) - 1
FIRST_RETRY_S, LONGEST_RETRY_S = 0.2, 10.0


class Worker:
    """Takes a batch of each partition that it holds, again and again. `progress` is told how many
    records of them are applied."""

    def __init__(
        self,
        log: EventLog,
        store: GraphStore,
        holding: Holding,
        in_force: InForce,
        records: RecordApplier,
        upkeep: Upkeep,
        background: Background,
        pruning: Pruning,
        batch_size: int,
        progress: Callable[[int], None] = lambda applied: None,
    ) -> None:
        self._log = log
        self._store = store
        self._holding = holding
        self._in_force = in_force
        self._records = records
        self._upkeep_of = upkeep
        self._background = background
        self._pruning = pruning
        self._batch_size = batch_size
        self._progress = progress
        self._held: dict[int, Checkpoint] = {}
        self._stopping = asyncio.Event()
        self._retry_s = FIRST_RETRY_S
        self._away = False

    def stop(self) -> None:
        """Finishes the batch in hand and returns from `run`."""
        self._stopping.set()

    async def run(self, *, until_idle: bool = False) -> None:
        """`until_idle`: returns when all of the log is applied, by this worker and others. Raises
        StoreError where going on makes no sense: another log, one that was cut."""
        try:
            while not self._stopping.is_set():
                try:
                    worked = await self._round()
                    if until_idle and not worked and await self._is_at_end():
                        if not await self._resolve_the_rest():
                            return
                        continue
                    if not worked:
                        await self._wait()
                except (StoreUnavailable, StoreConflict) as error:
                    await self._bear(error)
                else:
                    self._all_is_well()
        finally:
            await self._holding.give_back()

    # ── a round ────────────────────────────────────────────────────────────────────────────────

    async def _round(self) -> bool:
        """A batch of each partition, in the order of the log's clock as far as commands go: what was
        recorded before a command is applied before it. Whether there was anything to do."""
        tails = await self._log.tails()
        had_commands = COMMANDS in self._held
        self._held = await self._holding.held(tails)
        if COMMANDS in self._held and not had_commands:
            self._in_force.forget_segments()  # others may have changed them meanwhile
        commands = await self._unread(COMMANDS, tails)
        until = commands[0].at if commands else AFTER_ALL
        worked, free_until = False, AFTER_ALL
        for partition in sorted(self._held.keys() - {COMMANDS}):
            records = await self._unread(partition, tails)
            due = [record for record in records if record.at < until]
            worked |= await self._take(partition, due)
            free_until = min(free_until, _next_at(records, len(due), tails[partition]))
        ready = [record for record in commands if record.at < free_until]
        worked |= await self._take(COMMANDS, ready)
        for partition in sorted(self._held):
            worked |= await self._guarded(partition, self._pruning.prune)
        return await self._upkeep() or worked

    async def _unread(self, partition: int, tails: Mapping[int, Tail]) -> list[LogRecord]:
        held = self._held.get(partition)
        waiting = tails[partition].position - held.position if held is not None else 0
        if held is None or waiting <= 0:
            return []
        # What came since is left: some of it may lie in a partition that was looked at already.
        limit = min(waiting, self._batch_size)
        return await self._log.read(partition, held.position, limit, BATCH_BYTES)

    async def _take(self, partition: int, records: Sequence[LogRecord]) -> bool:
        if not records:
            return False
        return await self._guarded(partition, lambda held: self._records.take(records, held))

    async def _upkeep(self) -> bool:
        """Who has the commands also looks after what time brings, and fills new segments."""
        if COMMANDS not in self._held:
            return False
        due = await self._guarded(COMMANDS, self._upkeep_of.deadlines)
        walked = COMMANDS in self._held and await self._guarded(COMMANDS, self._upkeep_of.walk)
        resolved = COMMANDS in self._held and await self._guarded(
            COMMANDS, self._background.resolve
        )
        return due or walked or resolved

    async def _guarded(
        self, partition: int, work: Callable[[Checkpoint], Awaitable[Checkpoint | None]]
    ) -> bool:
        """Does some work in a partition; whether there was any."""
        try:
            stands = await work(self._held[partition])
        except Fenced as error:
            _logger.info("%s", error)
            self._held.pop(partition)
            self._holding.lost(partition)
            return False
        if stands is None:
            return False
        self._held[partition] = stands
        self._holding.stands(stands)
        self._progress(sum(held.position for held in self._held.values()))
        return True

    async def _resolve_the_rest(self) -> bool:
        """What waits for the background, which need not rest now; whether there was anything."""
        if COMMANDS not in self._held:
            return False
        self._background.wake()
        return await self._guarded(COMMANDS, self._background.resolve)

    async def _is_at_end(self) -> bool:
        """Whether everything is applied, the partitions of other workers included."""
        tails = await self._log.tails()
        applied = {c.partition: c.position for c in await self._store.checkpoints()}
        return all(applied.get(number, 0) >= tail.position for number, tail in tails.items())

    # ── waiting ────────────────────────────────────────────────────────────────────────────────

    async def _wait(self) -> None:
        """Until there may be something to do."""
        wait_s = LONGEST_WAIT_S
        if COMMANDS in self._held:
            deadline = await self._store.next_deadline()
            if deadline is not None:
                wait_s = min(wait_s, max(0.0, (deadline - self._in_force.now()) / SECOND))
        positions = {number: held.position for number, held in self._held.items()}
        if positions:
            await self._log.wait(positions, wait_s)
        else:
            await self._pause(wait_s)

    async def _bear(self, error: StoreUnavailable | StoreConflict) -> None:
        """Waits, longer each time, for a store that is away; says so once. What was held may be
        another's by then, and a batch whose end was not heard of may be in the graph: everything is
        asked anew."""
        if isinstance(error, StoreUnavailable) and not self._away:
            self._away = True
            _logger.warning("%s", error)
        self._held.clear()
        self._holding.forget()
        self._in_force.forget_segments()
        await self._pause(self._retry_s)
        self._retry_s = min(2 * self._retry_s, LONGEST_RETRY_S)

    def _all_is_well(self) -> None:
        self._retry_s = FIRST_RETRY_S
        if self._away:
            self._away = False
            _logger.warning("The stores can be used again: the worker goes on.")

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def _next_at(records: Sequence[LogRecord], taken: int, tail: Tail) -> Micros:
    """`at` of the first record of a partition that was not taken, or no later: nothing that is yet to be
    appended is dated before what is there."""
    if taken < len(records):
        return records[taken].at
    return 0 if records and records[-1].position < tail.position else AFTER_ALL
