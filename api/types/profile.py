"""Profiles: GraphQL Profile and its pages."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import strawberry

from api.auth import Scope
from api.context import Context
from api.errors import ArgumentError
from api.masking import masked_traits
from api.platform import Summary
from api.types import change as change_types
from api.types import event as event_types
from api.types import evidence as evidence_types
from api.types import facts as fact_types
from api.types import identifier as identifier_types
from api.types import item as item_types
from api.types import segment as segment_types
from api.types.common import (
    After,
    Connection,
    Edge,
    First,
    Since,
    Until,
    described,
    page_info,
    resolved,
)
from api.types.enums import RecommendationPolicy
from api.types.inputs import IdentifierInput, where_of
from api.types.lazy import (
    LazyChangeConnection,
    LazyConsent,
    LazyCounters,
    LazyEventConnection,
    LazyIdentifierConnection,
    LazyIdentityGraph,
    LazyLinkPath,
    LazyMembershipConnection,
    LazySegmentTrace,
    LazySessionConnection,
    LazyTrait,
)
from api.types.scalars import JSON, DateTime
from graph_schema.model.profile import Profile as StoredProfile

GRAPH_LIMIT = 200
_LARGEST_GRAPH = 1_000


@strawberry.type(
    description="A person, or a device whose person is not known: identifiers that belong together."
)
class Profile:
    value: strawberry.Private[StoredProfile]
    ctx: strawberry.Private[Context]
    redirected_from: strawberry.ID | None = described(
        "The id that was asked for, where it is not this profile's own.", default=None
    )

    @resolved("Opaque; retired ids keep answering.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.value.id)

    @resolved(
        "The moment of knowledge of this answer; null is now. Clients with a normalised cache must key "
        "Profile by id and asOf."
    )
    def as_of(self) -> DateTime | None:
        return self.ctx.as_of

    @resolved("The earliest event.")
    def first_seen_at(self) -> DateTime:
        return self.value.first_at

    @resolved("The latest event.")
    def last_seen_at(self) -> DateTime:
        return self.value.last_at

    @resolved("Whether a person's identifier (user id, e-mail, phone) is among its identifiers.")
    def identified(self) -> bool:
        return self._summary().identified

    @resolved("Name to value. Values of PII traits are masked without pii:read.")
    def traits(self) -> JSON:
        traits = {
            name: fact.value
            for name, fact in self.value.tally.traits.items()
            if fact.value is not None
        }
        return traits if self.ctx.pii else masked_traits(traits)

    @resolved("One trait with source and time; null where the profile has none of that name.")
    async def trait(
        self, name: Annotated[str, strawberry.argument(description="The trait's name.")]
    ) -> LazyTrait | None:
        traits = await self._traits((name,))
        return traits[0] if traits else None

    @resolved("The same traits with source and time.")
    async def trait_list(
        self,
        names: Annotated[
            list[str] | None, strawberry.argument(description="Only traits of these names.")
        ] = None,
    ) -> list[LazyTrait]:
        known = self.value.tally.traits
        wanted = sorted(known) if names is None else dict.fromkeys(names)
        return await self._traits(tuple(wanted))

    async def _traits(self, names: tuple[str, ...]) -> list[LazyTrait]:
        present = tuple(n for n in names if self._has_trait(n))
        if not present:
            return []
        found = await self.ctx.loaders.trait_values(present).load(self.value.id)
        return [
            fact_types.Trait(ctx=self.ctx, name=name, statements=found[name])
            for name in present
            if found.get(name)
        ]

    def _has_trait(self, name: str) -> bool:
        fact = self.value.tally.traits.get(name)
        return fact is not None and fact.value is not None

    @resolved("Typed, so that they can be selected, documented and deprecated.")
    def counters(self) -> LazyCounters:
        return fact_types.Counters(ctx=self.ctx, profile=self.value)

    @resolved("What the person agreed to, by category.")
    def consent(self) -> list[LazyConsent]:
        return [
            fact_types.Consent(ctx=self.ctx, summary=summary) for summary in self._summary().consent
        ]

    def _summary(self) -> Summary:
        return self.ctx.summary(self.value)

    @resolved("The names under which it is seen, the strongest first.")
    async def identifiers(
        self,
        first: First,
        after: After = None,
        namespace: Annotated[
            list[str] | None, strawberry.argument(description="Only of these namespaces.")
        ] = None,
    ) -> LazyIdentifierConnection:
        wanted = None if namespace is None else tuple(namespace)
        cursors = self.ctx.cursors("Profile.identifiers", self.value.id, wanted)
        span = cursors.span(first, after)
        page = await self.ctx.loaders.profile_identifiers(wanted, span).load(self.value.id)
        counts = self.ctx.loaders.identifier_counts(wanted)
        edges = [
            identifier_types.IdentifierEdge(
                place=partial(cursors.of, (one.rank, one.first_at, one.key)),
                node=identifier_types.Identifier(value_=one, ctx=self.ctx),
            )
            for one in page.items
        ]
        return identifier_types.IdentifierConnection(
            edges=edges,
            page_info=page_info(edges, page.has_next, after),
            counting=partial(counts.load, self.value.id),
        )

    @resolved("Newest first.")
    async def sessions(
        self, first: First, after: After = None, since: Since = None, until: Until = None
    ) -> LazySessionConnection:
        return await event_types.profile_sessions(
            self.ctx, self.value.id, first, after, since, until
        )

    @resolved("Newest first, by (at, id).")
    async def events(
        self,
        first: First,
        after: After = None,
        name: Annotated[
            list[str] | None, strawberry.argument(description="Only events of these names.")
        ] = None,
        since: Since = None,
        until: Until = None,
    ) -> LazyEventConnection:
        names = None if name is None else tuple(name)
        return await event_types.profile_events(
            self.ctx, self.value.id, names, first, after, since, until
        )

    @resolved("The segments that it is in now. Null without segment:read.")
    async def segments(self, first: First, after: After = None) -> LazyMembershipConnection | None:
        if not self.ctx.may(Scope.SEGMENT_READ):
            return None
        return await segment_types.memberships(self.ctx, self.value.id, first, after)

    @resolved("Why it is, or is not, in one segment. Null without segment:read.")
    async def segment_trace(
        self, segment: Annotated[str, strawberry.argument(description="The segment's key.")]
    ) -> LazySegmentTrace | None:
        if not self.ctx.may(Scope.SEGMENT_READ):
            return None
        return await segment_types.trace(self.ctx, self.value.id, segment)

    @resolved("Joined evidence first, then refused; at most limit nodes.")
    async def identity_graph(
        self,
        limit: Annotated[
            int | None, strawberry.argument(description="How many identifiers, from 1 to 1000.")
        ] = GRAPH_LIMIT,
    ) -> LazyIdentityGraph:
        wanted = GRAPH_LIMIT if limit is None else limit
        if not 1 <= wanted <= _LARGEST_GRAPH:
            raise ArgumentError(reason=f"limit must be between 1 and {_LARGEST_GRAPH}.")
        graph = await self.ctx.loaders.identity_graphs(wanted).load(self.value.anchor)
        return await evidence_types.identity_graph(self.ctx, graph)

    @resolved("Why two identifiers of this profile hang together; null where one is not of it.")
    async def why(
        self,
        a: Annotated[IdentifierInput, strawberry.argument(description="One identifier.")],
        b: Annotated[IdentifierInput, strawberry.argument(description="The other.")],
    ) -> LazyLinkPath | None:
        asked = (self.value.id, (a.namespace, a.value), (b.namespace, b.value))
        return evidence_types.link_path(self.ctx, await self.ctx.loaders.links.load(asked))

    @resolved("What became of it, and of the profiles that it was made of, newest first.")
    async def history(self, first: First, after: After = None) -> LazyChangeConnection:
        return await change_types.profile_history(self.ctx, self.value.id, first, after)

    @resolved("Null without recommend:read, while no recommender can answer, and with asOf.")
    async def recommendations(
        self,
        first: First,
        where: item_types.Where = None,
        policy: item_types.Policy = RecommendationPolicy.DISCOVER,
        diversity: item_types.Diversity = 0.0,
    ) -> item_types.RecommendationConnection | None:
        if not self.ctx.may(Scope.RECOMMEND_READ) or self.ctx.as_of is not None:
            return None
        return await item_types.recommended(
            self.ctx,
            profile_id=self.value.id,
            item_ids=(),
            context=None,
            where=where_of(where),
            policy=policy,
            diversity=diversity,
            first=first,
        )


async def profile_by_id(ctx: Context, id_: str | None) -> Profile | None:
    """The profile that an id stands for today, for those who may read profiles."""
    if id_ is None or not ctx.may(Scope.PROFILE_READ):
        return None
    found = await ctx.loaders.profiles.load(id_)
    return None if found is None else profile_as(ctx, found, asked=id_)


def profile_as(ctx: Context, value: StoredProfile, asked: str) -> Profile:
    """A profile, marked where another id was asked for."""
    redirected = strawberry.ID(asked) if asked != value.id else None
    return Profile(value=value, ctx=ctx, redirected_from=redirected)


@strawberry.type(description="A profile in a list.")
class ProfileEdge(Edge):
    node: Profile = described("The profile.")


@strawberry.type(description="A page of profiles.")
class ProfileConnection(Connection):
    edges: list[ProfileEdge] = described("The profiles of this page.")
