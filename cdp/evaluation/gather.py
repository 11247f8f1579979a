"""Reads a resolved graph for its evaluation: sessions with their profile and what their events say.

Everything is held in memory. The graph should be at rest: a profile that merges while it is read may be
met twice or not at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from graph_schema.model.change import ChangeKind, IdentityChange
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.rules import IdentityRules
from graph_schema.store import GraphStore, Page, Span, StoredSession
from identity.evaluation.subjects import AssignedSession, Heard, ResolvedGraph
from identity.normalise import Normaliser

PROFILES_AT_ONCE = 200
SESSIONS_AT_ONCE = 200
FIRST = 500
UNKNOWN = "unknown"

T = TypeVar("T")


async def gather(
    store: GraphStore, rules: IdentityRules, report: Callable[[float], None] = lambda share: None
) -> ResolvedGraph:
    """All sessions that belong to a profile, all identifiers, and how large merges were."""
    normaliser = Normaliser(rules)
    sessions: dict[str, AssignedSession] = {}
    identifiers: dict[Key, Identifier] = {}
    total = (await store.totals()).profiles
    done = 0
    async for profiles in _profile_ids(store):
        for identifier in await _pages(
            profiles,
            lambda ids, span: store.identifier_pages(ids, None, span),
            lambda found: (found.rank, found.first_at, found.key),
        ):
            identifiers[identifier.key] = identifier
        stored = await _pages(
            profiles,
            store.session_pages,
            lambda found: (found.session.started_at, found.session.id),
        )
        for start in range(0, len(stored), SESSIONS_AT_ONCE):
            for session in await _heard(store, normaliser, stored[start:][:SESSIONS_AT_ONCE]):
                sessions[session.id] = session
        done += len(profiles)
        report(done / total if total else 1.0)
    return ResolvedGraph(tuple(sessions.values()), identifiers, await _merged(store))


async def _profile_ids(store: GraphStore) -> AsyncIterator[list[str]]:
    after = ""
    while ids := await store.profile_ids_after(after, PROFILES_AT_ONCE):
        yield ids
        after = ids[-1]


async def _heard(
    store: GraphStore, normaliser: Normaliser, stored: Sequence[StoredSession]
) -> list[AssignedSession]:
    profiles = {found.session.id: found for found in stored}
    events: dict[str, list[Heard]] = {id_: [] for id_ in profiles}
    for found in await _pages(
        list(profiles),
        store.session_event_pages,
        lambda found: (found.event.at, found.event.message_id),
    ):
        event = found.event
        events[found.session].append(Heard(event.message_id, event.at, normaliser.names(event)))
    return [_assigned(found, events[id_]) for id_, found in profiles.items()]


def _assigned(found: StoredSession, events: list[Heard]) -> AssignedSession:
    session = found.session
    assert session.owner is not None and found.profile is not None
    return AssignedSession(
        session.id, session.device, session.user, session.owner, found.profile,
        session.facts.kind or UNKNOWN, tuple(events),
    )  # fmt: skip


async def _pages(
    ids: Sequence[str],
    fetch: Callable[[Sequence[str], Span], Awaitable[list[Page[T]]]],
    keyset: Callable[[T], tuple[object, ...]],
) -> list[T]:
    """All items of all lists; the long ones page by page, all that are not at their end at once."""
    found: list[T] = []
    for id_, page in zip(ids, await fetch(ids, Span(FIRST)), strict=True):
        found += page.items
        while page.has_next:
            (page,) = await fetch([id_], Span(FIRST, after=keyset(page.items[-1])))
            found += page.items
    return found


async def _merged(store: GraphStore) -> tuple[int, ...]:
    sizes: list[int] = []
    span = Span(FIRST)
    while True:
        page = await store.change_page([ChangeKind.MERGE], span)
        for entry in page.items:
            assert isinstance(entry.change, IdentityChange)
            sizes.append(max(len(part.identifiers) for part in entry.change.after))
        if not page.has_next:
            return tuple(sizes)
        last = page.items[-1].change
        assert isinstance(last, IdentityChange)
        span = Span(FIRST, after=(last.at, last.id))
