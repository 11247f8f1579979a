"""The worker: applies the log to the graph, one partition, until it is told to stop.

Micro-batches adapt by themselves: whatever lies in the log is taken at once, up to the most that one
transaction should hold; under little load that is a record or two, and it is visible at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from cdp.eventlog.protocol import EventLog
from cdp.pipeline.apply import EventApplier
from cdp.pipeline.commands import CommandApplier
from cdp.pipeline.upkeep import Upkeep
from cdp.segments.index import SegmentIndex
from graph_schema.errors import PositionOutsideLog, StoreError, StoreUnavailable
from graph_schema.model.record import LogRecord, RecordKind
from graph_schema.model.time import SECOND, Micros
from graph_schema.store import Batch, Checkpoint, DeadRecord, Delta, GraphStore

_logger = logging.getLogger("cdp.worker")

BATCH_BYTES = 8 << 20
LONGEST_WAIT_S = 0.25
FIRST_RETRY_S, LONGEST_RETRY_S = 0.2, 10.0


class Worker:
    """Runs one partition. `progress` is told the position after each step."""

    def __init__(
        self,
        log: EventLog,
        store: GraphStore,
        events: EventApplier,
        commands: CommandApplier,
        upkeep: Upkeep,
        now: Callable[[], Micros],
        batch_size: int,
        partition: int = 0,
        progress: Callable[[int], None] = lambda position: None,
    ) -> None:
        self._log = log
        self._store = store
        self._events = events
        self._commands = commands
        self._upkeep = upkeep
        self._now = now
        self._batch_size = batch_size
        self._partition = partition
        self._progress = progress
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finishes the batch in hand and returns from `run`."""
        self._stopping.set()

    async def run(self, *, until_idle: bool = False) -> None:
        """Raises StoreError where going on makes no sense: another log, a lost partition."""
        checkpoint = await self._checkpoint()
        retry_s = FIRST_RETRY_S
        while not self._stopping.is_set():
            try:
                stepped = await self._step(checkpoint)
            except StoreUnavailable as error:
                _logger.warning("%s", error)
                await self._pause(retry_s)
                retry_s = min(2 * retry_s, LONGEST_RETRY_S)
                checkpoint = await self._store.checkpoint(self._partition, self._log.log_id)
                continue
            retry_s = FIRST_RETRY_S
            if stepped is not None:
                checkpoint = stepped
                self._progress(checkpoint.position)
            elif until_idle:
                return
            else:
                await self._log.wait(self._partition, checkpoint.position, await self._idle_s())

    async def _checkpoint(self) -> Checkpoint:
        checkpoint = await self._store.checkpoint(self._partition, self._log.log_id)
        end = await self._log.end(self._partition)
        if checkpoint.position > end:
            raise PositionOutsideLog(position=checkpoint.position, end=end)
        return checkpoint

    # ── one step ───────────────────────────────────────────────────────────────────────────────

    async def _step(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """Records first; then what time brings; then a part of a walk. None where nothing is to do."""
        records = await self._log.read(
            self._partition, checkpoint.position, self._batch_size, BATCH_BYTES
        )
        index = await self._index(checkpoint)
        due = await self._upkeep.deadlines(index, checkpoint)
        if due is not None:
            checkpoint = due
        walked = await self._upkeep.walk(index, checkpoint)
        if walked is not None:
            checkpoint, self._events.index = walked, None
        if records:
            return await self._take(records, checkpoint)
        return checkpoint if due is not None or walked is not None else None

    async def _take(self, records: Sequence[LogRecord], checkpoint: Checkpoint) -> Checkpoint:
        for run in runs(records):
            if run[0].kind is RecordKind.COMMAND:
                for record in run:
                    checkpoint = await self._guarded([record], checkpoint)
                self._events.index = None
            else:
                checkpoint = await self._guarded(run, checkpoint)
        return checkpoint

    async def _guarded(self, run: Sequence[LogRecord], checkpoint: Checkpoint) -> Checkpoint:
        """Applies a run. Where it fails for what is in it, halves it until the record that makes it
        fail is alone: that one goes to the dead letters, and the others on."""
        try:
            if run[0].kind is RecordKind.COMMAND:
                return await self._commands.apply(run[0], checkpoint)
            return (await self._events.apply(run, checkpoint)).checkpoint
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record's content can bring about
            if len(run) == 1:
                return await self._bury(run[0], error, checkpoint)
        middle = len(run) // 2
        checkpoint = await self._guarded(run[:middle], checkpoint)
        return await self._guarded(run[middle:], checkpoint)

    async def _bury(
        self, record: LogRecord, error: Exception, checkpoint: Checkpoint
    ) -> Checkpoint:
        # The error's text may hold what the event holds: only its kind is told and kept.
        kind = type(error).__name__
        reason = "undecodable" if isinstance(error, msgspec.DecodeError) else "apply_failed"
        _logger.error("record %d/%d: %s (%s)", record.partition, record.position, reason, kind)
        letter = DeadRecord(
            record.partition, record.position, record.at, reason,
            f"The record could not be applied ({kind}). `cdp dead-letters replay` tries it again.",
        )  # fmt: skip
        async with self._store.batch(checkpoint) as batch:
            return await _write_and_advance(batch, Delta(rec=record.at, dead=[letter]), record)

    async def _index(self, checkpoint: Checkpoint) -> SegmentIndex:
        if self._events.index is None:
            async with self._store.batch(checkpoint) as batch:
                self._events.index = SegmentIndex(await batch.segment_states())
        return self._events.index

    # ── waiting ────────────────────────────────────────────────────────────────────────────────

    async def _idle_s(self) -> float:
        deadline = await self._store.next_deadline()
        if deadline is None:
            return LONGEST_WAIT_S
        return min(LONGEST_WAIT_S, max(0.0, (deadline - self._now()) / SECOND))

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def runs(records: Sequence[LogRecord]) -> list[list[LogRecord]]:
    """Cuts records into the longest stretches of one kind."""
    found: list[list[LogRecord]] = []
    for record in records:
        if found and found[-1][0].kind is record.kind:
            found[-1].append(record)
        else:
            found.append([record])
    return found


async def _write_and_advance(batch: Batch, delta: Delta, record: LogRecord) -> Checkpoint:
    await batch.write(delta)
    await batch.advance(record.position, record.at)
    return batch.checkpoint
