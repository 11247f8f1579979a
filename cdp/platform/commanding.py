"""Asking the worker for a change: the command goes into the log, and its outcome is waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from cdp.eventlog.protocol import EventLog
from graph_schema.model.command import Command, Outcome
from graph_schema.model.record import NewRecord, RecordKind
from graph_schema.store import GraphReading

WAIT_S = 5.0
_POLL_S = 0.01


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
        """Appends a command and waits until it is applied; None where that takes too long."""
        await self.append([command])
        until = time.monotonic() + self._wait_s
        while time.monotonic() < until:
            (outcome,) = await self._store.outcomes([command.id])
            if outcome is not None:
                return outcome
            await asyncio.sleep(_POLL_S)
        return None
