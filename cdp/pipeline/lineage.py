"""Whether a graph was derived from a log: told by the records at which it stands."""

from __future__ import annotations

from cdp.eventlog.protocol import EventLog, Tail
from graph_schema.errors import LogReplaced, PositionOutsideLog, WrongLog
from graph_schema.store import GraphReading


async def check_lineage(log: EventLog, graph: GraphReading) -> None:
    """A log that was brought back from an older copy has its id and, after a while, its length again:
    only the time of the record that was applied last tells it. Going on would pass over what was
    acknowledged since. Raises WrongLog, PositionOutsideLog, LogReplaced; reads one record of each
    partition."""
    tails = await log.tails()
    for checkpoint in await graph.checkpoints():
        partition, position = checkpoint.partition, checkpoint.position
        if checkpoint.log != log.log_id:
            raise WrongLog(expected=checkpoint.log, found=log.log_id)
        end = tails.get(partition, Tail()).position
        if position > end:
            raise PositionOutsideLog(position=position, end=end)
        if position:
            (applied,) = await log.read(partition, position - 1, 1, 1)
            if applied.at != checkpoint.rec:
                raise LogReplaced(position=position)
