"""Reading the events of sessions page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from graph_schema.store import GraphReading, Page, Span, StoredEvent

SESSIONS_AT_ONCE = 50
PAGE = 200
"""So at most some 10,000 events are held, however long a session is."""


async def events_by_session(
    store: GraphReading, sessions: Sequence[str]
) -> AsyncIterator[tuple[str, AsyncIterator[list[StoredEvent]]]]:
    """Each session with its events, oldest first, in pages. Each is to be read before the next."""
    firsts = await store.session_event_pages(sessions, Span(PAGE))
    for session, first in zip(sessions, firsts, strict=True):
        yield session, _pages(store, session, first)


async def event_pages(
    store: GraphReading, sessions: Sequence[str]
) -> AsyncIterator[list[StoredEvent]]:
    """The events of all the sessions, in pages."""
    async for _, pages in events_by_session(store, sessions):
        async for page in pages:
            yield page


async def _pages(
    store: GraphReading, session: str, page: Page[StoredEvent]
) -> AsyncIterator[list[StoredEvent]]:
    while True:
        if page.items:
            yield list(page.items)
        if not page.has_next:
            return
        last = page.items[-1].event
        after = (last.at, last.message_id)
        (page,) = await store.session_event_pages([session], Span(PAGE, after))
