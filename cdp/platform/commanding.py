"""Asking the worker for a change: the command goes into the log, and its outcome is waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from cdp.eventlog.partitioning import COMMANDS
from cdp.eventlog.protocol import EventLog
from graph_schema.errors import StoreUnavailable
from graph_schema.model.command import Command, Outcome
from graph_schema.model.record import LogRecord, NewRecord, RecordKind
from graph_schema.store import GraphReading

WAIT_S = 5.0
_POLL_S = 0.01
_AT_ONCE, _BYTES_AT_ONCE = 1_000, 8 << 20
_command = msgspec.json.Decoder(Command).decode


class Commanding:
    """Appends commands. Without a worker, or behind a long lag, there is no outcome in time."""

    def __init__(self, log: EventLog, store: GraphReading, wait_s: float = WAIT_S) -> None:
        self._log = log
        self._store = store
        self._wait_s = wait_s

    async def append(self, commands: Sequence[Command]) -> None:
        """Returns when they are durable."""
        encoded = [NewRecord(RecordKind.COMMAND, msgspec.json.encode(c)) for c in commands]
        await self._log.append(encoded)

    async def ask(self, command: Command) -> Outcome | None:
        """Appends a command and waits until it is applied; None where that takes too long, or where the
        graph cannot be asked: it is recorded, and will be applied."""
        await self.append([command])
        until = time.monotonic() + self._wait_s
        while time.monotonic() < until:
            with suppress(StoreUnavailable):
                (outcome,) = await self._store.outcomes([command.id])
                if outcome is not None:
                    return outcome
            await asyncio.sleep(_POLL_S)
        return None

    async def waiting(self, id_: str) -> Command | None:
        """The command of that id, where it lies in the log and is not applied yet. Reads all commands
        that are not applied: the cost follows the lag."""
        applied = {known.partition: known.position for known in await self._store.checkpoints()}
        position = applied.get(COMMANDS, 0)
        while records := await self._log.read(COMMANDS, position, _AT_ONCE, _BYTES_AT_ONCE):
            for record in records:
                found = _command_of(record, id_)
                if found is not None:
                    return found
            position = records[-1].position
        return None


def _command_of(record: LogRecord, id_: str) -> Command | None:
    if record.kind is not RecordKind.COMMAND or record.body is None:
        return None
    if id_.encode() not in record.body:  # reading the whole of an import's commands would be dear
        return None
    try:
        command = _command(record.body)
    except msgspec.DecodeError:
        return None  # the worker buries it
    return command if command.id == id_ else None
