"""Applying a run of events to the graph: one read of the neighbourhood, one transaction for the
difference and the log's position."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from cdp.pipeline.identities import IdentityResolver
from cdp.pipeline.memberships import Evaluator, Subject
from cdp.pipeline.prepare import Prepared, prepare, wanted
from cdp.pipeline.profiles import ProfileFolder
from cdp.pipeline.sessions import SessionFolder
from cdp.pipeline.working import Working
from cdp.segments.index import SegmentIndex
from graph_schema.model.change import ProfilesTouched
from graph_schema.model.event import EventType
from graph_schema.model.item import Item
from graph_schema.model.profile import ProfileIds
from graph_schema.model.record import LogRecord
from graph_schema.model.rules import IdentityRules
from graph_schema.model.segment import MembershipCause
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Checkpoint, DeadRecord, Delta, GraphWriting
from identity import commerce
from identity.normalise import Normaliser


class Applied(msgspec.Struct, frozen=True):
    """Where the partition stands now, and how many events were taken and were there already."""

    checkpoint: Checkpoint
    taken: int
    duplicate: int
    dead: int


class EventApplier:
    """Applies events. Keeps nothing between batches but the segments' index, which whoever changes a
    segment renews."""

    def __init__(
        self,
        store: GraphWriting,
        rules: IdentityRules,
        ids: ProfileIds,
        now: Callable[[], Micros],
    ) -> None:
        self._store = store
        self._rules = rules
        self._ids = ids
        self._now = now
        self._normaliser = Normaliser(rules)
        self.index: SegmentIndex | None = None

    async def apply(self, records: Sequence[LogRecord], checkpoint: Checkpoint) -> Applied:
        """Raises whatever a record's content makes fail; the graph is then as it was."""
        prepared = [
            prepare(record, self._normaliser) for record in records if record.body is not None
        ]
        async with self._store.batch(checkpoint) as batch:
            return await self._within(batch, prepared, records[-1])

    async def _within(self, batch: Batch, prepared: list[Prepared], last: LogRecord) -> Applied:
        asked = wanted(prepared, self._rules.session_gap)
        known = await batch.load(asked)
        work = Working(batch, known, asked.keys, self._rules, self._ids, last.at)
        fresh = self._fresh(work, prepared)
        identities = IdentityResolver(work)
        await identities.take(fresh)
        sessions = SessionFolder(work, self._normaliser)
        await sessions.take(fresh)
        profiles = ProfileFolder(work)
        await profiles.take(sessions, {name.key for item in fresh for name in item.names.all})
        sessions.finish()
        work.delta.items = await self._items(batch, fresh)
        work.delta.identifiers = [work.identifiers[key] for key in sorted(work.changed_identifiers)]
        work.delta.gone_profiles = sorted(profiles.gone)
        changes, work.delta.changes = work.delta.changes, []
        await batch.write(work.delta)
        await batch.write(await profiles.finish())
        memberships = await self._memberships(batch, work, profiles, fresh, last.at)
        touched = tuple(sorted(profiles.changed | profiles.gone))
        memberships.changes = [*changes, *memberships.changes]
        if touched:
            memberships.changes.append(ProfilesTouched(touched))
        await batch.write(memberships)
        await batch.advance(last.position, last.at)
        dead = len(work.delta.dead)
        return Applied(batch.checkpoint, len(fresh), len(prepared) - len(fresh) - dead, dead)

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
                        work.batch.checkpoint.partition, item.position, item.rec,
                        "message_id_reused", message,
                    )
                )  # fmt: skip
        return fresh

    async def _items(self, batch: Batch, fresh: list[Prepared]) -> list[Item]:
        """What the events state about items, where it says more than is known."""
        stated: dict[str, list[Item]] = {}
        for item in fresh:
            for said in commerce.items_of(item.event):
                stated.setdefault(said.id, []).append(said)
        ids = sorted(stated)
        if not ids:
            return []
        changed = []
        for id_, known in zip(ids, await batch.items(ids), strict=True):
            merged = known
            for said in stated[id_]:
                merged = commerce.merge_item(merged, said)
            if merged is not None and merged != known:
                changed.append(merged)
        return changed

    # ── segments ───────────────────────────────────────────────────────────────────────────────

    async def _memberships(
        self,
        batch: Batch,
        work: Working,
        profiles: ProfileFolder,
        fresh: list[Prepared],
        rec: Micros,
    ) -> Delta:
        if self.index is None:
            self.index = SegmentIndex(await batch.segment_states())
        if not self.index.segments:
            return Delta(rec=rec)
        evaluator = Evaluator(self.index, batch, self._now(), rec)
        return await evaluator.take(self._subjects(work, profiles, fresh))

    def _subjects(
        self, work: Working, profiles: ProfileFolder, fresh: list[Prepared]
    ) -> list[Subject]:
        assert self.index is not None
        subjects: dict[str, Subject] = {}
        for id_, group in profiles.regrouped.items():
            alone = not group.sources
            cause = MembershipCause.EVENT if alone else MembershipCause.IDENTITY
            sources = frozenset(group.sources)
            subjects[id_] = Subject(work.profiles[id_], cause, sources=sources)
        for id_ in work.stale - profiles.gone:
            # A session went over to another owner: whatever it counted for may be another now.
            subjects.setdefault(id_, Subject(work.profiles[id_], MembershipCause.EVENT))
        for item in fresh:
            self._affect(subjects, work, item)
        return [subjects[id_] for id_ in sorted(subjects)]

    def _affect(self, subjects: dict[str, Subject], work: Working, item: Prepared) -> None:
        """The profile that an event belongs to, with the segments that the event can change."""
        assert self.index is not None
        event = item.event
        profile = work.profile_of(item.names.user or item.names.device)
        if profile is None:
            return
        traits = event.traits if event.type is EventType.IDENTIFY else ()
        affected = self.index.affected((event.name,), traits, ())
        subject = subjects.get(profile)
        if subject is None:
            if not affected:
                return
            subject = subjects[profile] = Subject(
                work.profiles[profile], MembershipCause.EVENT, set()
            )
        if subject.cause is MembershipCause.EVENT:
            subject.event = event.message_id
        if subject.segments is not None:
            subject.segments |= affected
