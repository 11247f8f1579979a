"""Applying records of the log, whatever they hold; what cannot be applied is told from the rest."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence

import msgspec

from cdp.pipeline.apply import EventApplier
from cdp.pipeline.commands import CommandApplier
from cdp.pipeline.dead_letters import Replaying, replay_of
from graph_schema.errors import BatchTooLarge, StoreConflict, StoreError
from graph_schema.model.record import LogRecord, RecordKind
from graph_schema.store import Checkpoint, DeadRecord, Delta, GraphWriting

_logger = logging.getLogger("cdp.worker")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 1.0
WHOLE_TRIES = 4
"""So often a batch that met another worker's is begun again as a whole; then it is cut in two: the
less it touches, the sooner it finds its way between the others."""
ALL_TRIES = 60
"""So often a single record is tried, for about a minute. What fails even then fails for what it
holds."""


class RecordApplier:
    """Applies runs of records to the graph, each in as few transactions as it can be."""

    def __init__(
        self,
        store: GraphWriting,
        events: EventApplier,
        commands: CommandApplier,
        replaying: Replaying,
    ) -> None:
        self._store = store
        self._replaying = replaying
        self._events = events
        self._commands = commands

    async def take(self, records: Sequence[LogRecord], checkpoint: Checkpoint) -> Checkpoint:
        """Where the partition stands then. Raises StoreError where the store cannot be written to."""
        for run in runs(records):
            if run[0].kind is RecordKind.COMMAND:
                for record in run:
                    checkpoint = await self._guarded([record], checkpoint)
            else:
                checkpoint = await self._guarded(run, checkpoint)
        return checkpoint

    async def _guarded(self, run: Sequence[LogRecord], checkpoint: Checkpoint) -> Checkpoint:
        """Applies a run. Where it fails for what is in it, halves it until the record that makes it
        fail is alone: that one goes to the dead letters, and the others on."""
        try:
            return await self._persistently(run, checkpoint)
        except (BatchTooLarge, StoreConflict) as error:
            if len(run) == 1:
                return await self._bury(run[0], error, checkpoint)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record's content can bring about
            if len(run) == 1:
                return await self._bury(run[0], error, checkpoint)
        middle = len(run) // 2
        checkpoint = await self._guarded(run[:middle], checkpoint)
        return await self._guarded(run[middle:], checkpoint)

    async def _persistently(self, run: Sequence[LogRecord], checkpoint: Checkpoint) -> Checkpoint:
        """Begins again where another worker was in the way. Raises StoreConflict where that should be
        tried in parts, or no longer."""
        pause_s = FIRST_PAUSE_S
        for _ in range(1, ALL_TRIES if len(run) == 1 else WHOLE_TRIES):
            try:
                return await self._apply(run, checkpoint)
            except StoreConflict as conflict:
                _logger.debug("%s", conflict)
            # By chance, or two that met would meet again.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return await self._apply(run, checkpoint)

    async def _apply(self, run: Sequence[LogRecord], checkpoint: Checkpoint) -> Checkpoint:
        if run[0].kind is RecordKind.COMMAND:
            replay = replay_of(run[0])
            if replay is not None:
                return await self._replaying.apply(run[0], replay, checkpoint)
            return await self._commands.apply(run[0], checkpoint)
        return (await self._events.apply(run, checkpoint)).checkpoint

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
            await batch.write(Delta(rec=record.at, dead=[letter]))
            await batch.advance(record.position, record.at)
            return batch.checkpoint


def runs(records: Sequence[LogRecord]) -> list[list[LogRecord]]:
    """Cuts records into the longest stretches of one kind."""
    found: list[list[LogRecord]] = []
    for record in records:
        if found and found[-1][0].kind is record.kind:
            found[-1].append(record)
        else:
            found.append([record])
    return found
