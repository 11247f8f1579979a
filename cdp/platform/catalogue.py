"""The catalogue in memory, kept up to date from the change feed.

Before each answer one short read tells whether the feed has gone on; then only the items that it names
are read. Who is far behind goes on in the background, and what was known before serves meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from cdp.platform.shelf import Shelf
from graph_schema.errors import FeedPruned
from graph_schema.model.change import ItemsTouched, beyond, lies_behind
from graph_schema.model.item import Item
from graph_schema.store import GraphReading

CHUNK = 1_000
PATIENCE_S = 0.05
"""So long an answer waits for the items that have changed."""


class Catalogue:
    """All items of the graph by id. Belongs to one event loop."""

    def __init__(self, store: GraphReading) -> None:
        self._store = store
        self._items: dict[str, Item] = {}
        self._position: tuple[int, ...] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._shelves: WeakSet[Shelf] = WeakSet()

    @property
    def items(self) -> Mapping[str, Item]:
        """As they were read last. Not to be changed."""
        return self._items

    async def fresh(self) -> bool:
        """Reads what has changed. True: the items, and the shelves, are as they are now; False: more
        has changed than can be read at once, and they are as they were a moment ago. Only the first
        call of all waits until all items are read. Raises StoreUnavailable where the graph cannot be
        read."""
        if self._position is None:
            await asyncio.shield(self._read())
        end = await self._store.feed_end()
        for _ in range(2):  # the reading under way may have begun before this end
            if self._position is not None and not _differ(self._position, end):
                return True
            reading = self._read()
            done, _ = await asyncio.wait({reading}, timeout=PATIENCE_S)
            if not done:
                return False
            reading.result()
        return self._position is not None and not lies_behind(self._position, end)

    async def shelf(self, item_ids: tuple[str, ...]) -> Shelf:
        """The columns in the order of those items, made in a thread, and kept up to date from then on
        for as long as somebody holds them."""
        await self.fresh()
        before = dict(self._items)
        shelf = await asyncio.to_thread(Shelf, item_ids, before)
        shelf.put(_changed(before, self._items))
        self._shelves.add(shelf)
        return shelf

    def _read(self) -> asyncio.Task[None]:
        """The reading under way, or a new one: there is one at a time."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._catch_up(), name="catalogue")
            self._reading.add_done_callback(retrieved)
        return self._reading

    async def _catch_up(self) -> None:
        position = self._position
        if position is None or lies_behind(await self._store.feed_end(), position):
            # Of a graph that was derived anew the feed may be shorter than what was read.
            await self._read_whole()
            return
        touched: set[str] = set()
        try:
            while entries := await self._store.changes(position, CHUNK):
                for entry in entries:
                    position = beyond(position, entry)
                    if isinstance(entry.change, ItemsTouched):
                        touched.update(entry.change.ids)
        except FeedPruned:
            await self._read_whole()
            return
        await self._put(sorted(touched))
        self._position = position

    async def _read_whole(self) -> None:
        position = await self._store.feed_end()
        items: dict[str, Item] = {}
        after = ""
        while chunk := await self._store.items_after(after, CHUNK):
            items |= {item.id: item for item in chunk}
            after = chunk[-1].id
        changed = _changed(self._items, items)
        self._items, self._position = items, position
        self._tell(changed)

    async def _put(self, ids: list[str]) -> None:
        for begin in range(0, len(ids), CHUNK):
            part = ids[begin : begin + CHUNK]
            now = dict(zip(part, await self._store.items_by_ids(part), strict=True))
            self._items.update((id_, item) for id_, item in now.items() if item is not None)
            for id_ in (id_ for id_, item in now.items() if item is None):
                self._items.pop(id_, None)
            self._tell(now)

    def _tell(self, changed: Mapping[str, Item | None]) -> None:
        for shelf in self._shelves:
            shelf.put(changed)


def _differ(position: tuple[int, ...], end: tuple[int, ...]) -> bool:
    return lies_behind(position, end) or lies_behind(end, position)


def _changed(before: Mapping[str, Item], now: Mapping[str, Item]) -> dict[str, Item | None]:
    found: dict[str, Item | None] = {
        id_: item
        for id_, item in now.items()
        if (known := before.get(id_)) is not item and known != item
    }
    found.update((id_, None) for id_ in before.keys() - now.keys())
    return found


def retrieved(task: asyncio.Task[Any]) -> None:
    """Nobody may wait for it any more: what went wrong is told to who asks next."""
    if not task.cancelled():
        task.exception()
