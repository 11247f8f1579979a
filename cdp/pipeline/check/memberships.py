"""Memberships and deadlines against evaluating every rule afresh."""

from __future__ import annotations

from collections.abc import Sequence

from cdp.pipeline.check.findings import DEADLINES, MEMBERSHIPS, Findings
from cdp.segments.evaluate import evaluate
from cdp.segments.index import SegmentIndex
from cdp.segments.views import StoredView
from graph_schema.model.identifier import Identifier
from graph_schema.model.profile import Profile
from graph_schema.model.segment import Membership, Segment, SegmentStatus
from graph_schema.model.time import Micros
from graph_schema.store import GraphStore, Page, ProfileEvent, Span

PAGE = 1_000


class MembershipWalk:
    """`now`: a moment at which the worker had done all that was due. Segments that are still being
    filled, or emptied, are passed over."""

    def __init__(
        self, store: GraphStore, segments: Sequence[Segment], now: Micros, findings: Findings
    ) -> None:
        self._store = store
        self._now = now
        self._findings = findings
        self._index = SegmentIndex(s for s in segments if s.status is not SegmentStatus.ARCHIVED)
        self._archived = {s.key for s in segments if s.status is SegmentStatus.ARCHIVED}
        self._walking = {s.key for s in segments if s.walked is not None}

    async def take(self, profiles: Sequence[Profile]) -> None:
        ids = [profile.id for profile in profiles]
        moments = [self._moment(profile) for profile in profiles]
        open_ = await self._open(ids)
        events = await self._events(ids, min(moments, default=self._now))
        identifiers = await self._identifiers(ids)
        for profile, moment in zip(profiles, moments, strict=True):
            view = StoredView(
                profile, identifiers.get(profile.id, ()), events.get(profile.id, ()), set()
            )
            self._one(profile, view, open_[profile.id], moment)

    def _moment(self, profile: Profile) -> Micros:
        """A profile that is due, and was not looked at yet, is as it was before its deadline."""
        due = profile.deadline is not None and profile.deadline <= self._now
        return (profile.deadline or 0) - 1 if due else self._now

    # ── reading ────────────────────────────────────────────────────────────────────────────────

    async def _open(self, ids: list[str]) -> dict[str, dict[str, Membership]]:
        found: dict[str, dict[str, Membership]] = {}
        for id_, page in zip(ids, await self._pages(ids, Span(PAGE)), strict=True):
            found[id_] = {membership.segment: membership for membership in page.items}
            while page.has_next:
                (page,) = await self._pages([id_], Span(PAGE, (page.items[-1].segment,)))
                found[id_] |= {membership.segment: membership for membership in page.items}
        return found

    async def _pages(self, ids: list[str], span: Span) -> list[Page[Membership]]:
        return await self._store.membership_pages(ids, span)

    async def _events(self, ids: list[str], now: Micros) -> dict[str, list[ProfileEvent]]:
        needs = self._index.needs(self._index.segments)
        found: dict[str, list[ProfileEvent]] = {}
        if needs.events:
            names, reach = sorted(needs.events), needs.reach(now)
            for event in await self._store.profile_events(ids, names, reach):
                found.setdefault(event.profile_id, []).append(event)
        return found

    async def _identifiers(self, ids: list[str]) -> dict[str, list[Identifier]]:
        if not self._index.needs(self._index.segments).namespaces:
            return {}
        found: dict[str, list[Identifier]] = {}
        for id_, page in zip(
            ids, await self._store.identifier_pages(ids, None, Span(PAGE)), strict=True
        ):
            found[id_] = list(page.items)
        return found

    # ── deciding ───────────────────────────────────────────────────────────────────────────────

    def _one(
        self, profile: Profile, view: StoredView, open_: dict[str, Membership], moment: Micros
    ) -> None:
        turns: list[Micros] = []
        for key, entry in self._index.segments.items():
            verdict = evaluate(entry.rule, view, moment)
            if verdict.turns_at is not None:
                turns.append(verdict.turns_at)
            if verdict.holds:
                view.segments.add(key)
            if key not in self._walking:
                self._findings.walked(MEMBERSHIPS)
                self._membership(profile.id, entry.segment, open_.get(key), holds=verdict.holds)
        for key in sorted(open_.keys() & (self._archived - self._walking)):
            self._findings.broken(
                MEMBERSHIPS, f"profile {profile.id} is in segment {key}, which is archived"
            )
        self._deadline(profile, min(turns, default=None))

    def _membership(
        self, profile: str, segment: Segment, found: Membership | None, *, holds: bool
    ) -> None:
        where = f"segment {segment.key}"
        if holds and found is None:
            self._findings.broken(MEMBERSHIPS, f"profile {profile} is missing in {where}")
        elif not holds and found is not None:
            self._findings.broken(MEMBERSHIPS, f"profile {profile} is in {where}, against its rule")
        elif found is not None and not 1 <= found.version <= segment.version:
            self._findings.broken(
                MEMBERSHIPS, f"profile {profile} is in {where} by a version that is not there"
            )

    def _deadline(self, profile: Profile, turns_at: Micros | None) -> None:
        """An earlier deadline is no harm: the profile is looked at, and nothing is found."""
        self._findings.walked(DEADLINES)
        if turns_at is not None and (profile.deadline is None or profile.deadline > turns_at):
            self._findings.broken(
                DEADLINES, f"a membership of profile {profile.id} turns over before its deadline"
            )
