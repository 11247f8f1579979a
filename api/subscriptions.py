"""Streams: what became different, as it does.

A stream pulls: it asks the change feed for the next entry when the client has taken the last
answer. So a slow client holds back its own stream and nothing piles up for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, cast

import strawberry

from api.auth import Scope
from api.context import Context, Info
from api.types import change as change_types
from api.types.common import After, streamed
from api.types.profile import Profile, profile_as
from api.types.segment import MembershipChange, segment_by_key
from graph_schema.model.change import (
    FeedEntry,
    IdentityChange,
    ItemsTouched,
    ProfilesTouched,
    beyond,
)
from graph_schema.model.change import MembershipChange as StoredMembershipChange


@strawberry.type(
    description="Each stream may be resumed: after takes the last cursor that was seen. A profile "
    "that is erased ends its stream."
)
class Subscription:
    @streamed(
        "The profile the id stands for, now and after each change; after a merge it is "
        "the survivor, with redirectedFrom."
    )
    async def profile_changed(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the contract's name
            strawberry.ID, strawberry.argument(description="A profile's id.")
        ],
    ) -> AsyncIterator[Profile]:
        info.context.need(Scope.PROFILE_READ)
        async with aclosing(_profile_changes(info.context, str(id))) as profiles:
            async for profile in profiles:
                yield profile

    @streamed("Who enters and leaves a segment.")
    async def segment_membership_changed(
        self,
        info: Info,
        segment: Annotated[str, strawberry.argument(description="The segment's key.")],
        after: After = None,
    ) -> AsyncIterator[MembershipChange]:
        info.context.need(Scope.SEGMENT_READ)
        async with aclosing(_membership_changes(info.context, segment, after)) as changes:
            async for change in changes:
                yield change

    @streamed("Profiles that become other profiles.")
    async def identity_changed(
        self, info: Info, after: After = None
    ) -> AsyncIterator[change_types.Change]:
        info.context.need(Scope.PROFILE_READ)
        async with aclosing(_identity_changes(info.context, after)) as changes:
            async for change in changes:
                yield change


async def _profile_changes(ctx: Context, asked: str) -> Any:
    """The position is taken before the first reading: a change between the two comes twice, never
    not at all."""
    position = await ctx.platform.feed.position()
    current = await _now(ctx, asked)
    if current is None:
        return
    yield current
    async with aclosing(_entries(ctx, position)) as entries:
        async for entry in entries:
            if not _touches(entry, {asked, current.value.id}):
                continue
            current = await _now(ctx, asked)
            if current is None:
                return
            yield current


async def _now(ctx: Context, asked: str) -> Profile | None:
    fresh = Context(ctx.platform, ctx.principal, ctx.request, ctx.seal)
    found = await fresh.loaders.profiles.load(asked)
    return None if found is None else profile_as(fresh, found, asked=asked)


def _touches(entry: FeedEntry, ids: set[str]) -> bool:
    change = entry.change
    if isinstance(change, ProfilesTouched):
        return not ids.isdisjoint(change.ids)
    if isinstance(change, ItemsTouched):
        return False
    if isinstance(change, IdentityChange):
        return any(part.profile_id in ids for part in (*change.before, *change.after))
    return change.profile_id in ids


async def _membership_changes(ctx: Context, segment: str, after: str | None) -> Any:
    cursors = ctx.cursors("segmentMembershipChanged", segment)
    position = await ctx.platform.feed.position() if after is None else cursors.read(after)
    async with aclosing(_entries(ctx, position)) as entries:
        async for entry in entries:
            position = beyond(position, entry)
            change = entry.change
            if not isinstance(change, StoredMembershipChange) or change.segment != segment:
                continue
            fresh = Context(ctx.platform, ctx.principal, ctx.request, ctx.seal)
            found = await segment_by_key(fresh, segment)
            if found is not None:
                yield MembershipChange(
                    change=change, ctx=fresh, segment=found, cursor=cursors.of(position)
                )


async def _identity_changes(ctx: Context, after: str | None) -> Any:
    cursors = ctx.cursors("identityChanged")
    position = await ctx.platform.feed.position() if after is None else cursors.read(after)
    async with aclosing(_entries(ctx, position)) as entries:
        async for entry in entries:
            position = beyond(position, entry)
            if isinstance(entry.change, IdentityChange):
                fresh = Context(ctx.platform, ctx.principal, ctx.request, ctx.seal)
                yield change_types.Change(
                    change=entry.change, ctx=fresh, place=cursors.of(position)
                )


def _entries(ctx: Context, position: tuple[int, ...]) -> Any:
    return cast("Any", ctx.platform.feed.follow(position))
