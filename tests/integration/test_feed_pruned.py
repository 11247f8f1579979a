"""The worker lets old entries of the change feed go, and tells whoever asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphs import event, installation

from graph_schema.errors import FeedPruned
from graph_schema.model.change import IdentityChange
from graph_schema.model.time import DAY


async def test_what_is_older_than_the_horizon_goes_and_merges_stay(tmp_path: Path) -> None:
    async with installation(tmp_path / "graph.db") as graph:
        graph.keep_feed = 7 * DAY
        await graph.take(event("m1", 0, anonymous="a1"))
        await graph.work()
        await graph.take(event("m2", 1, anonymous="a1", user="u1"))
        await graph.work()
        before = await graph.store.changes((), 100)
        assert any(isinstance(entry.change, IdentityChange) for entry in before)
        graph.clock += 6 * DAY
        await graph.take(event("m3", 2, anonymous="a1"))
        await graph.work()
        assert (await graph.store.changes((), 100))[: len(before)] == before
        end = await graph.store.feed_end()
        graph.clock += 3 * DAY
        await graph.work()
        with pytest.raises(FeedPruned):
            await graph.store.changes((), 100)
        assert await graph.store.changes(end, 100) == []
        merges = [entry.change for entry in before if isinstance(entry.change, IdentityChange)]
        assert await graph.store.changes_by_ids([change.id for change in merges]) == merges
        await graph.take(event("m4", 3, anonymous="a1"))
        await graph.work()
        assert len(await graph.store.changes(end, 100)) == 1
