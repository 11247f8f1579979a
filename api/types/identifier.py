"""Identifiers: GraphQL Identifier and its pages."""

from __future__ import annotations

from collections.abc import Sequence

import strawberry

from api.context import Context
from api.masking import MASK
from api.types import profile as profile_types
from api.types.common import Connection, Edge, described, resolved
from api.types.enums import IdentifierStatus
from api.types.lazy import LazyProfile
from api.types.scalars import DateTime
from graph_schema.model.identifier import Identifier as StoredIdentifier
from graph_schema.model.identifier import parse_key


@strawberry.type(description="A name under which a person, or a device, is seen.")
class Identifier:
    value_: strawberry.Private[StoredIdentifier]
    ctx: strawberry.Private[Context]

    @resolved("What kind of name it is.")
    def namespace(self) -> str:
        return self.value_.namespace

    @resolved("Masked without pii:read.")
    def value(self) -> str:
        if not self.ctx.pii and self.value_.namespace in self.ctx.moment.profiles.pii_namespaces:
            return MASK
        return self.value_.value

    @resolved("What identity resolution makes of it.")
    def status(self) -> IdentifierStatus:
        return IdentifierStatus[self.value_.status.name]

    @resolved("When it was first seen, by event time.")
    def first_seen_at(self) -> DateTime:
        return self.value_.first_at

    @resolved("When it was last seen, by event time.")
    def last_seen_at(self) -> DateTime:
        return self.value_.last_at

    @resolved("The profile that holds it now. Null for blocked values.")
    async def profile(self) -> LazyProfile | None:
        return await profile_types.profile_by_id(self.ctx, self.value_.profile)


async def identifier_by_key(ctx: Context, key: str) -> Identifier:
    """The identifier of a key that a fact names; one that the graph no longer keeps answers what
    its key says."""
    found = await ctx.loaders.identifiers.load(key)
    if found is None:
        namespace, _, value = parse_key(key)
        found = StoredIdentifier(
            key=key, id="", namespace=namespace, value=value, rank=0,
            first_at=0, last_at=0, profile=None,
        )  # fmt: skip
    return Identifier(value_=found, ctx=ctx)


async def identifiers_by_keys(ctx: Context, keys: Sequence[str]) -> list[Identifier]:
    """As `identifier_by_key`, asking once for all of them."""
    for key in keys:
        ctx.loaders.identifiers.load(key)
    return [await identifier_by_key(ctx, key) for key in keys]


@strawberry.type(description="An identifier in a list.")
class IdentifierEdge(Edge):
    node: Identifier = described("The identifier.")


@strawberry.type(description="A page of identifiers.")
class IdentifierConnection(Connection):
    edges: list[IdentifierEdge] = described("The identifiers of this page.")
