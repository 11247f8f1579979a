"""What the worker does when no record waits: deadlines that have come, and filling new segments."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cdp.pipeline.in_force import InForce
from cdp.pipeline.memberships import Evaluator, Subject
from cdp.segments.index import SegmentIndex
from graph_schema.model.change import MembershipChange, ProfilesTouched
from graph_schema.model.segment import MembershipCause, Segment, SegmentStatus
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Checkpoint, GraphWriting

CHUNK = 200


class Upkeep:
    """Done by whoever holds the commands' partition. Each call is one transaction, which takes current
    state and compares before it writes: so the stream and the walk may meet on a profile, and neither
    leaves a gap nor enters it twice."""

    def __init__(self, store: GraphWriting, in_force: InForce) -> None:
        self._store = store
        self._in_force = in_force
        self._now = in_force.now

    async def deadlines(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """Looks at the profiles that are due; None where none is."""
        now = self._now()
        due = await self._store.due(now, CHUNK)
        if not due:
            return None
        async with self._store.batch(checkpoint) as batch:
            return await self._evaluate(batch, due, None, MembershipCause.TIME, now)

    async def walk(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """Takes the next profiles of a segment that is being filled; None where none is."""
        index = await self._index(checkpoint)
        walking = [e.segment for e in index.segments.values() if e.segment.walked is not None]
        if not walking:
            return None
        segment = walking[0]
        ids = await self._store.profile_ids_after(segment.walked or "", CHUNK)
        async with self._store.batch(checkpoint) as batch:
            keys = index.with_users({segment.key})
            cause = MembershipCause.BACKFILL
            if segment.status is SegmentStatus.ARCHIVED or segment.version > 1:
                cause = MembershipCause.RULE
            walked = [_further(segment, ids)]
            checkpoint = await self._evaluate(batch, ids, keys, cause, self._now(), walked)
        self._in_force.forget_segments()
        return checkpoint

    async def _index(self, checkpoint: Checkpoint) -> SegmentIndex:
        """Whoever holds the commands' partition knows of every change of a segment."""
        if self._in_force.known_segments is not None:
            return self._in_force.known_segments
        async with self._store.batch(checkpoint) as batch:
            return await self._in_force.segments(batch, await batch.checkpoints())

    async def _evaluate(
        self,
        batch: Batch,
        ids: Sequence[str],
        keys: set[str] | None,
        cause: MembershipCause,
        now: Micros,
        walked: Sequence[Segment] = (),
    ) -> Checkpoint:
        """Time passes between records too: what it brings is recorded now, never before the last
        record."""
        profiles = [profile for profile in await batch.profiles(ids) if profile is not None]
        subjects = [Subject(profile, cause, keys) for profile in profiles]
        checkpoints = await batch.checkpoints()
        index = await self._in_force.segments(batch, checkpoints)
        rec = max(self._now(), *(checkpoint.rec for checkpoint in checkpoints))
        delta = await Evaluator(index, batch, now, rec).take(subjects)
        touched = sorted({c.profile_id for c in delta.changes if isinstance(c, MembershipChange)})
        if touched:
            delta.changes.append(ProfilesTouched(tuple(touched)))
        delta.segments += walked
        await batch.write(delta)
        await batch.advance(batch.checkpoint.position, batch.checkpoint.rec)
        return batch.checkpoint


def _further(segment: Segment, ids: Sequence[str]) -> Segment:
    """How far the walk has come; at its end the segment is active, or empty and archived."""
    if len(ids) == CHUNK:
        return msgspec.structs.replace(segment, walked=ids[-1])
    archived = segment.status is SegmentStatus.ARCHIVED
    status = SegmentStatus.ARCHIVED if archived else SegmentStatus.ACTIVE
    return msgspec.structs.replace(segment, walked=None, status=status)
