"""Identity changes: GraphQL Change, ChangePart and their pages."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.context import Context
from api.types import event as event_types
from api.types import identifier as identifier_types
from api.types import profile as profile_types
from api.types.common import Connection, Edge, described, resolved
from api.types.enums import ChangeKind, ChangeStatus
from api.types.scalars import DateTime
from graph_schema.model.change import CausedBy, IdentityChange
from graph_schema.model.change import ChangePart as StoredPart


@strawberry.type(description="One profile before or after a change.")
class ChangePart:
    part: strawberry.Private[StoredPart]
    ctx: strawberry.Private[Context]

    @resolved("The profile's id at that moment.")
    def profile_id(self) -> strawberry.ID:
        return strawberry.ID(self.part.profile_id)

    @resolved("What it held.")
    async def identifiers(self) -> list[identifier_types.Identifier]:
        return await identifier_types.identifiers_by_keys(self.ctx, self.part.identifiers)

    @resolved("The profile that this id stands for today.")
    async def profile(self) -> profile_types.Profile | None:
        return await profile_types.profile_by_id(self.ctx, self.part.profile_id)


ChangeCause = Annotated[
    event_types.Event, strawberry.union("ChangeCause", description="What can change identity.")
]


@strawberry.type(description="Profiles that became other profiles.")
class Change:
    change: strawberry.Private[IdentityChange]
    ctx: strawberry.Private[Context]

    @resolved("Opaque; derived from the cause, so that it outlives a rebuild.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.change.id)

    @resolved("How it came out.")
    def kind(self) -> ChangeKind:
        return ChangeKind[self.change.kind.name]

    @resolved("How far it has come.")
    def status(self) -> ChangeStatus:
        return ChangeStatus.APPLIED

    @resolved("When it was recorded.")
    def at(self) -> DateTime:
        return self.change.at

    @resolved("What caused it. Null once the event is pruned.")
    async def cause(self) -> ChangeCause | None:
        if self.change.by is not CausedBy.EVENT:
            return None
        return await event_types.event_by_id(self.ctx, self.change.cause)

    @resolved("The profiles before it.")
    def before(self) -> list[ChangePart]:
        return [ChangePart(part=part, ctx=self.ctx) for part in self.change.before]

    @resolved("The profiles after it.")
    def after(self) -> list[ChangePart]:
        return [ChangePart(part=part, ctx=self.ctx) for part in self.change.after]

    @resolved("Its place in the audit trail, opaque.")
    def cursor(self) -> str:
        return self.ctx.cursors("changes").of((self.change.id,))


@strawberry.type(description="A change in a list.")
class ChangeEdge(Edge):
    node: Change = described("The change.")


@strawberry.type(description="A page of changes.")
class ChangeConnection(Connection):
    edges: list[ChangeEdge] = described("The changes of this page.")
