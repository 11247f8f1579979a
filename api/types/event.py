"""What happened: GraphQL Event, Session, Device and their pages."""

from __future__ import annotations

from functools import partial

import strawberry

from api.context import Context
from api.masking import masked_context, masked_properties
from api.types import identifier as identifier_types
from api.types import item as item_types
from api.types import profile as profile_types
from api.types.common import (
    After,
    Connection,
    Edge,
    First,
    Money,
    described,
    page_info,
    resolved,
)
from api.types.enums import EventType
from api.types.lazy import (
    LazyIdentifier,
    LazyProfile,
)
from api.types.scalars import JSON, DateTime, Decimal
from graph_schema.model.item import Item as StoredItem
from graph_schema.model.time import Micros
from graph_schema.store import Page, StoredEvent, StoredSession


@strawberry.type(description="A product that an event names.")
class EventItem:
    item: item_types.Item = described("The item of the catalogue.")
    quantity: Decimal | None = described("How many pieces; null where none was sent.")
    price: Money | None = described("Of one piece; null where none was sent.")


@strawberry.type(description="One call of a client.")
class Event:
    stored: strawberry.Private[StoredEvent]
    ctx: strawberry.Private[Context]

    @resolved("Opaque.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"e_{self.stored.event.message_id}")

    @resolved("The client's own id of the call.")
    def message_id(self) -> str:
        return self.stored.event.message_id

    @resolved("Which call it was.")
    def type(self) -> EventType:
        return EventType[self.stored.event.type.name]

    @resolved("The track event's name; else the type in lower case.")
    def name(self) -> str:
        return self.stored.event.name

    @resolved("When it happened, corrected for the client's clock.")
    def at(self) -> DateTime:
        return self.stored.event.at

    @resolved("When the server took it.")
    def received_at(self) -> DateTime:
        return self.stored.event.received_at

    @resolved("When the graph came to know it: the clock of asOf.")
    def recorded_at(self) -> DateTime:
        return self.stored.rec

    @resolved("Which write key's source sent it.")
    def source(self) -> str:
        return self.stored.event.source

    @resolved("As sent. Personal ones, such as an e-mail, are masked without pii:read.")
    def properties(self) -> JSON:
        properties = self.stored.event.properties
        return properties if self.ctx.pii else masked_properties(properties)

    @resolved("As sent, without traits. Masked without pii:read.")
    def context(self) -> JSON:
        context = self.stored.event.context
        return context if self.ctx.pii else masked_context(context)

    @resolved("The products it names, in their order.")
    async def items(self) -> list[EventItem]:
        lines = self.ctx.moment.profiles.lines(self.stored.event)
        waiting = [self.ctx.loaders.items.load(line.item_id) for line in lines]
        found = []
        for line, known in zip(lines, waiting, strict=True):
            item = await known or StoredItem(id=line.item_id, updated_at=self.stored.event.at)
            price = None if line.price is None else Money(amount=line.price, currency=line.currency)
            found.append(
                EventItem(
                    item=item_types.Item(value=item, ctx=self.ctx),
                    quantity=line.quantity,
                    price=price,
                )
            )
        return found

    @resolved("The visit in which it happened.")
    async def session(self) -> Session | None:
        found = await self.ctx.loaders.sessions.load(self.stored.session)
        return None if found is None else Session(stored=found, ctx=self.ctx)

    @resolved("Whose it is now; null where all its identifiers are blocked.")
    async def profile(self) -> LazyProfile | None:
        return await profile_types.profile_by_id(self.ctx, self.stored.profile)


async def event_by_id(ctx: Context, message_id: str) -> Event | None:
    """Null once the event is pruned."""
    found = await ctx.loaders.events.load(message_id)
    return None if found is None else Event(stored=found, ctx=ctx)


@strawberry.type(description="What a session ran on, as far as its events say.")
class Device:
    kind: str | None = described("mobile, tablet, desktop, server …")
    user_agent_family: str | None = described("The browser or client, without its version.")
    os: str | None = described("The operating system.")
    locale: str | None = described("The language and country that the client states.")
    timezone: str | None = described("The time zone that the client states.")
    screen: str | None = described("Width x height.")
    country: str | None = described("The country, where it is known.")
    ip_prefix: str | None = described("/24 of IPv4, /48 of IPv6.")


@strawberry.type(description="A visit: events of one device without a gap of half an hour.")
class Session:
    stored: strawberry.Private[StoredSession]
    ctx: strawberry.Private[Context]

    @resolved("Opaque; an older id answers the session that holds its event now.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"s_{self.stored.session.id}")

    @resolved("Its first event.")
    def started_at(self) -> DateTime:
        return self.stored.session.started_at

    @resolved("Its last event.")
    def ended_at(self) -> DateTime:
        return self.stored.session.ended_at

    @resolved("What it ran on.")
    def device(self) -> Device:
        facts = self.stored.session.facts
        return Device(
            kind=facts.kind,
            user_agent_family=facts.user_agent_family,
            os=facts.os,
            locale=facts.locale,
            timezone=facts.timezone,
            screen=facts.screen,
            country=facts.country,
            ip_prefix=facts.ip_prefix,
        )

    @resolved("The device's identifier.")
    async def identifier(self) -> LazyIdentifier:
        return await identifier_types.identifier_by_key(self.ctx, self.stored.session.device)

    @resolved("The user who logged in within it.")
    async def user(self) -> LazyIdentifier | None:
        user = self.stored.session.user
        return None if user is None else await identifier_types.identifier_by_key(self.ctx, user)

    @resolved("Whose it is now; null where all its identifiers are blocked.")
    async def profile(self) -> LazyProfile | None:
        return await profile_types.profile_by_id(self.ctx, self.stored.profile)

    @resolved("How many events.")
    def event_count(self) -> int:
        return self.stored.session.tally.events

    @resolved("Oldest first, by (at, id).")
    async def events(self, first: First, after: After = None) -> EventConnection:
        session = self.stored.session
        cursors = self.ctx.cursors("Session.events", session.id)
        page = await self.ctx.loaders.session_events(cursors.span(first, after)).load(session.id)

        async def count() -> int:
            return session.tally.events

        edges = [
            EventEdge(
                place=partial(cursors.of, (one.event.at, one.event.message_id)),
                node=Event(stored=one, ctx=self.ctx),
            )
            for one in page.items
        ]
        return EventConnection(
            edges=edges, page_info=page_info(edges, page.has_next, after), counting=count
        )


@strawberry.type(description="A session in a list.")
class SessionEdge(Edge):
    node: Session = described("The session.")


@strawberry.type(description="A page of sessions.")
class SessionConnection(Connection):
    edges: list[SessionEdge] = described("The sessions of this page.")


@strawberry.type(description="An event in a list.")
class EventEdge(Edge):
    node: Event = described("The event.")


@strawberry.type(description="A page of events.")
class EventConnection(Connection):
    edges: list[EventEdge] = described("The events of this page.")


async def profile_events(
    ctx: Context,
    profile_id: str,
    names: tuple[str, ...] | None,
    first: int,
    after: str | None,
    since: Micros | None,
    until: Micros | None,
) -> EventConnection:
    """A page of a profile's events, newest first."""
    cursors = ctx.cursors("Profile.events", profile_id, names, since, until)
    span = cursors.span(first, after, since, until)
    page: Page[StoredEvent] = await ctx.loaders.profile_events(names, span).load(profile_id)
    whole = cursors.span(first, None, since, until)
    counts = ctx.loaders.event_counts(names, whole)
    edges = [
        EventEdge(
            place=partial(cursors.of, (one.event.at, one.event.message_id)),
            node=Event(stored=one, ctx=ctx),
        )
        for one in page.items
    ]
    return EventConnection(
        edges=edges,
        page_info=page_info(edges, page.has_next, after),
        counting=partial(counts.load, profile_id),
    )


async def profile_sessions(
    ctx: Context,
    profile_id: str,
    first: int,
    after: str | None,
    since: Micros | None,
    until: Micros | None,
) -> SessionConnection:
    """A page of a profile's sessions, newest first."""
    cursors = ctx.cursors("Profile.sessions", profile_id, since, until)
    span = cursors.span(first, after, since, until)
    page = await ctx.loaders.profile_sessions(span).load(profile_id)

    async def count() -> int | None:
        if since is not None or until is not None:
            return None
        return await ctx.loaders.session_counts.load(profile_id)

    edges = [
        SessionEdge(
            place=partial(cursors.of, (one.session.started_at, one.session.id)),
            node=Session(stored=one, ctx=ctx),
        )
        for one in page.items
    ]
    return SessionConnection(
        edges=edges, page_info=page_info(edges, page.has_next, after), counting=count
    )
