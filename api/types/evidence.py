"""Why identifiers are one person's or are not: GraphQL Evidence, LinkPath, Separation, IdentityGraph."""

from __future__ import annotations

import strawberry

from api.auth import Scope
from api.context import Context
from api.platform import Apart
from api.types import change as change_types
from api.types import event as event_types
from api.types import identifier as identifier_types
from api.types.common import described, resolved
from api.types.enums import EvidenceKind, EvidenceStatus, RefusalRule
from api.types.lazy import LazyChange, LazyEvent, LazyIdentifier
from api.types.scalars import DateTime
from graph_schema.model.evidence import Edge
from graph_schema.model.explanation import EvidenceGraph
from graph_schema.model.explanation import LinkPath as StoredPath


@strawberry.type(description="What says that two identifiers are, or are not, one person's.")
class Evidence:
    edge: strawberry.Private[Edge]
    ctx: strawberry.Private[Context]

    @resolved("Opaque.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"v_{self.ctx.cursors('evidence').of(self.edge.key)}")

    @resolved("One identifier.")
    async def a(self) -> LazyIdentifier:
        return await identifier_types.identifier_by_key(self.ctx, self.edge.a)

    @resolved("The other.")
    async def b(self) -> LazyIdentifier:
        return await identifier_types.identifier_by_key(self.ctx, self.edge.b)

    @resolved("What kind of evidence it is.")
    def kind(self) -> EvidenceKind:
        return EvidenceKind[self.edge.kind.name]

    @resolved("Distinct half-hours in which both were seen together; 1 for decisions.")
    def count(self) -> int:
        return self.edge.count

    @resolved("The first time, by event time.")
    def first_at(self) -> DateTime:
        return self.edge.first_at

    @resolved("The last half-hour's first time.")
    def last_at(self) -> DateTime:
        return self.edge.last_at

    @resolved("What identity resolution made of it.")
    def status(self) -> EvidenceStatus:
        return EvidenceStatus[self.edge.status.name]

    @resolved("The rule that refuses it, where it is refused.")
    def refused_by(self) -> RefusalRule | None:
        rule = self.edge.refused_by
        return None if rule is None else RefusalRule[rule.name]

    @resolved("A bounded sample, newest first.")
    async def events(self) -> list[LazyEvent]:
        if not self.ctx.may(Scope.PROFILE_READ):
            return []
        mids = await self.ctx.loaders.sightings.load(self.edge.key)
        for mid in mids:
            self.ctx.loaders.events.load(mid)
        found = [await event_types.event_by_id(self.ctx, mid) for mid in mids]
        return [event for event in found if event is not None]

    @resolved("The decision behind confirmed and cannot_link.")
    async def change(self) -> LazyChange | None:
        id_ = await self.ctx.loaders.decided.load(self.edge)
        return await change_types.change_by_id(self.ctx, id_)


def evidence_of(ctx: Context, edges: tuple[Edge, ...]) -> list[Evidence]:
    return [Evidence(edge=edge, ctx=ctx) for edge in edges]


@strawberry.type(description="How two identifiers of one profile hang together.")
class LinkPath:
    steps: list[Evidence] = described("From a to b.")
    weakest: Evidence = described(
        "Without it the two would be apart, but for what is redundant today."
    )


def link_path(ctx: Context, path: StoredPath | None) -> LinkPath | None:
    if path is None:
        return None
    return LinkPath(
        steps=evidence_of(ctx, path.steps), weakest=Evidence(edge=path.weakest, ctx=ctx)
    )


@strawberry.type(description="What keeps two identifiers apart.")
class Separation:
    rule: RefusalRule | None = described("The rule that refused the nearest evidence.")
    refused: list[Evidence] = described(
        "The refused evidence nearest to the two, and the decisions that keep them apart; empty where "
        "nothing links them."
    )
    message: str = described("A sentence for a person.")


def separation(ctx: Context, apart: Apart | None) -> Separation | None:
    if apart is None:
        return None
    rule = apart.separation.rule
    return Separation(
        rule=None if rule is None else RefusalRule[rule.name],
        refused=evidence_of(ctx, apart.separation.refused),
        message=apart.message,
    )


@strawberry.type(description="A profile's identifiers and the evidence among them.")
class IdentityGraph:
    nodes: list[LazyIdentifier] = described(
        "The profile's own, the strongest first, then those at the other ends of its evidence."
    )
    edges: list[Evidence] = described("What joined first, then what was not needed, then refused.")
    truncated: bool = described("More nodes exist than were asked for.")


async def identity_graph(ctx: Context, graph: EvidenceGraph) -> IdentityGraph:
    return IdentityGraph(
        nodes=await identifier_types.identifiers_by_keys(ctx, graph.nodes),
        edges=evidence_of(ctx, graph.edges),
        truncated=graph.truncated,
    )
