"""Profiles and their identifiers: GraphQL Profile, Trait, Counters, Consent, Identifier."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import strawberry

from api.auth import Scope
from api.context import Context
from api.masking import MASK, masked_traits, personal_trait
from api.platform import ConsentSummary, Summary
from api.platform import TraitValue as TraitStatement
from api.types import event as event_types
from api.types import item as item_types
from api.types import segment as segment_types
from api.types.common import (
    After,
    Connection,
    Edge,
    First,
    Money,
    Since,
    Until,
    described,
    page_info,
    resolved,
)
from api.types.enums import ConsentValue, IdentifierStatus, RecommendationPolicy
from api.types.inputs import where_of
from api.types.lazy import (
    LazyEvent,
    LazyEventConnection,
    LazyMembershipConnection,
    LazySegmentTrace,
    LazySessionConnection,
)
from api.types.scalars import JSON, DateTime, Long
from graph_schema.model.identifier import Identifier as StoredIdentifier
from graph_schema.model.identifier import parse_key
from graph_schema.model.profile import Profile as StoredProfile
from graph_schema.model.tally import NameTally, TouchFact


@strawberry.input(description="An identifier of a person or a device.")
class IdentifierInput:
    namespace: str = described("user_id, email, phone, device_id, anonymous_id, or an external id.")
    value: str = described("As the client sent it; normalised here.")


@strawberry.type(description="A name under which a person, or a device, is seen.")
class Identifier:
    value_: strawberry.Private[StoredIdentifier]
    ctx: strawberry.Private[Context]

    @resolved("What kind of name it is.")
    def namespace(self) -> str:
        return self.value_.namespace

    @resolved("Masked without pii:read.")
    def value(self) -> str:
        if not self.ctx.pii and self.value_.namespace in self.ctx.platform.profiles.pii_namespaces:
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
    async def profile(self) -> Profile | None:
        return await profile_by_id(self.ctx, self.value_.profile)


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


@strawberry.type(description="A trait of a profile, with its source and time.")
class Trait:
    ctx: strawberry.Private[Context]
    statements: strawberry.Private[list[TraitStatement]]
    name: str = described("The trait's name.")

    @resolved("Masked for personal traits without pii:read.")
    def value(self) -> JSON:
        return _shown(self.ctx, self.name, self.statements[0].value)

    @resolved("When it was said, by event time.")
    def at(self) -> DateTime:
        return self.statements[0].at

    @resolved("The identifier that owns the session in which it was said.")
    async def identifier(self) -> Identifier:
        return await identifier_by_key(self.ctx, self.statements[0].identifier)

    @resolved("The event it came from; null once pruned.")
    async def event(self) -> LazyEvent | None:
        return await event_types.event_by_id(self.ctx, self.statements[0].event)

    @resolved("Older or losing values of this profile, newest first.")
    def others(self) -> list[TraitValue]:
        return [
            TraitValue(ctx=self.ctx, name=self.name, statement=statement)
            for statement in self.statements[1:]
        ]


@strawberry.type(description="A value that a trait had, or has in another session.")
class TraitValue:
    ctx: strawberry.Private[Context]
    name: strawberry.Private[str]
    statement: strawberry.Private[TraitStatement]

    @resolved("Masked for personal traits without pii:read.")
    def value(self) -> JSON:
        return _shown(self.ctx, self.name, self.statement.value)

    @resolved("When it was said, by event time.")
    def at(self) -> DateTime:
        return self.statement.at

    @resolved("The identifier that owns the session in which it was said.")
    async def identifier(self) -> Identifier:
        return await identifier_by_key(self.ctx, self.statement.identifier)


def _shown(ctx: Context, trait: str, value: Any) -> Any:
    return value if ctx.pii or not personal_trait(trait) else MASK


@strawberry.type(description="How often an event of that name happened.")
class EventCounter:
    tally: strawberry.Private[NameTally]
    name: str = described("The event's name.")

    @resolved("How many.")
    def count(self) -> Long:
        return self.tally.count

    @resolved("The first time.")
    def first_at(self) -> DateTime:
        return self.tally.first_at

    @resolved("The last time.")
    def last_at(self) -> DateTime:
        return self.tally.last_at


@strawberry.type(description="Where a visit came from.")
class Touch:
    at: DateTime = described("When.")
    source: str | None = described("The campaign's source, such as a newsletter.")
    medium: str | None = described("The campaign's medium, such as email.")
    campaign: str | None = described("The campaign's name.")
    referrer: str | None = described("The page that linked here; masked without pii:read.")


def _touch(ctx: Context, fact: TouchFact | None) -> Touch | None:
    if fact is None:
        return None
    referrer = fact.referrer if ctx.pii or fact.referrer is None else MASK
    return Touch(
        at=fact.at,
        source=fact.source,
        medium=fact.medium,
        campaign=fact.campaign,
        referrer=referrer,
    )


@strawberry.type(description="What a profile's events add up to.")
class Counters:
    ctx: strawberry.Private[Context]
    profile: strawberry.Private[StoredProfile]

    @resolved("How many events.")
    def events(self) -> Long:
        return self.profile.tally.events

    @resolved("How many sessions.")
    async def sessions(self) -> Long:
        return await self.ctx.loaders.session_counts.load(self.profile.id)

    @resolved("On how many days (UTC) something happened.")
    def active_days(self) -> int:
        return len(self.profile.tally.days)

    @resolved("Distinct orders that were completed and not cancelled.")
    def orders(self) -> Long:
        return self.ctx.summary(self.profile).orders

    @resolved("Completed minus refunded, for each currency.")
    def revenue(self) -> list[Money]:
        revenue = self.ctx.summary(self.profile).revenue
        return [
            Money(amount=amount, currency=currency) for currency, amount in sorted(revenue.items())
        ]

    @resolved("All event names, or those named.")
    def by_name(
        self,
        names: Annotated[
            list[str] | None, strawberry.argument(description="Only events of these names.")
        ] = None,
    ) -> list[EventCounter]:
        known = self.profile.tally.names
        wanted = sorted(known) if names is None else [n for n in dict.fromkeys(names) if n in known]
        return [EventCounter(name=name, tally=known[name]) for name in wanted]

    @resolved("Where the first visit came from.")
    def first_touch(self) -> Touch | None:
        return _touch(self.ctx, self.profile.tally.first_touch)

    @resolved("Where the last visit with a source came from.")
    def last_touch(self) -> Touch | None:
        return _touch(self.ctx, self.profile.tally.last_touch)


@strawberry.type(description="What a person said about one category of processing.")
class Consent:
    ctx: strawberry.Private[Context]
    summary: strawberry.Private[ConsentSummary]

    @resolved("The category, as the client names it.")
    def category(self) -> str:
        return self.summary.category

    @resolved("What was said.")
    def value(self) -> ConsentValue:
        return ConsentValue[self.summary.value]

    @resolved("When it was last said.")
    def at(self) -> DateTime:
        return self.summary.at

    @resolved("Under which identifiers it was said.")
    async def identifiers(self) -> list[Identifier]:
        return await identifiers_by_keys(self.ctx, self.summary.identifiers)


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
    ) -> Trait | None:
        traits = await self._traits((name,))
        return traits[0] if traits else None

    @resolved("The same traits with source and time.")
    async def trait_list(
        self,
        names: Annotated[
            list[str] | None, strawberry.argument(description="Only traits of these names.")
        ] = None,
    ) -> list[Trait]:
        known = self.value.tally.traits
        wanted = sorted(known) if names is None else dict.fromkeys(names)
        return await self._traits(tuple(wanted))

    async def _traits(self, names: tuple[str, ...]) -> list[Trait]:
        present = tuple(n for n in names if self._has_trait(n))
        if not present:
            return []
        found = await self.ctx.loaders.trait_values(present).load(self.value.id)
        return [
            Trait(ctx=self.ctx, name=name, statements=found[name])
            for name in present
            if found.get(name)
        ]

    def _has_trait(self, name: str) -> bool:
        fact = self.value.tally.traits.get(name)
        return fact is not None and fact.value is not None

    @resolved("Typed, so that they can be selected, documented and deprecated.")
    def counters(self) -> Counters:
        return Counters(ctx=self.ctx, profile=self.value)

    @resolved("What the person agreed to, by category.")
    def consent(self) -> list[Consent]:
        return [Consent(ctx=self.ctx, summary=summary) for summary in self._summary().consent]

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
    ) -> IdentifierConnection:
        wanted = None if namespace is None else tuple(namespace)
        cursors = self.ctx.cursors("Profile.identifiers", self.value.id, wanted)
        span = cursors.span(first, after)
        page = await self.ctx.loaders.profile_identifiers(wanted, span).load(self.value.id)
        counts = self.ctx.loaders.identifier_counts(wanted)
        edges = [
            IdentifierEdge(
                place=partial(cursors.of, (one.rank, one.first_at, one.key)),
                node=Identifier(value_=one, ctx=self.ctx),
            )
            for one in page.items
        ]
        return IdentifierConnection(
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

    @resolved("Null without recommend:read or while no recommender can answer.")
    async def recommendations(
        self,
        first: First,
        where: item_types.Where = None,
        policy: item_types.Policy = RecommendationPolicy.DISCOVER,
        diversity: item_types.Diversity = 0.0,
    ) -> item_types.RecommendationConnection | None:
        if not self.ctx.may(Scope.RECOMMEND_READ):
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


@strawberry.type(description="An identifier in a list.")
class IdentifierEdge(Edge):
    node: Identifier = described("The identifier.")


@strawberry.type(description="A page of identifiers.")
class IdentifierConnection(Connection):
    edges: list[IdentifierEdge] = described("The identifiers of this page.")


@strawberry.type(description="A profile in a list.")
class ProfileEdge(Edge):
    node: Profile = described("The profile.")


@strawberry.type(description="A page of profiles.")
class ProfileConnection(Connection):
    edges: list[ProfileEdge] = described("The profiles of this page.")
