"""Segments, who is in them and why: GraphQL Segment, Membership*, SegmentTrace."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import strawberry

from api.auth import Scope
from api.context import Context
from api.masking import masked_trait
from api.platform import Condition, SegmentDetail, Trace
from api.types import event as event_types
from api.types import profile as profile_types
from api.types.common import (
    After,
    Connection,
    Edge,
    First,
    described,
    page_info,
    resolved,
)
from api.types.enums import MemberOrder, MembershipCause, MembershipChangeKind, SegmentStatus
from api.types.lazy import (
    LazyEvent,
    LazyProfile,
)
from api.types.scalars import JSON, DateTime, Long
from graph_schema.model.change import MembershipChange as StoredChange
from graph_schema.model.segment import Membership
from graph_schema.model.segment import Segment as StoredSegment
from graph_schema.model.segment import SegmentVersion as StoredVersion

Order = Annotated[MemberOrder | None, strawberry.argument(description="In which order.")]


@strawberry.type(description="A segment as it was after one change.")
class SegmentVersion:
    stored: strawberry.Private[StoredVersion]

    @resolved("Counts from 1.")
    def version(self) -> int:
        return self.stored.version

    @resolved("The rule of that version, in the shape of the input SegmentRule.")
    def rule(self) -> JSON:
        return self.stored.rule

    @resolved("When it was recorded.")
    def at(self) -> DateTime:
        return self.stored.rec

    @resolved("Who made it.")
    def by(self) -> str | None:
        return self.stored.by


@strawberry.type(description="Profiles that a rule holds for, followed with every event.")
class Segment:
    detail: strawberry.Private[SegmentDetail]
    ctx: strawberry.Private[Context]

    def _stored(self) -> StoredSegment:
        return self.detail.segment

    @resolved("Its key.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self._stored().key)

    @resolved("Its key: lower case, digits, _ and -.")
    def key(self) -> str:
        return self._stored().key

    @resolved("Its name for people.")
    def name(self) -> str:
        return self._stored().name

    @resolved("What it is for.")
    def description(self) -> str | None:
        return self._stored().description

    @resolved("Where it stands.")
    def status(self) -> SegmentStatus:
        return SegmentStatus[self._stored().status.name]

    @resolved("Which version this is; counts from 1.")
    def version(self) -> int:
        return self._stored().version

    @resolved("In the shape of the input SegmentRule: send it back as a variable.")
    def rule(self) -> JSON:
        return self._stored().rule

    @resolved("When it was made.")
    def created_at(self) -> DateTime:
        return self._stored().created_at

    @resolved("When it was last changed.")
    def updated_at(self) -> DateTime:
        return self._stored().updated_at

    @resolved("Who made it.")
    def created_by(self) -> str | None:
        return self._stored().created_by

    @resolved("How many members it has.")
    async def size(self) -> Long | None:
        return await self.ctx.loaders.segment_sizes.load(self._stored().key)

    @resolved("0 to 1 while it is being filled; null otherwise.")
    def progress(self) -> float | None:
        return self.detail.progress

    @resolved("Its profiles. Null without profile:read.")
    async def members(
        self, first: First, after: After = None, order_by: Order = MemberOrder.SINCE_DESC
    ) -> SegmentMemberConnection | None:
        if not self.ctx.may(Scope.PROFILE_READ):
            return None
        return await members(
            self.ctx, self._stored().key, order_by or MemberOrder.SINCE_DESC, first, after
        )

    @resolved("All its versions, the newest first.")
    async def versions(self) -> list[SegmentVersion]:
        found = await self.ctx.loaders.segment_versions.load(self._stored().key)
        newest_first = sorted(found, key=lambda one: one.version, reverse=True)
        return [SegmentVersion(stored=one) for one in newest_first]

    @resolved("The segments that its rule names.")
    async def uses(self) -> list[Segment]:
        return await _segments(self.ctx, self.detail.uses)

    @resolved("The segments whose rules name it.")
    async def used_by(self) -> list[Segment]:
        return await _segments(self.ctx, self.detail.used_by)


async def segment_by_key(ctx: Context, key: str) -> Segment | None:
    detail = await ctx.loaders.segments.load(key)
    return None if detail is None else Segment(detail=detail, ctx=ctx)


async def _segments(ctx: Context, keys: tuple[str, ...]) -> list[Segment]:
    waiting = [ctx.loaders.segments.load(key) for key in keys]
    details = [await one for one in waiting]
    return [Segment(detail=detail, ctx=ctx) for detail in details if detail is not None]


@strawberry.type(description="What one condition of a rule says about one profile.")
class ConditionTrace:
    found: strawberry.Private[Condition]
    ctx: strawberry.Private[Context]

    @resolved('Where in the rule: ["all", "1", "event"].')
    def path(self) -> list[str]:
        return list(self.found.path)

    @resolved("The condition itself, in the shape of the input SegmentRule.")
    def condition(self) -> JSON:
        return self.found.condition

    @resolved("Whether it holds now.")
    def holds(self) -> bool:
        return self.found.holds

    @resolved(
        "What was found: a count, a sum, a value. Personal traits are masked without pii:read."
    )
    def observed(self) -> JSON | None:
        observed = self.found.observed
        trait = self.found.condition.get("trait")
        if self.ctx.pii or observed is None or not isinstance(trait, dict):
            return observed
        return masked_trait(str(trait.get("name")), observed)

    @resolved("When it turns over if nothing more happens.")
    def until(self) -> DateTime | None:
        return self.found.until

    @resolved("The events that it was found in, a bounded sample.")
    async def events(self) -> list[LazyEvent]:
        waiting = [self.ctx.loaders.events.load(one) for one in self.found.events]
        stored = [await one for one in waiting]
        return [event_types.Event(stored=one, ctx=self.ctx) for one in stored if one is not None]


@strawberry.type(description="Why a profile is, or is not, in a segment.")
class SegmentTrace:
    ctx: strawberry.Private[Context]
    trace: strawberry.Private[Trace]
    segment: Segment = described("The segment.")

    @resolved("Whether it is a member.")
    def member(self) -> bool:
        return self.trace.member

    @resolved("Since when it has been one.")
    def since(self) -> DateTime | None:
        return self.trace.since

    @resolved("What each condition of the rule says.")
    def conditions(self) -> list[ConditionTrace]:
        return [ConditionTrace(found=one, ctx=self.ctx) for one in self.trace.conditions]


async def trace(ctx: Context, profile_id: str, key: str) -> SegmentTrace | None:
    """Null for an unknown segment."""
    waiting = ctx.loaders.traces.load((profile_id, key))
    segment = await segment_by_key(ctx, key)
    found = await waiting
    if segment is None or found is None:
        return None
    return SegmentTrace(ctx=ctx, trace=found, segment=segment)


@strawberry.type
class _MembershipEdge(Edge):
    """What both sides of a membership tell."""

    membership: strawberry.Private[Membership]
    ctx: strawberry.Private[Context]

    @resolved("When the entry was recorded; kept over a merge.")
    def since(self) -> DateTime:
        return self.membership.since

    @resolved("The segment's version that it was found by.")
    def version(self) -> int:
        return self.membership.version

    @resolved("What each condition of the rule says now.")
    async def reason(self) -> list[ConditionTrace]:
        pair = (self.membership.profile_id, self.membership.segment)
        found = await self.ctx.loaders.traces.load(pair)
        conditions = found.conditions if found is not None else ()
        return [ConditionTrace(found=one, ctx=self.ctx) for one in conditions]


@strawberry.type(description="A segment in a list.")
class SegmentEdge(Edge):
    node: Segment = described("The segment.")


@strawberry.type(description="A page of segments.")
class SegmentConnection(Connection):
    edges: list[SegmentEdge] = described("The segments of this page.")


@strawberry.type(description="A segment that a profile is in.")
class MembershipEdge(_MembershipEdge):
    node: Segment = described("The segment.")


@strawberry.type(description="A profile's segments.")
class MembershipConnection(Connection):
    edges: list[MembershipEdge] = described("The segments of this page.")


@strawberry.type(description="A profile that is in a segment.")
class SegmentMemberEdge(_MembershipEdge):
    node: LazyProfile = described("The profile.")


@strawberry.type(description="A segment's profiles.")
class SegmentMemberConnection(Connection):
    edges: list[SegmentMemberEdge] = described("The members of this page.")


async def memberships(
    ctx: Context, profile_id: str, first: int, after: str | None
) -> MembershipConnection:
    """A page of a profile's segments, by key."""
    cursors = ctx.cursors("Profile.segments", profile_id)
    page = await ctx.loaders.memberships(cursors.span(first, after)).load(profile_id)
    waiting = [ctx.loaders.segments.load(one.segment) for one in page.items]
    edges = []
    for one, known in zip(page.items, waiting, strict=True):
        detail = await known
        if detail is not None:
            edges.append(
                MembershipEdge(
                    place=partial(cursors.of, (one.segment,)),
                    membership=one,
                    ctx=ctx,
                    node=Segment(detail=detail, ctx=ctx),
                )
            )
    return MembershipConnection(
        edges=edges,
        page_info=page_info(edges, page.has_next, after),
        counting=partial(ctx.loaders.membership_counts.load, profile_id),
    )


