"""Which partition a record belongs to.

Commands have a partition of their own: they concern the whole graph, and never wait behind events. The
events of one device go to one partition, so that two workers seldom meet on a session.
"""

from __future__ import annotations

from zlib import crc32

from graph_schema.errors import BadInput
from graph_schema.model.record import NewRecord, RecordKind

COMMANDS = 0
"""The partition of the commands. The events' partitions follow it, from 1 on."""


def partition_of(record: NewRecord, event_partitions: int) -> int:
    """The partition of a new record in a log that puts events into so many. The same in every process
    and version: what is routed anew after the number grew is only spread otherwise, never lost."""
    if record.kind is RecordKind.COMMAND:
        return COMMANDS
    return 1 + crc32(record.routing.encode("utf-8", "surrogatepass")) % event_partitions


def no_partition(partition: int) -> BadInput:
    return BadInput(reason=f"This log has no partition {partition}.")
