"""Profiles, their identifiers, sessions and events, as the API asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from api.platform import ConsentSummary, Line, Summary, TraitValue
from cdp.platform.addressed import Addressed, page_of
from graph_schema.model.event import Event
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key, parse_key
from graph_schema.model.profile import Profile, ProfileIds
from graph_schema.model.rules import IdentityRules, Role
from graph_schema.reading import MomentReading
from graph_schema.store import GraphReading, Page, Span, StoredEvent, StoredSession
from identity import commerce, fold
from identity.normalise import Normaliser

_COUNTING_S = 2.0


class KnownProfiles:
    """Implements `api.platform.Profiles` on what was known at one moment."""

    def __init__(self, store: MomentReading, rules: IdentityRules) -> None:
        self._store = store
        self._rules = rules
        self._normaliser = Normaliser(rules)
        self.pii_namespaces = rules.personal

    def summary(self, profile: Profile) -> Summary:
        namespace, _, _ = parse_key(profile.anchor)
        return Summary(
            identified=self._rules.namespace(namespace).role is Role.PERSON,
            orders=fold.orders(profile.tally),
            revenue=fold.revenue(profile.tally),
            consent=tuple(
                ConsentSummary(category, state.value, state.at, state.identifiers)
                for category, state in sorted(fold.consent(profile.tally).items())
            ),
        )

    def lines(self, event: Event) -> tuple[Line, ...]:
        return tuple(
            Line(line.item_id, line.quantity_micros, line.price_micros, line.currency)
            for line in commerce.lines_of(event)
        )

    async def by_ids(self, ids: Sequence[str]) -> list[Profile | None]:
        return await self._store.profiles_by_ids(ids)

    async def by_identifiers(
        self, identifiers: Sequence[tuple[str, str]]
    ) -> list[Identifier | None]:
        keys = [self._normaliser.key(namespace, value) for namespace, value in identifiers]
        return await self.by_keys(keys)

    async def by_keys(self, keys: Sequence[Key]) -> list[Identifier | None]:
        return [self._shown(found) for found in await self._store.identifiers_by_keys(keys)]

    async def profile_ids_of(self, keys: Sequence[Key]) -> list[str | None]:
        found = await self._store.identifiers_by_keys(keys)
        return [identifier.profile if identifier else None for identifier in found]

    async def session_counts(self, ids: Sequence[str]) -> list[int]:
        return await self._store.session_counts(ids)

    async def identifiers(
        self, ids: Sequence[str], namespaces: Sequence[str] | None, span: Span
    ) -> list[Page[Identifier]]:
        pages = await self._store.identifier_pages(ids, namespaces, span)
        return [
            Page([shown for i in page.items if (shown := self._shown(i))], page.has_next)
            for page in pages
        ]

    async def identifier_counts(
        self, ids: Sequence[str], namespaces: Sequence[str] | None
    ) -> list[int]:
        return await self._store.identifier_counts(ids, namespaces)

    async def sessions(self, ids: Sequence[str], span: Span) -> list[Page[StoredSession]]:
        return await self._store.session_pages(ids, span)

    async def events(
        self, ids: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[Page[StoredEvent]]:
        return await self._store.event_pages(ids, names, span)

    async def event_counts(
        self, ids: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[int]:
        return await self._store.event_counts(ids, names, span)

    async def session_events(self, ids: Sequence[str], span: Span) -> list[Page[StoredEvent]]:
        return await self._store.session_event_pages(ids, span)

    async def sessions_by_ids(self, ids: Sequence[str]) -> list[StoredSession | None]:
        return await self._store.sessions_by_ids(ids)

    async def events_by_ids(self, message_ids: Sequence[str]) -> list[StoredEvent | None]:
        return await self._store.events_by_ids(message_ids)

    async def trait_values(
        self, ids: Sequence[str], names: Sequence[str]
    ) -> list[dict[str, list[TraitValue]]]:
        found = await self._store.session_tallies(ids)
        return [
            {
                name: [
                    TraitValue(fact.value, fact.at, session.owner or session.device, fact.mid)
                    for session in sorted(
                        (s for s in sessions if name in s.tally.traits),
                        key=lambda s: (s.tally.traits[name].at, s.tally.traits[name].mid),
                        reverse=True,
                    )
                    for fact in (session.tally.traits[name],)
                    if fact.value is not None
                ]
                for name in names
            }
            for sessions in found
        ]

    def _shown(self, identifier: Identifier | None) -> Identifier | None:
        """A device that was seen with too many people is shared (identity.md, "The rule"); the store
        calls it burned, since it leaves its evidence unread."""
        if identifier is None or identifier.status is not IdentifierStatus.BURNED:
            return identifier
        if self._rules.namespace(identifier.namespace).role is not Role.DEVICE:
            return identifier
        return msgspec.structs.replace(identifier, status=IdentifierStatus.SHARED)


class StoredProfiles(KnownProfiles):
    """Implements `api.platform.ProfileLists` on a graph store. A search for a whole e-mail or phone
    number goes through its keyed hash; any other is for a part of a text."""

    def __init__(self, store: GraphReading, rules: IdentityRules, ids: ProfileIds) -> None:
        super().__init__(store, rules)
        self._lists = store
        self._addressed = Addressed(store, rules, ids)

    async def page(
        self, order: str, span: Span, *, segment: str | None, search: str | None
    ) -> Page[Profile]:
        found = None if search is None else await self._addressed.profiles(search, segment)
        if found is not None:
            return page_of(found, order, span)
        return await self._lists.profile_page(order, span, segment=segment, search=search)

    async def count(self, *, segment: str | None, search: str | None) -> int | None:
        found = None if search is None else await self._addressed.profiles(search, segment)
        if found is not None:
            return len(found)
        try:
            async with asyncio.timeout(_COUNTING_S):
                return await self._lists.profile_count(segment=segment, search=search)
        except TimeoutError:
            return None
