"""What lies in the event log: records of events and of commands, with their positions."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from graph_schema.model.time import Micros


class RecordKind(StrEnum):
    EVENT = "event"
    COMMAND = "command"


class NewRecord(msgspec.Struct, frozen=True):
    """A record to be appended. `routing` chooses the partition (a device's key; "" for commands)."""

    kind: RecordKind
    body: bytes
    routing: str = ""


class LogRecord(msgspec.Struct, frozen=True):
    """A durable record.

    `position` grows by one within its partition and begins at 1. `at` is the log's clock when it was
    appended, strictly growing within the partition: the fact's `rec`. `key_id` and `nonce` are empty
    where the body lies in clear. `body` is None where it was erased.
    """

    partition: int
    position: int
    at: Micros
    kind: RecordKind
    body: bytes | None
    key_id: str = ""
    nonce: bytes = b""
    v: int = 1
