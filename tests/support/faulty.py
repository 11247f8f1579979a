"""A graph store in which things go wrong, as they do where others use it at the same time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from graph_schema.errors import BatchTooLarge, StoreConflict, StoreError, StoreUnavailable
from graph_schema.store import Batch, Checkpoint, Delta, GraphStore


class Faulty:
    """Hands everything on to a store. `conflicts`: how many of the batches fail, anywhere in them, and
    may be begun again. `most_events`: more are too many for one batch. `away`: nothing can be reached.
    `lost_replies`: how many of the batches are committed without the worker hearing of it."""

    def __init__(
        self,
        inner: GraphStore,
        rng: random.Random,
        conflicts: float = 0.0,
        lost_replies: float = 0.0,
        most_events: int = 1 << 30,
    ) -> None:
        self._inner = inner
        self._rng = rng
        self._conflicts = conflicts
        self._lost_replies = lost_replies
        self._most_events = most_events
        self.away = False
        self.failed = 0

    def __getattr__(self, name: str) -> Any:
        if self.away and name not in ("open", "close", "several_writers"):
            self.failed += 1
            raise StoreUnavailable(store="the graph", reason="it is away")
        return getattr(self._inner, name)

    @asynccontextmanager
    async def batch(self, expected: Checkpoint) -> AsyncIterator[Batch]:
        if self.away:
            self._fail(StoreUnavailable(store="the graph", reason="it is away"))
        fails_after = self._rng.randrange(25) if self._rng.random() < self._conflicts else None
        async with self._inner.batch(expected) as batch:
            wrapped: Any = _FaultyBatch(batch, fails_after, self)
            yield wrapped
            if fails_after is not None:
                self._fail(StoreConflict(store="the graph"))
        if self._rng.random() < self._lost_replies:
            self._fail(StoreUnavailable(store="the graph", reason="the connection broke"))

    def _fail(self, error: StoreError) -> None:
        self.failed += 1
        raise error


class _FaultyBatch:
    def __init__(self, inner: Batch, fails_after: int | None, store: Faulty) -> None:
        self._inner = inner
        self._left = fails_after
        self._store = store

    async def write(self, delta: Delta) -> None:
        if len(delta.events) > self._store._most_events:
            self._store._fail(BatchTooLarge(store="the graph"))
        await self._inner.write(delta)

    def __getattr__(self, name: str) -> Any:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                self._store._fail(StoreConflict(store="the graph"))
        return getattr(self._inner, name)
