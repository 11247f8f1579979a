"""Who is in which segment: evaluates what a batch can have changed, and writes what differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from cdp.segments.evaluate import evaluate
from cdp.segments.index import Indexed, SegmentIndex
from cdp.segments.views import StoredView
from graph_schema.model.change import MembershipChange
from graph_schema.model.identifier import Identifier
from graph_schema.model.profile import Profile
from graph_schema.model.segment import Membership, MembershipCause, SegmentStatus
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Delta, MembershipEntry, ProfileEvent


class Subject(msgspec.Struct):
    """A profile to be looked at. `segments` None: all of them. `sources`: the profiles that its
    identifiers came from, where identities changed: what they were members of it is, if the rule still
    holds, and since then. `gone`: those of them that are no more."""

    profile: Profile
    cause: MembershipCause
    segments: set[str] | None = None
    event: str | None = None
    sources: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()


class Evaluator:
    """Evaluates subjects within a batch. `now` is the wall clock, `rec` dates what is recorded: that
    moment, or the newest that is stored of the subjects' memberships, since time does not run back."""

    def __init__(self, index: SegmentIndex, batch: Batch, now: Micros, rec: Micros) -> None:
        self._index = index
        self._batch = batch
        self._now = now
        self._rec = rec
        self.delta = Delta(rec=rec)
        self._emptied: set[str] = set()

    async def take(self, subjects: Sequence[Subject]) -> Delta:
        """The memberships that open and close, the changes, and the profiles' next deadlines."""
        subjects = [s for s in subjects if s.segments is None or s.segments or s.sources]
        if not subjects:
            return self.delta
        open_ = await self._open(subjects)
        self._rec = max([self._rec, *(m.since for own in open_.values() for m in own.values())])
        self.delta.rec = self._rec
        wanted = {key for s in subjects for key in self._wanted(s)}
        events = await self._events(subjects, wanted)
        identifiers = await self._identifiers(subjects, wanted)
        for subject in subjects:
            id_ = subject.profile.id
            self._one(subject, open_, events.get(id_, ()), identifiers.get(id_, ()))
        return self.delta

    def _wanted(self, subject: Subject) -> list[str]:
        """In the order in which segments use each other."""
        keys = subject.segments
        return [key for key in self._index.segments if keys is None or key in keys]

    # ── reading ────────────────────────────────────────────────────────────────────────────────

    async def _open(self, subjects: Sequence[Subject]) -> dict[str, dict[str, Membership]]:
        ids = {id_ for s in subjects for id_ in (s.profile.id, *s.sources)}
        found = await self._batch.memberships(sorted(ids))
        return {id_: {m.segment: m for m in members} for id_, members in found.items()}

    async def _events(
        self, subjects: Sequence[Subject], wanted: set[str]
    ) -> dict[str, list[ProfileEvent]]:
        needs = self._index.needs(wanted)
        found: dict[str, list[ProfileEvent]] = {}
        if needs.events:
            ids = sorted({subject.profile.id for subject in subjects})
            reach = needs.reach(self._now)
            for event in await self._batch.profile_events(ids, sorted(needs.events), reach):
                found.setdefault(event.profile_id, []).append(event)
        return found

    async def _identifiers(
        self, subjects: Sequence[Subject], wanted: set[str]
    ) -> dict[str, list[Identifier]]:
        if not self._index.needs(wanted).namespaces:
            return {}
        return await self._batch.identifiers_of(sorted({s.profile.id for s in subjects}))

    # ── deciding ───────────────────────────────────────────────────────────────────────────────

    def _one(
        self,
        subject: Subject,
        open_: dict[str, dict[str, Membership]],
        events: Iterable[ProfileEvent],
        identifiers: Iterable[Identifier],
    ) -> None:
        profile = subject.profile
        own = open_.get(profile.id, {})
        heirs_of = {profile.id, *subject.sources}
        before = _earliest(m for id_ in sorted(heirs_of) for m in open_.get(id_, {}).values())
        left = {key for id_ in subject.gone for key in open_.get(id_, ())} | own.keys()
        view = StoredView(profile, identifiers, events, set(before))
        deadline: Micros | None = None
        for key in self._wanted(subject):
            entry = self._index.segments[key]
            holds, turns_at = self._holds(entry, view)
            if turns_at is not None:
                deadline = turns_at if deadline is None else min(deadline, turns_at)
            if holds:
                view.segments.add(key)
            else:
                view.segments.discard(key)
            self._compare(subject, entry, holds, own.get(key), before.get(key), key in left)
        self._close_gone(subject, open_)
        self._set_deadline(subject, deadline)

    def _holds(self, entry: Indexed, view: StoredView) -> tuple[bool, Micros | None]:
        if entry.segment.status is SegmentStatus.ARCHIVED:
            return False, None
        verdict = evaluate(entry.rule, view, self._now)
        return verdict.holds, verdict.turns_at

    def _compare(
        self,
        subject: Subject,
        entry: Indexed,
        holds: bool,
        own: Membership | None,
        before: Membership | None,
        left: bool,
    ) -> None:
        """`left`: where it does not hold any more, that is an exit; a part that was split off a member
        never was one itself."""
        key, id_ = entry.segment.key, subject.profile.id
        if own is not None and (not holds or before is not own):
            self.delta.closed.append((id_, key))
        if holds and (own is None or before is not own):
            membership = before or Membership(
                id_, key, entry.segment.version, self._rec, subject.cause
            )
            membership = msgspec.structs.replace(membership, profile_id=id_)
            event = subject.event if before is None else None
            self.delta.opened.append(MembershipEntry(membership, event))
        if (before is None) if holds else left:
            self.delta.changes.append(
                MembershipChange(key, id_, holds, self._rec, subject.cause, subject.event)
            )

    def _close_gone(self, subject: Subject, open_: dict[str, dict[str, Membership]]) -> None:
        """A profile that is no more has no memberships: its heirs have them, or have left."""
        for source in sorted(subject.gone - self._emptied):
            self.delta.closed += [(source, key) for key in sorted(open_.get(source, {}))]
        self._emptied |= subject.gone

    def _set_deadline(self, subject: Subject, deadline: Micros | None) -> None:
        """Where only some segments were looked at, an earlier deadline of another one stands."""
        known = subject.profile.deadline
        if subject.segments is not None and known is not None:
            deadline = known if deadline is None else min(deadline, known)
        if deadline != known:
            subject.profile.deadline = deadline
            self.delta.deadlines.append((subject.profile.id, deadline))


def _earliest(memberships: Iterable[Membership]) -> dict[str, Membership]:
    """By segment, the one that has been open the longest."""
    found: dict[str, Membership] = {}
    for membership in memberships:
        known = found.get(membership.segment)
        if known is None or membership.since < known.since:
            found[membership.segment] = membership
    return found
