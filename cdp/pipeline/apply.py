"""Applying a run of events to the graph: one read of the neighbourhood, one transaction for the
difference and the log's position."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cdp.pipeline.catalogue import touched
from cdp.pipeline.consequences import Consequences
from cdp.pipeline.identities import IdentityResolver
from cdp.pipeline.in_force import InForce
from cdp.pipeline.prepare import Prepared, prepare, wanted
from cdp.pipeline.sessions import SessionFolder
from cdp.pipeline.working import Working
from graph_schema.model.command import Outcome
from graph_schema.model.item import Item
from graph_schema.model.record import LogRecord
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Checkpoint, DeadRecord, Delta, GraphWriting
from identity import commerce, region


class Applied(msgspec.Struct, frozen=True):
    """Where the partition stands now, and how many events were taken and were there already."""

    checkpoint: Checkpoint
    taken: int
    duplicate: int
    dead: int


class EventApplier:
    """Applies events. Keeps nothing between batches but what is in force."""

    def __init__(self, store: GraphWriting, in_force: InForce) -> None:
        self._store = store
        self._in_force = in_force

    async def apply(self, records: Sequence[LogRecord], checkpoint: Checkpoint) -> Applied:
        """Raises whatever a record's content makes fail; the graph is then as it was."""
        async with self._store.batch(checkpoint) as batch:
            await self._in_force.refresh_rules(batch)
            normaliser = self._in_force.normaliser
            prepared = [prepare(one, normaliser) for one in records if one.body is not None]
            fresh, dead = await self._within(batch, prepared, records[-1].at)
            await batch.advance(records[-1].position, records[-1].at)
            duplicate = len(prepared) - fresh - len(dead)
            return Applied(batch.checkpoint, fresh, duplicate, len(dead))

    async def apply_again(
        self, record: LogRecord, asked: LogRecord, outcome: Outcome, checkpoint: Checkpoint
    ) -> Checkpoint:
        """Another try with a record that is among the dead letters, as the command `asked` wants it,
        whose outcome is stored with it. Raises as `apply`."""
        async with self._store.batch(checkpoint) as batch:
            await self._in_force.refresh_rules(batch)
            prepared = [prepare(record, self._in_force.normaliser)]
            place = (record.partition, record.position)
            await batch.write(Delta(rec=asked.at, revived=[place]))
            _, dead = await self._within(batch, prepared, asked.at)
            for letter in dead:
                outcome = Outcome(outcome.command_id, asked.at, letter.reason, letter.message)
            await batch.write(Delta(rec=asked.at, outcomes=[outcome]))
            await batch.advance(asked.position, asked.at)
            return batch.checkpoint

    async def _within(
        self, batch: Batch, prepared: list[Prepared], rec: Micros
    ) -> tuple[int, list[DeadRecord]]:
        """How many events were new, and those that went to the dead letters."""
        asked = wanted(prepared, self._in_force.rules.session_gap)
        known = await batch.load(asked)
        await self._in_force.refresh_decisions(batch)
        work = Working(batch, self._in_force, rec, known, asked.keys)
        fresh = self._fresh(work, prepared)
        await IdentityResolver(work, region.MOST).take(fresh)
        sessions = SessionFolder(work)
        await sessions.take(fresh)
        await self._items(work, fresh)
        named = {name.key for item in fresh for name in item.names.with_forms}
        await Consequences(work, sessions, self._in_force).write(named, fresh)
        return len(fresh), work.delta.dead

    def _fresh(self, work: Working, prepared: list[Prepared]) -> list[Prepared]:
        """Without the events that are in the graph already. Other content under a used message id
        goes to the dead letters."""
        fresh = []
        for item in prepared:
            mid = item.event.message_id
            digest = work.digests.setdefault(mid, item.digest)
            if digest is item.digest:
                fresh.append(item)
            elif digest != item.digest:
                message = "Another event has this messageId: give every event an id of its own."
                work.delta.dead.append(
                    DeadRecord(
                        item.partition, item.position, item.rec,
                        "message_id_reused", message,
                    )
                )  # fmt: skip
        return fresh

    async def _items(self, work: Working, fresh: list[Prepared]) -> None:
        """What the events state about items, where it says more than is known."""
        stated: dict[str, list[Item]] = {}
        for item in fresh:
            for said in commerce.items_of(item.event):
                stated.setdefault(said.id, []).append(said)
        ids = sorted(stated)
        if not ids:
            return
        changes = []
        for known, id_ in zip(await work.batch.items(ids), ids, strict=True):
            merged = known
            for said in stated[id_]:
                merged = commerce.merge_item(merged, said)
            if merged is not None and merged != known:
                changes.append((known, merged))
        work.delta.items = [merged for _, merged in changes]
        work.delta.changes += touched(changes)
