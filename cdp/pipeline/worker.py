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
from cdp.pipeline.order import Order
from cdp.pipeline.pruning import Pruning
from cdp.pipeline.records import RecordApplier
from cdp.pipeline.rules import RulesWalk
from cdp.pipeline.upkeep import Upkeep
from graph_schema.errors import Fenced, StoreConflict, StoreUnavailable
from graph_schema.model.record import LogRecord
from graph_schema.model.time import SECOND
from graph_schema.store import Checkpoint, GraphStore

_logger = logging.getLogger("cdp.worker")

BATCH_BYTES = 8 << 20
LONGEST_WAIT_S = 0.25
BLOCKED_S = 0.02
"""So often a worker looks whether others have applied what its own records must wait for."""
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
        rules: RulesWalk,
        pruning: Pruning,
        batch_size: int,
        progress: Callable[[int], None] = lambda applied: None,
    ) -> None:
        self._log = log
        self._store = store
        self._order = Order(log, store)
        self._holding = holding
        self._in_force = in_force
        self._records = records
        self._upkeep_of = upkeep
        self._background = background
        self._rules = rules
        self._pruning = pruning
        self._batch_size = batch_size
        self._progress = progress
        self._held: dict[int, Checkpoint] = {}
        self._blocked = False
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
        """A batch of each partition, and commands where it is their turn. Whether there was anything
        to do. The earliest record that waits, in whichever partition, is always its holder's to take:
        nobody waits for ever for one who waits too."""
        tails = await self._log.tails()
        had_commands = COMMANDS in self._held
        self._held = await self._holding.held(tails)
        if COMMANDS in self._held and not had_commands:
            self._in_force.forget_segments()  # others may have changed them meanwhile
            self._rules.forget()
        worked = await self._take_events(tails)
        worked |= await self._take_commands(tails)
        self._blocked = any(c.position < tails[n].position for n, c in self._held.items())
        for partition in sorted(self._held):
            worked |= await self._guarded(partition, self._pruning.prune)
        if not worked:
            self._rules.wake()
        return await self._upkeep() or worked

    async def _take_events(self, tails: Mapping[int, Tail]) -> bool:
        """Those that were recorded before the first command that is not applied."""
        until = await self._order.first_waiting((COMMANDS,), tails, self._held)
        worked = False
        for partition in sorted(self._held.keys() - {COMMANDS}):
            records = await self._unread(partition, tails)
            worked |= await self._take(partition, [one for one in records if one.at < until])
        return worked

    async def _take_commands(self, tails: Mapping[int, Tail]) -> bool:
        """Those that no event waits before, in any partition."""
        commands = await self._unread(COMMANDS, tails)
        if not commands:
            return False
        until = await self._order.first_waiting(tails.keys() - {COMMANDS}, tails, self._held)
        return await self._take(COMMANDS, [one for one in commands if one.at <= until])

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
        ruled = COMMANDS in self._held and await self._guarded(COMMANDS, self._rules.step)
        # What waits is resolved on the ground that all else is as the rules in force make it.
        resolved = (
            COMMANDS in self._held
            and self._rules.ended
            and await self._guarded(COMMANDS, self._background.resolve)
        )
        return due or walked or ruled or resolved

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
        self._rules.wake()
        if await self._guarded(COMMANDS, self._rules.step):
            return True
        self._background.wake()
        return COMMANDS in self._held and await self._guarded(COMMANDS, self._background.resolve)

    async def _is_at_end(self) -> bool:
        """Whether everything is applied, the partitions of other workers included."""
        tails = await self._log.tails()
        applied = {c.partition: c.position for c in await self._store.checkpoints()}
        return all(applied.get(number, 0) >= tail.position for number, tail in tails.items())

    # ── waiting ────────────────────────────────────────────────────────────────────────────────

    async def _wait(self) -> None:
        """Until there may be something to do."""
        if self._blocked:
            await self._pause(BLOCKED_S)
            return
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
        self._order.forget()
        self._in_force.forget_segments()
        self._rules.forget()
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
