"""Another try with a record of the log that could not be applied.

It is asked for by a command, so that a rebuild does the same. What was recorded when the record was
appended is recorded then: the event has its own `rec`, and a graph that never failed with it is the
same.
"""

from __future__ import annotations

import logging

import msgspec

from cdp.eventlog.protocol import EventLog
from cdp.pipeline.apply import EventApplier
from graph_schema.errors import StoreError
from graph_schema.model.command import Command, Outcome, ReplayRecord
from graph_schema.model.record import LogRecord, RecordKind
from graph_schema.store import Checkpoint, Delta, GraphStore

_logger = logging.getLogger("cdp.worker")
_command = msgspec.json.Decoder(Command).decode

STILL = "STILL_DEAD"


def replay_of(record: LogRecord) -> ReplayRecord | None:
    """The command, where the record is one that asks for another try."""
    try:
        command = _command(record.body or b"")
    except msgspec.DecodeError:
        return None
    return command if isinstance(command, ReplayRecord) else None


class Replaying:
    """Applies such commands, each in a transaction of its own."""

    def __init__(self, log: EventLog, store: GraphStore, events: EventApplier) -> None:
        self._log = log
        self._store = store
        self._events = events

    async def apply(
        self, asked: LogRecord, command: ReplayRecord, checkpoint: Checkpoint
    ) -> Checkpoint:
        """Raises StoreError where the store cannot be written to."""
        outcome = Outcome(command.id, asked.at)
        if not await self._is_dead(command):
            return await self._tell(asked, outcome, checkpoint)
        record = await self._record(command)
        if record is None or record.body is None or record.kind is not RecordKind.EVENT:
            problem = "It is no event, or it was erased: `cdp rebuild` tries commands again."
            still = msgspec.structs.replace(outcome, problem=STILL, message=problem)
            return await self._tell(asked, still, checkpoint)
        try:
            return await self._events.apply_again(record, asked, outcome, checkpoint)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record's content can bring about
            kind = type(error).__name__
            _logger.error("record %d/%d: again %s", record.partition, record.position, kind)
            problem = f"The record could not be applied ({kind})."
            still = msgspec.structs.replace(outcome, problem=STILL, message=problem)
            return await self._tell(asked, still, checkpoint)

    async def _is_dead(self, command: ReplayRecord) -> bool:
        after = (command.partition, command.position - 1)
        found = await self._store.dead_records(after, 1)
        return [(one.partition, one.position) for one in found] == [
            (command.partition, command.position)
        ]

    async def _record(self, command: ReplayRecord) -> LogRecord | None:
        found = await self._log.read(command.partition, command.position - 1, 1, 1)
        return found[0] if found else None

    async def _tell(self, asked: LogRecord, outcome: Outcome, checkpoint: Checkpoint) -> Checkpoint:
        async with self._store.batch(checkpoint) as batch:
            if await batch.outcome(outcome.command_id) is None:
                await batch.write(Delta(rec=asked.at, outcomes=[outcome]))
            await batch.advance(asked.position, asked.at)
            return batch.checkpoint
