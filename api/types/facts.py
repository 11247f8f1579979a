"""What a profile's sessions add up to: GraphQL Trait, Counters, Consent."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from api.context import Context
from api.masking import MASK, masked_trait
from api.platform import ConsentSummary
from api.platform import TraitValue as TraitStatement
from api.types import event as event_types
from api.types import identifier as identifier_types
from api.types.common import Money, described, resolved
from api.types.enums import ConsentValue
from api.types.lazy import LazyEvent, LazyIdentifier
from api.types.scalars import JSON, DateTime, Long
from graph_schema.model.profile import Profile as StoredProfile
from graph_schema.model.tally import NameTally, TouchFact


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
    async def identifier(self) -> LazyIdentifier:
        return await identifier_types.identifier_by_key(self.ctx, self.statements[0].identifier)

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
    async def identifier(self) -> LazyIdentifier:
        return await identifier_types.identifier_by_key(self.ctx, self.statement.identifier)


def _shown(ctx: Context, trait: str, value: Any) -> Any:
    return value if ctx.pii else masked_trait(trait, value)


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
    async def identifiers(self) -> list[LazyIdentifier]:
        return await identifier_types.identifiers_by_keys(self.ctx, self.summary.identifiers)
