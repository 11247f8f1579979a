"""Identity changes: GraphQL Change, ChangePart and their pages."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import strawberry

from api.auth import Scope
from api.connections import Cursors
from api.context import Context
from api.types import event as event_types
from api.types import identifier as identifier_types
from api.types import profile as profile_types
from api.types.common import Connection, Count, Edge, described, page_info, resolved
from api.types.enums import ChangeKind, ChangeStatus
from api.types.scalars import DateTime
from graph_schema.model.change import CausedBy, FeedEntry, IdentityChange
from graph_schema.model.change import ChangePart as StoredPart
from graph_schema.model.evidence import Decision as StoredDecision
from graph_schema.model.rules import RulesVersion as StoredRulesVersion
from graph_schema.store import Page


@strawberry.type(description="One profile before or after a change.")
class ChangePart:
    part: strawberry.Private[StoredPart]
    ctx: strawberry.Private[Context]

    @resolved("The profile's id at that moment.")
    def profile_id(self) -> strawberry.ID:
        return strawberry.ID(self.part.profile_id)

    @resolved("What it held. Empty without profile:read.")
    async def identifiers(self) -> list[identifier_types.Identifier]:
        if not self.ctx.may(Scope.PROFILE_READ):
            return []
        return await identifier_types.identifiers_by_keys(self.ctx, self.part.identifiers)

    @resolved("The profile that this id stands for today.")
    async def profile(self) -> profile_types.Profile | None:
        return await profile_types.profile_by_id(self.ctx, self.part.profile_id)


@strawberry.type(description="A person's word on who is who.")
class Decision:
    decision: strawberry.Private[StoredDecision]

    @resolved("Opaque.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.decision.id)

    @resolved("Who decided.")
    def actor(self) -> str:
        return self.decision.actor

    @resolved("Why, in the person's own words.")
    def note(self) -> str | None:
        return self.decision.note

    @resolved("When it was recorded.")
    def at(self) -> DateTime:
        return self.decision.at


@strawberry.type(description="Rules of identity that were put in force.")
class RulesVersion:
    known: strawberry.Private[StoredRulesVersion]

    @resolved("Its number; those that the graph began with are 1.")
    def version(self) -> int:
        return self.known.version

    @resolved("Who put them in force.")
    def actor(self) -> str:
        return self.known.actor

    @resolved("When it was recorded.")
    def at(self) -> DateTime:
        return self.known.rec


ChangeCause = Annotated[
    event_types.Event | Decision | RulesVersion,
    strawberry.union("ChangeCause", description="What can change identity."),
]


@strawberry.type(description="Profiles that became other profiles.")
class Change:
    change: strawberry.Private[IdentityChange]
    ctx: strawberry.Private[Context]
    place: strawberry.Private[str | None] = None

    @resolved("Opaque; derived from the cause, so that it outlives a rebuild.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.change.id)

    @resolved("How it came out.")
    def kind(self) -> ChangeKind:
        return ChangeKind[self.change.kind.name]

    @resolved("How far it has come.")
    def status(self) -> ChangeStatus:
        return ChangeStatus[self.change.status.name]

    @resolved("When it was recorded.")
    def at(self) -> DateTime:
        return self.change.at

    @resolved("What caused it. Null once the event is pruned.")
    async def cause(self) -> ChangeCause | None:
        if self.change.by is CausedBy.EVENT:
            return await event_types.event_by_id(self.ctx, self.change.cause)
        if self.change.by is CausedBy.RULES:
            version = await self.ctx.loaders.rules.load(self.change.cause)
            return None if version is None else RulesVersion(known=version)
        found = await self.ctx.loaders.decisions.load(self.change.cause)
        return None if found is None else Decision(decision=found)

    @resolved("The profiles before it.")
    def before(self) -> list[ChangePart]:
        return [ChangePart(part=part, ctx=self.ctx) for part in self.change.before]

    @resolved("The profiles after it.")
    def after(self) -> list[ChangePart]:
        return [ChangePart(part=part, ctx=self.ctx) for part in self.change.after]

    @resolved("The change that this one takes back.")
    async def undoes(self) -> Change | None:
        return await change_by_id(self.ctx, self.change.undoes)

    @resolved("The change in force that takes this one back.")
    async def undone_by(self) -> Change | None:
        standing = await self.ctx.loaders.standings.load(self.change.id)
        return await change_by_id(self.ctx, standing.undone_by)

    @resolved("Whether it can be taken back now.")
    async def undoable(self) -> bool:
        return (await self.ctx.loaders.standings.load(self.change.id)).undoable

    @resolved(
        "Of a stream: its place, to go on from. Elsewhere it only tells one change from another."
    )
    def cursor(self) -> str:
        return self.place or self.ctx.cursors("changes").of((self.change.id,))


async def change_by_id(ctx: Context, id_: str | None) -> Change | None:
    """Also one that waits in the log."""
    found = None if id_ is None else await ctx.loaders.changes.load(id_)
    return None if found is None else Change(change=found, ctx=ctx)


@strawberry.type(description="A change in a list.")
class ChangeEdge(Edge):
    node: Change = described("The change.")


@strawberry.type(description="A page of changes.")
class ChangeConnection(Connection):
    edges: list[ChangeEdge] = described("The changes of this page.")


def change_connection(
    ctx: Context, cursors: Cursors, page: Page[FeedEntry], after: str | None, counting: Count
) -> ChangeConnection:
    edges = [
        ChangeEdge(
            place=partial(cursors.of, (entry.rec, entry.change.id)),
            node=Change(change=entry.change, ctx=ctx),
        )
        for entry in page.items
        if isinstance(entry.change, IdentityChange)
    ]
    return ChangeConnection(
        edges=edges, page_info=page_info(edges, page.has_next, after), counting=counting
    )


async def profile_history(
    ctx: Context, profile_id: str, first: int, after: str | None
) -> ChangeConnection:
    """What became of a profile, and of those that it was made of, newest first."""
    cursors = ctx.cursors("Profile.history", profile_id)
    page = await ctx.loaders.histories(cursors.span(first, after)).load(profile_id)
    counting = partial(ctx.loaders.history_counts.load, profile_id)
    return change_connection(ctx, cursors, page, after, counting)