async def members(
    ctx: Context, key: str, order: MemberOrder, first: int, after: str | None
) -> SegmentMemberConnection:
    """A page of a segment's profiles."""
    cursors = ctx.cursors("Segment.members", key, order.name)
    page = await ctx.moment.segments.members(key, order.name, cursors.span(first, after))
    waiting = [ctx.loaders.profiles.load(one.profile_id) for one in page.items]
    edges = []
    for one, known in zip(page.items, waiting, strict=True):
        profile = await known
        keyset: tuple[Any, ...] = (one.profile_id,)
        if order is MemberOrder.SINCE_DESC:
            keyset = (one.since, one.profile_id)
        if profile is not None:
            edges.append(
                SegmentMemberEdge(
                    place=partial(cursors.of, keyset),
                    membership=one,
                    ctx=ctx,
                    node=profile_types.profile_as(ctx, profile, asked=profile.id),
                )
            )
    return SegmentMemberConnection(
        edges=edges,
        page_info=page_info(edges, page.has_next, after),
        counting=partial(ctx.loaders.segment_sizes.load, key),
    )


@strawberry.type(description="A profile entered or left a segment.")
class MembershipChange:
    change: strawberry.Private[StoredChange]
    ctx: strawberry.Private[Context]
    segment: Segment = described("The segment.")
    cursor: str = described("Send it as `after` to go on behind this change.")

    @resolved("Which way.")
    def kind(self) -> MembershipChangeKind:
        if self.change.entered:
            return MembershipChangeKind.ENTERED
        return MembershipChangeKind.EXITED

    @resolved("The profile as it was named then.")
    def profile_id(self) -> strawberry.ID:
        return strawberry.ID(self.change.profile_id)

    @resolved("Null where it was erased or merged away, and without profile:read.")
    async def profile(self) -> LazyProfile | None:
        found = await profile_types.profile_by_id(self.ctx, self.change.profile_id)
        return None if found is None or found.redirected_from is not None else found

    @resolved("When it was recorded.")
    def at(self) -> DateTime:
        return self.change.at

    @resolved("What made it change.")
    def cause(self) -> MembershipCause:
        return MembershipCause[self.change.cause.name]

    @resolved("The event that caused it, where one did. Null without profile:read.")
    async def event(self) -> LazyEvent | None:
        if self.change.event is None or not self.ctx.may(Scope.PROFILE_READ):
            return None
        return await event_types.event_by_id(self.ctx, self.change.event)
