"""What could not be taken: kept with its reason, so that a person can look and try again."""

from __future__ import annotations

import msgspec

from graph_schema.model.time import Micros


class DeadLetter(msgspec.Struct, frozen=True):
    """`reason` is a stable code, `message` the sentence for a person; neither holds what the event
    holds. `origin` is "http", or "file:line" of an import. `body` is JSON as it came wherever that
    was possible: of an import the row, else a batch of one event with what its batch shared."""

    reason: str
    message: str
    source: str
    received_at: Micros
    origin: str
    body: bytes
