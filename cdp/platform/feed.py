"""Following the change feed, also of a worker in another process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from graph_schema.errors import StoreUnavailable
from graph_schema.model.change import FeedEntry, beyond, lies_behind
from graph_schema.store import GraphReading

POLL_S = 0.01
IDLE_POLL_S = 0.05
AWAY_S = 1.0
_AT_ONCE = 500


class PolledFeed:
    """Implements `api.platform.Feed`. One reader polls the store for everybody who follows, so the
    cost does not grow with the number of subscriptions; each follower has its own position."""

    def __init__(self, store: GraphReading) -> None:
        self._store = store
        self._news = asyncio.Condition()
        self._end: tuple[int, ...] = ()
        self._followers = 0
        self._poller: asyncio.Task[None] | None = None

    async def position(self) -> tuple[int, ...]:
        return await self._store.feed_end()

    async def follow(self, after: tuple[int, ...]) -> AsyncIterator[FeedEntry]:
        self._followers += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="change feed")
        position = after
        try:
            while True:
                entries = await self._store.changes(position, _AT_ONCE)
                for entry in entries:
                    position = beyond(position, entry)
                    yield entry
                if not entries:
                    await self._news_after(position)
        finally:
            self._followers -= 1
            if self._followers == 0 and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    async def _news_after(self, position: tuple[int, ...]) -> None:
        async with self._news:
            await self._news.wait_for(lambda: lies_behind(position, self._end))

    async def _poll(self) -> None:
        while True:
            try:
                end = await self._store.feed_end()
            except StoreUnavailable:
                # Whoever follows waits for the graph: its changes come when it is there again.
                await asyncio.sleep(AWAY_S)
                continue
            if end != self._end:
                async with self._news:
                    self._end = end
                    self._news.notify_all()
                await asyncio.sleep(POLL_S)
            else:
                await asyncio.sleep(IDLE_POLL_S)
