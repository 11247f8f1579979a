"""What follows once a batch's identities and sessions stand: profiles, memberships, the change feed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cdp.pipeline.in_force import InForce
from cdp.pipeline.memberships import Evaluator, Subject
from cdp.pipeline.prepare import Prepared
from cdp.pipeline.profiles import ProfileFolder
from cdp.pipeline.sessions import SessionFolder
from cdp.pipeline.working import Working
from cdp.segments.index import SegmentIndex
from graph_schema.model.change import ProfilesTouched
from graph_schema.model.event import EventType
from graph_schema.model.identifier import Key
from graph_schema.model.segment import MembershipCause
from graph_schema.store import Delta


class Consequences:
    """Writes a batch. The order matters: profiles are folded anew from sessions that are written, and
    memberships are evaluated over profiles that are."""

    def __init__(self, work: Working, sessions: SessionFolder, in_force: InForce) -> None:
        self._work = work
        self._sessions = sessions
        self._in_force = in_force
        self._profiles = ProfileFolder(work)

    async def write(
        self,
        named: Iterable[Key],
        fresh: Sequence[Prepared] = (),
        cause: MembershipCause = MembershipCause.EVENT,
    ) -> None:
        """`named`: every identifier that was seen; `fresh`: the events that are new; `cause`: what made
        profiles other than they were, where identities did not."""
        work, batch = self._work, self._work.batch
        await self._profiles.take(self._sessions, named)
        await self._in_force.confirm(batch)
        self._sessions.finish()
        work.delta.identifiers = [work.identifiers[key] for key in sorted(work.changed_identifiers)]
        work.delta.gone_profiles = sorted(self._profiles.gone)
        changes, work.delta.changes = work.delta.changes, []
        await batch.write(work.delta)
        await batch.write(await self._profiles.finish())
        memberships = await self._memberships(fresh, cause)
        touched = tuple(sorted(self._profiles.changed | self._profiles.gone))
        memberships.changes = [*changes, *memberships.changes]
        if touched:
            memberships.changes.append(ProfilesTouched(touched))
        await batch.write(memberships)

    # ── segments ───────────────────────────────────────────────────────────────────────────────

    async def _memberships(self, fresh: Sequence[Prepared], cause: MembershipCause) -> Delta:
        """Everything that the batch touches is held by now: what it reads here holds to its end."""
        batch = self._work.batch
        checkpoints = await batch.checkpoints()
        index = await self._in_force.segments(batch, checkpoints)
        # What follows from facts of several partitions was not so before all of them were recorded.
        rec = max(self._work.delta.rec, *(checkpoint.rec for checkpoint in checkpoints))
        if not index.segments:
            return Delta(rec=rec)
        evaluator = Evaluator(index, batch, self._in_force.now(), rec)
        return await evaluator.take(self._subjects(index, fresh, cause))

    def _subjects(
        self, index: SegmentIndex, fresh: Sequence[Prepared], cause: MembershipCause
    ) -> list[Subject]:
        work, profiles = self._work, self._profiles
        subjects: dict[str, Subject] = {}
        for id_, group in profiles.regrouped.items():
            regrouped = MembershipCause.IDENTITY if group.sources else cause
            sources = frozenset(group.sources)
            subjects[id_] = Subject(
                work.profiles[id_], regrouped, sources=sources, gone=sources & profiles.gone
            )
        for id_ in work.stale - profiles.gone:
            # A session went over to another owner: whatever it counted for may be another now.
            subjects.setdefault(id_, Subject(work.profiles[id_], cause))
        touched = self._sessions.touched
        owners = {
            new.event.message_id: touched[new.session].session.owner for new in work.delta.events
        }
        for item in fresh:
            owner = work.profile_of(owners[item.event.message_id])
            if owner is not None:
                self._affect(subjects, index, item, owner)
        return [subjects[id_] for id_ in sorted(subjects)]

    def _affect(
        self, subjects: dict[str, Subject], index: SegmentIndex, item: Prepared, profile: str
    ) -> None:
        """The profile that an event belongs to, with the segments that the event can change."""
        event = item.event
        traits = event.traits if event.type is EventType.IDENTIFY else ()
        affected = index.affected((event.name,), traits, ())
        subject = subjects.get(profile)
        if subject is None:
            if not affected:
                return
            subject = subjects[profile] = Subject(
                self._work.profiles[profile], MembershipCause.EVENT, set()
            )
        if subject.cause is MembershipCause.EVENT:
            subject.event = event.message_id
        if subject.segments is not None:
            subject.segments |= affected
