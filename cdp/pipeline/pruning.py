"""Keeping the change feed short: what is older than a horizon leaves it, identity changes apart."""

from __future__ import annotations

from collections.abc import Callable

from graph_schema.model.time import DAY, MINUTE, Micros
from graph_schema.store import Checkpoint, GraphWriting

KEEP: Micros = 7 * DAY
EVERY: Micros = MINUTE
CHUNK = 5_000


class Pruning:
    """`keep`: how long an entry stays. Each call is one transaction over a part of a partition's feed; a
    partition is looked at again at most once a minute."""

    def __init__(self, store: GraphWriting, now: Callable[[], Micros], keep: Micros) -> None:
        self._store = store
        self._now = now
        self._keep = keep
        self._again_at: dict[int, Micros] = {}

    async def prune(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """None where nothing is to be pruned, or it was looked at just now."""
        now, partition = self._now(), checkpoint.partition
        if now < self._again_at.get(partition, now):
            return None
        async with self._store.batch(checkpoint) as batch:
            passed = await batch.prune_changes(now - self._keep, CHUNK)
            if passed:
                await batch.advance(batch.checkpoint.position, batch.checkpoint.rec)
            pruned = batch.checkpoint
        if passed < CHUNK:
            self._again_at[partition] = now + EVERY
        return pruned if passed else None
