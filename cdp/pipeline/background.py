"""Resolving what was set aside: evidence that takes more of the graph than may be read while other
events wait."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from cdp.pipeline.consequences import Consequences
from cdp.pipeline.identities import IdentityResolver
from cdp.pipeline.in_force import InForce
from cdp.pipeline.sessions import SessionFolder
from cdp.pipeline.working import Working
from graph_schema.errors import BatchTooLarge
from graph_schema.model.change import IdentityChange
from graph_schema.model.evidence import Waiting
from graph_schema.model.segment import MembershipCause
from graph_schema.store import Batch, Checkpoint, GraphWriting
from identity.deciding import came_out, parts_of
from identity.difference import Difference

PAIRS = 20_000
RESTS = 9
"""So many times as long as it took it leaves the graph to the events, before it goes on."""


class Background:
    """Done by whoever holds the commands' partition: each call is one transaction. What comes of it
    follows from the evidence alone, whenever it is done, and however much of it at once."""

    def __init__(self, store: GraphWriting, in_force: InForce) -> None:
        self._store = store
        self._in_force = in_force
        self._pairs = PAIRS
        self._free_at = 0.0

    def wake(self) -> None:
        """Rests no longer: nothing else is to be done."""
        self._free_at = 0.0

    async def resolve(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """Resolves what has waited the longest; None where nothing waits, or it rests."""
        if time.monotonic() < self._free_at:
            return None
        waiting = await self._store.waiting(self._pairs)
        if not waiting:
            return None
        began = time.monotonic()
        try:
            async with self._store.batch(checkpoint) as batch:
                await self._resolve(batch, waiting)
                checkpoint = batch.checkpoint
        except BatchTooLarge:
            if self._pairs == 1:
                raise
            self._pairs = max(1, min(self._pairs, len(waiting)) // 2)
        self._free_at = time.monotonic() + RESTS * (time.monotonic() - began)
        return checkpoint

    async def _resolve(self, batch: Batch, waiting: Sequence[Waiting]) -> None:
        await self._in_force.refresh(batch)
        at = batch.checkpoint
        rec = max([self._in_force.now(), *(c.rec for c in await batch.checkpoints())])
        work = Working(batch, self._in_force, rec)
        difference = await IdentityResolver(work).resolve(waiting)
        work.delta.resolved = [(one.a, one.b) for one in waiting]
        change = self._change(difference, waiting[-1], at, rec)
        work.delta.changes += [] if change is None else [change]
        await Consequences(work, SessionFolder(work), self._in_force).write(
            (), cause=MembershipCause.IDENTITY
        )
        await batch.advance(at.position, at.rec)

    def _change(
        self, difference: Difference, last: Waiting, at: Checkpoint, rec: int
    ) -> IdentityChange | None:
        """One for all that was resolved together; its cause is the last event that added to it."""
        kind = came_out(difference.before, difference.after)
        if kind is None:
            return None
        named = f"{last.mid}\x00{at.partition}\x00{at.seq}"
        return IdentityChange(
            id=f"c_{hashlib.blake2b(named.encode(), digest_size=16).hexdigest()}",
            kind=kind,
            at=rec,
            cause=last.mid,
            before=parts_of(difference.before, self._in_force.ids),
            after=parts_of(difference.after, self._in_force.ids),
        )
